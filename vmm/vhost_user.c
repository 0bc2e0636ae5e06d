// SPDX-License-Identifier: Apache-2.0
#include "vmm/vhost_user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost_types.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "vmm/vhost_user_msg.h"
#include "vmm/virtio.h"

#define RING_FILES 1 /* of a message about a queue */

/* What of the protocol we know how to use. */
#define PROTOCOL (1ull << VHOST_USER_PROTOCOL_F_REPLY_ACK)

/* --- messages ------------------------------------------------------------- */

/* No more is said to or expected of it. */
static int died(struct vhost_user *h, int code)
{
	atomic_store(&h->dead, true);
	return code;
}

static int send_msg(struct vhost_user *h, struct vhost_user_msg *m,
		    const int *fd, unsigned int n_fds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * GMEM_MAX)];
	} control = {.room = {0}};
	struct iovec v[2] = {{m, VHOST_USER_HEAD}, {&m->payload, m->size}};
	struct msghdr head = {.msg_iov = v, .msg_iovlen = 2};
	struct cmsghdr *c;
	ssize_t n;

	if (n_fds) {
		head.msg_control = control.room;
		head.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&head);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fd, sizeof(int) * n_fds);
	}
	do /* a vCPU's thread is called out of the guest by signals */
		n = sendmsg(h->fd, &head, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)(VHOST_USER_HEAD + m->size))
		return 0;
	return died(h, n < 0 && errno != EAGAIN ? -errno : -ETIMEDOUT);
}

static int recv_all(struct vhost_user *h, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = recv(h->fd, (uint8_t *)buf + done, len - done,
				 MSG_WAITALL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return died(h, -ETIMEDOUT);
		if (n <= 0)
			return died(h, n < 0 ? -errno : -EPIPE);
		done += (size_t)n;
	}
	return 0;
}

/* The answer to @request, whose payload has @size bytes. */
static int recv_msg(struct vhost_user *h, uint32_t request, uint32_t size,
		    struct vhost_user_msg *m)
{
	int r = recv_all(h, m, VHOST_USER_HEAD);

	if (r < 0)
		return r;
	if (m->request != request || m->size != size ||
	    (m->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION ||
	    !(m->flags & VHOST_USER_REPLY))
		return died(h, -EPROTO);
	return recv_all(h, &m->payload, size);
}

static int ask(struct vhost_user *h, struct vhost_user_msg *m, uint32_t size)
{
	int r;

	if (atomic_load(&h->dead))
		return -EPIPE;
	r = send_msg(h, m, NULL, 0);
	return r < 0 ? r : recv_msg(h, m->request, size, m);
}

/* Told, and if the back end can: that it was done. */
static int tell(struct vhost_user *h, struct vhost_user_msg *m, const int *fd,
		unsigned int n_fds)
{
	int r;

	if (atomic_load(&h->dead))
		return -EPIPE;
	if (!(h->protocol >> VHOST_USER_PROTOCOL_F_REPLY_ACK & 1))
		return send_msg(h, m, fd, n_fds);
	m->flags |= VHOST_USER_NEED_REPLY;
	r = send_msg(h, m, fd, n_fds);
	if (r == 0)
		r = recv_msg(h, m->request, sizeof(m->payload.u64), m);
	return r == 0 && m->payload.u64 ? -EIO : r;
}

static struct vhost_user_msg msg(uint32_t request, size_t size)
{
	struct vhost_user_msg m = {.request = request,
				   .flags = VHOST_USER_VERSION,
				   .size = (uint32_t)size};

	return m;
}

static int ask_u64(struct vhost_user *h, uint32_t request, uint64_t *out)
{
	struct vhost_user_msg m = msg(request, 0);
	int r = ask(h, &m, sizeof(m.payload.u64));

	*out = r == 0 ? m.payload.u64 : 0;
	return r;
}

static int tell_u64(struct vhost_user *h, uint32_t request, uint64_t val,
		    const int *fd, unsigned int n_fds)
{
	struct vhost_user_msg m = msg(request, sizeof(m.payload.u64));

	m.payload.u64 = val;
	return tell(h, &m, fd, n_fds);
}

static int tell_state(struct vhost_user *h, uint32_t request, unsigned int i,
		      unsigned int num)
{
	struct vhost_user_msg m = msg(request, sizeof(m.payload.state));

	m.payload.state.index = i;
	m.payload.state.num = num;
	return tell(h, &m, NULL, 0);
}

/* --- open ----------------------------------------------------------------- */

static int prepare(int fd)
{
	struct timeval t = {.tv_sec = VHOST_USER_PATIENCE};
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) < 0)
		return -errno;
	return 0;
}

