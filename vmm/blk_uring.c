// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: one ring for each queue, used by the queue's thread alone.
 * What was submitted goes to the kernel, and what is complete comes back, in
 * one system call for all of it. A poll of the queue's eventfd that stays
 * armed is part of the ring: new requests and completions are waited for in
 * the same place, and the eventfd is never read. Registered buffers would pin
 * all of the guest's RAM, so there are none.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/blk_io.h"

struct blk_engine {
	struct io_uring ring;
	int fd;
	int kick_fd;
	bool fixed;	   /* the file is registered */
	bool disabled;	   /* until the thread begins */
	unsigned int busy; /* under way */
};

/*
 * Best first: completions only when we look for them (Linux 6.1), at least
 * without interrupting us (5.19), or as it was.
 */
static int ring_open(struct blk_engine *eng, unsigned int depth)
{
	static const unsigned int flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			IORING_SETUP_R_DISABLED,
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	int r = -EINVAL;

	for (unsigned int i = 0; r == -EINVAL && i < 3; i++) {
		struct io_uring_params p = {
			.flags = flags[i] | IORING_SETUP_CQSIZE,
			.cq_entries = 4 * depth,
		};

		r = io_uring_queue_init_params(depth, &eng->ring, &p);
		eng->disabled = flags[i] & IORING_SETUP_R_DISABLED;
		if (r < 0)
			continue;
		/* Linux 5.13, which is also where polls stay armed. */
		if (p.features & IORING_FEAT_RSRC_TAGS)
			return 0;
		io_uring_queue_exit(&eng->ring);
		r = -ENOSYS;
	}
	return r;
}

/* The ring makes room when it is told of what is in it. */
static struct io_uring_sqe *sqe_get(struct blk_engine *eng)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&eng->ring);

	while (!sqe) {
		io_uring_submit(&eng->ring);
		sqe = io_uring_get_sqe(&eng->ring);
	}
	return sqe;
}

static void kick_arm(struct blk_engine *eng)
{
	struct io_uring_sqe *sqe = sqe_get(eng);

	io_uring_prep_poll_multishot(sqe, eng->kick_fd, POLLIN);
	io_uring_sqe_set_data(sqe, NULL);
}

static int uring_open(struct blk_engine **out, int fd, int kick_fd,
		      unsigned int depth)
{
	struct blk_engine *eng = calloc(1, sizeof(*eng));
	int r;

	if (!eng)
		return -ENOMEM;
	r = ring_open(eng, depth);
	if (r < 0) {
		free(eng);
		return r;
	}
	eng->fd = fd;
	eng->kick_fd = kick_fd;
	eng->fixed = io_uring_register_files(&eng->ring, &fd, 1) == 0;
	*out = eng;
	return 0;
}

static void uring_close(struct blk_engine *eng)
{
	io_uring_queue_exit(&eng->ring);
	free(eng);
}

/* From now on the ring is this thread's. liburing 2.3 exports no function. */
static void uring_enter(struct blk_engine *eng)
{
	if (eng->disabled)
		(void)syscall(__NR_io_uring_register, eng->ring.ring_fd,
			      IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	kick_arm(eng);
}

/*
 * The kernel takes a ring apart some time after it was closed. The file would
 * be open until then, and locked for who starts next.
 */
static void uring_leave(struct blk_engine *eng)
{
	if (eng->fixed)
		io_uring_unregister_files(&eng->ring);
	eng->fixed = false;
}

static void prepare(struct io_uring_sqe *sqe, int fd, const struct blk_io *io)
{
	const struct iovec *v = io->iov;
	unsigned int len = io->n_iov == 1 ? (unsigned int)v->iov_len : 0;

	switch (io->kind) {
	case BLK_IO_READ:
		if (io->n_iov == 1)
			io_uring_prep_read(sqe, fd, v->iov_base, len, io->off);
		else
			io_uring_prep_readv(sqe, fd, v, io->n_iov, io->off);
		break;
	case BLK_IO_WRITE:
		if (io->n_iov == 1)
			io_uring_prep_write(sqe, fd, v->iov_base, len, io->off);
		else
			io_uring_prep_writev(sqe, fd, v, io->n_iov, io->off);
		sqe->rw_flags = io->durable ? RWF_DSYNC : 0;
		break;
	case BLK_IO_SYNC:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	case BLK_IO_PUNCH:
		io_uring_prep_fallocate(
			sqe, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)io->off, (off_t)io->len);
		break;
	case BLK_IO_ZERO:
		io_uring_prep_fallocate(
			sqe, fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
			(off_t)io->off, (off_t)io->len);
		break;
	}
}

static void uring_submit(struct blk_engine *eng, struct blk_io *io)
{
	struct io_uring_sqe *sqe = sqe_get(eng);

	prepare(sqe, eng->fixed ? 0 : eng->fd, io);
	if (eng->fixed)
		io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data(sqe, io);
	eng->busy++;
}

static void uring_wait(struct blk_engine *eng, unsigned int n, int64_t ns)
{
	struct __kernel_timespec limit = {ns / 1000000000, ns % 1000000000};
	struct io_uring_cqe *first;

	if (n && ns >= 0)
		io_uring_submit_and_wait_timeout(&eng->ring, &first, n, &limit,
						 NULL);
	else if (n)
		io_uring_submit_and_wait(&eng->ring, n);
	else if (eng->busy)
		io_uring_submit_and_get_events(&eng->ring);
}

static struct blk_io *uring_reap(struct blk_engine *eng)
{
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(&eng->ring, &cqe) == 0) {
		struct blk_io *io = io_uring_cqe_get_data(cqe);
		bool armed = cqe->flags & IORING_CQE_F_MORE;

		if (io)
			io->res = cqe->res;
		io_uring_cqe_seen(&eng->ring, cqe);
		if (io) {
			eng->busy--;
			return io;
		}
		if (!armed)
			kick_arm(eng);
	}
	return NULL;
}

const struct blk_engine_ops blk_uring_ops = {
	.name = "io_uring",
	.open = uring_open,
	.close = uring_close,
	.enter = uring_enter,
	.leave = uring_leave,
	.submit = uring_submit,
	.wait = uring_wait,
	.reap = uring_reap,
};

int blk_uring_probe(void)
{
	struct blk_engine eng = {.fd = -1};
	int r = ring_open(&eng, 4);

	if (r == 0)
		io_uring_queue_exit(&eng.ring);
	return r;
}
