// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: frames from the host go straight into the buffers that the
 * guest made available; when those are used up, the file is not watched until
 * the guest notifies of more. Frames of the guest are sent when it notifies.
 * Neither way may keep the worker for itself: after a batch, the queue's own
 * eventfd is written, so that the loop goes round once.
 */
#include <errno.h>

#include "vmm/net.h"

#define BATCH 256

static unsigned int rx_queue(const struct net_pair *p)
{
	return 2 * p->index;
}

static unsigned int tx_queue(const struct net_pair *p)
{
	return 2 * p->index + 1;
}

static struct net_pair *pair_of(struct virtio *v, unsigned int q)
{
	struct net *n = v->host;

	return &n->pair[q / 2];
}

static void lost(struct net_pair *p)
{
	net_pump_unwatch(p);
	p->net->kind->lost(p);
}

/* --- to the guest --------------------------------------------------------- */

int net_pump_room(struct net_pair *p, uint64_t bytes)
{
	struct virtio *v = p->net->v;
	struct virtq *q = &v->queue[rx_queue(p)];
	int r = virtio_net_rx_fill(v, &p->rx, q, &p->chain, bytes);

	if (r < 0)
		return r;
	if (p->rx.room >= bytes)
		return 1;
	return virtio_net_rx_full(v, &p->rx, q) ? 0 : -ENOBUFS;
}

void net_pump_placed(struct net_pair *p, uint64_t bytes)
{
	struct virtio *v = p->net->v;

	virtio_net_rx_done(v, &p->rx, &v->queue[rx_queue(p)], bytes);
}

static void receive(struct net_pair *p)
{
	struct virtio *v = p->net->v;
	struct virtq *q = &v->queue[rx_queue(p)];
	int r = 1;

	for (unsigned int i = 0; i < BATCH && r > 0; i++) {
		r = p->net->kind->receive(p);
		if (r == -ENOBUFS && virtq_wait(q))
			r = 1; /* more buffers came just now */
	}
	virtio_signal(v, rx_queue(p));
	if (r > 0)
		v->kick(v->ctx, rx_queue(p));
	else if (r == -EINVAL)
		virtio_fail(v);
	else if (r < 0 && r != -ENOBUFS)
		lost(p);
	if (r == -ENOBUFS || r == -EINVAL)
		net_pump_unwatch(p);
}

static void on_file(void *ctx)
{
	receive(ctx);
}

/* The guest has new buffers, which matters if there were none. */
static void on_buffers(struct virtio *v, unsigned int q)
{
	struct net_pair *p = pair_of(v, q);

	virtq_busy(&v->queue[q]);
	if (net_pump_watch(p) == 0)
		receive(p);
}

int net_pump_watch(struct net_pair *p)
{
	int r;

	if (p->fd < 0 || atomic_load(&p->net->gone))
		return -EBADF;
	if (p->watched)
		return 0;
	r = loop_add(&p->worker.loop, p->fd, on_file, p);
	p->watched = r == 0;
	return r;
}

void net_pump_unwatch(struct net_pair *p)
{
	if (p->watched)
		loop_remove(&p->worker.loop, p->fd);
	p->watched = false;
}

/* --- from the guest ------------------------------------------------------- */

/* One frame; whoever receives none is Ethernet's business. */
static int send_one(struct net_pair *p)
{
	struct net *n = p->net;
	int bytes = virtio_net_tx(n->v, &p->chain);

	if (bytes < 0 || p->fd < 0 || atomic_load(&n->gone))
		return 0;
	return n->kind->send(p, (uint32_t)bytes);
}

/* 1: go on; 0: there is no more; -errno of the kind, or -EINVAL. */
static int send_batch(struct net_pair *p, struct virtq *q)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		int r = virtq_pop(q, &p->chain);

		if (r <= 0)
			return r;
		r = send_one(p);
		if (r == -EAGAIN) {
			virtq_unpop(q);
			return r;
		}
		virtq_push(q, p->chain.head, 0);
		if (r < 0)
			return r;
	}
	return 1;
}

void net_pump_send(struct net_pair *p)
{
	struct virtio *v = p->net->v;
	struct virtq *q = &v->queue[tx_queue(p)];
	int r;

	virtq_busy(q);
	do
		r = send_batch(p, q);
	while (r == 0 && virtq_wait(q));
	virtio_signal(v, tx_queue(p));
	if (r == -EAGAIN || r == 0)
		return;
	if (r == -EINVAL)
		virtio_fail(v);
	else if (r < 0)
		lost(p);
	if (r != -EINVAL)
		v->kick(v->ctx, tx_queue(p));
}

static void on_frames(struct virtio *v, unsigned int q)
{
	net_pump_send(pair_of(v, q));
}

/* --- start and stop ------------------------------------------------------- */

int net_pump_start(struct net_pair *p)
{
	struct virtio *v = p->net->v;
	int r;

	virtio_net_rx_reset(&p->rx);
	p->held = 0;
	r = virtio_watch(&p->worker, v, rx_queue(p), on_buffers);
	if (r == 0)
		r = virtio_watch(&p->worker, v, tx_queue(p), on_frames);
	if (r < 0)
		net_pump_stop(p);
	return r;
}

void net_pump_stop(struct net_pair *p)
{
	struct virtio *v = p->net->v;

	virtio_unwatch(&p->worker, v, rx_queue(p));
	virtio_unwatch(&p->worker, v, tx_queue(p));
	net_pump_unwatch(p);
	/* Buffers taken ahead stay the driver's, for when the pair is on again.
	 */
	for (unsigned int i = 0; i < p->rx.n; i++)
		virtq_unpop(&v->queue[rx_queue(p)]);
	virtio_net_rx_reset(&p->rx);
}
