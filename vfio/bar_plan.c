/* SPDX-License-Identifier: Apache-2.0 */
#include "vfio/bar_plan.h"

#include <string.h>

#include "core/msix.h"

/*
 * How it works
 *
 * Each BAR is first drafted as if the device had no MSI-X: how large the guest
 * sees it, and which host pages VFIO lets us map. Then a place is chosen for
 * the guest's MSI-X table and pending bits (PBA), which adds two kinds of
 * spans to the drafts: `hole`, host pages that must not be mapped, and `own`,
 * bytes that are answered by us. At last the slices follow: between any two
 * neighbouring ends of all those spans the kind cannot change, and kind_at()
 * says what it is.
 *
 * Which registers may lose their mapping to a trapped MSI-X page? PCI-3.0 6.8.2
 * wants both structures apart from all other registers by naturally aligned
 * 4 KiB ranges. Devices that break this rule begin a structure in the middle of
 * such a range, so a 4 KiB range counts as dedicated to MSI-X if its first byte
 * is a byte of table or PBA (what follows the structure in it is then
 * reserved). A host page is dedicated if all its 4 KiB ranges inside the region
 * are: a 64 KiB page with a one-page table is not.
 */

#define MSIX_RANGE 4096u
/* linux/vfio.h leaves it open; vfio-pci's regions are 2^40 bytes apart. */
#define REGION_MAX     (1ull << 40)
#define HOST_ALIGN_MAX (1ull << 30)
/* PCI-3.0 6.2.5.1: the smallest BARs, and the largest of 32 bits. */
#define IO_MIN	  4u
#define IO_MAX	  (1ull << 16)
#define MEM_MIN	  16u
#define MEM32_MAX (1ull << 31)

/* 0, size, region end; both ends of areas, holes and own spans. */
#define EDGES_MAX (3 + 2 * BAR_AREAS_MAX + 4 + 4)

struct draft {
	enum pci_bar_kind kind; /* as the guest sees it */
	bool prefetch;
	uint64_t region; /* bytes of the device, from 0 */
	uint64_t size;	 /* bytes the guest sees, 0: absent */
	unsigned int n_map;
	unsigned int n_hole;
	unsigned int n_own;
	struct span map[BAR_AREAS_MAX]; /* whole host pages, sorted, disjoint */
	struct span hole[2];		/* whole host pages */
	struct span own[2];
};

/* Table or PBA as the device has it; ok: it can be what the device says. */
struct msix_part {
	bool ok;
	unsigned int bar;
	struct span at;
};

struct board {
	uint64_t page;
	bool mappable; /* the kernel lets us map the device's table */
	struct msix_part table;
	struct msix_part pba;
	struct draft bar[PCI_BARS];
};

/* --- spans --------------------------------------------------------------- */

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

/* All our offsets are below 2^63, so this cannot wrap. */
static uint64_t span_end(struct span s)
{
	return s.base + s.len;
}

/* The host pages that hold bytes of @s. */
static struct span span_pages(struct span s, uint64_t page)
{
	uint64_t base = align_down(s.base, page);
	uint64_t end = align_down(span_end(s) + page - 1, page);

	return (struct span){base, end - base};
}

static bool spans_hold(const struct span *s, unsigned int n, uint64_t base,
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
 * least one host page, so wherever the guest puts it a memslot is possible and
 * no other BAR is in its page (kvm-api 4.35).
 */
static uint64_t draft_size(const struct bar_shape *s, uint64_t page)
{
	uint64_t size = pow2_ceil(s->size);

	if (s->size == 0 || size == 0)
		return 0;
	switch (s->kind) {
	case PCI_BAR_IO:
		size = max_u64(size, IO_MIN);
		return size <= IO_MAX ? size : 0;
	case PCI_BAR_MEM32:
		size = max_u64(size, max_u64(page, MEM_MIN));
		return size <= MEM32_MAX ? size : 0;
	case PCI_BAR_MEM64:
		return max_u64(size, max_u64(page, MEM_MIN));
	case PCI_BAR_NONE:
		break;
	}
	return 0;
}

static void area_insert(struct draft *d, struct span area)
{
	unsigned int i = d->n_map++;

	for (; i > 0 && d->map[i - 1].base > area.base; i--)
		d->map[i] = d->map[i - 1];
	d->map[i] = area;
}

static void areas_merge(struct draft *d)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->n_map; i++) {
		struct span s = d->map[i];
		struct span *last = n ? &d->map[n - 1] : NULL;

		if (last && s.base <= span_end(*last))
			last->len =
				max_u64(last->len, span_end(s) - last->base);
		else
			d->map[n++] = s;
	}
	d->n_map = n;
}

