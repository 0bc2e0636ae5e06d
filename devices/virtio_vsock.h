/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_VIRTIO_VSOCK_H
#define DEVICES_VIRTIO_VSOCK_H

#include <linux/virtio_vsock.h>

#include "core/virtio.h"

/*
 * Socket device (virtio-1.3 5.10): its configuration, and the form of its
 * packets. What they mean is in devices/vsock_conn.h.
 */
extern const struct virtio_ops virtio_vsock_ops;

/* What virtio.host points to begins with it. */
struct virtio_vsock {
	uint64_t guest_cid;
};

enum {
	VIRTIO_VSOCK_RX, /* to the guest */
	VIRTIO_VSOCK_TX,
	VIRTIO_VSOCK_EVENT,
	VIRTIO_VSOCK_QUEUES,
};

#define VIRTIO_VSOCK_HOST_CID 2u
#define VIRTIO_VSOCK_CID_MIN  3u
#define VIRTIO_VSOCK_CID_MAX  0xfffffffeu

#define VIRTIO_VSOCK_HDR      sizeof(struct virtio_vsock_hdr)
/* No packet to the guest has more bytes. */
#define VIRTIO_VSOCK_PIECE (64u << 10)

/*
 * The head of a packet that the guest sends. 0, or -EINVAL: the request is
 * shorter than it says.
 */
int virtio_vsock_get(const struct virtq_chain *c, struct virtio_vsock_hdr *h);
/*
 * What of buffer @c, past the head, takes up to @len bytes of a packet to the
 * guest: pieces in @iov, how many there are.
 */
unsigned int virtio_vsock_room(const struct virtq_chain *c, uint32_t len,
			       struct iovec *iov, unsigned int max);

#endif
