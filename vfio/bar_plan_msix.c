/* SPDX-License-Identifier: Apache-2.0 */
#include "core/msix.h"
#include "vfio/bar_draft.h"

/*
 * How it works
 *
 * The device's MSI-X table is never the guest's: the guest's table and pending
 * bits (PBA) are ours, and accesses to them are trapped. A host page can be
 * mapped or trapped only as a whole, so the question is which registers would
 * lose their mapping to a trapped page. PCI-3.0 6.8.2 wants both structures
 * apart from all other registers by naturally aligned 4 KiB ranges. Devices
 * that break this rule begin a structure in the middle of such a range, so a
 * 4 KiB range counts as dedicated to MSI-X if its first byte is a byte of table
 * or PBA; what follows the structure in it is then reserved. A host page is
 * dedicated if all its 4 KiB ranges inside the region are: a 64 KiB page with a
 * one-page table is not.
 *
 * If all host pages of both are dedicated, they stay. Otherwise they move to a
 * BAR of their own, or, if no BAR register is free, above the BAR of the table.
 */

#define MSIX_RANGE 4096u

/* Table or PBA as the device has it; ok: it can be what the device says. */
struct msix_part {
	bool ok;
	unsigned int bar;
	struct span at;
};

struct msix_job {
	uint64_t page;
	uint64_t least;	       /* size of a memory BAR */
	struct bar_draft *bar; /* PCI_BARS of them */
	struct msix_part table;
	struct msix_part pba;
	bool mappable; /* the kernel lets us map the device's table */
};

/* The host pages that hold bytes of @s. */
static struct span span_pages(struct span s, uint64_t page)
{
	uint64_t base = bar_align_down(s.base, page);
	uint64_t end = bar_align_down(bar_span_end(s) + page - 1, page);

	return (struct span){base, end - base};
}

/* --- what the device says ------------------------------------------------ */

static bool bar_is_mem(const struct msix_job *j, unsigned int bar)
{
	return bar < PCI_BARS && (j->bar[bar].kind == PCI_BAR_MEM32 ||
				  j->bar[bar].kind == PCI_BAR_MEM64);
}

/* A BIR of 6 or 7 is reserved, offsets count 8 bytes (PCI-3.0 6.8.2.4). */
static struct msix_part part_make(const struct msix_job *j, unsigned int bar,
				  uint64_t off, uint64_t len)
{
	struct msix_part p = {.bar = bar, .at = {off, len}};

	p.ok = bar_is_mem(j, bar) && off % 8 == 0 &&
	       span_holds((struct span){0, j->bar[bar].region}, off, len);
	return p;
}

static bool part_holds(const struct msix_part *p, unsigned int bar,
		       uint64_t off)
{
	return p->ok && p->bar == bar && span_holds(p->at, off, 1);
}

static void msix_parts(struct msix_job *j, const struct bar_shape *shape,
		       const struct msix_shape *m)
{
	unsigned int n = m->n < MSIX_VECTORS_MAX ? m->n : MSIX_VECTORS_MAX;

	j->table =
		part_make(j, m->table_bar, m->table_off, msix_table_bytes(n));
	j->pba = part_make(j, m->pba_bar, m->pba_off, msix_pba_bytes(n));
	if (m->n > MSIX_VECTORS_MAX)
		j->table.ok = false;
	if (j->table.ok) {
		j->mappable = shape[m->table_bar].msix_mappable;
		if (j->table.bar == j->pba.bar && j->pba.ok &&
		    span_overlaps(j->table.at, j->pba.at))
			j->pba.ok = false;
	}
}

/* --- what a host page would lose ----------------------------------------- */

enum page_use {
	PAGE_DEDICATED = 1, /* nothing but table and PBA in it */
	PAGE_UNMAPPED = 2,  /* VFIO does not let us map it anyway */
	PAGE_STUCK = 4,	    /* other registers, but not mappable over a table */
	PAGE_CONTESTED = 8, /* other registers that could be mapped */
};

