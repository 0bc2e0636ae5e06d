/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's driver on one side, programs with Unix sockets on the other. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/vsock_conn.h"
#include "tests/unit/fake_ring.h"
#include "vmm/unix_socket.h"
#include "vmm/vsock_host.h"

#define CID  7u
#define PORT 99u
#define MINE 5000u /* a port of the guest's */

/* Guest-physical: a buffer for each direction and descriptor. */
#define RX_BUF 0x4000u
#define RX(i)  (FAKE_RING_DATA + (i)*RX_BUF)
#define TX     (FAKE_RING_DATA + 0x100000u)
#define ALL_RX 8u

struct fixture {
	struct fake_ring ring;
	struct err e;
	char dir[64];
	char path[80];
	unsigned int rx; /* buffer that is filled next */
	uint32_t alloc;	 /* what the guest says about itself */
	uint32_t forwarded;
};

static struct fixture *f;

static void give_rx(unsigned int i)
{
	fake_ring_add(&f->ring, VIRTIO_VSOCK_RX, RX(i), RX_BUF, true, true);
}

static void driver_up(void)
{
	fake_ring_up(&f->ring, VIRTIO_RING_FEATURES);
	f->rx = 0;
	for (unsigned int i = 0; i < ALL_RX; i++)
		give_rx(i);
	assert_int_equal(f->ring.unit.v.host_ops->start(&f->ring.unit.v), 0);
}

static void driver_down(void)
{
	f->ring.unit.v.host_ops->stop(&f->ring.unit.v);
	fake_ring_down(&f->ring);
}

static int begin(void **state)
{
	(void)state;
	f = calloc(1, sizeof(*f));
	assert_non_null(f);
	strcpy(f->dir, "/tmp/test_vsock.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/v", f->dir);
	assert_int_equal(vsock_unix_open(&f->ring.unit, CID, f->path, &f->e),
			 0);
	fake_ring_init(&f->ring);
	f->alloc = 1 << 20;
	driver_up();
	return 0;
}

static int end(void **state)
{
	(void)state;
	driver_down();
	f->ring.unit.close(&f->ring.unit.v);
	fake_ring_fini(&f->ring);
	assert_int_equal(rmdir(f->dir), 0); /* no socket is left there */
	free(f);
	return 0;
}

/* --- the guest ------------------------------------------------------------ */

static struct virtio_vsock_hdr packet(unsigned int op, uint32_t mine,
				      uint32_t port)
{
	return (struct virtio_vsock_hdr){
		.src_cid = CID,
		.dst_cid = VIRTIO_VSOCK_HOST_CID,
		.src_port = mine,
		.dst_port = port,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = (uint16_t)op,
		.buf_alloc = f->alloc,
		.fwd_cnt = f->forwarded,
	};
}

static void send_packet(struct virtio_vsock_hdr h, const void *data)
{
	uint32_t used;

	memcpy(f->ring.ram + TX, &h, sizeof(h));
	if (data)
		memcpy(f->ring.ram + TX + 0x1000, data, h.len);
	fake_ring_add(&f->ring, VIRTIO_VSOCK_TX, TX, sizeof(h), false, !data);
	if (data)
		fake_ring_add(&f->ring, VIRTIO_VSOCK_TX, TX + 0x1000, h.len,
			      false, true);
	fake_ring_notify(&f->ring, VIRTIO_VSOCK_TX);
	assert_true(fake_ring_used(&f->ring, VIRTIO_VSOCK_TX, &used));
}

static void send_op(unsigned int op, uint32_t mine, uint32_t port)
{
	send_packet(packet(op, mine, port), NULL);
}

static void send_shut(uint32_t mine, uint32_t port, uint32_t flags)
{
	struct virtio_vsock_hdr h =
		packet(VIRTIO_VSOCK_OP_SHUTDOWN, mine, port);

	h.flags = flags;
	send_packet(h, NULL);
}

static void send_bytes(uint32_t mine, uint32_t port, const void *p,
		       uint32_t len)
{
	struct virtio_vsock_hdr h = packet(VIRTIO_VSOCK_OP_RW, mine, port);

	h.len = len;
	send_packet(h, p);
}

