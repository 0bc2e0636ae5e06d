/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bar_plan_text.h"

/* Regions, areas and page-table entries; MSI-X is in test_bar_plan_msix.c. */

static const struct msix_shape no_msix;

/* --- sizes of regions ---------------------------------------------------- */

struct size_case {
	enum pci_bar_kind kind;
	uint64_t region;
	uint64_t page;
	uint64_t size;
	uint64_t align;
	uint64_t host_align;
	const char *slices;
};

#define IO   PCI_BAR_IO
#define M32  PCI_BAR_MEM32
#define M64  PCI_BAR_MEM64
#define NONE PCI_BAR_NONE
#define K4   (4 * KIB)
#define K16  (16 * KIB)
#define K64  (64 * KIB)

/* clang-format off */
static const struct size_case sizes[] = {
	/* Absent, and what no BAR register can express. */
	{NONE, 4 * KIB, K4, 0, 0, 0, ""},
	{M32, 0, K4, 0, 0, 0, ""},
	{IO, 0, K4, 0, 0, 0, ""},
	{M32, 2 * GIB + 1, K4, 0, 0, 0, ""},
	{M32, 4 * GIB, K4, 0, 0, 0, ""},
	{IO, 64 * KIB + 1, K4, 0, 0, 0, ""},
	{M64, (1ull << 63) + 1, K4, 0, 0, 0, ""},
	{M64, UINT64_MAX, K4, 0, 0, 0, ""},
	/* I/O is never mapped and never grows to a page. */
	{IO, 1, K4, 4, 4, 0, "T1 V3"},
	{IO, 4, K4, 4, 4, 0, "T4"},
	{IO, 16, K4, 16, 16, 0, "T10"},
	{IO, 256, K64, 256, 256, 0, "T100"},
	{IO, 200, K4, 256, 256, 0, "Tc8 V38"},
	{IO, 64 * KIB, K4, 64 * KIB, 64 * KIB, 0, "T10000"},
	/* Smaller than a page: the whole page is mapped. */
	{M32, 1, K4, K4, K4, K4, "M1000"},
	{M32, 16, K4, K4, K4, K4, "M1000"},
	{M32, 128, K4, K4, K4, K4, "M1000"},
	{M32, 256, K4, K4, K4, K4, "M1000"},
	{M64, 512, K4, K4, K4, K4, "M1000"},
	{M32, 2 * KIB, K4, K4, K4, K4, "M1000"},
	{M32, 2 * KIB, K64, K64, K64, K64, "M10000"},
	{M32, 4 * KIB, K4, K4, K4, K4, "M1000"},
	{M32, 4 * KIB, K16, K16, K16, K16, "M4000"},
	{M32, 8 * KIB, K4, 8 * KIB, 8 * KIB, 8 * KIB, "M2000"},
	{M32, 16 * KIB, K4, K16, K16, K16, "M4000"},
	{M64, 16 * KIB, K64, K64, K64, K64, "M10000"},
	{M32, 32 * KIB, K16, 32 * KIB, 32 * KIB, 32 * KIB, "M8000"},
	{M32, 64 * KIB, K64, K64, K64, K64, "M10000"},
	{M64, 128 * KIB, K64, 128 * KIB, 128 * KIB, 128 * KIB, "M20000"},
	{M32, MIB, K4, MIB, MIB, MIB, "M100000"},
	/* No power of two: what follows the region is ours. */
	{M32, 6 * KIB, K4, 8 * KIB, 8 * KIB, 8 * KIB, "M1000 T800 V800"},
	{M32, 12 * KIB, K4, K16, K16, K16, "M3000 V1000"},
	{M32, 2 * MIB - K4, K4, 2 * MIB, 2 * MIB, 2 * MIB, "M1ff000 V1000"},
	{M32, 2 * MIB - 1, K4, 2 * MIB, 2 * MIB, 2 * MIB, "M1ff000 Tfff V1"},
	{M32, 2 * MIB - 1, K64, 2 * MIB, 2 * MIB, 2 * MIB,
		"M1f0000 Tffff V1"},
	{M32, 2 * MIB, K4, 2 * MIB, 2 * MIB, 2 * MIB, "M200000"},
	{M32, 16 * MIB, K4, 16 * MIB, 16 * MIB, 16 * MIB, "M1000000"},
	{M64, 32 * MIB, K4, 32 * MIB, 32 * MIB, 32 * MIB, "M2000000"},
	{M64, 256 * MIB, K16, 256 * MIB, 256 * MIB, 256 * MIB, "M10000000"},
	{M64, 512 * MIB, K64, 512 * MIB, 512 * MIB, 512 * MIB, "M20000000"},
	{M32, GIB, K4, GIB, GIB, GIB, "M40000000"},
	{M32, 2 * GIB, K4, 2 * GIB, 2 * GIB, GIB, "M80000000"},
	{M64, 4 * GIB, K4, 4 * GIB, 4 * GIB, GIB, "M100000000"},
	{M64, 32 * GIB, K4, 32 * GIB, 32 * GIB, GIB, "M800000000"},
	{M64, 64 * GIB, K64, 64 * GIB, 64 * GIB, GIB, "M1000000000"},
	{M64, 128 * GIB, K4, 128 * GIB, 128 * GIB, GIB, "M2000000000"},
	{M64, 256 * GIB, K4, 256 * GIB, 256 * GIB, GIB, "M4000000000"},
	{M64, 512 * GIB, K4, 512 * GIB, 512 * GIB, GIB, "M8000000000"},
	/* 1 TiB is what a region of vfio-pci can have in its file. */
	{M64, TIB, K4, TIB, TIB, GIB, "M10000000000"},
	{M64, TIB + 1, K4, 2 * TIB, 2 * TIB, GIB,
		"T10000000001 Vffffffffff"},
	{M64, 2 * TIB, K4, 2 * TIB, 2 * TIB, GIB, "T20000000000"},
	{M64, 1ull << 63, K4, 1ull << 63, 1ull << 63, GIB,
		"T8000000000000000"},
};
/* clang-format on */

