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
	dev = fake_device(&env, &pci_eject_ops);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(dev);
	return 0;
}

/* Each request is told once, with an edge of the interrupt. */
static void asked(void **state)
{
	(void)state;
	assert_int_equal(dev_read(dev, 0, 0, 4), 0);
	dev->ops->slot_request(dev, 3);
	assert_int_equal(env.rises, 1);
	assert_false(env.level);
	dev->ops->slot_request(dev, 31);
	dev->ops->slot_request(dev, 3);
	dev->ops->slot_request(dev, 32); /* no slot of bus 0 */
	assert_int_equal(env.rises, 3);
	assert_int_equal(env.repeats, 0);
	assert_true(dev_read(dev, 0, 0, 4) == (UINT32_C(1) << 31 | 8));
	assert_int_equal(dev_read(dev, 0, 0, 4), 0);
	assert_int_equal(env.ejections, 0);
}

static void given_up(void **state)
{
	(void)state;
	dev_write(dev, 0, 4, 4, 0x80000002);
	assert_int_equal(env.ejections, 2);
	assert_true(env.ejected == 0x80000002);
	assert_int_equal(dev_read(dev, 0, 4, 4), 0);
	dev_write(dev, 0, 4, 4, 0);
	assert_int_equal(env.ejections, 2);
	assert_int_equal(env.rises, 0);
}

/* Only whole registers count, and the first is not for writing. */
static void crooked(void **state)
{
	(void)state;
	dev->ops->slot_request(dev, 1);
	for (unsigned int len = 1; len <= 8; len *= 2) {
		for (unsigned int off = 0; off + len <= 8; off++) {
			if (len == 4 && (off == 0 || off == 4))
				continue;
			assert_true(dev_read(dev, 0, off, len) == UINT64_MAX);
			dev_write(dev, 0, off, len, UINT64_MAX);
		}
	}
	dev_write(dev, 0, 0, 4, 0xffffffff);
	assert_int_equal(env.ejections, 0);
	assert_int_equal(dev_read(dev, 0, 0, 4), 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(asked),
		T(given_up),
		T(crooked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
