/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "vfio/bar_draft.h"

/*
 * How it works
 *
 * Each BAR is first drafted as if the device had no MSI-X: how large the guest
 * sees it, and which host pages VFIO lets us map. Then a place is chosen for
 * the guest's MSI-X table and pending bits (bar_plan_msix.c), which adds two
 * kinds of spans to the drafts: `hole`, host pages that must not be mapped, and
 * `own`, bytes that are answered by us. At last the slices follow: between any
 * two neighbouring ends of all those spans the kind cannot change, and
 * kind_at() says what it is.
 */

#define HOST_ALIGN_MAX (1ull << 30)
/* The smallest BAR of I/O (PCI-3.0 6.2.5.1), and all there is of I/O. */
#define IO_MIN 4u
#define IO_MAX (1ull << 16)

/* 0, size, region end; both ends of areas, holes and own spans. */
#define EDGES_MAX (3 + 2 * BAR_AREAS_MAX + 4 + 4)

bool bar_spans_hold(const struct span *s, unsigned int n, uint64_t base,
		    uint64_t len)
{
	for (unsigned int i = 0; i < n; i++)
		if (span_holds(s[i], base, len))
			return true;
	return false;
}

/* --- a BAR without MSI-X ------------------------------------------------- */

/*
 * Bytes the guest sees, 0 if no BAR register can say that. A memory BAR is at
 * least one page of the host, so wherever the guest puts it a memslot is
 * possible (kvm-api 4.35), and at least the largest page of a guest, so that no
 * other BAR is ever in its page. A guest may place all BARs anew by their size
 * alone, as Linux does where an FDT describes the bus.
 */
static uint64_t draft_size(const struct bar_shape *s, uint64_t least)
{
	uint64_t size = pow2_ceil(s->size);

	if (s->size == 0 || size == 0)
		return 0;
	switch (s->kind) {
	case PCI_BAR_IO:
		size = bar_max(size, IO_MIN);
		return size <= IO_MAX ? size : 0;
	case PCI_BAR_MEM32:
		size = bar_max(size, least);
		return size <= BAR_MEM32_MAX ? size : 0;
	case PCI_BAR_MEM64:
		return bar_max(size, least);
	case PCI_BAR_NONE:
		break;
	}
	return 0;
}

static void area_insert(struct bar_draft *d, struct span area)
{
	unsigned int i = d->n_map++;

	for (; i > 0 && d->map[i - 1].base > area.base; i--)
		d->map[i] = d->map[i - 1];
	d->map[i] = area;
}

static void areas_merge(struct bar_draft *d)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->n_map; i++) {
		struct span s = d->map[i];
		struct span *last = n ? &d->map[n - 1] : NULL;

		if (last && s.base <= bar_span_end(*last))
			last->len = bar_max(last->len,
					    bar_span_end(s) - last->base);
		else
			d->map[n++] = s;
	}
	d->n_map = n;
}

/* Only whole host pages can be mapped. */
static void areas_trim(struct bar_draft *d, uint64_t page)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->n_map; i++) {
		uint64_t base = bar_align_down(d->map[i].base + page - 1, page);
		uint64_t end = bar_align_down(bar_span_end(d->map[i]), page);

		if (base < end)
			d->map[n++] = (struct span){base, end - base};
	}
	d->n_map = n;
}

/* Take the host pages of @cut out of the areas, which are sorted and trimmed.
 */
static void areas_cut(struct bar_draft *d, struct span cut, uint64_t page)
{
	uint64_t lo = bar_align_down(cut.base, page);
	uint64_t hi = bar_align_down(span_last(cut), page) + page;
	unsigned int n = d->n_map;

	for (unsigned int i = 0; i < n; i++) {
		struct span *s = &d->map[i];
		uint64_t end = bar_span_end(*s);

		if (lo >= end || hi <= s->base)
			continue;
		s->len = lo > s->base ? lo - s->base : 0;
		if (hi >= end)
			continue;
		if (!s->len)
			*s = (struct span){hi, end - hi};
		else if (d->n_map < BAR_AREAS_MAX) /* else: trapped */
			area_insert(d, (struct span){hi, end - hi});
		break; /* the others are behind the cut */
	}
	areas_trim(d, page);
}

