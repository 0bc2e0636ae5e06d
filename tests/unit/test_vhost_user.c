/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted back end at the other end of a socket. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_ring.h"
#include "vmm/vhost_user.h"
#include "vmm/vhost_user_msg.h"

#define FEATURES (VIRTIO_RING_FEATURES | 1ull << VHOST_USER_F_PROTOCOL_FEATURES)
#define MQ	 0 /* of the protocol: offered, and not for us */

struct ring {
	unsigned int num, base;
	struct vhost_vring_addr addr;
	int kick, call;
	bool no_call;
	bool enabled;
	bool stopped;
};

/* What it was told, and how it misbehaves. */
static struct back {
	int fd;
	pthread_t thread;
	uint64_t features;  /* offered */
	uint64_t protocols; /* offered */
	uint32_t die_at;    /* request: closes the socket */
	uint32_t refuse_at; /* request: answers that it failed */
	uint32_t lie_at;    /* request: an answer to another one */
	uint32_t plain_at;  /* request: an answer that does not say it is one */
	uint32_t long_at;   /* request: an answer of another length */
	/* heard */
	bool owned;
	uint64_t set_features;
	uint64_t set_protocols;
	struct vhost_user_memory memory;
	int memory_fd;
	struct ring ring[2];
} back;

static ssize_t hear(struct vhost_user_msg *m, int *fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * 8)];
	} control;
	struct iovec v = {m, VHOST_USER_HEAD};
	struct msghdr msg = {.msg_iov = &v,
			     .msg_iovlen = 1,
			     .msg_control = control.room,
			     .msg_controllen = sizeof(control.room)};
	ssize_t n = recvmsg(back.fd, &msg, MSG_WAITALL);
	struct cmsghdr *c;

	*fd = -1;
	if (n != VHOST_USER_HEAD)
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	if (c)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	if (m->size == 0)
		return 0;
	return recv(back.fd, &m->payload, m->size, MSG_WAITALL);
}

static void say(struct vhost_user_msg *m, uint32_t size)
{
	m->flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
	if (m->request == back.plain_at)
		m->flags = VHOST_USER_VERSION;
	if (m->request == back.lie_at)
		m->request++;
	m->size = m->request == back.long_at ? size + 4 : size;
	if (send(back.fd, m, VHOST_USER_HEAD, MSG_NOSIGNAL) < 0 ||
	    send(back.fd, &m->payload, m->size, MSG_NOSIGNAL) < 0)
		return;
}

static void set_file(struct vhost_user_msg *m, int fd)
{
	struct ring *r = &back.ring[m->payload.u64 & 1];

	if (m->request == VHOST_USER_SET_VRING_KICK) {
		r->kick = fd;
		return;
	}
	r->call = fd;
	r->no_call = m->payload.u64 & VHOST_USER_VRING_NOFD;
}

static void set_ring(struct vhost_user_msg *m)
{
	struct ring *r = &back.ring[m->payload.state.index & 1];

	switch (m->request) {
	case VHOST_USER_SET_VRING_NUM:
		r->num = m->payload.state.num;
		break;
	case VHOST_USER_SET_VRING_BASE:
		r->base = m->payload.state.num;
		break;
	case VHOST_USER_SET_VRING_ADDR:
		r->addr = m->payload.addr;
		break;
	case VHOST_USER_SET_VRING_ENABLE:
		r->enabled = m->payload.state.num;
		break;
	default:
		abort();
	}
}

/* Whether there is an answer of its own, which was given. */
static bool answered(struct vhost_user_msg *m, int fd)
{
	switch (m->request) {
	case VHOST_USER_GET_FEATURES:
		m->payload.u64 = back.features;
		say(m, 8);
		return true;
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		m->payload.u64 = back.protocols;
		say(m, 8);
		return true;
	case VHOST_USER_GET_VRING_BASE:
		back.ring[m->payload.state.index & 1].stopped = true;
		m->payload.state.num = 1;
		say(m, sizeof(m->payload.state));
		return true;
	case VHOST_USER_SET_OWNER:
		back.owned = true;
		break;
	case VHOST_USER_SET_FEATURES:
		back.set_features = m->payload.u64;
		break;
	case VHOST_USER_SET_PROTOCOL_FEATURES:
		back.set_protocols = m->payload.u64;
		break;
	case VHOST_USER_SET_MEM_TABLE:
		back.memory = m->payload.memory;
		back.memory_fd = fd;
		break;
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
		set_file(m, fd);
		break;
	default:
		set_ring(m);
	}
	return false;
}