static void test_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const struct size_case *c = &sizes[i];
		struct bar_shape shape[PCI_BARS] = {
			{.kind = c->kind, .mappable = true, .size = c->region}};
		struct dev_plan plan;
		char text[TEXT_MAX] = "";

		plan_checked(&plan, shape, &no_msix, c->page, 1);
		text_slices(text, 0, &plan.bar[0]);
		assert_string_equal(text, c->slices);
		assert_int_equal(plan.bar[0].size, c->size);
		assert_int_equal(plan.bar[0].align, c->align);
		assert_int_equal(plan.bar[0].host_align, c->host_align);
		assert_int_equal(plan.bar[0].kind, c->size ? c->kind : NONE);
	}
}

/* Not mappable: nothing of any BAR is mapped, but pages are kept apart. */
static void test_not_mappable(void **state)
{
	struct bar_shape shape[PCI_BARS] = {
		{.kind = M32, .size = 256},
		{.kind = M32, .size = MIB, .sparse = true, .n_areas = 1},
		{.kind = M64, .prefetch = true, .size = 16 * GIB},
	};
	struct dev_plan plan;
	char text[TEXT_MAX] = "";
	size_t at;

	(void)state;
	shape[1].area[0] = (struct span){0, MIB};
	plan_checked(&plan, shape, &no_msix, K64, K64);
	at = text_slices(text, 0, &plan.bar[0]);
	at = text_slices(text, text_add(text, at, ", "), &plan.bar[1]);
	text_slices(text, text_add(text, at, ", "), &plan.bar[2]);
	assert_string_equal(text, "T100 Vff00, T100000, T400000000");
	assert_int_equal(plan.bar[0].align, K64);
	assert_true(plan.bar[2].prefetch);
	assert_false(plan.bar[1].prefetch);
}

