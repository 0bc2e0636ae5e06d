/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BAR_PLAN_CHECK_H
#define TESTS_BAR_PLAN_CHECK_H

#include <string.h>

#include "vfio/bar_plan.h"

/*
 * What vfio/bar_plan.h promises, checked against the input by other means than
 * the planner's: nothing here sorts, merges or cuts. Shared by the unit tests
 * and the fuzz target. Each check_*() returns NULL or what is broken.
 */

struct check {
	const struct bar_shape *shape;
	const struct msix_shape *msix;
	const struct dev_plan *plan;
	uint64_t page;
	uint64_t min_align;
};

static bool check_inside(uint64_t off, uint64_t base, uint64_t len)
{
	return off >= base && off - base < len;
}

static bool check_meets(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
	return alen && blen &&
	       (check_inside(a, b, blen) || check_inside(b, a, alen));
}

static bool check_pow2(uint64_t v)
{
	return __builtin_popcountll(v) == 1;
}

/* Smallest power of two >= v; v <= 2^63. */
static uint64_t check_ceil(uint64_t v)
{
	uint64_t p = 1;

	while (p < v)
		p *= 2;
	return p;
}

/* No memory BAR is smaller: wherever it lies, it shares no page. */
static uint64_t check_least(const struct check *c)
{
	return c->page > c->min_align ? c->page : c->min_align;
}

/* --- what the device really has ------------------------------------------ */

/* Whether the guest can be shown this BAR at all, its neighbours aside. */
static bool check_shown_alone(const struct bar_shape *s, unsigned int i)
{
	if (s->size == 0 || s->size > 1ull << 63)
		return false;
	if (s->kind == PCI_BAR_IO)
		return s->size <= 65536;
	if (s->kind == PCI_BAR_MEM32)
		return s->size <= 1ull << 31;
	return s->kind == PCI_BAR_MEM64 && i < 5;
}

static bool check_shown(const struct check *c, unsigned int bar)
{
	bool shown = false;

	for (unsigned int i = 0; i <= bar; i++) {
		bool upper =
			i > 0 && shown && c->shape[i - 1].kind == PCI_BAR_MEM64;

		shown = !upper && check_shown_alone(&c->shape[i], i);
	}
	return shown;
}

static bool check_upper(const struct check *c, unsigned int bar)
{
	return bar > 0 && check_shown(c, bar - 1) &&
	       c->shape[bar - 1].kind == PCI_BAR_MEM64;
}

static bool check_mem(const struct check *c, unsigned int bar)
{
	return bar < PCI_BARS && check_shown(c, bar) &&
	       c->shape[bar].kind != PCI_BAR_IO;
}

static uint64_t check_table_len(const struct check *c)
{
	return 16ull * (c->msix->n > 2048 ? 2048 : c->msix->n);
}

static uint64_t check_pba_len(const struct check *c)
{
	uint64_t n = c->msix->n > 2048 ? 2048 : c->msix->n;

	return (n + 63) / 64 * 8;
}

static bool check_part_ok(const struct check *c, unsigned int bar, uint64_t off,
			  uint64_t len)
{
	return check_mem(c, bar) && off % 8 == 0 && c->shape[bar].size >= len &&
	       off <= c->shape[bar].size - len;
}

static bool check_table_ok(const struct check *c)
{
	return c->msix->n > 0 && c->msix->n <= 2048 &&
	       check_part_ok(c, c->msix->table_bar, c->msix->table_off,
			     check_table_len(c));
}

static bool check_pba_ok(const struct check *c)
{
	const struct msix_shape *m = c->msix;

	return check_part_ok(c, m->pba_bar, m->pba_off, check_pba_len(c)) &&
	       !(m->pba_bar == m->table_bar &&
		 check_meets(m->pba_off, check_pba_len(c), m->table_off,
			     check_table_len(c)));
}

/* Whether the range meets table bytes; what passes the region is nobody's. */
static bool check_in_table(const struct check *c, unsigned int bar,
			   uint64_t off, uint64_t len)
{
	const struct msix_shape *m = c->msix;
	uint64_t n = check_table_len(c);
	uint64_t region = c->shape[bar].size;

	if (m->n == 0 || m->table_bar != bar || m->table_off >= region)
		return false;
	if (n > region - m->table_off)
		n = region - m->table_off;
	return check_meets(off, len, m->table_off, n);
}

static bool check_in_pba(const struct check *c, unsigned int bar, uint64_t off,
			 uint64_t len)
{
	return check_pba_ok(c) && c->msix->pba_bar == bar &&
	       check_meets(off, len, c->msix->pba_off, check_pba_len(c));
}

