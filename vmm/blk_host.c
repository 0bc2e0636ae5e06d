// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: each queue has a thread, which owns the ring of the driver and
 * the engine (io_uring or threads). It takes all requests there are, lets them
 * begin with one call, and gives back all that are complete with at most one
 * interrupt. While there is something to do the driver is asked for no
 * notifications. If more is under way, an answer waits for others at most twice
 * as long as an interrupt takes to send, which is measured: waiting then costs
 * little where it was in vain, and where it was not, one interrupt does for
 * many requests. After so many answers as many new requests are likely: the
 * driver is asked to notify of them when half of them are there, and the thread
 * looks by itself after the same time. At stop() it takes no more requests and
 * waits for those under way: afterwards nobody writes to the guest's memory.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/blk_req.h"
#include "vmm/thread.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"

#define QUIET_SECONDS 60
#define COST_MAX      100000 /* ns */

struct blk;

struct blk_queue {
	struct blk *blk;
	unsigned int index;
	struct blk_engine *eng; /* NULL: the queue is not used */
	pthread_t thread;
	_Atomic bool stop;
	bool failed;
	int64_t cost;	   /* ns to send an interrupt, the last ones' mean */
	uint16_t batch;	   /* answers given at a time; 1 once all is quiet */
	unsigned int busy; /* requests under way */
	unsigned int n_free;
	struct blk_req *unused[VIRTQ_SIZE_MAX];
	struct blk_req req[VIRTQ_SIZE_MAX];
};

struct blk {
	struct blk_disk disk; /* first, and its model first in it */
	struct virtio *v;
	const struct blk_engine_ops *ops;
	_Atomic int64_t quiet_until[BLK_TROUBLES]; /* s, CLOCK_MONOTONIC */
	struct blk_queue *queue[VIRTIO_BLK_QUEUES_MAX];
};

static void kick(struct blk_queue *q)
{
	uint64_t one = 1;

	if (write(virtio_kick_fd(q->blk->v, q->index), &one, sizeof(one)) < 0)
		return; /* the counter is full: that wakes it as well */
}

/* --- messages ------------------------------------------------------------- */

static const char *const trouble_text[BLK_TROUBLES] = {
	[BLK_FULL] = "the host has no room left for what the guest writes",
	[BLK_SHORT] = "the image is shorter than it was at the start",
	[BLK_ERROR] = "a request of the guest failed",
	[BLK_NO_HOLE] = ("its file system frees no blocks of a file: "
			 "what the guest discards stays allocated"),
};

/* A guest that goes on trying is no reason to go on telling. */
static bool may_tell(struct blk *b, enum blk_trouble what)
{
	struct timespec now;
	int64_t until = atomic_load(&b->quiet_until[what]);

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec >= until &&
	       atomic_compare_exchange_strong(&b->quiet_until[what], &until,
					      now.tv_sec + QUIET_SECONDS);
}

static void on_trouble(struct blk_disk *d, enum blk_trouble what, int code)
{
	struct blk *b = (struct blk *)d;
	char text[160];

	if (!may_tell(b, what))
		return;
	snprintf(text, sizeof(text), "%s%s%s", trouble_text[what],
		 code ? ": " : "", code ? strerror(-code) : "");
	virtio_say(b->v, text);
}

/* --- a queue's thread ----------------------------------------------------- */

/* The next thing of @r begins, or it is given back. */
static void advance(struct blk_queue *q, struct blk_req *r)
{
	struct blk *b = q->blk;

	if (blk_req_next(r, b->v)) {
		if (!atomic_load(&q->stop)) {
			b->ops->submit(q->eng, &r->io);
			return;
		}
		/* The rest of it, perhaps many GiB, is not waited for. */
		r->status = VIRTIO_BLK_S_IOERR;
	}
	virtio_blk_answer(&r->chain, r->status);
	virtq_push(&b->v->queue[q->index], r->chain.head,
		   (uint32_t)r->chain.in_len);
	q->unused[q->n_free++] = r;
	q->busy--;
}