/* A MEM64 takes two registers, whatever the second claims to be. */
static void test_registers(void **state)
{
	struct bar_shape shape[PCI_BARS];
	struct dev_plan plan;

	(void)state;
	memset(shape, 0, sizeof(shape));
	for (unsigned int i = 0; i < PCI_BARS; i++)
		shape[i] = (struct bar_shape){.kind = M64, .size = MIB};
	plan_checked(&plan, shape, &no_msix, K4, K4);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		assert_int_equal(plan.bar[i].kind, i % 2 ? NONE : M64);

	shape[0].kind = M32;
	plan_checked(&plan, shape, &no_msix, K4, K4);
	assert_int_equal(plan.bar[0].kind, M32);
	assert_int_equal(plan.bar[1].kind, M64);
	assert_int_equal(plan.bar[2].kind, NONE);
	assert_int_equal(plan.bar[3].kind, M64);
	assert_int_equal(plan.bar[4].kind, NONE);
	/* The last register has no upper half. */
	assert_int_equal(plan.bar[5].kind, NONE);

	/* An absent MEM64 takes no register. */
	shape[1].size = 0;
	plan_checked(&plan, shape, &no_msix, K4, K4);
	assert_int_equal(plan.bar[1].kind, NONE);
	assert_int_equal(plan.bar[2].kind, M64);
}

/* --- areas --------------------------------------------------------------- */

struct area_case {
	uint64_t region;
	uint64_t page;
	unsigned int n;
	struct span area[6];
	const char *slices;
};

#define GRACE 0x2f00f00000ull

/* clang-format off */
static const struct area_case areas[] = {
	/* A capability without areas: nothing may be mapped. */
	{MIB, K4, 0, {{0, 0}}, "T100000"},
	{MIB, K4, 1, {{0, MIB}}, "M100000"},
	{256 * GIB, K4, 1, {{0, GRACE}}, "M2f00f00000 T10ff100000"},
	{256 * GIB, K64, 1, {{0, GRACE}}, "M2f00f00000 T10ff100000"},
	{MIB, K4, 2, {{0, 0x40000}, {0x80000, 0x80000}},
		"M40000 T40000 M80000"},
	{16 * MIB, K4, 1, {{0x1000, 0x2000}}, "T1000 M2000 Tffd000"},
	{16 * MIB, K4, 1, {{0xb90000, 0x470000}}, "Tb90000 M470000"},
	{16 * MIB, K64, 2, {{0, 0xb90000}, {0xba0000, 0x460000}},
		"Mb90000 T10000 M460000"},
	/* The end of the region: at it, past it by a byte, beyond it. */
	{0x10000, K4, 1, {{0x8000, 0x8000}}, "T8000 M8000"},
	{0x10000, K4, 1, {{0x8000, 0x8001}}, "T10000"},
	{0x10000, K4, 1, {{0x10000, 0x1000}}, "T10000"},
	{0x10000, K4, 1, {{0xfffff000, 0x1000}}, "T10000"},
	/* An area of a region that is no power of two. */
	{0x3000, K4, 1, {{0x1000, 0x2000}}, "T1000 M2000 V1000"},
	{0x3000, K4, 1, {{0x1000, 0x3000}}, "T3000 V1000"},
	/* Empty and wrapping areas are dropped, the others stay. */
	{0x10000, K4, 2, {{0x4000, 0}, {0x8000, 0x1000}}, "T8000 M1000 T7000"},
	{0x10000, K4, 2, {{0x4000, UINT64_MAX}, {0, 0x1000}}, "M1000 Tf000"},
	{0x10000, K4, 2, {{UINT64_MAX, 2}, {0, 0x1000}}, "M1000 Tf000"},
	{0x10000, K4, 2, {{-0x1000ull, 0x2000}, {0, 0x1000}}, "M1000 Tf000"},
	{0x10000, K4, 1, {{0, UINT64_MAX}}, "T10000"},
	/* Unsorted, duplicate, overlapping, nested, adjacent. */
	{0x10000, K4, 3, {{0x8000, 0x1000}, {0, 0x1000}, {0x4000, 0x1000}},
		"M1000 T3000 M1000 T3000 M1000 T7000"},
	{0x10000, K4, 3, {{0x4000, 0x1000}, {0x4000, 0x1000}, {0x4000, 0x1000}},
		"T4000 M1000 Tb000"},
	{0x10000, K4, 2, {{0x4000, 0x3000}, {0x2000, 0x3000}},
		"T2000 M5000 T9000"},
	{0x10000, K4, 3, {{0x2000, 0x8000}, {0x3000, 0x1000}, {0x5000, 0x1000}},
		"T2000 M8000 T6000"},
	{0x10000, K4, 2, {{0x4000, 0x4000}, {0, 0x4000}}, "M8000 T8000"},
	/* Halves of a page from two areas make a whole page. */
	{0x10000, K4, 2, {{0x1800, 0x1800}, {0, 0x1800}}, "M3000 Td000"},
	/* Whole 4 KiB pages, but not whole larger ones. */
	{0x40000, K4, 1, {{0x1000, 0x3e000}}, "T1000 M3e000 T1000"},
	{0x40000, K16, 1, {{0x1000, 0x3e000}}, "T4000 M38000 T4000"},
	{0x40000, K64, 1, {{0x1000, 0x3e000}}, "T10000 M20000 T10000"},
	{0x40000, K16, 1, {{0x1000, 0x4000}}, "T40000"},
	{0x40000, K4, 1, {{0x800, 0x1000}}, "T40000"},
	{0x40000, K4, 1, {{0x7ff, 0x1802}}, "T1000 M1000 T3e000"},
	/* With areas given, the rest of a small region's page is not ours. */
	{0x800, K4, 1, {{0, 0x800}}, "T800 V800"},
	{0x1000, K64, 1, {{0, 0x1000}}, "T1000 Vf000"},
	{0x1000, K64, 1, {{0, 0x10000}}, "T1000 Vf000"},
};
/* clang-format on */