/* Only whole host pages can be mapped. */
static void areas_trim(struct draft *d, uint64_t page)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->n_map; i++) {
		uint64_t base = align_down(d->map[i].base + page - 1, page);
		uint64_t end = align_down(span_end(d->map[i]), page);

		if (base < end)
			d->map[n++] = (struct span){base, end - base};
	}
	d->n_map = n;
}

/*
 * The areas of VFIO_REGION_INFO_CAP_SPARSE_MMAP, if there is one, bind us;
 * without it the region is one area (linux/vfio.h). An area that cannot be
 * right is dropped: its bytes are trapped. vfio-pci reserves the rest of the
 * page of a region smaller than a page before it sets FLAG_MMAP.
 */
static void draft_areas(struct draft *d, const struct bar_shape *s,
			uint64_t page)
{
	unsigned int n =
		s->n_areas < BAR_AREAS_MAX ? s->n_areas : BAR_AREAS_MAX;
	struct span region = {0, s->size};

	if (!s->mappable || d->kind == PCI_BAR_IO || s->size > REGION_MAX)
		return;
	if (!s->sparse) {
		if (s->size < page)
			region.len = page;
		area_insert(d, region);
		n = 0;
	}
	for (unsigned int i = 0; i < n; i++)
		if (span_holds(region, s->area[i].base, s->area[i].len))
			area_insert(d, s->area[i]);
	areas_merge(d);
	areas_trim(d, page);
}

static void draft_bars(struct board *b, const struct bar_shape *shape)
{
	bool upper = false; /* the register is the upper half of a MEM64 */

	for (unsigned int i = 0; i < PCI_BARS; i++) {
		const struct bar_shape *s = &shape[i];
		struct draft *d = &b->bar[i];

		if (upper || (i == PCI_BARS - 1 && s->kind == PCI_BAR_MEM64)) {
			upper = false;
			continue;
		}
		d->size = draft_size(s, b->page);
		if (d->size == 0)
			continue;
		d->kind = s->kind;
		d->prefetch = s->prefetch;
		d->region = s->size;
		draft_areas(d, s, b->page);
		upper = d->kind == PCI_BAR_MEM64;
	}
}

/* --- MSI-X: what the device says ----------------------------------------- */

static bool bar_is_mem(const struct board *b, unsigned int bar)
{
	return bar < PCI_BARS && (b->bar[bar].kind == PCI_BAR_MEM32 ||
				  b->bar[bar].kind == PCI_BAR_MEM64);
}

/* A BIR of 6 or 7 is reserved, offsets count 8 bytes (PCI-3.0 6.8.2.4). */
static struct msix_part part_make(const struct board *b, unsigned int bar,
				  uint64_t off, uint64_t len)
{
	struct msix_part p = {.bar = bar, .at = {off, len}};

	p.ok = bar_is_mem(b, bar) && off % 8 == 0 &&
	       span_holds((struct span){0, b->bar[bar].region}, off, len);
	return p;
}

static bool part_holds(const struct msix_part *p, unsigned int bar,
		       uint64_t off)
{
	return p->ok && p->bar == bar && span_holds(p->at, off, 1);
}

