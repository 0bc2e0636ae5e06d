/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address where nothing is reads all-ones in every size, aligned or not,
 * and drops writes.
 */
#include "tests/guests/guest.h"

static void check_at(uint64_t addr)
{
	for (unsigned int len = 1; len <= 8; len *= 2) {
		check_eq(mmio_read(addr, len), ones(len), "memory");
		mmio_write(addr, len, 0x123456789abcdef0);
		check_eq(mmio_read(addr, len), ones(len),
			 "memory, after a write");
	}
}

void guest_main(void)
{
	uint64_t past = ram_end() + 0x200000;

	check_at(past);
	check_at(past + 0x1003);
	check_at(past + 0x1ffc); /* 8 bytes cross a page */
	check_at(past + 0x1fff);
	for (unsigned int i = 0; nowhere(i); i++)
		check_at(nowhere(i));
}