static void test_areas(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(areas) / sizeof(*areas); i++) {
		const struct area_case *c = &areas[i];
		struct bar_shape shape[PCI_BARS] = {{.kind = M64,
						     .mappable = true,
						     .sparse = true,
						     .size = c->region,
						     .n_areas = c->n}};
		struct dev_plan plan;
		char text[TEXT_MAX] = "";

		memcpy(shape[0].area, c->area, sizeof(c->area));
		plan_checked(&plan, shape, &no_msix, c->page, 1);
		text_slices(text, 0, &plan.bar[0]);
		assert_string_equal(text, c->slices);
	}
}

/* Areas count only if the capability is there. */
static void test_areas_without_cap(void **state)
{
	struct bar_shape shape[PCI_BARS] = {{.kind = M64,
					     .mappable = true,
					     .size = MIB,
					     .n_areas = 1,
					     .area = {{0x1000, 0x1000}}}};
	struct dev_plan plan;

	(void)state;
	plan_checked(&plan, shape, &no_msix, K4, K4);
	assert_int_equal(plan.bar[0].n, 1);
	assert_int_equal(plan.bar[0].slice[0].kind, BAR_MAP);
}

/* @n areas of half of each 8 KiB, from 4 KiB on. */
static void many_areas(struct bar_shape *s, unsigned int n)
{
	*s = (struct bar_shape){.kind = M64,
				.mappable = true,
				.msix_mappable = true,
				.sparse = true,
				.size = (n + 1) * 8 * KIB,
				.n_areas = n};
	for (unsigned int i = 0; i < n && i < BAR_AREAS_MAX; i++)
		s->area[i] = (struct span){(2 * i + 1) * K4, K4};
}

