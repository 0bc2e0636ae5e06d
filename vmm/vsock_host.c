// SPDX-License-Identifier: Apache-2.0
/* The socket device: which of its host sides was asked for. */
#include "vmm/vsock_host.h"

#include <stdlib.h>
#include <string.h>

#include "devices/virtio_vsock.h"

static int asked_for(struct virtio_unit *u, const struct conf_vsock *w,
		     struct err *e)
{
	bool any = strcmp(w->cid, "auto") == 0;
	uint64_t cid = any ? 0 : strtoul(w->cid, NULL, 10);

	if (!w->socket[0])
		return vsock_vhost_open(u, cid, e);
	/* Nobody else sees that address. */
	return vsock_unix_open(u, any ? VIRTIO_VSOCK_CID_MIN : cid, w->socket,
			       e);
}

int vsock_host_open(struct virtio_unit *u, const struct conf *c,
		    unsigned int index, struct err *e)
{
	const struct conf_vsock *w = &c->vsock[index];

	/* For --guest-notify alone: nothing else is at the host's end. */
	if (!c->n_vsock)
		return vsock_unix_open(u, VIRTIO_VSOCK_CID_MIN, NULL, e);
	return asked_for(u, w, e);
}
