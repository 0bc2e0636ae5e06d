// SPDX-License-Identifier: Apache-2.0
/*
 * passt: a program that gives a guest a network without any rights, made of
 * ordinary sockets. It speaks frames over a Unix stream socket, each after its
 * length in 4 bytes, the highest first.
 *
 * How it works: what comes is read into a buffer, as much as there is, and cut
 * into frames. What the socket does not take of a frame is kept and goes first
 * as soon as it takes more; until then the guest's frames stay in its queue.
 * A passt that ended is looked for again once a second where it has a socket
 * of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/net.h"

#define IN_ROOM	 (1u << 18)
#define OUT_ROOM (4 + VIRTIO_NET_FRAME_MAX)

struct net_passt {
	char path[CONF_PATH_MAX]; /* "": it was started by us */
	pid_t pid;		  /* 0: none was */
	int room_fd;		  /* epoll: the socket takes more; -1: none */
	bool waits;		  /* room_fd is in the loop */
	int timer_fd;		  /* the next attempt to connect */
	unsigned int in_from;
	unsigned int in_to;
	unsigned int out_from;
	unsigned int out_to;
	uint8_t in[IN_ROOM];
	uint8_t out[OUT_ROOM];
};

/* --- to the guest --------------------------------------------------------- */

/* 1: there is more now; 0: nothing came. */
static int fill(struct net_pair *p, struct net_passt *s)
{
	ssize_t r;

	memmove(s->in, s->in + s->in_from, s->in_to - s->in_from);
	s->in_to -= s->in_from;
	s->in_from = 0;
	r = recv(p->fd, s->in + s->in_to, sizeof(s->in) - s->in_to,
		 MSG_DONTWAIT);
	if (r < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	s->in_to += (unsigned int)r;
	return r ? 1 : -EPIPE;
}

/* The length of the frame that comes next; 0: it is not all there. */
static int whole_frame(const struct net_passt *s, uint32_t *len)
{
	unsigned int have = s->in_to - s->in_from;

	*len = 0;
	if (have < 4)
		return 0;
	memcpy(len, s->in + s->in_from, 4);
	*len = ntohl(*len);
	if (*len < VIRTIO_NET_ETH || *len > VIRTIO_NET_FRAME_MAX)
		return -EPROTO;
	if (have - 4 < *len)
		*len = 0;
	return 0;
}

static int place(struct net_pair *p, struct net_passt *s, uint32_t len)
{
	static const uint8_t header[VIRTIO_NET_HDR];
	uint64_t bytes = VIRTIO_NET_HDR + (uint64_t)len;
	int r = net_pump_room(p, bytes);

	if (r < 0)
		return r;
	if (r > 0) {
		virtio_net_rx_write(&p->rx, 0, header, sizeof(header));
		virtio_net_rx_write(&p->rx, sizeof(header),
				    s->in + s->in_from + 4, len);
		net_pump_placed(p, bytes);
	}
	s->in_from += 4 + len;
	return 1;
}

static int passt_receive(struct net_pair *p)
{
	struct net_passt *s = p->net->passt;
	uint32_t len;
	int r = whole_frame(s, &len);

	if (r < 0)
		return r;
	return len ? place(p, s, len) : fill(p, s);
}

/* --- from the guest ------------------------------------------------------- */

static void on_room(void *ctx);

static void wait_for_room(struct net_pair *p, bool on)
{
	struct net_passt *s = p->net->passt;

	if (on == s->waits || s->room_fd < 0)
		return;
	if (!on)
		loop_remove(&p->worker.loop, s->room_fd);
	else if (loop_add(&p->worker.loop, s->room_fd, on_room, p) < 0)
		return;
	s->waits = on;
}

/* Send what is left of a frame. 0, -EAGAIN, -EPIPE. */
static int flush(struct net_pair *p, struct net_passt *s)
{
	while (s->out_from < s->out_to) {
		ssize_t r = send(p->fd, s->out + s->out_from,
				 s->out_to - s->out_from,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno != EAGAIN)
			return -EPIPE;
		if (r < 0) {
			wait_for_room(p, true);
			return -EAGAIN;
		}
		s->out_from += (unsigned int)r;
	}
	s->out_from = 0;
	s->out_to = 0;
	return 0;
}

static void on_room(void *ctx)
{
	struct net_pair *p = ctx;

	wait_for_room(p, false);
	/* The rest of a frame goes, be there another one or not. */
	if (flush(p, p->net->passt) != -EAGAIN)
		net_pump_send(p);
}

static int passt_send(struct net_pair *p, uint32_t bytes)
{
	struct net_passt *s = p->net->passt;
	struct iovec iov[VIRTQ_SIZE_MAX + 1];
	uint32_t head = htonl(bytes);
	struct msghdr m = {.msg_iov = iov};
	ssize_t sent;
	int r = flush(p, s);

	if (r < 0)
		return r;
	iov[0].iov_base = &head;
	iov[0].iov_len = sizeof(head);
	m.msg_iovlen = 1 + virtq_slice(&p->chain, false, VIRTIO_NET_HDR, bytes,
				       iov + 1, VIRTQ_SIZE_MAX);
	sent = sendmsg(p->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		return -EPIPE;
	if (sent < 0) {
		wait_for_room(p, true);
		return -EAGAIN;
	}
	if ((size_t)sent == sizeof(head) + bytes)
		return 0;
	/* The rest of it has to follow, whatever becomes of the guest. */
	memcpy(s->out, &head, sizeof(head));
	virtq_copy_out(&p->chain, VIRTIO_NET_HDR, s->out + sizeof(head), bytes);
	s->out_from = (unsigned int)sent;
	s->out_to = (unsigned int)sizeof(head) + bytes;
	r = flush(p, s);
	return r == -EAGAIN ? 0 : r;
}

/* --- connecting ----------------------------------------------------------- */

static void timer_set(struct net_passt *s, unsigned int seconds)
{
	struct itimerspec t = {
		.it_value.tv_sec = seconds,
		.it_interval.tv_sec = seconds,
	};

	(void)timerfd_settime(s->timer_fd, 0, &t, NULL);
}

static void disconnect(struct net_pair *p)
{
	struct net_passt *s = p->net->passt;

	wait_for_room(p, false);
	if (s->room_fd >= 0)
		close(s->room_fd);
	if (p->fd >= 0)
		close(p->fd);
	s->room_fd = -1;
	p->fd = -1;
	s->in_from = 0;
	s->in_to = 0;
	s->out_from = 0;
	s->out_to = 0;
}

static void passt_lost(struct net_pair *p)
{
	struct net_passt *s = p->net->passt;

	disconnect(p);
	(void)net_link(p->net, false);
	if (s->path[0]) {
		virtio_say(p->net->v, "passt hung up: the guest's link is down "
				      "until it is there again");
		timer_set(s, 1);
	} else {
		virtio_say(p->net->v, "passt ended: the guest's link is down "
				      "from now on");
	}
}

/* An epoll file of its own is how a loop waits for room in a socket. */
static int use_socket(struct net_pair *p, int fd)
{
	struct net_passt *s = p->net->passt;
	struct epoll_event ev = {.events = EPOLLOUT};

	s->room_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->room_fd < 0 || epoll_ctl(s->room_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	p->fd = fd;
	return 0;
}

static int try_connect(struct net_pair *p)
{
	struct net_passt *s = p->net->passt;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = strlen(s->path);
	int fd, r;

	if (len >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, s->path, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		r = -errno;
	else
		r = use_socket(p, fd);
	if (r < 0) {
		close(fd);
		disconnect(p);
	}
	return r;
}

static void on_timer(void *ctx)
{
	struct net_pair *p = ctx;
	struct net_passt *s = p->net->passt;
	uint64_t n;

	if (read(s->timer_fd, &n, sizeof(n)) < 0 || p->fd >= 0 ||
	    try_connect(p) < 0)
		return;
	timer_set(s, 0);
	if (net_pump_watch(p) < 0)
		return;
	(void)net_link(p->net, true);
	virtio_say(p->net->v, "passt is there again, and the guest's link up");
	net_pump_send(p);
}

static int passt_on(struct net *n)
{
	return loop_add(&n->pair[0].worker.loop, n->passt->timer_fd, on_timer,
			&n->pair[0]);
}

static void passt_off(struct net *n)
{
	wait_for_room(&n->pair[0], false);
	loop_remove(&n->pair[0].worker.loop, n->passt->timer_fd);
}

/* --- a passt of our own --------------------------------------------------- */

extern char **environ;

static int spawn(struct net_passt *s, int fd)
{
	char number[16];
	char name[] = "passt", foreground[] = "--foreground";
	char quiet[] = "--quiet", option[] = "--fd";
	char *argv[] = {name, foreground, quiet, option, number, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int r;

	snprintf(number, sizeof(number), "%d", fd);
	sigemptyset(&none);
	if (posix_spawn_file_actions_init(&files))
		return -ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&files);
		return -ENOMEM;
	}
	/* the same number again: close-on-exec is off there */
	r = posix_spawn_file_actions_adddup2(&files, fd, fd);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", 0,
						     0);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	/* a group of its own: what a terminal sends us is not for it */
	(void)posix_spawnattr_setpgroup(&attr, 0);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETPGROUP);
	if (r == 0)
		r = posix_spawnp(&s->pid, "passt", &files, &attr, argv,
				 environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

static int start_passt(struct net_pair *p)
{
	struct net_passt *s = p->net->passt;
	int fd[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	r = spawn(s, fd[1]);
	close(fd[1]);
	if (r < 0)
		s->pid = 0;
	else
		r = use_socket(p, fd[0]);
	if (r < 0)
		close(fd[0]);
	return r;
}

static void passt_close(struct net *n)
{
	struct net_passt *s = n->passt;

	disconnect(&n->pair[0]);
	if (s->timer_fd >= 0)
		close(s->timer_fd);
	/* Its socket is closed: it would go by itself. */
	if (s->pid > 0) {
		kill(s->pid, SIGTERM);
		waitpid(s->pid, NULL, 0);
	}
	free(s);
}

static const struct net_kind passt_kind = {
	.send = passt_send,
	.receive = passt_receive,
	.lost = passt_lost,
	.start = passt_on,
	.stop = passt_off,
	.close = passt_close,
};

static int alloc(struct net *n)
{
	int r = net_pairs_alloc(n, 1);

	if (r < 0)
		return r;
	n->passt = calloc(1, sizeof(*n->passt));
	if (!n->passt)
		return -ENOMEM;
	n->kind = &passt_kind;
	n->passt->room_fd = -1;
	n->passt->timer_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return n->passt->timer_fd < 0 ? -errno : 0;
}

int net_passt_open(struct net *n, const char *path, struct err *e)
{
	int r = alloc(n);

	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "calloc", NULL);
	snprintf(n->name, sizeof(n->name), "passt");
	if (!path) {
		r = start_passt(&n->pair[0]);
		return r ? err_set(e, r, ERR_PASST_START, NULL, NULL) : 0;
	}
	snprintf(n->passt->path, sizeof(n->passt->path), "%s", path);
	r = try_connect(&n->pair[0]);
	return r ? err_set(e, r, ERR_PASST, path, NULL) : 0;
}