static void *back_main(void *arg)
{
	struct vhost_user_msg m;
	int fd;

	(void)arg;
	while (hear(&m, &fd) >= 0) {
		uint32_t request = m.request;
		bool wants = m.flags & VHOST_USER_NEED_REPLY;

		if (request == back.die_at)
			break;
		if (!answered(&m, fd) && wants) {
			m.payload.u64 = request == back.refuse_at;
			say(&m, 8);
		}
	}
	close(back.fd);
	return NULL;
}

static struct fake_ring ring;
static struct vhost_user front;

static void back_start(int *fd)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	back.fd = pair[1];
	*fd = pair[0];
	assert_int_equal(pthread_create(&back.thread, NULL, back_main, NULL),
			 0);
}

static int begin(void **state)
{
	(void)state;
	memset(&back, 0, sizeof(back));
	back.features = FEATURES;
	back.protocols = 1ull << VHOST_USER_PROTOCOL_F_REPLY_ACK | 1ull << MQ;
	back.memory_fd = -1;
	memset(&ring, 0, sizeof(ring));
	ring.unit.v.n_queues = 2;
	fake_ring_init(&ring);
	ring.mem.region[0].fd = open("/dev/zero", O_RDWR);
	ring.mem.region[0].fd_off = 0x5000;
	fake_ring_up(&ring, VIRTIO_RING_FEATURES);
	return 0;
}

static int end(void **state)
{
	(void)state;
	vhost_user_close(&front);
	pthread_join(back.thread, NULL);
	close(ring.mem.region[0].fd);
	close(back.memory_fd);
	for (unsigned int i = 0; i < 2; i++) {
		close(back.ring[i].kick);
		close(back.ring[i].call);
	}
	fake_ring_fini(&ring);
	return 0;
}

static int meet(void)
{
	int fd;

	back_start(&fd);
	return vhost_user_open(&front, fd);
}

