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
#include <linux/pci_regs.h>
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

/* Reserve @len bytes, aligned; smaller alignments if nothing else is free. */
static uint8_t *reserve(uint64_t len, uint64_t align, uint64_t page, void **map,
			uint64_t *map_len)
{
	for (; align >= page;
	     align = align > page && align >> 9 < page ? page : align >> 9) {
		uint64_t base;
		void *p;

		*map_len = len + align;
		p = mmap(NULL, *map_len, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			continue;
		*map = p;
		return align_up((uintptr_t)p, align, &base)
			       ? (uint8_t *)(uintptr_t)base
			       : NULL;
	}
	return NULL;
}

static void slice_open(struct vfio_dev *d, unsigned int bar, uint8_t *base,
		       const struct bar_slice *s)
{
	const struct vfio_region *r = &d->region[bar];
	struct bar_map *m = &d->map[d->n_maps];
	int prot = 0;
	void *p;

	if (r->flags & VFIO_REGION_INFO_FLAG_READ)
		prot |= PROT_READ;
	if (r->flags & VFIO_REGION_INFO_FLAG_WRITE)
		prot |= PROT_WRITE;
	if (d->n_maps == BAR_MAPS_MAX)
		return;
	p = mmap(base + s->off, s->len, prot, MAP_SHARED | MAP_FIXED, d->fd,
		 (off_t)(r->fd_off + s->off));
	if (p == MAP_FAILED) {
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
	m->in_guest = false;
	d->n_maps++;
}

void bar_map_open(struct vfio_dev *d)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (unsigned int b = 0; b < PCI_BARS; b++) {
		const struct bar_plan *p = &d->plan.bar[b];
		uint64_t len = map_end(p);
		uint64_t align = p->host_align > page ? p->host_align : page;

		if (!len)
			continue;
		d->host[b].base = reserve(len, align, page, &d->host[b].map,
					  &d->host[b].map_len);
		for (unsigned int i = 0; d->host[b].base && i < p->n; i++) {
			if (p->slice[i].kind == BAR_MAP)
				slice_open(d, b, d->host[b].base, &p->slice[i]);
		}
	}
}

void bar_map_close(struct vfio_dev *d)
{
	for (unsigned int b = 0; b < PCI_BARS; b++) {
		if (d->host[b].map)
			munmap(d->host[b].map, d->host[b].map_len);
		d->host[b].map = NULL;
	}
	d->n_maps = 0;
}

/* --- the guest's side ------------------------------------------------------
 */

/* Whether @m belongs into the guest now, and at which address. */
static bool wanted(const struct vfio_dev *d, const struct bar_map *m,
		   uint64_t *gpa)
{
	const struct pci_cfg *c = &d->func.cfg;
	uint64_t addr = pci_cfg_bar_addr(c, m->bar);
	uint64_t size = d->plan.bar[m->bar].size;

	/* A guest access to a device that does not decode ends KVM_RUN. */
	if (!(pci_cfg_get(c, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) || d->power)
		return false;
	if (!span_holds(d->window[0], addr, size) &&
	    !span_holds(d->window[1], addr, size))
		return false;
	*gpa = addr + m->off;
	return true;
}

void bar_map_shrink(struct vfio_dev *d)
{
	for (unsigned int i = 0; i < d->n_maps; i++) {
		struct bar_map *m = &d->map[i];
		uint64_t gpa;

		if (!m->in_guest || (wanted(d, m, &gpa) && gpa == m->gpa))
			continue;
		if (d->hv->ops->unmap(d->hv, m->slot) == 0)
			m->in_guest = false;
	}
}

void bar_map_grow(struct vfio_dev *d)
{
	for (unsigned int i = 0; i < d->n_maps; i++) {
		struct bar_map *m = &d->map[i];
		uint64_t gpa;

		if (m->in_guest || !wanted(d, m, &gpa))
			continue;
		/*
		 * Refused when another BAR is in the way: its accesses are
		 * trapped until the guest has sorted that out.
		 */
		if (d->hv->ops->map(d->hv, gpa, m->hva, m->len, &m->slot) < 0)
			continue;
		m->gpa = gpa;
		m->in_guest = true;
	}
}

void bar_map_clear(struct vfio_dev *d)
{
	for (unsigned int i = 0; i < d->n_maps; i++) {
		struct bar_map *m = &d->map[i];

		if (m->in_guest && d->hv->ops->unmap(d->hv, m->slot) == 0)
			m->in_guest = false;
	}
}
