/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bar_plan_text.h"

/* Where the MSI-X table and the pending bits go, and what that maps. */

#define K4   (4 * KIB)
#define K16  (16 * KIB)
#define K64  (64 * KIB)

#define AUTO MSIX_AUTO
#define STAY MSIX_INPLACE
#define MOVE MSIX_RELOCATE

/* What BAR 0 is like, and whether other BARs leave a register free. */
#define MM     1u  /* msix_mappable */
#define NOMAP  2u  /* not mappable at all */
#define FULL   4u  /* no free register: MEM64 in 2 and 4 */
#define M32    8u  /* BAR 0 is a MEM32, register 1 another if FULL */
#define SPARSE 16u /* one area: the upper half of BAR 0 */

struct msix_case {
	uint64_t region;
	uint64_t page;
	unsigned int n;
	uint64_t table_off;
	uint64_t pba_off;
	unsigned int flags;
	enum msix_policy policy;
	const char *plan;
};

/*
 * The plan as text: NONE, INPLACE, SPARE or ENLARGED, then where the guest
 * finds table and PBA, then the slices of BAR 0.
 */
/* clang-format off */
static const struct msix_case cases[] = {
	/* Table in front, PBA in its page or in the next. */
	{0x4000, K4, 32, 0, 0x1000, MM, AUTO,
		"INPLACE 0+0 0+1000: V200 Te00 V8 Tff8 M2000"},
	{0x4000, K4, 32, 0, 0x200, MM, AUTO,
		"INPLACE 0+0 0+200: V208 Tdf8 M3000"},
	{0x1000, K4, 8, 0, 0x800, MM, AUTO,
		"INPLACE 0+0 0+800: V80 T780 V8 T7f8"},
	/* PBA before the table, in one page and in two. */
	{0x4000, K4, 8, 0x2800, 0x2000, MM, AUTO,
		"INPLACE 0+2800 0+2000: M2000 V8 T7f8 V80 T780 M1000"},
	{0x4000, K4, 8, 0x3000, 0x2000, MM, AUTO,
		"INPLACE 0+3000 0+2000: M2000 V8 Tff8 V80 Tf80"},
	/* Intel NVMe: all pages are dedicated on a 4 KiB host. */
	{0x4000, K4, 32, 0x2000, 0x3000, MM, AUTO,
		"INPLACE 0+2000 0+3000: M2000 V200 Te00 V8 Tff8"},
	{0x4000, K4, 32, 0x2000, 0x3000, MM, MOVE,
		"SPARE 5+0 5+1000: M2000 T1000 M1000"},
	{0x4000, K4, 32, 0x2000, 0x3000, 0, AUTO,
		"INPLACE 0+2000 0+3000: M2000 V200 Te00 V8 Tff8"},
	/* ... but one page of a 64 KiB host, doorbells and all. */
	{0x4000, K64, 32, 0x2000, 0x3000, MM, AUTO,
		"SPARE 5+0 5+10000: M10000"},
	{0x4000, K16, 32, 0x2000, 0x3000, MM, AUTO,
		"SPARE 5+0 5+4000: M4000"},
	{0x4000, K64, 32, 0x2000, 0x3000, MM | FULL, AUTO,
		"ENLARGED 0+10000 0+20000: M10000 V30000"},
	{0x4000, K64, 32, 0x2000, 0x3000, MM, STAY,
		"INPLACE 0+2000 0+3000: T2000 V200 Te00 V8 Tff8 Vc000"},
	{0x4000, K64, 32, 0x2000, 0x3000, 0, AUTO,
		"INPLACE 0+2000 0+3000: T2000 V200 Te00 V8 Tff8 Vc000"},
	/* KIOXIA CD8P: registers in the same 4 KiB as both structures. */
	{0x10000, K4, 129, 0x5200, 0xd600, MM, AUTO,
		"SPARE 5+0 5+1000: M10000"},
	{0x10000, K4, 129, 0x5200, 0xd600, MM | FULL, AUTO,
		"ENLARGED 0+10000 0+11000: M10000 V10000"},
	{0x10000, K4, 129, 0x5200, 0xd600, MM, STAY,
		"INPLACE 0+5200 0+d600: M5000 T200 V810 T5f0 M7000 T600 V18 "
		"T9e8 M2000"},
	/* Not mappable over the table; still, the PBA's page is freed. */
	{0x10000, K4, 129, 0x5200, 0xd600, 0, AUTO,
		"SPARE 5+0 5+1000: M5000 T1000 Ma000"},
	{0x10000, K4, 129, 0x5200, 0xd000, 0, AUTO,
		"INPLACE 0+5200 0+d000: M5000 T200 V810 T5f0 M7000 V18 Tfe8 "
		"M2000"},
	{0x10000, K4, 129, 0x5200, 0xd000, 0, MOVE,
		"INPLACE 0+5200 0+d000: M5000 T200 V810 T5f0 M7000 V18 Tfe8 "
		"M2000"},
	/* Only the first page of the table has registers in it: 0x1800. */
	{0x8000, K4, 256, 0x1800, 0x4000, MM, AUTO,
		"SPARE 5+0 5+1000: M2000 T1000 M5000"},
	{0x8000, K4, 256, 0x1800, 0x4000, MM, STAY,
		"INPLACE 0+1800 0+4000: M1000 T800 V1000 T800 M1000 V20 Tfe0 "
		"M3000"},
	{0x8000, K4, 256, 0x1800, 0x4000, MM | FULL, AUTO,
		"ENLARGED 0+8000 0+9000: M2000 T1000 M5000 V8000"},
	{0x1000, K4, 16, 0x800, 0xf00, MM, AUTO,
		"SPARE 5+0 5+1000: M1000"},
	{0x1000, K4, 16, 0x800, 0xf00, MM, STAY,
		"INPLACE 0+800 0+f00: T800 V100 T600 V8 Tf8"},
	/* PBA alone unaligned. */
	{0x8000, K4, 32, 0x2000, 0x4100, MM, AUTO,
		"SPARE 5+0 5+1000: M2000 T1000 M5000"},
	{0x8000, K4, 32, 0x2000, 0x4100, 0, AUTO,
		"SPARE 5+0 5+1000: M2000 T1000 M5000"},
	/* Table at the end of the BAR, and filling it. */
	{0x4000, K4, 64, 0x3c00, 0, MM, STAY,
		"INPLACE 0+3c00 0+0: V8 Tff8 M2000 Tc00 V400"},
	{0x4000, K4, 256, 0x3000, 0, MM, AUTO,
		"INPLACE 0+3000 0+0: V20 Tfe0 M2000 V1000"},
	/* Entry counts, and the bytes of PBA they take. */
	{0x20000, K4, 1, 0, 0x10000, MM, AUTO,
		"INPLACE 0+0 0+10000: V10 Tff0 Mf000 V8 Tff8 Mf000"},
	{0x20000, K4, 64, 0, 0x10000, MM, AUTO,
		"INPLACE 0+0 0+10000: V400 Tc00 Mf000 V8 Tff8 Mf000"},
	{0x20000, K4, 65, 0, 0x10000, MM, AUTO,
		"INPLACE 0+0 0+10000: V410 Tbf0 Mf000 V10 Tff0 Mf000"},
	{0x20000, K4, 136, 0, 0x10000, MM, AUTO,
		"INPLACE 0+0 0+10000: V880 T780 Mf000 V18 Tfe8 Mf000"},
	{0x20000, K4, 2048, 0, 0x10000, MM, AUTO,
		"INPLACE 0+0 0+10000: V8000 M8000 V100 Tf00 Mf000"},
	{0x20000, K16, 2048, 0, 0x10000, MM, AUTO,
		"SPARE 5+0 5+8000: T8000 M18000"},
	{0x20000, K64, 2048, 0, 0x10000, MM, AUTO,
		"SPARE 5+0 5+10000: M20000"},
	/* Half a 64 KiB page, the PBA at its end: the page has more ranges. */
	{0x20000, K64, 2048, 0, 0x8000, MM, STAY,
		"INPLACE 0+0 0+8000: V8100 T7f00 M10000"},
	/* Pages filled by the table between shared ends: 64 KiB + a bit. */
	{0x20000, K16, 2048, 0x2000, 0x1f000, MM, AUTO,
		"SPARE 5+0 5+8000: M4000 T4000 M18000"},
	/* Only the last page of the table has registers in it. */
	{0xd000, K16, 1100, 0, 0xc000, MM, AUTO,
		"SPARE 5+0 5+8000: T4000 M8000 T1000 V3000"},
	/* PBA past the BAR (Chelsio, Kunlun): both move, table stays hidden. */
	{0x2000, K4, 8, 0x1000, 0x8000, MM, AUTO,
		"SPARE 5+0 5+1000: M1000 T1000"},
	{0x2000, K4, 8, 0x1000, 0x8000, 0, STAY,
		"SPARE 5+0 5+1000: M1000 T1000"},
	{0x10000, K4, 64, 0, 0x460000, MM | FULL, AUTO,
		"ENLARGED 0+10000 0+11000: T1000 Mf000 V10000"},
	/* PBA over the table, misaligned, at its very end. */
	{0x4000, K4, 32, 0x2000, 0x21f8, MM, AUTO,
		"SPARE 5+0 5+1000: M2000 T1000 M1000"},
	{0x4000, K4, 32, 0x2000, 0x2000, MM, AUTO,
		"SPARE 5+0 5+1000: M2000 T1000 M1000"},
	{0x4000, K4, 32, 0x2000, 0x3004, MM, AUTO,
		"SPARE 5+0 5+1000: M2000 T1000 M1000"},
	{0x4000, K4, 32, 0x2000, 0x3ff8, MM, STAY,
		"INPLACE 0+2000 0+3ff8: M2000 V200 T1df8 V8"},
	{0x4000, K4, 65, 0x2000, 0x3ff8, MM, STAY,
		"SPARE 5+0 5+1000: M2000 T1000 M1000"},
	{0x4000, K4, 32, 0x2000, UINT64_MAX & ~7ull, MM, AUTO,
		"SPARE 5+0 5+1000: M2000 T1000 M1000"},
	/* No table: no MSI-X; its bytes stay unmapped as far as they exist. */
	{0x4000, K4, 32, 0x4000, 0, MM, AUTO, "NONE: M4000"},
	{0x4000, K4, 64, 0x3e00, 0, MM, AUTO, "NONE: M3000 T1000"},
	{0x4000, K4, 32, 0x2004, 0x3000, MM, AUTO, "NONE: M2000 T1000 M1000"},
	{0x4000, K4, 32, UINT64_MAX & ~7ull, 0, MM, AUTO, "NONE: M4000"},
	{0x20000, K4, 2049, 0, 0x10000, MM, AUTO, "NONE: T8000 M18000"},
	{0x20000, K4, UINT32_MAX, 0x8000, 0, MM, MOVE,
		"NONE: M8000 T8000 M10000"},
	{0x4000, K64, 2, 0x3ff8, 0, MM, AUTO, "NONE: T4000 Vc000"},
	/* No MSI-X at all, whatever the other fields are. */
	{0x4000, K4, 0, 0x2000, 0x3000, MM, MOVE, "NONE: M4000"},
	/* A BAR that is not mapped loses nothing. */
	{0x4000, K64, 32, 0x2000, 0x3000, MM | NOMAP, AUTO,
		"INPLACE 0+2000 0+3000: T2000 V200 Te00 V8 Tff8 Vc000"},
	{0x4000, K4, 32, 0x2100, 0x3000, NOMAP, AUTO,
		"INPLACE 0+2100 0+3000: T2100 V200 Td00 V8 Tff8"},
	{0x4000, K4, 32, 0x2100, 0x3000, MM | NOMAP, MOVE,
		"SPARE 5+0 5+1000: T4000"},
	{2 * TIB, K4, 32, 0x100, 0x3000, MM, AUTO,
		"INPLACE 0+100 0+3000: T100 V200 T2d00 V8 T1ffffffcff8"},
	/* Areas and the consent to map the table, both. */
	{0x10000, K4, 32, 0x9000, 0xa000, MM | SPARSE, AUTO,
		"INPLACE 0+9000 0+a000: T8000 M1000 V200 Te00 V8 Tff8 M5000"},
	{0x10000, K4, 32, 0x9100, 0xa000, MM | SPARSE, AUTO,
		"SPARE 5+0 5+1000: T8000 M8000"},
	{0x10000, K4, 32, 0x9100, 0xa000, SPARSE, AUTO,
		"INPLACE 0+9100 0+a000: T8000 M1000 T100 V200 Td00 V8 Tff8 "
		"M5000"},
	/* Outside all areas the table may share its page: trapped anyway. */
	{0x10000, K4, 32, 0x2100, 0x3000, MM | SPARSE, AUTO,
		"INPLACE 0+2100 0+3000: T2100 V200 Td00 V8 T4ff8 M8000"},
	/* 32-bit BARs cannot pass 2 GiB. */
	{GIB, K4, 32, 0x2100, 0x3000, MM | M32 | FULL, AUTO,
		"ENLARGED 0+40000000 0+40001000: M40000000 V40000000"},
	{2 * GIB, K4, 32, 0x2100, 0x3000, MM | M32, AUTO,
		"SPARE 5+0 5+1000: M80000000"},
	{2 * GIB, K4, 32, 0x2100, 0x3000, MM | M32 | FULL, AUTO,
		"INPLACE 0+2100 0+3000: M2000 T100 V200 Td00 V8 Tff8 M7fffc000"},
	{2 * GIB, K4, 32, 0x2100, 0x3000, MM | M32 | FULL, MOVE,
		"INPLACE 0+2100 0+3000: M2000 T100 V200 Td00 V8 Tff8 M7fffc000"},
	{2 * GIB, K4, 32, 0x2000, 2 * GIB, MM | M32 | FULL, AUTO,
		"NONE: M2000 T1000 M7fffd000"},
	/* Larger than double, when the table is larger than the BAR's half. */
	{0x8000, K4, 2048, 0, 0x8000, MM | FULL, AUTO,
		"ENLARGED 0+8000 0+10000: T8000 V18000"},
	/* The largest BAR there is cannot double. */
	{1ull << 63, K4, 32, 0x2000, 1ull << 63, MM | FULL, AUTO,
		"NONE: T8000000000000000"},
	/* A table above 4 GiB has no offset that its register could hold. */
	{2 * GIB, K4, 32, 0x2100, 0x3000, MM | FULL, AUTO,
		"ENLARGED 0+80000000 0+80001000: M80000000 V80000000"},
	{4 * GIB, K4, 32, 0x2100, 0x3000, MM | FULL, AUTO,
		"INPLACE 0+2100 0+3000: M2000 T100 V200 Td00 V8 Tff8 Mffffc000"},
	{4 * GIB, K4, 32, 0x2000, 4 * GIB, MM | FULL, AUTO,
		"NONE: M2000 T1000 Mffffd000"},
};
/* clang-format on */

