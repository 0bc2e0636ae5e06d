/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/x86_64/arch.h"

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

bool ram_piece(unsigned int i, uint64_t *base, uint64_t *end)
{
	for (unsigned int j = 0; j < e820_count(); j++) {
		struct e820 e = e820_get(j);

		if (e.type != 1 || e.base < 0x100000 || i-- != 0)
			continue;
		check(e.base + e.len < MAPPED, "more RAM than this can reach");
		*base = e.base;
		*end = end_of(e);
		return true;
	}
	return false;
}

/* Both parts get what is theirs. */
void edge_across(uint64_t end)
{
	uint64_t old = mmio_read(end - 4, 4);

	mmio_write(end - 4, 8, 0x1111111122222222);
	check_eq(mmio_read(end - 4, 4), 0x22222222, "write across, lower part");
	check_eq(mmio_read(end, 4), 0xffffffff, "write across, upper part");
	check_eq(mmio_read(end - 4, 8), 0xffffffff22222222, "read across");
	check_eq(mmio_read(end - 1, 2), 0xff22, "2 bytes across");
	mmio_write(end - 4, 4, old);
}
