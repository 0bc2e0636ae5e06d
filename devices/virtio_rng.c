// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio_rng.h"

#include <linux/virtio_ids.h>

static uint64_t cfg_read(struct virtio *v, unsigned int off, unsigned int len)
{
	(void)v;
	(void)off;
	(void)len;
	return 0; /* virtio-1.3 5.4.4: there is none */
}

const struct virtio_ops virtio_rng_ops = {
	.name = "virtio-rng",
	.type = VIRTIO_ID_RNG,
	.pci_class = 0xff0000,
	.cfg_read = cfg_read,
};

/* Buffers only to be read (virtio-1.3 5.4.6.1 forbids them) get nothing. */
unsigned int virtio_rng_request(const struct virtq_chain *c, struct iovec *iov,
				unsigned int max, uint32_t *bytes)
{
	unsigned int n = virtq_slice(c, true, 0, VIRTIO_RNG_PIECE, iov, max);

	*bytes = 0;
	for (unsigned int i = 0; i < n; i++)
		*bytes += (uint32_t)iov[i].iov_len;
	return n;
}
