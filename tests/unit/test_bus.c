/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>

#include "core/bus.h"

static struct device dev[3];

static struct span mk(uint64_t base, uint64_t len)
{
	return (struct span){base, len};
}

static void assert_found(const struct bus *b, uint64_t addr, unsigned int len,
			 const struct device *d, unsigned int region)
{
	const struct bus_entry *e = bus_find(b, addr, len);

	assert_non_null(e);
	assert_ptr_equal(e->dev, d);
	assert_int_equal(e->region, region);
}

static void refuses(void **state)
{
	struct bus b = {0};

	(void)state;
	assert_int_equal(bus_add(&b, mk(0, 0), &dev[0], 0), -EINVAL);
	assert_int_equal(bus_add(&b, mk(2, UINT64_MAX), &dev[0], 0), -EINVAL);
	assert_int_equal(bus_add(&b, mk(0, 8), NULL, 0), -EINVAL);
	assert_int_equal(bus_add(&b, mk(0x3f8, 8), &dev[0], 0), 0);
	assert_int_equal(bus_add(&b, mk(0x3ff, 1), &dev[1], 0), -EEXIST);
	assert_int_equal(bus_add(&b, mk(0x3f7, 2), &dev[1], 0), -EEXIST);
	assert_int_equal(bus_add(&b, mk(0, 0x1000), &dev[1], 0), -EEXIST);
	assert_int_equal(bus_add(&b, mk(0x3f7, 1), &dev[1], 0), 0);
	assert_int_equal(bus_add(&b, mk(0x400, 1), &dev[1], 0), 0);
	assert_int_equal(b.n, 3);
	bus_seal(&b);
	assert_int_equal(bus_add(&b, mk(0x500, 1), &dev[1], 0), -EPERM);
	assert_int_equal(b.n, 3);
}

static void finds(void **state)
{
	struct bus b = {0};

	(void)state;
	assert_null(bus_find(&b, 0, 1));
	assert_int_equal(bus_add(&b, mk(0x200, 0x10), &dev[2], 7), 0);
	assert_int_equal(bus_add(&b, mk(0x100, 0x10), &dev[0], 1), 0);
	assert_int_equal(bus_add(&b, mk(0x110, 0x10), &dev[1], 2), 0);
	bus_seal(&b);
	assert_found(&b, 0x100, 1, &dev[0], 1);
	assert_found(&b, 0x10f, 1, &dev[0], 1);
	assert_found(&b, 0x110, 8, &dev[1], 2);
	assert_found(&b, 0x20c, 4, &dev[2], 7);
	/* Not wholly in one entry. */
	assert_null(bus_find(&b, 0x10f, 2));
	assert_null(bus_find(&b, 0x11f, 2));
	assert_null(bus_find(&b, 0x20d, 4));
	assert_null(bus_find(&b, 0xff, 1));
	assert_null(bus_find(&b, 0xff, 2));
	assert_null(bus_find(&b, 0x120, 1));
	assert_null(bus_find(&b, 0x210, 1));
	assert_null(bus_find(&b, 0x100, 0));
	assert_null(bus_find(&b, UINT64_MAX, 8));
}

static void top_of_space(void **state)
{
	struct bus b = {0};

	(void)state;
	assert_int_equal(bus_add(&b, mk(UINT64_MAX - 7, 8), &dev[0], 0), 0);
	assert_found(&b, UINT64_MAX - 7, 8, &dev[0], 0);
	assert_null(bus_find(&b, UINT64_MAX - 6, 8));
	assert_null(bus_find(&b, UINT64_MAX, 2));
}

static void fills(void **state)
{
	struct bus b = {0};
	unsigned int i;

	(void)state;
	/* In an order that is neither up nor down: 7 is odd, BUS_MAX 2^n. */
	for (i = 0; i < BUS_MAX; i++)
		assert_int_equal(
			bus_add(&b, mk(i * 7 % BUS_MAX * 16, 8), &dev[0], i),
			0);
	assert_int_equal(bus_add(&b, mk(0x10000, 1), &dev[0], 0), -ENOSPC);
	for (i = 1; i < BUS_MAX; i++)
		assert_true(b.entry[i - 1].span.base < b.entry[i].span.base);
	for (i = 0; i < BUS_MAX; i++) {
		assert_found(&b, i * 7 % BUS_MAX * 16, 8, &dev[0], i);
		assert_null(bus_find(&b, i * 16 + 8, 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(finds),
		cmocka_unit_test(top_of_space),
		cmocka_unit_test(fills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
