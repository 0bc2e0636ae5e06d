// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "devices/devices.h"
#include "tests/unit/fake_env.h"

enum { DATA, COMMAND }; /* regions */

#define OUTPUT_FULL 0x01

static struct fake_env env;
static struct device *kbc;

static int setup(void **state)
{
	(void)state;
	kbc = fake_device(&env, &i8042_ops);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(kbc);
	return 0;
}

static uint8_t status(void)
{
	return (uint8_t)dev_read(kbc, COMMAND, 0, 1);
}

/* Send @cmd: the answer, or -1. */
static int ask(uint8_t cmd)
{
	dev_write(kbc, COMMAND, 0, 1, cmd);
	if (!(status() & OUTPUT_FULL))
		return -1;
	return (int)dev_read(kbc, DATA, 0, 1);
}

static int ask_with(uint8_t cmd, uint8_t data)
{
	assert_int_equal(ask(cmd), -1);
	dev_write(kbc, DATA, 0, 1, data);
	if (!(status() & OUTPUT_FULL))
		return -1;
	return (int)dev_read(kbc, DATA, 0, 1);
}

static void assert_requests(unsigned int reboots)
{
	assert_int_equal(env.requests[DEV_REBOOT], reboots);
	assert_int_equal(env.requests[DEV_POWEROFF], 0);
	assert_int_equal(env.requests[DEV_PANIC], 0);
}

static void idle(void **state)
{
	(void)state;
	assert_int_equal(status(), 0);
	/* Bytes for a keyboard that is not there vanish. */
	dev_write(kbc, DATA, 0, 1, 0xff);
	assert_int_equal(status(), 0);
	assert_requests(0);
	assert_int_equal(env.rises, 0);
}

static void answers(void **state)
{
	(void)state;
	assert_int_equal(ask(0xaa), 0x55);
	assert_int_equal(ask(0xab), 0x00);
	assert_true(ask(0xa9) > 0); /* no second port */
	assert_int_equal(ask(0xd0), 0x03);
	for (unsigned int i = 0; i < 256; i++)
		assert_true(ask_with(0xd3, (uint8_t)i) != (int)i);
	assert_int_equal(status() & OUTPUT_FULL, 0);
	assert_requests(0);
}

static void config_byte(void **state)
{
	(void)state;
	assert_int_equal(ask_with(0x60, 0x47), -1);
	assert_int_equal(ask(0x20), 0x47);
	/* A command in between takes the place of the first. */
	assert_int_equal(ask(0x60), -1);
	assert_int_equal(ask(0x20), 0x47);
	dev_write(kbc, DATA, 0, 1, 0x99);
	assert_int_equal(ask(0x20), 0x47);
}

static void command_flag(void **state)
{
	(void)state;
	ask(0xa7);
	assert_int_equal(status(), 0x08);
	dev_write(kbc, DATA, 0, 1, 0);
	assert_int_equal(status(), 0);
}

static void reset_pulse(void **state)
{
	(void)state;
	ask(0xfe);
	assert_requests(1);
	ask(0xff);
	ask(0xf1);
	assert_requests(1);
	ask(0xf0);
	assert_requests(2);
	for (unsigned int i = 0; i < 0xf0; i++)
		ask((uint8_t)i);
	assert_requests(2);
	/* As data it is only a byte. */
	ask(0xa7);
	dev_write(kbc, DATA, 0, 1, 0xfe);
	assert_requests(2);
}

static void output_port(void **state)
{
	(void)state;
	assert_int_equal(ask_with(0xd1, 0x01), -1); /* A20 off: refused */
	assert_int_equal(ask(0xd0) & 0x03, 0x03);
	ask_with(0xd1, 0xdf);
	assert_int_equal(ask(0xd0), 0xdf);
	assert_requests(0);
	ask_with(0xd1, 0xde);
	assert_requests(1);
}

static void odd_widths(void **state)
{
	(void)state;
	dev_write(kbc, COMMAND, 0, 2, 0xfe);
	assert_requests(0);
	assert_int_equal(dev_read(kbc, COMMAND, 0, 2) & 0xffff, 0xffff);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(idle),	T(answers),	T(config_byte), T(command_flag),
		T(reset_pulse), T(output_port), T(odd_widths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