/* How many there were. */
static unsigned int take_all(struct blk_queue *q)
{
	struct virtio *v = q->blk->v;
	struct virtq *vq = &v->queue[q->index];
	unsigned int taken = 0;
	int n = 0;

	/* More than the queue's size at a time only if a driver cheats. */
	while (q->n_free && !q->failed) {
		struct blk_req *r = q->unused[q->n_free - 1];

		n = virtq_pop(vq, &r->chain);
		if (n <= 0)
			break;
		n = blk_req_begin(r, v);
		if (n < 0)
			break;
		q->n_free--;
		q->busy++;
		taken++;
		advance(q, r);
	}
	if (n < 0) {
		q->failed = true;
		virtio_fail(v);
	}
	return taken;
}

/* How many there were. */
static unsigned int reap_all(struct blk_queue *q)
{
	struct blk_io *io;
	unsigned int n = 0;

	while ((io = q->blk->ops->reap(q->eng))) {
		struct blk_req *r = (struct blk_req *)io;

		blk_req_done(r, q->blk->v);
		advance(q, r);
		n++;
	}
	return n;
}

/* One that was held up meanwhile is no measure of the next. */
static void tell(struct blk_queue *q)
{
	uint64_t begin = vm_now_ns();
	int64_t took;

	if (!virtio_signal(q->blk->v, q->index))
		return;
	took = (int64_t)(vm_now_ns() - begin);
	if (took > COST_MAX)
		took = COST_MAX;
	q->cost += (took - q->cost) / 8;
}

/* Answers and requests of one round, and of those that may soon follow. */
static void do_round(struct blk_queue *q)
{
	unsigned int answers = reap_all(q), taken = take_all(q);

	if (answers && q->busy) {
		q->blk->ops->wait(q->eng, q->busy, 2 * q->cost);
		answers += reap_all(q);
		taken += take_all(q);
	}
	if (answers)
		q->batch = (uint16_t)answers;
	else if (!taken)
		q->batch = 1;
}

/* Nobody may wait without limit for more requests than one. */
static void rest(struct blk_queue *q)
{
	uint16_t n = (uint16_t)((q->batch + 1) / 2);
	bool more = !q->failed && q->n_free &&
		    virtq_wait_for(&q->blk->v->queue[q->index], n);

	q->blk->ops->wait(q->eng, more ? 0 : 1, n > 1 ? 2 * q->cost : -1);
}

static void *queue_thread(void *arg)
{
	struct blk_queue *q = arg;
	struct virtio *v = q->blk->v;

	q->blk->ops->enter(q->eng);
	for (;;) {
		bool stop = atomic_load(&q->stop);

		virtq_busy(&v->queue[q->index]);
		if (stop)
			reap_all(q);
		else
			do_round(q);
		tell(q);
		if (!stop)
			rest(q);
		else if (q->busy)
			q->blk->ops->wait(q->eng, 1, -1);
		else
			break;
	}
	q->blk->ops->leave(q->eng);
	return NULL;
}

/* --- start and stop ------------------------------------------------------- */

static void queue_stop(struct blk_queue *q)
{
	if (!q->eng)
		return;
	atomic_store(&q->stop, true);
	kick(q);
	pthread_join(q->thread, NULL);
	q->blk->ops->close(q->eng);
	q->eng = NULL;
}

static int queue_start(struct blk_queue *q)
{
	struct blk *b = q->blk;
	int r;

	atomic_store(&q->stop, false);
	q->failed = false;
	q->cost = 0;
	q->batch = 1;
	q->busy = 0;
	q->n_free = 0;
	while (q->n_free < VIRTQ_SIZE_MAX) {
		q->unused[q->n_free] = &q->req[q->n_free];
		q->n_free++;
	}
	r = b->ops->open(&q->eng, b->disk.file.fd,
			 virtio_kick_fd(b->v, q->index), VIRTQ_SIZE_MAX);
	if (r < 0)
		return r;
	kick(q); /* for what was there before */
	r = thread_start(&q->thread, "virtio-blk", queue_thread, q);
	if (r < 0) {
		b->ops->close(q->eng);
		q->eng = NULL;
	}
	return r;
}

static void blk_stop(struct virtio *v)
{
	struct blk *b = v->host;

	for (unsigned int i = 0; i < v->n_queues; i++)
		queue_stop(b->queue[i]);
	virtio_blk_reset(v);
}

