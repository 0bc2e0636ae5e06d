// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/blk_guest.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE	VIRTQ_SIZE_MAX
#define CHAIN	(BG_PIECES + 2) /* descriptors of a slot */
#define RINGS	0x4000u
#define HEADERS 0x100000u

static struct vring_desc *desc(struct blk_guest *g, unsigned int q)
{
	return (void *)(g->ram + q * RINGS);
}

static struct vring_avail *avail(const struct blk_guest *g, unsigned int q)
{
	return (void *)(g->ram + q * RINGS + 0x1000);
}

static struct vring_used *used(const struct blk_guest *g, unsigned int q)
{
	return (void *)(g->ram + q * RINGS + 0x2000);
}

static uint32_t header(unsigned int q, unsigned int slot)
{
	return HEADERS + (q * BG_SLOTS + slot) * 32;
}

static void on_signal(void *ctx, unsigned int vector)
{
	struct virtio_unit *u = ctx;
	uint64_t one = 1;

	(void)vector;
	if (write(u->pci.vector[0].fd, &one, sizeof(one)) < 0)
		abort();
}

int bg_open(struct blk_guest *g, const struct conf_disk *d, unsigned int cpus,
	    struct err *e)
{
	struct conf *c = calloc(1, sizeof(*c));
	int r;

	memset(g, 0, sizeof(*g));
	g->u = calloc(1, sizeof(*g->u));
	g->ram = mmap(NULL, BG_RAM, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!c || !g->u || g->ram == MAP_FAILED)
		abort();
	(void)gmem_add(&g->mem, (struct span){BG_GPA, BG_RAM}, g->ram);
	c->cpus = cpus;
	c->disk[0] = *d;
	c->n_disk = 1;
	strcpy(g->u->name, "disk");
	g->u->v.mem = &g->mem;
	g->u->v.queue_size = SIZE;
	g->u->v.signal = on_signal;
	g->u->v.ctx = g->u;
	g->u->pci.vector[0].fd = eventfd(0, EFD_NONBLOCK);
	for (unsigned int i = 0; i < VIRTIO_QUEUES_MAX; i++)
		g->u->pci.kick_fd[i] =
			i < BG_QUEUES ? eventfd(0, EFD_NONBLOCK) : -1;
	r = blk_host_open(g->u, c, 0, e);
	free(c);
	if (r == 0)
		virtio_init(&g->u->v);
	return r;
}

int bg_start(struct blk_guest *g, uint64_t features)
{
	struct virtio *v = &g->u->v;
	int r = 0;

	memset(g->ram, 0, HEADERS);
	virtio_init(v);
	v->acked = features & (v->offered | VIRTIO_RING_FEATURES);
	for (unsigned int q = 0; q < v->n_queues && q < BG_QUEUES; q++) {
		g->avail[q] = 0;
		g->told[q] = 0;
		g->seen[q] = 0;
		v->queue[q].regs.desc = BG_GPA + q * RINGS;
		v->queue[q].regs.avail = BG_GPA + q * RINGS + 0x1000;
		v->queue[q].regs.used = BG_GPA + q * RINGS + 0x2000;
		r = virtq_start(&v->queue[q], &g->mem, v->acked);
		if (r < 0)
			return r;
	}
	atomic_store(&v->status, 4);
	r = v->host_ops->start(v);
	g->began = r == 0;
	return r;
}

void bg_stop(struct blk_guest *g)
{
	struct virtio *v = &g->u->v;

	if (g->began)
		v->host_ops->stop(v);
	g->began = false;
	for (unsigned int q = 0; q < v->n_queues; q++)
		virtq_stop(&v->queue[q]);
}

void bg_close(struct blk_guest *g)
{
	bg_stop(g);
	if (g->u->close)
		g->u->close(&g->u->v);
	for (unsigned int i = 0; i < BG_QUEUES; i++)
		close(g->u->pci.kick_fd[i]);
	close(g->u->pci.vector[0].fd);
	munmap(g->ram, BG_RAM);
	free(g->u);
}