static void case_shape(struct bar_shape *shape, const struct msix_case *c)
{
	memset(shape, 0, PCI_BARS * sizeof(*shape));
	shape[0] = (struct bar_shape){.kind = PCI_BAR_MEM64,
				      .mappable = !(c->flags & NOMAP),
				      .msix_mappable = c->flags & MM,
				      .sparse = c->flags & SPARSE,
				      .size = c->region,
				      .n_areas = 1};
	shape[0].area[0] = (struct span){c->region / 2, c->region / 2};
	if (c->flags & M32)
		shape[0].kind = PCI_BAR_MEM32;
	if (!(c->flags & FULL))
		return;
	shape[1] = (struct bar_shape){.kind = PCI_BAR_MEM32, .size = 4096};
	shape[2] = (struct bar_shape){.kind = PCI_BAR_MEM64, .size = 4096};
	shape[4] = (struct bar_shape){.kind = PCI_BAR_MEM64, .size = 4096};
}

static size_t text_msix(char *text, const struct dev_plan *p)
{
	static const char *const name[] = {"NONE", "INPLACE", "SPARE",
					   "ENLARGED"};
	size_t at = text_add(text, 0, "%s", name[p->msix_place]);

	if (p->msix_place == MSIX_PLACE_NONE)
		return text_add(text, at, ": ");
	return text_add(text, at, " %u+%llx %u+%llx: ", p->table_bar,
			(unsigned long long)p->table_off, p->pba_bar,
			(unsigned long long)p->pba_off);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct msix_case *c = &cases[i];
		struct msix_shape msix = {.n = c->n,
					  .table_off = c->table_off,
					  .pba_off = c->pba_off,
					  .policy = c->policy};
		struct bar_shape shape[PCI_BARS];
		struct dev_plan plan;
		char text[TEXT_MAX];

		case_shape(shape, c);
		plan_checked(&plan, shape, &msix, c->page, c->page);
		text_slices(text, text_msix(text, &plan), &plan.bar[0]);
		assert_string_equal(text, c->plan);
	}
}

