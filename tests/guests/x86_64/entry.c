/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loader owes a 64-bit kernel: registers, zero page, zeroed bss
 * (linux-x86-boot 1.16, "64-bit boot protocol").
 */
#include "tests/guests/x86_64/arch.h"

static uint8_t zeroes[20000];
static uint64_t filled = 0x1122334455667788;

static void check_registers(void)
{
	check((guest_entry.rflags & 1 << 9) == 0, "interrupts were on");
	check_eq(guest_entry.cs, 0x10, "cs");
	check_eq(guest_entry.ds, 0x18, "ds");
	check_eq(guest_entry.es, 0x18, "es");
	check_eq(guest_entry.ss, 0x18, "ss");
	check((guest_entry.efer & 0x500) == 0x500, "no long mode in EFER");
	check((guest_entry.cr0 & 0x80000001) == 0x80000001, "no paging");
	check((guest_entry.cr4 & 0x20) != 0, "no PAE");
}

static void check_zero_page(void)
{
	const uint8_t *zp = (const uint8_t *)guest_entry.zero_page;
	uint64_t last = 0;

	check(zp != NULL, "no zero page");
	check_eq(get_le(zp + 0x1fe, 2), 0xaa55, "boot_flag");
	check_eq(get_le(zp + 0x202, 4), 0x53726448, "HdrS");
	check_eq(zp[0x210], 0xff, "type_of_loader");
	check(e820_count() >= 1, "an empty e820 map");
	for (unsigned int i = 0; i < e820_count(); i++) {
		struct e820 e = e820_get(i);

		check(e.len != 0, "an empty e820 entry");
		check(e.base >= last, "e820 is not sorted or overlaps");
		last = e.base + e.len;
	}
	check(ram_end() > 0x1000000, "the end of RAM");
}

/* The loader's own page tables map the first 4 GiB to themselves. */
static void check_identity(void)
{
	uint64_t version = lapic_read(0x30);
	uint64_t ours;

	__asm__ volatile("movq %%cr3, %0" : "=r"(ours));
	__asm__ volatile("movq %0, %%cr3" : : "r"(guest_entry.cr3) : "memory");
	check_eq(lapic_read(0x30), version, "identity map, local APIC");
	check_eq(mmio_read(0xfffff000, 4), 0xffffffff, "identity map, top");
	check_eq(filled, 0x1122334455667788, "identity map, RAM");
	__asm__ volatile("movq %0, %%cr3" : : "r"(ours) : "memory");
}

/* tests/guests/run gives these. */
static void check_cmdline(void)
{
	static const char want[] = "tiny=1 guest";
	const char *got = cmdline();

	check(got != NULL, "no command line");
	for (unsigned int i = 0; i < sizeof(want); i++)
		check_eq((uint8_t)got[i], (uint8_t)want[i], "command line");
}

static void check_initrd(void)
{
	static const char want[] = "this is the initrd\n";
	const uint8_t *zp = (const uint8_t *)guest_entry.zero_page;
	const char *got = (const char *)get_le(zp + 0x218, 4);

	check_eq(get_le(zp + 0x21c, 4), sizeof(want) - 1, "size of initrd");
	for (unsigned int i = 0; i < sizeof(want) - 1; i++)
		check_eq((uint8_t)got[i], (uint8_t)want[i], "initrd");
}

void guest_main(void)
{
	check_registers();
	check_zero_page();
	check_identity();
	check_cmdline();
	check_initrd();
	check_eq(filled, 0x1122334455667788, "data of the file");
	for (unsigned int i = 0; i < sizeof(zeroes); i++)
		check(zeroes[i] == 0, "bss is not zero");
}
