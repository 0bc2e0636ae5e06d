// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "devices/devices.h"
#include "tests/unit/fake_env.h"

static struct fake_env env;
static struct device *pm;

static int setup(void **state)
{
	(void)state;
	pm = fake_device(&env, &acpi_pm_ops);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(pm);
	return 0;
}

/* Of all 256 bytes, those with SLP_EN and type 5 power off. */
static void sleep_control(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < 256; v++) {
		unsigned int before = env.requests[DEV_POWEROFF];
		bool off = v & 0x20 && (v >> 2 & 7) == 5;

		dev_write(pm, 0, 0, 1, v);
		assert_int_equal(env.requests[DEV_POWEROFF] - before, off);
		assert_int_equal(dev_read(pm, 0, 0, 1), v & 0x1c);
	}
	assert_int_equal(env.requests[DEV_POWEROFF], 16);
	assert_int_equal(env.requests[DEV_REBOOT], 0);
}

static void sleep_status(void **state)
{
	(void)state;
	dev_write(pm, 0, 1, 1, 0x80);
	assert_int_equal(dev_read(pm, 0, 1, 1), 0);
}

static void reset_register(void **state)
{
	(void)state;
	dev_write(pm, 0, 2, 1, 0);
	dev_write(pm, 0, 2, 1, 2);
	dev_write(pm, 0, 2, 1, 3);
	assert_int_equal(env.requests[DEV_REBOOT], 0);
	dev_write(pm, 0, 2, 1, 1);
	assert_int_equal(env.requests[DEV_REBOOT], 1);
	assert_int_equal(env.requests[DEV_POWEROFF], 0);
}

static void button(void **state)
{
	(void)state;
	assert_int_equal(dev_read(pm, 0, 4, 1), 0);
	pm->ops->power_button(pm);
	assert_int_equal(env.rises, 1);
	assert_false(env.level);
	pm->ops->power_button(pm);
	assert_int_equal(env.rises, 2);
	assert_int_equal(dev_read(pm, 0, 4, 1), 1);
	assert_int_equal(dev_read(pm, 0, 4, 1), 0);
	assert_int_equal(env.repeats, 0);
	/* The guest cannot press it. */
	dev_write(pm, 0, 4, 1, 1);
	assert_int_equal(dev_read(pm, 0, 4, 1), 0);
}

static void wide_access(void **state)
{
	(void)state;
	pm->ops->power_button(pm);
	assert_true(dev_read(pm, 0, 0, 8) == 0xffffff01ff000000);
	assert_int_equal(dev_read(pm, 0, 4, 4), 0xffffff00);
	dev_write(pm, 0, 0, 4, 0x010034);
	assert_int_equal(env.requests[DEV_POWEROFF], 1);
	assert_int_equal(env.requests[DEV_REBOOT], 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(sleep_control), T(sleep_status), T(reset_register),
		T(button),	  T(wide_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
