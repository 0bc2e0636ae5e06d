// SPDX-License-Identifier: Apache-2.0
#include "vfio/info.h"

#include <stddef.h>
#include <string.h>

/*
 * Capability at @off, or NULL at the end of the chain or where it leaves the
 * @room bytes behind the fixed part of @least bytes.
 */
static const struct vfio_info_cap_header *
cap_at(const void *info, uint32_t room, uint32_t least, uint32_t off)
{
	if (off < least || off > room || off % 8 ||
	    room - off < sizeof(struct vfio_info_cap_header))
		return NULL;
	return (const void *)((const uint8_t *)info + off);
}

/* Chains only grow, so that none can loop. */
static uint32_t cap_next(const struct vfio_info_cap_header *c, uint32_t off)
{
	return c->next > off ? c->next : 0;
}

/* --- regions ---------------------------------------------------------------
 */

static void sparse_areas(struct bar_shape *s,
			 const struct vfio_region_info_cap_sparse_mmap *c,
			 size_t room)
{
	s->sparse = true; /* even if what follows makes no sense */
	if (room < sizeof(*c) ||
	    (room - sizeof(*c)) / sizeof(c->areas[0]) < c->nr_areas)
		return;
	for (uint32_t i = 0; i < c->nr_areas && i < BAR_AREAS_MAX; i++) {
		s->area[i].base = c->areas[i].offset;
		s->area[i].len = c->areas[i].size;
		s->n_areas = i + 1;
	}
}

void info_region(const struct vfio_region_info *info, uint32_t room,
		 struct bar_shape *s)
{
	const struct vfio_info_cap_header *c;
	uint32_t off = 0;

	s->size = info->size;
	s->mappable = info->flags & VFIO_REGION_INFO_FLAG_MMAP;
	if (info->flags & VFIO_REGION_INFO_FLAG_CAPS)
		off = info->cap_offset;
	while ((c = cap_at(info, room, sizeof(*info), off))) {
		if (c->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			sparse_areas(s, (const void *)c, room - off);
		if (c->id == VFIO_REGION_INFO_CAP_MSIX_MAPPABLE)
			s->msix_mappable = true;
		off = cap_next(c, off);
	}
}

/* --- IOMMU -----------------------------------------------------------------
 */

struct span_list {
	struct span *span;
	unsigned int n;
	unsigned int max;
};

static void add(struct span_list *l, uint64_t base, uint64_t last)
{
	/* All of the address space is no span, and nothing to reserve. */
	if (base > last || l->n == l->max || (base == 0 && last == UINT64_MAX))
		return;
	l->span[l->n].base = base;
	l->span[l->n].len = last - base + 1;
	l->n++;
}

/* Everything between the usable ranges, which ascend, is not usable. */
static void iova_gaps(struct span_list *l,
		      const struct vfio_iommu_type1_info_cap_iova_range *c,
		      size_t room)
{
	uint64_t next = 0;

	if (room < sizeof(*c) ||
	    (room - sizeof(*c)) / sizeof(c->iova_ranges[0]) < c->nr_iovas)
		return;
	for (uint32_t i = 0; i < c->nr_iovas; i++) {
		uint64_t start = c->iova_ranges[i].start;
		uint64_t end = c->iova_ranges[i].end;

		if (start < next || end < start)
			return;
		if (start > next)
			add(l, next, start - 1);
		if (end == UINT64_MAX)
			return;
		next = end + 1;
	}
	if (c->nr_iovas)
		add(l, next, UINT64_MAX);
}

unsigned int info_reserved(const struct vfio_iommu_type1_info *info,
			   uint32_t room, struct span *out, unsigned int max)
{
	struct span_list l = {out, 0, max};
	const struct vfio_info_cap_header *c;
	uint32_t off = 0;

	if (info->flags & VFIO_IOMMU_INFO_CAPS)
		off = info->cap_offset;
	while ((c = cap_at(info, room, sizeof(*info), off))) {
		if (c->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			iova_gaps(&l, (const void *)c, room - off);
		off = cap_next(c, off);
	}
	return l.n;
}
