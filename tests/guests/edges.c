/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edges of RAM: its last bytes hold what is written, the next ones read
 * all-ones, an access across the edge gets both.
 */
#include "tests/guests/guest.h"

#define MAPPED (UINT64_C(8) << 30) /* start.S */

/* Where RAM really ends: tables that lie on top of it are still RAM. */
static uint64_t end_of(struct e820 r)
{
	uint64_t end = r.base + r.len;

	for (unsigned int i = 0; i < e820_count(); i++) {
		struct e820 e = e820_get(i);

		if (e.base != end)
			continue;
		check(e.type != 2, "reserved memory touches RAM");
		end = e.base + e.len;
	}
	return end;
}

static void check_last(uint64_t end)
{
	for (unsigned int len = 1; len <= 8; len *= 2) {
		uint64_t old = mmio_read(end - len, len);
		uint64_t val = 0xa55a123456789abc & ones(len);

		mmio_write(end - len, len, val);
		check_eq(mmio_read(end - len, len), val, "last bytes of RAM");
		mmio_write(end - len, len, old);
	}
}

static void check_beyond(uint64_t end)
{
	for (unsigned int len = 1; len <= 8; len *= 2) {
		check_eq(mmio_read(end, len), ones(len), "first bytes beyond");
		mmio_write(end, len, 0);
		check_eq(mmio_read(end, len), ones(len), "beyond, written");
	}
}

static void check_across(uint64_t end)
{
	uint64_t old = mmio_read(end - 4, 4);

	mmio_write(end - 4, 8, 0x1111111122222222);
	check_eq(mmio_read(end - 4, 4), 0x22222222, "write across, lower part");
	check_eq(mmio_read(end, 4), 0xffffffff, "write across, upper part");
	check_eq(mmio_read(end - 4, 8), 0xffffffff22222222, "read across");
	check_eq(mmio_read(end - 1, 2), 0xff22, "2 bytes across");
	mmio_write(end - 4, 4, old);
}

void guest_main(void)
{
	unsigned int tested = 0;

	for (unsigned int i = 0; i < e820_count(); i++) {
		struct e820 e = e820_get(i);
		uint64_t end;

		if (e.type != 1 || e.base < 0x100000)
			continue;
		check(e.base + e.len < MAPPED, "more RAM than this can reach");
		end = end_of(e);
		check_last(end);
		check_beyond(end);
		check_across(end);
		if (e.base >= UINT64_C(1) << 32)
			check_eq(mmio_read(e.base - 1, 1), 0xff, "below RAM");
		tested++;
	}
	print_hex(tested);
	print(" regions of RAM\n");
	check(tested != 0, "no RAM was found");
}
