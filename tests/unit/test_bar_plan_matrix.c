/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bar_plan_text.h"

/*
 * Whole devices at each page size, the page-table entries of large BARs, and
 * every size with every kind of area and every place of the MSI-X table, each
 * held against all promises of the planner.
 */

#define M32 PCI_BAR_MEM32
#define M64 PCI_BAR_MEM64
#define IO  PCI_BAR_IO
#define K4  (4 * KIB)
#define K16 (16 * KIB)
#define K64 (64 * KIB)

static const uint64_t pages[3] = {K4, K16, K64};

/* --- devices -------------------------------------------------------------- */

struct dev_case {
	const char *name;
	struct {
		enum pci_bar_kind kind;
		uint64_t size;
		uint64_t area; /* only so much from 0 can be mapped; 0: all */
	} bar[PCI_BARS];
	struct msix_shape msix;
	const char *plan[3]; /* with pages of 4, 16 and 64 KiB */
};

/*
 * The plan as text: where table and PBA are, then the slices of each BAR.
 */
/* clang-format off */
static const struct dev_case devices[] = {
	{"Intel NVMe", {{M64, 16 * KIB, 0}},
		{.n = 32, .table_off = 0x2000, .pba_off = 0x3000},
		{"INPLACE 0+2000 0+3000, 0: M2000 V200 Te00 V8 Tff8",
		 "SPARE 5+0 5+4000, 0: M4000, 5: V8000",
		 "SPARE 5+0 5+10000, 0: M10000, 5: V20000"}},
	{"KIOXIA CD8P", {{M64, 64 * KIB, 0}},
		{.n = 129, .table_off = 0x5200, .pba_off = 0xd600},
		{"SPARE 5+0 5+1000, 0: M10000, 5: V2000",
		 "SPARE 5+0 5+4000, 0: M10000, 5: V8000",
		 "SPARE 5+0 5+10000, 0: M10000, 5: V20000"}},
	{"NVMe of QEMU", {{M64, 16 * KIB, 0}},
		{.n = 65, .table_off = 0x2000, .pba_off = 0x3000},
		{"INPLACE 0+2000 0+3000, 0: M2000 V410 Tbf0 V10 Tff0",
		 "SPARE 5+0 5+4000, 0: M4000, 5: V8000",
		 "SPARE 5+0 5+10000, 0: M10000, 5: V20000"}},
	{"Chelsio T5 VF", {{M64, 4 * KIB, 0}, {0}, {M64, 16 * MIB, 0}, {0},
			   {M64, 8 * KIB, 0}},
		{.n = 17, .table_bar = 4, .pba_bar = 4, .pba_off = 0x8000},
		{"ENLARGED 4+2000 4+3000, 0: M1000, 2: M1000000, 4: "
		 "T1000 M1000 V2000",
		 "ENLARGED 4+4000 4+8000, 0: M4000, 2: M1000000, 4: "
		 "M4000 Vc000",
		 "ENLARGED 4+10000 4+20000, 0: M10000, 2: M1000000, 4: "
		 "M10000 V30000"}},
	{"Kunlun VF", {{M64, 64 * KIB, 0}, {0}, {M64, 32 * GIB, 0}},
		{.n = 64, .table_off = 0xa000, .pba_off = 0x460000},
		{"SPARE 5+0 5+1000, 0: Ma000 T1000 M5000, 2: "
		 "M800000000, 5: V2000",
		 "SPARE 5+0 5+4000, 0: M10000, 2: M800000000, 5: V8000",
		 "SPARE 5+0 5+10000, 0: M10000, 2: M800000000, 5: "
		 "V20000"}},
	{"e1000e", {{M32, 128 * KIB, 0}, {M32, 128 * KIB, 0}, {IO, 32, 0},
		    {M32, 16 * KIB, 0}},
		{.n = 5, .table_bar = 3, .pba_bar = 3, .pba_off = 0x2000},
		{"INPLACE 3+0 3+2000, 0: M20000, 1: M20000, 2: T20, 3: "
		 "V50 Tfb0 M1000 V8 Tff8 M1000",
		 "SPARE 5+0 5+4000, 0: M20000, 1: M20000, 2: T20, 3: "
		 "M4000, 5: V8000",
		 "SPARE 5+0 5+10000, 0: M20000, 1: M20000, 2: T20, 3: "
		 "M10000, 5: V20000"}},
	{"virtio-blk", {{IO, 128, 0}, {M32, 4 * KIB, 0}, {0}, {0},
			{M64, 16 * KIB, 0}},
		{.n = 2, .table_bar = 1, .pba_bar = 1, .pba_off = 0x800},
		{"INPLACE 1+0 1+800, 0: T80, 1: V20 T7e0 V8 T7f8, 4: "
		 "M4000",
		 "INPLACE 1+0 1+800, 0: T80, 1: V20 T7e0 V8 T7f8 V3000, "
		 "4: M4000",
		 "INPLACE 1+0 1+800, 0: T80, 1: V20 T7e0 V8 T7f8 Vf000, "
		 "4: M10000"}},
	{"GPU, table in its registers", {{M64, 16 * MIB, 0}, {0},
			{M64, 128 * GIB, 0}, {0}, {M64, 32 * MIB, 0}},
		{.n = 6, .table_off = 0xb90000, .pba_off = 0xba0000},
		{"INPLACE 0+b90000 0+ba0000, 0: Mb90000 V60 Tfa0 Mf000 "
		 "V8 Tff8 M45f000, 2: M2000000000, 4: M2000000",
		 "ENLARGED 0+1000000 0+1004000, 0: M1000000 V1000000, "
		 "2: M2000000000, 4: M2000000",
		 "ENLARGED 0+1000000 0+1010000, 0: M1000000 V1000000, "
		 "2: M2000000000, 4: M2000000"}},
	{"Grace GPU", {{M64, 16 * MIB, 0}, {0}, {M64, 256 * MIB, 0}, {0},
		       {M64, 256 * GIB, 0x2f00f00000}},
		{.n = 9, .table_off = 0xb90000, .pba_off = 0xba0000},
		{"INPLACE 0+b90000 0+ba0000, 0: Mb90000 V90 Tf70 Mf000 "
		 "V8 Tff8 M45f000, 2: M10000000, 4: M2f00f00000 "
		 "T10ff100000",
		 "ENLARGED 0+1000000 0+1004000, 0: M1000000 V1000000, "
		 "2: M10000000, 4: M2f00f00000 T10ff100000",
		 "ENLARGED 0+1000000 0+1010000, 0: M1000000 V1000000, "
		 "2: M10000000, 4: M2f00f00000 T10ff100000"}},
	{"pci-testdev of 64 GiB", {{M32, 4 * KIB, 0}, {IO, 256, 0},
				   {M64, 64 * GIB, 0}},
		{.n = 0}, {"NONE, 0: M1000, 1: T100, 2: M1000000000",
		 "NONE, 0: M4000, 1: T100, 2: M1000000000",
		 "NONE, 0: M10000, 1: T100, 2: M1000000000"}},
	{"NIC of 2048 vectors", {{M64, 32 * MIB, 0}, {0}, {0}, {0},
				 {M64, 64 * KIB, 0}},
		{.n = 2048, .table_bar = 4, .pba_bar = 4, .pba_off = 0x8000},
		{"INPLACE 4+0 4+8000, 0: M2000000, 4: V8100 Tf00 M7000",
		 "SPARE 3+0 3+8000, 0: M2000000, 3: V10000, 4: T8000 "
		 "M8000",
		 "SPARE 3+0 3+10000, 0: M2000000, 3: V20000, 4: M10000"}},
};
/* clang-format on */