static int start(void)
{
	return vhost_user_start(&front, &ring.unit.v, 2);
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

static void assert_told(void)
{
	assert_int_equal(back.memory.n, 1);
	assert_int_equal(back.memory.region[0].gpa, 0);
	assert_int_equal(back.memory.region[0].size, FAKE_RING_RAM);
	assert_int_equal(back.memory.region[0].user_addr, (uintptr_t)ring.ram);
	assert_int_equal(back.memory.region[0].offset, 0x5000);
	assert_true(same_file(back.memory_fd, ring.mem.region[0].fd));
	for (unsigned int i = 0; i < 2; i++) {
		const struct virtq *q = &ring.unit.v.queue[i];
		const struct ring *r = &back.ring[i];
		uint64_t one = 1, n = 0;

		assert_int_equal(r->num, FAKE_RING_SIZE);
		assert_int_equal(r->addr.desc_user_addr, (uintptr_t)q->desc);
		assert_int_equal(r->addr.avail_user_addr, (uintptr_t)q->avail);
		assert_int_equal(r->addr.used_user_addr, (uintptr_t)q->used);
		/* what is there already was told, and reaches the back end */
		assert_int_equal(read(r->kick, &n, sizeof(n)), sizeof(n));
		assert_int_equal(write(r->call, &one, sizeof(one)),
				 sizeof(one));
		assert_true(fake_ring_interrupt(&ring, i));
	}
}

static void all_is_told(void **state)
{
	(void)state;
	assert_int_equal(meet(), 0);
	assert_int_equal(front.offered, FEATURES);
	assert_int_equal(start(), 0);
	assert_told();
	assert_true(back.owned);
	assert_int_equal(back.set_protocols,
			 1ull << VHOST_USER_PROTOCOL_F_REPLY_ACK);
	assert_int_equal(back.set_features, FEATURES);
	assert_true(back.ring[0].enabled && back.ring[1].enabled);
	/* where it got to is what it gave back */
	ring.unit.v.queue[0].used->idx = 5;
	vhost_user_stop(&front);
	assert_true(back.ring[0].stopped && back.ring[1].stopped);
	assert_int_equal(ring.unit.v.queue[0].seen, 5);
	assert_int_equal(ring.unit.v.queue[0].done, 5);
	/* and again */
	assert_int_equal(start(), 0);
	assert_int_equal(back.ring[0].base, 5);
}

/* One that has nothing but what the protocol began with. */
static void plain_back_end(void **state)
{
	(void)state;
	back.features = VIRTIO_RING_FEATURES;
	assert_int_equal(meet(), 0);
	assert_int_equal(start(), 0);
	vhost_user_stop(&front); /* whose answer comes after all else */
	assert_told();
	assert_int_equal(back.set_features, VIRTIO_RING_FEATURES);
	assert_false(back.ring[0].enabled);
}

static void no_interrupt_wanted(void **state)
{
	(void)state;
	atomic_store(&ring.unit.v.queue_vector[1], VIRTIO_NO_VECTOR);
	assert_int_equal(meet(), 0);
	assert_int_equal(start(), 0);
	assert_true(back.ring[1].no_call);
	assert_false(back.ring[0].no_call);
}

static void queue_left_out(void **state)
{
	(void)state;
	virtq_stop(&ring.unit.v.queue[0]);
	assert_int_equal(meet(), 0);
	assert_int_equal(start(), 0);
	assert_int_equal(back.ring[0].num, 0);
	assert_int_equal(back.ring[1].num, FAKE_RING_SIZE);
}

static void too_old(void **state)
{
	(void)state;
	back.features = 1ull << 30 | 1ull << 29;
	assert_int_equal(meet(), -ENOTSUP);
	assert_int_equal(front.fd, -1);
}

static void memory_without_a_file(void **state)
{
	(void)state;
	assert_int_equal(meet(), 0);
	close(ring.mem.region[0].fd);
	ring.mem.region[0].fd = -1;
	assert_int_equal(start(), -EINVAL);
}

/* It goes at any request: an error, and no more is tried. */
static void it_dies(void **state)
{
	static const uint32_t at[] = {1, 3, 15, 16, 2, 5, 8, 9, 10, 12, 13, 18};

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		int r;

		back.die_at = at[i];
		r = meet();
		if (r == 0)
			r = start();
		assert_true(r == -EPIPE || r == -ECONNRESET);
		if (front.fd >= 0) {
			assert_true(atomic_load(&front.dead));
			assert_int_equal(start(), -EPIPE);
		}
		end(state);
		begin(state);
	}
	/* in the middle of its work */
	back.die_at = VHOST_USER_GET_VRING_BASE;
	assert_int_equal(meet(), 0);
	assert_int_equal(start(), 0);
	ring.unit.v.queue[1].used->idx = 3;
	vhost_user_stop(&front);
	assert_int_equal(ring.unit.v.queue[1].seen, 3);
}

static void it_refuses(void **state)
{
	(void)state;
	back.refuse_at = VHOST_USER_SET_MEM_TABLE;
	assert_int_equal(meet(), 0);
	assert_int_equal(start(), -EIO);
	/* which is no end */
	assert_false(atomic_load(&front.dead));
	back.refuse_at = 0;
	assert_int_equal(start(), 0);
}

static void it_talks_nonsense(void **state)
{
	static const uint32_t at[] = {1, 15, 5, 18};

	for (size_t i = 0; i < 3 * sizeof(at) / sizeof(at[0]); i++) {
		int r;

		if (i % 3 == 0)
			back.lie_at = at[i / 3];
		else if (i % 3 == 1)
			back.plain_at = at[i / 3];
		else
			back.long_at = at[i / 3];
		r = meet();
		if (r == 0)
			r = start();
		assert_int_equal(r, -EPROTO);
		end(state);
		begin(state);
	}
	assert_int_equal(meet(), 0);
}

#define TRIAL(t) cmocka_unit_test_setup_teardown(t, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRIAL(all_is_told),
		TRIAL(plain_back_end),
		TRIAL(no_interrupt_wanted),
		TRIAL(queue_left_out),
		TRIAL(too_old),
		TRIAL(memory_without_a_file),
		TRIAL(it_dies),
		TRIAL(it_refuses),
		TRIAL(it_talks_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
