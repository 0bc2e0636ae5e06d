/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "devices/vsock_conn.h"
#include "vmm/vsock_text.h"

#define CID  7u
#define HOST 1024u /* port */
#define PEER 5000u

static struct vsock_table t;
static unsigned int at; /* the connection that vsock_take() named */

static struct virtio_vsock_hdr packet(unsigned int op, uint32_t len)
{
	return (struct virtio_vsock_hdr){
		.src_cid = CID,
		.dst_cid = VIRTIO_VSOCK_HOST_CID,
		.src_port = PEER,
		.dst_port = HOST,
		.len = len,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = (uint16_t)op,
		.buf_alloc = 1000,
	};
}

static enum vsock_news take(unsigned int op, uint32_t len)
{
	struct virtio_vsock_hdr h = packet(op, len);

	return vsock_take(&t, &h, &at);
}

static enum vsock_news take_shut(uint32_t flags)
{
	struct virtio_vsock_hdr h = packet(VIRTIO_VSOCK_OP_SHUTDOWN, 0);

	h.flags = flags;
	return vsock_take(&t, &h, &at);
}

static void expect(unsigned int op)
{
	struct virtio_vsock_hdr h;

	assert_true(vsock_owes(&t));
	assert_true(vsock_next(&t, &h));
	assert_int_equal(h.op, op);
	assert_int_equal(h.src_cid, VIRTIO_VSOCK_HOST_CID);
	assert_int_equal(h.dst_cid, CID);
	assert_int_equal(h.dst_port, PEER);
}

static void expect_none(void)
{
	struct virtio_vsock_hdr h;

	assert_false(vsock_owes(&t));
	assert_false(vsock_next(&t, &h));
}

/* A connection that the guest asked for and got. */
static int opened(void **state)
{
	(void)state;
	vsock_init(&t, CID);
	assert_int_equal(take(VIRTIO_VSOCK_OP_REQUEST, 0), VSOCK_CALL);
	vsock_accept(&t, at);
	expect(VIRTIO_VSOCK_OP_RESPONSE);
	expect_none();
	return 0;
}

static int empty(void **state)
{
	(void)state;
	vsock_init(&t, CID);
	return 0;
}

static void the_host_calls(void **state)
{
	struct virtio_vsock_hdr h;
	int i = vsock_hold(&t);

	(void)state;
	assert_int_equal(i, 0);
	expect_none();
	vsock_call(&t, 0, PEER);
	assert_true(vsock_next(&t, &h));
	assert_int_equal(h.op, VIRTIO_VSOCK_OP_REQUEST);
	assert_int_equal(h.dst_port, PEER);
	assert_int_equal(h.buf_alloc, VSOCK_BUF);
	assert_int_equal(vsock_credit(&t, 0), 0);
	/* nobody else's answer */
	assert_int_equal(take(VIRTIO_VSOCK_OP_RESPONSE, 0), VSOCK_NOTHING);
	expect(VIRTIO_VSOCK_OP_RST);
	h.dst_port = h.src_port;
	h.src_port = PEER;
	h.src_cid = CID;
	h.dst_cid = VIRTIO_VSOCK_HOST_CID;
	h.op = VIRTIO_VSOCK_OP_RESPONSE;
	h.buf_alloc = 77;
	assert_int_equal(vsock_take(&t, &h, &at), VSOCK_ANSWERED);
	assert_int_equal(vsock_credit(&t, at), 77);
	/* a second answer breaks the rules */
	assert_int_equal(vsock_take(&t, &h, &at), VSOCK_GONE);
	assert_int_equal(t.conn[at].state, VSOCK_HELD);
	expect(VIRTIO_VSOCK_OP_RST);
}