/* Whether a host page has a 4 KiB range that neither structure begins. */
static bool check_shared(const struct check *c, unsigned int bar, uint64_t page)
{
	for (uint64_t off = page; off < page + c->page; off += 4096)
		if (off < c->shape[bar].size &&
		    !check_in_table(c, bar, off, 1) &&
		    !check_in_pba(c, bar, off, 1))
			return true;
	return false;
}

static bool check_area_ok(const struct bar_shape *s, const struct span *a)
{
	return a->len && a->base <= s->size && a->len <= s->size - a->base;
}

/* Whether a host page of [off, off + len) has a byte that must be trapped. */
static bool check_trapped(const struct check *c, unsigned int bar, uint64_t off,
			  uint64_t len)
{
	const struct bar_shape *s = &c->shape[bar];
	uint64_t base = off & -c->page;

	len = ((off + len + c->page - 1) & -c->page) - base;
	for (unsigned int i = 0; i < s->n_traps && i < BAR_TRAPS_MAX; i++)
		if (check_area_ok(s, &s->trap[i]) &&
		    check_meets(base, len, s->trap[i].base, s->trap[i].len))
			return true;
	return false;
}

/* Whether VFIO and quirks let us map each byte of [off, off + len). */
static bool check_mappable(const struct check *c, unsigned int bar,
			   uint64_t off, uint64_t len)
{
	const struct bar_shape *s = &c->shape[bar];
	uint64_t end = off + len;
	bool more = true;

	if (!s->mappable || !check_mem(c, bar) || s->size > 1ull << 40 ||
	    check_trapped(c, bar, off, len))
		return false;
	if (!s->sparse)
		return end <= s->size || (s->size < c->page && end <= c->page);
	while (off < end && more) {
		more = false;
		for (unsigned int i = 0; i < s->n_areas && i < BAR_AREAS_MAX;
		     i++)
			if (check_area_ok(s, &s->area[i]) &&
			    check_inside(off, s->area[i].base,
					 s->area[i].len)) {
				off = s->area[i].base + s->area[i].len;
				more = true;
			}
	}
	return off >= end;
}

/* --- shape of one BAR ---------------------------------------------------- */

static const char *check_sizes(const struct check *c, unsigned int bar)
{
	const struct bar_plan *p = &c->plan->bar[bar];
	bool mem = p->kind == PCI_BAR_MEM32 || p->kind == PCI_BAR_MEM64;

	if (p->kind == PCI_BAR_NONE)
		return p->size || p->n || p->align || p->host_align
			       ? "absent, but not empty"
			       : NULL;
	if (!check_pow2(p->size) || !check_pow2(p->align))
		return "size or alignment is no power of two";
	if (p->align != p->size)
		return "alignment is not the size";
	if (mem && (p->size < c->page || p->size < c->min_align))
		return "memory BAR below a page";
	if (p->kind == PCI_BAR_IO && (p->size < 4 || p->size > 65536))
		return "size of I/O";
	if (p->kind == PCI_BAR_MEM32 && p->size > 1ull << 31)
		return "size of MEM32";
	if (p->kind == PCI_BAR_MEM64 &&
	    (bar == 5 || c->plan->bar[bar + 1].kind != PCI_BAR_NONE))
		return "MEM64 without its upper half";
	if (check_shown(c, bar) && p->size < c->shape[bar].size)
		return "BAR smaller than its region";
	return NULL;
}

static const char *check_host_align(const struct check *c, unsigned int bar)
{
	const struct bar_plan *p = &c->plan->bar[bar];
	uint64_t want = c->page;

	if (p->kind == PCI_BAR_NONE || p->kind == PCI_BAR_IO)
		return p->host_align ? "host alignment of nothing" : NULL;
	if (check_shown(c, bar) && check_ceil(c->shape[bar].size) > want)
		want = check_ceil(c->shape[bar].size);
	if (want > 1ull << 30)
		want = 1ull << 30;
	return p->host_align == want ? NULL : "host alignment";
}

static const char *check_partition(const struct bar_plan *p)
{
	uint64_t off = 0;

	if (p->n > BAR_SLICES_MAX)
		return "too many slices";
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->slice[i].off != off || p->slice[i].len == 0)
			return "slices not adjacent";
		if (i && p->slice[i].kind == p->slice[i - 1].kind)
			return "neighbours of one kind";
		off += p->slice[i].len;
	}
	return off == p->size ? NULL : "slices do not cover the BAR";
}

/* --- what each slice may hold -------------------------------------------- */

