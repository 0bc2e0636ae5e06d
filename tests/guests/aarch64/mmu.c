/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of 512 entries, 1 GiB each (Arm-ARM D8.3.1, 4 KiB granule, 39 bits
 * of address): everything where it is.
 */
#include "tests/guests/aarch64/arch.h"

#define ENTRIES	    512u
#define BLOCK	    0x401u    /* valid, a block; accessed */
#define INNER	    (3u << 8) /* shareable */
#define ATTR_DEVICE (0u << 2) /* index into MAIR */
#define ATTR_NORMAL (1u << 2)
#define ATTR_LOOSE  (2u << 2)

/* Device-nGnRnE; normal, write-back; normal, not cached */
#define MAIR UINT64_C(0x44ff00)
/* 39 bits; walks cached, inner shareable; no upper half */
#define TCR	    (25u | 1u << 8 | 1u << 10 | 3u << 12 | 1u << 23)
#define TCR_IPS	    32
#define SCTLR_ON    0x1005u /* I, C, M */
#define SCTLR_CHECK 0x2u    /* A */

extern uint8_t bss_end[];
struct mmu_regs mmu_regs;

void mmu_load(const struct mmu_regs *regs);

static uint64_t table[ENTRIES] __attribute__((aligned(4096)));

static uint64_t line_size(void)
{
	return UINT64_C(4) << (READ_REG("CTR_EL0") >> 16 & 15);
}

void cache_clean(const void *p, size_t len)
{
	uint64_t line = line_size();
	uint64_t at = (uint64_t)p & ~(line - 1);

	for (; at < (uint64_t)p + len; at += line)
		__asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb sy" : : : "memory");
}

/* What is in a cache of our memory is older than what we wrote past it. */
static void forget_cached(void)
{
	uint64_t line = line_size();

	for (uint64_t at = guest_entry.base; at < (uint64_t)bss_end; at += line)
		__asm__ volatile("dc ivac, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb sy" : : : "memory");
}

void mmu_on(void)
{
	uint64_t range = READ_REG("ID_AA64MMFR0_EL1") & 15;

	for (uint64_t i = 0; i < ENTRIES; i++)
		table[i] = i << 30 | BLOCK | INNER | ATTR_NORMAL;
	table[0] = BLOCK | ATTR_DEVICE;
	table[LOOSE >> 30] = BLOCK | ATTR_LOOSE;
	mmu_regs = (struct mmu_regs){
		.mair = MAIR,
		/* 48 bits are as many as this granule has by itself */
		.tcr = TCR | (range < 5 ? range : 5) << TCR_IPS,
		.ttbr = (uint64_t)table,
		.sctlr = (READ_REG("SCTLR_EL1") | SCTLR_ON) & ~SCTLR_CHECK,
	};
	forget_cached();
	mmu_load(&mmu_regs);
}
