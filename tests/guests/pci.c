/* SPDX-License-Identifier: Apache-2.0 */
/* PCI configuration by memory (PCIe-5.0 7.2.2). */
#include "tests/guests/guest.h"

static uint64_t ecam;

static uint64_t cfg_read(unsigned int devfn, unsigned int off, unsigned int len)
{
	return mmio_read(ecam + devfn * 4096u + off, len);
}

/* A dword is its words is its bytes. */
static void check_parts(unsigned int devfn)
{
	for (unsigned int off = 0; off < 64; off += 4) {
		uint64_t whole = cfg_read(devfn, off, 4);

		for (unsigned int i = 0; i < 4; i++)
			check_eq(cfg_read(devfn, off + i, 1),
				 whole >> 8 * i & 0xff, "byte of a dword");
		check_eq(cfg_read(devfn, off + 2, 2), whole >> 16,
			 "word of a dword");
	}
}

static void check_read_only(void)
{
	uint64_t id = cfg_read(0, 0, 4);
	uint64_t class = cfg_read(0, 8, 4);

	mmio_write(ecam, 4, 0x12345678);
	mmio_write(ecam + 8, 4, 0x12345678);
	check_eq(cfg_read(0, 0, 4), id, "vendor and device changed");
	check_eq(cfg_read(0, 8, 4), class, "class changed");
}

static void check_absent(void)
{
	unsigned int absent = 0;

	for (unsigned int dev = 1; dev < 32; dev++) {
		unsigned int devfn = dev << 3;

		if (cfg_read(devfn, 0, 2) != 0xffff)
			continue;
		absent++;
		check_eq(cfg_read(devfn, 0, 4), 0xffffffff, "absent");
		check_eq(cfg_read(devfn, 0x100, 4), 0xffffffff,
			 "absent, extended space");
		mmio_write(ecam + devfn * 4096u + 4, 4, 0xffffffff);
		check_eq(cfg_read(devfn, 4, 2), 0xffff, "absent, written");
		check_eq(cfg_read(devfn, 0x3d, 1), 0xff, "absent, byte");
	}
	check(absent != 0, "32 devices?");
}

void guest_main(void)
{
	ecam = ecam_base();
	check(ecam != 0 && (ecam & 0xfffff) == 0, "ECAM is not aligned");
	check(cfg_read(0, 0, 2) != 0xffff, "no host bridge at 00:00.0");
	check_eq(cfg_read(0, 0xa, 2), 0x0600, "class of the host bridge");
	check_parts(0);
	check_read_only();
	check_absent();
}
