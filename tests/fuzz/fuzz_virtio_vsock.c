/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest and programs do whatever comes to mind with the connections; what is
 * promised about credit, room and the number of packets owed has to hold.
 */
#include <string.h>

#include "devices/vsock_conn.h"
#include "tests/fuzz/input.h"

#define CID 3u

static struct vsock_table t;

static struct virtio_vsock_hdr packet(struct input *in)
{
	struct virtio_vsock_hdr h = {
		.src_cid = in_u8(in) % 16 ? CID : in_u64(in),
		.dst_cid = in_u8(in) % 16 ? VIRTIO_VSOCK_HOST_CID : in_u64(in),
		.src_port = in_u8(in) % 8,
		.dst_port = in_u8(in) % 8,
		.len = in_u32(in) % (2 * VSOCK_BUF),
		.type = in_u8(in) % 16 ? VIRTIO_VSOCK_TYPE_STREAM : in_u16(in),
		.op = in_u8(in) % 9,
		.flags = in_u8(in),
		.buf_alloc = (uint32_t)in_number(in),
		.fwd_cnt = (uint32_t)in_number(in),
	};
	uint8_t peer = in_u8(in);

	/* often an answer to one that there is */
	if (t.conn[peer].state != VSOCK_FREE) {
		h.src_port = t.conn[peer].guest_port;
		h.dst_port = t.conn[peer].host_port;
	}
	return h;
}

static uint32_t room(unsigned int i)
{
	return VSOCK_BUF - (t.conn[i].received - t.conn[i].forwarded);
}

static void guest_acts(struct input *in)
{
	struct virtio_vsock_hdr h = packet(in);
	unsigned int i = VSOCK_CONNS;
	enum vsock_news news;

	if (!vsock_can_take(&t))
		return;
	news = vsock_take(&t, &h, &i);
	must(news == VSOCK_NOTHING || i < VSOCK_CONNS);
	switch (news) {
	case VSOCK_CALL:
		must(t.conn[i].state == VSOCK_CALLED);
		if (in_u8(in) % 4)
			vsock_accept(&t, i);
		else
			vsock_reset(&t, i);
		break;
	case VSOCK_DATA:
		must(t.conn[i].state == VSOCK_OPEN);
		must(room(i) <= VSOCK_BUF);
		must(!(t.conn[i].shut & VIRTIO_VSOCK_SHUTDOWN_RCV));
		break;
	case VSOCK_GONE:
		must(t.conn[i].state == VSOCK_HELD);
		vsock_free(&t, i);
		break;
	case VSOCK_ANSWERED:
		must(t.conn[i].state == VSOCK_OPEN);
		break;
	default:
		break;
	}
}

static void send_bytes(struct input *in, unsigned int i)
{
	struct virtio_vsock_hdr h;
	uint32_t credit = vsock_credit(&t, i);
	uint32_t n = credit ? in_u32(in) % credit : 0;
	uint32_t away = t.conn[i].sent - t.conn[i].guest_forwarded;

	if (!credit)
		return;
	must(t.conn[i].state == VSOCK_OPEN);
	must(away + credit == t.conn[i].guest_alloc);
	vsock_data(&t, i, n, &h);
	must(h.len == n && h.dst_cid == CID);
	must(vsock_credit(&t, i) == credit - n);
}

static void program_acts(struct input *in)
{
	unsigned int i = in_u8(in);
	uint32_t waits = t.conn[i].received - t.conn[i].forwarded;
	int held;

	switch (in_u8(in) % 6) {
	case 0:
		held = vsock_hold(&t);
		if (held < 0)
			break;
		if (in_u8(in) % 2)
			vsock_free(&t, (unsigned int)held);
		else
			vsock_call(&t, (unsigned int)held, in_u8(in) % 8);
		break;
	case 1:
		if (t.conn[i].state == VSOCK_OPEN && waits)
			vsock_forwarded(&t, i, in_u32(in) % waits + 1);
		break;
	case 2:
		if (t.conn[i].state == VSOCK_OPEN)
			vsock_shut(&t, i, in_u8(in) % 3 + 1);
		break;
	case 3:
		if (t.conn[i].state == VSOCK_OPEN ||
		    t.conn[i].state == VSOCK_CALLING)
			vsock_reset(&t, i);
		break;
	default:
		send_bytes(in, i);
	}
}

/* Whatever happened, all that is owed ends, and nothing is owed then. */
static void drain(void)
{
	struct virtio_vsock_hdr h;
	unsigned int n = 0;

	while (vsock_owes(&t)) {
		must(vsock_next(&t, &h));
		must(h.len == 0);
		must(h.op != VIRTIO_VSOCK_OP_RW);
		must(n++ < VSOCK_REFUSALS + 8 * VSOCK_CONNS);
	}
	must(!vsock_next(&t, &h));
}

static void check_all(void)
{
	for (unsigned int i = 0; i < VSOCK_CONNS; i++) {
		const struct vsock_conn *c = &t.conn[i];

		must(room(i) <= VSOCK_BUF);
		must(c->state != VSOCK_FREE || !c->due);
		must(c->state != VSOCK_HELD || !c->due);
	}
	must(t.n_refusals <= VSOCK_REFUSALS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	vsock_init(&t, CID);
	while (in.n != 0) {
		switch (in_u8(&in) % 4) {
		case 0:
			program_acts(&in);
			break;
		case 1:
			if (in_u8(&in) % 4 == 0)
				drain();
			break;
		default:
			guest_acts(&in);
		}
		check_all();
	}
	drain();
	return 0;
}