static int blk_start(struct virtio *v)
{
	struct blk *b = v->host;
	int r = 0;

	for (unsigned int i = 0; i < v->n_queues && r == 0; i++) {
		if (virtq_live(&v->queue[i]))
			r = queue_start(b->queue[i]);
	}
	if (r < 0) {
		virtio_say(v, "no threads or rings can be had for it");
		blk_stop(v);
	}
	return r;
}

static const struct virtio_host_ops blk_host_ops = {blk_start, blk_stop};

/* --- making one ----------------------------------------------------------- */

static void blk_close(struct virtio *v)
{
	struct blk *b = v->host;

	for (unsigned int i = 0; i < VIRTIO_BLK_QUEUES_MAX && b->queue[i];
	     i++) {
		for (unsigned int j = 0; j < VIRTQ_SIZE_MAX; j++)
			free(b->queue[i]->req[j].bounce);
		free(b->queue[i]);
	}
	blk_file_close(&b->disk.file);
	free(b);
}

static int queues_make(struct blk *b, unsigned int n, struct err *e)
{
	for (unsigned int i = 0; i < n; i++) {
		b->queue[i] = calloc(1, sizeof(*b->queue[i]));
		if (!b->queue[i])
			return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc",
				       NULL);
		b->queue[i]->blk = b;
		b->queue[i]->index = i;
	}
	return 0;
}

/* Threads are slower, so whoever falls back on them is told. */
static int choose_engine(struct blk *b, enum conf_disk_io io, bool verbose,
			 struct err *e)
{
	int r = io == DISK_IO_THREADS ? -ENOSYS : blk_uring_probe();

	b->ops = r == 0 ? &blk_uring_ops : &blk_pool_ops;
	if (r < 0 && io == DISK_IO_URING)
		return err_set(e, r, ERR_DISK_URING, NULL, NULL);
	if (r < 0 && io == DISK_IO_AUTO && verbose)
		virtio_say(b->v, "the kernel refuses io_uring: threads do it");
	return 0;
}

static void model_make(struct blk *b, const struct conf_disk *d,
		       unsigned int queues)
{
	struct virtio_blk *m = &b->disk.model;
	const struct blk_file *f = &b->disk.file;

	m->sectors = f->bytes / VIRTIO_BLK_SECTOR;
	m->block_size = f->block_size;
	m->physical_size = f->physical_size;
	m->optimal_size = f->optimal_size;
	m->queues = (uint16_t)queues;
	m->readonly = d->readonly;
	m->discard = d->discard && !d->readonly;
	memcpy(m->id, d->serial, strnlen(d->serial, sizeof(m->id)));
	atomic_store(&m->writeback, true);
}

static unsigned int queues_of(const struct conf *c, const struct conf_disk *d)
{
	unsigned int n = d->queues ? d->queues : c->cpus;

	return n < VIRTIO_BLK_QUEUES_MAX ? n : VIRTIO_BLK_QUEUES_MAX;
}

int blk_host_open(struct virtio_unit *u, const struct conf *c,
		  unsigned int index, struct err *e)
{
	struct conf_disk d = c->disk[index];
	unsigned int n = queues_of(c, &d);
	struct blk *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	b->v = &u->v;
	b->disk.file.fd = -1;
	b->disk.trouble = on_trouble;
	u->v.ops = &virtio_blk_ops;
	u->v.host_ops = &blk_host_ops;
	u->v.host = b;
	u->v.n_queues = n;
	u->close = blk_close;
	/* What it looks like after a reboot is its guest's doing. */
	d.raw = d.raw || (u->vm && u->vm->restarts);
	r = blk_file_open(&b->disk.file, &d, e);
	if (r == 0)
		r = choose_engine(b, d.io, c->verbose, e);
	if (r == 0)
		r = queues_make(b, n, e);
	if (r < 0)
		return r;
	if (b->disk.file.unlocked)
		virtio_say(&u->v, "its file system has no locks: nothing keeps "
				  "others from writing to it");
	model_make(b, &d, n);
	u->v.offered = virtio_blk_features(&b->disk.model);
	return 0;
}
