// SPDX-License-Identifier: Apache-2.0
/*
 * stream: bytes through one TCP connection.
 *   stream take PORT             waits for one, reads to its end, and prints
 *                                MiB a second, from its first byte to its last
 *   stream give ADDRESS PORT SECONDS
 *                                connects, trying for 30 s, and writes so long
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE	 (256u << 10)
#define PATIENCE 30

static char buf[PIECE];

static void die(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int take(const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)atoi(port))};
	int one = 1;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	double start = 0;
	uint64_t sum = 0;
	ssize_t n;
	int fd;

	if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(listener, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(listener, 1))
		die("listen");
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		start = sum ? start : now();
		sum += (uint64_t)n;
	}
	if (n < 0 || !sum)
		die("read");
	printf("%.1f\n", (double)sum / (now() - start) / (1 << 20));
	return 0;
}

static int reach(const char *address, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)atoi(port))};
	double end = now() + PATIENCE;

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		die(address);
	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return fd;
		close(fd);
		if (now() > end)
			die("connect");
		usleep(100000);
	}
}

static int give(const char *address, const char *port, const char *seconds)
{
	int fd = reach(address, port);
	double end = now() + atof(seconds);

	while (now() < end) {
		if (write(fd, buf, sizeof(buf)) <= 0)
			die("write");
	}
	return close(fd);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "take") == 0)
		return take(argv[2]);
	if (argc == 5 && strcmp(argv[1], "give") == 0)
		return give(argv[2], argv[3], argv[4]);
	fputs("stream take PORT | stream give ADDRESS PORT SECONDS\n", stderr);
	return 2;
}