static int negotiate(struct vhost_user *h)
{
	struct vhost_user_msg owner = msg(VHOST_USER_SET_OWNER, 0);
	uint64_t protocol;
	int r = ask_u64(h, VHOST_USER_GET_FEATURES, &h->offered);

	if (r == 0)
		r = tell(h, &owner, NULL, 0);
	if (r < 0)
		return r;
	h->enables = h->offered >> VHOST_USER_F_PROTOCOL_FEATURES & 1;
	if (h->enables) {
		r = ask_u64(h, VHOST_USER_GET_PROTOCOL_FEATURES, &protocol);
		if (r < 0)
			return r;
		r = tell_u64(h, VHOST_USER_SET_PROTOCOL_FEATURES,
			     protocol & PROTOCOL, NULL, 0);
		h->protocol = protocol & PROTOCOL;
	}
	if (r == 0 &&
	    (h->offered & VIRTIO_RING_FEATURES) != VIRTIO_RING_FEATURES)
		r = -ENOTSUP;
	return r;
}

int vhost_user_open(struct vhost_user *h, int fd)
{
	int r = prepare(fd);

	memset(h, 0, sizeof(*h));
	h->fd = fd;
	if (r == 0)
		r = negotiate(h);
	if (r < 0)
		vhost_user_close(h);
	return r;
}

void vhost_user_close(struct vhost_user *h)
{
	if (h->fd < 0)
		return;
	vhost_user_stop(h);
	close(h->fd);
	h->fd = -1;
}

/* --- start ---------------------------------------------------------------- */

static int set_memory(struct vhost_user *h)
{
	struct vhost_user_msg m = msg(VHOST_USER_SET_MEM_TABLE, 0);
	struct vhost_user_memory *t = &m.payload.memory;
	const struct gmem *mem = h->v->mem;
	int fd[GMEM_MAX];

	for (unsigned int i = 0; i < mem->n; i++) {
		const struct gmem_region *g = &mem->region[i];

		if (g->fd < 0)
			return -EINVAL;
		fd[i] = g->fd;
		t->region[i].gpa = g->gpa.base;
		t->region[i].size = g->gpa.len;
		t->region[i].user_addr = (uintptr_t)g->hva;
		t->region[i].offset = g->fd_off;
	}
	t->n = mem->n;
	m.size = (uint32_t)(sizeof(*t) -
			    (GMEM_MAX - mem->n) * sizeof(t->region[0]));
	return tell(h, &m, fd, mem->n);
}

static int set_ring(struct vhost_user *h, unsigned int i)
{
	const struct virtq *q = &h->v->queue[i];
	struct vhost_user_msg m =
		msg(VHOST_USER_SET_VRING_ADDR, sizeof(m.payload.addr));
	int r = tell_state(h, VHOST_USER_SET_VRING_NUM, i, q->regs.size);

	if (r == 0)
		r = tell_state(h, VHOST_USER_SET_VRING_BASE, i, q->seen);
	m.payload.addr.index = i;
	m.payload.addr.desc_user_addr = (uintptr_t)q->desc;
	m.payload.addr.used_user_addr = (uintptr_t)q->used;
	m.payload.addr.avail_user_addr = (uintptr_t)q->avail;
	return r < 0 ? r : tell(h, &m, NULL, 0);
}

static int set_file(struct vhost_user *h, uint32_t request, unsigned int i,
		    int fd)
{
	if (fd < 0)
		return tell_u64(h, request, i | VHOST_USER_VRING_NOFD, NULL, 0);
	return tell_u64(h, request, i, &fd, RING_FILES);
}

static int set_queue(struct vhost_user *h, unsigned int i)
{
	struct virtio *v = h->v;
	int r = set_ring(h, i);

	if (r == 0)
		r = set_file(h, VHOST_USER_SET_VRING_CALL, i,
			     virtio_call_fd(v, i));
	if (r == 0)
		r = set_file(h, VHOST_USER_SET_VRING_KICK, i,
			     virtio_kick_fd(v, i));
	if (r == 0 && h->enables)
		r = tell_state(h, VHOST_USER_SET_VRING_ENABLE, i, 1);
	if (r == 0)
		v->kick(v->ctx, i); /* for what is in the queue already */
	return r;
}

int vhost_user_start(struct vhost_user *h, struct virtio *v, unsigned int n)
{
	uint64_t features = v->acked & h->offered;
	int r;

	if (h->enables)
		features |= 1ull << VHOST_USER_F_PROTOCOL_FEATURES;
	h->v = v;
	h->n = n;
	r = tell_u64(h, VHOST_USER_SET_FEATURES, features, NULL, 0);
	if (r == 0)
		r = set_memory(h);
	for (unsigned int i = 0; r == 0 && i < n; i++) {
		if (virtq_live(&v->queue[i]))
			r = set_queue(h, i);
	}
	if (r < 0)
		vhost_user_stop(h);
	return r;
}

/* --- stop ----------------------------------------------------------------- */

static void take_back(struct vhost_user *h, unsigned int i)
{
	struct vhost_user_msg m =
		msg(VHOST_USER_GET_VRING_BASE, sizeof(m.payload.state));
	struct virtq *q = &h->v->queue[i];

	if (!virtq_live(q))
		return;
	m.payload.state.index = i;
	(void)ask(h, &m, sizeof(m.payload.state));
	q->done = __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE);
	q->seen = q->done;
	q->signalled = q->done;
}

void vhost_user_stop(struct vhost_user *h)
{
	if (!h->v)
		return;
	for (unsigned int i = 0; i < h->n; i++)
		take_back(h, i);
	h->v = NULL;
}