static bool page_is_dedicated(const struct msix_job *j, unsigned int bar,
			      uint64_t off)
{
	uint64_t end = bar_min(off + j->page, j->bar[bar].region);

	for (; off < end; off += MSIX_RANGE)
		if (!part_holds(&j->table, bar, off) &&
		    !part_holds(&j->pba, bar, off))
			return false;
	return true;
}

static enum page_use page_use(const struct msix_job *j, unsigned int bar,
			      uint64_t off)
{
	const struct bar_draft *d = &j->bar[bar];
	struct span page = {off, j->page};

	if (page_is_dedicated(j, bar, off))
		return PAGE_DEDICATED;
	if (!bar_spans_hold(d->map, d->n_map, off, j->page))
		return PAGE_UNMAPPED;
	if (j->table.bar == bar && span_overlaps(page, j->table.at) &&
	    !j->mappable)
		return PAGE_STUCK;
	return PAGE_CONTESTED;
}

/* Pages between the first and the last are full of @p. */
static unsigned int part_use(const struct msix_job *j,
			     const struct msix_part *p)
{
	struct span pages = span_pages(p->at, j->page);

	if (!p->ok)
		return 0;
	return page_use(j, p->bar, pages.base) |
	       page_use(j, p->bar, bar_span_end(pages) - j->page);
}

/* --- where the guest finds it -------------------------------------------- */

static void hole_add(struct msix_job *j, unsigned int bar, struct span pages)
{
	struct bar_draft *d = &j->bar[bar];

	if (pages.len)
		d->hole[d->n_hole++] = pages;
}

/* Leave a part where it is: its bytes are ours, its host pages trapped. */
static void part_stay(struct msix_job *j, const struct msix_part *p)
{
	struct bar_draft *d = &j->bar[p->bar];

	hole_add(j, p->bar, span_pages(p->at, j->page));
	d->own[d->n_own++] = p->at;
}

/* Keep all of the device's table unmapped, however wrong its description. */
static void table_hide(struct msix_job *j)
{
	struct span at = j->table.at;
	uint64_t region;

	if (!bar_is_mem(j, j->table.bar))
		return;
	region = j->bar[j->table.bar].region;
	if (at.base >= region)
		return;
	at.len = bar_min(at.len, region - at.base);
	hole_add(j, j->table.bar, span_pages(at, j->page));
}

/*
 * The guest's table has moved away. Pages dedicated to the device's are of no
 * use to the guest; others are why it moved, and the kernel's consent
 * (VFIO_REGION_INFO_CAP_MSIX_MAPPABLE) says that interrupt remapping makes a
 * guest that writes there harmless.
 */
static void table_hide_dedicated(struct msix_job *j)
{
	unsigned int bar = j->table.bar;
	struct span pages = span_pages(j->table.at, j->page);

	if (!j->mappable) {
		hole_add(j, bar, pages);
		return;
	}
	if (!page_is_dedicated(j, bar, pages.base)) {
		pages.base += j->page;
		pages.len -= j->page;
	}
	if (pages.len &&
	    !page_is_dedicated(j, bar, bar_span_end(pages) - j->page))
		pages.len -= j->page;
	hole_add(j, bar, pages);
}

/*
 * Highest register free in the guest's view, or PCI_BARS: drivers that count
 * BARs upwards meet the device's own first.
 */
static unsigned int spare_bar(const struct msix_job *j)
{
	for (unsigned int i = PCI_BARS; i-- > 0;) {
		bool upper = i > 0 && j->bar[i - 1].kind == PCI_BAR_MEM64;

		if (j->bar[i].kind == PCI_BAR_NONE && !upper)
			return i;
	}
	return PCI_BARS;
}

/* PBA offset from the moved table: it begins the next host page. */
static uint64_t pba_delta(const struct msix_job *j)
{
	return span_pages((struct span){0, j->table.at.len}, j->page).len;
}

