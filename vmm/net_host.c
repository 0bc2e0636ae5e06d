// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/net.h"

#define VHOST_NET "/dev/vhost-net"

static struct worker *first_worker(struct net *n)
{
	return &n->pair[0].worker;
}

bool net_link(struct net *n, bool up)
{
	if (atomic_exchange(&n->model.link, up) == up)
		return false;
	virtio_config_changed(n->v);
	return true;
}

/* --- vhost-net ------------------------------------------------------------ */

/* Its queue 0 receives, its queue 1 transmits, in the guest's sense. */
static int backend(struct net_pair *p, int fd)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct vhost_vring_file f = {.index = i, .fd = fd};

		if (ioctl(p->vhost.fd, VHOST_NET_SET_BACKEND, &f) < 0)
			return -errno;
	}
	return 0;
}

static void vhost_pair_stop(struct net_pair *p)
{
	if (!p->vhost.v)
		return;
	(void)backend(p, VHOST_FILE_UNBIND);
	vhost_stop(&p->vhost);
}

static bool pair_live(const struct virtio *v, unsigned int first)
{
	return virtq_live(&v->queue[first]) && virtq_live(&v->queue[first + 1]);
}

/* All that the driver has set up: the kernel may only be told of them now. */
static int vhost_pairs_start(struct net *n)
{
	struct virtio *v = n->v;
	int r = 0;

	for (unsigned int i = 0; i < virtio_net_pairs(v) && r == 0; i++) {
		if (i && !pair_live(v, 2 * i))
			continue;
		r = vhost_start(&n->pair[i].vhost, v, 2 * i, 2,
				first_worker(n));
	}
	/* One that was deleted is no backend, and frames vanish without. */
	if (r < 0 || atomic_load(&n->gone))
		return r;
	return backend(&n->pair[0], n->pair[0].fd);
}

/* --- pairs of queues ------------------------------------------------------ */

static int frames_on(struct net_pair *p)
{
	int r;

	if (p->net->vhost)
		return backend(p, p->fd);
	r = net_pump_start(p);
	if (r == 0 && p->index) {
		r = worker_start(&p->worker, "virtio-net");
		if (r < 0)
			net_pump_stop(p);
	}
	return r;
}

static int pair_on(struct net_pair *p)
{
	int r = net_tap_queue(p, true);

	if (r == 0) {
		r = frames_on(p);
		if (r < 0) /* or the host would send where nobody reads */
			(void)net_tap_queue(p, false);
	}
	return r;
}

static void pair_off(struct net_pair *p)
{
	if (p->net->vhost) {
		(void)backend(p, VHOST_FILE_UNBIND);
	} else {
		worker_stop(&p->worker);
		net_pump_stop(p);
	}
	(void)net_tap_queue(p, false);
}

/* Between one and all of them; the first stays as it is. */
static int pairs_set(struct net *n, unsigned int wanted)
{
	while (n->active < wanted) {
		int r = pair_on(&n->pair[n->active]);

		if (r < 0)
			return r;
		n->active++;
	}
	while (n->active > wanted)
		pair_off(&n->pair[--n->active]);
	return 0;
}

/* --- the control queue ---------------------------------------------------- */

static int carry_out(struct net *n, const struct virtio_net_want *want)
{
	switch (want->what) {
	case VIRTIO_NET_PAIRS:
		return pairs_set(n, want->pairs);
	case VIRTIO_NET_OFFLOADS:
		return net_tap_offload(n, want->offloads);
	case VIRTIO_NET_NOTHING:
	default:
		return 0;
	}
}

static void command(struct net *n, struct virtq *q, const struct virtq_chain *c)
{
	struct virtio_net_want want;
	uint8_t ack = virtio_net_control(n->v, c, &want);

	if (ack == VIRTIO_NET_OK && carry_out(n, &want) < 0)
		ack = VIRTIO_NET_ERR;
	virtq_push(q, c->head, virtio_net_answer(c, ack));
}