static void test_many_areas(void **state)
{
	struct bar_shape shape[PCI_BARS] = {{.kind = NONE}};
	struct dev_plan plan;
	uint64_t mapped = 0;

	(void)state;
	many_areas(&shape[0], BAR_AREAS_MAX);
	plan_checked(&plan, shape, &no_msix, K4, K4);
	/* 64 areas, the gaps before, between and behind, and what is ours. */
	assert_int_equal(plan.bar[0].n, 64 + 65 + 1);

	/* What does not fit the array is trapped. */
	many_areas(&shape[0], 1000);
	plan_checked(&plan, shape, &no_msix, K4, K4);
	for (unsigned int i = 0; i < plan.bar[0].n; i++)
		if (plan.bar[0].slice[i].kind == BAR_MAP)
			mapped += plan.bar[0].slice[i].len;
	assert_int_equal(mapped, 64 * K4);
	shape[0].n_areas = UINT32_MAX;
	plan_checked(&plan, shape, &no_msix, K4, K4);
	assert_int_equal(plan.bar[0].n, 130);
}

/* MSI-X in the middle of two of 64 areas: one list too long, no mapping. */
static void test_overflow(void **state)
{
	struct bar_shape shape[PCI_BARS] = {{.kind = NONE}};
	struct msix_shape msix = {.n = 1, .policy = MSIX_INPLACE};
	struct dev_plan plan;
	char text[TEXT_MAX] = "";

	(void)state;
	many_areas(&shape[0], BAR_AREAS_MAX);
	for (unsigned int i = 0; i < BAR_AREAS_MAX; i++)
		shape[0].area[i] = (struct span){(4 * i + 1) * K4, 3 * K4};
	shape[0].size = BAR_AREAS_MAX * 4 * K4 + K4;
	msix.table_off = 2 * K4 + 0x800;
	msix.pba_off = 6 * K4 + 0x800;
	plan_checked(&plan, shape, &msix, K4, K4);
	text_slices(text, 0, &plan.bar[0]);
	assert_string_equal(text, "T2800 V10 T3ff0 V8 Tfa7f8 Vff000");
	assert_int_equal(plan.msix_place, MSIX_PLACE_INPLACE);

	/* With the table alone in the middle it fits. */
	msix.pba_off = 8 * K4 + 0x800;
	plan_checked(&plan, shape, &msix, K4, K4);
	assert_int_equal(plan.bar[0].n, 136);
}

/* Areas of a BAR that cannot be mapped at all change nothing. */
/* What a quirk wants trapped; NVIDIA's mirror is 0x88000+0x1000. */
static const struct {
	uint64_t page;
	struct span trap[2];
	const char *slices;
} traps[] = {
	{K4, {{0x88000, 0x1000}}, "M88000 T1000 Mf77000"},
	{K64, {{0x88000, 0x1000}}, "M80000 T10000 Mf70000"},
	{K4, {{0, 1}}, "T1000 Mfff000"},
	{K4, {{MIB, 1}, {16 * MIB - 1, 1}}, "M100000 T1000 Mefe000 T1000"},
	{K4, {{0x1ffc, 8}, {0x2000, 4}}, "M1000 T2000 Mffd000"},
	{K4, {{0, 16 * MIB}}, "T1000000"},
	/* Not in the region, no trap. */
	{K4, {{16 * MIB, 1}, {1, 16 * MIB}}, "M1000000"},
	{K4, {{8, UINT64_MAX}, {4, 0}}, "M1000000"},
};

static void test_traps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(traps) / sizeof(*traps); i++) {
		struct bar_shape shape[PCI_BARS] = {
			{.kind = M32, .mappable = true, .size = 16 * MIB}};
		struct dev_plan plan;
		char text[TEXT_MAX] = "";

		shape[0].n_traps = 2;
		memcpy(shape[0].trap, traps[i].trap, sizeof(traps[i].trap));
		plan_checked(&plan, shape, &no_msix, traps[i].page, 1);
		text_slices(text, 0, &plan.bar[0]);
		assert_string_equal(text, traps[i].slices);
	}
}

