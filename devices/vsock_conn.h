/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_VSOCK_CONN_H
#define DEVICES_VSOCK_CONN_H

#include "devices/virtio_vsock.h"

/*
 * The connections of a socket device (virtio-1.3 5.10.6), without a byte of
 * what they carry: which there are, what state each is in, how many bytes
 * either side may send, and which packets the guest is owed. Pure. One thread.
 *
 * Connections have an index below VSOCK_CONNS. Whoever moves the bytes has
 * something of its own for each, from VSOCK_CALL or vsock_hold() until it says
 * vsock_reset(), vsock_shut() in both directions, or vsock_free().
 */

#define VSOCK_CONNS 256u
/*
 * Bytes of the guest's that are kept for each connection, until the host's
 * program takes them (virtio-1.3 5.10.6.3: buf_alloc).
 */
#define VSOCK_BUF (128u << 10)
/* Packets of the guest's that are no connection's and wait for their answer. */
#define VSOCK_REFUSALS 64u

enum vsock_state {
	VSOCK_FREE,
	VSOCK_HELD,    /* taken, but the guest knows nothing of it (any more) */
	VSOCK_CALLED,  /* the guest wants it: vsock_accept() or vsock_reset() */
	VSOCK_CALLING, /* the guest was asked */
	VSOCK_OPEN,
	VSOCK_ENDED, /* the host's side is gone, until the guest knows */
};

struct vsock_conn {
	enum vsock_state state;
	uint32_t host_port;
	uint32_t guest_port;
	uint32_t due;	     /* 1u << VIRTIO_VSOCK_OP_*: owed to the guest */
	uint32_t shut;	     /* VIRTIO_VSOCK_SHUTDOWN_*: what we said */
	uint32_t guest_shut; /* what the guest said */
	/* from the guest, counted as in the packets */
	uint32_t received;
	uint32_t forwarded;
	uint32_t told; /* of `forwarded`, to the guest */
	/* to the guest */
	uint32_t sent;
	uint32_t guest_alloc;
	uint32_t guest_forwarded;
};

struct vsock_table {
	uint64_t guest_cid;
	uint32_t next_port; /* of ours, for vsock_call() */
	unsigned int next;  /* who is asked first for a packet */
	struct vsock_conn conn[VSOCK_CONNS];
	unsigned int n_refusals;
	struct virtio_vsock_hdr refusal[VSOCK_REFUSALS];
};

void vsock_init(struct vsock_table *t, uint64_t guest_cid);

/* --- what the guest sent -------------------------------------------------- */

enum vsock_news {
	VSOCK_NOTHING,
	VSOCK_CALL,	/* connection *i is VSOCK_CALLED */
	VSOCK_ANSWERED, /* *i, which was VSOCK_CALLING, is open */
	VSOCK_DATA,	/* the packet's bytes are for *i */
	VSOCK_CREDIT,	/* *i may have become able to send */
	VSOCK_SHUT,	/* look at guest_shut of *i */
	VSOCK_GONE,	/* *i is VSOCK_HELD: vsock_free() is due */
};

/* False: wait until the guest took some of the packets that it is owed. */
bool vsock_can_take(const struct vsock_table *t);
enum vsock_news vsock_take(struct vsock_table *t,
			   const struct virtio_vsock_hdr *h, unsigned int *i);

/* --- what the host does --------------------------------------------------- */

/* An index for a program that will say which port it wants. -ENOSPC. */
int vsock_hold(struct vsock_table *t);
/* Ask the guest for @guest_port, for the VSOCK_HELD @i. */
void vsock_call(struct vsock_table *t, unsigned int i, uint32_t guest_port);
void vsock_accept(struct vsock_table *t, unsigned int i);
/* @len bytes of @i's went on; they need no more room. */
void vsock_forwarded(struct vsock_table *t, unsigned int i, uint32_t len);
/*
 * The host's program has ended its side of @i: it sends no more, takes no more
 * (VIRTIO_VSOCK_SHUTDOWN_*), or both. With both, it is out of our hands.
 */
void vsock_shut(struct vsock_table *t, unsigned int i, uint32_t how);
/* End @i at once. It is out of our hands. */
void vsock_reset(struct vsock_table *t, unsigned int i);
/* Forget the VSOCK_HELD @i. */
void vsock_free(struct vsock_table *t, unsigned int i);

/* --- what the guest is sent ----------------------------------------------- */

/* How many bytes @i may send now; 0 unless it is open. */
uint32_t vsock_credit(const struct vsock_table *t, unsigned int i);
/* The head of a packet with @len of them, which count as sent. */
void vsock_data(struct vsock_table *t, unsigned int i, uint32_t len,
		struct virtio_vsock_hdr *h);
/* Whether vsock_next() has something. */
bool vsock_owes(const struct vsock_table *t);
/* The next packet without bytes that the guest is owed, which then is sent. */
bool vsock_next(struct vsock_table *t, struct virtio_vsock_hdr *h);

#endif