static void msix_parts(struct board *b, const struct bar_shape *shape,
		       const struct msix_shape *m)
{
	unsigned int n = m->n < MSIX_VECTORS_MAX ? m->n : MSIX_VECTORS_MAX;

	b->table =
		part_make(b, m->table_bar, m->table_off, msix_table_bytes(n));
	b->pba = part_make(b, m->pba_bar, m->pba_off, msix_pba_bytes(n));
	if (m->n > MSIX_VECTORS_MAX)
		b->table.ok = false;
	if (b->table.ok) {
		b->mappable = shape[m->table_bar].msix_mappable;
		if (b->table.bar == b->pba.bar && b->pba.ok &&
		    span_overlaps(b->table.at, b->pba.at))
			b->pba.ok = false;
	}
}

/* --- MSI-X: what a host page would lose ---------------------------------- */

enum page_use {
	PAGE_DEDICATED = 1, /* nothing but table and PBA in it */
	PAGE_UNMAPPED = 2,  /* VFIO does not let us map it anyway */
	PAGE_STUCK = 4,	    /* other registers, but not mappable over a table */
	PAGE_CONTESTED = 8, /* other registers that could be mapped */
};

static bool page_is_dedicated(const struct board *b, unsigned int bar,
			      uint64_t off)
{
	uint64_t end = min_u64(off + b->page, b->bar[bar].region);

	for (; off < end; off += MSIX_RANGE)
		if (!part_holds(&b->table, bar, off) &&
		    !part_holds(&b->pba, bar, off))
			return false;
	return true;
}

static enum page_use page_use(const struct board *b, unsigned int bar,
			      uint64_t off)
{
	const struct draft *d = &b->bar[bar];
	struct span page = {off, b->page};

	if (page_is_dedicated(b, bar, off))
		return PAGE_DEDICATED;
	if (!spans_hold(d->map, d->n_map, off, b->page))
		return PAGE_UNMAPPED;
	if (b->table.bar == bar && span_overlaps(page, b->table.at) &&
	    !b->mappable)
		return PAGE_STUCK;
	return PAGE_CONTESTED;
}

/* Pages between the first and the last are full of @p. */
static unsigned int part_use(const struct board *b, const struct msix_part *p)
{
	struct span pages = span_pages(p->at, b->page);

	if (!p->ok)
		return 0;
	return page_use(b, p->bar, pages.base) |
	       page_use(b, p->bar, span_end(pages) - b->page);
}

/* --- MSI-X: where the guest finds it ------------------------------------- */

static void hole_add(struct board *b, unsigned int bar, struct span pages)
{
	struct draft *d = &b->bar[bar];

	if (pages.len)
		d->hole[d->n_hole++] = pages;
}

/* Leave a part where it is: its bytes are ours, its host pages trapped. */
static void part_stay(struct board *b, const struct msix_part *p)
{
	struct draft *d = &b->bar[p->bar];

	hole_add(b, p->bar, span_pages(p->at, b->page));
	d->own[d->n_own++] = p->at;
}

/* Keep all of the device's table unmapped, however wrong its description. */
static void table_hide(struct board *b)
{
	struct span at = b->table.at;
	uint64_t region;

	if (!bar_is_mem(b, b->table.bar))
		return;
	region = b->bar[b->table.bar].region;
	if (at.base >= region)
		return;
	at.len = min_u64(at.len, region - at.base);
	hole_add(b, b->table.bar, span_pages(at, b->page));
}

/*
 * The guest's table has moved away. Pages dedicated to the device's are of no
 * use to the guest; others are why it moved, and the kernel's consent
 * (VFIO_REGION_INFO_CAP_MSIX_MAPPABLE) says that interrupt remapping makes a
 * guest that writes there harmless.
 */