/* A list of areas that is full already has no room for a second half. */
static void test_trap_in_full_list(void **state)
{
	struct bar_shape shape[PCI_BARS] = {0};
	struct dev_plan plan;
	uint64_t mapped = 0;

	(void)state;
	many_areas(&shape[0], BAR_AREAS_MAX);
	shape[0].size = MIB;
	shape[0].area[BAR_AREAS_MAX - 1].len = 3 * K4;
	shape[0].n_traps = 1;
	shape[0].trap[0] = (struct span){2 * BAR_AREAS_MAX * K4 + 8, 1};
	plan_checked(&plan, shape, &no_msix, K4, 1);
	for (unsigned int i = 0; i < plan.bar[0].n; i++)
		if (plan.bar[0].slice[i].kind == BAR_MAP)
			mapped += plan.bar[0].slice[i].len;
	assert_int_equal(mapped, BAR_AREAS_MAX * K4);
}

static void test_areas_over_1t(void **state)
{
	struct bar_shape shape[PCI_BARS] = {{.kind = M64,
					     .mappable = true,
					     .sparse = true,
					     .size = 2 * TIB,
					     .n_areas = 1,
					     .area = {{0, GIB}}}};
	struct dev_plan plan;

	(void)state;
	plan_checked(&plan, shape, &no_msix, K4, K4);
	assert_int_equal(plan.bar[0].n, 1);
	assert_int_equal(plan.bar[0].slice[0].kind, BAR_TRAP);
}

/* --- page-table entries -------------------------------------------------- */

struct leaf_case {
	uint64_t region;
	struct span hole; /* not mapped; behind it another area */
	uint64_t page;
	uint64_t count[3];
};

/* clang-format off */
static const struct leaf_case leaf_cases[] = {
	/* The usable memory of a Grace GPU: 188.0146 GiB. */
	{256 * GIB, {GRACE, 256 * GIB - GRACE}, K4, {188, 7, 256}},
	{256 * GIB, {GRACE, 256 * GIB - GRACE}, K64, {376, 240}},
	{256 * GIB, {GRACE, 256 * GIB - GRACE}, K16, {6016, 960}},
	{32 * MIB, {0x2000, 0x1000}, K4, {0, 15, 511}},
	{256 * MIB, {0, 0x1000}, K4, {0, 127, 511}},
	{16 * GIB, {0x10000, 0x10000}, K4, {15, 511, 496}},
	{64 * GIB, {0xb90000, 0x10000}, K4, {63, 511, 496}},
	{64 * GIB, {0xb90000, 0x10000}, K64, {127, 8191}},
	{64 * GIB, {0xb90000, 0x10000}, K16, {2047, 2044}},
	{TIB, {0, 0}, K4, {1024, 0, 0}},
	{TIB, {0, 0}, K64, {2048, 0}},
	{TIB, {0, 0}, K16, {32768, 0}},
	{2 * MIB, {0, 0}, K4, {0, 1, 0}},
	{1 * MIB, {0, 0}, K4, {0, 0, 256}},
	{512 * MIB, {0, 0}, K4, {0, 256, 0}},
	{256 * MIB, {0, 0}, K64, {0, 4096}},
	{4 * KIB, {0, 0}, K64, {0, 1}},
};
/* clang-format on */

static void leaf_shape(struct bar_shape *s, const struct leaf_case *c)
{
	uint64_t behind = c->hole.base + c->hole.len;

	*s = (struct bar_shape){.kind = M64,
				.mappable = true,
				.sparse = c->hole.len != 0,
				.size = c->region,
				.n_areas = 2};
	s->area[0] = (struct span){0, c->hole.base};
	s->area[1] = (struct span){behind, c->region - behind};
}