/* --- which BARs ---------------------------------------------------------- */

/* A BAR 0 with registers and an unaligned table: it wants to move. */
static void wanting_shape(struct bar_shape *shape, struct msix_shape *msix)
{
	memset(shape, 0, PCI_BARS * sizeof(*shape));
	shape[0] = (struct bar_shape){.kind = PCI_BAR_MEM64,
				      .mappable = true,
				      .msix_mappable = true,
				      .size = 0x8000};
	*msix = (struct msix_shape){
		.n = 16, .table_off = 0x1100, .pba_off = 0x3000};
}

static void test_spare_register(void **state)
{
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix;
	struct dev_plan plan;

	(void)state;
	wanting_shape(shape, &msix);
	/* The highest free register; upper halves are not free. */
	shape[4] = (struct bar_shape){.kind = PCI_BAR_MEM64, .size = 4096};
	plan_checked(&plan, shape, &msix, K4, K64);
	assert_int_equal(plan.msix_place, MSIX_PLACE_SPARE_BAR);
	assert_int_equal(plan.table_bar, 3);
	assert_int_equal(plan.bar[3].kind, PCI_BAR_MEM32);
	assert_int_equal(plan.bar[3].size, K64);
	assert_int_equal(plan.bar[3].align, K64);
	assert_false(plan.bar[3].prefetch);
	assert_int_equal(plan.bar[3].n, 1);
	assert_int_equal(plan.bar[3].slice[0].kind, BAR_VIRTUAL);

	/* An I/O BAR takes a register; one nobody can see does not. */
	shape[2] = (struct bar_shape){.kind = PCI_BAR_IO, .size = 16};
	shape[3] = (struct bar_shape){.kind = PCI_BAR_MEM32, .size = 16 * GIB};
	plan_checked(&plan, shape, &msix, K4, K64);
	assert_int_equal(plan.msix_place, MSIX_PLACE_SPARE_BAR);
	assert_int_equal(plan.table_bar, 3);
	shape[3].size = 4096;
	plan_checked(&plan, shape, &msix, K4, K64);
	assert_int_equal(plan.msix_place, MSIX_PLACE_ENLARGED);
	assert_int_equal(plan.table_bar, 0);
	assert_int_equal(plan.bar[0].size, 2 * K64);
	plan_checked(&plan, shape, &msix, K4, K4);
	assert_int_equal(plan.table_bar, 0);
	assert_int_equal(plan.bar[0].size, 0x10000);
}