static void on_commands(struct virtio *v, unsigned int i)
{
	struct net *n = v->host;
	struct virtq *q = &v->queue[i];
	struct virtq_chain c;
	int r;

	do {
		while ((r = virtq_pop(q, &c)) > 0) {
			command(n, q, &c);
			virtio_signal(v, i);
		}
	} while (r == 0 && virtq_wait(q));
	if (r < 0)
		virtio_fail(v);
}

/* --- start and stop ------------------------------------------------------- */

static void frames_stop(struct net *n)
{
	for (unsigned int i = 1; i < n->pairs && !n->vhost; i++)
		worker_stop(&n->pair[i].worker);
	while (n->active > 1)
		pair_off(&n->pair[--n->active]);
	if (n->vhost) {
		for (unsigned int i = 0; i < n->pairs; i++)
			vhost_pair_stop(&n->pair[i]);
	} else if (n->active) {
		net_pump_stop(&n->pair[0]);
	}
	n->active = 0;
}

static int frames_start(struct net *n)
{
	int r = n->vhost ? vhost_pairs_start(n) : net_pump_start(&n->pair[0]);

	if (r == 0)
		n->active = 1;
	else if (n->vhost)
		frames_stop(n);
	return r;
}

static bool has_control(const struct virtio *v)
{
	return virtio_has(v, VIRTIO_NET_F_CTRL_VQ);
}

static void net_stop(struct virtio *v)
{
	struct net *n = v->host;

	worker_stop(first_worker(n));
	if (has_control(v))
		virtio_unwatch(first_worker(n), v, virtio_net_control_queue(v));
	n->kind->stop(n);
	frames_stop(n);
	if (n->offloads)
		(void)net_tap_offload(n, 0);
	virtio_net_reset(&n->model); /* the next driver reads the card's MAC */
}

/* Frames may wait in the host from before the reset: they are as they were. */
static int net_prepare(struct net *n)
{
	virtio_net_reset(&n->model);
	for (unsigned int i = 1; i < n->pairs; i++)
		(void)net_tap_queue(&n->pair[i], false);
	if (n->offloads && !atomic_load(&n->gone))
		return net_tap_offload(n,
				       n->v->acked & VIRTIO_NET_GUEST_OFFLOADS);
	return 0;
}

static int net_start(struct virtio *v)
{
	struct net *n = v->host;
	int r = n->kind->start(n);

	n->active = 0;
	if (r == 0)
		r = net_prepare(n);
	if (r == 0)
		r = frames_start(n);
	if (r == 0 && has_control(v))
		r = virtio_watch(first_worker(n), v,
				 virtio_net_control_queue(v), on_commands);
	if (r == 0)
		r = worker_start(first_worker(n), "virtio-net");
	if (r < 0)
		net_stop(v);
	return r;
}

static const struct virtio_host_ops net_host_ops = {net_start, net_stop};

/* --- open and close ------------------------------------------------------- */

int net_pairs_alloc(struct net *n, unsigned int pairs)
{
	n->pair = calloc(pairs, sizeof(*n->pair));
	if (!n->pair)
		return -ENOMEM;
	n->pairs = pairs;
	for (unsigned int i = 0; i < pairs; i++) {
		n->pair[i].net = n;
		n->pair[i].index = i;
		n->pair[i].fd = -1;
		n->pair[i].vhost.fd = -1;
	}
	return 0;
}

static void net_close(struct virtio *v)
{
	struct net *n = v->host;

	for (unsigned int i = 0; i < n->pairs; i++) {
		vhost_close(&n->pair[i].vhost);
		worker_fini(&n->pair[i].worker);
	}
	if (n->kind)
		n->kind->close(n);
	free(n->pair);
	free(n);
}

