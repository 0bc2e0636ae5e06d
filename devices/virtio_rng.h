/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_VIRTIO_RNG_H
#define DEVICES_VIRTIO_RNG_H

#include "core/virtio.h"

/* Entropy device (virtio-1.3 5.4): one queue, no features, no configuration. */
extern const struct virtio_ops virtio_rng_ops;

#define VIRTIO_RNG_QUEUES 1u
/* A request is answered with at most so many bytes; the driver asks again. */
#define VIRTIO_RNG_PIECE 4096u

/*
 * What of request @c is to be filled with random bytes, as pieces in @iov (room
 * for @max): how many pieces. *bytes is their sum, to be reported as written.
 */
unsigned int virtio_rng_request(const struct virtq_chain *c, struct iovec *iov,
				unsigned int max, uint32_t *bytes);

#endif