static void test_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(leaf_cases) / sizeof(*leaf_cases); i++) {
		const struct leaf_case *c = &leaf_cases[i];
		struct bar_shape shape[PCI_BARS] = {{.kind = NONE}};
		struct bar_leaves leaves;
		struct dev_plan plan;

		leaf_shape(&shape[0], c);
		plan_checked(&plan, shape, &no_msix, c->page, 1);
		bar_plan_leaves(&plan.bar[0], &leaves, c->page);
		for (unsigned int k = 0; k < 3; k++)
			assert_int_equal(leaves.count[k], c->count[k]);
	}
}

/*
 * Brute force: each page asks by itself which is the largest block around it
 * that lies in its slice; a block's pages then count as one entry.
 */
static void pages_count(const struct bar_slice *s, const uint64_t block[3],
			uint64_t page, uint64_t bytes[3])
{
	for (uint64_t off = s->off; off < s->off + s->len; off += page) {
		for (unsigned int k = 0; k < 3; k++) {
			uint64_t first = block[k] ? off - off % block[k] : 0;

			if (block[k] == 0 || first < s->off ||
			    first + block[k] > s->off + s->len)
				continue;
			bytes[k] += page;
			break;
		}
	}
}

static uint64_t rnd(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 33;
}

static void leaves_by_page(const struct bar_plan *p, uint64_t page)
{
	uint64_t block[3], bytes[3] = {0, 0, 0};
	struct bar_leaves leaves;

	check_blocks(block, page);
	for (unsigned int i = 0; i < p->n; i++)
		if (p->slice[i].kind == BAR_MAP)
			pages_count(&p->slice[i], block, page, bytes);
	bar_plan_leaves(p, &leaves, page);
	for (unsigned int k = 0; k < 3; k++) {
		assert_int_equal(leaves.block[k], block[k]);
		assert_int_equal(leaves.count[k] * block[k], bytes[k]);
	}
}

static void test_leaves_by_page(void **state)
{
	static const uint64_t pages[3] = {K4, K16, K64};
	uint64_t seed = 1;

	(void)state;
	for (unsigned int i = 0; i < 300; i++) {
		struct bar_shape shape[PCI_BARS] = {{.kind = M64,
						     .mappable = true,
						     .sparse = true,
						     .n_areas = 3}};
		uint64_t size = 1ull << (16 + rnd(&seed) % 12);
		struct dev_plan plan;

		if (i % 16 == 0)
			size = 2 * GIB;
		shape[0].size = size;
		for (unsigned int k = 0; k < 3; k++) {
			shape[0].area[k].base = rnd(&seed) % size & -K4;
			shape[0].area[k].len = rnd(&seed) % size & -K4;
		}
		plan_checked(&plan, shape, &no_msix, pages[i % 3], 1);
		leaves_by_page(&plan.bar[0], pages[i % 3]);
	}
}

/* A page size nobody has: pages are counted, nothing else. */
static void test_leaves_other_page(void **state)
{
	struct bar_shape shape[PCI_BARS] = {
		{.kind = M64, .mappable = true, .size = MIB}};
	struct bar_leaves leaves;
	struct dev_plan plan;

	(void)state;
	dev_plan_make(&plan, shape, &no_msix, 8 * KIB, 1);
	bar_plan_leaves(&plan.bar[0], &leaves, 8 * KIB);
	assert_int_equal(leaves.block[0], 8 * KIB);
	assert_int_equal(leaves.count[0], 128);
	assert_int_equal(leaves.count[1] + leaves.count[2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_not_mappable),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_areas),
		cmocka_unit_test(test_areas_without_cap),
		cmocka_unit_test(test_many_areas),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_traps),
		cmocka_unit_test(test_trap_in_full_list),
		cmocka_unit_test(test_areas_over_1t),
		cmocka_unit_test(test_leaves),
		cmocka_unit_test(test_leaves_by_page),
		cmocka_unit_test(test_leaves_other_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