/* 2048 vectors on a host of each page size: table and PBA have own pages. */
static void test_spare_size(void **state)
{
	static const uint64_t want[3][3] = {
		{K4, 0x8000, 0x10000},
		{K16, 0x8000, 0x10000},
		{K64, 0x10000, 0x20000},
	};
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix;
	struct dev_plan plan;

	(void)state;
	wanting_shape(shape, &msix);
	shape[0].size = 0x20000;
	msix.n = 2048;
	msix.pba_off = 0x10000;
	for (int i = 0; i < 3; i++) {
		plan_checked(&plan, shape, &msix, want[i][0], K4);
		assert_int_equal(plan.pba_off, want[i][1]);
		assert_int_equal(plan.bar[5].size, want[i][2]);
	}
}

struct pba_case {
	enum pci_bar_kind kind; /* of BAR 2 */
	uint64_t size;
	unsigned int pba_bar;
	uint64_t pba_off;
	enum msix_place place;
};

/* Table at 0x2000 of BAR 0, PBA in another BAR. */
static void test_pba_bar(void **state)
{
	/* clang-format off */
	static const struct pba_case pbas[] = {
		{PCI_BAR_MEM32, 0x1000, 2, 0, MSIX_PLACE_INPLACE},
		{PCI_BAR_MEM32, 0x2000, 2, 0x1000, MSIX_PLACE_INPLACE},
		/* Unaligned among registers, and mappable: worth a move. */
		{PCI_BAR_MEM32, 0x2000, 2, 0x1800, MSIX_PLACE_SPARE_BAR},
		/* Past its end, in I/O, absent, an upper half, reserved. */
		{PCI_BAR_MEM32, 0x1000, 2, 0x1000, MSIX_PLACE_SPARE_BAR},
		{PCI_BAR_IO, 0x100, 2, 0, MSIX_PLACE_SPARE_BAR},
		{PCI_BAR_NONE, 0x1000, 2, 0, MSIX_PLACE_SPARE_BAR},
		{PCI_BAR_MEM32, 0x1000, 1, 0, MSIX_PLACE_SPARE_BAR},
		{PCI_BAR_MEM32, 0x1000, 6, 0, MSIX_PLACE_SPARE_BAR},
		{PCI_BAR_MEM32, 0x1000, 7, 0, MSIX_PLACE_SPARE_BAR},
		{PCI_BAR_MEM32, 0x1000, UINT32_MAX, 0, MSIX_PLACE_SPARE_BAR},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < sizeof(pbas) / sizeof(*pbas); i++) {
		const struct pba_case *c = &pbas[i];
		struct bar_shape shape[PCI_BARS];
		struct msix_shape msix;
		struct dev_plan plan;

		wanting_shape(shape, &msix);
		shape[0].msix_mappable = false;
		shape[2] = (struct bar_shape){
			.kind = c->kind, .mappable = true, .size = c->size};
		msix.table_off = 0x2000;
		msix.pba_bar = c->pba_bar;
		msix.pba_off = c->pba_off;
		plan_checked(&plan, shape, &msix, K4, K4);
		assert_int_equal(plan.msix_place, c->place);
	}
}

