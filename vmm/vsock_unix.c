// SPDX-License-Identifier: Apache-2.0
/*
 * The host's end of a guest's sockets as Unix sockets, in the way that
 * Firecracker began: a program of the host connects to PATH, says "CONNECT
 * PORT\n", and reads "OK PORT\n" once the guest has accepted; what the guest
 * connects to as port P of the host is the Unix socket PATH_P.
 *
 * How it works: one thread. devices/vsock_conn.c knows what state connections
 * are in and which packets are due; here bytes are moved between queues and
 * sockets. What a program does not take at once waits in a buffer that the
 * guest knows the size of. What the guest does not take at once stays in the
 * program's socket. Sockets are watched edge-triggered: struct end remembers
 * what may be done with each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devices/vsock_conn.h"
#include "vmm/guest_notify.h"
#include "vmm/unix_socket.h"
#include "vmm/vsock_host.h"
#include "vmm/vsock_text.h"

#define BOTH (VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)
/* Packets in one go; then others have their turn. */
#define BUDGET 512u
#define PIECES 64u

/* The socket of a connection. */
struct end {
	int fd; /* -1: none */
	bool readable;
	bool writable;
	bool hung_up; /* the program's side is closed altogether */
	bool passed;  /* it was told that the guest sends no more */
	/* the guest's bytes that it has not taken: a ring */
	uint32_t at;
	uint32_t n;
	uint8_t *buf; /* VSOCK_BUF of them, or NULL */
};

struct vsock_unix {
	struct virtio_vsock model; /* first: see there */
	struct virtio *v;
	struct unix_listener listener; /* of PATH */
	int spare; /* given up for a moment when there are no more */
	int epoll; /* of the ends */
	struct worker worker;
	struct vsock_table table;
	unsigned int next; /* end that is read first */
	struct end end[VSOCK_CONNS];
	struct virtq_chain chain;
};

/* --- an end --------------------------------------------------------------- */

static void end_close(struct vsock_unix *s, unsigned int i)
{
	struct end *x = &s->end[i];

	if (x->fd >= 0)
		close(x->fd);
	free(x->buf);
	memset(x, 0, sizeof(*x));
	x->fd = -1;
}

static int end_open(struct vsock_unix *s, unsigned int i, int fd)
{
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.u32 = i,
	};

	end_close(s, i);
	s->end[i].fd = fd;
	s->end[i].writable = true;
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* Both sides are rid of it, the guest perhaps by the RST that comes. */
static void end_drop(struct vsock_unix *s, unsigned int i)
{
	end_close(s, i);
	if (s->table.conn[i].state == VSOCK_HELD)
		vsock_free(&s->table, i);
	else
		vsock_reset(&s->table, i);
}

/* The program ended one side or both; then the rest is the guest's. */
static void end_shut(struct vsock_unix *s, unsigned int i, uint32_t how)
{
	vsock_shut(&s->table, i, how);
	if (s->table.conn[i].state == VSOCK_ENDED)
		end_close(s, i);
}

/* The program takes no more. */
static void end_broken(struct vsock_unix *s, unsigned int i)
{
	struct end *x = &s->end[i];
	uint32_t n = x->n;

	x->n = 0;
	x->writable = false;
	if (s->table.conn[i].state != VSOCK_OPEN) {
		end_drop(s, i);
		return;
	}
	vsock_forwarded(&s->table, i, n);
	end_shut(s, i, VIRTIO_VSOCK_SHUTDOWN_RCV);
}

/* How many bytes the program took; what became of it is in @x. */
static uint32_t end_send(struct vsock_unix *s, unsigned int i,
			 struct iovec *iov, unsigned int n)
{
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = n};
	struct end *x = &s->end[i];
	ssize_t r = sendmsg(x->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (r >= 0)
		return (uint32_t)r;
	if (errno == EAGAIN)
		x->writable = false;
	else if (errno != EINTR)
		end_broken(s, i);
	return 0;
}

/* What the guest has said about its end is said to the program in its turn. */
static void end_settle(struct vsock_unix *s, unsigned int i)
{
	const struct vsock_conn *c = &s->table.conn[i];
	struct end *x = &s->end[i];

	if (x->fd < 0 || x->n)
		return;
	if (c->state == VSOCK_HELD || c->guest_shut == BOTH) {
		end_drop(s, i);
		return;
	}
	if (c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_SEND && !x->passed) {
		x->passed = true;
		(void)shutdown(x->fd, SHUT_WR);
	}
}