static unsigned int add(struct blk_guest *g, const struct bg_req *r,
			unsigned int i, uint32_t off, uint32_t len, bool in)
{
	struct vring_desc *d = &desc(g, r->q)[r->slot * CHAIN + i];

	d->addr = BG_GPA + off;
	d->len = len;
	d->flags =
		(uint16_t)((in ? VRING_DESC_F_WRITE : 0) | VRING_DESC_F_NEXT);
	d->next = (uint16_t)(r->slot * CHAIN + i + 1);
	return i + 1;
}

void bg_offer(struct blk_guest *g, const struct bg_req *r)
{
	struct virtio_blk_outhdr *h = (void *)(g->ram + header(r->q, r->slot));
	unsigned int i = 0;
	struct vring_avail *a = avail(g, r->q);

	h->type = r->type;
	h->ioprio = 0;
	h->sector = r->sector;
	g->ram[header(r->q, r->slot) + 16] = BG_NONE;
	i = add(g, r, i, header(r->q, r->slot), 16, false);
	for (unsigned int p = 0; p < r->pieces; p++)
		i = add(g, r, i, r->piece[p].off, r->piece[p].len, r->in);
	add(g, r, i, header(r->q, r->slot) + 16, 1, true);
	desc(g, r->q)[r->slot * CHAIN + i].flags =
		r->no_status ? 0 : VRING_DESC_F_WRITE;
	a->ring[g->avail[r->q]++ % SIZE] = (uint16_t)(r->slot * CHAIN);
	__atomic_store_n(&a->idx, g->avail[r->q], __ATOMIC_RELEASE);
}

/* Only if the device asked to be told, as a real driver does. */
void bg_kick(struct blk_guest *g, unsigned int q)
{
	uint16_t now = g->avail[q], was = g->told[q];
	struct vring_used *u = used(g, q);
	uint64_t one = 1;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	g->told[q] = now;
	if (virtio_has(&g->u->v, VIRTIO_RING_F_EVENT_IDX)) {
		uint16_t *event = (void *)&u->ring[SIZE];

		if (!vring_need_event(__atomic_load_n(event, __ATOMIC_ACQUIRE),
				      now, was))
			return;
	} else if (__atomic_load_n(&u->flags, __ATOMIC_ACQUIRE) &
		   VRING_USED_F_NO_NOTIFY) {
		return;
	}
	if (write(g->u->pci.kick_fd[q], &one, sizeof(one)) < 0)
		abort();
}

unsigned int bg_waiting(const struct blk_guest *g, unsigned int q)
{
	uint16_t idx = __atomic_load_n(&used(g, q)->idx, __ATOMIC_ACQUIRE);

	return (uint16_t)(idx - g->seen[q]);
}

/* The next entry may be there although its signal is still to come. */
int bg_await(struct blk_guest *g, unsigned int q)
{
	struct pollfd p = {g->u->pci.vector[0].fd, POLLIN, 0};
	uint64_t n;

	for (unsigned int tries = 0; !bg_waiting(g, q); tries++) {
		if (tries == 100 || poll(&p, 1, 10000) <= 0 ||
		    read(p.fd, &n, sizeof(n)) < 0)
			return -1;
	}
	/* with event index: tell me of the next one */
	avail(g, q)->ring[SIZE] = (uint16_t)(g->seen[q] + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return (int)(used(g, q)->ring[g->seen[q]++ % SIZE].id / CHAIN);
}

uint8_t bg_status(const struct blk_guest *g, unsigned int q, unsigned int slot)
{
	return g->ram[header(q, slot) + 16];
}

uint8_t bg_do(struct blk_guest *g, uint32_t type, uint64_t sector, bool in,
	      uint32_t off, uint32_t len)
{
	struct bg_req r = {
		.type = type,
		.sector = sector,
		.in = in,
		.pieces = len ? 1 : 0,
		.piece = {{off, len}},
	};

	bg_offer(g, &r);
	bg_kick(g, 0);
	return bg_await(g, 0) < 0 ? BG_NONE : bg_status(g, 0, 0);
}
