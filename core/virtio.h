/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_VIRTIO_H
#define CORE_VIRTIO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/virtq.h"

/*
 * One virtio device (virtio-1.3), seen by its three sides:
 *
 * - the model (devices/virtio_NAME.c, pure): what kind of device it is, its
 *   features and configuration, what a request means;
 * - the transport (devices/virtio_pci.c, pure): registers, by which the driver
 *   negotiates, sets up queues and resets. Under the host bridge's mutex;
 * - the host side (vmm/NAME_host.c): takes requests from the queues and carries
 *   them out, on threads of its own or in the kernel, from start() to stop().
 *
 * A queue belongs to the transport until start() and after stop(), and to the
 * host side in between, which may let each queue be owned by another thread.
 */

#define VIRTIO_QUEUES_MAX 64u
#define VIRTIO_NO_VECTOR  0xffffu
/* VIRTIO_F_VERSION_1, indirect descriptors, event index: of every device. */
#define VIRTIO_RING_FEATURES (1ull << 32 | 1ull << 28 | 1ull << 29)

struct virtio;

/* The model. */
struct virtio_ops {
	const char *name;   /* "virtio-blk" */
	uint16_t type;	    /* virtio-1.3 5: VIRTIO_ID_* */
	uint32_t pci_class; /* class, subclass, programming interface */
	/*
	 * Device configuration space, 1 to 8 bytes at @off, of any alignment;
	 * beyond its end reads as 0. Called under the host bridge's mutex
	 * while the host side may be running. cfg_write may be NULL.
	 */
	uint64_t (*cfg_read)(struct virtio *v, unsigned int off,
			     unsigned int len);
	void (*cfg_write)(struct virtio *v, unsigned int off, unsigned int len,
			  uint64_t val);
};

/* The host side. Called under the host bridge's mutex; @v->host is its own. */
struct virtio_host_ops {
	/*
	 * DRIVER_OK: v->acked is what was negotiated, enabled queues are live.
	 * -errno: the device needs a reset.
	 */
	int (*start)(struct virtio *v);
	/*
	 * Reset, or the end of the VM: afterwards no queue and no guest memory
	 * is touched; requests under way are finished or dropped first. Only
	 * after a start() that returned 0.
	 */
	void (*stop)(struct virtio *v);
};

struct virtio {
	const struct virtio_ops *ops;
	const struct virtio_host_ops *host_ops;
	void *host; /* of host_ops */
	const struct gmem *mem;
	uint64_t offered; /* features; VIRTIO_RING_FEATURES are added */
	uint64_t acked;	  /* what driver and device agreed on */
	unsigned int n_queues;
	uint16_t queue_size; /* offered, a power of two <= VIRTQ_SIZE_MAX */
	struct virtq queue[VIRTIO_QUEUES_MAX];
	bool started;		/* between start() and stop() */
	_Atomic uint8_t status; /* VIRTIO_CONFIG_S_* */
	/* counts changes of the configuration, see virtio_config_changed() */
	_Atomic uint8_t generation;
	/* Which MSI-X vector tells of a queue, of the configuration. */
	_Atomic uint16_t queue_vector[VIRTIO_QUEUES_MAX];
	_Atomic uint16_t config_vector;
	/*
	 * Notify the driver by MSI-X vector @vector, which may be
	 * VIRTIO_NO_VECTOR; from any thread.
	 */
	void (*signal)(void *ctx, unsigned int vector);
	/* The guest notified queue @queue without an ioeventfd. */
	void (*kick)(void *ctx, unsigned int queue);
	void *ctx; /* of signal and kick */
};

/* Reset state; the caller has set ops, features, n_queues and queue_size. */
void virtio_init(struct virtio *v);
/* Whether @feature (a bit number) was negotiated. */
static inline bool virtio_has(const struct virtio *v, unsigned int feature)
{
	return v->acked >> feature & 1;
}
/* --- for the host side, from any thread ----------------------------------- */
/*
 * Tell the driver of what was pushed to queue @q, if it wants to know: whether
 * it did.
 */
bool virtio_signal(struct virtio *v, unsigned int q);
/* The device configuration changed: tell the driver. */
void virtio_config_changed(struct virtio *v);
/*
 * The driver broke the rules, or the host side cannot go on: nothing works
 * until the driver resets the device (virtio-1.3 2.1.2).
 */
void virtio_fail(struct virtio *v);

#endif
