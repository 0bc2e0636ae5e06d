// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio_fs.h"

#include <linux/fuse.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <string.h>

/* virtio-1.3 5.11.4 */
static uint64_t cfg_read(struct virtio *v, unsigned int off, unsigned int len)
{
	const struct virtio_fs *fs = v->host;
	struct virtio_fs_config c = {.num_request_queues =
					     VIRTIO_FS_QUEUES - 1};
	uint64_t val = 0;

	memcpy(c.tag, fs->tag, strnlen(fs->tag, sizeof(c.tag)));
	if (off < sizeof(c))
		memcpy(&val, (const uint8_t *)&c + off,
		       len < sizeof(c) - off ? len : sizeof(c) - off);
	return val;
}

const struct virtio_ops virtio_fs_ops = {
	.name = "virtio-fs",
	.type = VIRTIO_ID_FS,
	.pci_class = 0x018000, /* mass storage controller, other */
	.cfg_read = cfg_read,
};

uint32_t virtio_fs_refuse(const struct virtq_chain *c, int error)
{
	struct fuse_in_header in = {0};
	struct fuse_out_header out = {.len = sizeof(out), .error = -error};

	if (virtq_copy_out(c, 0, &in, sizeof(in)) != sizeof(in) ||
	    c->in_len < sizeof(out))
		return 0;
	out.unique = in.unique;
	return (uint32_t)virtq_copy_in(c, 0, &out, sizeof(out));
}
