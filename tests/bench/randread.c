// SPDX-License-Identifier: Apache-2.0
/*
 * randread DEVICE THREADS SECONDS [sequential]: reads 4 KiB at random places of
 * a block device, or 1 MiB after the other, past the page cache, one read at a
 * time in each thread, and prints how many were done per second.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	    4096u
#define SEQUENTIAL  (1u << 20)
#define THREADS_MAX 64

static atomic_bool done;
static int device;
static uint64_t blocks;
static unsigned int block = BLOCK;

struct reader {
	pthread_t thread;
	uint64_t seed;
	uint64_t n;
	int error;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	uint64_t x = r->seed;
	void *buf;

	if (posix_memalign(&buf, BLOCK, block)) {
		r->error = ENOMEM;
		return NULL;
	}
	while (!atomic_load(&done)) {
		uint64_t at;

		/* Knuth's linear congruential generator for 64 bits */
		x = x * 6364136223846793005u + 1442695040888963407u;
		at = block == BLOCK ? x >> 33 : r->seed + r->n;
		if (pread(device, buf, block, (off_t)(at % blocks * block)) !=
		    (ssize_t)block) {
			r->error = errno ? errno : EIO;
			break;
		}
		r->n++;
	}
	free(buf);
	return NULL;
}

static int give_up(const char *what, int error)
{
	fprintf(stderr, "randread: %s: %s\n", what, strerror(error));
	return 1;
}

int main(int argc, char **argv)
{
	static struct reader reader[THREADS_MAX];
	uint64_t bytes, n = 0;
	struct timespec t0, t1;
	int i, threads;

	threads = argc == 4 || argc == 5 ? atoi(argv[2]) : 0;
	if (threads < 1 || threads > THREADS_MAX)
		return give_up("DEVICE THREADS SECONDS [sequential]", EINVAL);
	if (argc == 5)
		block = SEQUENTIAL;
	device = open(argv[1], O_RDONLY | O_DIRECT);
	if (device < 0 || ioctl(device, BLKGETSIZE64, &bytes) < 0)
		return give_up(argv[1], errno);
	blocks = bytes / block;
	if (!blocks)
		return give_up(argv[1], ENOSPC);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (i = 0; i < threads; i++) {
		reader[i].seed = (uint64_t)i + 1;
		if (pthread_create(&reader[i].thread, NULL, read_on,
				   &reader[i]))
			return give_up("thread", errno);
	}
	sleep((unsigned int)atoi(argv[3]));
	atomic_store(&done, true);
	for (i = 0; i < threads; i++) {
		pthread_join(reader[i].thread, NULL);
		if (reader[i].error)
			return give_up(argv[1], reader[i].error);
		n += reader[i].n;
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("%.1f\n", (double)n / ((double)(t1.tv_sec - t0.tv_sec) +
				      (double)(t1.tv_nsec - t0.tv_nsec) / 1e9));
	return 0;
}