/* The PBA's pages of its own BAR are trapped in place, mapped after a move. */
static void test_pba_pages(void **state)
{
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix;
	struct dev_plan plan;
	char text[TEXT_MAX];

	(void)state;
	wanting_shape(shape, &msix);
	shape[2] = (struct bar_shape){
		.kind = PCI_BAR_MEM32, .mappable = true, .size = 0x4000};
	msix.table_off = 0x2000;
	msix.pba_bar = 2;
	msix.pba_off = 0x1000;
	plan_checked(&plan, shape, &msix, K4, K4);
	text_slices(text, 0, &plan.bar[2]);
	assert_string_equal(text, "M1000 V8 Tff8 M2000");
	msix.policy = MSIX_RELOCATE;
	plan_checked(&plan, shape, &msix, K4, K4);
	text_slices(text, 0, &plan.bar[2]);
	assert_string_equal(text, "M4000");
}

static void test_table_bar(void **state)
{
	static const unsigned int bars[] = {1, 2, 3, 5, 6, 7, 64, UINT32_MAX};
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix;
	struct dev_plan plan;

	(void)state;
	wanting_shape(shape, &msix);
	shape[2] = (struct bar_shape){.kind = PCI_BAR_IO, .size = 0x8000};
	shape[5] = (struct bar_shape){.kind = PCI_BAR_MEM64, .size = 0x8000};
	/* An upper half, whatever it claims to be. */
	shape[1] = shape[0];
	for (size_t i = 0; i < sizeof(bars) / sizeof(*bars); i++) {
		msix.table_bar = bars[i];
		plan_checked(&plan, shape, &msix, K4, K4);
		assert_int_equal(plan.msix_place, MSIX_PLACE_NONE);
		assert_int_equal(plan.bar[0].slice[0].len, 0x8000);
		assert_int_equal(plan.bar[0].slice[0].kind, BAR_MAP);
	}
}