static void end_flush(struct vsock_unix *s, unsigned int i)
{
	struct end *x = &s->end[i];

	while (x->fd >= 0 && x->writable && x->n) {
		uint32_t to_end = VSOCK_BUF - x->at;
		struct iovec v = {x->buf + x->at,
				  x->n < to_end ? x->n : to_end};
		uint32_t sent = end_send(s, i, &v, 1);

		if (!sent)
			continue;
		x->at = (x->at + sent) % VSOCK_BUF;
		x->n -= sent;
		vsock_forwarded(&s->table, i, sent);
	}
	end_settle(s, i);
}

/* --- packets from the guest ----------------------------------------------- */

/* Bytes [off, len) of the packet wait until the program takes them. */
static void keep(struct vsock_unix *s, unsigned int i, uint32_t off,
		 uint32_t len)
{
	struct end *x = &s->end[i];

	if (!x->buf)
		x->buf = malloc(VSOCK_BUF);
	if (!x->buf) {
		end_drop(s, i);
		return;
	}
	while (off < len) {
		uint32_t to = (x->at + x->n) % VSOCK_BUF;
		uint32_t part = len - off;

		if (part > VSOCK_BUF - to)
			part = VSOCK_BUF - to;
		/* There is room: vsock_take() has seen to that. */
		virtq_copy_out(&s->chain, VIRTIO_VSOCK_HDR + off, x->buf + to,
			       part);
		x->n += part;
		off += part;
	}
}

static void got_data(struct vsock_unix *s, unsigned int i, uint32_t len)
{
	struct end *x = &s->end[i];
	uint32_t off = 0, sent = 1;

	while (x->fd >= 0 && x->writable && !x->n && off < len && sent) {
		struct iovec iov[PIECES];
		unsigned int n =
			virtq_slice(&s->chain, false, VIRTIO_VSOCK_HDR + off,
				    len - off, iov, PIECES);

		sent = end_send(s, i, iov, n);
		off += sent;
		vsock_forwarded(&s->table, i, sent);
	}
	if (x->fd >= 0 && off < len &&
	    s->table.conn[i].shut & VIRTIO_VSOCK_SHUTDOWN_RCV)
		vsock_forwarded(&s->table, i, len - off);
	else if (x->fd >= 0 && off < len)
		keep(s, i, off, len);
}

/* -errno */
static int dial(const struct vsock_unix *s, uint32_t port)
{
	struct guest_notify *notify = virtio_unit(s->v)->notify;
	char path[UNIX_PATH_MAX + 16];

	if (notify && notify->epoll >= 0 && notify->port == port)
		return guest_notify_stream(notify);
	if (!s->listener.path[0])
		return -ENOENT;
	snprintf(path, sizeof(path), "%s_%u", s->listener.path, port);
	return unix_connect(path);
}

static void called(struct vsock_unix *s, unsigned int i)
{
	int fd = dial(s, s->table.conn[i].host_port);

	if (fd < 0 || end_open(s, i, fd) < 0)
		end_drop(s, i);
	else
		vsock_accept(&s->table, i);
}

static void answered(struct vsock_unix *s, unsigned int i)
{
	char text[24];
	struct iovec v = {text, 0};
	int n = snprintf(text, sizeof(text), "OK %u\n",
			 s->table.conn[i].host_port);

	v.iov_len = (size_t)n;
	end_send(s, i, &v, 1);
}

static void guest_shut(struct vsock_unix *s, unsigned int i)
{
	struct end *x = &s->end[i];

	if (s->table.conn[i].guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV)
		(void)shutdown(x->fd, SHUT_RD);
	end_flush(s, i);
}

static void take(struct vsock_unix *s)
{
	struct virtio_vsock_hdr h;
	unsigned int i = 0;

	if (virtio_vsock_get(&s->chain, &h) < 0)
		return;
	switch (vsock_take(&s->table, &h, &i)) {
	case VSOCK_CALL:
		called(s, i);
		break;
	case VSOCK_ANSWERED:
		answered(s, i);
		break;
	case VSOCK_DATA:
		got_data(s, i, h.len);
		break;
	case VSOCK_SHUT:
		guest_shut(s, i);
		break;
	case VSOCK_GONE:
		end_flush(s, i);
		break;
	case VSOCK_CREDIT:
	case VSOCK_NOTHING:
		break;
	}
}

/* Whether anything was there. */
static bool take_all(struct vsock_unix *s, unsigned int *budget)
{
	struct virtq *q = &s->v->queue[VIRTIO_VSOCK_TX];
	bool some = false;

	while (*budget && vsock_can_take(&s->table)) {
		int r = virtq_pop(q, &s->chain);

		if (r < 0)
			virtio_fail(s->v);
		if (r < 0 || (r == 0 && !virtq_wait(q)))
			break;
		if (r == 0)
			continue;
		(*budget)--;
		some = true;
		take(s);
		virtq_push(q, s->chain.head, 0);
	}
	return some;
}

