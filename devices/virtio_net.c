// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio_net.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <string.h>

#define HAS(v, f) virtio_has(v, VIRTIO_NET_F_##f)

static struct virtio_net *of(const struct virtio *v)
{
	return v->host;
}

static void mac_get(const struct virtio_net *n, uint8_t mac[6])
{
	uint64_t m = atomic_load(&n->mac);

	for (unsigned int i = 0; i < 6; i++)
		mac[i] = (uint8_t)(m >> 8 * i);
}

static void mac_set(struct virtio_net *n, const uint8_t mac[6])
{
	uint64_t m = 0;

	for (unsigned int i = 0; i < 6; i++)
		m |= (uint64_t)mac[i] << 8 * i;
	atomic_store(&n->mac, m);
}

/* virtio-1.3 5.1.4; what was not offered reads as 0. */
static uint64_t cfg_read(struct virtio *v, unsigned int off, unsigned int len)
{
	const struct virtio_net *n = of(v);
	struct virtio_net_config c = {
		.status = atomic_load(&n->link) ? VIRTIO_NET_S_LINK_UP : 0,
		.max_virtqueue_pairs = n->pairs,
		.mtu = n->mtu,
	};
	uint64_t val = 0;

	mac_get(n, c.mac);
	if (off < sizeof(c))
		memcpy(&val, (const uint8_t *)&c + off,
		       len < sizeof(c) - off ? len : sizeof(c) - off);
	return val;
}

const struct virtio_ops virtio_net_ops = {
	.name = "virtio-net",
	.type = VIRTIO_ID_NET,
	.pci_class = 0x020000,
	.cfg_read = cfg_read,
};

uint64_t virtio_net_features(const struct virtio_net *n, uint64_t offloads)
{
	uint64_t f =
		offloads | 1ull << VIRTIO_NET_F_MAC |
		1ull << VIRTIO_NET_F_STATUS | 1ull << VIRTIO_NET_F_MRG_RXBUF |
		1ull << VIRTIO_NET_F_CTRL_VQ | 1ull << VIRTIO_NET_F_CTRL_RX |
		1ull << VIRTIO_NET_F_CTRL_RX_EXTRA |
		1ull << VIRTIO_NET_F_CTRL_MAC_ADDR;

	if (n->mtu)
		f |= 1ull << VIRTIO_NET_F_MTU;
	if (n->pairs > 1)
		f |= 1ull << VIRTIO_NET_F_MQ;
	if (offloads & VIRTIO_NET_GUEST_OFFLOADS)
		f |= 1ull << VIRTIO_NET_F_CTRL_GUEST_OFFLOADS;
	return f;
}

unsigned int virtio_net_queues(const struct virtio_net *n)
{
	return 2u * n->pairs + 1;
}

void virtio_net_reset(struct virtio_net *n)
{
	mac_set(n, n->mac_first);
}

unsigned int virtio_net_pairs(const struct virtio *v)
{
	return HAS(v, MQ) ? of(v)->pairs : 1;
}

unsigned int virtio_net_control_queue(const struct virtio *v)
{
	return 2 * virtio_net_pairs(v);
}

/* --- sending (virtio-1.3 5.1.6.2) ----------------------------------------- */

static bool gso_ok(const struct virtio *v, const struct virtio_net_hdr_v1 *h)
{
	bool csum = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	if (h->gso_type & VIRTIO_NET_HDR_GSO_ECN && !HAS(v, HOST_ECN))
		return false;
	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return csum && HAS(v, HOST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return csum && HAS(v, HOST_TSO6);
	case VIRTIO_NET_GSO_UDP_L4:
		return csum && virtio_has(v, VIRTIO_NET_BIT_HOST_USO);
	default:
		return false;
	}
}

int virtio_net_tx(const struct virtio *v, const struct virtq_chain *c)
{
	struct virtio_net_hdr_v1 h;

	if (c->out_len < VIRTIO_NET_HDR + VIRTIO_NET_ETH ||
	    c->out_len > VIRTIO_NET_HDR + VIRTIO_NET_FRAME_MAX)
		return -EINVAL;
	virtq_copy_out(c, 0, &h, sizeof(h));
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && !HAS(v, CSUM))
		return -EINVAL;
	return gso_ok(v, &h) ? (int)(c->out_len - VIRTIO_NET_HDR) : -EINVAL;
}