static bool check_moved(const struct check *c)
{
	return c->plan->msix_place == MSIX_PLACE_SPARE_BAR ||
	       c->plan->msix_place == MSIX_PLACE_ENLARGED;
}

/* Whether [off, off + len) meets the guest's table or PBA. */
static bool check_guest_msix(const struct check *c, unsigned int bar,
			     uint64_t off, uint64_t len)
{
	const struct dev_plan *p = c->plan;

	if (p->msix_place == MSIX_PLACE_NONE)
		return false;
	return (p->table_bar == bar &&
		check_meets(off, len, p->table_off, check_table_len(c))) ||
	       (p->pba_bar == bar &&
		check_meets(off, len, p->pba_off, check_pba_len(c)));
}

/* Whether MSI-X lets this host page be mapped. */
static bool check_page_free(const struct check *c, unsigned int bar,
			    uint64_t page)
{
	if (check_guest_msix(c, bar, page, c->page))
		return false;
	if (!check_in_table(c, bar, page, c->page))
		return true;
	return check_moved(c) && c->shape[bar].msix_mappable &&
	       check_shared(c, bar, page);
}

static const char *check_map(const struct check *c, unsigned int bar,
			     const struct bar_slice *s)
{
	uint64_t first = c->msix->table_off & -c->page;

	if (s->off % c->page || s->len % c->page)
		return "MAP is not of host pages";
	if (!check_shown(c, bar) || !check_mappable(c, bar, s->off, s->len))
		return "MAP outside an area";
	if (check_guest_msix(c, bar, s->off, s->len))
		return "MAP holds guest MSI-X";
	if (!check_in_table(c, bar, s->off, s->len))
		return NULL;
	for (uint64_t p = first; p - first <= 32768 + c->page; p += c->page)
		if (check_inside(p, s->off, s->len) &&
		    !check_page_free(c, bar, p))
			return "MAP holds device MSI-X";
	return NULL;
}

/*
 * Whether a page that begins at or after @off, and meets @s, is trapped
 * without need. Overflow of the list is no excuse elsewhere.
 */
static bool check_lost(const struct check *c, unsigned int bar,
		       const struct bar_slice *s, uint64_t off)
{
	uint64_t page = (off + c->page - 1) & -c->page;

	return check_meets(page, c->page, s->off, s->len) &&
	       check_mappable(c, bar, page, c->page) &&
	       check_page_free(c, bar, page);
}

static bool check_overflow(const struct check *c, unsigned int bar)
{
	if (c->shape[bar].n_areas < BAR_AREAS_MAX || !c->shape[bar].sparse)
		return false;
	if (c->shape[bar].n_traps) /* an area cut in two may not fit */
		return true;
	for (unsigned int i = 0; i < c->plan->bar[bar].n; i++)
		if (c->plan->bar[bar].slice[i].kind == BAR_MAP)
			return false;
	return c->plan->msix_place == MSIX_PLACE_INPLACE &&
	       c->plan->table_bar == bar && c->plan->pba_bar == bar;
}

static const char *check_trap(const struct check *c, unsigned int bar,
			      const struct bar_slice *s)
{
	const struct bar_shape *h = &c->shape[bar];
	const struct msix_shape *m = c->msix;
	bool lost;

	if (!check_shown(c, bar) || s->off + s->len > h->size)
		return "TRAP outside the region";
	if (check_guest_msix(c, bar, s->off, s->len))
		return "TRAP holds guest MSI-X";
	if (check_overflow(c, bar) || h->size > 1ull << 40)
		return NULL;
	lost = check_lost(c, bar, s, s->off & -c->page) ||
	       check_lost(c, bar, s, s->off);
	if (m->n && m->table_bar == bar)
		lost |= check_lost(c, bar, s,
				   m->table_off + check_table_len(c));
	if (check_pba_ok(c) && m->pba_bar == bar)
		lost |= check_lost(c, bar, s, m->pba_off + check_pba_len(c));
	for (unsigned int i = 0; i < h->n_areas && i < BAR_AREAS_MAX; i++)
		if (check_area_ok(h, &h->area[i]))
			lost |= check_lost(c, bar, s, h->area[i].base);
	for (unsigned int i = 0; i < h->n_traps && i < BAR_TRAPS_MAX; i++)
		if (check_area_ok(h, &h->trap[i]))
			lost |= check_lost(c, bar, s,
					   h->trap[i].base + h->trap[i].len);
	return lost ? "TRAP of a page that could be mapped" : NULL;
}