static void table_hide_dedicated(struct board *b)
{
	unsigned int bar = b->table.bar;
	struct span pages = span_pages(b->table.at, b->page);

	if (!b->mappable) {
		hole_add(b, bar, pages);
		return;
	}
	if (!page_is_dedicated(b, bar, pages.base)) {
		pages.base += b->page;
		pages.len -= b->page;
	}
	if (pages.len && !page_is_dedicated(b, bar, span_end(pages) - b->page))
		pages.len -= b->page;
	hole_add(b, bar, pages);
}

/*
 * Highest register free in the guest's view, or PCI_BARS: drivers that count
 * BARs upwards meet the device's own first.
 */
static unsigned int spare_bar(const struct board *b)
{
	for (unsigned int i = PCI_BARS; i-- > 0;) {
		bool upper = i > 0 && b->bar[i - 1].kind == PCI_BAR_MEM64;

		if (b->bar[i].kind == PCI_BAR_NONE && !upper)
			return i;
	}
	return PCI_BARS;
}

/* PBA offset from the table: pages of their own, as PCI-3.0 6.8.2 advises. */
static uint64_t pba_delta(const struct board *b)
{
	return span_pages((struct span){0, b->table.at.len}, b->page).len;
}

/* Size of the table's BAR with table and PBA above it, or 0. */
static uint64_t enlarged_size(const struct board *b)
{
	const struct draft *d = &b->bar[b->table.bar];
	uint64_t need = pba_delta(b) + b->pba.at.len;
	uint64_t size;

	if (d->size > 1ull << 62)
		return 0;
	size = pow2_ceil(d->size + max_u64(d->size, need));
	return d->kind == PCI_BAR_MEM32 && size > MEM32_MAX ? 0 : size;
}

static bool msix_move(struct board *b, struct dev_plan *out)
{
	unsigned int bar = spare_bar(b);
	uint64_t size;

	if (bar < PCI_BARS) {
		out->msix_place = MSIX_PLACE_SPARE_BAR;
		out->table_off = 0;
		size = pow2_ceil(pba_delta(b) + b->pba.at.len);
		b->bar[bar].kind = PCI_BAR_MEM32;
		b->bar[bar].prefetch = false;
	} else {
		bar = b->table.bar;
		size = enlarged_size(b);
		if (size == 0)
			return false;
		out->msix_place = MSIX_PLACE_ENLARGED;
		out->table_off = b->bar[bar].size;
	}
	b->bar[bar].size = max_u64(size, b->page);
	out->table_bar = out->pba_bar = bar;
	out->pba_off = out->table_off + pba_delta(b);
	table_hide_dedicated(b);
	return true;
}

static void msix_stay(struct board *b, struct dev_plan *out)
{
	out->msix_place = MSIX_PLACE_INPLACE;
	out->table_bar = b->table.bar;
	out->pba_bar = b->pba.bar;
	out->table_off = b->table.at.base;
	out->pba_off = b->pba.at.base;
	part_stay(b, &b->table);
	part_stay(b, &b->pba);
}

static const char *why_stay(unsigned int use)
{
	if (use & PAGE_CONTESTED)
		return "shares a host page with registers, but there is no "
		       "BAR to move it to";
	if (use & PAGE_STUCK)
		return "shares a host page with registers, but the kernel "
		       "does not let that page be mapped";
	if (use & PAGE_UNMAPPED)
		return "its host pages cannot be mapped anyway";
	return "its host pages hold nothing else";
}

/*
 * A device whose PBA is not where it says (some network and AI adapters point
 * past their BAR) loses nothing: the guest's pending bits are ours anyway, so
 * they only need a place.
 */
static void msix_repair(struct board *b, struct dev_plan *out)
{
	out->msix_why = "the device's pending bits are misplaced, so table and "
			"bits moved";
	if (msix_move(b, out))
		return;
	out->msix_why = "the device's pending bits are misplaced and there is "
			"no BAR to move them to";
	table_hide(b);
}

static void msix_choose(struct board *b, enum msix_policy policy,
			struct dev_plan *out)
{
	unsigned int use = part_use(b, &b->table) | part_use(b, &b->pba);
	bool gain = use & PAGE_CONTESTED;

