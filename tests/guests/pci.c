/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCI configuration by ports (PCI-3.0 3.2.2.3.2) and by memory (PCIe-5.0
 * 7.2.2): the same answers. ECAM's place comes from ACPI's MCFG.
 */
#include "tests/guests/guest.h"

static uint64_t ecam;

static void find_ecam(void)
{
	const uint8_t *mcfg = acpi_find("MCFG");

	check(mcfg != NULL, "no MCFG");
	check(get_le(mcfg + 4, 4) >= 60, "MCFG is too short");
	ecam = get_le(mcfg + 44, 8);
	check(ecam != 0 && (ecam & 0xfffff) == 0, "ECAM is not aligned");
	check_eq(get_le(mcfg + 52, 2), 0, "segment");
	check_eq(mcfg[54], 0, "first bus");
}

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

static uint64_t mem_read(unsigned int devfn, unsigned int off, unsigned int len)
{
	return mmio_read(ecam + devfn * 4096u + off, len);
}

static void check_same(unsigned int devfn)
{
	for (unsigned int len = 1; len <= 4; len *= 2) {
		for (unsigned int off = 0; off < 256; off += len)
			check_eq(mem_read(devfn, off, len),
				 port_read(devfn, off, len),
				 "ECAM and port differ");
	}
}

/* A dword is its words is its bytes. */
static void check_parts(unsigned int devfn)
{
	for (unsigned int off = 0; off < 64; off += 4) {
		uint64_t whole = mem_read(devfn, off, 4);

		for (unsigned int i = 0; i < 4; i++)
			check_eq(mem_read(devfn, off + i, 1),
				 whole >> 8 * i & 0xff, "byte of a dword");
		check_eq(mem_read(devfn, off + 2, 2), whole >> 16,
			 "word of a dword");
	}
}

static void check_read_only(void)
{
	uint64_t id = mem_read(0, 0, 4);
	uint64_t class = mem_read(0, 8, 4);

	mmio_write(ecam, 4, 0x12345678);
	mmio_write(ecam + 8, 4, 0x12345678);
	select(0, 0, 0);
	outl(0xcfc, 0x87654321);
	check_eq(mem_read(0, 0, 4), id, "vendor and device changed");
	check_eq(mem_read(0, 8, 4), class, "class changed");
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

static void check_absent(void)
{
	unsigned int absent = 0;

	for (unsigned int dev = 1; dev < 32; dev++) {
		unsigned int devfn = dev << 3;

		if (port_read(devfn, 0, 2) != 0xffff)
			continue;
		absent++;
		check_eq(mem_read(devfn, 0, 4), 0xffffffff, "absent, ECAM");
		check_eq(mem_read(devfn, 0x100, 4), 0xffffffff,
			 "absent, extended space");
		mmio_write(ecam + devfn * 4096u + 4, 4, 0xffffffff);
		check_eq(mem_read(devfn, 4, 2), 0xffff, "absent, written");
		check_eq(port_read(devfn, 0x3d, 1), 0xff, "absent, byte");
	}
	check(absent != 0, "32 devices?");
}

void guest_main(void)
{
	find_ecam();
	check(port_read(0, 0, 2) != 0xffff, "no host bridge at 00:00.0");
	check_eq(port_read(0, 0xa, 2), 0x0600, "class of the host bridge");
	check_same(0);
	check_parts(0);
	check_read_only();
	check_address_register();
	check_absent();
}