/* Within the region only guest MSI-X bytes are ours. */
static const char *check_virtual(const struct check *c, unsigned int bar,
				 const struct bar_slice *s)
{
	const struct dev_plan *p = c->plan;
	uint64_t region = check_shown(c, bar) ? c->shape[bar].size : 0;
	uint64_t end = s->off + s->len < region ? s->off + s->len : region;
	uint64_t off = s->off;

	while (off < end) {
		if (check_moved(c) || p->msix_place == MSIX_PLACE_NONE)
			return "VIRTUAL inside the region";
		if (p->table_bar == bar &&
		    check_inside(off, p->table_off, check_table_len(c)))
			off = p->table_off + check_table_len(c);
		else if (p->pba_bar == bar &&
			 check_inside(off, p->pba_off, check_pba_len(c)))
			off = p->pba_off + check_pba_len(c);
		else
			return "VIRTUAL inside the region";
	}
	return NULL;
}

static const char *check_bar(const struct check *c, unsigned int bar)
{
	const struct bar_plan *p = &c->plan->bar[bar];
	const char *bad = check_sizes(c, bar);

	if (!bad)
		bad = check_host_align(c, bar);
	if (!bad)
		bad = check_partition(p);
	for (unsigned int i = 0; !bad && i < p->n; i++) {
		if (p->slice[i].kind == BAR_MAP)
			bad = check_map(c, bar, &p->slice[i]);
		else if (p->slice[i].kind == BAR_TRAP)
			bad = check_trap(c, bar, &p->slice[i]);
		else
			bad = check_virtual(c, bar, &p->slice[i]);
	}
	return bad;
}

/* --- where MSI-X went ---------------------------------------------------- */

static bool check_has_spare(const struct check *c)
{
	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (!check_shown(c, i) && !check_upper(c, i))
			return true;
	return false;
}

static bool check_can_grow(const struct check *c)
{
	const struct bar_shape *s = &c->shape[c->msix->table_bar];
	uint64_t low = check_ceil(s->size) > check_least(c)
			       ? check_ceil(s->size)
			       : check_least(c);
	uint64_t limit = s->kind == PCI_BAR_MEM32 ? 1ull << 31 : 1ull << 63;
	uint64_t table = (check_table_len(c) + c->page - 1) & -c->page;
	uint64_t size = low;

	while (size < limit && size - low < table + check_pba_len(c))
		size *= 2;
	return size > low && size - low >= table + check_pba_len(c) &&
	       low + table + check_pba_len(c) <= 1ull << 32;
}

/* Whether moving both parts lets a page of registers be mapped. */
static bool check_gain(const struct check *c)
{
	const struct msix_shape *m = c->msix;
	uint64_t end[2] = {m->table_off + check_table_len(c),
			   m->pba_off + check_pba_len(c)};
	uint64_t off[2] = {m->table_off, m->pba_off};
	unsigned int bar[2] = {m->table_bar, m->pba_bar};

	for (unsigned int k = 0; k < 2; k++)
		for (uint64_t p = off[k] & -c->page; p < end[k]; p += c->page)
			if (check_shared(c, bar[k], p) &&
			    check_mappable(c, bar[k], p, c->page) &&
			    (!check_in_table(c, bar[k], p, c->page) ||
			     c->shape[bar[k]].msix_mappable))
				return true;
	return false;
}

static const char *check_choice(const struct check *c)
{
	bool room = check_has_spare(c) || check_can_grow(c);
	enum msix_place place = c->plan->msix_place;
	bool want;

	if (!check_pba_ok(c))
		want = true;
	else if (c->msix->policy == MSIX_INPLACE)
		want = false;
	else if (c->msix->policy == MSIX_RELOCATE)
		want = check_gain(c) ||
		       c->shape[c->msix->table_bar].msix_mappable;
	else
		want = check_gain(c);
	if (want && room) {
		if (!check_moved(c))
			return "MSI-X should have moved";
		if ((place == MSIX_PLACE_SPARE_BAR) != check_has_spare(c))
			return "spare BAR not preferred";
		return NULL;
	}
	if (check_pba_ok(c))
		return place == MSIX_PLACE_INPLACE ? NULL : "moved needlessly";
	return place == MSIX_PLACE_NONE ? NULL : "MSI-X without a PBA";
}

