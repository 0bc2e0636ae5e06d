// SPDX-License-Identifier: Apache-2.0
#include "core/virtio.h"

#include <linux/virtio_config.h>

void virtio_init(struct virtio *v)
{
	atomic_store(&v->status, 0);
	atomic_store(&v->config_vector, VIRTIO_NO_VECTOR);
	v->acked = 0;
	v->started = false;
	for (unsigned int i = 0; i < v->n_queues; i++) {
		virtq_reset(&v->queue[i], v->queue_size);
		atomic_store(&v->queue_vector[i], VIRTIO_NO_VECTOR);
	}
}

bool virtio_signal(struct virtio *v, unsigned int q)
{
	bool due = virtq_signal_due(&v->queue[q]);

	if (due)
		v->signal(v->ctx, atomic_load(&v->queue_vector[q]));
	return due;
}

static bool driver_is_up(struct virtio *v)
{
	return atomic_load(&v->status) & VIRTIO_CONFIG_S_DRIVER_OK;
}

void virtio_config_changed(struct virtio *v)
{
	atomic_fetch_add(&v->generation, 1);
	if (driver_is_up(v))
		v->signal(v->ctx, atomic_load(&v->config_vector));
}

void virtio_fail(struct virtio *v)
{
	uint8_t was = atomic_fetch_or(&v->status, VIRTIO_CONFIG_S_NEEDS_RESET);

	if (!(was & VIRTIO_CONFIG_S_NEEDS_RESET) && driver_is_up(v))
		v->signal(v->ctx, atomic_load(&v->config_vector));
}
