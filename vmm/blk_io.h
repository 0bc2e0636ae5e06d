/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_BLK_IO_H
#define VMM_BLK_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * What is to be done with a disk's file, and who does it: io_uring
 * (blk_uring.c) or threads (blk_pool.c).
 */

enum blk_io_kind {
	BLK_IO_READ,
	BLK_IO_WRITE,
	BLK_IO_SYNC,
	BLK_IO_PUNCH, /* deallocate: reads as zeros afterwards */
	BLK_IO_ZERO,
};

struct blk_io {
	enum blk_io_kind kind;
	bool durable; /* of a write: on stable storage when it completes */
	unsigned int n_iov;
	struct iovec *iov; /* of read and write */
	uint64_t off;
	uint64_t len;	     /* of the iov's altogether, or to be zeroed */
	int64_t res;	     /* bytes read or written, 0, or -errno */
	struct blk_io *next; /* the engine's while it has it */
};

/* Of one queue's thread; every function but open and close is called by it. */
struct blk_engine;

struct blk_engine_ops {
	const char *name;
	/*
	 * An engine for file @fd and at most @depth things at a time, which
	 * wakes when eventfd @kick_fd does. -errno.
	 */
	int (*open)(struct blk_engine **eng, int fd, int kick_fd,
		    unsigned int depth);
	/* Nothing is under way any more. From any thread. */
	void (*close)(struct blk_engine *eng);
	/* The thread begins, and ends: the file is let go then. */
	void (*enter)(struct blk_engine *eng);
	void (*leave)(struct blk_engine *eng);
	/* @io is the engine's until reap() returns it. */
	void (*submit)(struct blk_engine *eng, struct blk_io *io);
	/*
	 * Let begin what was submitted, and wait until @n things are complete
	 * (the eventfd's being signalled counts as one; 0: do not wait) or @ns
	 * nanoseconds are over (negative: without limit). May come back sooner.
	 */
	void (*wait)(struct blk_engine *eng, unsigned int n, int64_t ns);
	/* Something complete, or NULL. */
	struct blk_io *(*reap)(struct blk_engine *eng);
};

extern const struct blk_engine_ops blk_uring_ops;
extern const struct blk_engine_ops blk_pool_ops;

/* Whether this kernel lets us use io_uring as we do. 0 or -errno. */
int blk_uring_probe(void);

#endif
