/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_BLK_REQ_H
#define VMM_BLK_REQ_H

#include <stdatomic.h>

#include "devices/virtio_blk.h"
#include "vmm/blk_file.h"
#include "vmm/blk_io.h"

/*
 * From a driver's request to what is to be done with the file, one thing after
 * the other. Short reads and writes are continued, buffers that O_DIRECT does
 * not take are copied, and what a file system cannot do is done otherwise. No
 * system call is made here.
 */

enum blk_trouble {
	BLK_FULL,    /* ENOSPC and the like */
	BLK_SHORT,   /* the file is shorter than it was */
	BLK_ERROR,   /* EIO and anything else */
	BLK_NO_HOLE, /* the file system has no holes: discards do nothing */
	BLK_TROUBLES,
};

/* What requests of all queues share. */
struct blk_disk {
	struct virtio_blk model; /* first: struct virtio's host */
	struct blk_file file;
	_Atomic bool no_punch; /* the file system cannot */
	_Atomic bool no_zero;
	/* tell the user; from any queue's thread; @code: -errno or 0 */
	void (*trouble)(struct blk_disk *d, enum blk_trouble what, int code);
};

/* Bytes that are copied at a time where O_DIRECT wants it. */
#define BLK_BOUNCE (64u << 10)

struct blk_req {
	struct blk_io io; /* first: what an engine hands back */
	struct virtq_chain chain;
	struct virtio_blk_request r;
	uint64_t done;	    /* bytes of r.len, or of the range */
	unsigned int range; /* of discard and zero */
	bool synced;	    /* nothing but the answer is left */
	uint8_t status;	    /* once it is finished */
	void *bounce;	    /* NULL: never needed one yet */
	bool bounced;	    /* the io is by way of it */
	struct iovec iov[VIRTQ_SIZE_MAX];
};

/* Read q->chain. -EINVAL: the driver broke the rules. */
int blk_req_begin(struct blk_req *q, const struct virtio *v);
/*
 * True: q->io is to be done next, blk_req_done() being due when it is complete.
 * False: the request is finished, q->status says how.
 */
bool blk_req_next(struct blk_req *q, const struct virtio *v);
void blk_req_done(struct blk_req *q, const struct virtio *v);

#endif
