/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/aarch64/arch.h"

/* What ends the VM, and the interrupt controller, which is KVM's. */
static bool addr_ends(uint64_t addr)
{
	static const char *const ends[] = {"qemu,pvpanic-mmio", "barge,exit"};

	for (unsigned int i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		uint64_t at = fdt_reg(fdt_device(ends[i]), 0);

		if (addr + 8 > at && addr < at + 0x1000)
			return true;
	}
	return addr >= 0x09fffff8 && addr < 0x0d000000;
}

/* Every second access is where its size wants it, the others anywhere. */
static void access_at(struct rnd *r, uint64_t addr)
{
	unsigned int size = 1u << rnd(r) % 4;
	uint64_t val = rnd(r);

	if (val & 1)
		addr &= ~(uint64_t)(size - 1);
	if (addr_ends(addr))
		return;
	if (addr < UINT64_C(1) << 30)
		addr += LOOSE;
	if (val & 2)
		mmio_write(addr, size, val);
	else
		(void)mmio_read(addr, size);
}

void garbage_step(struct rnd *r)
{
	uint64_t v = rnd(r);
	uint64_t at = v >> 8;

	switch (v % 5) {
	case 0:
		access_at(r, at % ((UINT64_C(1) << 30) - 8));
		break;
	case 1: /* the devices */
		access_at(r, 0x09000000 + at % 8 * 0x10000 + (at >> 8) % 0x30);
		break;
	case 2:
		access_at(r,
			  0x09000000 + at % 8 * 0x10000 + (at >> 8) % 0x1008);
		break;
	case 3: /* past RAM */
		access_at(r, ram_end() + at % (UINT64_C(1) << 33));
		break;
	default:
		access_at(r, ecam_base() + at % 0x110000);
		break;
	}
}
