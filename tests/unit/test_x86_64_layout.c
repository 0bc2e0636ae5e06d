/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch-x86_64/layout.h"
#include "core/bus.h"
#include "vmm/arch.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define TIB (1ULL << 40)

static struct err e;

static struct arch_layout make(uint64_t memory, unsigned int phys_bits)
{
	struct arch_layout l;

	assert_int_equal(arch_layout_make(&l, memory, phys_bits, &e), 0);
	return l;
}

static void assert_span(struct span s, uint64_t base, uint64_t len)
{
	assert_int_equal(s.base, base);
	assert_int_equal(s.len, len);
}

static void small_guest(void **state)
{
	struct arch_layout l = make(256 * MIB, 40);

	(void)state;
	assert_int_equal(l.n_ram, 1);
	assert_span(l.ram[0], 0, 256 * MIB);
	assert_span(l.ecam, 0xe0000000, MIB);
	assert_span(l.io, 0xc000, 0x4000);
	assert_span(l.mem64, 4 * GIB, TIB - 4 * GIB);
	assert_int_equal(l.bar_align, 4096);
}

static void memory_is_split_at_2_gib(void **state)
{
	struct arch_layout l = make(3 * GIB, 39);

	(void)state;
	assert_int_equal(l.n_ram, 2);
	assert_span(l.ram[0], 0, 2 * GIB);
	assert_span(l.ram[1], 4 * GIB, GIB);
	assert_span(l.mem64, 5 * GIB, (1ULL << 39) - 5 * GIB);
	assert_int_equal(make(2 * GIB, 39).n_ram, 1);
}

static void size_is_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(make(16 * MIB + 1, 40).ram[0].len, 18 * MIB);
	assert_int_equal(make(2 * GIB + 1, 40).ram[1].len, 2 * MIB);
	/* the 64-bit window starts on a multiple of 1 GiB */
	assert_int_equal(make(2 * GIB + 1, 40).mem64.base, 5 * GIB);
}

static void too_small(void **state)
{
	struct arch_layout l;

	(void)state;
	assert_int_equal(arch_layout_make(&l, 16 * MIB - 1, 40, &e), -EINVAL);
	assert_int_equal(e.what, ERR_MEMORY_SMALL);
	assert_int_equal(e.num, 16 * MIB - 1);
	assert_int_equal(e.num2, 16 * MIB);
}

/* What an error calls possible is possible, and not a byte more. */
static void too_large(void **state)
{
	struct arch_layout l;
	unsigned int bits;
	uint64_t max;

	(void)state;
	for (bits = 30; bits <= 64; bits++) {
		assert_int_not_equal(arch_layout_make(&l, UINT64_MAX, bits, &e),
				     0);
		assert_int_equal(e.what, ERR_MEMORY_LARGE);
		max = e.num2;
		assert_true(max >= 2 * GIB);
		assert_int_equal(arch_layout_make(&l, max, bits, &e), 0);
		assert_int_not_equal(arch_layout_make(&l, max + 1, bits, &e),
				     0);
	}
}

static void hypertransport_hole(void **state)
{
	struct arch_layout l;

	(void)state;
	/* BARs are placed from below, where every IOMMU reaches */
	assert_span(make(GIB, 46).mem64, 4 * GIB, 64 * TIB - 4 * GIB);
	assert_span(make(GIB, 46).hole, 0xfd00000000, 12 * GIB);
	/* RAM that would reach the hole moves above it */
	l = make(1010 * GIB, 46);
	assert_span(l.ram[1], 4 * GIB, 1008 * GIB);
	l = make(1010 * GIB + 1, 46);
	assert_span(l.ram[1], TIB, 1008 * GIB + 2 * MIB);
	assert_int_equal(l.mem64.base, TIB + 1009 * GIB);
}

/* Any size, any width: nothing overlaps and all is within reach. */
static void check(uint64_t memory, unsigned int bits)
{
	struct span fixed[] = {{0xfec00000, 4096}, {0xfee00000, MIB}};
	struct arch_layout l = make(memory, bits);
	struct span_pool pool;
	struct span all = {0, 1ULL << (bits > 52 ? 52 : bits)};
	uint64_t base, ram = 0;
	unsigned int i;

	if (bits < 32)
		all.len = 4 * GIB;
	assert_int_equal(span_pool_init(&pool, all), 0);
	for (i = 0; i < l.n_ram; i++) {
		assert_int_equal(span_pool_take_at(&pool, l.ram[i]), 0);
		ram += l.ram[i].len;
		assert_false(span_overlaps(l.ram[i], l.hole));
		assert_true(!l.mem64.len || l.mem64.base > l.ram[i].base);
	}
	assert_true(ram >= memory && ram - memory < 2 * MIB);
	assert_int_equal(span_pool_take_at(&pool, l.ecam), 0);
	assert_int_equal(span_pool_take_at(&pool, l.mem32), 0);
	if (l.mem64.len)
		assert_int_equal(span_pool_take_at(&pool, l.mem64), 0);
	assert_int_equal(l.mem64.base % GIB, 0);
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (span_holds(all, fixed[i].base, fixed[i].len))
			assert_int_equal(span_pool_take_at(&pool, fixed[i]), 0);
	/* a BAR of 1 GiB fits below 4 GiB */
	assert_int_equal(span_pool_init(&pool, l.mem32), 0);
	assert_int_equal(span_pool_take(&pool, GIB, GIB, &base), 0);
}

static void nothing_overlaps(void **state)
{
	struct arch_layout l;
	unsigned int bits;
	uint64_t m;

	(void)state;
	for (bits = 32; bits <= 54; bits++)
		for (m = 16 * MIB; m; m += m / 3 + 12345) {
			if (arch_layout_make(&l, m, bits, &e))
				break;
			check(m, bits);
		}
	/* the loop above must have got somewhere */
	assert_true(m > 8 * TIB);
}

static void places_are_disjoint(void **state)
{
	struct bus bus[2] = {0};
	struct device dev;
	unsigned int i, j, n;
	const struct dev_place *p = arch_places(&n);

	(void)state;
	assert_int_equal(n, 8);
	for (i = 0; i < n; i++) {
		for (j = 0; j < p[i].n_spans; j++)
			assert_int_equal(
				bus_add(&bus[p[i].bus], p[i].span[j], &dev, j),
				0);
	}
	assert_string_equal(p[0].name, "uart16550");
	assert_span(p[0].span[0], 0x3f8, 8);
	assert_int_equal(p[0].irq, 4);
}

static void intx_lines(void **state)
{
	(void)state;
	assert_int_equal(arch_intx_gsi(0, 0), 16);
	assert_int_equal(arch_intx_gsi(1, 0), 17);
	assert_int_equal(arch_intx_gsi(6, 3), 17);
	assert_int_equal(arch_intx_gsi(31, 3), 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_guest),
		cmocka_unit_test(memory_is_split_at_2_gib),
		cmocka_unit_test(size_is_rounded_up),
		cmocka_unit_test(too_small),
		cmocka_unit_test(too_large),
		cmocka_unit_test(hypertransport_hole),
		cmocka_unit_test(nothing_overlaps),
		cmocka_unit_test(places_are_disjoint),
		cmocka_unit_test(intx_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
