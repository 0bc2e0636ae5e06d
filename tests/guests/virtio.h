/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GUESTS_VIRTIO_H
#define TESTS_GUESTS_VIRTIO_H

#include "tests/guests/guest.h"

/*
 * Just enough of a driver for virtio devices (virtio-1.3) to use one, and to
 * use it wrongly: nothing here stops a guest from writing what it likes.
 */

#define VD_QUEUES      8
#define VD_SIZE	       64u /* descriptors of a queue */

#define VD_ACKNOWLEDGE 1u
#define VD_DRIVER      2u
#define VD_DRIVER_OK   4u
#define VD_FEATURES_OK 8u
#define VD_NEEDS_RESET 64u

#define VD_F_INDIRECT  (1ull << 28)
#define VD_F_EVENT_IDX (1ull << 29)
#define VD_F_VERSION_1 (1ull << 32)

#define VD_NEXT	       1u
#define VD_WRITE       2u
#define VD_TABLE       4u /* an indirect table */

/* Registers of the common configuration (virtio-1.3 4.1.4.3). */
#define VD_DEVICE_SELECT  0x00
#define VD_DEVICE_FEATURE 0x04
#define VD_DRIVER_SELECT  0x08
#define VD_DRIVER_FEATURE 0x0c
#define VD_CONFIG_VECTOR  0x10
#define VD_NUM_QUEUES	  0x12
#define VD_STATUS	  0x14
#define VD_GENERATION	  0x15
#define VD_QUEUE_SELECT	  0x16
#define VD_QUEUE_SIZE	  0x18
#define VD_QUEUE_VECTOR	  0x1a
#define VD_QUEUE_ENABLE	  0x1c
#define VD_QUEUE_NOTIFY	  0x1e
#define VD_QUEUE_DESC	  0x20
#define VD_QUEUE_AVAIL	  0x28
#define VD_QUEUE_USED	  0x30

struct vd_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

/* Rings of one queue; there is one set for each number below VD_QUEUES. */
struct vd_rings {
	struct vd_desc desc[VD_SIZE] __attribute__((aligned(16)));
	struct {
		uint16_t flags;
		uint16_t idx;
		uint16_t ring[VD_SIZE];
		uint16_t used_event;
	} avail __attribute__((aligned(2)));
	struct {
		uint16_t flags;
		uint16_t idx;
		struct {
			uint32_t id;
			uint32_t len;
		} ring[VD_SIZE];
		uint16_t avail_event;
	} used __attribute__((aligned(4)));
};

struct vd {
	uint64_t cfg; /* its configuration space */
	uint64_t bar;
	uint64_t common;
	uint64_t device;
	uint64_t notify;
	uint32_t notify_step;
	unsigned int n_queues;
	uint16_t seen[VD_QUEUES]; /* used entries taken */
};

extern struct vd_rings vd_rings[VD_QUEUES];

/* The @nth device of @type, its memory decoded; false: there is none. */
bool vd_find(struct vd *d, unsigned int type, unsigned int nth);
uint64_t vd_get(const struct vd *d, unsigned int reg, unsigned int len);
void vd_set(const struct vd *d, unsigned int reg, unsigned int len,
	    uint64_t val);
unsigned int vd_status(const struct vd *d);
/* Reset; waits until the device says so. */
void vd_reset(struct vd *d);
/* Features that are offered; ask for @want; true: agreed. */
uint64_t vd_features(const struct vd *d);
bool vd_agree(struct vd *d, uint64_t want);
/* Queue @q with fresh rings of VD_SIZE, enabled. */
void vd_queue(struct vd *d, unsigned int q);
void vd_ok(struct vd *d);
/* All of it: reset, agree on @want, the first @n queues, DRIVER_OK. */
void vd_start(struct vd *d, uint64_t want, unsigned int n);

/* Descriptor @i of queue @q. */
void vd_desc(unsigned int q, unsigned int i, const void *at, uint32_t len,
	     unsigned int flags, unsigned int next);
/* Make chain @head available; tell the device. */
void vd_offer(unsigned int q, unsigned int head);
void vd_kick(const struct vd *d, unsigned int q);
/*
 * Wait for a used entry of @q. Its length; *head is the chain. -1: the device
 * needs a reset, -2: nothing came within two seconds or so.
 */
int64_t vd_wait(struct vd *d, unsigned int q, unsigned int *head);

#endif
