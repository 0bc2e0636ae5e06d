// SPDX-License-Identifier: Apache-2.0
#include "devices/vsock_conn.h"

#include <errno.h>
#include <string.h>

#define BOTH (VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)
/* Ports that we call from; below are those of programs. */
#define FIRST_PORT (1u << 30)
/* The guest is told of room when there is so much more than it knows of. */
#define TELL (VSOCK_BUF / 4)

static uint32_t op_bit(unsigned int op)
{
	return 1u << op;
}

void vsock_init(struct vsock_table *t, uint64_t guest_cid)
{
	memset(t, 0, sizeof(*t));
	t->guest_cid = guest_cid;
	t->next_port = FIRST_PORT;
}

/* Known to the guest: found by its ports. */
static bool named(const struct vsock_conn *c)
{
	return c->state != VSOCK_FREE && c->state != VSOCK_HELD;
}

static struct vsock_conn *find(struct vsock_table *t, uint32_t host_port,
			       uint32_t guest_port)
{
	for (unsigned int i = 0; i < VSOCK_CONNS; i++) {
		struct vsock_conn *c = &t->conn[i];

		if (named(c) && c->host_port == host_port &&
		    c->guest_port == guest_port)
			return c;
	}
	return NULL;
}

static unsigned int index_of(const struct vsock_table *t,
			     const struct vsock_conn *c)
{
	return (unsigned int)(c - t->conn);
}

/*
 * A free one; or else one that has ended and only waits for the guest's word,
 * which a guest need not ever give.
 */
static struct vsock_conn *find_free(struct vsock_table *t)
{
	struct vsock_conn *ended = NULL;

	for (unsigned int i = 0; i < VSOCK_CONNS; i++) {
		struct vsock_conn *c = &t->conn[i];

		if (c->state == VSOCK_FREE)
			return c;
		if (c->state == VSOCK_ENDED && !c->due)
			ended = c;
	}
	return ended;
}

/* --- what the guest sent -------------------------------------------------- */

bool vsock_can_take(const struct vsock_table *t)
{
	return t->n_refusals < VSOCK_REFUSALS;
}

/* virtio-1.3 5.10.6.4.1: an answer to whom we know nothing of */
static void refuse(struct vsock_table *t, const struct virtio_vsock_hdr *h)
{
	struct virtio_vsock_hdr *r = &t->refusal[t->n_refusals];

	if (h->op == VIRTIO_VSOCK_OP_RST || !vsock_can_take(t))
		return;
	memset(r, 0, sizeof(*r));
	r->src_cid = h->dst_cid;
	r->dst_cid = h->src_cid;
	r->src_port = h->dst_port;
	r->dst_port = h->src_port;
	r->type = h->type;
	r->op = VIRTIO_VSOCK_OP_RST;
	t->n_refusals++;
}

/* The guest is rid of it; the host's side is told to be. */
static enum vsock_news gone(struct vsock_conn *c)
{
	bool ours = c->state != VSOCK_ENDED;
	uint32_t shut = c->guest_shut;

	memset(c, 0, sizeof(*c));
	if (!ours)
		return VSOCK_NOTHING;
	c->state = VSOCK_HELD;
	c->guest_shut = shut;
	return VSOCK_GONE;
}

/* The guest broke the rules: both ends hear of it. */
static enum vsock_news broke(struct vsock_table *t, struct vsock_conn *c,
			     const struct virtio_vsock_hdr *h)
{
	refuse(t, h);
	return gone(c);
}

static enum vsock_news requested(struct vsock_table *t,
				 const struct virtio_vsock_hdr *h,
				 unsigned int *i)
{
	struct vsock_conn *c = find_free(t);

	if (!c) {
		refuse(t, h);
		return VSOCK_NOTHING;
	}
	memset(c, 0, sizeof(*c));
	c->state = VSOCK_CALLED;
	c->host_port = h->dst_port;
	c->guest_port = h->src_port;
	c->guest_alloc = h->buf_alloc;
	c->guest_forwarded = h->fwd_cnt;
	*i = index_of(t, c);
	return VSOCK_CALL;
}