/* The next packet; its bytes are where the answer points until the next one. */
static const uint8_t *get(struct virtio_vsock_hdr *h)
{
	const uint8_t *p = f->ring.ram + RX(f->rx);
	uint32_t used;

	if (!fake_ring_used(&f->ring, VIRTIO_VSOCK_RX, &used))
		fail_msg("no packet for the guest");
	memcpy(h, p, sizeof(*h));
	assert_int_equal(used, sizeof(*h) + h->len);
	assert_int_equal(h->dst_cid, CID);
	give_rx(f->rx);
	f->rx = (f->rx + 1) % ALL_RX;
	fake_ring_notify(&f->ring, VIRTIO_VSOCK_RX);
	return p + sizeof(*h);
}

static struct virtio_vsock_hdr expect(unsigned int op)
{
	struct virtio_vsock_hdr h;

	get(&h);
	if (h.op != op)
		fail_msg("op %u, not %u", h.op, op);
	return h;
}

/* --- programs ------------------------------------------------------------- */

static void patient(int fd)
{
	struct timeval t = {5, 0};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
}

static int program(const char *greeting)
{
	int fd = unix_connect(f->path);
	int on = 0;

	assert_true(fd >= 0);
	(void)on;
	patient(fd);
	assert_int_equal(write(fd, greeting, strlen(greeting)),
			 strlen(greeting));
	return fd;
}

/* Whatever comes first, with patience: sockets of unix_connect() never block.
 */
static ssize_t get_some(int fd, void *buf, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	poll(&p, 1, 5000);
	return recv(fd, buf, len, 0);
}

