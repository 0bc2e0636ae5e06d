/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/plan_check.h"

#define KIB (1ull << 10)
#define MIB (1ull << 20)
#define GIB (1ull << 30)

/* A machine like that of x86_64, and the devices of the test. */
static const struct arch_layout machine = {
	.ecam = {0xe0000000, MIB},
	.mem32 = {0x80000000, 0x60000000},
	.mem64 = {4 * GIB, 60 * GIB},
	.io = {0xc000, 0x4000},
	.bar_align = 4096,
	.n_ram = 1,
	.ram = {{0, GIB}},
};

static struct arch_layout layout;
static struct plan plan;
static struct err err;

static int setup(void **state)
{
	(void)state;
	layout = machine;
	memset(&plan, 0, sizeof(plan));
	memset(&err, 0, sizeof(err));
	return 0;
}

static unsigned int device(const char *name)
{
	struct plan_pci *p = &plan.pci[plan.n_pci++];

	snprintf(p->name, sizeof(p->name), "%s", name);
	return plan.n_pci - 1;
}

static void bar(unsigned int dev, unsigned int idx, enum pci_bar_kind kind,
		uint64_t size)
{
	/* Stale addresses must not count. */
	plan.pci[dev].bar[idx] = (struct plan_bar){
		.kind = kind,
		.size = size,
		.align = kind == PCI_BAR_IO || size > 4096 ? size : 4096,
		.addr = 0xdead0000,
	};
}

static uint64_t at(unsigned int dev, unsigned int idx)
{
	return plan.pci[dev].bar[idx].addr;
}

static int make(const struct span *avoid, unsigned int n)
{
	int r = plan_make(&plan, &layout, 2, avoid, n, &err);
	const char *bad = r == 0 ? plan_check(&plan, &layout, avoid, n) : NULL;

	if (bad)
		fail_msg("%s", bad);
	return r;
}

static void assert_span(struct span s, uint64_t base, uint64_t len)
{
	assert_int_equal(s.base, base);
	assert_int_equal(s.len, len);
}

/* --- without devices --- */

static void nothing_to_place(void **state)
{
	(void)state;
	layout.n_ram = 2;
	layout.ram[1] = (struct span){4 * GIB, GIB};
	assert_int_equal(make(NULL, 0), 0);
	assert_int_equal(plan.cpus, 2);
	assert_int_equal(plan.n_ram, 2);
	assert_span(plan.ram[0], 0, GIB);
	assert_span(plan.ram[1], 4 * GIB, GIB);
	assert_span(plan.ecam, 0xe0000000, MIB);
	assert_span(plan.mem32, 0x80000000, 0x60000000);
	assert_span(plan.io, 0xc000, 0x4000);
	assert_int_equal(plan.mem64.len, 0);
}

/* RAM may fill all of a small address space. */
static void window_may_be_missing(void **state)
{
	unsigned int d;

	(void)state;
	layout.mem64 = (struct span){0, 0};
	assert_int_equal(make(NULL, 0), 0);
	d = device("0000:01:00.0");
	bar(d, 0, PCI_BAR_MEM64, 16 * KIB);
	assert_int_equal(make(NULL, 0), 0);
	assert_int_equal(at(d, 0), 0x80000000);
	layout.io = (struct span){0, 0};
	assert_int_equal(make(NULL, 0), 0);
	bar(d, 2, PCI_BAR_IO, 32);
	assert_int_equal(make(NULL, 0), -ENOSPC);
	assert_int_equal(err.num, 2);
}

/* --- placement --- */

static void each_kind_in_its_window(void **state)
{
	unsigned int d = device("0000:01:00.0");

	(void)state;
	bar(d, 0, PCI_BAR_MEM64, 16 * KIB);
	bar(d, 2, PCI_BAR_MEM32, 1 * MIB);
	bar(d, 3, PCI_BAR_IO, 32);
	assert_int_equal(make(NULL, 0), 0);
	assert_int_equal(at(d, 0), 4 * GIB);
	assert_int_equal(at(d, 2), 0x80000000);
	assert_int_equal(at(d, 3), 0xc000);
	/* The window above 4 GiB is what is in it, in whole GiB. */
	assert_span(plan.mem64, 4 * GIB, GIB);
}

