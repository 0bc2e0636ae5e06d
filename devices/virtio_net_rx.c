// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "devices/virtio_net.h"

/* virtio-1.3 5.1.6.3.1, and a VLAN tag */
uint32_t virtio_net_rx_most(const struct virtio *v)
{
	const struct virtio_net *n = v->host;
	uint64_t large =
		VIRTIO_NET_GUEST_OFFLOADS & ~(1ull << VIRTIO_NET_F_GUEST_CSUM);

	if (v->acked & large)
		return VIRTIO_NET_HDR + VIRTIO_NET_FRAME_MAX;
	return VIRTIO_NET_HDR + VIRTIO_NET_ETH + 4 + (n->mtu ? n->mtu : 1500u);
}

static bool merges(const struct virtio *v)
{
	return virtio_has(v, VIRTIO_NET_F_MRG_RXBUF);
}

static void set_room(const struct virtio *v, struct virtio_net_rx *rx)
{
	uint64_t all = 0;

	for (unsigned int i = 0; i < rx->n; i++)
		all += rx->buf[i].len;
	rx->room = rx->n && !merges(v) ? rx->buf[0].len : all;
}

static void add(const struct virtio *v, struct virtio_net_rx *rx,
		const struct virtq_chain *c)
{
	memcpy(&rx->piece[rx->pieces], &c->iov[c->n_out],
	       c->n_in * sizeof(c->iov[0]));
	rx->pieces += c->n_in;
	rx->buf[rx->n].head = c->head;
	rx->buf[rx->n].pieces = (uint16_t)c->n_in;
	rx->buf[rx->n].len = (uint32_t)c->in_len;
	rx->n++;
	rx->room += merges(v) || rx->n == 1 ? c->in_len : 0;
}

int virtio_net_rx_fill(const struct virtio *v, struct virtio_net_rx *rx,
		       struct virtq *q, struct virtq_chain *c, uint64_t bytes)
{
	while (rx->room < bytes && (merges(v) || !rx->n) &&
	       rx->n < VIRTQ_SIZE_MAX) {
		int r = virtq_pop(q, c);

		if (r <= 0)
			return r;
		if (rx->pieces + c->n_in > VIRTIO_NET_RX_PIECES) {
			virtq_unpop(q);
			rx->full = true;
			return 0;
		}
		add(v, rx, c);
	}
	return 0;
}

bool virtio_net_rx_full(const struct virtio *v, const struct virtio_net_rx *rx,
			const struct virtq *q)
{
	return rx->full || (rx->n && !merges(v)) || rx->n >= q->regs.size;
}

/* --- bytes in the pieces -------------------------------------------------- */

static void copy(const struct virtio_net_rx *rx, uint64_t off, uint8_t *to,
		 const uint8_t *from, size_t len)
{
	for (unsigned int i = 0; i < rx->pieces && len; i++) {
		const struct iovec *p = &rx->piece[i];
		size_t part;

		if (off >= p->iov_len) {
			off -= p->iov_len;
			continue;
		}
		part = p->iov_len - off < len ? p->iov_len - off : len;
		if (from) {
			memcpy((uint8_t *)p->iov_base + off, from, part);
			from += part;
		} else {
			memcpy(to, (const uint8_t *)p->iov_base + off, part);
			to += part;
		}
		len -= part;
		off = 0;
	}
}

void virtio_net_rx_write(const struct virtio_net_rx *rx, uint64_t off,
			 const void *from, size_t len)
{
	copy(rx, off, NULL, from, len);
}

void virtio_net_rx_read(const struct virtio_net_rx *rx, uint64_t off, void *to,
			size_t len)
{
	copy(rx, off, to, NULL, len);
}

/* --- a frame is there ----------------------------------------------------- */

/* How many buffers hold @bytes. */
static unsigned int held(const struct virtio_net_rx *rx, uint64_t bytes)
{
	unsigned int k = 0;

	while (k < rx->n && (bytes || k == 0)) {
		bytes -= bytes < rx->buf[k].len ? bytes : rx->buf[k].len;
		k++;
	}
	return k;
}

static void drop_first(const struct virtio *v, struct virtio_net_rx *rx,
		       unsigned int k)
{
	unsigned int pieces = 0;

	for (unsigned int i = 0; i < k; i++)
		pieces += rx->buf[i].pieces;
	rx->n -= k;
	rx->pieces -= pieces;
	memmove(rx->buf, &rx->buf[k], rx->n * sizeof(rx->buf[0]));
	memmove(rx->piece, &rx->piece[pieces],
		rx->pieces * sizeof(rx->piece[0]));
	rx->full = false;
	set_room(v, rx);
}

void virtio_net_rx_done(const struct virtio *v, struct virtio_net_rx *rx,
			struct virtq *q, uint64_t bytes)
{
	unsigned int k = held(rx, bytes);
	uint16_t count = (uint16_t)k;

	/* virtio-1.3 5.1.6.4.1: 1 also where nothing is merged */
	virtio_net_rx_write(rx, offsetof(struct virtio_net_hdr_v1, num_buffers),
			    &count, sizeof(count));
	for (unsigned int i = 0; i < k; i++) {
		uint32_t part = bytes < rx->buf[i].len ? (uint32_t)bytes
						       : rx->buf[i].len;

		virtq_stage(q, rx->buf[i].head, part);
		bytes -= part;
	}
	/* virtio-1.3 5.1.6.4.1: the driver finds all of them used, or none */
	virtq_publish(q);
	drop_first(v, rx, k);
}
