// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch-aarch64/layout.h"
#include "devices/devices.h"
#include "tests/unit/fake_env.h"

_Static_assert(V2M_SPI_COUNT == GIC_V2M_SPIS, "the FDT counts otherwise");
_Static_assert(V2M_SPI_FIRST + V2M_SPI_COUNT <= V2_SPI_COUNT, "not in the GIC");

#define TYPER	    0x008
#define SETSPI	    0x040
#define IIDR	    0xfcc

#define FIRST	    64u /* counted from INTID 32 */
#define FIRST_INTID 96u

static struct fake_env env;
static struct device *v2m;
static unsigned int rises[1024];
static bool level[1024];

static void count_irq(void *ctx, unsigned int irq, bool up)
{
	assert_ptr_equal(ctx, &env);
	assert_true(irq < 1024);
	rises[irq] += up && !level[irq];
	level[irq] = up;
}

static int setup(void **state)
{
	(void)state;
	memset(rises, 0, sizeof(rises));
	v2m = fake_device(&env, &gic_v2m_ops);
	env.env.irq = (struct irq_line){count_irq, &env, FIRST};
	v2m->ops->init(v2m, &env.env);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(v2m);
	return 0;
}

static void assert_only(unsigned int irq, unsigned int n)
{
	for (unsigned int i = 0; i < 1024; i++) {
		assert_int_equal(rises[i], i == irq ? n : 0);
		assert_false(level[i]);
	}
}

static void each_pulses_its_own(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < GIC_V2M_SPIS; i++) {
		dev_write(v2m, 0, SETSPI, 4, FIRST_INTID + i);
		dev_write(v2m, 0, SETSPI, 2, FIRST_INTID + i);
		assert_only(FIRST + i, 2);
		rises[FIRST + i] = 0;
	}
}

static void out_of_range(void **state)
{
	static const uint32_t bad[] = {
		0,
		31,
		32,
		FIRST,
		FIRST_INTID - 1,
		FIRST_INTID + GIC_V2M_SPIS,
		1023,
		0x10000 + FIRST_INTID,
		UINT32_MAX,
		UINT32_MAX - 31,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		dev_write(v2m, 0, SETSPI, 4, bad[i]);
	assert_only(0, 0);
}

/* Only this register, only as wide as a message may be. */
static void elsewhere(void **state)
{
	(void)state;
	for (uint64_t off = 0; off < 0x1000; off++) {
		if (off != SETSPI)
			dev_write(v2m, 0, off, 4, FIRST_INTID);
	}
	dev_write(v2m, 0, SETSPI, 1, FIRST_INTID);
	dev_write(v2m, 0, SETSPI, 8, FIRST_INTID);
	assert_only(0, 0);
}

/* Linux takes base and count from here, and workarounds from IIDR. */
static void registers(void **state)
{
	(void)state;
	assert_int_equal(dev_read(v2m, 0, TYPER, 4), FIRST_INTID << 16 | 192);
	for (uint64_t off = 0; off < 0x1000; off += 4) {
		if (off != TYPER)
			assert_int_equal(dev_read(v2m, 0, off, 4), 0);
	}
	assert_int_equal(dev_read(v2m, 0, IIDR, 4), 0);
	assert_true(dev_read(v2m, 0, TYPER + 1, 1) == UINT64_MAX);
	assert_true(dev_read(v2m, 0, TYPER, 8) == UINT64_MAX);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(each_pulses_its_own),
		T(out_of_range),
		T(elsewhere),
		T(registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