	if (policy == MSIX_INPLACE) {
		out->msix_why = "as asked";
		msix_stay(b, out);
	} else if (policy == MSIX_RELOCATE && !gain && !b->mappable) {
		out->msix_why = "asked to move, but the kernel does not let "
				"the table's pages be mapped";
		msix_stay(b, out);
	} else if (policy == MSIX_RELOCATE && msix_move(b, out)) {
		out->msix_why = "as asked";
	} else if (policy == MSIX_RELOCATE) {
		out->msix_why = "asked to move, but there is no BAR to move to";
		msix_stay(b, out);
	} else if (gain && msix_move(b, out)) {
		out->msix_why = "its host page holds other registers, too";
	} else {
		out->msix_why = why_stay(use);
		msix_stay(b, out);
	}
}

static void msix_plan(struct board *b, const struct bar_shape *shape,
		      const struct msix_shape *m, struct dev_plan *out)
{
	if (m->n == 0) {
		out->msix_why = "the device has none";
		return;
	}
	msix_parts(b, shape, m);
	if (!b->table.ok) {
		out->msix_why = "the device's table is not inside a memory BAR";
		table_hide(b);
	} else if (!b->pba.ok) {
		msix_repair(b, out);
	} else {
		msix_choose(b, m->policy, out);
	}
}

/* --- slices -------------------------------------------------------------- */

static enum bar_slice_kind kind_at(const struct draft *d, uint64_t off)
{
	if (spans_hold(d->own, d->n_own, off, 1))
		return BAR_VIRTUAL;
	if (spans_hold(d->map, d->n_map, off, 1) &&
	    !spans_hold(d->hole, d->n_hole, off, 1))
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
		n = edge_add(edge, n, span_end(s[i]));
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

static bool slices_make(struct bar_plan *p, const struct draft *d)
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
		uint64_t len = min_u64(edge[i + 1], d->size) - edge[i];

		struct bar_slice s = {edge[i], len, kind_at(d, edge[i])};

		if (len && !slice_append(p, s))
			return false;
	}
	return true;
}

static void bar_finish(struct bar_plan *p, struct draft *d, uint64_t page,
		       uint64_t min_align)
{
	bool mem = d->kind == PCI_BAR_MEM32 || d->kind == PCI_BAR_MEM64;

	if (d->size == 0)
		return;
	p->kind = d->kind;
	p->prefetch = d->prefetch;
	p->size = d->size;
	p->align = d->size;
	if (mem) {
		p->align = max_u64(p->align, max_u64(page, min_align));
		p->host_align = max_u64(pow2_ceil(d->region), page);
		p->host_align = min_u64(p->host_align, HOST_ALIGN_MAX);
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
	struct board b;

	memset(&b, 0, sizeof(b));
	memset(out, 0, sizeof(*out));
	b.page = page;
	draft_bars(&b, shape);
	msix_plan(&b, shape, msix, out);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		bar_finish(&out->bar[i], &b.bar[i], page, min_align);
}

/* --- page-table entries -------------------------------------------------- */

/* Bytes of [off, off + len) in naturally aligned blocks. */
static uint64_t bytes_in_blocks(const struct bar_slice *s, uint64_t block)
{
	uint64_t base = align_down(s->off + block - 1, block);
	uint64_t end = align_down(s->off + s->len, block);

	return base < end ? end - base : 0;
}

/*
 * Block sizes of device memory: PUD, PMD and PTE with 4 KiB pages. The larger
 * granules exist on arm64 only, where the kernel has no PUD of device memory:
 * a PMD spans 32 MiB with 16 KiB pages and 512 MiB with 64 KiB pages.
 */
static void leaf_blocks(uint64_t *block, uint64_t page)
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

void bar_plan_leaves(const struct bar_plan *p, struct bar_leaves *leaves,
		     uint64_t page)
{
	memset(leaves, 0, sizeof(*leaves));
	leaf_blocks(leaves->block, page);
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
