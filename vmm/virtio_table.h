/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_VIRTIO_TABLE_H
#define VMM_VIRTIO_TABLE_H

#include <stdbool.h>

#include "vmm/virtio.h"

/* One device that was asked for. */
struct virtio_entry {
	char name[16];
	/* Make @u device @index of its kind. */
	int (*open)(struct virtio_unit *u, const struct conf *c,
		    unsigned int index, struct err *e);
	unsigned int index;
};

/* The @i-th device of @c, in the order of slots. False behind the last. Pure.
 */
bool virtio_entry(const struct conf *c, unsigned int i,
		  struct virtio_entry *out);

#endif
