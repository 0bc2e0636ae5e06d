/* SPDX-License-Identifier: Apache-2.0 */
#include "arch-x86_64/boot.h"

#include <string.h>

#include "arch-x86_64/layout.h"

#define SETUP_MAGIC	 0x53726448 /* linux-x86-boot: "HdrS" */
#define SETUP_BOOT_FLAG	 0xaa55
#define SETUP_VERSION	 0x20c
#define LOADER_UNDEFINED 0xff /* linux-x86-boot: no assigned loader id */

/* SDM 3A 3.4.5: flat 4 GiB segments, ring 0, accessed. */
#define DESC_CODE64 0x00af9b000000ffffULL
#define DESC_CODE32 0x00cf9b000000ffffULL
#define DESC_DATA   0x00cf93000000ffffULL

/* SDM 3A 4.5: present and writable; a 2 MiB page. */
#define PTE_TABLE 0x3ULL
#define PTE_2M	  0x83ULL
#define PT_LEN	  512

/* --- memory map ------------------------------------------------------------
 */

static void map_add(struct boot_map *map, unsigned int *n, struct span s,
		    enum boot_map_type type)
{
	if (s.len)
		map[(*n)++] = (struct boot_map){s, type};
}

unsigned int boot_map_make(struct boot_map map[BOOT_MAP_MAX],
			   const struct plan *p)
{
	struct span above = {LOAD_MIN, p->ram[0].len - LOAD_MIN};
	unsigned int i, n = 0;

	map_add(map, &n, (struct span){0, LOW_RAM_END}, BOOT_MAP_RAM);
	map_add(map, &n, (struct span){LOW_RAM_END, ACPI_ADDR - LOW_RAM_END},
		BOOT_MAP_RESERVED);
	map_add(map, &n, (struct span){ACPI_ADDR, LOAD_MIN - ACPI_ADDR},
		BOOT_MAP_ACPI);
	map_add(map, &n, above, BOOT_MAP_RAM);
	/* PCI-FW-3.2 4.1.2: ECAM is reserved, or Linux will not trust it */
	map_add(map, &n, p->ecam, BOOT_MAP_RESERVED);
	for (i = 1; i < p->n_ram; i++)
		map_add(map, &n, p->ram[i], BOOT_MAP_RAM);
	return n;
}

/* --- Linux -----------------------------------------------------------------
 */

static void set_e820(struct boot_params *bp, const struct plan *plan)
{
	struct boot_map map[BOOT_MAP_MAX];
	unsigned int i, n = boot_map_make(map, plan);

	for (i = 0; i < n; i++)
		bp->e820_table[i] = (struct boot_e820_entry){
			.addr = map[i].span.base,
			.size = map[i].span.len,
			.type = map[i].type,
		};
	bp->e820_entries = (uint8_t)n;
}

/* A vmlinux has no setup header: give it one that its early code believes. */
static void set_header(struct setup_header *hdr, const struct kernel *k)
{
	*hdr = k->hdr;
	if (k->kind == KERNEL_BZIMAGE) {
		hdr->code32_start = (uint32_t)k->seg[0].gpa;
		return;
	}
	hdr->boot_flag = SETUP_BOOT_FLAG;
	hdr->header = SETUP_MAGIC;
	hdr->version = SETUP_VERSION;
	hdr->loadflags = LOADED_HIGH;
}

/* linux-x86-boot, 64-bit boot protocol; linux-zero-page. */
static void write_zero_page(uint8_t *low, const struct boot_info *info)
{
	struct boot_params *bp = (struct boot_params *)(low + ZERO_PAGE_ADDR);
	struct setup_header *hdr = &bp->hdr;

	memset(bp, 0, sizeof(*bp));
	set_header(hdr, info->kernel);
	hdr->type_of_loader = LOADER_UNDEFINED;
	hdr->cmd_line_ptr = CMDLINE_ADDR;
	hdr->ramdisk_image = (uint32_t)info->initrd.base;
	hdr->ramdisk_size = (uint32_t)info->initrd.len;
	hdr->setup_data = 0;
	bp->ext_ramdisk_image = (uint32_t)(info->initrd.base >> 32);
	bp->ext_ramdisk_size = (uint32_t)(info->initrd.len >> 32);
	bp->acpi_rsdp_addr = ACPI_ADDR;
	set_e820(bp, info->plan);
}

/* --- PVH -------------------------------------------------------------------
 */

#define PVH_MAGIC 0x336ec578 /* PVH: "xEn3" with bit 7 of the E set */

struct pvh_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist_paddr;
	uint64_t cmdline_paddr;
	uint64_t rsdp_paddr;
	uint64_t memmap_paddr;
	uint32_t memmap_entries;
	uint32_t reserved;
};

struct pvh_module {
	uint64_t paddr;
	uint64_t size;
	uint64_t cmdline_paddr;
	uint64_t reserved;
};

