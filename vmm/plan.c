// SPDX-License-Identifier: Apache-2.0
#include "vmm/plan.h"

#include <errno.h>
#include <string.h>

#define MIB (1ULL << 20)

/*
 * How it works: one pool per window. BARs are placed largest first, so that
 * natural alignment leaves no gaps; a 64-bit BAR goes above RAM and only falls
 * back below 4 GiB. A window then shrinks to what is in it. What finds no room
 * where the IOMMU reaches is put elsewhere: only DMA from other devices needs
 * the IOMMU.
 */

/* --- slots ---------------------------------------------------------------- */

/* Of an address as sysfs has it, 0000:01:00.1; -1: it is none. */
static int host_function(const char *name)
{
	size_t len = strlen(name);

	if (len < 3 || name[len - 2] != '.' || name[len - 1] < '0' ||
	    name[len - 1] > '7')
		return -1;
	return name[len - 1] - '0';
}

/* Whether two functions are parts of one device on the host. */
static bool one_device(const struct plan_pci *a, const struct plan_pci *b)
{
	size_t len = strlen(a->name);

	return !a->vf && !b->vf && host_function(a->name) >= 0 &&
	       strlen(b->name) == len &&
	       strncmp(a->name, b->name, len - 1) == 0;
}

static bool devfn_taken(const struct plan *p, unsigned int n, uint8_t devfn)
{
	for (unsigned int i = 0; i < n; i++) {
		if (p->pci[i].devfn == devfn)
			return true;
	}
	return false;
}

/* The device at @i joins the slot of an earlier one that is its sibling. */
static bool slot_join(struct plan *p, unsigned int i)
{
	struct plan_pci *d = &p->pci[i];

	for (unsigned int k = 0; k < i; k++) {
		if (!one_device(d, &p->pci[k]))
			continue;
		d->devfn = (uint8_t)((p->pci[k].devfn & ~7u) |
				     (unsigned int)host_function(d->name));
		return !devfn_taken(p, i, d->devfn);
	}
	return false;
}

/* Without function 0 a slot cannot be found (PCI-3.0 6.1). */
static void slot_begin(struct plan *p, uint8_t slot)
{
	struct plan_pci *first = NULL;

	for (unsigned int i = 0; i < p->n_pci; i++) {
		struct plan_pci *d = &p->pci[i];

		if (d->devfn >> 3 == slot &&
		    (!first || d->devfn < first->devfn))
			first = d;
	}
	if (first)
		first->devfn = (uint8_t)(slot << 3);
}

void plan_slots(struct plan *p)
{
	uint8_t slot = 0; /* the host bridge's */

	for (unsigned int i = 0; i < p->n_pci; i++) {
		int fn = host_function(p->pci[i].name);

		if (slot_join(p, i))
			continue;
		slot++;
		if (fn < 0 || p->pci[i].vf)
			fn = 0;
		p->pci[i].devfn = (uint8_t)(slot << 3 | fn);
	}
	for (uint8_t s = 1; s <= slot; s++)
		slot_begin(p, s);
}

/* --- BARs ----------------------------------------------------------------- */

/* A window twice: without what the IOMMU cannot map, and whole. */
struct window {
	struct span_pool near;
	struct span_pool all;
};

struct pools {
	struct window mem32;
	struct window mem64;
	struct span_pool io;
	uint64_t least; /* alignment of what is in memory */
	const struct span *avoid;
	unsigned int n_avoid;
};

static int pool_make(struct span_pool *pool, struct span window,
		     const struct span *avoid, unsigned int n)
{
	int r;

	memset(pool, 0, sizeof(*pool));
	if (!window.len) /* a pool without a limit: take() refuses */
		return 0;
	r = span_pool_init(pool, window);
	for (unsigned int i = 0; i < n && r == 0; i++)
		r = span_pool_block(pool, avoid[i]);
	return r;
}

/* @hole is in neither pool. */
static int window_make(struct window *w, struct span free, struct span hole,
		       const struct span *avoid, unsigned int n)
{
	int r = pool_make(&w->near, free, avoid, n);

	if (r == 0)
		r = pool_make(&w->all, free, NULL, 0);
	if (r < 0 || !free.len || !hole.len)
		return r;
	r = span_pool_block(&w->near, hole);
	return r < 0 ? r : span_pool_block(&w->all, hole);
}

static int take(struct span_pool *pool, struct plan_bar *b, uint64_t align)
{
	if (!pool->limit.len)
		return -ENOSPC;
	return span_pool_take(pool, b->size, align, &b->addr);
}

/* What is taken in one of the pools is taken in the other. */
static int window_take(struct window *w, struct plan_bar *b, uint64_t align,
		       bool near)
{
	int r = take(near ? &w->near : &w->all, b, align);

	if (r < 0)
		return r;
	return span_pool_block(near ? &w->all : &w->near,
			       (struct span){b->addr, b->size});
}

