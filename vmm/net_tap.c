// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/net.h"

/* Since Linux 6.2. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

static int tap_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

/* --- offloads ------------------------------------------------------------- */

static unsigned int tun_flags(uint64_t offloads)
{
	static const struct {
		unsigned int bit;
		unsigned int flag;
	} map[] = {
		{VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM},
		{VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4},
		{VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6},
		{VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN},
		{VIRTIO_NET_BIT_GUEST_USO4, TUN_F_USO4},
		{VIRTIO_NET_BIT_GUEST_USO6, TUN_F_USO6},
	};
	const unsigned int uso = TUN_F_USO4 | TUN_F_USO6;
	unsigned int flags = 0;

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (offloads >> map[i].bit & 1)
			flags |= map[i].flag;
	}
	/* tun.c, set_offload(): ECN only with TSO, USO both or neither */
	if (!(flags & (TUN_F_TSO4 | TUN_F_TSO6)))
		flags &= ~(unsigned int)TUN_F_TSO_ECN;
	if ((flags & uso) != uso)
		flags &= ~uso;
	return flags;
}

/* It is the interface's, not a queue's. */
int net_tap_offload(struct net *n, uint64_t offloads)
{
	unsigned long flags = tun_flags(offloads);

	/* All but CSUM are refused without it (tun.c, set_offload()). */
	if (!(flags & TUN_F_CSUM))
		flags = 0;
	return ioctl(n->pair[0].fd, TUNSETOFFLOAD, flags) < 0 ? -errno : 0;
}

/* What the kernel's taps can do: TSO always, USO since Linux 6.2. */
static uint64_t offloads_of(struct net *n)
{
	uint64_t base = VIRTIO_NET_OFFLOADS_CSUM | VIRTIO_NET_OFFLOADS_TSO;
	uint64_t with_uso = base | VIRTIO_NET_OFFLOADS_USO;
	bool uso =
		net_tap_offload(n, with_uso & VIRTIO_NET_GUEST_OFFLOADS) == 0;

	(void)net_tap_offload(n, 0);
	return uso ? with_uso : base;
}

/* --- what becomes of it --------------------------------------------------- */

/* The interface's name and flags; -EBADFD: it was deleted. */
static int tap_ifr(const struct net *n, struct ifreq *ifr)
{
	memset(ifr, 0, sizeof(*ifr));
	return tap_ioctl(n->pair[0].fd, TUNGETIFF, ifr);
}

static int tap_is_up(const struct net *n, bool *up)
{
	struct ifreq ifr;
	int fd, r = tap_ifr(n, &ifr);

	if (r < 0)
		return r;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = tap_ioctl(fd, SIOCGIFFLAGS, &ifr);
	close(fd);
	*up = ifr.ifr_flags & IFF_UP;
	return r;
}

static void tap_lost(struct net_pair *p)
{
	struct net *n = p->net;
	char line[128];

	if (atomic_exchange(&n->gone, true))
		return;
	(void)net_link(n, false);
	snprintf(line, sizeof(line),
		 "%s was deleted: the guest's link is down from now on",
		 n->name);
	virtio_say(n->v, line);
}

static void link_check(struct net *n)
{
	char line[160];
	bool up = false;
	int r = tap_is_up(n, &up);

	if (r == -EBADFD)
		tap_lost(&n->pair[0]);
	if (r < 0 || atomic_load(&n->gone) || !net_link(n, up))
		return;
	if (up)
		snprintf(line, sizeof(line),
			 "%s is up, and so is the guest's link", n->name);
	else
		snprintf(line, sizeof(line),
			 "%s is down, and so is the guest's link: "
			 "sudo ip link set %s up",
			 n->name, n->name);
	virtio_say(n->v, line);
}

/* Something happened to some interface of the host. */
static void on_link(void *ctx)
{
	struct net *n = ctx;
	char buf[8192];
	ssize_t r;

	do
		r = recv(n->link_fd, buf, sizeof(buf), MSG_DONTWAIT);
	while (r > 0 || (r < 0 && (errno == EINTR || errno == ENOBUFS)));
	link_check(n);
}

/* A tap of another network namespace: nobody tells of that. */
static bool tap_is_foreign(const struct net *n)
{
	struct stat tap, ours;
	int fd = ioctl(n->pair[0].fd, TUNGETDEVNETNS);
	bool foreign;

	if (fd < 0)
		return false;
	foreign = fstat(fd, &tap) == 0 &&
		  stat("/proc/self/ns/net", &ours) == 0 &&
		  tap.st_ino != ours.st_ino;
	close(fd);
	return foreign;
}

static int link_open(void)
{
	struct sockaddr_nl a = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_ROUTE);

	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int tap_start(struct net *n)
{
	if (n->link_fd < 0)
		return 0;
	link_check(n);
	return loop_add(&n->pair[0].worker.loop, n->link_fd, on_link, n);
}

static void tap_stop(struct net *n)
{
	if (n->link_fd >= 0)
		loop_remove(&n->pair[0].worker.loop, n->link_fd);
}

/* --- frames --------------------------------------------------------------- */

static int tap_send(struct net_pair *p, uint32_t bytes)
{
	(void)bytes;
	if (writev(p->fd, p->chain.iov, (int)p->chain.n_out) >= 0)
		return 0;
	/* Down, short of memory, or no frame it likes: dropped. */
	return errno == EBADFD ? -EBADFD : 0;
}

/* What went beyond the buffers follows what is in them. */
static void hold(struct net_pair *p, uint64_t in_pieces, uint64_t bytes)
{
	if (bytes > sizeof(p->frame)) {
		p->held = 0;
		return;
	}
	memmove(p->frame + in_pieces, p->frame, bytes - in_pieces);
	virtio_net_rx_read(&p->rx, 0, p->frame, in_pieces);
	p->held = (uint32_t)bytes;
}