struct pvh_map {
	uint64_t addr;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};

_Static_assert(sizeof(struct pvh_info) == 56, "PVH");
_Static_assert(sizeof(struct pvh_module) == 32, "PVH");
_Static_assert(sizeof(struct pvh_map) == 24, "PVH");
_Static_assert(BOOT_MAP_MAX * sizeof(struct pvh_map) <=
		       PVH_MODULE_ADDR - PVH_MAP_ADDR,
	       "room for the map");

static unsigned int write_pvh_map(uint8_t *low, const struct plan *plan)
{
	struct boot_map map[BOOT_MAP_MAX];
	unsigned int i, n = boot_map_make(map, plan);
	struct pvh_map m;

	for (i = 0; i < n; i++) {
		m = (struct pvh_map){
			.addr = map[i].span.base,
			.size = map[i].span.len,
			.type = map[i].type,
		};
		memcpy(low + PVH_MAP_ADDR + i * sizeof(m), &m, sizeof(m));
	}
	return n;
}

static void write_pvh(uint8_t *low, const struct boot_info *info)
{
	struct pvh_module module = {
		.paddr = info->initrd.base,
		.size = info->initrd.len,
	};
	struct pvh_info si = {
		.magic = PVH_MAGIC,
		.version = 1,
		.cmdline_paddr = CMDLINE_ADDR,
		.rsdp_paddr = ACPI_ADDR,
		.memmap_paddr = PVH_MAP_ADDR,
	};

	si.memmap_entries = write_pvh_map(low, info->plan);
	if (info->initrd.len) {
		si.nr_modules = 1;
		si.modlist_paddr = PVH_MODULE_ADDR;
		memcpy(low + PVH_MODULE_ADDR, &module, sizeof(module));
	}
	memcpy(low + PVH_INFO_ADDR, &si, sizeof(si));
}

/* --- processor tables ------------------------------------------------------
 */

static void write_gdt(uint8_t *at, uint64_t code)
{
	uint64_t gdt[] = {0, 0, code, DESC_DATA};

	_Static_assert(sizeof(gdt) == BOOT_GDT_LIMIT + 1, "GDT");
	memcpy(at, gdt, sizeof(gdt));
}

void boot_gdt32(uint8_t *gdt)
{
	write_gdt(gdt, DESC_CODE32);
}

/* 2 MiB pages: every processor with long mode has them, unlike 1 GiB ones. */
static void write_page_tables(uint8_t *low)
{
	uint64_t *pml4 = (uint64_t *)(low + BOOT_PML4_ADDR);
	uint64_t *pdpt = (uint64_t *)(low + BOOT_PDPT_ADDR);
	uint64_t *pd = (uint64_t *)(low + BOOT_PD_ADDR);
	uint64_t i;

	pml4[0] = BOOT_PDPT_ADDR | PTE_TABLE;
	for (i = 0; i < 4; i++)
		pdpt[i] = (BOOT_PD_ADDR + i * 4096) | PTE_TABLE;
	for (i = 0; i < 4ULL * PT_LEN; i++)
		pd[i] = (i << 21) | PTE_2M;
}

/*
 * Linux restarts a hardware-reduced machine through EFI, or else by a jump to
 * the BIOS in real mode, whatever the FADT says of a reset register. So this is
 * our BIOS: out PM_RESET, PM_RESET_VALUE; hlt.
 */
static void write_bios(uint8_t *low)
{
	/* clang-format off */
	static const uint8_t code[] = {
		0xba, PM_RESET & 0xff, PM_RESET >> 8,	/* mov $PM_RESET, %dx */
		0xb0, PM_RESET_VALUE,			/* mov $..VALUE, %al */
		0xee,					/* out %al, %dx */
		0xf4, 0xeb, 0xfd,			/* 1: hlt; jmp 1b */
	};
	/* clang-format on */

	memcpy(low + BIOS_RESET_ADDR, code, sizeof(code));
}

void boot_write(uint8_t *low, const struct boot_info *info,
		struct arch_entry *entry)
{
	entry->pc = info->kernel->entry;
	write_bios(low);
	if (info->kernel->kind == KERNEL_MULTIBOOT) {
		entry->mode = ENTRY_MULTIBOOT;
		return;
	}
	if (info->kernel->kind == KERNEL_ELF_PVH) {
		entry->mode = ENTRY_PVH32;
		entry->arg = PVH_INFO_ADDR;
		boot_gdt32(low + BOOT_GDT_ADDR);
		write_pvh(low, info);
		return;
	}
	entry->mode = ENTRY_LONG64;
	entry->arg = ZERO_PAGE_ADDR;
	write_gdt(low + BOOT_GDT_ADDR, DESC_CODE64);
	write_page_tables(low);
	write_zero_page(low, info);
}