/* A ROM may be smaller than a page of the guest: it, too, has its own. */
static int mem_place(struct pools *w, struct plan_bar *b, bool near)
{
	uint64_t align = b->align > b->size ? b->align : b->size;
	int r = -ENOSPC;

	if (align < w->least)
		align = w->least;
	if (b->kind == PCI_BAR_MEM64)
		r = window_take(&w->mem64, b, align, near);
	return r == 0 ? 0 : window_take(&w->mem32, b, align, near);
}

static bool avoided(const struct pools *w, const struct plan_bar *b)
{
	for (unsigned int i = 0; i < w->n_avoid; i++) {
		if (span_overlaps(w->avoid[i], (struct span){b->addr, b->size}))
			return true;
	}
	return false;
}

static int bar_place(struct pools *w, struct plan_bar *b)
{
	int r;

	if (b->kind == PCI_BAR_IO)
		return take(&w->io, b, b->size);
	r = mem_place(w, b, true);
	if (r < 0)
		r = mem_place(w, b, false);
	b->no_dma = r == 0 && avoided(w, b);
	return r;
}

/* The largest BAR not placed yet, or false. */
static bool largest(const struct plan *p, unsigned int *pi, unsigned int *bi)
{
	uint64_t best = 0;

	for (unsigned int i = 0; i < p->n_pci; i++) {
		for (unsigned int b = 0; b < PLAN_BARS; b++) {
			const struct plan_bar *bar = &p->pci[i].bar[b];

			if (bar->kind == PCI_BAR_NONE || bar->addr ||
			    bar->size <= best)
				continue;
			best = bar->size;
			*pi = i;
			*bi = b;
		}
	}
	return best != 0;
}

/* What the pool's BARs span, rounded outward to @grain inside the limit. */
static struct span window_of(const struct span_pool *pool, const struct plan *p,
			     uint64_t grain)
{
	uint64_t lo = UINT64_MAX;
	uint64_t hi = 0;
	struct span w = {0, 0};

	for (unsigned int i = 0; i < p->n_pci * PLAN_BARS; i++) {
		const struct plan_bar *b =
			&p->pci[i / PLAN_BARS].bar[i % PLAN_BARS];

		if (b->kind == PCI_BAR_NONE || b->kind == PCI_BAR_IO ||
		    !span_holds(pool->limit, b->addr, b->size))
			continue;
		if (b->addr < lo)
			lo = b->addr;
		if (b->addr + b->size - 1 > hi)
			hi = b->addr + b->size - 1;
	}
	if (lo > hi)
		return w;
	lo &= ~(grain - 1);
	hi |= grain - 1;
	if (lo < pool->limit.base)
		lo = pool->limit.base;
	if (hi > span_last(pool->limit))
		hi = span_last(pool->limit);
	w.base = lo;
	w.len = hi - lo + 1;
	return w;
}

static int bars_place(struct plan *p, struct pools *w, struct err *e)
{
	unsigned int pi = 0;
	unsigned int bi = 0;

	for (unsigned int i = 0; i < p->n_pci; i++) {
		for (unsigned int b = 0; b < PLAN_BARS; b++) {
			p->pci[i].bar[b].addr = 0;
			p->pci[i].bar[b].no_dma = false;
		}
	}
	while (largest(p, &pi, &bi)) {
		struct plan_bar *b = &p->pci[pi].bar[bi];
		int r = bar_place(w, b);

		if (r == 0)
			continue;
		r = err_set_num(e, r, ERR_VFIO_BAR_SPACE, p->pci[pi].name, bi,
				b->size);
		return r;
	}
	return 0;
}

int plan_make(struct plan *p, const struct arch_layout *l, unsigned int cpus,
	      const struct span *avoid, unsigned int n_avoid, struct err *e)
{
	const struct span none = {0, 0};
	struct pools w = {
		.least = l->bar_align, .avoid = avoid, .n_avoid = n_avoid};
	int r;

	plan_slots(p);
	p->cpus = cpus;
	p->n_ram = l->n_ram;
	memcpy(p->ram, l->ram, sizeof(p->ram));
	p->bar_align = l->bar_align;
	p->conf1 = l->conf1;
	p->ecam = l->ecam;
	r = window_make(&w.mem32, l->mem32, none, avoid, n_avoid);
	if (r == 0)
		r = window_make(&w.mem64, l->mem64, l->hole, avoid, n_avoid);
	if (r == 0)
		r = pool_make(&w.io, l->io, NULL, 0);
	if (r < 0)
		return err_set_num(e, r, ERR_VFIO_BAR_SPACE, "", 0, 0);
	r = bars_place(p, &w, e);
	if (r < 0)
		return r;
	/* Below 4 GiB and for I/O the guest gets the whole window: it is free.
	 */
	p->mem32 = l->mem32;
	p->io = l->io;
	p->io_mmio = l->io_mmio;
	p->mem64 = window_of(&w.mem64.all, p, 1024 * MIB);
	return 0;
}