/* Largest first, whatever their order: no gap from natural alignment. */
static void largest_first(void **state)
{
	unsigned int a = device("0000:01:00.0");
	unsigned int b = device("0000:02:00.0");

	(void)state;
	bar(a, 0, PCI_BAR_MEM64, 4 * KIB);
	bar(a, 2, PCI_BAR_MEM64, 256 * MIB);
	bar(b, 0, PCI_BAR_MEM64, 16 * GIB);
	bar(b, 2, PCI_BAR_MEM64, 32 * MIB);
	assert_int_equal(make(NULL, 0), 0);
	assert_int_equal(at(b, 0), 16 * GIB);
	assert_int_equal(at(a, 2), 4 * GIB);
	assert_int_equal(at(b, 2), 4 * GIB + 256 * MIB);
	assert_int_equal(at(a, 0), 4 * GIB + 288 * MIB);
	assert_span(plan.mem64, 4 * GIB, 28 * GIB);
}

static void window_is_full_to_the_byte(void **state)
{
	unsigned int d = device("0000:01:00.0");

	(void)state;
	layout.mem32 = (struct span){0x80000000, 3 * GIB / 2};
	bar(d, 0, PCI_BAR_MEM32, 256 * MIB);
	bar(d, 1, PCI_BAR_MEM32, GIB);
	bar(d, 2, PCI_BAR_MEM32, 256 * MIB);
	assert_int_equal(make(NULL, 0), 0);
	bar(d, 3, PCI_BAR_MEM32, 4 * KIB);
	assert_int_equal(make(NULL, 0), -ENOSPC);
}

static void alignment_over_the_size(void **state)
{
	unsigned int d = device("0000:01:00.0");

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		bar(d, i, PCI_BAR_MEM32, 4 * KIB);
		plan.pci[d].bar[i].align = 64 * KIB;
	}
	assert_int_equal(make(NULL, 0), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(at(d, i), 0x80000000 + i * 64 * KIB);
}

/* 0 means "not programmed": no BAR is put there, not even in a low window. */
static void never_at_zero(void **state)
{
	unsigned int d = device("0000:01:00.0");

	(void)state;
	layout.io = (struct span){0, 0x10000};
	bar(d, 0, PCI_BAR_IO, 256);
	bar(d, 1, PCI_BAR_IO, 4);
	assert_int_equal(make(NULL, 0), 0);
	assert_int_equal(at(d, 0), 256);
	assert_true(at(d, 1) != 0);
}

static void avoided_ranges(void **state)
{
	const struct span avoid[] = {
		{5 * GIB, 2 * GIB},
		{0x80000000, 4 * KIB},
		{0xfee00000, MIB}, /* in no window */
		{1ull << 60, (1ull << 63) + ((1ull << 63) - (1ull << 60))},
	};
	unsigned int d = device("0000:01:00.0");

	(void)state;
	bar(d, 0, PCI_BAR_MEM64, 2 * GIB);
	bar(d, 2, PCI_BAR_MEM32, 64 * KIB);
	bar(d, 3, PCI_BAR_MEM32, 4 * KIB);
	assert_int_equal(make(avoid, 4), 0);
	assert_int_equal(at(d, 0), 8 * GIB);
	assert_int_equal(at(d, 2), 0x80010000);
	assert_int_equal(at(d, 3), 0x80001000);
	/* The IOMMU says nothing about I/O ports. */
	bar(d, 4, PCI_BAR_IO, 32);
	assert_int_equal(make(&(struct span){0, 0x10000}, 1), 0);
	assert_int_equal(at(d, 4), 0xc000);
}

/* What the arch keeps out of its window is kept out, and no error. */
static void hole_in_the_window(void **state)
{
	unsigned int d = device("0000:01:00.0");

	(void)state;
	layout.hole = (struct span){6 * GIB, 3 * GIB};
	bar(d, 0, PCI_BAR_MEM64, 2 * GIB);
	bar(d, 2, PCI_BAR_MEM64, 2 * GIB);
	bar(d, 4, PCI_BAR_MEM64, GIB);
	assert_int_equal(make(NULL, 0), 0);
	assert_int_equal(at(d, 0), 4 * GIB);
	assert_int_equal(at(d, 2), 10 * GIB);
	assert_int_equal(at(d, 4), 9 * GIB);
	/* Without a window there is nothing to keep out. */
	layout.mem64 = (struct span){0, 0};
	bar(d, 0, PCI_BAR_NONE, 0);
	bar(d, 2, PCI_BAR_NONE, 0);
	assert_int_equal(make(NULL, 0), 0);
	assert_int_equal(at(d, 4), 0x80000000);
}

