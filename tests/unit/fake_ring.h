/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_RING_H
#define TESTS_UNIT_FAKE_RING_H

#include "vmm/virtio.h"

/*
 * The driver's side for host sides of virtio devices: guest RAM, rings in it
 * and an eventfd for each interrupt, without a transport. All queues are live
 * after fake_ring_up(); what stands in the avail ring comes from fake_ring_*.
 */

#define FAKE_RING_SIZE 16u
#define FAKE_RING_RAM  (4u << 20)
#define FAKE_RING_DATA 0x100000u /* guest-physical: free from here on */

struct fake_ring {
	struct virtio_unit unit;
	struct gmem mem;
	uint8_t *ram; /* guest-physical 0 */
	unsigned int config_signals;
	uint16_t avail[VIRTIO_QUEUES_MAX];
	uint16_t next[VIRTIO_QUEUES_MAX]; /* free descriptor */
	uint16_t used[VIRTIO_QUEUES_MAX]; /* taken so far */
	bool in_chain[VIRTIO_QUEUES_MAX]; /* more is to be added to it */
};

/* Eventfds and RAM for unit.v, whose n_queues is set. */
void fake_ring_init(struct fake_ring *f);
void fake_ring_fini(struct fake_ring *f);
/* The driver is up, with @features; the caller starts the host side. */
void fake_ring_up(struct fake_ring *f, uint64_t features);
/* Reset of everything but the host side, which was stopped. */
void fake_ring_down(struct fake_ring *f);

/*
 * Append a buffer to the chain that is being made, and end it with @last: then
 * it is made available. Nobody is notified.
 */
void fake_ring_add(struct fake_ring *f, unsigned int q, uint32_t gpa,
		   uint32_t len, bool in, bool last);
void fake_ring_notify(struct fake_ring *f, unsigned int q);
/* Wait until one more is used, up to 5 s; *len as in the ring. False: none. */
bool fake_ring_used(struct fake_ring *f, unsigned int q, uint32_t *len);
/* Whether the queue's interrupt came; it is taken. */
bool fake_ring_interrupt(struct fake_ring *f, unsigned int q);

#endif