static size_t text_dev(char *text, const struct dev_plan *p)
{
	static const char *const name[] = {"NONE", "INPLACE", "SPARE",
					   "ENLARGED"};
	size_t at = text_add(text, 0, "%s", name[p->msix_place]);

	if (p->msix_place != MSIX_PLACE_NONE)
		at = text_add(text, at, " %u+%llx %u+%llx", p->table_bar,
			      (unsigned long long)p->table_off, p->pba_bar,
			      (unsigned long long)p->pba_off);
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		if (!p->bar[i].size)
			continue;
		at = text_add(text, at, ", %u: ", i);
		at = text_slices(text, at, &p->bar[i]);
	}
	return at;
}

static void test_devices(void **state)
{
	bool bad = false;

	(void)state;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		const struct dev_case *c = &devices[i];
		struct bar_shape shape[PCI_BARS] = {{.kind = PCI_BAR_NONE}};

		for (unsigned int b = 0; b < PCI_BARS; b++) {
			shape[b].kind = c->bar[b].kind;
			shape[b].size = c->bar[b].size;
			shape[b].mappable = c->bar[b].kind != IO;
			shape[b].msix_mappable = b == c->msix.table_bar;
			shape[b].sparse = c->bar[b].area != 0;
			shape[b].n_areas = c->bar[b].area != 0;
			shape[b].area[0].len = c->bar[b].area;
		}
		for (unsigned int k = 0; k < 3; k++) {
			struct dev_plan plan;
			char text[TEXT_MAX];

			plan_checked(&plan, shape, &c->msix, pages[k], K4);
			text_dev(text, &plan);
			if (strcmp(text, c->plan[k]) == 0)
				continue;
			print_error("%s, pages of %llu: %s\n", c->name,
				    (unsigned long long)pages[k], text);
			bad = true;
		}
	}
	assert_false(bad);
}

