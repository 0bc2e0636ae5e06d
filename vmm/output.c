// SPDX-License-Identifier: Apache-2.0
#include "vmm/output.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "vmm/thread.h"

#define RING	  65536u
#define PIECE	  4096u
#define WAIT_S	  1 /* a vCPU's patience with the reader */
#define FINISH_S  5 /* the patience at the end */
#define GATHER_MS 1

struct output {
	int fd;
	pthread_t thread;
	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t more;  /* there is something to write, or `stop` */
	pthread_cond_t less;  /* something was written, or `over` */
	uint64_t put;	      /* bytes ever put in */
	uint64_t done;	      /* bytes ever taken out */
	bool stalled;	      /* the reader was waited for in vain */
	bool stop;	      /* nothing more will be put in */
	bool over;	      /* the thread is through */
	struct output_end end;
	uint8_t ring[RING];
};

static struct timespec from_now(time_t seconds)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += seconds;
	return t;
}

/*
 * How much was written; -errno when there will never be more. In small pieces:
 * a reader that is slow must not look like one that takes nothing.
 */
static ssize_t write_some(struct output *o, const uint8_t *buf, size_t len)
{
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};
	ssize_t n = write(o->fd, buf, len < PIECE ? len : PIECE);

	if (n >= 0)
		return n;
	if (errno == EAGAIN)
		(void)poll(&p, 1, -1);
	else if (errno != EINTR)
		return -errno;
	return 0;
}

/* The next contiguous piece: 0 when there will be none. Holds the lock. */
static size_t wait_piece(struct output *o)
{
	uint64_t at;
	uint64_t len;

	while (o->put == o->done && !o->stop) {
		pthread_cond_wait(&o->more, &o->lock);
		if (o->stop)
			break;
		/* A guest writes bytes: let a few come together. */
		pthread_mutex_unlock(&o->lock);
		(void)poll(NULL, 0, GATHER_MS);
		pthread_mutex_lock(&o->lock);
	}
	at = o->done % RING;
	len = o->put - o->done;
	return len < RING - at ? len : RING - at;
}

static void *writer(void *arg)
{
	struct output *o = arg;
	size_t len;

	pthread_mutex_lock(&o->lock);
	while ((len = wait_piece(o))) {
		const uint8_t *piece = o->ring + o->done % RING;
		ssize_t n = (ssize_t)len;

		if (!o->end.error) {
			pthread_mutex_unlock(&o->lock);
			n = write_some(o, piece, len);
			pthread_mutex_lock(&o->lock);
		} else {
			o->end.dropped += len;
		}
		if (n < 0) {
			o->end.error = (int)n;
			continue;
		}
		o->done += (uint64_t)n;
		o->stalled = o->stalled && n == 0;
		pthread_cond_broadcast(&o->less);
	}
	o->over = true;
	pthread_cond_broadcast(&o->less);
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

int output_start(struct output **out, int fd)
{
	struct output *o = calloc(1, sizeof(*o));
	pthread_condattr_t attr;
	int r;

	if (!o)
		return -ENOMEM;
	o->fd = fd;
	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&o->more, &attr);
	pthread_cond_init(&o->less, &attr);
	pthread_condattr_destroy(&attr);
	r = thread_start(&o->thread, 0, writer, o);
	if (r < 0) {
		free(o);
		return r;
	}
	*out = o;
	return 0;
}

/* Room for one more byte. Holds the lock. */
static bool has_room(struct output *o)
{
	struct timespec until = from_now(WAIT_S);

	pthread_cond_signal(&o->more);
	while (o->put - o->done == RING && !o->stalled)
		o->stalled = pthread_cond_timedwait(&o->less, &o->lock,
						    &until) == ETIMEDOUT;
	return o->put - o->done < RING;
}

void output_put(struct output *o, const uint8_t *buf, size_t len)
{
	pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < len; i++) {
		if (o->put - o->done < RING || has_room(o))
			o->ring[o->put++ % RING] = buf[i];
		else
			o->end.dropped++;
	}
	pthread_cond_signal(&o->more);
	pthread_mutex_unlock(&o->lock);
}

/* Whether the thread came to its end. Holds the lock. */
static bool wait_over(struct output *o)
{
	uint64_t seen = o->done;
	struct timespec until = from_now(FINISH_S);

	while (!o->over) {
		int r = pthread_cond_timedwait(&o->less, &o->lock, &until);

		if (o->done != seen)
			until = from_now(FINISH_S);
		else if (r == ETIMEDOUT)
			return false;
		seen = o->done;
	}
	return true;
}

struct output_end output_finish(struct output *o)
{
	struct output_end end = {0, 0};
	bool over;

	if (!o)
		return end;
	pthread_mutex_lock(&o->lock);
	o->stop = true;
	pthread_cond_signal(&o->more);
	over = wait_over(o);
	end = o->end;
	if (!over)
		end.dropped += o->put - o->done;
	pthread_mutex_unlock(&o->lock);
	if (!over) {
		/* It is stuck in write(): memory and thread end with us. */
		pthread_detach(o->thread);
		return end;
	}
	pthread_join(o->thread, NULL);
	pthread_cond_destroy(&o->more);
	pthread_cond_destroy(&o->less);
	pthread_mutex_destroy(&o->lock);
	free(o);
	return end;
}