/* --- what does not fit -----------------------------------------------------
 */

static void wide_bar_falls_back_below_4_gib(void **state)
{
	unsigned int d = device("0000:01:00.0");

	(void)state;
	layout.mem64.len = 4 * GIB;
	bar(d, 0, PCI_BAR_MEM64, 2 * GIB);
	bar(d, 2, PCI_BAR_MEM64, 2 * GIB);
	bar(d, 4, PCI_BAR_MEM64, GIB);
	assert_int_equal(make(NULL, 0), 0);
	assert_int_equal(at(d, 0), 4 * GIB);
	assert_int_equal(at(d, 2), 6 * GIB);
	assert_int_equal(at(d, 4), 0x80000000);
	assert_span(plan.mem64, 4 * GIB, 4 * GIB);
}

static void assert_refused(const char *name, unsigned int idx, uint64_t size)
{
	assert_int_equal(err.what, ERR_VFIO_BAR_SPACE);
	assert_int_equal(err.code, -ENOSPC);
	assert_string_equal(err.name, name);
	assert_int_equal(err.num, idx);
	assert_int_equal(err.num2, size);
}

static void refusal_names_the_bar(void **state)
{
	unsigned int a = device("0000:01:00.0");
	unsigned int b = device("0000:81:00.1");

	(void)state;
	bar(a, 0, PCI_BAR_MEM64, 16 * KIB);
	bar(b, 2, PCI_BAR_MEM64, 128 * GIB);
	assert_int_equal(make(NULL, 0), -ENOSPC);
	assert_refused("0000:81:00.1", 2, 128 * GIB);
	bar(b, 2, PCI_BAR_NONE, 0);
	bar(b, 5, PCI_BAR_MEM32, 2 * GIB);
	assert_int_equal(make(NULL, 0), -ENOSPC);
	assert_refused("0000:81:00.1", 5, 2 * GIB);
	bar(b, 5, PCI_BAR_NONE, 0);
	bar(a, 4, PCI_BAR_IO, 32 * KIB);
	assert_int_equal(make(NULL, 0), -ENOSPC);
	assert_refused("0000:01:00.0", 4, 32 * KIB);
}

/* What only fits over avoided ranges lies there, and that is said. */
static void no_room_but_in_avoided_ranges(void **state)
{
	const struct span avoid[] = {
		{4 * GIB, 60 * GIB},
		{0x90000000, 4 * KIB},
		{0xb0000000, 4 * KIB},
		{0xd0000000, 4 * KIB},
	};
	unsigned int d = device("0000:01:00.0");

	(void)state;
	bar(d, 0, PCI_BAR_MEM64, 256 * MIB);
	assert_int_equal(make(avoid, 4), 0);
	assert_int_equal(at(d, 0), 0x80000000);
	bar(d, 0, PCI_BAR_MEM64, 512 * MIB);
	assert_int_equal(make(avoid, 3), 0);
	assert_int_equal(at(d, 0), 0xc0000000);
	assert_false(plan.pci[d].bar[0].no_dma);
	assert_int_equal(make(avoid, 4), 0);
	assert_int_equal(at(d, 0), 4 * GIB);
	assert_true(plan.pci[d].bar[0].no_dma);
	assert_int_equal(make(avoid + 1, 3), 0);
	assert_int_equal(at(d, 0), 4 * GIB);
	assert_false(plan.pci[d].bar[0].no_dma);
}

/* An IOMMU of 39 bits: as much as possible inside, the rest beside it. */
static void narrow_iommu(void **state)
{
	const struct span avoid[] = {
		{0xfee00000, MIB},
		{1ull << 39, 0ull - (1ull << 39)},
	};
	unsigned int d = device("0000:01:00.0");

	(void)state;
	layout.mem64 = (struct span){300 * GIB, 4096 * GIB};
	bar(d, 0, PCI_BAR_MEM64, 512 * GIB);
	bar(d, 2, PCI_BAR_MEM64, 128 * GIB);
	bar(d, 4, PCI_BAR_MEM64, 16 * GIB);
	assert_int_equal(make(avoid, 2), 0);
	assert_int_equal(at(d, 0), 512 * GIB);
	assert_true(plan.pci[d].bar[0].no_dma);
	assert_int_equal(at(d, 2), 384 * GIB);
	assert_false(plan.pci[d].bar[2].no_dma);
	assert_int_equal(at(d, 4), 304 * GIB);
	assert_false(plan.pci[d].bar[4].no_dma);
}

