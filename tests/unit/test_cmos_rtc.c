// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "devices/devices.h"
#include "tests/unit/fake_env.h"

#define B_SET	 0x80
#define B_BINARY 0x04
#define B_24H	 0x02

static struct fake_env env;
static struct device *rtc;

static int setup(void **state)
{
	(void)state;
	env.time = 1709210096; /* 2024-02-29 12:34:56, a Thursday */
	rtc = fake_device(&env, &cmos_rtc_ops);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(rtc);
	return 0;
}

static uint8_t get(uint8_t reg)
{
	dev_write(rtc, 0, 0, 1, reg);
	return (uint8_t)dev_read(rtc, 0, 1, 1);
}

static void put(uint8_t reg, uint8_t val)
{
	dev_write(rtc, 0, 0, 1, reg);
	dev_write(rtc, 0, 1, 1, val);
}

static const uint8_t regs[] = {0x00, 0x02, 0x04, 0x06, 0x07, 0x08, 0x09, 0x32};

static void assert_time(const uint8_t want[8])
{
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(get(regs[i]), want[i]);
}

static void formats(void **state)
{
	static const uint8_t bcd[8] = {0x56, 0x34, 0x12, 0x05,
				       0x29, 0x02, 0x24, 0x20};
	static const uint8_t bin[8] = {56, 34, 12, 5, 29, 2, 24, 20};

	(void)state;
	assert_int_equal(get(0x0b), B_24H);
	assert_time(bcd);
	put(0x0b, B_24H | B_BINARY);
	assert_time(bin);
}

static void twelve_hours(void **state)
{
	static const struct {
		unsigned int hour;
		uint8_t bcd, bin;
	} row[] = {
		{0, 0x12, 12},	      {1, 0x01, 1},
		{11, 0x11, 11},	      {12, 0x92, 0x80 | 12},
		{13, 0x81, 0x80 | 1}, {23, 0x91, 0x80 | 11},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		env.time = row[i].hour * 3600;
		put(0x0b, 0);
		assert_int_equal(get(0x04), row[i].bcd);
		put(0x0b, B_BINARY);
		assert_int_equal(get(0x04), row[i].bin);
		/* Writing it back moves nothing. */
		put(0x04, row[i].bin);
		put(0x0b, B_BINARY | B_24H);
		assert_int_equal(get(0x04), row[i].hour);
	}
}

/* Every seventh hour or so from 1970 to the end of 9999, against libc. */
static void calendar(void **state)
{
	(void)state;
	put(0x0b, B_24H | B_BINARY);
	for (int64_t t = 0; t <= 253402300799; t += 2600017 + t % 86399) {
		time_t clock = t;
		struct tm tm;

		assert_non_null(gmtime_r(&clock, &tm));
		env.time = t;
		assert_int_equal(get(0x00), tm.tm_sec);
		assert_int_equal(get(0x02), tm.tm_min);
		assert_int_equal(get(0x04), tm.tm_hour);
		assert_int_equal(get(0x06), tm.tm_wday + 1);
		assert_int_equal(get(0x07), tm.tm_mday);
		assert_int_equal(get(0x08), tm.tm_mon + 1);
		assert_int_equal(get(0x09), (tm.tm_year + 1900) % 100);
		assert_int_equal(get(0x32), (tm.tm_year + 1900) / 100);
	}
}

/* Each day of four centuries, set and read back. */
static void round_trip(void **state)
{
	(void)state;
	put(0x0b, B_24H | B_BINARY);
	for (int64_t t = 951782400; t < 951782400 + 146097 * 86400ll;
	     t += 86400) {
		uint8_t want[8];

		env.time = t + 7777;
		for (unsigned int i = 0; i < 8; i++)
			want[i] = get(regs[i]);
		env.time = 1;
		put(0x0b, B_SET | B_24H | B_BINARY);
		for (unsigned int i = 0; i < 8; i++)
			put(regs[i], want[i]);
		put(0x0b, B_24H | B_BINARY);
		assert_time(want);
		/* Back to the host's clock */
		free(rtc);
		rtc = fake_device(&env, &cmos_rtc_ops);
		put(0x0b, B_24H | B_BINARY);
	}
}