/*
 * The areas of VFIO_REGION_INFO_CAP_SPARSE_MMAP, if there is one, bind us;
 * without it the region is one area (linux/vfio.h). An area that cannot be
 * right is dropped: its bytes are trapped. vfio-pci reserves the rest of the
 * page of a region smaller than a page before it sets FLAG_MMAP.
 */
static void draft_areas(struct bar_draft *d, const struct bar_shape *s,
			uint64_t page)
{
	unsigned int n =
		s->n_areas < BAR_AREAS_MAX ? s->n_areas : BAR_AREAS_MAX;
	struct span region = {0, s->size};
	struct span whole = region;

	if (!s->mappable || d->kind == PCI_BAR_IO || s->size > BAR_REGION_MAX)
		return;
	if (!s->sparse) {
		if (s->size < page)
			whole.len = page;
		area_insert(d, whole);
		n = 0;
	}
	for (unsigned int i = 0; i < n; i++)
		if (span_holds(region, s->area[i].base, s->area[i].len))
			area_insert(d, s->area[i]);
	areas_merge(d);
	areas_trim(d, page);
	for (unsigned int i = 0; i < s->n_traps && i < BAR_TRAPS_MAX; i++)
		if (span_holds(region, s->trap[i].base, s->trap[i].len))
			areas_cut(d, s->trap[i], page);
}

static void draft_bars(struct bar_draft *bar, const struct bar_shape *shape,
		       uint64_t page, uint64_t least)
{
	bool upper = false; /* the register is the upper half of a MEM64 */

	for (unsigned int i = 0; i < PCI_BARS; i++) {
		const struct bar_shape *s = &shape[i];
		struct bar_draft *d = &bar[i];

		if (upper || (i == PCI_BARS - 1 && s->kind == PCI_BAR_MEM64)) {
			upper = false;
			continue;
		}
		d->size = draft_size(s, least);
		if (d->size == 0)
			continue;
		d->kind = s->kind;
		d->prefetch = s->prefetch;
		d->region = s->size;
		draft_areas(d, s, page);
		upper = d->kind == PCI_BAR_MEM64;
	}
}

/* --- slices -------------------------------------------------------------- */

static enum bar_slice_kind kind_at(const struct bar_draft *d, uint64_t off)
{
	if (bar_spans_hold(d->own, d->n_own, off, 1))
		return BAR_VIRTUAL;
	if (bar_spans_hold(d->map, d->n_map, off, 1) &&
	    !bar_spans_hold(d->hole, d->n_hole, off, 1))
		return BAR_MAP;
	return off < d->region ? BAR_TRAP : BAR_VIRTUAL;
}

static unsigned int edge_add(uint64_t *edge, unsigned int n, uint64_t v)
{
	unsigned int i = n;

	for (; i > 0 && edge[i - 1] > v; i--)
		edge[i] = edge[i - 1];
	edge[i] = v;
	return n + 1;
}

static unsigned int edges_add(uint64_t *edge, unsigned int n,
			      const struct span *s, unsigned int n_spans)
{
	for (unsigned int i = 0; i < n_spans; i++) {
		n = edge_add(edge, n, s[i].base);
		n = edge_add(edge, n, bar_span_end(s[i]));
	}
	return n;
}

static bool slice_append(struct bar_plan *p, struct bar_slice s)
{
	struct bar_slice *last = p->n ? &p->slice[p->n - 1] : NULL;

	if (last && last->kind == s.kind) {
		last->len += s.len;
		return true;
	}
	if (p->n == BAR_SLICES_MAX)
		return false;
	p->slice[p->n++] = s;
	return true;
}