/* virtio-1.3 5.10.6.3 */
static void credit_to_the_guest(void **state)
{
	struct virtio_vsock_hdr h;

	(void)state;
	assert_int_equal(vsock_credit(&t, at), 1000);
	vsock_data(&t, at, 900, &h);
	assert_int_equal(h.op, VIRTIO_VSOCK_OP_RW);
	assert_int_equal(h.len, 900);
	assert_int_equal(vsock_credit(&t, at), 100);
	h = packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
	h.fwd_cnt = 850;
	assert_int_equal(vsock_take(&t, &h, &at), VSOCK_CREDIT);
	assert_int_equal(vsock_credit(&t, at), 950);
	/* more than was sent, and less than it had: no credit at all */
	h.fwd_cnt = 901;
	vsock_take(&t, &h, &at);
	assert_int_equal(vsock_credit(&t, at), 0);
	h.fwd_cnt = 0;
	h.buf_alloc = 500;
	vsock_take(&t, &h, &at);
	assert_int_equal(vsock_credit(&t, at), 0);
	h.buf_alloc = UINT32_MAX;
	h.fwd_cnt = 900;
	vsock_take(&t, &h, &at);
	assert_int_equal(vsock_credit(&t, at), UINT32_MAX);
}

static void credit_of_the_guest(void **state)
{
	struct virtio_vsock_hdr h;

	(void)state;
	assert_int_equal(take(VIRTIO_VSOCK_OP_RW, VSOCK_BUF), VSOCK_DATA);
	vsock_forwarded(&t, at, VSOCK_BUF / 4 - 1);
	expect_none();
	vsock_forwarded(&t, at, 1);
	assert_true(vsock_next(&t, &h));
	assert_int_equal(h.op, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	assert_int_equal(h.fwd_cnt, VSOCK_BUF / 4);
	expect_none();
	assert_int_equal(take(VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0), VSOCK_CREDIT);
	expect(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	/* any packet tells of it */
	vsock_forwarded(&t, at, VSOCK_BUF / 4);
	vsock_data(&t, at, 1, &h);
	assert_int_equal(h.fwd_cnt, VSOCK_BUF / 2);
	expect_none();
	assert_int_equal(take(VIRTIO_VSOCK_OP_RW, VSOCK_BUF / 2), VSOCK_DATA);
	/* a byte too many */
	assert_int_equal(take(VIRTIO_VSOCK_OP_RW, 1), VSOCK_GONE);
	expect(VIRTIO_VSOCK_OP_RST);
	expect_none();
}

static void the_guest_shuts_down(void **state)
{
	(void)state;
	assert_int_equal(take_shut(VIRTIO_VSOCK_SHUTDOWN_SEND), VSOCK_SHUT);
	assert_int_equal(t.conn[at].guest_shut, VIRTIO_VSOCK_SHUTDOWN_SEND);
	/* half of it is left */
	assert_int_equal(vsock_credit(&t, at), 1000);
	assert_int_equal(take_shut(VIRTIO_VSOCK_SHUTDOWN_RCV), VSOCK_SHUT);
	assert_int_equal(vsock_credit(&t, at), 0);
	vsock_reset(&t, at);
	expect(VIRTIO_VSOCK_OP_RST);
	assert_int_equal(t.conn[at].state, VSOCK_FREE);
	/* bytes after the end */
	opened(state);
	take_shut(VIRTIO_VSOCK_SHUTDOWN_SEND);
	assert_int_equal(take(VIRTIO_VSOCK_OP_RW, 1), VSOCK_GONE);
}

static void the_program_shuts_down(void **state)
{
	struct virtio_vsock_hdr h;

	(void)state;
	vsock_shut(&t, at, VIRTIO_VSOCK_SHUTDOWN_SEND);
	assert_true(vsock_next(&t, &h));
	assert_int_equal(h.op, VIRTIO_VSOCK_OP_SHUTDOWN);
	assert_int_equal(h.flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
	assert_int_equal(vsock_credit(&t, at), 0);
	assert_int_equal(take(VIRTIO_VSOCK_OP_RW, 10), VSOCK_DATA);
	vsock_shut(&t, at, VIRTIO_VSOCK_SHUTDOWN_SEND);
	expect_none();
	vsock_shut(&t, at, VIRTIO_VSOCK_SHUTDOWN_RCV);
	assert_int_equal(t.conn[at].state, VSOCK_ENDED);
	assert_true(vsock_next(&t, &h));
	assert_int_equal(h.flags, 3);
	/* what was on its way concerns nobody */
	assert_int_equal(take(VIRTIO_VSOCK_OP_RW, 10), VSOCK_NOTHING);
	expect_none();
	assert_int_equal(take_shut(3), VSOCK_NOTHING);
	expect(VIRTIO_VSOCK_OP_RST);
	assert_int_equal(t.conn[at].state, VSOCK_FREE);
	assert_int_equal(take(VIRTIO_VSOCK_OP_RST, 0), VSOCK_NOTHING);
	expect_none();
}

static void the_program_reads_no_more(void **state)
{
	(void)state;
	vsock_shut(&t, at, VIRTIO_VSOCK_SHUTDOWN_RCV);
	expect(VIRTIO_VSOCK_OP_SHUTDOWN);
	/* takes no room, for ever */
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(take(VIRTIO_VSOCK_OP_RW, VSOCK_BUF),
				 VSOCK_CREDIT);
}

static void nobody_there(void **state)
{
	struct virtio_vsock_hdr h = packet(VIRTIO_VSOCK_OP_REQUEST, 0);

	(void)state;
	assert_int_equal(take(VIRTIO_VSOCK_OP_RW, 4), VSOCK_NOTHING);
	expect(VIRTIO_VSOCK_OP_RST);
	assert_int_equal(take(VIRTIO_VSOCK_OP_RST, 0), VSOCK_NOTHING);
	expect_none();
	h.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	assert_int_equal(vsock_take(&t, &h, &at), VSOCK_NOTHING);
	assert_true(vsock_next(&t, &h));
	assert_int_equal(h.op, VIRTIO_VSOCK_OP_RST);
	assert_int_equal(h.type, VIRTIO_VSOCK_TYPE_SEQPACKET);
	/* to another guest */
	h = packet(VIRTIO_VSOCK_OP_REQUEST, 0);
	h.dst_cid = 9;
	assert_int_equal(vsock_take(&t, &h, &at), VSOCK_NOTHING);
	assert_true(vsock_next(&t, &h));
	assert_int_equal(h.src_cid, 9);
	/* in the name of another guest */
	h = packet(VIRTIO_VSOCK_OP_REQUEST, 0);
	h.src_cid = CID + 1;
	assert_int_equal(vsock_take(&t, &h, &at), VSOCK_NOTHING);
	expect_none();
}

static void called_twice(void **state)
{
	(void)state;
	assert_int_equal(take(VIRTIO_VSOCK_OP_REQUEST, 0), VSOCK_GONE);
	expect(VIRTIO_VSOCK_OP_RST);
	vsock_free(&t, at);
	assert_int_equal(take(VIRTIO_VSOCK_OP_REQUEST, 0), VSOCK_CALL);
	/* the ports of one that ended may come again */
	vsock_accept(&t, at);
	expect(VIRTIO_VSOCK_OP_RESPONSE);
	vsock_shut(&t, at, 3);
	expect(VIRTIO_VSOCK_OP_SHUTDOWN);
	assert_int_equal(take(VIRTIO_VSOCK_OP_REQUEST, 0), VSOCK_CALL);
	assert_int_equal(t.conn[at].shut, 0);
}

static void many(void **state)
{
	struct virtio_vsock_hdr h = packet(VIRTIO_VSOCK_OP_REQUEST, 0);

	(void)state;
	for (unsigned int i = 0; i < VSOCK_CONNS; i++) {
		h.src_port = i;
		assert_int_equal(vsock_take(&t, &h, &at), VSOCK_CALL);
		assert_int_equal(at, i);
		vsock_accept(&t, i);
	}
	h.src_port = PEER;
	assert_int_equal(vsock_take(&t, &h, &at), VSOCK_NOTHING);
	assert_int_equal(vsock_hold(&t), -ENOSPC);
	expect(VIRTIO_VSOCK_OP_RST);
	/* all have their turn */
	for (unsigned int i = 0; i < VSOCK_CONNS; i++) {
		assert_true(vsock_next(&t, &h));
		assert_int_equal(h.dst_port, i);
	}
	expect_none();
	/* one that waits for the guest's last word makes room */
	vsock_shut(&t, 9, 3);
	assert_int_equal(vsock_hold(&t), -ENOSPC);
	assert_true(vsock_next(&t, &h));
	assert_int_equal(vsock_hold(&t), 9);
}

static void refusals_are_bounded(void **state)
{
	struct virtio_vsock_hdr h = packet(VIRTIO_VSOCK_OP_RW, 0);

	(void)state;
	for (unsigned int i = 0; i < VSOCK_REFUSALS; i++) {
		assert_true(vsock_can_take(&t));
		h.src_port = i;
		vsock_take(&t, &h, &at);
	}
	assert_false(vsock_can_take(&t));
	for (unsigned int i = 0; i < VSOCK_REFUSALS; i++) {
		assert_true(vsock_next(&t, &h));
		assert_int_equal(h.dst_port, i);
		assert_true(vsock_can_take(&t));
	}
	expect_none();
}

/* What the device tells of its address, by whatever access. */
static void configuration(void **state)
{
	struct virtio_vsock s = {.guest_cid = 0x11223344};
	struct virtio v = {.ops = &virtio_vsock_ops, .host = &s};

	(void)state;
	assert_int_equal(v.ops->cfg_read(&v, 0, 8), 0x11223344);
	assert_int_equal(v.ops->cfg_read(&v, 0, 4), 0x11223344);
	assert_int_equal(v.ops->cfg_read(&v, 1, 2), 0x2233);
	assert_int_equal(v.ops->cfg_read(&v, 3, 1), 0x11);
	assert_int_equal(v.ops->cfg_read(&v, 8, 4), 0);
}

static void greetings(void **state)
{
	static const struct {
		const char *text;
		int len;
		uint32_t port;
	} c[] = {
		{"CONNECT 1\n", 10, 1},
		{"CONNECT 4294967294\nabc", 19, 4294967294u},
		{"CONNECT 22\r\nabc", 12, 22},
		{"", 0, 0},
		{"C", 0, 0},
		{"CONNECT 22", 0, 0},
		{"CONNECT 4294967295\n", -EINVAL, 0},
		{"CONNECT 99999999999\n", -EINVAL, 0},
		{"CONNECT \n", -EINVAL, 0},
		{"CONNECT \r\n", -EINVAL, 0},
		{"CONNECT -1\n", -EINVAL, 0},
		{"CONNECT 1 \n", -EINVAL, 0},
		{"connect 1\n", -EINVAL, 0},
		{"\n", -EINVAL, 0},
		{"GET / HTTP/1.1", -EINVAL, 0},
		{"CONNECT 0000000000000000000000000", -EINVAL, 0},
	};
	uint32_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		size_t n = strlen(c[i].text);

		if (n > VSOCK_GREETING_MAX)
			n = VSOCK_GREETING_MAX;
		assert_int_equal(vsock_greeting(c[i].text, n, &port), c[i].len);
		if (c[i].len > 0)
			assert_int_equal(port, c[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_host_calls, empty),
		cmocka_unit_test_setup(credit_to_the_guest, opened),
		cmocka_unit_test_setup(credit_of_the_guest, opened),
		cmocka_unit_test_setup(the_guest_shuts_down, opened),
		cmocka_unit_test_setup(the_program_shuts_down, opened),
		cmocka_unit_test_setup(the_program_reads_no_more, opened),
		cmocka_unit_test_setup(nobody_there, empty),
		cmocka_unit_test_setup(called_twice, opened),
		cmocka_unit_test_setup(many, empty),
		cmocka_unit_test_setup(refusals_are_bounded, empty),
		cmocka_unit_test(configuration),
		cmocka_unit_test(greetings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