static const char *check_target(const struct check *c)
{
	const struct dev_plan *p = c->plan;
	const struct bar_plan *bar = &p->bar[p->table_bar];
	uint64_t end = p->pba_off + check_pba_len(c);

	if (p->pba_bar != p->table_bar || p->table_off % c->page ||
	    p->pba_off % c->page || end > bar->size ||
	    end > 1ull << 32 || /* the registers have 32 bits */
	    p->table_off + check_table_len(c) > p->pba_off)
		return "moved MSI-X lies badly";
	if (p->msix_place == MSIX_PLACE_ENLARGED)
		return p->table_bar == c->msix->table_bar &&
				       p->table_off >=
					       c->shape[p->table_bar].size &&
				       p->table_off >= check_least(c)
			       ? NULL
			       : "enlarged BAR lost its lower half";
	if (check_shown(c, p->table_bar) || check_upper(c, p->table_bar) ||
	    bar->kind != PCI_BAR_MEM32 || p->table_off != 0)
		return "spare BAR is not spare";
	for (unsigned int i = p->table_bar + 1; i < PCI_BARS; i++)
		if (!check_shown(c, i) && !check_upper(c, i))
			return "spare BAR is not the last";
	return NULL;
}

static const char *check_msix(const struct check *c)
{
	const struct dev_plan *p = c->plan;
	const char *bad;

	if (!p->msix_why || !*p->msix_why)
		return "no reason given";
	if (!check_table_ok(c))
		return p->msix_place == MSIX_PLACE_NONE
			       ? NULL
			       : "MSI-X without a table";
	bad = check_choice(c);
	if (bad || p->msix_place == MSIX_PLACE_NONE)
		return bad;
	if (check_moved(c))
		return check_target(c);
	return p->table_bar == c->msix->table_bar &&
			       p->table_off == c->msix->table_off &&
			       p->pba_bar == c->msix->pba_bar &&
			       p->pba_off == c->msix->pba_off
		       ? NULL
		       : "in place, but elsewhere";
}

/* Only BARs of the device, one spare BAR, and at most one larger than it. */
static const char *check_bars(const struct check *c)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		const struct bar_plan *p = &c->plan->bar[i];
		bool target = check_moved(c) && c->plan->table_bar == i;
		uint64_t want =
			check_shown(c, i) ? check_ceil(c->shape[i].size) : 0;

		if (check_mem(c, i) && want < check_least(c))
			want = check_least(c);
		if (check_shown(c, i) && c->shape[i].kind == PCI_BAR_IO &&
		    want < 4)
			want = 4;
		if (!target && p->size != want)
			return "size of the virtual BAR";
		if (check_shown(c, i) && (p->kind != c->shape[i].kind ||
					  p->prefetch != c->shape[i].prefetch))
			return "kind of the virtual BAR";
	}
	return NULL;
}

/* --- page-table entries, by walking as a page-table fill does ------------ */

static void check_blocks(uint64_t block[3], uint64_t page)
{
	/* clang-format off */
	static const uint64_t of[3][3] = {
		{0x40000000, 0x200000, 0x1000},
		{0x2000000, 0x4000, 0},
		{0x20000000, 0x10000, 0},
	};
	/* clang-format on */
	int row = page == 4096 ? 0 : page == 16384 ? 1 : 2;

	memcpy(block, of[row], sizeof(of[row]));
}

static void check_walk(const struct bar_slice *s, const uint64_t block[3],
		       uint64_t count[3])
{
	uint64_t off = s->off;
	uint64_t end = s->off + s->len;

	while (off < end) {
		uint64_t n = 1;
		unsigned int k = 0;

		while (k < 2 && (block[k] == 0 || off % block[k] ||
				 end - off < block[k]))
			k++;
		if (block[k] == 0)
			return;
		/* From here to the end no larger block can come. */
		if (k == 0 || end - off < block[k - 1])
			n = (end - off) / block[k];
		count[k] += n;
		off += n * block[k];
	}
}

static const char *check_leaves(const struct bar_plan *p, uint64_t page)
{
	uint64_t block[3], count[3] = {0, 0, 0};
	struct bar_leaves l;

	check_blocks(block, page);
	for (unsigned int i = 0; i < p->n; i++)
		if (p->slice[i].kind == BAR_MAP)
			check_walk(&p->slice[i], block, count);
	bar_plan_leaves(p, &l, page);
	return memcmp(l.block, block, sizeof(block)) == 0 &&
			       memcmp(l.count, count, sizeof(count)) == 0
		       ? NULL
		       : "page-table entries";
}

/* --- all ----------------------------------------------------------------- */

static const char *check_plan(const struct check *c)
{
	const char *bad = check_msix(c);

	if (!bad)
		bad = check_bars(c);
	for (unsigned int i = 0; !bad && i < PCI_BARS; i++) {
		bad = check_bar(c, i);
		if (!bad)
			bad = check_leaves(&c->plan->bar[i], c->page);
	}
	return bad;
}

#endif