/* --- random machines --------------------------------------------------------
 */

static uint64_t seed;

static uint64_t rnd(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

static void random_device(void)
{
	unsigned int d = device("0000:01:00.0");

	for (unsigned int i = 0; i < PCI_BARS; i++) {
		switch (rnd(5)) {
		case 0:
			bar(d, i, PCI_BAR_IO, 4ull << rnd(7));
			break;
		case 1:
		case 2:
			bar(d, i, PCI_BAR_MEM32, (4 * KIB) << rnd(14));
			break;
		case 3:
			if (i < 5)
				bar(d, i++, PCI_BAR_MEM64,
				    (4 * KIB) << rnd(24));
			break;
		default:
			break;
		}
		if (rnd(4) == 0)
			plan.pci[d].bar[i].align <<= rnd(5);
	}
}

static bool any_no_dma(void)
{
	for (unsigned int i = 0; i < plan.n_pci * PLAN_BARS; i++) {
		if (plan.pci[i / PLAN_BARS].bar[i % PLAN_BARS].no_dma)
			return true;
	}
	return false;
}

static void random_machines(void **state)
{
	unsigned int placed = 0;
	unsigned int refused = 0;
	unsigned int beside = 0;

	(void)state;
	seed = 20240229;
	for (unsigned int i = 0; i < 3000; i++) {
		struct span avoid[8];
		unsigned int n = (unsigned int)rnd(9);

		setup(NULL);
		layout.mem64.base = (4 + rnd(64)) * GIB;
		layout.mem64.len = rnd(100) * GIB;
		layout.hole =
			(struct span){(4 + rnd(600)) * GIB, rnd(3) * 9 * GIB};
		for (unsigned int k = 0; k < n; k++) {
			avoid[k].base = rnd(2) ? rnd(1u << 20) * 4 * KIB
					       : rnd(512) * GIB;
			avoid[k].len = 1 + (rnd(1u << 31) >> rnd(32));
		}
		for (uint64_t k = rnd(12); k > 0; k--)
			random_device();
		if (make(avoid, n) == 0) {
			placed++;
			beside += any_no_dma();
			continue;
		}
		refused++;
		assert_int_equal(err.what, ERR_VFIO_BAR_SPACE);
		assert_string_equal(err.name, "0000:01:00.0");
		assert_true(err.num < PLAN_BARS);
		assert_true(err.num2 != 0);
	}
	/* Each way is taken often, or this test says little. */
	assert_true(placed > 500);
	assert_true(beside > 20);
	assert_true(refused > 100);
}

/* --- slots ------------------------------------------------------------------
 */

/* Where the devices of @list come to be, as "slot.function" words. */
static void assert_places(const char *list, const char *want)
{
	char names[512];
	char text[512] = "";
	char *rest = names;
	char *word;

	memset(&plan, 0, sizeof(plan));
	snprintf(names, sizeof(names), "%s", list);
	while ((word = strsep(&rest, " "))) {
		bool vf = word[0] == 'v';

		plan.pci[device(word + vf)].vf = vf;
	}
	plan_slots(&plan);
	plan_slots(&plan); /* nothing of a first time remains */
	for (unsigned int i = 0; i < plan.n_pci; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s%u.%u", i ? " " : "", plan.pci[i].devfn >> 3,
			 plan.pci[i].devfn & 7u);
	assert_string_equal(text, want);
	assert_null(plan_check_slots(&plan));
}

static void functions_stay_together(void **state)
{
	(void)state;
	assert_places("0000:01:00.0", "1.0");
	assert_places("0000:01:00.0 0000:01:00.1", "1.0 1.1");
	assert_places("0000:01:00.3 0000:41:00.0 0000:01:00.0 0000:01:00.7",
		      "1.3 2.0 1.0 1.7");
	/* Another domain, bus or slot is another device. */
	assert_places("0000:01:00.0 0001:01:00.1 0000:02:00.1 0000:01:01.1 "
		      "10000:01:00.1",
		      "1.0 2.0 3.0 4.0 5.0");
}

static void lowest_function_takes_0(void **state)
{
	(void)state;
	assert_places("0000:01:00.1", "1.0");
	assert_places("0000:01:00.3 0000:01:00.1", "1.3 1.0");
	assert_places("0000:01:00.2 0000:01:00.5 0000:02:00.7 0000:01:00.4",
		      "1.0 1.5 2.0 1.4");
}

/* Where a virtual function is on the host depends on the ones before it. */
static void virtual_function_is_alone(void **state)
{
	(void)state;
	assert_places("0000:01:00.0 v0000:01:00.1 v0000:01:00.2 0000:01:00.4",
		      "1.0 2.0 3.0 1.4");
	assert_places("v0000:01:10.1 v0000:01:10.3", "1.0 2.0");
}

static void odd_names_are_alone(void **state)
{
	(void)state;
	assert_places("x x .1 0000:01:00.8 0000:01:00.9 0000:01:00.0 "
		      "0000:01:00.0",
		      "1.0 2.0 3.0 4.0 5.0 6.0 7.0");
}

static void bus_is_full(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PLAN_PCI_MAX; i++)
		device(i % 2 ? "" : "0000:01:00.2");
	assert_int_equal(make(NULL, 0), 0);
	assert_int_equal(plan.pci[PLAN_PCI_MAX - 1].devfn, 31 << 3);
}

