// SPDX-License-Identifier: Apache-2.0
/*
 * Where the kernel refuses io_uring: threads that each do one thing at a time.
 * They are started when there is more to do than there are of them. What is in
 * the page cache is read without them.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "vmm/blk_io.h"
#include "vmm/thread.h"

#define POOL_THREADS 16

struct list {
	struct blk_io *first;
	struct blk_io **end;
};

struct blk_engine {
	int fd;
	int kick_fd;
	bool cached;	    /* not O_DIRECT */
	int done_fd;	    /* eventfd: there is something in `done` */
	struct list reaped; /* the queue thread's own */
	pthread_t thread[POOL_THREADS];
	unsigned int n_threads;
	/* the rest under the mutex */
	pthread_mutex_t mutex;
	pthread_cond_t work;
	struct list todo;
	unsigned int n_todo;
	struct list done;
	unsigned int idle;
	bool stop;
};

static void list_init(struct list *l)
{
	l->first = NULL;
	l->end = &l->first;
}

static void list_add(struct list *l, struct blk_io *io)
{
	io->next = NULL;
	*l->end = io;
	l->end = &io->next;
}

static struct blk_io *list_take(struct list *l)
{
	struct blk_io *io = l->first;

	if (io)
		l->first = io->next;
	if (!l->first)
		l->end = &l->first;
	return io;
}

static void fd_write(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* the counter is full: that wakes as well */
}

static void fd_read(int fd)
{
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0)
		return; /* nothing was there */
}

/* --- the threads ---------------------------------------------------------- */

static int64_t carry_out(int fd, const struct blk_io *io)
{
	off_t off = (off_t)io->off, len = (off_t)io->len;
	ssize_t n;

	switch (io->kind) {
	case BLK_IO_READ:
		n = preadv(fd, io->iov, (int)io->n_iov, off);
		break;
	case BLK_IO_WRITE:
		n = pwritev(fd, io->iov, (int)io->n_iov, off);
		if (n > 0 && io->durable && fdatasync(fd) < 0)
			n = -1;
		break;
	case BLK_IO_SYNC:
		n = fdatasync(fd);
		break;
	case BLK_IO_PUNCH:
		n = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      off, len);
		break;
	default:
		n = fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
			      off, len);
		break;
	}
	return n < 0 ? -errno : n;
}

/* With the mutex, which is given up meanwhile. */
static void do_one(struct blk_engine *eng, struct blk_io *io)
{
	bool first;

	pthread_mutex_unlock(&eng->mutex);
	io->res = carry_out(eng->fd, io);
	pthread_mutex_lock(&eng->mutex);
	first = !eng->done.first;
	list_add(&eng->done, io);
	if (first)
		fd_write(eng->done_fd);
}

static void *pool_thread(void *arg)
{
	struct blk_engine *eng = arg;
	struct blk_io *io;

	pthread_mutex_lock(&eng->mutex);
	for (;;) {
		while ((io = list_take(&eng->todo))) {
			eng->n_todo--;
			do_one(eng, io);
		}
		if (eng->stop)
			break;
		eng->idle++;
		pthread_cond_wait(&eng->work, &eng->mutex);
		eng->idle--;
	}
	pthread_mutex_unlock(&eng->mutex);
	return NULL;
}

static int thread_add(struct blk_engine *eng)
{
	int r = thread_start(&eng->thread[eng->n_threads], "virtio-blk-pool",
			     pool_thread, eng);

	if (r == 0)
		eng->n_threads++;
	return r;
}

/* --- the queue's thread --------------------------------------------------- */

static void pool_close(struct blk_engine *eng)
{
	pthread_mutex_lock(&eng->mutex);
	eng->stop = true;
	pthread_cond_broadcast(&eng->work);
	pthread_mutex_unlock(&eng->mutex);
	while (eng->n_threads)
		pthread_join(eng->thread[--eng->n_threads], NULL);
	pthread_cond_destroy(&eng->work);
	pthread_mutex_destroy(&eng->mutex);
	close(eng->done_fd);
	free(eng);
}

static int pool_open(struct blk_engine **out, int fd, int kick_fd,
		     unsigned int depth)
{
	struct blk_engine *eng = calloc(1, sizeof(*eng));
	int r;

	(void)depth;
	if (!eng)
		return -ENOMEM;
	eng->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (eng->done_fd < 0) {
		r = -errno;
		free(eng);
		return r;
	}
	eng->fd = fd;
	eng->kick_fd = kick_fd;
	eng->cached = !(fcntl(fd, F_GETFL) & O_DIRECT);
	list_init(&eng->reaped);
	list_init(&eng->todo);
	list_init(&eng->done);
	pthread_mutex_init(&eng->mutex, NULL);
	pthread_cond_init(&eng->work, NULL);
	/* One at least, or nothing would ever be done. */
	r = thread_add(eng);
	if (r < 0) {
		pool_close(eng);
		return r;
	}
	*out = eng;
	return 0;
}

/* Its waits are of microseconds: the usual slack of 50 would be most of them.
 */
static void pool_enter(struct blk_engine *eng)
{
	(void)eng;
	(void)prctl(PR_SET_TIMERSLACK, 1ul);
}

static void pool_leave(struct blk_engine *eng)
{
	(void)eng;
}

/* Only what needs no waiting; the end of the file is for a thread to find. */
static bool read_cached(struct blk_engine *eng, struct blk_io *io)
{
	ssize_t n = -1;

	if (eng->cached && io->kind == BLK_IO_READ)
		n = preadv2(eng->fd, io->iov, (int)io->n_iov, (off_t)io->off,
			    RWF_NOWAIT);
	if (n <= 0)
		return false;
	io->res = n;
	list_add(&eng->reaped, io);
	return true;
}

static void pool_submit(struct blk_engine *eng, struct blk_io *io)
{
	bool lacking;

	if (read_cached(eng, io))
		return;
	pthread_mutex_lock(&eng->mutex);
	list_add(&eng->todo, io);
	lacking = ++eng->n_todo > eng->idle && eng->n_threads < POOL_THREADS;
	pthread_cond_signal(&eng->work);
	pthread_mutex_unlock(&eng->mutex);
	if (lacking)
		(void)thread_add(eng); /* or do it with those there are */
}

/*
 * What is complete is seen by reap(), so there is nothing to do but wait, for
 * the first thing only: threads merge what is complete by themselves.
 */
static void pool_wait(struct blk_engine *eng, unsigned int n, int64_t ns)
{
	struct timespec limit = {ns / 1000000000, ns % 1000000000};
	struct pollfd p[2] = {
		{.fd = eng->kick_fd, .events = POLLIN},
		{.fd = eng->done_fd, .events = POLLIN},
	};

	if (!n || eng->reaped.first ||
	    ppoll(p, 2, ns < 0 ? NULL : &limit, NULL) <= 0)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		if (p[i].revents)
			fd_read(p[i].fd);
	}
}

static struct blk_io *pool_reap(struct blk_engine *eng)
{
	struct blk_io *io = list_take(&eng->reaped);

	if (io)
		return io;
	pthread_mutex_lock(&eng->mutex);
	eng->reaped = eng->done;
	list_init(&eng->done);
	pthread_mutex_unlock(&eng->mutex);
	if (!eng->reaped.first)
		list_init(&eng->reaped);
	return list_take(&eng->reaped);
}

const struct blk_engine_ops blk_pool_ops = {
	.name = "threads",
	.open = pool_open,
	.close = pool_close,
	.enter = pool_enter,
	.leave = pool_leave,
	.submit = pool_submit,
	.wait = pool_wait,
	.reap = pool_reap,
};
