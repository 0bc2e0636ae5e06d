// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "devices/devices.h"
#include "tests/unit/fake_env.h"

static struct fake_env env;
static struct device *dev;

static int setup(void **state)
{
	(void)state;
	dev = fake_device(&env, &exit_dev_ops);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned int i = 0; i <= DEV_PANIC; i++)
		assert_int_equal(env.requests[i], 0);
	free(dev);
	return 0;
}

static void each_status(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < 256; n++) {
		dev_write(dev, 0, 0, 1, n);
		assert_int_equal(env.exits, n + 1);
		assert_int_equal(env.exit_status, n < 63 ? n : 63);
	}
}

/* The low bits of a large one would be another status, or success. */
static void too_large(void **state)
{
	static const uint32_t large[] = {64,	  128,	      256,
					 0x10000, 0x80000003, UINT32_MAX};

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		dev_write(dev, 0, 0, 4, large[i]);
		assert_int_equal(env.exits, i + 1);
		assert_int_equal(env.exit_status, 63);
	}
	dev_write(dev, 0, 0, 8, UINT64_C(1) << 32);
	assert_int_equal(env.exit_status, 63);
}

/* Only the bytes of the access count. */
static void widths(void **state)
{
	(void)state;
	dev_write(dev, 0, 0, 1, 0xff05);
	assert_int_equal(env.exit_status, 5);
	dev_write(dev, 0, 0, 2, 0xff0006);
	assert_int_equal(env.exit_status, 6);
	dev_write(dev, 0, 0, 4, UINT64_C(0xff00000007));
	assert_int_equal(env.exit_status, 7);
}

static void nothing_else(void **state)
{
	(void)state;
	for (unsigned int off = 1; off < 4; off++)
		dev_write(dev, 0, off, 1, 5);
	dev_write(dev, 0, 2, 2, 5);
	for (unsigned int off = 0; off < 4; off++)
		assert_int_equal(dev_read(dev, 0, off, 1) & 0xff, 0xff);
	assert_int_equal(dev_read(dev, 0, 0, 4) & UINT32_MAX, UINT32_MAX);
	assert_int_equal(env.exits, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(each_status),
		T(too_large),
		T(widths),
		T(nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
