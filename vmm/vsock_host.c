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
	bool any = strcmp(w->cid, "auto") == 0;
	uint64_t cid = any ? 0 : strtoul(w->cid, NULL, 10);

	if (!w->socket[0])
		return vsock_vhost_open(u, cid, e);
	/* Nobody else sees that address. */
	return vsock_unix_open(u, any ? VIRTIO_VSOCK_CID_MIN : cid, w->socket,
			       e);
}