/* --- packets to the guest ------------------------------------------------- */

/* The next end with something to read that the guest has room for, or -1. */
static int reader(const struct vsock_unix *s)
{
	for (unsigned int k = 0; k < VSOCK_CONNS; k++) {
		unsigned int i = (s->next + k) % VSOCK_CONNS;

		if (s->end[i].fd >= 0 && s->end[i].readable &&
		    vsock_credit(&s->table, i))
			return (int)i;
	}
	return -1;
}

/* The program sends no more. */
static void end_eof(struct vsock_unix *s, unsigned int i)
{
	s->end[i].readable = false;
	end_shut(s, i, s->end[i].hung_up ? BOTH : VIRTIO_VSOCK_SHUTDOWN_SEND);
}

/* How many bytes of @i went into the buffer at hand. */
static uint32_t read_end(struct vsock_unix *s, unsigned int i)
{
	struct end *x = &s->end[i];
	struct iovec iov[PIECES];
	unsigned int n = virtio_vsock_room(
		&s->chain, vsock_credit(&s->table, i), iov, PIECES);
	ssize_t r = readv(x->fd, iov, (int)n);

	if (r > 0)
		return (uint32_t)r;
	if (r < 0 && errno == EAGAIN)
		x->readable = false;
	else if (r == 0 || errno != EINTR)
		end_eof(s, i);
	return 0;
}

/* How much of the buffer at hand was filled; 0: nothing came of it. */
static uint32_t fill(struct vsock_unix *s)
{
	struct virtio_vsock_hdr h;
	uint32_t n = 0;

	if (!vsock_next(&s->table, &h)) {
		int i = reader(s);

		if (i < 0)
			return 0;
		s->next = ((unsigned int)i + 1) % VSOCK_CONNS;
		n = read_end(s, (unsigned int)i);
		if (!n)
			return 0;
		vsock_data(&s->table, (unsigned int)i, n, &h);
	}
	virtq_copy_in(&s->chain, 0, &h, sizeof(h));
	return (uint32_t)sizeof(h) + n;
}

static bool give_all(struct vsock_unix *s, unsigned int *budget)
{
	struct virtq *q = &s->v->queue[VIRTIO_VSOCK_RX];
	bool some = false;

	while (*budget && (vsock_owes(&s->table) || reader(s) >= 0)) {
		int r = virtq_pop(q, &s->chain);
		uint32_t n;

		/* A buffer that has room for a head alone would be of no use.
		 */
		if (r < 0 || (r > 0 && s->chain.in_len <= VIRTIO_VSOCK_HDR)) {
			virtio_fail(s->v);
			break;
		}
		if (r == 0 && !virtq_wait(q))
			break;
		if (r == 0)
			continue;
		(*budget)--;
		some = true;
		n = fill(s);
		if (n)
			virtq_push(q, s->chain.head, n);
		else
			virtq_unpop(q);
	}
	return some;
}

static void pump(struct vsock_unix *s)
{
	unsigned int budget = BUDGET;
	bool took;
	bool gave;

	do {
		took = take_all(s, &budget);
		gave = give_all(s, &budget);
	} while (took || gave);
	virtio_signal(s->v, VIRTIO_VSOCK_TX);
	virtio_signal(s->v, VIRTIO_VSOCK_RX);
	if (!budget)
		s->v->kick(s->v->ctx, VIRTIO_VSOCK_TX);
}

/* --- events --------------------------------------------------------------- */

static void on_queue(struct virtio *v, unsigned int queue)
{
	(void)queue;
	pump(v->host);
}

/* A program that has not said yet which port it wants. */
static void greeted(struct vsock_unix *s, unsigned int i)
{
	struct end *x = &s->end[i];
	char text[VSOCK_GREETING_MAX];
	ssize_t n = recv(x->fd, text, sizeof(text), MSG_PEEK | MSG_DONTWAIT);
	uint32_t port;
	int len;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	len = n > 0 ? vsock_greeting(text, (size_t)n, &port) : -EINVAL;
	if (len > 0 && recv(x->fd, text, (size_t)len, MSG_DONTWAIT) == len)
		vsock_call(&s->table, i, port);
	else if (len || x->hung_up)
		end_drop(s, i);
}