/* --- page-table entries --------------------------------------------------- */

/*
 * What a large BAR takes, hole and all, where each slice is as large as its
 * place allows. The columns: x86_64; 4 KiB pages without entries of 1 GiB;
 * 16 KiB; 64 KiB.
 */
struct leaf_case {
	const char *name;
	uint64_t size;
	struct span hole;
	uint64_t count[4][3];
};

/* clang-format off */
static const uint64_t blocks[4][3] = {
	{GIB, 2 * MIB, K4},
	{2 * MIB, K4, 0},
	{32 * MIB, K16, 0},
	{512 * MIB, K64, 0},
};

static const struct leaf_case leaves[] = {
	{"Grace usemem", 256 * GIB, {0x2f00f00000, 0x10ff100000},
		{{188, 7, 256}, {96263, 256}, {6016, 960}, {376, 240}}},
	{"32 MiB, a page at 0x2000", 32 * MIB, {0x2000, 0x1000},
		{{0, 15, 511}, {15, 511}, {0, 2047}, {0, 511}}},
	{"256 MiB, its first page", 256 * MIB, {0, 0x1000},
		{{0, 127, 511}, {127, 511}, {7, 2047}, {0, 4095}}},
	{"16 GiB, 64 KiB at 64 KiB", 16 * GIB, {0x10000, 0x10000},
		{{15, 511, 496}, {8191, 496}, {511, 2044}, {31, 8191}}},
	{"64 GiB, 64 KiB at 0xb90000", 64 * GIB, {0xb90000, 0x10000},
		{{63, 511, 496}, {32767, 496}, {2047, 2044}, {127, 8191}}},
	{"64 GiB", 64 * GIB, {0, 0},
		{{64}, {32768}, {2048}, {128}}},
	{"128 GiB", 128 * GIB, {0, 0},
		{{128}, {65536}, {4096}, {256}}},
	{"1 TiB", TIB, {0, 0},
		{{1024}, {524288}, {32768}, {2048}}},
	{"1 GiB less a page", GIB, {GIB - 0x1000, 0x1000},
		{{0, 511, 511}, {511, 511}, {31, 2047}, {1, 8191}}},
};
/* clang-format on */

static void shape_with_hole(struct bar_shape *s, const struct leaf_case *c)
{
	uint64_t behind = c->hole.base + c->hole.len;

	*s = (struct bar_shape){.kind = M64,
				.mappable = true,
				.sparse = c->hole.len != 0,
				.size = c->size};
	if (c->hole.base)
		s->area[s->n_areas++] = (struct span){0, c->hole.base};
	if (behind < c->size)
		s->area[s->n_areas++] = (struct span){behind, c->size - behind};
}

