// SPDX-License-Identifier: Apache-2.0
/*
 * Any accesses, any host clock: a running clock shows a date that exists, and
 * writing back what it shows changes nothing.
 */
#include "devices/devices.h"
#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_env.h"

#define STATE_MAX 512

static const uint8_t regs[8] = {0x00, 0x02, 0x04, 0x06, 0x07, 0x08, 0x09, 0x32};

static struct fake_env env;

static uint8_t get(struct device *d, uint8_t reg)
{
	dev_write(d, 0, 0, 1, reg);
	return (uint8_t)dev_read(d, 0, 1, 1);
}

static void put(struct device *d, uint8_t reg, uint8_t val)
{
	dev_write(d, 0, 0, 1, reg);
	dev_write(d, 0, 1, 1, val);
}

/* Binary, 24 hours: t as in regs. */
static void require_date(const uint8_t t[8])
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30,
				       31, 31, 30, 31, 30, 31};
	unsigned int year = t[7] * 100u + t[6];
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	REQUIRE(t[0] < 60 && t[1] < 60 && t[2] < 24);
	REQUIRE(t[3] >= 1 && t[3] <= 7);
	REQUIRE(t[5] >= 1 && t[5] <= 12 && t[4] >= 1);
	REQUIRE(t[4] <= days[t[5] - 1] + (leap && t[5] == 2));
	REQUIRE(t[6] < 100 && year >= 1970 && year <= 9999);
}

static void require_bcd(const uint8_t bcd[8], const uint8_t bin[8])
{
	for (unsigned int i = 0; i < 8; i++)
		REQUIRE((bcd[i] >> 4) * 10 + (bcd[i] & 15) == bin[i]);
}

static void read_all(struct device *d, uint8_t t[8])
{
	for (unsigned int i = 0; i < 8; i++)
		t[i] = get(d, regs[i]);
}

static void check(struct device *d)
{
	uint8_t saved[STATE_MAX];
	uint8_t bin[8], bcd[8], again[8];

	REQUIRE(cmos_rtc_ops.size <= STATE_MAX);
	memcpy(saved, d, cmos_rtc_ops.size);
	put(d, 0x0b, 0x02);
	read_all(d, bcd);
	put(d, 0x0b, 0x06);
	read_all(d, bin);
	require_date(bin);
	require_bcd(bcd, bin);
	put(d, 0x0b, 0x86);
	for (unsigned int i = 0; i < 8; i++)
		put(d, regs[i], bin[i]);
	put(d, 0x0b, 0x06);
	read_all(d, again);
	REQUIRE(!memcmp(bin, again, sizeof(bin)));
	REQUIRE(get(d, 0x0d) == 0x80 && !(get(d, 0x0a) & 0x80));
	REQUIRE(!(get(d, 0x0c) & ~0x10));
	memcpy(d, saved, cmos_rtc_ops.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct device *d;

	env.time = (int64_t)fuzz_u(&in, 5);
	d = fake_device(&env, &cmos_rtc_ops);
	while (in.left) {
		uint8_t op = fuzz_u8(&in);
		struct fuzz_access a;

		if (op % 8 == 7) {
			env.time = (int64_t)fuzz_u(&in, op & 8 ? 8 : 4);
		} else {
			a = fuzz_access(&in, op & 3, 2);
			if (a.write)
				dev_write(d, 0, a.off, a.len, a.val);
			else
				dev_read(d, 0, a.off, a.len);
		}
		check(d);
	}
	free(d);
	return 0;
}
