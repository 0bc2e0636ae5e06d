/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_VIRTIO_FS_H
#define DEVICES_VIRTIO_FS_H

#include "core/virtio.h"

/*
 * File system device (virtio-1.3 5.11): what it is, and what becomes of
 * requests that nobody carries out any more.
 */
extern const struct virtio_ops virtio_fs_ops;

#define VIRTIO_FS_TAG_MAX 36u
/* One for requests that may not wait, one for all others. */
#define VIRTIO_FS_QUEUES 2u

/* What virtio.host points to begins with it. */
struct virtio_fs {
	char tag[VIRTIO_FS_TAG_MAX + 1]; /* by which the guest mounts it */
};

/*
 * Answer @c with the error @error (EIO): how many bytes were written, 0 for
 * what has no answer.
 */
uint32_t virtio_fs_refuse(const struct virtq_chain *c, int error);

#endif