static void test_leaves(void **state)
{
	static const uint64_t page[4] = {K4, K4, K16, K64};

	(void)state;
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		struct bar_shape shape[PCI_BARS] = {{.kind = PCI_BAR_NONE}};
		static const struct msix_shape none;

		shape_with_hole(&shape[0], &leaves[i]);
		for (unsigned int k = 0; k < 4; k++) {
			struct bar_leaves l = {.count = {77, 77, 77}};
			struct dev_plan plan;

			plan_checked(&plan, shape, &none, page[k], K4);
			memcpy(l.block, blocks[k], sizeof(l.block));
			bar_plan_leaves_in(&plan.bar[0], &l);
			for (unsigned int n = 0; n < 3; n++) {
				if (l.count[n] != leaves[i].count[k][n])
					fail_msg(
						"%s, column %u: %llu of 0x%llx",
						leaves[i].name, k,
						(unsigned long long)l.count[n],
						(unsigned long long)l.block[n]);
			}
		}
	}
}

/* A table in place is such a hole, too: 32 MiB with it at 0x2000. */
static void test_leaves_around_msix(void **state)
{
	struct msix_shape msix = {.n = 8,
				  .table_off = 0x2000,
				  .pba_off = 0x2800,
				  .policy = MSIX_INPLACE};
	struct bar_shape shape[PCI_BARS] = {{.kind = M64,
					     .mappable = true,
					     .msix_mappable = true,
					     .size = 32 * MIB}};
	struct bar_leaves l;
	struct dev_plan plan;

	(void)state;
	plan_checked(&plan, shape, &msix, K4, K4);
	bar_plan_leaves(&plan.bar[0], &l, K4);
	assert_int_equal(l.count[1], 15);
	assert_int_equal(l.count[2], 511);
	msix.policy = MSIX_RELOCATE;
	plan_checked(&plan, shape, &msix, K64, K4);
	bar_plan_leaves(&plan.bar[0], &l, K64);
	assert_int_equal(l.count[1], 512);
}

/* --- everything with everything ------------------------------------------- */

/* clang-format off */
static const uint64_t sizes[] = {
	0, 1, 16, 128, 256, 512, 2 * KIB, 4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB,
	64 * KIB, 128 * KIB, MIB, 2 * MIB - 4096, 2 * MIB, 16 * MIB, 32 * MIB,
	256 * MIB, 512 * MIB, GIB, 2 * GIB, 4 * GIB, 32 * GIB, 64 * GIB,
	128 * GIB, 0x2f00f00000, 256 * GIB, 512 * GIB, TIB, TIB + 1, 2 * TIB,
};

/* In sixteenths of the region, so that each fits any size; some lie. */
static const struct {
	unsigned int n;
	struct {
		uint64_t at, len;
		int64_t more; /* bytes off the sixteenths */
	} a[3];
} area_kinds[] = {
	{0, {{0}}},
	{1, {{0, 16, 0}}},
	{2, {{0, 4, 0}, {8, 8, 0}}},
	{2, {{8, 8, 0}, {0, 4, 0}}},		/* unsorted */
	{2, {{0, 8, 0}, {8, 8, 0}}},		/* adjacent */
	{2, {{0, 10, 0}, {6, 10, 0}}},		/* overlapping */
	{3, {{2, 2, 0}, {2, 2, 0}, {2, 2, 0}}},	/* the same */
	{1, {{8, 8, 1}}},			/* past the end by a byte */
	{1, {{16, 1, 0}}},			/* behind it */
	{1, {{4, 0, 0}}},			/* empty */
	{1, {{1, 14, -8}}},			/* not of whole pages */
	{2, {{0, 16, 0}, {~0ull / 2, ~0ull, 0}}},	/* wraps */
};