static void set_bit_freezes(void **state)
{
	static const uint8_t want[8] = {0x01, 0x02, 0x03, 0x06,
					0x31, 0x12, 0x99, 0x19};
	static const uint8_t later[8] = {0x00, 0x00, 0x00, 0x07,
					 0x01, 0x01, 0x00, 0x20};

	(void)state;
	put(0x0b, B_SET | B_24H);
	env.time += 1000;
	assert_int_equal(get(0x00), 0x56);
	for (unsigned int i = 0; i < 8; i++)
		put(regs[i], want[i]);
	assert_time(want);
	env.time += 1000;
	assert_time(want);
	put(0x0b, B_24H);
	assert_time(want); /* 1999-12-31 was a Friday */
	env.time += 20 * 3600 + 57 * 60 + 59;
	assert_time(later);
}

/* Without SET a written register takes effect at once, the others run on. */
static void single_writes(void **state)
{
	(void)state;
	put(0x04, 0x23);
	assert_int_equal(get(0x04), 0x23);
	assert_int_equal(get(0x02), 0x34);
	put(0x09, 0x23); /* 2023-02-29 does not exist */
	assert_int_equal(get(0x08), 0x03);
	assert_int_equal(get(0x07), 0x01);
	env.time += 3600;
	assert_int_equal(get(0x04), 0x00);
	assert_int_equal(get(0x07), 0x02);
}

static void bad_months(void **state)
{
	(void)state;
	put(0x0b, B_24H | B_BINARY);
	put(0x0b, B_24H | B_BINARY | B_SET);
	put(0x08, 0);
	put(0x0b, B_24H | B_BINARY);
	assert_int_equal(get(0x08), 1);
	put(0x08, 255);
	assert_int_equal(get(0x08), 1);
	/* Before 1970 and after 9999 there is nothing. */
	put(0x32, 0);
	assert_int_equal(get(0x09), 70);
	put(0x32, 255);
	assert_int_equal(get(0x32), 99);
	assert_int_equal(get(0x09), 99);
}

static void host_clock_limits(void **state)
{
	static const int64_t clocks[] = {INT64_MIN, -1, INT64_MAX};

	(void)state;
	put(0x0b, B_24H | B_BINARY);
	for (unsigned int i = 0; i < 3; i++) {
		env.time = clocks[i];
		assert_int_equal(get(0x09), i < 2 ? 70 : 99);
		put(0x00, 5);
	}
}

static void control_registers(void **state)
{
	(void)state;
	assert_int_equal(get(0x0a), 0x26);
	put(0x0a, 0xff);
	assert_int_equal(get(0x0a), 0x7f);
	assert_int_equal(get(0x0d), 0x80);
	put(0x0d, 0x00);
	assert_int_equal(get(0x0d), 0x80);
	put(0x0c, 0xff);
	assert_int_equal(get(0x0c), 0x00);
	env.time++;
	assert_int_equal(get(0x0c), 0x10);
	assert_int_equal(get(0x0c), 0x00);
	put(0x0b, B_SET | B_24H);
	env.time++;
	assert_int_equal(get(0x0c), 0x00);
}

static void ram(void **state)
{
	(void)state;
	for (unsigned int i = 0x0e; i < 128; i++)
		if (i != 0x32)
			put((uint8_t)i, (uint8_t)(i ^ 0xa5));
	for (unsigned int i = 0x0e; i < 128; i++)
		if (i != 0x32)
			assert_int_equal(get((uint8_t)i), i ^ 0xa5);
	/* The NMI bit is not part of the index. */
	assert_int_equal(get(0x80 | 0x40), 0x40 ^ 0xa5);
	/* The alarm is RAM, too. */
	put(0x05, 0xc0);
	assert_int_equal(get(0x05), 0xc0);
}

static void port_widths(void **state)
{
	(void)state;
	dev_write(rtc, 0, 0, 2, 0x5a40); /* index and data at once */
	assert_int_equal(get(0x40), 0x5a);
	assert_int_equal(dev_read(rtc, 0, 0, 1) & 0xff, 0xff);
	assert_int_equal(dev_read(rtc, 0, 0, 2) & 0xffff, 0x5aff);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(formats),    T(twelve_hours),	     T(calendar),
		T(round_trip), T(set_bit_freezes),   T(single_writes),
		T(bad_months), T(host_clock_limits), T(control_registers),
		T(ram),	       T(port_widths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
