// SPDX-License-Identifier: Apache-2.0
#include "vfio/info.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/*
 * A capability, copied out of its chain: before Linux 6.6 the kernel aligned
 * them to 4 bytes only, and their 8-byte members with them.
 */
struct cap {
	struct vfio_info_cap_header head;
	uint32_t room;	     /* bytes from its first to the end of the info */
	const uint8_t *data; /* its first byte */
};

/*
 * The capability at @off; false at the end of the chain or where it leaves the
 * @room bytes behind the fixed part of @least bytes.
 */
static bool cap_at(const void *info, uint32_t room, uint32_t least,
		   uint32_t off, struct cap *c)
{
	if (off < least || off > room || room - off < sizeof(c->head))
		return false;
	c->data = (const uint8_t *)info + off;
	c->room = room - off;
	memcpy(&c->head, c->data, sizeof(c->head));
	return true;
}

/* Chains only grow, so that none can loop. */
static uint32_t cap_next(const struct cap *c, uint32_t off)
{
	return c->head.next > off ? c->head.next : 0;
}

/*
 * Sparse areas and IOVA ranges are laid out alike: a count behind the header,
 * and from byte 16 on that many pairs of 64-bit numbers.
 */
#define COUNT_OFF 8u
#define PAIRS_OFF 16u
#define PAIR_SIZE 16u

_Static_assert(offsetof(struct vfio_region_info_cap_sparse_mmap, areas) ==
			       PAIRS_OFF &&
		       sizeof(struct vfio_region_sparse_mmap_area) == PAIR_SIZE,
	       "sparse areas");
_Static_assert(offsetof(struct vfio_iommu_type1_info_cap_iova_range,
			iova_ranges) == PAIRS_OFF &&
		       sizeof(struct vfio_iova_range) == PAIR_SIZE,
	       "IOVA ranges");

/* How many pairs; 0 when they are not all there. */
static uint32_t pairs(const struct cap *c)
{
	uint32_t n;

	if (c->room < PAIRS_OFF)
		return 0;
	memcpy(&n, c->data + COUNT_OFF, sizeof(n));
	return n <= (c->room - PAIRS_OFF) / PAIR_SIZE ? n : 0;
}

static void pair(const struct cap *c, uint32_t i, uint64_t v[2])
{
	memcpy(v, c->data + PAIRS_OFF + (size_t)i * PAIR_SIZE, PAIR_SIZE);
}

/* --- regions ---------------------------------------------------------------
 */

static void sparse_areas(struct bar_shape *s, const struct cap *c)
{
	uint32_t n = pairs(c);

	s->sparse = true; /* even if what follows makes no sense */
	for (uint32_t i = 0; i < n && i < BAR_AREAS_MAX; i++) {
		uint64_t v[2]; /* offset, size */

		pair(c, i, v);
		s->area[i].base = v[0];
		s->area[i].len = v[1];
		s->n_areas = i + 1;
	}
}

#define MAPPABLE                                                               \
	(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |            \
	 VFIO_REGION_INFO_FLAG_MMAP)

void info_region(const struct vfio_region_info *info, uint32_t room,
		 struct bar_shape *s)
{
	uint32_t off = 0;
	struct cap c;

	s->size = info->size;
	/* A guest that writes to what is mapped for reading ends KVM_RUN. */
	s->mappable = (info->flags & MAPPABLE) == MAPPABLE;
	if (info->flags & VFIO_REGION_INFO_FLAG_CAPS)
		off = info->cap_offset;
	while (cap_at(info, room, sizeof(*info), off, &c)) {
		if (c.head.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			sparse_areas(s, &c);
		if (c.head.id == VFIO_REGION_INFO_CAP_MSIX_MAPPABLE)
			s->msix_mappable = true;
		off = cap_next(&c, off);
	}
}

/* --- IOMMU -----------------------------------------------------------------
 */

/* What lies between usable ranges, which ascend, is not usable. */
struct gaps {
	struct span *span;
	unsigned int n;
	unsigned int max;
	uint64_t next; /* behind the ranges so far */
	bool end;      /* they reach the last address */
};

/* A list that is full grows at its end: too much is reserved, never less. */
static void gap_add(struct gaps *g, uint64_t base, uint64_t last)
{
	/* All of the address space is no span, and nothing to reserve. */
	if (!g->max || base > last || (base == 0 && last == UINT64_MAX))
		return;
	if (g->n < g->max)
		g->span[g->n++].base = base;
	base = g->span[g->n - 1].base;
	g->span[g->n - 1].len = last - base + (base || last != UINT64_MAX);
}

/* One usable range; false if it cannot be, and nothing behind it counts. */
static bool gaps_range(struct gaps *g, uint64_t first, uint64_t last)
{
	if (g->end || first < g->next || last < first)
		return false;
	if (first > g->next)
		gap_add(g, g->next, first - 1);
	g->end = last == UINT64_MAX;
	g->next = last + 1;
	return true;
}

static void gaps_finish(struct gaps *g)
{
	if (!g->end)
		gap_add(g, g->next, UINT64_MAX);
	g->next = 0;
	g->end = false;
}

static void cap_gaps(struct gaps *g, const struct cap *c)
{
	uint32_t n = pairs(c);
	bool sane = true;

	for (uint32_t i = 0; i < n && sane; i++) {
		uint64_t v[2]; /* first and last address */

		pair(c, i, v);
		sane = gaps_range(g, v[0], v[1]);
	}
	if (n)
		gaps_finish(g);
}

unsigned int info_reserved(const struct vfio_iommu_type1_info *info,
			   uint32_t room, struct span *out, unsigned int max)
{
	struct gaps g = {.span = out, .max = max};
	uint32_t off = 0;
	struct cap c;

	if (info->flags & VFIO_IOMMU_INFO_CAPS)
		off = info->cap_offset;
	while (cap_at(info, room, sizeof(*info), off, &c)) {
		if (c.head.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			cap_gaps(&g, &c);
		off = cap_next(&c, off);
	}
	return g.n;
}

unsigned int info_gaps(const struct iommu_iova_range *range, unsigned int n,
		       struct span *out, unsigned int max)
{
	struct gaps g = {.span = out, .max = max};
	bool sane = true;

	for (unsigned int i = 0; i < n && sane; i++)
		sane = gaps_range(&g, range[i].start, range[i].last);
	if (n)
		gaps_finish(&g);
	return g.n;
}
