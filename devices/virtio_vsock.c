// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio_vsock.h"

#include <errno.h>
#include <linux/virtio_ids.h>

/* virtio-1.3 5.10.4: the address of the guest, nothing else */
static uint64_t cfg_read(struct virtio *v, unsigned int off, unsigned int len)
{
	const struct virtio_vsock *s = v->host;
	uint64_t cid = s->guest_cid;

	if (off >= sizeof(cid))
		return 0;
	cid >>= 8 * off;
	return len < sizeof(cid) ? cid & ((1ull << 8 * len) - 1) : cid;
}

const struct virtio_ops virtio_vsock_ops = {
	.name = "virtio-vsock",
	.type = VIRTIO_ID_VSOCK,
	.pci_class = 0x078000, /* communication controller, other */
	.cfg_read = cfg_read,
};

int virtio_vsock_get(const struct virtq_chain *c, struct virtio_vsock_hdr *h)
{
	if (virtq_copy_out(c, 0, h, sizeof(*h)) != sizeof(*h))
		return -EINVAL;
	return h->len > c->out_len - sizeof(*h) ? -EINVAL : 0;
}

unsigned int virtio_vsock_room(const struct virtq_chain *c, uint32_t len,
			       struct iovec *iov, unsigned int max)
{
	if (len > VIRTIO_VSOCK_PIECE)
		len = VIRTIO_VSOCK_PIECE;
	return virtq_slice(c, true, VIRTIO_VSOCK_HDR, len, iov, max);
}
