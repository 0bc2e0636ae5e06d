// SPDX-License-Identifier: Apache-2.0
#include "vmm/output.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/thread.h"

/*
 * How it works: `put` and `done` count bytes for ever; those between them are
 * in the ring. Only the thread takes bytes out, but for the oldest ones that
 * give way while `nobody` is set, and then it has none of them in hand.
 *
 * Patience is time spent waiting for this reader, by however many threads at
 * once, since it had taken `paid` bytes. It is used up after WAIT_NS and
 * renewed by PIECE more bytes. A reader that takes a byte now and then would
 * otherwise hold the guest for ever.
 */

#define RING	  65536u
#define PIECE	  4096u
#define WAIT_NS	  1000000000u /* a vCPU's patience with the reader */
#define FINISH_NS 5000000000u /* the patience at the end */
#define LEAVE_NS  1000000000u /* for the thread to come out of write() */
#define GATHER_NS 1000000u
#define MUCH	  (RING / 4) /* is not gathered any longer */
#define TAKE_MS	  200

struct output {
	struct output_to to;
	pthread_t thread;
	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t more;  /* there is something to write, or to look at */
	pthread_cond_t less;  /* something was taken out, or `over` */
	uint64_t put;	      /* bytes ever put in */
	uint64_t done;	      /* bytes ever taken out */
	uint64_t paid;	      /* `done` when patience was last renewed */
	uint64_t waited;      /* ns of patience used up since */
	uint64_t since;	      /* the waiters began to wait */
	unsigned int waiters;
	uint64_t moved; /* bytes were last taken out, or `stop` */
	bool nobody;	/* to take it */
	bool again;	/* somebody may be there now */
	bool dead;	/* nothing can be written any more */
	bool stop;	/* nothing more will be put in */
	bool give_up;	/* and nobody waits for the rest */
	bool over;	/* the thread is through */
	struct output_end end;
	uint8_t ring[RING];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int wait_until(pthread_cond_t *c, pthread_mutex_t *m, uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000u),
			     (long)(ns % 1000000000u)};

	return pthread_cond_timedwait(c, m, &t);
}

void output_wait_fd(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	(void)poll(&p, 1, TAKE_MS);
}

ssize_t output_fd(void *ctx, const uint8_t *buf, size_t len)
{
	int fd = *(const int *)ctx;
	ssize_t n = write(fd, buf, len);

	if (n >= 0)
		return n;
	if (errno == EAGAIN)
		output_wait_fd(fd);
	else if (errno != EINTR)
		return -errno;
	return 0;
}

/* --- the thread. Its functions hold the lock. ----------------------------- */

/* A guest writes bytes: let a few come together. */
static void gather(struct output *o)
{
	uint64_t until;

	while (o->put == o->done && !o->stop)
		pthread_cond_wait(&o->more, &o->lock);
	until = now_ns() + GATHER_NS;
	while (o->put - o->done < MUCH && !o->stop && now_ns() < until)
		(void)wait_until(&o->more, &o->lock, until);
}

/* The next contiguous piece: 0 when there will be none. */
static size_t wait_piece(struct output *o)
{
	uint64_t at;
	uint64_t len;

	if (o->put == o->done)
		gather(o);
	at = o->done % RING;
	len = o->put - o->done;
	return len < RING - at ? len : RING - at;
}

static void wait_somebody(struct output *o)
{
	uint64_t until = now_ns() + o->to.again_ms * UINT64_C(1000000);
	int r = 0;

	o->nobody = true;
	pthread_cond_broadcast(&o->less);
	while (!o->again && !o->stop && r == 0)
		r = o->to.again_ms ? wait_until(&o->more, &o->lock, until)
				   : pthread_cond_wait(&o->more, &o->lock);
	o->again = false;
	o->nobody = false;
}

static void take_out(struct output *o, size_t len)
{
	o->done += len;
	if (len)
		o->moved = now_ns();
	if (o->done - o->paid >= PIECE) {
		o->paid = o->done;
		o->waited = 0;
		o->since = o->moved;
	}
	pthread_cond_broadcast(&o->less);
}

static void fail(struct output *o, int error, size_t len)
{
	if (!o->end.error)
		o->end.error = error;
	o->dead = error != -ENOSPC && error != -EDQUOT;
	o->end.dropped += len;
	take_out(o, len);
}

/*
 * In small pieces: a reader that is slow must not look like one that takes
 * nothing.
 */
static void write_piece(struct output *o, size_t len)
{
	const uint8_t *piece = o->ring + o->done % RING;
	bool last = o->stop; /* at the end, nobody is waited for */
	ssize_t n;

	if (o->dead) {
		fail(o, o->end.error, len);
		return;
	}
	len = len < PIECE ? len : PIECE;
	pthread_mutex_unlock(&o->lock);
	n = o->to.write(o->to.ctx, piece, len);
	pthread_mutex_lock(&o->lock);
	if (n >= 0)
		take_out(o, (size_t)n);
	else if (n != -ENOTCONN)
		fail(o, (int)n, len);
	else if (last)
		o->give_up = o->nobody = true;
	else
		wait_somebody(o);
}