static enum vsock_news received(struct vsock_table *t, struct vsock_conn *c,
				const struct virtio_vsock_hdr *h)
{
	if (c->state == VSOCK_ENDED)
		return VSOCK_NOTHING;
	if (c->state != VSOCK_OPEN ||
	    c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_SEND ||
	    h->len > VSOCK_BUF - (c->received - c->forwarded))
		return broke(t, c, h);
	c->received += h->len;
	if (!(c->shut & VIRTIO_VSOCK_SHUTDOWN_RCV))
		return VSOCK_DATA;
	/* On its way when we said that nobody would take it. */
	c->forwarded += h->len;
	return VSOCK_CREDIT;
}

static enum vsock_news shut_by_guest(struct vsock_conn *c,
				     const struct virtio_vsock_hdr *h)
{
	c->guest_shut |= h->flags & BOTH;
	if (c->state == VSOCK_ENDED && c->guest_shut == BOTH) {
		c->due = op_bit(VIRTIO_VSOCK_OP_RST);
		return VSOCK_NOTHING;
	}
	return VSOCK_SHUT;
}

static enum vsock_news of_conn(struct vsock_table *t, struct vsock_conn *c,
			       const struct virtio_vsock_hdr *h)
{
	c->guest_alloc = h->buf_alloc;
	c->guest_forwarded = h->fwd_cnt;
	switch (h->op) {
	case VIRTIO_VSOCK_OP_RST:
		return gone(c);
	case VIRTIO_VSOCK_OP_RESPONSE:
		if (c->state != VSOCK_CALLING)
			return broke(t, c, h);
		c->state = VSOCK_OPEN;
		return VSOCK_ANSWERED;
	case VIRTIO_VSOCK_OP_RW:
		return received(t, c, h);
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		return shut_by_guest(c, h);
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		if (c->state == VSOCK_OPEN)
			c->due |= op_bit(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
		return VSOCK_CREDIT;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		return VSOCK_CREDIT;
	default:
		return broke(t, c, h);
	}
}

enum vsock_news vsock_take(struct vsock_table *t,
			   const struct virtio_vsock_hdr *h, unsigned int *i)
{
	struct vsock_conn *c;
	enum vsock_news news;

	if (h->src_cid != t->guest_cid)
		return VSOCK_NOTHING;
	if (h->dst_cid != VIRTIO_VSOCK_HOST_CID ||
	    h->type != VIRTIO_VSOCK_TYPE_STREAM) {
		refuse(t, h);
		return VSOCK_NOTHING;
	}
	c = find(t, h->dst_port, h->src_port);
	/* An ended one may be called anew before the guest knew of its end. */
	if (c && c->state == VSOCK_ENDED && h->op == VIRTIO_VSOCK_OP_REQUEST)
		memset(c, 0, sizeof(*c));
	else if (c) {
		*i = index_of(t, c);
		news = of_conn(t, c, h);
		return c->state == VSOCK_ENDED || c->state == VSOCK_FREE
			       ? VSOCK_NOTHING
			       : news;
	}
	if (h->op == VIRTIO_VSOCK_OP_REQUEST)
		return requested(t, h, i);
	refuse(t, h);
	return VSOCK_NOTHING;
}

/* --- what the host does --------------------------------------------------- */

int vsock_hold(struct vsock_table *t)
{
	struct vsock_conn *c = find_free(t);

	if (!c)
		return -ENOSPC;
	memset(c, 0, sizeof(*c));
	c->state = VSOCK_HELD;
	return (int)index_of(t, c);
}

void vsock_call(struct vsock_table *t, unsigned int i, uint32_t guest_port)
{
	struct vsock_conn *c = &t->conn[i];

	do {
		c->host_port = t->next_port++;
		if (t->next_port == UINT32_MAX)
			t->next_port = FIRST_PORT;
	} while (find(t, c->host_port, guest_port));
	c->guest_port = guest_port;
	c->state = VSOCK_CALLING;
	c->due = op_bit(VIRTIO_VSOCK_OP_REQUEST);
}

void vsock_accept(struct vsock_table *t, unsigned int i)
{
	t->conn[i].state = VSOCK_OPEN;
	t->conn[i].due |= op_bit(VIRTIO_VSOCK_OP_RESPONSE);
}

void vsock_forwarded(struct vsock_table *t, unsigned int i, uint32_t len)
{
	struct vsock_conn *c = &t->conn[i];

	c->forwarded += len;
	if (c->state == VSOCK_OPEN && c->forwarded - c->told >= TELL)
		c->due |= op_bit(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
}

void vsock_shut(struct vsock_table *t, unsigned int i, uint32_t how)
{
	struct vsock_conn *c = &t->conn[i];

	if ((c->shut | how) == c->shut)
		return;
	c->shut |= how;
	c->due |= op_bit(VIRTIO_VSOCK_OP_SHUTDOWN);
	if (c->shut == BOTH)
		c->state = VSOCK_ENDED;
}

void vsock_reset(struct vsock_table *t, unsigned int i)
{
	t->conn[i].state = VSOCK_ENDED;
	t->conn[i].due = op_bit(VIRTIO_VSOCK_OP_RST);
}

void vsock_free(struct vsock_table *t, unsigned int i)
{
	memset(&t->conn[i], 0, sizeof(t->conn[i]));
}

/* --- what the guest is sent ----------------------------------------------- */

uint32_t vsock_credit(const struct vsock_table *t, unsigned int i)
{
	const struct vsock_conn *c = &t->conn[i];
	uint32_t away = c->sent - c->guest_forwarded;

	if (c->state != VSOCK_OPEN ||
	    c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV ||
	    c->shut & VIRTIO_VSOCK_SHUTDOWN_SEND)
		return 0;
	/* More than there is room for: the guest's numbers are wrong. */
	return away < c->guest_alloc ? c->guest_alloc - away : 0;
}

static void head(struct vsock_table *t, struct vsock_conn *c, unsigned int op,
		 struct virtio_vsock_hdr *h)
{
	memset(h, 0, sizeof(*h));
	h->src_cid = VIRTIO_VSOCK_HOST_CID;
	h->dst_cid = t->guest_cid;
	h->src_port = c->host_port;
	h->dst_port = c->guest_port;
	h->type = VIRTIO_VSOCK_TYPE_STREAM;
	h->op = (uint16_t)op;
	if (op == VIRTIO_VSOCK_OP_RST)
		return;
	h->buf_alloc = VSOCK_BUF;
	h->fwd_cnt = c->forwarded;
	c->told = c->forwarded;
	c->due &= ~op_bit(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
}

void vsock_data(struct vsock_table *t, unsigned int i, uint32_t len,
		struct virtio_vsock_hdr *h)
{
	struct vsock_conn *c = &t->conn[i];

	head(t, c, VIRTIO_VSOCK_OP_RW, h);
	h->len = len;
	c->sent += len;
}

bool vsock_owes(const struct vsock_table *t)
{
	if (t->n_refusals)
		return true;
	for (unsigned int i = 0; i < VSOCK_CONNS; i++) {
		if (t->conn[i].due)
			return true;
	}
	return false;
}

static void send_due(struct vsock_table *t, struct vsock_conn *c,
		     struct virtio_vsock_hdr *h)
{
	/* The lowest comes first: REQUEST and RESPONSE before all others. */
	unsigned int op = (unsigned int)__builtin_ctz(c->due);

	c->due &= ~op_bit(op);
	head(t, c, op, h);
	if (op == VIRTIO_VSOCK_OP_SHUTDOWN)
		h->flags = c->shut;
	if (op == VIRTIO_VSOCK_OP_RST)
		memset(c, 0, sizeof(*c));
}

bool vsock_next(struct vsock_table *t, struct virtio_vsock_hdr *h)
{
	if (t->n_refusals) {
		*h = t->refusal[0];
		t->n_refusals--;
		memmove(&t->refusal[0], &t->refusal[1],
			t->n_refusals * sizeof(t->refusal[0]));
		return true;
	}
	for (unsigned int k = 0; k < VSOCK_CONNS; k++) {
		unsigned int i = (t->next + k) % VSOCK_CONNS;

		if (!t->conn[i].due)
			continue;
		t->next = (i + 1) % VSOCK_CONNS;
		send_due(t, &t->conn[i], h);
		return true;
	}
	return false;
}
