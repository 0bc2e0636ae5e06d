// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch-aarch64/layout.h"
#include "core/bus.h"
#include "vmm/arch.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

/* Linux: MSI_IOVA_BASE and its length, drivers/iommu/arm */
static const struct span smmu_msi = {0x8000000, MIB};

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
	assert_span(l.ram[0], GIB, 256 * MIB);
	assert_span(l.mem32, 0x10000000, 0x30000000);
	assert_span(l.mem64, 4 * GIB, (1ULL << 40) - 4 * GIB);
	assert_int_equal(l.conf1.len, 0);
	assert_int_equal(l.bar_align, 64 << 10);
}

static void large_guests(void **state)
{
	struct arch_layout l = make(100 * GIB + 2 * MIB, 48);

	(void)state;
	assert_int_equal(l.n_ram, 1);
	assert_span(l.ram[0], GIB, 100 * GIB + 2 * MIB);
	assert_span(l.mem64, 102 * GIB, (1ULL << 48) - 102 * GIB);
	/* RAM may take all there is; then no 64-bit BAR has room */
	l = make(63 * GIB, 36);
	assert_int_equal(l.mem64.len, 0);
	assert_span(l.ram[0], GIB, 63 * GIB);
}

static void limits(void **state)
{
	struct arch_layout l;

	(void)state;
	assert_int_equal(arch_layout_make(&l, 16 * MIB - 1, 40, &e), -EINVAL);
	assert_int_equal(e.what, ERR_MEMORY_SMALL);
	assert_int_equal(e.num2, 16 * MIB);
	assert_int_equal(arch_layout_make(&l, 63 * GIB + 1, 36, &e), -EINVAL);
	assert_int_equal(e.what, ERR_MEMORY_LARGE);
	assert_int_equal(e.num2, 63 * GIB);
	/* a number of bits that no processor has does no harm */
	assert_int_equal(arch_layout_make(&l, GIB, 64, &e), 0);
	assert_int_equal(span_last(l.mem64), (1ULL << 52) - 1);
	assert_int_equal(make(16 * MIB + 1, 40).ram[0].len, 18 * MIB);
}

/* Everything at once on one bus: nothing overlaps, nor is in the MSI window. */
static void all_is_disjoint(void **state)
{
	static const struct span gic[] = {
		{GICD_ADDR, GICD_LEN},
		{GICC_ADDR, GICC_LEN},
		{ITS_ADDR, ITS_LEN},
		{GICR_ADDR, (uint64_t)GICR_MAX * GICR_LEN},
	};
	struct arch_layout l = make(8 * GIB, 40);
	struct bus bus = {0};
	struct device dev;
	unsigned int n;
	const struct dev_place *p = arch_places(&n);

	(void)state;
	assert_int_equal(bus_add(&bus, smmu_msi, &dev, 0), 0);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(p[i].bus, BUS_MMIO);
		assert_int_equal(p[i].span[0].base % BAR_ALIGN, 0);
		for (unsigned int j = 0; j < p[i].n_spans; j++)
			assert_int_equal(bus_add(&bus, p[i].span[j], &dev, j),
					 0);
	}
	for (unsigned int i = 0; i < sizeof(gic) / sizeof(gic[0]); i++) {
		assert_int_equal(gic[i].base % BAR_ALIGN, 0);
		assert_int_equal(bus_add(&bus, gic[i], &dev, 0), 0);
	}
	assert_int_equal(bus_add(&bus, l.ecam, &dev, 0), 0);
	assert_int_equal(bus_add(&bus, l.mem32, &dev, 0), 0);
	assert_int_equal(bus_add(&bus, l.mem64, &dev, 0), 0);
	assert_int_equal(bus_add(&bus, l.ram[0], &dev, 0), 0);
	assert_int_equal(bus_add(&bus,
				 (struct span){l.io_mmio, l.io.base + l.io.len},
				 &dev, 0),
			 0);
}

/* No line is used twice: devices, INTx, and what a GICv2M frame turns into. */
static void interrupts(void **state)
{
	unsigned int n;
	const struct dev_place *p = arch_places(&n);

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		assert_true(p[i].irq < INTX_FIRST || p[i].irq == V2M_SPI_FIRST);
		for (unsigned int j = 0; j < i; j++)
			assert_true(!p[i].irq || p[i].irq != p[j].irq);
	}
	for (unsigned int slot = 0; slot < 32; slot++) {
		for (unsigned int pin = 0; pin < 4; pin++) {
			unsigned int gsi = arch_intx_gsi(slot, pin);

			assert_in_range(gsi, INTX_FIRST,
					INTX_FIRST + INTX_LINES - 1);
			/* neighbours and pins of one slot have lines apart */
			assert_int_not_equal(gsi, arch_intx_gsi(slot, pin + 1));
		}
	}
	assert_true(INTX_FIRST + INTX_LINES <= SPI_COUNT);
	assert_true(INTX_FIRST + INTX_LINES <= V2M_SPI_FIRST);
	assert_true(V2M_SPI_FIRST + V2M_SPI_COUNT <= V2_SPI_COUNT);
	assert_true(V2_SPI_COUNT <= MSI_GSI_FIRST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_guest),
		cmocka_unit_test(large_guests),
		cmocka_unit_test(limits),
		cmocka_unit_test(all_is_disjoint),
		cmocka_unit_test(interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