/*
 * Size of the table's BAR with table and PBA above it, or 0: the registers that
 * say where they are have 32 bits, however large the BAR (PCI-3.0 6.8.2.4).
 */
static uint64_t enlarged_size(const struct msix_job *j)
{
	const struct bar_draft *d = &j->bar[j->table.bar];
	uint64_t need = pba_delta(j) + j->pba.at.len;
	uint64_t size;

	if (d->size > (1ull << 32) - need)
		return 0;
	size = pow2_ceil(d->size + bar_max(d->size, need));
	return d->kind == PCI_BAR_MEM32 && size > BAR_MEM32_MAX ? 0 : size;
}

static bool msix_move(struct msix_job *j, struct dev_plan *out)
{
	unsigned int bar = spare_bar(j);
	uint64_t size;

	if (bar < PCI_BARS) {
		out->msix_place = MSIX_PLACE_SPARE_BAR;
		out->table_off = 0;
		size = pow2_ceil(pba_delta(j) + j->pba.at.len);
		j->bar[bar].kind = PCI_BAR_MEM32;
		j->bar[bar].prefetch = false;
	} else {
		bar = j->table.bar;
		size = enlarged_size(j);
		if (size == 0)
			return false;
		out->msix_place = MSIX_PLACE_ENLARGED;
		out->table_off = j->bar[bar].size;
	}
	j->bar[bar].size = bar_max(size, j->least);
	out->table_bar = out->pba_bar = bar;
	out->pba_off = out->table_off + pba_delta(j);
	table_hide_dedicated(j);
	return true;
}

static void msix_stay(struct msix_job *j, struct dev_plan *out)
{
	out->msix_place = MSIX_PLACE_INPLACE;
	out->table_bar = j->table.bar;
	out->pba_bar = j->pba.bar;
	out->table_off = j->table.at.base;
	out->pba_off = j->pba.at.base;
	part_stay(j, &j->table);
	part_stay(j, &j->pba);
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
static void msix_repair(struct msix_job *j, struct dev_plan *out)
{
	out->msix_why = "the device's pending bits are misplaced, so table and "
			"bits moved";
	if (msix_move(j, out))
		return;
	out->msix_why = "the device's pending bits are misplaced and there is "
			"no BAR to move them to";
	table_hide(j);
}

static void msix_choose(struct msix_job *j, enum msix_policy policy,
			struct dev_plan *out)
{
	unsigned int use = part_use(j, &j->table) | part_use(j, &j->pba);
	bool gain = use & PAGE_CONTESTED;

	if (policy == MSIX_INPLACE) {
		out->msix_why = "as asked";
		msix_stay(j, out);
	} else if (policy == MSIX_RELOCATE && !gain && !j->mappable) {
		out->msix_why = "asked to move, but the kernel does not let "
				"the table's pages be mapped";
		msix_stay(j, out);
	} else if (policy == MSIX_RELOCATE && msix_move(j, out)) {
		out->msix_why = "as asked";
	} else if (policy == MSIX_RELOCATE) {
		out->msix_why = "asked to move, but there is no BAR to move to";
		msix_stay(j, out);
	} else if (gain && msix_move(j, out)) {
		out->msix_why = "its host page holds other registers, too";
	} else {
		out->msix_why = why_stay(use);
		msix_stay(j, out);
	}
}

void bar_msix_place(struct bar_draft *bar, const struct bar_shape *shape,
		    const struct msix_shape *m, struct bar_pages pages,
		    struct dev_plan *out)
{
	struct msix_job j = {
		.page = pages.host, .least = pages.least, .bar = bar};

	out->msix_place = MSIX_PLACE_NONE;
	if (m->n == 0) {
		out->msix_why = "the device has none";
		return;
	}
	msix_parts(&j, shape, m);
	if (!j.table.ok) {
		out->msix_why = "the device's table is not inside a memory BAR";
		table_hide(&j);
	} else if (!j.pba.ok) {
		msix_repair(&j, out);
	} else {
		msix_choose(&j, m->policy, out);
	}
}
