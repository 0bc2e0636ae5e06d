/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_VHOST_USER_H
#define VMM_VHOST_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/virtio.h"

/*
 * Virtqueues carried out by another process (vhost-user), the back end: it maps
 * guest RAM, which therefore is a file, takes notifications from the guest's
 * kick eventfds and interrupts it by the call eventfds. It is told what to do
 * at a Unix socket, and is not trusted with anything but the guest: no answer
 * of its is waited for longer than VHOST_USER_PATIENCE seconds.
 */
#define VHOST_USER_PATIENCE 30

struct vhost_user {
	int fd;		   /* -1: not open */
	uint64_t offered;  /* features of virtio's */
	uint64_t protocol; /* VHOST_USER_PROTOCOL_F_* that both know */
	bool enables;	   /* queues are off until they are enabled */
	struct virtio *v;  /* NULL: not started */
	unsigned int n;	   /* queues */
	_Atomic bool dead; /* it has ended, or broke the rules */
};

/*
 * Meet the back end at the socket @fd, which is taken over. -errno, and nothing
 * to undo; -ENOTSUP: it lacks what every virtio device of ours offers
 * (VIRTIO_RING_FEATURES); -ETIMEDOUT: it does not answer.
 */
int vhost_user_open(struct vhost_user *h, int fd);
void vhost_user_close(struct vhost_user *h);

/* Hand the first @n queues of @v over; those that are not live are left out. */
int vhost_user_start(struct vhost_user *h, struct virtio *v, unsigned int n);
/*
 * Take them back, at the latest when the back end is dead: where it got to is
 * in the queues again, if it worked in the order of the requests. Idempotent.
 */
void vhost_user_stop(struct vhost_user *h);

#endif
