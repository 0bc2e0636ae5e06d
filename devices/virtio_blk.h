/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_VIRTIO_BLK_H
#define DEVICES_VIRTIO_BLK_H

#include <stdatomic.h>

#include "core/virtio.h"

/*
 * Block device (virtio-1.3 5.2): what it tells the driver, and what a request
 * means. Whoever carries requests out (struct virtio's `host`) begins with a
 * struct virtio_blk.
 */
extern const struct virtio_ops virtio_blk_ops;

#define VIRTIO_BLK_QUEUES_MAX 16u
#define VIRTIO_BLK_SECTOR     512u /* unit of the protocol, whatever blocks are */
#define VIRTIO_BLK_ID_LEN     20u
/* Ranges of one discard or write-zeroes request, and sectors of a range. */
#define VIRTIO_BLK_RANGES_MAX	 32u
#define VIRTIO_BLK_RANGE_SECTORS (1u << 22)

struct virtio_blk {
	uint64_t sectors;
	uint32_t block_size;	/* 512 or 4096: requests are multiples of it */
	uint32_t physical_size; /* a power of two from block_size on */
	uint32_t optimal_size;	/* bytes, 0: not known */
	uint16_t queues;
	bool readonly;
	bool discard;
	char id[VIRTIO_BLK_ID_LEN]; /* padded with zeros */
	/* the driver's choice, with VIRTIO_BLK_F_CONFIG_WCE */
	_Atomic bool writeback;
};

/* What is offered (struct virtio's `offered`). */
uint64_t virtio_blk_features(const struct virtio_blk *b);
/* After a reset: the cache's mode is no driver's choice any more. */
void virtio_blk_reset(struct virtio *v);
/* Whether a write counts only once it is on stable storage. */
bool virtio_blk_writethrough(const struct virtio *v);

enum virtio_blk_op {
	VIRTIO_BLK_READ,
	VIRTIO_BLK_WRITE,
	VIRTIO_BLK_FLUSH,
	VIRTIO_BLK_DISCARD,
	VIRTIO_BLK_ZERO,
	VIRTIO_BLK_DONE, /* nothing is left to do but to answer `status` */
};

struct virtio_blk_range {
	uint64_t off; /* bytes, inside the disk */
	uint64_t len; /* not 0 */
	bool unmap;   /* VIRTIO_BLK_ZERO: may be deallocated */
};

struct virtio_blk_request {
	enum virtio_blk_op op;
	uint8_t status; /* VIRTIO_BLK_S_*, of VIRTIO_BLK_DONE */
	uint64_t off;	/* read, write: bytes, inside the disk */
	uint64_t len;
	uint64_t data_off;     /* where the data begin in the chain's bytes */
	unsigned int n_ranges; /* discard, zero */
	struct virtio_blk_range range[VIRTIO_BLK_RANGES_MAX];
};

/*
 * Read request @c. What is wrong with it becomes its status; only a chain
 * without room for a status is the driver's breach: -EINVAL. What GET_ID asks
 * for is put into the chain at once.
 */
int virtio_blk_parse(const struct virtio *v, const struct virtq_chain *c,
		     struct virtio_blk_request *r);
/* Write @status where the driver looks for it. */
void virtio_blk_answer(const struct virtq_chain *c, uint8_t status);

#endif
