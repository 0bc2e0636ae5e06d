// SPDX-License-Identifier: Apache-2.0
/* The model of network cards: configuration, headers, commands, placing. */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/virtio_net.h"

#define F(name) (1ull << VIRTIO_NET_F_##name)

static struct virtio_net model;
static struct virtio v;
static uint8_t out[70000], in[70000];
static struct virtq_chain c;

static int set_up(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};

	(void)state;
	memset(&model, 0, sizeof(model));
	memset(&v, 0, sizeof(v));
	memcpy(model.mac_first, mac, 6);
	model.pairs = 4;
	model.mtu = 9000;
	atomic_store(&model.link, true);
	virtio_net_reset(&model);
	v.ops = &virtio_net_ops;
	v.host = &model;
	v.acked = virtio_net_features(&model, VIRTIO_NET_OFFLOADS_CSUM |
						      VIRTIO_NET_OFFLOADS_TSO |
						      VIRTIO_NET_OFFLOADS_USO);
	/* live, as far as the model looks */
	for (unsigned int i = 0; i < 8; i++)
		v.queue[i].mem = (const struct gmem *)&model;
	memset(out, 0, sizeof(out));
	return 0;
}

/* A chain of readable bytes in two pieces, and one writable. */
static void chain(size_t bytes)
{
	size_t half = bytes / 2;

	c.head = 0;
	c.n_out = 2;
	c.n_in = 1;
	c.out_len = bytes;
	c.in_len = 1;
	c.iov[0] = (struct iovec){out, half};
	c.iov[1] = (struct iovec){out + half, bytes - half};
	c.iov[2] = (struct iovec){in, 1};
}

static uint64_t cfg(unsigned int off, unsigned int len)
{
	return v.ops->cfg_read(&v, off, len);
}

/* virtio-1.3 5.1.4 */
static void configuration(void **state)
{
	(void)state;
	assert_int_equal(v.ops->type, VIRTIO_ID_NET);
	assert_int_equal(cfg(0, 4), 0x01005452);
	assert_int_equal(cfg(4, 2), 0x0302);
	assert_int_equal(cfg(6, 2), VIRTIO_NET_S_LINK_UP);
	assert_int_equal(cfg(8, 2), 4);
	assert_int_equal(cfg(10, 2), 9000);
	assert_int_equal(cfg(sizeof(struct virtio_net_config), 8), 0);
	assert_int_equal(cfg(4000, 8), 0);
	atomic_store(&model.link, false);
	assert_int_equal(cfg(6, 1), 0);
}

static void features(void **state)
{
	uint64_t f;

	(void)state;
	assert_int_equal(v.acked & F(HOST_UFO), 0);
	assert_int_equal(v.acked & F(GUEST_UFO), 0);
	assert_true(v.acked & F(MQ) && v.acked & F(MTU));
	assert_true(v.acked & F(CTRL_GUEST_OFFLOADS));
	model.pairs = 1;
	model.mtu = 0;
	f = virtio_net_features(&model, 0);
	assert_false(f & (F(MQ) | F(MTU) | F(CTRL_GUEST_OFFLOADS)));
	assert_true(f & F(MAC) && f & F(STATUS) && f & F(CTRL_VQ));
	assert_int_equal(virtio_net_queues(&model), 3);
}

/* virtio-1.3 5.1.2 */
static void control_queue_place(void **state)
{
	(void)state;
	assert_int_equal(virtio_net_control_queue(&v), 8);
	assert_int_equal(virtio_net_queues(&model), 9);
	v.acked &= ~F(MQ);
	assert_int_equal(virtio_net_control_queue(&v), 2);
	assert_int_equal(virtio_net_pairs(&v), 1);
}

static int tx(uint8_t flags, uint8_t gso, size_t frame)
{
	chain(VIRTIO_NET_HDR + frame);
	out[0] = flags;
	out[1] = gso;
	return virtio_net_tx(&v, &c);
}

/* virtio-1.3 5.1.6.2 */
static void headers(void **state)
{
	static const struct {
		uint8_t flags, gso;
		unsigned int needs;
	} t[] = {
		{1, 0, VIRTIO_NET_F_CSUM},
		{1, 1, VIRTIO_NET_F_HOST_TSO4},
		{1, 4, VIRTIO_NET_F_HOST_TSO6},
		{1, 0x81, VIRTIO_NET_F_HOST_ECN},
		{1, 5, VIRTIO_NET_BIT_HOST_USO},
	};

	(void)state;
	assert_int_equal(tx(0, 0, 60), 60);
	assert_int_equal(tx(0, 0, 13), -EINVAL);
	assert_int_equal(tx(0, 0, 14), 14);
	assert_int_equal(tx(0, 0, VIRTIO_NET_FRAME_MAX), VIRTIO_NET_FRAME_MAX);
	assert_int_equal(tx(0, 0, VIRTIO_NET_FRAME_MAX + 1), -EINVAL);
	chain(5);
	assert_int_equal(virtio_net_tx(&v, &c), -EINVAL);
	assert_int_equal(tx(0, 1, 60), -EINVAL); /* TSO without NEEDS_CSUM */
	assert_int_equal(tx(1, 3, 60), -EINVAL); /* UFO */
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(tx(t[i].flags, t[i].gso, 60), 60);
		v.acked &= ~(1ull << t[i].needs);
		assert_int_equal(tx(t[i].flags, t[i].gso, 60), -EINVAL);
		v.acked |= 1ull << t[i].needs;
	}
}

/* --- commands (virtio-1.3 5.1.6.5) ---------------------------------------- */

static struct virtio_net_want want;

static uint8_t command(uint8_t class, uint8_t cmd, const void *body,
		       size_t bytes)
{
	out[0] = class;
	out[1] = cmd;
	memcpy(out + 2, body, bytes);
	chain(2 + bytes);
	return virtio_net_control(&v, &c, &want);
}

