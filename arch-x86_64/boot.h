/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_X86_64_BOOT_H
#define ARCH_X86_64_BOOT_H

#include <stdint.h>

#include "arch-x86_64/kernel.h"
#include "core/plan.h"
#include "vmm/arch.h"

/*
 * What a boot loader leaves in the first MiB for a kernel: descriptor and page
 * tables, and the description of the machine that its entry point wants. Pure:
 * bytes in, bytes out.
 */

struct boot_info {
	const struct plan *plan;
	const struct kernel *kernel;
	struct span initrd; /* guest-physical; len 0: none */
};

/*
 * @low: the first MiB of guest memory, zeroed, but for the command line. What a
 * multiboot kernel is handed has no fixed place, and entry->arg is not set.
 */
void boot_write(uint8_t *low, const struct boot_info *info,
		struct arch_entry *entry);

/* BOOT_GDT_LIMIT + 1 bytes: flat segments of 32 bits. */
void boot_gdt32(uint8_t *gdt);

#define BOOT_MAP_MAX (4 + PLAN_RAM_MAX)

enum boot_map_type {
	BOOT_MAP_RAM = 1, /* the numbers of e820 and of PVH */
	BOOT_MAP_RESERVED = 2,
	BOOT_MAP_ACPI = 3,
};

struct boot_map {
	struct span span;
	enum boot_map_type type;
};

/* The memory map as the guest is told it, ascending; returns its length. */
unsigned int boot_map_make(struct boot_map map[BOOT_MAP_MAX],
			   const struct plan *plan);

#endif