static void *writer(void *arg)
{
	struct output *o = arg;
	size_t len;

	pthread_mutex_lock(&o->lock);
	while (!o->give_up && (len = wait_piece(o)))
		write_piece(o, len);
	o->over = true;
	pthread_cond_broadcast(&o->less);
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

int output_start(struct output **out, const struct output_to *to)
{
	struct output *o = calloc(1, sizeof(*o));
	pthread_condattr_t attr;
	int r;

	if (!o)
		return -ENOMEM;
	o->to = *to;
	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&o->more, &attr);
	pthread_cond_init(&o->less, &attr);
	pthread_condattr_destroy(&attr);
	r = thread_start(&o->thread, "output", writer, o);
	if (r < 0) {
		free(o);
		return r;
	}
	*out = o;
	return 0;
}

/* --- those who put in. These hold the lock, too. -------------------------- */

static size_t room(const struct output *o)
{
	return RING - (size_t)(o->put - o->done);
}

/* The oldest give way to @len bytes. */
static void make_way(struct output *o, size_t len)
{
	size_t has = room(o);

	if (has >= len)
		return;
	o->done += len - has;
	o->end.unseen += len - has;
	/* That no reader took them says nothing about the next one. */
	o->paid = o->done;
	o->waited = 0;
}

static uint64_t patience_end(const struct output *o)
{
	return o->since + WAIT_NS - o->waited;
}

/* Wait for room: how much there is, 0 if there is no patience left. */
static size_t wait_room(struct output *o)
{
	if (room(o) || o->nobody || o->waited >= WAIT_NS)
		return room(o);
	pthread_cond_signal(&o->more);
	if (o->waiters++ == 0)
		o->since = now_ns();
	while (!room(o) && !o->nobody && now_ns() < patience_end(o))
		(void)wait_until(&o->less, &o->lock, patience_end(o));
	if (--o->waiters == 0) {
		o->waited += now_ns() - o->since;
		if (o->waited > WAIT_NS)
			o->waited = WAIT_NS;
	}
	return room(o);
}

static void copy_in(struct output *o, const uint8_t *buf, size_t len)
{
	size_t at = (size_t)(o->put % RING);
	size_t first = len < RING - at ? len : RING - at;

	memcpy(o->ring + at, buf, first);
	memcpy(o->ring, buf + first, len - first);
	o->put += len;
}

/* @n bytes more: the thread waits for the first, and a moment for many. */
static void tell(struct output *o, size_t n)
{
	uint64_t now = o->put - o->done;
	uint64_t before = now - n;

	if (!o->nobody && now && (!before || (before < MUCH && now >= MUCH)))
		pthread_cond_signal(&o->more);
}

/* How many of @len bytes were dealt with. */
static size_t put_some(struct output *o, const uint8_t *buf, size_t len)
{
	size_t n = wait_room(o);

	if (o->nobody)
		n = RING;
	n = len < n ? len : n;
	if (o->nobody)
		make_way(o, n);
	copy_in(o, buf, n);
	return n;
}

void output_put(struct output *o, const uint8_t *buf, size_t len)
{
	pthread_mutex_lock(&o->lock);
	while (len) {
		size_t n = put_some(o, buf, len);

		if (!n)
			break;
		tell(o, n);
		buf += n;
		len -= n;
	}
	o->end.dropped += len;
	pthread_mutex_unlock(&o->lock);
}

void output_again(struct output *o)
{
	pthread_mutex_lock(&o->lock);
	o->again = true;
	pthread_cond_signal(&o->more);
	pthread_mutex_unlock(&o->lock);
}

/* --- the end -------------------------------------------------------------- */

void output_stop(struct output *o)
{
	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	if (!o->stop)
		o->moved = now_ns();
	o->stop = true;
	pthread_cond_signal(&o->more);
	pthread_mutex_unlock(&o->lock);
}

/* Whether the thread came to its end. Holds the lock. */
static bool wait_over(struct output *o, uint64_t patience_ns)
{
	while (!o->over && now_ns() < o->moved + patience_ns)
		(void)wait_until(&o->less, &o->lock, o->moved + patience_ns);
	return o->over;
}

static void output_free(struct output *o)
{
	pthread_join(o->thread, NULL);
	pthread_cond_destroy(&o->more);
	pthread_cond_destroy(&o->less);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

struct output_end output_finish(struct output *o)
{
	struct output_end end = {0};

	if (!o)
		return end;
	output_stop(o);
	pthread_mutex_lock(&o->lock);
	if (!wait_over(o, FINISH_NS)) {
		o->give_up = true;
		o->moved = now_ns();
		(void)wait_over(o, LEAVE_NS);
	}
	end = o->end;
	end.stuck = !o->over;
	if (o->nobody)
		end.unseen += o->put - o->done;
	else
		end.dropped += o->put - o->done;
	pthread_mutex_unlock(&o->lock);
	if (end.stuck) /* memory and thread end with us */
		pthread_detach(o->thread);
	else
		output_free(o);
	return end;
}
