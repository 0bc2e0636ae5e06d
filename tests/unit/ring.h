/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_RING_H
#define TESTS_UNIT_RING_H

#include <string.h>

#include "core/virtq.h"

/*
 * The driver's side of one virtqueue in a piece of guest memory: for unit tests
 * of devices. Rings at 0, buffers wherever the test puts them.
 */

#define RING_SIZE 16u
#define RING_MEM  0x10000u
#define RING_BUF  0x1000u /* free from here on */

struct ring {
	_Alignas(4096) uint8_t mem[RING_MEM];
	struct gmem gmem;
	struct virtq q;
	uint16_t taken; /* used entries */
};

#define RING_AVAIL 0x400u
#define RING_USED  0x800u

static inline struct vring_desc *ring_desc(struct ring *r, unsigned int i)
{
	return (struct vring_desc *)(void *)r->mem + i;
}

static inline struct vring_avail *ring_avail(struct ring *r)
{
	return (struct vring_avail *)(void *)(r->mem + RING_AVAIL);
}

static inline struct vring_used *ring_used(struct ring *r)
{
	return (struct vring_used *)(void *)(r->mem + RING_USED);
}

/* @base: guest-physical address of the memory. The queue is not started. */
static inline void ring_init(struct ring *r, uint64_t base)
{
	memset(r, 0, sizeof(*r));
	(void)gmem_add(&r->gmem, (struct span){base, RING_MEM}, r->mem);
	virtq_reset(&r->q, RING_SIZE);
	r->q.regs.desc = base;
	r->q.regs.avail = base + RING_AVAIL;
	r->q.regs.used = base + RING_USED;
	r->q.regs.enabled = true;
}

static inline void ring_put(struct ring *r, unsigned int i, uint64_t addr,
			    uint32_t len, unsigned int flags, unsigned int next)
{
	*ring_desc(r, i) =
		(struct vring_desc){addr, len, (uint16_t)flags, (uint16_t)next};
}

static inline void ring_offer(struct ring *r, unsigned int head)
{
	struct vring_avail *a = ring_avail(r);

	a->ring[a->idx % r->q.regs.size] = (uint16_t)head;
	a->idx++;
}

/* The next used entry; false: there is none. */
static inline bool ring_take(struct ring *r, struct vring_used_elem *e)
{
	struct vring_used *u = ring_used(r);

	if (u->idx == r->taken)
		return false;
	*e = u->ring[r->taken++ % r->q.regs.size];
	return true;
}

#endif
