/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_X86_64_LAYOUT_H
#define ARCH_X86_64_LAYOUT_H

#include <stdint.h>

/*
 * The fixed guest-physical map. Everything else is in struct plan.
 *
 *	       0 -      9fbff	RAM; what the boot loader leaves there:
 *	    1000		GDT
 *	    2000		PVH start_info, memory map, module list
 *	    7000		zero page (struct boot_params)
 *	    9000 -       efff	page tables, identity map of the first 4 GiB
 *	   20000 -      2ffff	command line
 *	   9fc00 -      dffff	reserved (EBDA, VGA and option ROMs of a PC)
 *	   e0000 -      fffef	ACPI tables; RSDP first, where scanners look
 *	   ffff0 -      fffff	code at the reset vector of a BIOS
 *	  100000 - RAM end	RAM, kernel and initrd
 *	80000000 -   dfffffff	32-bit BARs
 *	e0000000 -   e00fffff	ECAM of bus 0
 *	fe000000		exit device
 *	fec00000		I/O APIC
 *	fee00000 -   feefffff	local APICs, MSI
 *	   4 GiB -		the rest of RAM, then 64-bit BARs
 *
 * Low RAM ends at 2 GiB and not higher so that a 32-bit BAR of 1 GiB can be
 * placed whatever the size of the guest; the split is a multiple of 1 GiB,
 * which costs the guest no large page.
 */
/* clang-format off */
#define RAM_MIN		(16ULL << 20)
#define RAM_UNIT	(2ULL << 20)	/* sizes are rounded up to this */
#define RAM_LOW_MAX	0x80000000ULL
#define RAM_HIGH	0x100000000ULL
/* One memslot holds at most 2^31 - 1 pages (kvm-api 4.35). */
#define RAM_PART_MAX	(0x7fffffffULL * 4096 & ~(RAM_UNIT - 1))
#define LOW_RAM_END	0x9fc00ULL	/* of the part under 1 MiB */
#define LOAD_MIN	0x100000ULL	/* kernel and initrd go no lower */

#define BOOT_GDT_ADDR	0x1000ULL
#define BOOT_GDT_LIMIT	(4 * 8 - 1)	/* null, null, code, data */
#define BOOT_CS		0x10		/* linux-x86-boot: __BOOT_CS */
#define BOOT_DS		0x18		/* linux-x86-boot: __BOOT_DS */
#define PVH_INFO_ADDR	0x2000ULL
#define PVH_MAP_ADDR	0x2100ULL
#define PVH_MODULE_ADDR	0x2e00ULL
#define ZERO_PAGE_ADDR	0x7000ULL
#define BOOT_PML4_ADDR	0x9000ULL	/* the value of CR3 */
#define BOOT_PDPT_ADDR	0xa000ULL
#define BOOT_PD_ADDR	0xb000ULL	/* four pages */
#define CMDLINE_ADDR	0x20000ULL
#define CMDLINE_SIZE	0x10000ULL
#define ACPI_ADDR	0xe0000ULL
#define ACPI_SIZE	0x1fff0ULL
#define BIOS_RESET_ADDR	0xffff0ULL	/* f000:fff0 in real mode */

#define MEM32_BASE	RAM_LOW_MAX
#define ECAM_BASE	0xe0000000ULL
#define ECAM_SIZE	0x100000ULL
#define IOAPIC_ADDR	0xfec00000ULL
#define IOAPIC_ID	0
#define IOAPIC_PINS	24
#define LAPIC_ADDR	0xfee00000ULL
#define IO_BASE		0xc000ULL	/* I/O BARs */
#define IO_SIZE		0x4000ULL
#define BAR_ALIGN	4096ULL

/* Reserved by AMD for HyperTransport: no RAM and no BAR there. */
#define HT_BASE		0xfd00000000ULL
#define HT_END		0x10000000000ULL

#define PCI_CONF1_PORT	0xcf8		/* CF8/CFC configuration access */
#define PCI_CONF1_LEN	8
#define UART_PORT	0x3f8
#define UART_LEN	8
#define UART_IRQ	4
#define I8042_DATA_PORT	0x60
#define I8042_CMD_PORT	0x64
#define RTC_PORT	0x70
#define RTC_LEN		2
#define RTC_IRQ		8
#define PVPANIC_PORT	0x505
/*
 * The exit device is in memory, too: not every kernel lets programs at ports.
 * The port is not in the DSDT, as Linux keeps f0 to ff for the FPU of a PC.
 */
#define EXIT_PORT	0xf4
#define EXIT_ADDR	0xfe000000ULL
#define EXIT_LEN	4
/* The ACPI power-management device: one register per byte. */
#define PM_PORT		0x600
#define PM_LEN		8
#define PM_IRQ		9
#define PM_SLEEP_CTL	(PM_PORT + 0)
#define PM_SLEEP_STS	(PM_PORT + 1)
#define PM_RESET	(PM_PORT + 2)
#define PM_RESET_VALUE	1
#define PM_EVENT	(PM_PORT + 4)	/* bit 0: power button pressed */
#define PM_S5_TYPE	5		/* SLP_TYP that powers off */
/* PCI slots that are to go, and that are gone: a bit each. */
#define EJECT_PORT	0x608
#define EJECT_LEN	8
#define EJECT_IRQ	10
/* clang-format on */

/* arch_entry.mode: the state that the first vCPU starts in. */
enum entry_mode {
	/*
	 * linux-x86-boot, 64-bit boot protocol: long mode, CR3 =
	 * BOOT_PML4_ADDR, rsi = arg = zero page, interrupts off.
	 */
	ENTRY_LONG64,
	/* PVH: 32-bit protected mode, flat, no paging, ebx = arg. */
	ENTRY_PVH32,
	/* The same with ebx = arg and eax, GDT below arg: multiboot.h. */
	ENTRY_MULTIBOOT,
};

#endif
