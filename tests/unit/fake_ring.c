// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/fake_ring.h"

#include <linux/virtio_config.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of each queue: descriptors, avail, used, a page each. */
#define RING(q) (0x1000u + (q)*0x3000u)

static void ring_signal(void *ctx, unsigned int vector)
{
	struct fake_ring *f = ctx;
	uint64_t one = 1;

	if (vector == f->unit.v.n_queues)
		__atomic_fetch_add(&f->config_signals, 1, __ATOMIC_SEQ_CST);
	else if (vector < f->unit.v.n_queues &&
		 write(f->unit.pci.vector[vector].fd, &one, sizeof(one)) < 0)
		abort();
}

static void ring_kick(void *ctx, unsigned int q)
{
	fake_ring_notify(ctx, q);
}

void fake_ring_init(struct fake_ring *f)
{
	struct virtio *v = &f->unit.v;
	struct span all = {0, FAKE_RING_RAM};

	f->ram = mmap(NULL, FAKE_RING_RAM, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->ram == MAP_FAILED || gmem_add(&f->mem, all, f->ram) < 0)
		abort();
	v->mem = &f->mem;
	v->queue_size = FAKE_RING_SIZE;
	v->signal = ring_signal;
	v->kick = ring_kick;
	v->ctx = f;
	strcpy(f->unit.name, "net");
	for (unsigned int i = 0; i < v->n_queues; i++) {
		f->unit.pci.kick_fd[i] = eventfd(0, EFD_NONBLOCK);
		f->unit.pci.vector[i].fd = eventfd(0, EFD_NONBLOCK);
	}
	f->unit.pci.msix.n = v->n_queues + 1;
	virtio_init(v);
}

void fake_ring_fini(struct fake_ring *f)
{
	for (unsigned int i = 0; i < f->unit.v.n_queues; i++) {
		close(f->unit.pci.kick_fd[i]);
		close(f->unit.pci.vector[i].fd);
	}
	munmap(f->ram, FAKE_RING_RAM);
}

void fake_ring_up(struct fake_ring *f, uint64_t features)
{
	struct virtio *v = &f->unit.v;

	for (unsigned int i = 0; i < v->n_queues; i++) {
		struct virtq_regs *r = &v->queue[i].regs;

		r->desc = RING(i);
		r->avail = RING(i) + 0x1000;
		r->used = RING(i) + 0x2000;
		r->enabled = true;
		memset(f->ram + r->avail, 0, 0x2000);
		f->avail[i] = 0;
		f->next[i] = 0;
		f->used[i] = 0;
		atomic_store(&v->queue_vector[i], (uint16_t)i);
		if (virtq_start(&v->queue[i], &f->mem, features) < 0)
			abort();
	}
	atomic_store(&v->config_vector, (uint16_t)v->n_queues);
	v->acked = features;
	atomic_store(&v->status, VIRTIO_CONFIG_S_DRIVER_OK);
}

void fake_ring_down(struct fake_ring *f)
{
	struct virtio *v = &f->unit.v;

	for (unsigned int i = 0; i < v->n_queues; i++)
		virtq_stop(&v->queue[i]);
	virtio_init(v);
}

void fake_ring_add(struct fake_ring *f, unsigned int q, uint32_t gpa,
		   uint32_t len, bool in, bool last)
{
	struct vring_desc *d = (void *)(f->ram + RING(q));
	struct vring_avail *a = (void *)(f->ram + RING(q) + 0x1000);
	uint16_t i = f->next[q] % FAKE_RING_SIZE;

	if (!f->in_chain[q])
		a->ring[f->avail[q] % FAKE_RING_SIZE] = i;
	f->in_chain[q] = !last;
	d[i].addr = gpa;
	d[i].len = len;
	d[i].flags = (uint16_t)((in ? VRING_DESC_F_WRITE : 0) |
				(last ? 0 : VRING_DESC_F_NEXT));
	d[i].next = (uint16_t)((i + 1) % FAKE_RING_SIZE);
	f->next[q]++;
	if (last)
		__atomic_store_n(&a->idx, ++f->avail[q], __ATOMIC_RELEASE);
}

void fake_ring_notify(struct fake_ring *f, unsigned int q)
{
	uint64_t one = 1;

	if (write(f->unit.pci.kick_fd[q], &one, sizeof(one)) < 0)
		abort();
}

bool fake_ring_used(struct fake_ring *f, unsigned int q, uint32_t *len)
{
	struct vring_used *u = (void *)(f->ram + RING(q) + 0x2000);

	for (int ms = 0; ms < 5000; ms++) {
		if (__atomic_load_n(&u->idx, __ATOMIC_ACQUIRE) != f->used[q]) {
			*len = u->ring[f->used[q] % FAKE_RING_SIZE].len;
			f->used[q]++;
			return true;
		}
		poll(NULL, 0, 1);
	}
	return false;
}

bool fake_ring_interrupt(struct fake_ring *f, unsigned int q)
{
	uint64_t n;

	return read(f->unit.pci.vector[q].fd, &n, sizeof(n)) > 0;
}