static const struct msix_shape tables[] = {
	{.n = 0},
	{.n = 1, .table_off = 0, .pba_off = 0x800},
	{.n = 64, .table_off = 0x800, .pba_off = 0xc00},
	{.n = 65, .table_off = 0x2000, .pba_off = 0x1000},
	{.n = 129, .table_off = 0x5200, .pba_off = 0xd600},
	{.n = 136, .table_off = 0x1000, .pba_off = 0x1880},
	{.n = 256, .table_off = 0x1800, .pba_off = 0x8000},
	{.n = 2048, .table_off = 0, .pba_off = 0x8000},
	{.n = 2048, .table_off = 0x8000, .pba_off = 0},
	{.n = 32, .table_off = 0x2000, .pba_bar = 2, .pba_off = 0x1000},
	{.n = 32, .table_bar = 2, .table_off = 0x1000, .pba_off = 0x3000},
	{.n = 32, .table_off = 0x2000, .pba_bar = 4},	/* I/O */
	{.n = 32, .table_off = 0x2000, .pba_bar = 5},	/* absent */
	{.n = 32, .table_off = 0x2000, .pba_bar = 6},	/* reserved */
	{.n = 32, .table_bar = 7, .table_off = 0x2000},
	{.n = 32, .table_bar = 1, .table_off = 0x2000},	/* an upper half */
	{.n = 32, .table_off = 0x2000, .pba_off = 0x2010},
	{.n = 8, .table_off = 0x1000, .pba_off = 0x460000},
	{.n = 4096, .table_off = 0x1000, .pba_off = 0},
};
/* clang-format on */

#define FULL	 1u /* no register is free */
#define MAPPABLE 2u /* over the table */
#define NARROW	 4u /* BAR 0 is of 32 bits */
#define VARIANTS 8u

static void shape_make(struct bar_shape *s, uint64_t size, unsigned int area,
		       unsigned int variant)
{
	memset(s, 0, PCI_BARS * sizeof(*s));
	s[0] = (struct bar_shape){.kind = variant & NARROW ? M32 : M64,
				  .mappable = true,
				  .msix_mappable = variant & MAPPABLE,
				  .sparse = area != 0,
				  .size = size,
				  .n_areas = area_kinds[area].n};
	for (unsigned int i = 0; i < s[0].n_areas; i++) {
		uint64_t len = area_kinds[area].a[i].len * (size / 16);

		s[0].area[i].base = area_kinds[area].a[i].at * (size / 16);
		s[0].area[i].len = len + (uint64_t)area_kinds[area].a[i].more;
	}
	s[2] = (struct bar_shape){
		.kind = M32, .mappable = true, .size = 8 * KIB};
	s[4] = (struct bar_shape){.kind = IO, .size = 64};
	if (!(variant & FULL))
		return;
	s[1] = (struct bar_shape){.kind = M32, .size = 256};
	s[3] = s[5] = s[1];
}

/* One size with every area, table, policy and variant; how many plans. */
static unsigned int all_of_size(uint64_t size, uint64_t page)
{
	unsigned int n = 0;
	struct dev_plan plan;

	for (unsigned int a = 0; a < sizeof(area_kinds) / sizeof(*area_kinds);
	     a++) {
		for (unsigned int i = 0;
		     i < VARIANTS * 3 * sizeof(tables) / sizeof(*tables); i++) {
			struct msix_shape msix = tables[i / (VARIANTS * 3)];
			struct bar_shape shape[PCI_BARS];

			msix.policy = (enum msix_policy)(i / VARIANTS % 3);
			shape_make(shape, size, a, i % VARIANTS);
			plan_checked(&plan, shape, &msix, page, K64);
			n++;
		}
	}
	return n;
}

static void test_everything(void **state)
{
	unsigned int n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (unsigned int k = 0; k < 3; k++)
			n += all_of_size(sizes[i], pages[k]);
	}
	assert_int_equal(n, 32 * 3 * 12 * 19 * 3 * 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_leaves),
		cmocka_unit_test(test_leaves_around_msix),
		cmocka_unit_test(test_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