static void command_pairs(void **state)
{
	static const uint16_t good[] = {1, 4}, bad[] = {0, 5, 0x8000};
	uint32_t wide = 2;
	uint16_t n = 2;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(command(4, 0, &good[i], 2), VIRTIO_NET_OK);
		assert_int_equal(want.what, VIRTIO_NET_PAIRS);
		assert_int_equal(want.pairs, good[i]);
	}
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(command(4, 0, &bad[i], 2), VIRTIO_NET_ERR);
		assert_int_equal(want.what, VIRTIO_NET_NOTHING);
	}
	assert_int_equal(command(4, 0, &wide, 4), VIRTIO_NET_ERR);
	assert_int_equal(command(4, 0, &n, 1), VIRTIO_NET_ERR);
	assert_int_equal(command(4, 1, &n, 2), VIRTIO_NET_ERR);
	v.queue[3].mem = NULL;
	assert_int_equal(command(4, 0, &n, 2), VIRTIO_NET_ERR);
	n = 1;
	assert_int_equal(command(4, 0, &n, 2), VIRTIO_NET_OK);
	v.acked &= ~F(MQ);
	assert_int_equal(command(4, 0, &n, 2), VIRTIO_NET_ERR);
}

static void command_mac(void **state)
{
	static const uint8_t mac[6] = {2, 3, 4, 5, 6, 7};
	static const uint8_t group[6] = {3, 3, 4, 5, 6, 7};

	(void)state;
	assert_int_equal(command(1, 1, mac, 6), VIRTIO_NET_OK);
	assert_int_equal(cfg(0, 4), 0x05040302);
	assert_int_equal(cfg(4, 2), 0x0706);
	assert_int_equal(command(1, 1, group, 6), VIRTIO_NET_ERR);
	assert_int_equal(command(1, 1, mac, 5), VIRTIO_NET_ERR);
	assert_int_equal(cfg(0, 4), 0x05040302);
	virtio_net_reset(&model);
	assert_int_equal(cfg(0, 4), 0x01005452);
	v.acked &= ~F(CTRL_MAC_ADDR);
	assert_int_equal(command(1, 1, mac, 6), VIRTIO_NET_ERR);
}

static void command_mac_table(void **state)
{
	uint8_t t[4 + 12 + 4 + 6] = {2};

	(void)state;
	t[16] = 1;
	assert_int_equal(command(1, 0, t, sizeof(t)), VIRTIO_NET_OK);
	assert_int_equal(command(1, 0, t, sizeof(t) - 1), VIRTIO_NET_ERR);
	assert_int_equal(command(1, 0, t, 3), VIRTIO_NET_ERR);
	memset(t, 0xff, 4);
	assert_int_equal(command(1, 0, t, sizeof(t)), VIRTIO_NET_ERR);
}

static void command_rx(void **state)
{
	uint8_t on = 1, odd = 2;

	(void)state;
	for (uint8_t cmd = 0; cmd < 6; cmd++)
		assert_int_equal(command(0, cmd, &on, 1), VIRTIO_NET_OK);
	assert_int_equal(command(0, 6, &on, 1), VIRTIO_NET_ERR);
	assert_int_equal(command(0, 0, &odd, 1), VIRTIO_NET_ERR);
	v.acked &= ~F(CTRL_RX_EXTRA);
	assert_int_equal(command(0, 1, &on, 1), VIRTIO_NET_OK);
	assert_int_equal(command(0, 2, &on, 1), VIRTIO_NET_ERR);
}

static void command_offloads(void **state)
{
	uint64_t some = F(GUEST_CSUM) | F(GUEST_TSO4), host = F(CSUM);

	(void)state;
	assert_int_equal(command(5, 0, &some, 8), VIRTIO_NET_OK);
	assert_int_equal(want.what, VIRTIO_NET_OFFLOADS);
	assert_int_equal(want.offloads, some);
	assert_int_equal(command(5, 0, &host, 8), VIRTIO_NET_ERR);
	v.acked &= ~F(GUEST_TSO4);
	assert_int_equal(command(5, 0, &some, 8), VIRTIO_NET_ERR);
}

static void command_unknown(void **state)
{
	(void)state;
	assert_int_equal(command(2, 0, "\1\0", 2), VIRTIO_NET_ERR);
	assert_int_equal(command(3, 0, "", 0), VIRTIO_NET_ERR);
	assert_int_equal(command(255, 255, "", 0), VIRTIO_NET_ERR);
	chain(1);
	assert_int_equal(virtio_net_control(&v, &c, &want), VIRTIO_NET_ERR);
	chain(2);
	assert_int_equal(virtio_net_answer(&c, VIRTIO_NET_ERR), 1);
	assert_int_equal(in[0], VIRTIO_NET_ERR);
	c.n_in = 0;
	assert_int_equal(virtio_net_answer(&c, VIRTIO_NET_OK), 0);
}

/* --- receiving ------------------------------------------------------------ */

static void most(void **state)
{
	(void)state;
	assert_int_equal(virtio_net_rx_most(&v), 12 + 65550);
	v.acked &= ~(VIRTIO_NET_GUEST_OFFLOADS & ~F(GUEST_CSUM));
	assert_int_equal(virtio_net_rx_most(&v), 12 + 18 + 9000);
	model.mtu = 0;
	assert_int_equal(virtio_net_rx_most(&v), 12 + 18 + 1500);
}

#define T(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(configuration),
		T(features),
		T(control_queue_place),
		T(headers),
		T(command_pairs),
		T(command_mac),
		T(command_rx),
		T(command_mac_table),
		T(most),
		T(command_offloads),
		T(command_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
