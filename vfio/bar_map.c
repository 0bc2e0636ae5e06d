// SPDX-License-Identifier: Apache-2.0
/*
 * Obeys vfio/bar_plan.h.
 *
 * How it works: one reservation holds the whole region at an address that is
 * congruent to its offset in the BAR modulo the largest page, so that every
 * slice, also one after a hole, can use the same large entries in the host's
 * tables, in EPT and in the IOMMU. Slices are laid over it; what is not mapped
 * stays PROT_NONE, so that nothing else ever lands in a hole.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/span.h"
#include "vfio/device.h"

static uint64_t map_end(const struct bar_plan *p)
{
	uint64_t end = 0;

	for (unsigned int i = 0; i < p->n; i++) {
		if (p->slice[i].kind == BAR_MAP)
			end = p->slice[i].off + p->slice[i].len;
	}
	return end;
}

/* Give back what of [base, base + len) is not in [keep, keep + keep_len). */
static void trim(uint8_t *base, uint64_t len, uint8_t *keep, uint64_t keep_len)
{
	uint64_t before = (uint64_t)(keep - base);

	if (before)
		(void)munmap(base, before);
	if (before + keep_len < len)
		(void)munmap(keep + keep_len, len - before - keep_len);
}

/* @len bytes at a multiple of @align that nobody can touch, or NULL. */
static uint8_t *reserve_aligned(uint64_t len, uint64_t align, uint64_t page)
{
	uint64_t room = len + align - page;
	uint64_t base;
	uint8_t *p;

	if (room < len)
		return NULL;
	p = mmap(NULL, room, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (!align_up((uintptr_t)p, align, &base)) {
		(void)munmap(p, room);
		return NULL;
	}
	trim(p, room, (uint8_t *)(uintptr_t)base, len);
	return (uint8_t *)(uintptr_t)base;
}

/* The next smaller alignment that is worth something: a block, or a page. */
static uint64_t smaller(uint64_t align, uint64_t page)
{
	uint64_t block[3];

	bar_plan_blocks(block, page);
	for (unsigned int i = 0; i < 3; i++) {
		if (block[i] && block[i] < align)
			return block[i];
	}
	return 0;
}

/* One line per device, whatever else cannot be done with it. */
static void warn_once(struct vfio_dev *d, unsigned int bar, const char *what,
		      int error)
{
	if (d->map_warned)
		return;
	d->map_warned = true;
	fprintf(stderr, "barge: %s: BAR %u %s%s%s\n", d->address, bar, what,
		error ? ": " : "", error ? strerror(error) : "");
}

#define TRAPPED "cannot be mapped; accesses to it are trapped, which is slow"

/* Where address space is short or in pieces, smaller pages are better than
 * none. */
static void reserve(struct vfio_dev *d, unsigned int bar, uint64_t len,
		    uint64_t page)
{
	uint64_t align = d->plan.bar[bar].host_align;
	uint8_t *p = NULL;

	for (; align && !p; align = p ? align : smaller(align, page))
		p = reserve_aligned(len, align, page);
	d->host[bar].base = p;
	d->host[bar].len = p ? len : 0;
	d->host[bar].align = p ? align : 0;
	if (!p)
		warn_once(d, bar, TRAPPED, ENOMEM);
	else if (align < d->plan.bar[bar].host_align)
		warn_once(d, bar,
			  "is mapped in small pages, which is slow: "
			  "address space is short or in pieces",
			  0);
}

static void slice_open(struct vfio_dev *d, unsigned int bar, uint8_t *base,
		       const struct bar_slice *s)
{
	const struct vfio_region *r = &d->region[bar];
	struct bar_map *m;
	int prot = 0;
	void *p;

	if (d->n_maps == BAR_MAPS_MAX) {
		warn_once(d, bar,
			  "has more pieces than can be mapped; "
			  "accesses to some are trapped, which is slow",
			  0);
		return;
	}
	m = &d->map[d->n_maps];

	if (r->flags & VFIO_REGION_INFO_FLAG_READ)
		prot |= PROT_READ;
	if (r->flags & VFIO_REGION_INFO_FLAG_WRITE)
		prot |= PROT_WRITE;
	p = mmap(base + s->off, s->len, prot, MAP_SHARED | MAP_FIXED, d->fd,
		 (off_t)(r->fd_off + s->off));
	if (p == MAP_FAILED) {
		warn_once(d, bar, TRAPPED, errno);
		/* The failed call may have taken the reservation with it. */
		(void)mmap(base + s->off, s->len, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				   MAP_FIXED,
			   -1, 0);
		return;
	}
	/* Without it nothing is huge under THP=madvise (linux mm/memory.c). */
	(void)madvise(p, s->len, MADV_HUGEPAGE);
	m->bar = bar;
	m->off = s->off;
	m->len = s->len;
	m->hva = p;
	memset(&m->now, 0, sizeof(m->now));
	d->n_maps++;
}

void bar_map_open(struct vfio_dev *d)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (unsigned int b = 0; b < PCI_BARS; b++) {
		const struct bar_plan *p = &d->plan.bar[b];
		uint64_t len = map_end(p);

		if (!len)
			continue;
		reserve(d, b, len, page);
		for (unsigned int i = 0; d->host[b].base && i < p->n; i++) {
			if (p->slice[i].kind == BAR_MAP)
				slice_open(d, b, d->host[b].base, &p->slice[i]);
		}
	}
}

void bar_map_close(struct vfio_dev *d)
{
	for (unsigned int b = 0; b < PCI_BARS; b++) {
		if (d->host[b].base)
			munmap(d->host[b].base, d->host[b].len);
		d->host[b].base = NULL;
	}
	d->n_maps = 0;
}
