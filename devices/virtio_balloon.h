/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_VIRTIO_BALLOON_H
#define DEVICES_VIRTIO_BALLOON_H

#include "core/virtio.h"

/*
 * Memory balloon (virtio-1.3 5.5): the driver names pages that it does without,
 * in numbers of 4 KiB, and reports memory that happens to be free.
 */
extern const struct virtio_ops virtio_balloon_ops;

#define VIRTIO_BALLOON_INFLATE 0u
#define VIRTIO_BALLOON_DEFLATE 1u
/*
 * virtio-1.3 5.5.2 gives reporting number 4; Linux counts only queues whose
 * feature was agreed on, and arrives at 2. As neither of the two features that
 * are in between is offered, it is whichever of these the driver uses.
 */
#define VIRTIO_BALLOON_REPORT 2u
#define VIRTIO_BALLOON_QUEUES 5u

#define VIRTIO_BALLOON_PAGE   4096u
/* The largest host page there is: 64 KiB. */
#define VIRTIO_BALLOON_PARTS_MAX 16u

/* What the model has to know; v->host begins with it. */
struct virtio_balloon {
	uint32_t wanted;	 /* pages that the driver shall give */
	_Atomic uint32_t actual; /* what it says it gave */
};

uint64_t virtio_balloon_features(void);

/* Up to @max page numbers of @c, behind the first @skip; how many. */
unsigned int virtio_balloon_pfns(const struct virtq_chain *c, uint64_t skip,
				 uint32_t *pfn, unsigned int max);

/*
 * Which 4 KiB parts of each page of the host are in the balloon: one is given
 * back when all of it is.
 */
struct balloon_map {
	const struct gmem *mem;
	uint64_t page;	/* of the host: 4 to 64 KiB */
	uint16_t *part; /* balloon_map_len() of them, zero; the caller's */
};

uint64_t balloon_map_len(const struct gmem *mem, uint64_t page);
/*
 * Page number @pfn is in the balloon. True: so is now the whole page of the
 * host at *gpa. Numbers that are not RAM are passed over.
 */
bool balloon_map_in(struct balloon_map *m, uint32_t pfn, uint64_t *gpa);
void balloon_map_out(struct balloon_map *m, uint32_t pfn);

/*
 * The whole pages of @page bytes within [at, at + len), as *len bytes from *at.
 * False: there is none.
 */
bool virtio_balloon_inside(uint64_t *at, uint64_t *len, uint64_t page);

#endif
