// SPDX-License-Identifier: Apache-2.0
/* The socket device: which of its host sides was asked for. */
#include "vmm/vsock_host.h"

#include <stdlib.h>
#include <string.h>

#include "devices/virtio_vsock.h"

int vsock_host_open(struct virtio_unit *u, const struct conf *c,
		    unsigned int index, struct err *e)
{
	const struct conf_vsock *w = &c->vsock[index];
	uint64_t cid = w->cid[0] == 'a' ? VIRTIO_VSOCK_CID_MIN
					: strtoul(w->cid, NULL, 10);

	return vsock_unix_open(u, cid, w->socket, e);
}