static void on_end(struct vsock_unix *s, unsigned int i, uint32_t events)
{
	struct end *x = &s->end[i];

	if (x->fd < 0)
		return;
	x->hung_up |= events & (EPOLLHUP | EPOLLERR);
	x->readable |= events & ~(uint32_t)EPOLLOUT;
	x->writable |= events & EPOLLOUT &&
		       !(s->table.conn[i].shut & VIRTIO_VSOCK_SHUTDOWN_RCV);
	if (s->table.conn[i].state == VSOCK_HELD && !x->n)
		greeted(s, i);
	else if (s->table.conn[i].state == VSOCK_CALLING && x->hung_up)
		end_drop(s, i);
	else
		end_flush(s, i);
}

static void on_ends(void *ctx)
{
	struct vsock_unix *s = ctx;
	struct epoll_event ev[64];
	int n = epoll_wait(s->epoll, ev, 64, 0);

	for (int i = 0; i < n; i++)
		on_end(s, ev[i].data.u32, ev[i].events);
	pump(s);
}

/* Without a free descriptor the loop would call us for ever. */
static void turn_away(struct vsock_unix *s)
{
	close(s->spare);
	close(accept(s->listener.fd, NULL, NULL));
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_program(void *ctx)
{
	struct vsock_unix *s = ctx;
	int fd = accept4(s->listener.fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);
	int i;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			turn_away(s);
		return;
	}
	i = vsock_hold(&s->table);
	if (i < 0) {
		close(fd);
		return;
	}
	if (end_open(s, (unsigned int)i, fd) < 0)
		end_drop(s, (unsigned int)i);
}

/* --- the device ----------------------------------------------------------- */

static void stop(struct virtio *v)
{
	struct vsock_unix *s = v->host;

	worker_stop(&s->worker);
	virtio_unwatch(&s->worker, v, VIRTIO_VSOCK_RX);
	virtio_unwatch(&s->worker, v, VIRTIO_VSOCK_TX);
	loop_remove(&s->worker.loop, s->epoll);
	if (s->listener.fd >= 0)
		loop_remove(&s->worker.loop, s->listener.fd);
	for (unsigned int i = 0; i < VSOCK_CONNS; i++)
		end_close(s, i);
}

/* Programs that came before wait in the listener's queue. */
static int start(struct virtio *v)
{
	struct vsock_unix *s = v->host;
	int r;

	vsock_init(&s->table, s->model.guest_cid);
	r = virtio_watch(&s->worker, v, VIRTIO_VSOCK_RX, on_queue);
	if (r == 0)
		r = virtio_watch(&s->worker, v, VIRTIO_VSOCK_TX, on_queue);
	if (r == 0)
		r = loop_add(&s->worker.loop, s->epoll, on_ends, s);
	if (r == 0 && s->listener.fd >= 0)
		r = loop_add(&s->worker.loop, s->listener.fd, on_program, s);
	if (r == 0)
		r = worker_start(&s->worker, "virtio-vsock");
	if (r < 0)
		stop(v);
	return r;
}

static const struct virtio_host_ops host_ops = {start, stop};

static void vsock_close(struct virtio *v)
{
	struct vsock_unix *s = v->host;

	worker_fini(&s->worker);
	unix_listener_close(&s->listener);
	if (s->epoll >= 0)
		close(s->epoll);
	if (s->spare >= 0)
		close(s->spare);
	free(s);
}

static int host_open(struct vsock_unix *s)
{
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->spare < 0 || s->epoll < 0)
		return -errno;
	return worker_init(&s->worker);
}

/* There has to be room for the ports, too. */
static int listen_at(struct vsock_unix *s, const char *path, struct err *e)
{
	int r = strlen(path) + sizeof("_4294967295") > UNIX_PATH_MAX
			? -ENAMETOOLONG
			: unix_listen(&s->listener, path);

	return r < 0 ? err_set(e, r, ERR_SOCKET, path, NULL) : 0;
}

int vsock_unix_open(struct virtio_unit *u, uint64_t cid, const char *path,
		    struct err *e)
{
	struct vsock_unix *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	s->model.guest_cid = cid;
	s->v = &u->v;
	s->listener.fd = -1;
	for (unsigned int i = 0; i < VSOCK_CONNS; i++)
		s->end[i].fd = -1;
	u->v.ops = &virtio_vsock_ops;
	u->v.host_ops = &host_ops;
	u->v.host = s;
	u->v.n_queues = VIRTIO_VSOCK_QUEUES;
	u->close = vsock_close;
	r = host_open(s);
	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "epoll_create1", NULL);
	return path ? listen_at(s, path, e) : 0;
}