static int release(struct net_pair *p)
{
	int r = net_pump_room(p, p->held);

	if (r < 0)
		return r;
	if (r > 0) {
		virtio_net_rx_write(&p->rx, 0, p->frame, p->held);
		net_pump_placed(p, p->held);
	}
	p->held = 0;
	return 1;
}

static int tap_receive(struct net_pair *p)
{
	struct virtio_net_rx *rx = &p->rx;
	ssize_t bytes;
	int r;

	if (p->held)
		return release(p);
	r = net_pump_room(p, virtio_net_rx_most(p->net->v));
	if (r == -EINVAL || !rx->n)
		return r;
	rx->piece[rx->pieces].iov_base = p->frame;
	rx->piece[rx->pieces].iov_len = sizeof(p->frame);
	bytes = readv(p->fd, rx->piece, (int)rx->pieces + 1);
	/* EINVAL: a frame that cannot be told to a guest; it is gone. */
	if (bytes < 0)
		return errno == EAGAIN || errno == EINTR || errno == EINVAL
			       ? 0
			       : -EBADFD;
	if ((uint64_t)bytes <= rx->room)
		net_pump_placed(p, (uint64_t)bytes);
	else
		hold(p, rx->room, (uint64_t)bytes);
	return 1;
}

static void tap_close(struct net *n)
{
	for (unsigned int i = 0; i < n->pairs; i++) {
		if (n->pair[i].fd >= 0)
			close(n->pair[i].fd);
	}
	if (n->link_fd >= 0)
		close(n->link_fd);
}

static const struct net_kind tap_kind = {
	.send = tap_send,
	.receive = tap_receive,
	.lost = tap_lost,
	.start = tap_start,
	.stop = tap_stop,
	.close = tap_close,
};

/* --- opening -------------------------------------------------------------- */

int net_tap_queue(struct net_pair *p, bool on)
{
	struct ifreq ifr = {
		.ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE,
	};
	int r;

	if (p->net->pairs == 1)
		return 0;
	r = tap_ioctl(p->fd, TUNSETQUEUE, &ifr);
	/* It is as it should be already. */
	return r == -EINVAL ? 0 : r;
}

static int open_queue(const char *name, unsigned int flags, int *fd)
{
	struct ifreq ifr = {.ifr_flags = (short)flags};
	int r;

	*fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	r = tap_ioctl(*fd, TUNSETIFF, &ifr);
	if (r == 0)
		return 0;
	close(*fd);
	*fd = -1;
	return r;
}

/* A tap that was made for several queues takes no file for one. */
static int open_queues(struct net *n, const char *name)
{
	unsigned int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	int r = -EINVAL;

	if (n->pairs == 1)
		r = open_queue(name, flags, &n->pair[0].fd);
	if (r != -EINVAL)
		return r;
	r = 0;
	for (unsigned int i = 0; i < n->pairs && r == 0; i++)
		r = open_queue(name, flags | IFF_MULTI_QUEUE, &n->pair[i].fd);
	return r;
}

/* What both ways of opening have in common. */
static int tap_ready(struct net *n, struct err *e)
{
	int size = VIRTIO_NET_HDR;

	for (unsigned int i = 0; i < n->pairs; i++) {
		int r = tap_ioctl(n->pair[i].fd, TUNSETVNETHDRSZ, &size);

		if (r < 0)
			return err_set(e, r, ERR_TAP, n->name,
				       "TUNSETVNETHDRSZ");
	}
	n->offloads = offloads_of(n);
	if (!tap_is_foreign(n))
		n->link_fd = link_open();
	return 0;
}

int net_tap_open(struct net *n, const char *name, unsigned int queues,
		 struct err *e)
{
	int r = net_pairs_alloc(n, queues);

	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "calloc", NULL);
	n->kind = &tap_kind;
	snprintf(n->name, sizeof(n->name), "%s", name);
	r = open_queues(n, name);
	if (r < 0) {
		r = err_set(e, r, ERR_TAP_OPEN, name, NULL);
		e->num = queues;
		return r;
	}
	return tap_ready(n, e);
}

int net_tap_adopt(struct net *n, unsigned int fd, struct err *e)
{
	int flags = fcntl((int)fd, F_GETFL);
	struct ifreq ifr;
	int r;

	if (flags < 0 || fd < 3)
		return err_set_num(e, -EBADF, ERR_TAP_FD, NULL, fd, 0);
	r = net_pairs_alloc(n, 1);
	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "calloc", NULL);
	n->kind = &tap_kind;
	n->pair[0].fd = fcntl((int)fd, F_DUPFD_CLOEXEC, 3);
	if (n->pair[0].fd < 0)
		return err_set(e, -errno, ERR_HOST_CALL, "fcntl", NULL);
	r = tap_ifr(n, &ifr);
	if (r == 0 && !(ifr.ifr_flags & IFF_TAP))
		r = -ENOTTY;
	if (r == 0 && (ifr.ifr_flags & (IFF_NO_PI | IFF_VNET_HDR)) !=
			      (IFF_NO_PI | IFF_VNET_HDR))
		r = -EPROTO;
	if (r < 0)
		return err_set_num(e, r, ERR_TAP_FD, NULL, fd, 0);
	snprintf(n->name, sizeof(n->name), "%.*s", IFNAMSIZ, ifr.ifr_name);
	if (fcntl((int)fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(e, -errno, ERR_HOST_CALL, "fcntl", NULL);
	return tap_ready(n, e);
}
