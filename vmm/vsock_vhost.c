// SPDX-License-Identifier: Apache-2.0
/* The host's end of a guest's sockets as vsock(7): the kernel's vhost-vsock. */
#include <errno.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "devices/virtio_vsock.h"
#include "vmm/guest_notify.h"
#include "vmm/vhost.h"
#include "vmm/vsock_host.h"

#define FILE_NAME "/dev/vhost-vsock"
/* How many addresses are tried for "auto". */
#define TRIES 10000u
/* The kernel has these of its queues (virtio-1.3 5.10.2), we have the third. */
#define QUEUES 2u

struct vsock_vhost {
	struct virtio_vsock model; /* first: see there */
	struct vhost vhost;
	struct worker worker;
};

static int set_running(const struct vsock_vhost *s, int on)
{
	return ioctl(s->vhost.fd, VHOST_VSOCK_SET_RUNNING, &on) < 0 ? -errno
								    : 0;
}

static void stop(struct virtio *v)
{
	struct vsock_vhost *s = v->host;

	(void)set_running(s, 0);
	worker_stop(&s->worker);
	vhost_stop(&s->vhost);
}

static int start(struct virtio *v)
{
	struct vsock_vhost *s = v->host;
	int r = vhost_start(&s->vhost, v, 0, QUEUES, &s->worker);

	if (r == 0)
		r = worker_start(&s->worker, "virtio-vsock");
	if (r == 0)
		r = set_running(s, 1);
	if (r < 0)
		stop(v);
	return r;
}

static const struct virtio_host_ops host_ops = {start, stop};

static void vsock_close(struct virtio *v)
{
	struct vsock_vhost *s = v->host;

	vhost_close(&s->vhost);
	worker_fini(&s->worker);
	free(s);
}

static int set_cid(struct vsock_vhost *s, uint64_t cid)
{
	s->model.guest_cid = cid;
	return ioctl(s->vhost.fd, VHOST_VSOCK_SET_GUEST_CID, &cid) < 0 ? -errno
								       : 0;
}

/* Where one's own process id leads, few others begin. */
static int find_cid(struct vsock_vhost *s)
{
	uint64_t first = VIRTIO_VSOCK_CID_MIN + (uint64_t)getpid();
	int r = -EADDRINUSE;

	for (unsigned int i = 0; i < TRIES && r == -EADDRINUSE; i++)
		r = set_cid(s, first + i);
	return r;
}

static int host_open(struct virtio *v, uint64_t cid, struct err *e)
{
	struct vsock_vhost *s = v->host;
	char text[64];
	int r = vhost_open(&s->vhost, FILE_NAME);

	if (r < 0)
		return err_set(e, r, ERR_VHOST, FILE_NAME, "--vsock");
	v->offered = s->vhost.offered & 1ull << VIRTIO_VSOCK_F_SEQPACKET;
	r = cid ? set_cid(s, cid) : find_cid(s);
	if (r < 0)
		return err_set_num(e, r, ERR_VSOCK_CID, NULL, cid, 0);
	if (virtio_unit(v)->notify)
		virtio_unit(v)->notify->cid = s->model.guest_cid;
	snprintf(text, sizeof(text), "the guest's address is %llu",
		 (unsigned long long)s->model.guest_cid);
	if (!cid)
		virtio_say(v, text);
	r = worker_init(&s->worker);
	return r < 0 ? err_set(e, r, ERR_HOST_CALL, "epoll_create1", NULL) : 0;
}

int vsock_vhost_open(struct virtio_unit *u, uint64_t cid, struct err *e)
{
	struct vsock_vhost *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	s->vhost.fd = -1;
	u->v.ops = &virtio_vsock_ops;
	u->v.host_ops = &host_ops;
	u->v.host = s;
	u->v.n_queues = VIRTIO_VSOCK_QUEUES;
	u->close = vsock_close;
	return host_open(&u->v, cid, e);
}