/* --- why ----------------------------------------------------------------- */

static const char *why(const struct bar_shape *shape, struct msix_shape msix,
		       enum msix_policy policy)
{
	struct dev_plan plan;

	msix.policy = policy;
	plan_checked(&plan, shape, &msix, K4, K4);
	return plan.msix_why;
}

static void test_why(void **state)
{
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix;

	(void)state;
	wanting_shape(shape, &msix);
	assert_string_equal(why(shape, msix, AUTO),
			    "its host page holds other registers, too");
	assert_string_equal(why(shape, msix, STAY), "as asked");
	assert_string_equal(why(shape, msix, MOVE), "as asked");
	shape[0].msix_mappable = false;
	assert_string_equal(why(shape, msix, AUTO),
			    "shares a host page with registers, but the kernel "
			    "does not let that page be mapped");
	assert_string_equal(why(shape, msix, MOVE),
			    "asked to move, but the kernel does not let the "
			    "table's pages be mapped");
	shape[0].mappable = false;
	assert_string_equal(why(shape, msix, AUTO),
			    "its host pages cannot be mapped anyway");
	msix.table_off = 0x1000;
	assert_string_equal(why(shape, msix, AUTO),
			    "its host pages hold nothing else");
	msix.pba_off = 0x1000;
	assert_string_equal(why(shape, msix, STAY),
			    "the device's pending bits are misplaced, so "
			    "table and bits moved");
	msix.table_off = 0x8000;
	assert_string_equal(why(shape, msix, AUTO),
			    "the device's table is not inside a memory BAR");
	msix.n = 0;
	assert_string_equal(why(shape, msix, AUTO), "the device has none");
}

static void test_why_no_room(void **state)
{
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix;

	(void)state;
	wanting_shape(shape, &msix);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		shape[i] = shape[0];
	for (unsigned int i = 0; i < PCI_BARS; i++)
		shape[i].kind = PCI_BAR_MEM32;
	shape[0].size = 2 * GIB;
	assert_string_equal(why(shape, msix, AUTO),
			    "shares a host page with registers, but there is "
			    "no BAR to move it to");
	assert_string_equal(why(shape, msix, MOVE),
			    "asked to move, but there is no BAR to move to");
	msix.pba_off = 2 * GIB;
	assert_string_equal(why(shape, msix, AUTO),
			    "the device's pending bits are misplaced and "
			    "there is no BAR to move them to");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_spare_register),
		cmocka_unit_test(test_spare_size),
		cmocka_unit_test(test_pba_bar),
		cmocka_unit_test(test_pba_pages),
		cmocka_unit_test(test_table_bar),
		cmocka_unit_test(test_why),
		cmocka_unit_test(test_why_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
