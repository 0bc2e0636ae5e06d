/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_VIRTQ_H
#define CORE_VIRTQ_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "core/gmem.h"

/*
 * The device's side of a split virtqueue (virtio-1.3 2.7), with indirect
 * descriptors and event index. Whoever owns the queue at a moment, one thread,
 * pops chains, fills what the driver lets the device write, pushes them back
 * and asks whether the driver wants to hear of it. The rings are the guest's
 * and may change at any time: each descriptor is copied once and then judged.
 */

#define VIRTQ_SIZE_MAX 256u /* offered to drivers; a power of two */

/* As the driver sets them, while the queue is not enabled. */
struct virtq_regs {
	uint16_t size;
	uint64_t desc;	/* guest-physical, 16-byte aligned */
	uint64_t avail; /* driver area, 2-byte aligned */
	uint64_t used;	/* device area, 4-byte aligned */
	bool enabled;
};

struct virtq {
	struct virtq_regs regs;
	/* between virtq_start() and virtq_stop() */
	const struct gmem *mem; /* NULL: not live */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	bool event_idx;
	bool indirect;
	bool broken;	    /* the driver broke the rules: no more pops */
	uint16_t seen;	    /* avail entries taken */
	uint16_t done;	    /* used entries given */
	uint16_t signalled; /* value of `done` at the last notification */
};

/*
 * One request: first what the device reads, then what it writes, and how many
 * bytes each is altogether. Points into guest memory.
 */
struct virtq_chain {
	uint16_t head;
	unsigned int n_out;
	unsigned int n_in;
	uint64_t out_len;
	uint64_t in_len;
	struct iovec iov[VIRTQ_SIZE_MAX]; /* n_out, then n_in of them */
};

/* Registers as after a reset: @size is the largest that is offered. */
void virtq_reset(struct virtq *q, uint16_t size);
/*
 * Make an enabled queue live. @features: VIRTIO_RING_F_* bits of what was
 * negotiated. -EINVAL: size or addresses are wrong, and nothing changed.
 */
int virtq_start(struct virtq *q, const struct gmem *mem, uint64_t features);
void virtq_stop(struct virtq *q);
static inline bool virtq_live(const struct virtq *q)
{
	return q->mem != NULL;
}

/*
 * The next request. 1: *c is one; 0: there is none; -EINVAL: the driver broke
 * the rules (a loop, an index or address out of range, writable before
 * readable, ...): the queue is broken and the device needs a reset. A queue
 * that is not live has none.
 */
int virtq_pop(struct virtq *q, struct virtq_chain *c);
/*
 * Take back the last pop: the chain is popped again next time. Only if nothing
 * was popped after it.
 */
void virtq_unpop(struct virtq *q);
/* Give chain @head back, @written bytes of it having been written. */
void virtq_push(struct virtq *q, uint16_t head, uint32_t written);
/*
 * The same for several that the driver has to see at once: nothing of what is
 * staged is visible before virtq_publish().
 */
void virtq_stage(struct virtq *q, uint16_t head, uint32_t written);
void virtq_publish(struct virtq *q);
/* Whether the driver wants an interrupt for what was pushed since last asked.
 */
bool virtq_signal_due(struct virtq *q);
/*
 * Ask the driver to notify of new requests. True: some are there already, so
 * pop again rather than wait. virtq_busy() says that none is needed.
 */
bool virtq_wait(struct virtq *q);
/*
 * The same for the moment when there are @n new requests, 1 or more. Fewer may
 * be all there will ever be: do not wait without limit for more than one.
 * Without event index the driver notifies of each.
 */
bool virtq_wait_for(struct virtq *q, uint16_t n);
void virtq_busy(struct virtq *q);

/*
 * Copy up to @len bytes at offset @off of what the device reads (out) or
 * writes (in). How many bytes there were.
 */
size_t virtq_copy_out(const struct virtq_chain *c, uint64_t off, void *buf,
		      size_t len);
size_t virtq_copy_in(const struct virtq_chain *c, uint64_t off, const void *buf,
		     size_t len);
/*
 * The part [off, off + len) of the readable (@in false) or writable bytes as
 * pieces in @iov, which has room for @max: how many there are. Stops where
 * bytes or room end.
 */
unsigned int virtq_slice(const struct virtq_chain *c, bool in, uint64_t off,
			 uint64_t len, struct iovec *iov, unsigned int max);

#endif
