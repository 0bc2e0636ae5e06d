/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bar_plan_text.h"

/* BARs smaller than a host page, and guests with larger pages than the host. */

#define K4  (4 * KIB)
#define K16 (16 * KIB)
#define K64 (64 * KIB)

struct small_case {
	uint64_t region;
	uint64_t page;
	bool mappable;
	unsigned int n; /* MSI-X vectors, table at table_off, PBA behind */
	uint64_t table_off;
	bool full; /* no free BAR register */
	const char *slices;
};

/* clang-format off */
static const struct small_case smalls[] = {
	{256, K16, true, 0, 0, false, "M4000 Vc000"},
	{256, K64, true, 0, 0, false, "M10000"},
	{4096, K16, true, 0, 0, false, "M4000 Vc000"},
	{4096, K64, true, 0, 0, false, "M10000"},
	{16384, K16, true, 0, 0, false, "M4000 Vc000"},
	{16384, K64, true, 0, 0, false, "M10000"},
	/* Not at the start of a host page: VFIO does not offer to map it. */
	{256, K16, false, 0, 0, false, "T100 Vff00"},
	{4096, K64, false, 0, 0, false, "T1000 Vf000"},
	{16384, K64, false, 0, 0, false, "T4000 Vc000"},
	/* Table at the start: the other 4 KiB ranges are registers' ... */
	{16384, K64, true, 32, 0, false, "M10000"},
	{16384, K64, true, 32, 0, true, "M10000 V30000"},
	{16384, K64, true, 32, 0x2000, false, "M10000"},
	{16384, K64, true, 32, 0x2000, true, "M10000 V30000"},
	{16384, K64, false, 32, 0x2000, false,
		"T2000 V208 T1df8 Vc000"},
	{16384, K16, true, 32, 0x2000, true, "M4000 V1c000"},
	/* ... unless there are none: a BAR of nothing but MSI-X. */
	{4096, K64, true, 32, 0, false, "V208 Tdf8 Vf000"},
	{1024, K64, true, 32, 0, false, "V208 T1f8 Vfc00"},
	{512, K4, true, 31, 0, false, "V1f8 T8 Vfe00"},
	{8192, K64, true, 300, 0, false, "V12e8 Td18 Ve000"},
	{8192, K4, true, 300, 0, false, "V12e8 Td18 Ve000"},
};
/* clang-format on */

static void test_small(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(smalls) / sizeof(*smalls); i++) {
		const struct small_case *c = &smalls[i];
		struct bar_shape shape[PCI_BARS] = {{.kind = PCI_BAR_MEM64,
						     .mappable = c->mappable,
						     .msix_mappable = true,
						     .size = c->region}};
		struct msix_shape msix = {.n = c->n,
					  .table_off = c->table_off,
					  .pba_off = c->table_off + 16 * c->n};
		struct dev_plan plan;
		char text[TEXT_MAX] = "";

		for (unsigned int k = 2; c->full && k < PCI_BARS; k++)
			shape[k] = (struct bar_shape){.kind = PCI_BAR_MEM32,
						      .size = 4096};
		plan_checked(&plan, shape, &msix, c->page, K64);
		text_slices(text, 0, &plan.bar[0]);
		assert_string_equal(text, c->slices);
		assert_true(plan.bar[0].size >= K64);
		assert_int_equal(plan.bar[0].align, plan.bar[0].size);
	}
}

/*
 * Two small BARs of one device cannot meet in one host page: each is a page,
 * so neither the first nor any later placement puts them there.
 */
static void test_two_in_a_page(void **state)
{
	static const struct msix_shape none;
	struct bar_shape shape[PCI_BARS] = {
		{.kind = PCI_BAR_MEM32, .mappable = true, .size = 4096},
		{.kind = PCI_BAR_MEM32, .mappable = true, .size = 256},
		{.kind = PCI_BAR_MEM32, .mappable = false, .size = 256},
		{.kind = PCI_BAR_IO, .size = 16},
	};
	struct dev_plan plan;

	(void)state;
	plan_checked(&plan, shape, &none, K64, K64);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(plan.bar[i].size, K64);
		assert_int_equal(plan.bar[i].align, K64);
	}
	assert_int_equal(plan.bar[3].size, 16);
	assert_int_equal(plan.bar[3].align, 16);
}

/*
 * A guest of 64 KiB pages on a host of 4 KiB or 16 KiB: each BAR has a page of
 * the guest to itself wherever the guest puts it, and the host's pages of the
 * device are mapped as ever.
 */
static void test_min_align(void **state)
{
	static const struct msix_shape none;
	struct bar_shape shape[PCI_BARS] = {
		{.kind = PCI_BAR_MEM32, .mappable = true, .size = 4096},
		{.kind = PCI_BAR_MEM32, .mappable = true, .size = MIB},
		{.kind = PCI_BAR_IO, .size = 32},
	};
	char text[TEXT_MAX] = "";
	struct dev_plan plan;

	(void)state;
	plan_checked(&plan, shape, &none, K4, K64);
	assert_int_equal(plan.bar[0].size, K64);
	assert_int_equal(plan.bar[0].align, K64);
	assert_int_equal(plan.bar[0].host_align, K4);
	assert_int_equal(plan.bar[1].align, MIB);
	assert_int_equal(plan.bar[2].align, 32);
	text_slices(text, 0, &plan.bar[0]);
	assert_string_equal(text, "M1000 Vf000");
	plan_checked(&plan, shape, &none, K16, K64);
	assert_int_equal(plan.bar[0].size, K64);
	assert_int_equal(plan.bar[0].host_align, K16);
	text_slices(text, 0, &plan.bar[0]);
	assert_string_equal(text, "M4000 Vc000");
}

/* The lower half of an enlarged BAR is at least a page of host and guest. */
static void test_enlarged_small(void **state)
{
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix = {.n = 4, .table_off = 0x80, .pba_off = 0xc0};
	struct dev_plan plan;

	(void)state;
	for (unsigned int i = 0; i < PCI_BARS; i++)
		shape[i] = (struct bar_shape){.kind = PCI_BAR_MEM32,
					      .mappable = true,
					      .msix_mappable = true,
					      .size = 256};
	plan_checked(&plan, shape, &msix, K16, K64);
	assert_int_equal(plan.msix_place, MSIX_PLACE_ENLARGED);
	assert_int_equal(plan.table_off, K64);
	assert_int_equal(plan.pba_off, K64 + K16);
	assert_int_equal(plan.bar[0].size, 2 * K64);
	assert_int_equal(plan.bar[0].host_align, K16);
	assert_int_equal(plan.bar[0].slice[0].len, K16);
	assert_int_equal(plan.bar[0].slice[0].kind, BAR_MAP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_two_in_a_page),
		cmocka_unit_test(test_min_align),
		cmocka_unit_test(test_enlarged_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
