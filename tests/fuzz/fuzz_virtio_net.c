// SPDX-License-Identifier: Apache-2.0
/*
 * A driver that does what it likes with a network card: rings, commands,
 * frames to be sent and buffers for those that come. Nothing outside of its
 * memory is touched, a frame arrives whole or not at all, and each buffer is
 * given back once.
 */
#include <string.h>

#include "devices/virtio_net.h"
#include "tests/fuzz/fuzz_in.h"

#define RAM   0x40000u
#define RING  0x0000u /* a page each: descriptors, avail, used */
#define SIZE  32u
#define GUARD 0xa5

static uint8_t memory[RAM + 2 * 4096];
static struct gmem mem;
static struct virtio_net model;
static struct virtio v;
static struct virtq_chain chain;
static struct virtio_net_rx rx;

static uint8_t *ram(void)
{
	return memory + 4096;
}

static void queue_up(unsigned int i)
{
	struct virtq *q = &v.queue[i];

	q->regs.size = SIZE;
	q->regs.desc = RING;
	q->regs.avail = RING + 0x1000;
	q->regs.used = RING + 0x2000;
	q->regs.enabled = true;
	REQUIRE(virtq_start(q, &mem, v.acked) == 0);
}

/* Descriptors are mostly possible ones, or nothing would ever happen. */
static void ring_fill(struct fuzz_in *in)
{
	struct vring_desc *d = (void *)(ram() + RING);
	struct vring_avail *a = (void *)(ram() + RING + 0x1000);

	for (unsigned int i = 0; i < SIZE; i++) {
		uint8_t how = fuzz_u8(in);

		d[i].addr = 0x4000 + (fuzz_u(in, 2) << (how & 3));
		d[i].len = how & 4 ? fuzz_u8(in) : (uint32_t)fuzz_u(in, 2);
		d[i].flags = how >> 6 & 3;
		d[i].next = how & 0x20 ? (uint16_t)(i + 1) : fuzz_u8(in) % SIZE;
		a->ring[i] = (uint16_t)(how & 0x10 ? i : fuzz_u8(in) % SIZE);
	}
	a->idx = fuzz_u8(in) % (SIZE + 2);
}

static void commands(struct fuzz_in *in)
{
	unsigned int i = virtio_net_control_queue(&v);
	struct virtio_net_want want;

	ring_fill(in);
	for (unsigned int n = 0; n < 0x3000 && in->left > 64; n++)
		ram()[0x4000 + n] = n % 7 < 2 ? fuzz_u8(in) % 6 : 0;
	for (unsigned int k = 0; k <= i; k++)
		queue_up(k); /* the others only have to be live */
	while (virtq_pop(&v.queue[i], &chain) > 0) {
		uint8_t ack = virtio_net_control(&v, &chain, &want);

		REQUIRE(ack == VIRTIO_NET_OK || ack == VIRTIO_NET_ERR);
		REQUIRE(ack == VIRTIO_NET_OK || want.what == 0);
		if (want.what == VIRTIO_NET_PAIRS)
			REQUIRE(want.pairs >= 1 && want.pairs <= model.pairs);
		if (want.what == VIRTIO_NET_OFFLOADS)
			REQUIRE(!(want.offloads & ~v.acked));
		REQUIRE(virtio_net_answer(&chain, ack) == (chain.in_len > 0));
	}
	virtq_stop(&v.queue[i]);
}

static void sending(struct fuzz_in *in)
{
	ring_fill(in);
	queue_up(1);
	while (virtq_pop(&v.queue[1], &chain) > 0) {
		int r = virtio_net_tx(&v, &chain);

		if (r >= 0) {
			REQUIRE(r >= (int)VIRTIO_NET_ETH);
			REQUIRE((uint64_t)r + VIRTIO_NET_HDR == chain.out_len);
			REQUIRE(r <= (int)VIRTIO_NET_FRAME_MAX);
		}
		virtq_push(&v.queue[1], chain.head, 0);
	}
	virtq_stop(&v.queue[1]);
}

/* All pieces point into RAM, and agree with the buffers. */
static void rx_sane(void)
{
	unsigned int pieces = 0;
	uint64_t sum = 0;

	REQUIRE(rx.n <= VIRTQ_SIZE_MAX);
	REQUIRE(rx.pieces <= VIRTIO_NET_RX_PIECES);
	for (unsigned int i = 0; i < rx.n; i++)
		pieces += rx.buf[i].pieces;
	REQUIRE(pieces == rx.pieces);
	for (unsigned int i = 0; i < rx.pieces; i++) {
		uint8_t *p = rx.piece[i].iov_base;

		REQUIRE(p >= ram() && p + rx.piece[i].iov_len <= ram() + RAM);
		sum += rx.piece[i].iov_len;
	}
	REQUIRE(rx.room <= sum);
}

static void receiving(struct fuzz_in *in)
{
	struct virtq *q = &v.queue[0];
	static const uint8_t frame[70000];

	ring_fill(in);
	queue_up(0);
	virtio_net_rx_reset(&rx);
	for (unsigned int n = 0; n < 2 * SIZE; n++) {
		uint64_t bytes = VIRTIO_NET_HDR + fuzz_u(in, 2);
		uint16_t before = q->done;
		unsigned int had;

		if (virtio_net_rx_fill(&v, &rx, q, &chain, bytes) < 0)
			break;
		rx_sane();
		had = rx.n;
		if (bytes > rx.room)
			continue;
		virtio_net_rx_write(&rx, 0, frame, bytes);
		virtio_net_rx_done(&v, &rx, q, bytes);
		rx_sane();
		REQUIRE((uint16_t)(q->done - before) == had - rx.n);
		REQUIRE(rx.n < had);
	}
	virtq_stop(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct span all = {0, RAM};

	memset(memory, GUARD, sizeof(memory));
	memset(ram(), 0, RAM);
	memset(&mem, 0, sizeof(mem));
	memset(&v, 0, sizeof(v));
	REQUIRE(gmem_add(&mem, all, ram()) == 0);
	model.pairs = (uint16_t)(1 + fuzz_u8(&in) % VIRTIO_NET_PAIRS_MAX);
	model.mtu = (uint16_t)fuzz_u(&in, 2);
	v.ops = &virtio_net_ops;
	v.host = &model;
	v.mem = &mem;
	v.n_queues = virtio_net_queues(&model);
	v.acked = virtio_net_features(&model, VIRTIO_NET_OFFLOADS_CSUM |
						      VIRTIO_NET_OFFLOADS_TSO |
						      VIRTIO_NET_OFFLOADS_USO) |
		  VIRTIO_RING_FEATURES;
	v.acked &= fuzz_u(&in, 8) | 1ull << 32;
	switch (fuzz_u8(&in) % 3) {
	case 0:
		commands(&in);
		break;
	case 1:
		sending(&in);
		break;
	default:
		receiving(&in);
	}
	for (unsigned int i = 0; i < 4096; i++)
		REQUIRE(memory[i] == GUARD && memory[4096 + RAM + i] == GUARD);
	return 0;
}
