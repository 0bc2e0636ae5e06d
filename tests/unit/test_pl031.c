// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "devices/devices.h"
#include "tests/unit/fake_env.h"

#define DR   0x00
#define MR   0x04
#define LR   0x08
#define CR   0x0c
#define IMSC 0x10
#define RIS  0x14
#define MIS  0x18
#define ICR  0x1c

static struct fake_env env;
static struct device *rtc;

static int setup(void **state)
{
	(void)state;
	env.time = 1709210096;
	rtc = fake_device(&env, &pl031_ops);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(rtc);
	return 0;
}

static uint32_t get(uint64_t reg)
{
	return (uint32_t)dev_read(rtc, 0, reg, 4);
}

static void put(uint64_t reg, uint32_t val)
{
	dev_write(rtc, 0, reg, 4, val);
}

static void time_of_day(void **state)
{
	(void)state;
	assert_int_equal(get(DR), 1709210096);
	env.time += 100;
	assert_int_equal(get(DR), 1709210196);
	/* It cannot be written but through the load register. */
	put(DR, 5);
	assert_int_equal(get(DR), 1709210196);
	assert_int_equal(get(LR), 0);
}

static void set_time(void **state)
{
	static const uint32_t times[] = {0, 1, 946684800, 0x80000000,
					 0xffffffff};

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		put(LR, times[i]);
		assert_int_equal(get(LR), times[i]);
		assert_int_equal(get(DR), times[i]);
		env.time += 7;
		assert_int_equal(get(DR), (uint32_t)(times[i] + 7));
		assert_int_equal(get(LR), times[i]);
	}
}

/* The host's clock may be anything, and jump. */
static void host_clock_limits(void **state)
{
	static const int64_t clocks[] = {INT64_MIN, -1, 0, INT64_MAX};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		env.time = clocks[i];
		put(LR, 1000);
		assert_int_equal(get(DR), 1000);
	}
	env.time = 0x100000005; /* in 2106 */
	put(LR, 0x100000005 & 0xffffffff);
	assert_int_equal(get(DR), 5);
}

static void runs_always(void **state)
{
	(void)state;
	assert_int_equal(get(CR), 1);
	put(CR, 0);
	assert_int_equal(get(CR), 1);
	env.time++;
	assert_int_equal(get(DR), 1709210097);
}

/* What Linux does to set one; nothing ever comes of it. */
static void no_alarm(void **state)
{
	(void)state;
	put(ICR, 1);
	put(MR, 1709210098);
	put(IMSC, 0xffffffff);
	assert_int_equal(get(MR), 1709210098);
	assert_int_equal(get(IMSC), 1);
	for (unsigned int i = 0; i < 4; i++) {
		env.time++;
		(void)get(DR);
		assert_int_equal(get(RIS), 0);
		assert_int_equal(get(MIS), 0);
	}
	put(RIS, 1);
	put(MIS, 1);
	assert_int_equal(get(RIS) | get(MIS) | get(ICR), 0);
	assert_int_equal(env.rises + env.repeats, 0);
}

/* As the AMBA bus of Linux puts it together: 0x00041031, 0xb105f00d. */
static void identity(void **state)
{
	uint32_t periph = 0;
	uint32_t cell = 0;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		periph |= get(0xfe0 + 4 * i) << 8 * i;
		cell |= get(0xff0 + 4 * i) << 8 * i;
	}
	assert_int_equal(periph, 0x00041031);
	assert_int_equal(cell, 0xb105f00d);
	put(0xfe0, 0);
	assert_int_equal(dev_read(rtc, 0, 0xfe0, 1), 0x31);
	assert_int_equal(get(0x20), 0);
	assert_int_equal(get(0xfdc), 0);
}

static void odd_access(void **state)
{
	(void)state;
	assert_int_equal(dev_read(rtc, 0, DR, 2) & 0xffff, 1709210096 & 0xffff);
	assert_true(dev_read(rtc, 0, DR + 1, 1) == UINT64_MAX);
	assert_true(dev_read(rtc, 0, DR + 2, 2) == UINT64_MAX);
	assert_true(dev_read(rtc, 0, DR, 8) == UINT64_MAX);
	dev_write(rtc, 0, LR, 1, 5);
	dev_write(rtc, 0, LR, 2, 5);
	dev_write(rtc, 0, LR, 8, 5);
	dev_write(rtc, 0, LR + 1, 4, 5);
	assert_int_equal(get(LR), 0);
	assert_int_equal(get(DR), 1709210096);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(time_of_day), T(set_time), T(host_clock_limits),
		T(runs_always), T(no_alarm), T(identity),
		T(odd_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