/* --- the control queue (virtio-1.3 5.1.6.5) ------------------------------- */

/* Behind class and command. */
#define BODY sizeof(struct virtio_net_ctrl_hdr)

/* True if the body has exactly @len bytes, which are then in @to. */
static bool body(const struct virtq_chain *c, void *to, size_t len)
{
	return c->out_len == BODY + len &&
	       virtq_copy_out(c, BODY, to, len) == len;
}

/*
 * Filters are for less work: a device may deliver more than it has to
 * (virtio-1.3 5.1.6.5.1.2). This one delivers all there is.
 */
static bool rx_mode(const struct virtio *v, const struct virtq_chain *c,
		    uint8_t cmd)
{
	uint8_t on;

	if (!body(c, &on, 1) || on > 1)
		return false;
	return cmd <= VIRTIO_NET_CTRL_RX_ALLMULTI
		       ? HAS(v, CTRL_RX)
		       : cmd <= VIRTIO_NET_CTRL_RX_NOBCAST &&
				 HAS(v, CTRL_RX_EXTRA);
}

/* Two tables, unicast and multicast; a count each, then addresses. */
static bool mac_table(const struct virtq_chain *c)
{
	uint64_t off = BODY;

	for (unsigned int i = 0; i < 2; i++) {
		uint32_t n;

		if (virtq_copy_out(c, off, &n, sizeof(n)) < sizeof(n))
			return false;
		off += sizeof(n) + 6ull * n;
	}
	return off == c->out_len;
}

static bool mac_addr(struct virtio *v, const struct virtq_chain *c)
{
	uint8_t to[6];

	if (!HAS(v, CTRL_MAC_ADDR) || !body(c, to, sizeof(to)) || to[0] & 1)
		return false;
	mac_set(of(v), to);
	return true;
}

static bool mac(struct virtio *v, const struct virtq_chain *c, uint8_t cmd)
{
	if (cmd == VIRTIO_NET_CTRL_MAC_TABLE_SET)
		return HAS(v, CTRL_RX) && mac_table(c);
	return cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET && mac_addr(v, c);
}

static bool pairs(const struct virtio *v, const struct virtq_chain *c,
		  uint8_t cmd, struct virtio_net_want *want)
{
	uint16_t n;

	if (!HAS(v, MQ) || cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
	    !body(c, &n, sizeof(n)) || n < 1 || n > of(v)->pairs)
		return false;
	for (unsigned int i = 0; i < 2u * n; i++) {
		if (!virtq_live(&v->queue[i]))
			return false;
	}
	want->what = VIRTIO_NET_PAIRS;
	want->pairs = n;
	return true;
}

static bool offloads(const struct virtio *v, const struct virtq_chain *c,
		     uint8_t cmd, struct virtio_net_want *want)
{
	uint64_t bits;

	if (!HAS(v, CTRL_GUEST_OFFLOADS) ||
	    cmd != VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET ||
	    !body(c, &bits, sizeof(bits)) ||
	    bits & ~(v->acked & VIRTIO_NET_GUEST_OFFLOADS))
		return false;
	want->what = VIRTIO_NET_OFFLOADS;
	want->offloads = bits;
	return true;
}

uint8_t virtio_net_control(struct virtio *v, const struct virtq_chain *c,
			   struct virtio_net_want *want)
{
	struct virtio_net_ctrl_hdr h;
	bool ok = false;

	want->what = VIRTIO_NET_NOTHING;
	if (virtq_copy_out(c, 0, &h, sizeof(h)) < sizeof(h))
		return VIRTIO_NET_ERR;
	switch (h.class) {
	case VIRTIO_NET_CTRL_RX:
		ok = rx_mode(v, c, h.cmd);
		break;
	case VIRTIO_NET_CTRL_MAC:
		ok = mac(v, c, h.cmd);
		break;
	case VIRTIO_NET_CTRL_MQ:
		ok = pairs(v, c, h.cmd, want);
		break;
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		ok = offloads(v, c, h.cmd, want);
		break;
	default: /* nothing of it was offered */
		break;
	}
	return ok ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
}

uint32_t virtio_net_answer(const struct virtq_chain *c, uint8_t ack)
{
	return (uint32_t)virtq_copy_in(c, 0, &ack, sizeof(ack));
}