/* Without vhost-net the frames pass through a thread of ours. */
static int vhost_try(struct net *n)
{
	for (unsigned int i = 0; i < n->pairs; i++) {
		int r = vhost_open(&n->pair[i].vhost, VHOST_NET);

		if (r == 0 &&
		    !(n->pair[i].vhost.offered >> VIRTIO_NET_F_MRG_RXBUF & 1))
			r = -ENOTSUP;
		if (r < 0) {
			for (unsigned int k = 0; k <= i; k++)
				vhost_close(&n->pair[k].vhost);
			return r;
		}
	}
	n->vhost = true;
	return 0;
}

static int vhost_choose(struct net *n, const struct conf_net *c, struct err *e)
{
	int r;

	if (c->vhost == VHOST_OFF || n->passt)
		return 0;
	r = vhost_try(n);
	if (r < 0 && c->vhost == VHOST_ON)
		return err_set(e, r, ERR_VHOST, VHOST_NET, "vhost=on");
	return 0;
}

static int kind_open(struct net *n, const struct conf_net *c, struct err *e)
{
	const char *kind = c->kind;

	if (strncmp(kind, "tap:", 4) == 0)
		return net_tap_open(n, kind + 4, c->queues, e);
	if (strncmp(kind, "fd:", 3) == 0)
		return net_tap_adopt(
			n, (unsigned int)strtoul(kind + 3, NULL, 10), e);
	return net_passt_open(n, kind[5] ? kind + 6 : NULL, e);
}

/*
 * An address that stays the same from run to run, and that no other guest of
 * this network is likely to have: made of what names this host, the interface
 * and the guest's card. FNV-1a, 64 bits.
 */
static uint64_t hash(uint64_t h, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3ull;
	return h;
}

static void mac_make(struct net *n, const struct conf_net *c,
		     unsigned int index)
{
	static const uint8_t none[6];
	char id[64];
	uint64_t h = 0xcbf29ce484222325ull;
	ssize_t len;
	int fd;

	memcpy(n->model.mac_first, c->mac, 6);
	if (memcmp(c->mac, none, 6) != 0)
		return;
	fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? 0 : read(fd, id, sizeof(id));
	if (fd >= 0)
		close(fd);
	h = hash(h, id, len > 0 ? (size_t)len : 0);
	h = hash(h, n->name, strlen(n->name));
	h = hash(h, &index, sizeof(index));
	for (unsigned int i = 0; i < 6; i++)
		n->model.mac_first[i] = (uint8_t)(h >> 8 * i);
	/* for one station, and given by nobody's register */
	n->model.mac_first[0] = (uint8_t)((n->model.mac_first[0] & 0xfc) | 2);
}

static int workers_init(struct net *n, struct err *e)
{
	for (unsigned int i = 0; i < n->pairs; i++) {
		int r = worker_init(&n->pair[i].worker);

		if (r < 0)
			return err_set(e, r, ERR_HOST_CALL, "epoll_create1",
				       NULL);
	}
	return 0;
}

int net_host_open(struct virtio_unit *u, const struct conf *c,
		  unsigned int index, struct err *e)
{
	const struct conf_net *cn = &c->net[index];
	struct net *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	n->v = &u->v;
	n->link_fd = -1;
	u->v.ops = &virtio_net_ops;
	u->v.host_ops = &net_host_ops;
	u->v.host = n;
	u->close = net_close;
	r = kind_open(n, cn, e);
	if (r == 0)
		r = workers_init(n, e);
	if (r == 0)
		r = vhost_choose(n, cn, e);
	if (r < 0)
		return r;
	mac_make(n, cn, index);
	n->model.mtu = (uint16_t)cn->mtu;
	n->model.pairs = (uint16_t)n->pairs;
	atomic_store(&n->model.link, true);
	virtio_net_reset(&n->model);
	u->v.offered = virtio_net_features(&n->model, n->offloads);
	u->v.n_queues = virtio_net_queues(&n->model);
	return 0;
}
