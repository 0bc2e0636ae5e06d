/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_VSOCK_HOST_H
#define VMM_VSOCK_HOST_H

#include "vmm/virtio.h"

/*
 * The two host sides of the socket device. Each makes @u one with the address
 * @cid.
 */

/*
 * Programs of the host meet the guest at the Unix socket @path (NULL: at none),
 * and at @path_PORT: vmm/vsock_unix.c.
 */
int vsock_unix_open(struct virtio_unit *u, uint64_t cid, const char *path,
		    struct err *e);
/*
 * Programs of both sides use vsock(7). @cid 0: one that nobody else has, which
 * is told on standard error.
 */
int vsock_vhost_open(struct virtio_unit *u, uint64_t cid, struct err *e);

#endif
