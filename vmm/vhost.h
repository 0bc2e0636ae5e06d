/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_VHOST_H
#define VMM_VHOST_H

#include <stdint.h>

#include "core/virtio.h"
#include "vmm/worker.h"

/*
 * Virtqueues carried out by the kernel (linux/vhost.h): it reads and writes
 * guest memory itself, takes notifications from the guest's kick eventfds and
 * interrupts it by the call eventfds. What the kernel does with the data, the
 * backend, is the caller's business: it starts it on vhost->fd behind
 * vhost_start(), and stops it before vhost_stop().
 */
struct vhost {
	int fd;		  /* -1: not open */
	uint64_t offered; /* VHOST_GET_FEATURES */
	/* from vhost_start() to vhost_stop() */
	struct virtio *v; /* NULL: not started */
	unsigned int first;
	unsigned int n;
	struct worker *worker;
	int err_fd; /* eventfd: the kernel cannot go on with a queue */
};

/*
 * Open @path ("/dev/vhost-net") and become its owner. -errno, and nothing to
 * undo; -ENOTSUP: the kernel cannot do what every virtio device of ours
 * offers (VIRTIO_RING_FEATURES).
 */
int vhost_open(struct vhost *h, const char *path);
void vhost_close(struct vhost *h);

/*
 * Hand queues [first, first + n) of @v to the kernel as its queues 0 to n - 1,
 * with the features that were negotiated and the kernel knows. All of them have
 * to be live: -EINVAL otherwise. From now on @worker, which the caller
 * starts after this, watches for the kernel's errors: the device then needs a
 * reset. -errno, and nothing to undo.
 */
int vhost_start(struct vhost *h, struct virtio *v, unsigned int first,
		unsigned int n, struct worker *worker);
/*
 * Take them back, after the backend and @worker were stopped: where the kernel
 * got to is in the queues again. Idempotent.
 */
void vhost_stop(struct vhost *h);

#endif