/* The ROM has a place below 4 GiB, as any other BAR of 32 bits. */
static void rom_has_a_place(void **state)
{
	unsigned int d = device("0000:01:00.0");

	(void)state;
	bar(d, 0, PCI_BAR_MEM32, MIB);
	bar(d, PCI_ROM_IDX, PCI_BAR_MEM32, 256 * KIB);
	assert_int_equal(make(NULL, 0), 0);
	assert_int_equal(at(d, 0), 0x80000000);
	assert_int_equal(at(d, PCI_ROM_IDX), 0x80100000);
}

/*
 * As on aarch64: a guest may have pages of 64 KiB, and two things in memory
 * never share one, however small they are.
 */
static void a_page_of_the_guest_each(void **state)
{
	unsigned int d = device("0000:01:00.0");
	unsigned int e = device("0000:02:00.0");

	(void)state;
	layout.bar_align = 64 * KIB;
	bar(d, 0, PCI_BAR_MEM32, 64 * KIB);
	bar(d, PCI_ROM_IDX, PCI_BAR_MEM32, 2 * KIB);
	bar(e, 0, PCI_BAR_MEM64, 4 * KIB);
	bar(e, PCI_ROM_IDX, PCI_BAR_MEM32, 32 * KIB);
	bar(e, 2, PCI_BAR_IO, 16);
	assert_int_equal(make(NULL, 0), 0);
	assert_int_equal(at(d, 0), 0x80000000);
	assert_int_equal(at(e, PCI_ROM_IDX), 0x80010000);
	assert_int_equal(at(d, PCI_ROM_IDX), 0x80020000);
	assert_int_equal(at(e, 0), 4 * GIB);
	assert_int_equal(at(e, 2), 0xc000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_to_place, setup),
		cmocka_unit_test_setup(window_may_be_missing, setup),
		cmocka_unit_test_setup(each_kind_in_its_window, setup),
		cmocka_unit_test_setup(largest_first, setup),
		cmocka_unit_test_setup(window_is_full_to_the_byte, setup),
		cmocka_unit_test_setup(alignment_over_the_size, setup),
		cmocka_unit_test_setup(never_at_zero, setup),
		cmocka_unit_test_setup(avoided_ranges, setup),
		cmocka_unit_test_setup(hole_in_the_window, setup),
		cmocka_unit_test_setup(wide_bar_falls_back_below_4_gib, setup),
		cmocka_unit_test_setup(refusal_names_the_bar, setup),
		cmocka_unit_test_setup(no_room_but_in_avoided_ranges, setup),
		cmocka_unit_test_setup(narrow_iommu, setup),
		cmocka_unit_test_setup(random_machines, setup),
		cmocka_unit_test_setup(functions_stay_together, setup),
		cmocka_unit_test_setup(lowest_function_takes_0, setup),
		cmocka_unit_test_setup(virtual_function_is_alone, setup),
		cmocka_unit_test_setup(odd_names_are_alone, setup),
		cmocka_unit_test_setup(bus_is_full, setup),
		cmocka_unit_test_setup(rom_has_a_place, setup),
		cmocka_unit_test_setup(a_page_of_the_guest_each, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
