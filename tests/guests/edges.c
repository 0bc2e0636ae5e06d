/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edges of RAM: its last bytes hold what is written, the next ones read
 * all-ones, and so do those before it.
 */
#include "tests/guests/guest.h"

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

void guest_main(void)
{
	unsigned int tested = 0;
	uint64_t base;
	uint64_t end;

	while (ram_piece(tested, &base, &end)) {
		check_last(end);
		check_beyond(end);
		edge_across(end);
		if (base >= UINT64_C(1) << 30)
			check_eq(mmio_read(base - 1, 1), 0xff, "below RAM");
		tested++;
	}
	print_hex(tested);
	print(" regions of RAM\n");
	check(tested != 0, "no RAM was found");
}