static bool slices_make(struct bar_plan *p, const struct bar_draft *d)
{
	uint64_t edge[EDGES_MAX];
	unsigned int n = 0;

	n = edge_add(edge, n, 0);
	n = edge_add(edge, n, d->region);
	n = edge_add(edge, n, d->size);
	n = edges_add(edge, n, d->map, d->n_map);
	n = edges_add(edge, n, d->hole, d->n_hole);
	n = edges_add(edge, n, d->own, d->n_own);
	p->n = 0;
	for (unsigned int i = 0; i + 1 < n && edge[i] < d->size; i++) {
		uint64_t len = bar_min(edge[i + 1], d->size) - edge[i];
		struct bar_slice s = {edge[i], len, kind_at(d, edge[i])};

		if (len && !slice_append(p, s))
			return false;
	}
	return true;
}

static void bar_finish(struct bar_plan *p, struct bar_draft *d, uint64_t page)
{
	bool mem = d->kind == PCI_BAR_MEM32 || d->kind == PCI_BAR_MEM64;

	if (d->size == 0)
		return;
	p->kind = d->kind;
	p->prefetch = d->prefetch;
	p->size = d->size;
	p->align = d->size;
	if (mem) {
		p->host_align = bar_max(pow2_ceil(d->region), page);
		p->host_align = bar_min(p->host_align, HOST_ALIGN_MAX);
	}
	if (!slices_make(p, d)) {
		d->n_map = 0;
		slices_make(p, d);
	}
}

void dev_plan_make(struct dev_plan *out, const struct bar_shape shape[PCI_BARS],
		   const struct msix_shape *msix, uint64_t page,
		   uint64_t min_align)
{
	uint64_t least = bar_max(page, min_align);
	struct bar_draft bar[PCI_BARS];

	memset(bar, 0, sizeof(bar));
	memset(out, 0, sizeof(*out));
	draft_bars(bar, shape, page, least);
	bar_msix_place(bar, shape, msix,
		       (struct bar_pages){.host = page, .least = least}, out);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		bar_finish(&out->bar[i], &bar[i], page);
}

/* --- page-table entries -------------------------------------------------- */

/* Bytes of [off, off + len) in naturally aligned blocks. */
static uint64_t bytes_in_blocks(const struct bar_slice *s, uint64_t block)
{
	uint64_t base = bar_align_down(s->off + block - 1, block);
	uint64_t end = bar_align_down(s->off + s->len, block);

	return base < end ? end - base : 0;
}

/*
 * Block sizes of device memory: PUD, PMD and PTE with 4 KiB pages. The larger
 * granules exist on arm64 only, where the kernel has no PUD of device memory:
 * a PMD spans 32 MiB with 16 KiB pages and 512 MiB with 64 KiB pages.
 */
void bar_plan_blocks(uint64_t block[3], uint64_t page)
{
	memset(block, 0, 3 * sizeof(*block));
	switch (page) {
	case 4096:
		block[0] = 1ull << 30;
		block[1] = 2ull << 20;
		block[2] = page;
		break;
	case 16384:
		block[0] = 32ull << 20;
		block[1] = page;
		break;
	case 65536:
		block[0] = 512ull << 20;
		block[1] = page;
		break;
	default:
		block[0] = page;
		break;
	}
}

void bar_plan_leaves_in(const struct bar_plan *p, struct bar_leaves *leaves)
{
	memset(leaves->count, 0, sizeof(leaves->count));
	for (unsigned int i = 0; i < p->n; i++) {
		uint64_t done = 0; /* bytes in larger blocks */

		if (p->slice[i].kind != BAR_MAP)
			continue;
		for (unsigned int k = 0; k < 3 && leaves->block[k]; k++) {
			uint64_t block = leaves->block[k];
			uint64_t bytes = bytes_in_blocks(&p->slice[i], block);

			leaves->count[k] += (bytes - done) / block;
			done = bytes;
		}
	}
}

void bar_plan_leaves(const struct bar_plan *p, struct bar_leaves *leaves,
		     uint64_t page)
{
	bar_plan_blocks(leaves->block, page);
	bar_plan_leaves_in(p, leaves);
}
