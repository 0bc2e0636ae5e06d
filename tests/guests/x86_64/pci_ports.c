/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCI configuration by ports (PCI-3.0 3.2.2.3.2): the same answers as by memory
 * (PCIe-5.0 7.2.2).
 */
#include "tests/guests/x86_64/arch.h"

static uint64_t ecam;

static void select(unsigned int bus, unsigned int devfn, unsigned int off)
{
	outl(0xcf8, 0x80000000u | bus << 16 | devfn << 8 | (off & 0xfc));
}

static uint64_t port_read(unsigned int devfn, unsigned int off,
			  unsigned int len)
{
	select(0, devfn, off);
	return pio_read((uint16_t)(0xcfc + (off & 3)), len);
}

static void check_same(unsigned int devfn)
{
	for (unsigned int len = 1; len <= 4; len *= 2) {
		for (unsigned int off = 0; off < 256; off += len)
			check_eq(mmio_read(ecam + devfn * 4096u + off, len),
				 port_read(devfn, off, len),
				 "ECAM and port differ");
	}
}

static void check_read_only(void)
{
	uint64_t id = port_read(0, 0, 4);

	select(0, 0, 0);
	outl(0xcfc, 0x87654321);
	check_eq(port_read(0, 0, 4), id, "vendor and device changed");
}

/* 3.2.2.3.2: only a whole dword at CF8 is the address register. */
static void check_address_register(void)
{
	select(0, 0, 0x2c);
	check_eq(inl(0xcf8), 0x8000002c, "CF8 reads back");
	outl(0xcf8, 0);
	check_eq(inl(0xcfc), 0xffffffff, "CFC without the enable bit");
	select(1, 0, 0);
	check_eq(inl(0xcfc), 0xffffffff, "a bus that is not there");
}

void guest_main(void)
{
	ecam = ecam_base();
	check(port_read(0, 0, 2) != 0xffff, "no host bridge at 00:00.0");
	check_same(0);
	check_same(31 << 3); /* nobody is there */
	check_read_only();
	check_address_register();
}
