/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/aarch64/arch.h"

/*
 * KVM tells the monitor the second page's address and the length of the whole:
 * nobody can put that together. It has to do no harm.
 */
void edge_across(uint64_t end)
{
	uint64_t old = mmio_read(end - 8, 8);

	for (unsigned int len = 2; len <= 8; len *= 2) {
		for (unsigned int in = 1; in < len; in++) {
			(void)mmio_read(end - in, len);
			mmio_write(end - in, len, 0);
		}
	}
	mmio_write(end - 8, 8, old);
	check_eq(mmio_read(end - 8, 8), old, "RAM after accesses across");
	check_eq(mmio_read(end, 8), UINT64_MAX, "beyond, after those");
}
