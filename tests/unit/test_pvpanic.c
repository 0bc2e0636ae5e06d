// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "devices/devices.h"
#include "tests/unit/fake_env.h"

static void supported(void **state)
{
	struct fake_env env = {0};
	struct device *d = fake_device(&env, &pvpanic_ops);

	(void)state;
	assert_int_equal(dev_read(d, 0, 0, 1), 0x03);
	dev_write(d, 0, 0, 1, 0);
	assert_int_equal(dev_read(d, 0, 0, 1), 0x03);
	free(d);
}

static void events(void **state)
{
	struct fake_env env = {0};
	struct device *d = fake_device(&env, &pvpanic_ops);

	(void)state;
	for (unsigned int v = 0; v < 256; v++) {
		dev_write(d, 0, 0, 1, v);
		assert_int_equal(env.requests[DEV_PANIC], (v + 1) / 2);
	}
	assert_int_equal(env.requests[DEV_REBOOT], 0);
	assert_int_equal(env.requests[DEV_POWEROFF], 0);
	free(d);
}

/* The memory-mapped one has two bytes, of which the second is nothing. */
static void other_accesses(void **state)
{
	struct fake_env env = {0};
	struct device *d = fake_device(&env, &pvpanic_ops);

	(void)state;
	dev_write(d, 0, 1, 1, 1);
	dev_write(d, 0, 0, 2, 0x0101);
	assert_int_equal(env.requests[DEV_PANIC], 0);
	assert_int_equal(dev_read(d, 0, 1, 1) & 0xff, 0xff);
	assert_int_equal(dev_read(d, 0, 0, 2) & 0xffff, 0xffff);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(supported),
		cmocka_unit_test(events),
		cmocka_unit_test(other_accesses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