static void expect_text(int fd, const char *text)
{
	char buf[256];
	size_t n = 0, len = strlen(text);

	while (n < len) {
		ssize_t r = get_some(fd, buf + n, len - n);

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_memory_equal(buf, text, len);
}

static void expect_end(int fd)
{
	char c;

	assert_int_equal(get_some(fd, &c, 1), 0);
}

/* A listener where the guest's calls to PORT lead. */
static struct unix_listener service(void)
{
	struct unix_listener l;
	char path[96];

	snprintf(path, sizeof(path), "%s_%u", f->path, PORT);
	assert_int_equal(unix_listen(&l, path), 0);
	return l;
}

static int accept_one(const struct unix_listener *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	int fd;

	poll(&p, 1, 5000);
	fd = accept(l->fd, NULL, NULL);
	assert_true(fd >= 0);
	patient(fd);
	return fd;
}

/* The guest has called a service of the host: the service's end. */
static int called(void)
{
	struct unix_listener l = service();
	int fd;

	send_op(VIRTIO_VSOCK_OP_REQUEST, MINE, PORT);
	expect(VIRTIO_VSOCK_OP_RESPONSE);
	fd = accept_one(&l);
	unix_listener_close(&l);
	return fd;
}

/* --- tests ---------------------------------------------------------------- */

static void a_program_calls(void **state)
{
	struct virtio_vsock_hdr h;
	char ok[32];
	int fd = program("CONNECT 1234\nearly");

	(void)state;
	h = expect(VIRTIO_VSOCK_OP_REQUEST);
	assert_int_equal(h.dst_port, 1234);
	send_op(VIRTIO_VSOCK_OP_RESPONSE, 1234, h.src_port);
	snprintf(ok, sizeof(ok), "OK %u\n", h.src_port);
	expect_text(fd, ok);
	assert_memory_equal(get(&h), "early", 5);
	assert_int_equal(h.len, 5);
	send_bytes(1234, h.src_port, "hello", 5);
	expect_text(fd, "hello");
	close(fd);
	h = expect(VIRTIO_VSOCK_OP_SHUTDOWN);
	assert_int_equal(h.flags, 3);
	send_op(VIRTIO_VSOCK_OP_RST, 1234, h.src_port);
}

static void bad_greetings(void **state)
{
	static const char *const bad[] = {"GET / HTTP/1.1\r\n", "CONNECT\n",
					  "CONNECT 4294967295\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = program(bad[i]);
		char c;

		assert_true(get_some(fd, &c, 1) <= 0);
		close(fd);
	}
	/* one who leaves in the middle, and one who comes in pieces */
	close(program("CONN"));
	{
		int fd = program("CONNE");

		poll(NULL, 0, 20);
		assert_int_equal(write(fd, "CT 5\n", 5), 5);
		assert_int_equal(expect(VIRTIO_VSOCK_OP_REQUEST).dst_port, 5);
		close(fd);
		expect(VIRTIO_VSOCK_OP_RST);
	}
}

static void the_guest_refuses(void **state)
{
	struct virtio_vsock_hdr h;
	int fd = program("CONNECT 5\n");

	(void)state;
	h = expect(VIRTIO_VSOCK_OP_REQUEST);
	send_op(VIRTIO_VSOCK_OP_RST, 5, h.src_port);
	expect_end(fd);
	close(fd);
}

static void the_guest_calls(void **state)
{
	struct virtio_vsock_hdr h;
	int fd = called();

	(void)state;
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_memory_equal(get(&h), "abc", 3);
	assert_int_equal(h.src_port, PORT);
	send_bytes(MINE, PORT, "defg", 4);
	expect_text(fd, "defg");
	/* nobody is at that port any more */
	send_op(VIRTIO_VSOCK_OP_REQUEST, MINE + 1, PORT);
	h = expect(VIRTIO_VSOCK_OP_RST);
	assert_int_equal(h.dst_port, MINE + 1);
	close(fd);
	expect(VIRTIO_VSOCK_OP_SHUTDOWN);
}

/* Each half ends by itself, the other one goes on. */
static void half_closed(void **state)
{
	struct virtio_vsock_hdr h;
	int fd = called();

	(void)state;
	send_bytes(MINE, PORT, "last", 4);
	send_shut(MINE, PORT, VIRTIO_VSOCK_SHUTDOWN_SEND);
	expect_text(fd, "last");
	expect_end(fd);
	assert_int_equal(write(fd, "answer", 6), 6);
	assert_memory_equal(get(&h), "answer", 6);
	close(fd);
	h = expect(VIRTIO_VSOCK_OP_SHUTDOWN);
	assert_int_equal(h.flags, 3);
	send_op(VIRTIO_VSOCK_OP_RST, MINE, PORT);
	/* and the other half first */
	fd = called();
	assert_int_equal(write(fd, "last", 4), 4);
	shutdown(fd, SHUT_WR);
	assert_memory_equal(get(&h), "last", 4);
	h = expect(VIRTIO_VSOCK_OP_SHUTDOWN);
	assert_int_equal(h.flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
	send_bytes(MINE, PORT, "answer", 6);
	expect_text(fd, "answer");
	send_shut(MINE, PORT, 3);
	expect(VIRTIO_VSOCK_OP_RST);
	expect_end(fd);
	close(fd);
}

/* A program that reads late gets all of it, though the guest is long gone. */
static void slow_reader(void **state)
{
	static uint8_t piece[0x8000];
	unsigned int sent = 0, got = 0, updates = 0;
	struct virtio_vsock_hdr h = {.fwd_cnt = 0};
	int fd = called(), small = 4096;
	ssize_t n;

	(void)state;
	/* The device's end is one of ours, too: it takes little at a time. */
	for (int i = 3; i < 256; i++)
		(void)setsockopt(i, SOL_SOCKET, SO_SNDBUF, &small,
				 sizeof(small));
	/* as much as there is credit for, and not a byte more */
	while (sent - h.fwd_cnt + sizeof(piece) <= VSOCK_BUF || updates < 8) {
		if (sent - h.fwd_cnt + sizeof(piece) > VSOCK_BUF) {
			struct pollfd p = {.fd = fd, .events = POLLIN};

			if (poll(&p, 1, 0) > 0) {
				n = recv(fd, piece, 1000, 0);
				assert_true(n > 0);
				for (ssize_t i = 0; i < n; i++, got++)
					assert_int_equal(piece[i],
							 (uint8_t)(got / 100));
			}
			send_op(VIRTIO_VSOCK_OP_CREDIT_REQUEST, MINE, PORT);
			h = expect(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
			updates++;
			continue;
		}
		for (unsigned int i = 0; i < sizeof(piece); i++)
			piece[i] = (uint8_t)((sent + i) / 100);
		send_bytes(MINE, PORT, piece, sizeof(piece));
		sent += sizeof(piece);
		send_op(VIRTIO_VSOCK_OP_CREDIT_REQUEST, MINE, PORT);
		h = expect(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	}
	assert_true(sent >= VSOCK_BUF);
	send_shut(MINE, PORT, 3);
	send_op(VIRTIO_VSOCK_OP_RST, MINE, PORT);
	while ((n = get_some(fd, piece, sizeof(piece))) > 0) {
		for (ssize_t i = 0; i < n; i++, got++)
			assert_int_equal(piece[i], (uint8_t)(got / 100));
	}
	assert_int_equal(got, sent);
	close(fd);
}

/* A guest that does not read is sent no more than it has room for. */
static void slow_guest(void **state)
{
	struct virtio_vsock_hdr h;
	unsigned int got = 0;
	char big[5000];
	int fd;

	(void)state;
	memset(big, 'x', sizeof(big));
	f->alloc = 3000;
	fd = called();
	assert_int_equal(write(fd, big, sizeof(big)), sizeof(big));
	while (got < 3000) {
		get(&h);
		assert_int_equal(h.op, VIRTIO_VSOCK_OP_RW);
		got += h.len;
	}
	assert_int_equal(got, 3000);
	f->forwarded = 3000;
	send_op(VIRTIO_VSOCK_OP_CREDIT_UPDATE, MINE, PORT);
	while (got < 5000) {
		get(&h);
		got += h.len;
	}
	assert_int_equal(got, 5000);
	f->forwarded = 0;
	close(fd);
	expect(VIRTIO_VSOCK_OP_SHUTDOWN);
}

/* More than it has credit for: it is cut off, nothing is written anywhere. */
static void credit_overrun(void **state)
{
	static uint8_t big[0x40000];
	int fd = called();

	(void)state;
	f->ring.ram[TX] = 0;
	for (unsigned int sent = 0;; sent += 0x10000) {
		struct virtio_vsock_hdr h =
			packet(VIRTIO_VSOCK_OP_RW, MINE, PORT);

		h.len = 0x10000;
		send_packet(h, big);
		send_op(VIRTIO_VSOCK_OP_CREDIT_REQUEST, MINE, PORT);
		get(&h);
		if (h.op == VIRTIO_VSOCK_OP_RST)
			break;
		assert_true(sent < 64u << 20);
	}
	/* the request's turn: nobody knows of it */
	expect(VIRTIO_VSOCK_OP_RST);
	close(fd);
}

/* Requests that say more than they have, or nothing at all, are dropped. */
static void malformed(void **state)
{
	struct virtio_vsock_hdr h = packet(VIRTIO_VSOCK_OP_RW, MINE, PORT);
	uint32_t used;
	int fd = called();

	(void)state;
	h.len = 100;
	send_packet(h, NULL);
	fake_ring_add(&f->ring, VIRTIO_VSOCK_TX, TX, 10, false, true);
	fake_ring_add(&f->ring, VIRTIO_VSOCK_TX, TX, 4096, true, true);
	fake_ring_notify(&f->ring, VIRTIO_VSOCK_TX);
	assert_true(fake_ring_used(&f->ring, VIRTIO_VSOCK_TX, &used));
	assert_true(fake_ring_used(&f->ring, VIRTIO_VSOCK_TX, &used));
	send_bytes(MINE, PORT, "still there", 11);
	expect_text(fd, "still there");
	close(fd);
	expect(VIRTIO_VSOCK_OP_SHUTDOWN);
}

/* A buffer without room for a byte: the device needs a reset. */
static void useless_buffers(void **state)
{
	struct virtio *v = &f->ring.unit.v;

	(void)state;
	driver_down();
	fake_ring_up(&f->ring, VIRTIO_RING_FEATURES);
	fake_ring_add(&f->ring, VIRTIO_VSOCK_RX, RX(0), 44, true, true);
	assert_int_equal(v->host_ops->start(v), 0);
	fake_ring_notify(&f->ring, VIRTIO_VSOCK_RX);
	send_op(VIRTIO_VSOCK_OP_REQUEST, MINE, PORT);
	for (int ms = 0; ms < 5000 && !(atomic_load(&v->status) &
					VIRTIO_CONFIG_S_NEEDS_RESET);
	     ms++)
		poll(NULL, 0, 1);
	assert_true(atomic_load(&v->status) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* A flood of what needs an answer, and no buffer for one: it waits. */
static void refusals_wait(void **state)
{
	struct virtio_vsock_hdr h = packet(VIRTIO_VSOCK_OP_RW, 0, PORT);
	unsigned int n = ALL_RX + VSOCK_REFUSALS;
	uint32_t used;

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		h.src_port = i;
		send_packet(h, NULL);
	}
	h.src_port = n;
	memcpy(f->ring.ram + TX, &h, sizeof(h));
	fake_ring_add(&f->ring, VIRTIO_VSOCK_TX, TX, sizeof(h), false, true);
	fake_ring_notify(&f->ring, VIRTIO_VSOCK_TX);
	poll(NULL, 0, 50);
	for (unsigned int i = 0; i <= n; i++) {
		get(&h);
		assert_int_equal(h.op, VIRTIO_VSOCK_OP_RST);
		assert_int_equal(h.dst_port, i);
	}
	assert_true(fake_ring_used(&f->ring, VIRTIO_VSOCK_TX, &used));
}

/* Who is connected at a reset sees the end; afterwards all is as at first. */
static void reset(void **state)
{
	int fd = called(), other;

	(void)state;
	driver_down();
	expect_end(fd);
	close(fd);
	/* comes while the guest has no driver, and waits for it */
	other = program("CONNECT 8\n");
	driver_up();
	assert_int_equal(expect(VIRTIO_VSOCK_OP_REQUEST).dst_port, 8);
	close(other);
	expect(VIRTIO_VSOCK_OP_RST);
	close(called());
	expect(VIRTIO_VSOCK_OP_SHUTDOWN);
}

/* All connections there are; one more is turned away. */
static void too_many(void **state)
{
	static int fd[VSOCK_CONNS];
	char c;
	int extra;

	(void)state;
	for (unsigned int i = 0; i < VSOCK_CONNS; i++) {
		fd[i] = program("CONNECT 8\n");
		expect(VIRTIO_VSOCK_OP_REQUEST);
	}
	extra = unix_connect(f->path);
	assert_true(extra >= 0);
	assert_true(get_some(extra, &c, 1) <= 0);
	close(extra);
	send_op(VIRTIO_VSOCK_OP_REQUEST, MINE, PORT);
	expect(VIRTIO_VSOCK_OP_RST);
	for (unsigned int i = 0; i < VSOCK_CONNS; i++)
		close(fd[i]);
	for (unsigned int i = 0; i < VSOCK_CONNS; i++)
		expect(VIRTIO_VSOCK_OP_RST);
}

/* The place of the socket. */
static void places(void **state)
{
	struct virtio_unit *u = calloc(1, sizeof(*u));
	char path[128];
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(vsock_unix_open(u, CID, f->path, &e), -EADDRINUSE);
	assert_int_equal(e.what, ERR_SOCKET);
	u->close(&u->v);
	snprintf(path, sizeof(path), "/tmp/%095d", 1);
	assert_int_equal(vsock_unix_open(u, CID, path, &e), -ENAMETOOLONG);
	u->close(&u->v);
	assert_int_equal(vsock_unix_open(u, CID, f->dir, &e), -EEXIST);
	u->close(&u->v);
	/* what an earlier run left behind is no hindrance */
	snprintf(path, sizeof(path), "%s/w", f->dir);
	assert_int_equal(vsock_unix_open(u, CID, path, &e), 0);
	snprintf(path, sizeof(path), "%s/old", f->dir);
	assert_int_equal(rename(strcat(strcpy(path, f->dir), "/w"),
				strcat(strcpy(path + 64, f->dir), "/old")),
			 0);
	u->close(&u->v);
	assert_int_equal(vsock_unix_open(u, CID, path + 64, &e), 0);
	u->close(&u->v);
	free(u);
}

#define TRIAL(t) cmocka_unit_test_setup_teardown(t, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRIAL(a_program_calls),	  TRIAL(bad_greetings),
		TRIAL(the_guest_refuses), TRIAL(the_guest_calls),
		TRIAL(half_closed),	  TRIAL(slow_reader),
		TRIAL(slow_guest),	  TRIAL(credit_overrun),
		TRIAL(malformed),	  TRIAL(useless_buffers),
		TRIAL(refusals_wait),	  TRIAL(reset),
		TRIAL(too_many),	  TRIAL(places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
