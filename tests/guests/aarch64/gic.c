/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interrupt controller (tags GICv3 and GICv2), one group, all priorities
 * the same.
 */
#include "tests/guests/aarch64/arch.h"

#define GICD_CTLR	0x0000
#define GICD_IGROUPR	0x0080
#define GICD_ISENABLER	0x0100
#define GICD_ICENABLER	0x0180
#define GICD_IPRIORITYR 0x0400
#define GICD_ITARGETSR	0x0800 /* version 2 */
#define GICD_SGIR	0x0f00 /* version 2 */
#define GICD_IROUTER	0x6000

#define CTLR_GROUP1	0x02
#define CTLR_ARE	0x10
#define CTLR_V2		0x01

#define GICR_TYPER	0x0008
#define GICR_WAKER	0x0014
#define GICR_SGI	0x10000 /* the second frame */
#define GICR_FRAMES	0x20000
#define TYPER_LAST	(1u << 4)
#define WAKER_SLEEP	0x2u
#define WAKER_ASLEEP	0x4u

#define GICC_CTLR	0x00
#define GICC_PMR	0x04
#define GICC_IAR	0x0c
#define GICC_EOIR	0x10

#define PRIORITY	0xa0
#define SPURIOUS	1020 /* and the next three */
#define LPI_FIRST	8192

static uint64_t gicd;
static uint64_t gicr;
static uint64_t gicr_len;
static uint64_t gicc; /* version 2 */
static void (*told)(unsigned int intid);

static uint32_t read32(uint64_t addr)
{
	return (uint32_t)mmio_read(addr, 4);
}

static void write32(uint64_t addr, uint32_t v)
{
	mmio_write(addr, 4, v);
}

static void find(void)
{
	const uint8_t *node = fdt_find("compatible", "arm,gic-v3", 0);

	if (node) {
		gicr = fdt_reg(node, 1);
		gicr_len = fdt_reg_len(node, 1);
	} else {
		node = fdt_device("arm,cortex-a15-gic");
		gicc = fdt_reg(node, 1);
	}
	gicd = fdt_reg(node, 0);
}

/* GICv3 12.11: affinity in the upper half of GICR_TYPER */
uint64_t gic_redistributor(void)
{
	uint64_t self = cpu_self();
	uint64_t want = (self >> 32 << 24 | (self & 0xffffff));

	for (uint64_t at = gicr; at < gicr + gicr_len; at += GICR_FRAMES) {
		uint64_t typer = mmio_read(at + GICR_TYPER, 8);

		if (typer >> 32 == want)
			return at;
		check(!(typer & TYPER_LAST), "no redistributor is ours");
	}
	fail("more processors than redistributors");
}

static void wake(uint64_t r)
{
	uint64_t t0 = now();

	write32(r + GICR_WAKER, read32(r + GICR_WAKER) & ~WAKER_SLEEP);
	while (read32(r + GICR_WAKER) & WAKER_ASLEEP)
		check(now() - t0 < second(), "the redistributor sleeps on");
}

/* The 32 interrupts of this processor alone, at @base as in the distributor. */
static void own_interrupts(uint64_t base)
{
	write32(base + GICD_IGROUPR, UINT32_MAX);
	for (unsigned int i = 0; i < 32; i += 4)
		write32(base + GICD_IPRIORITYR + i, PRIORITY * 0x01010101u);
	write32(base + GICD_ICENABLER, UINT32_MAX);
	write32(base + GICD_ISENABLER, 0xffff);
}

void gic_start_cpu(void)
{
	uint64_t r;

	if (gicc) {
		own_interrupts(gicd);
		write32(gicd + GICD_IGROUPR, 0);
		write32(gicc + GICC_PMR, 0xff);
		write32(gicc + GICC_CTLR, 1);
		return;
	}
	r = gic_redistributor();
	wake(r);
	own_interrupts(r + GICR_SGI);
	WRITE_REG("S3_0_C12_C12_5", 7);	 /* ICC_SRE_EL1 */
	WRITE_REG("S3_0_C4_C6_0", 0xff); /* ICC_PMR_EL1 */
	WRITE_REG("S3_0_C12_C12_7", 1);	 /* ICC_IGRPEN1_EL1 */
}

void gic_start(void (*handler)(unsigned int intid))
{
	find();
	told = handler;
	write32(gicd + GICD_CTLR, gicc ? CTLR_V2 : CTLR_ARE | CTLR_GROUP1);
	gic_start_cpu();
}

static uint64_t bank(unsigned int intid)
{
	return intid < 32 && !gicc ? gic_redistributor() + GICR_SGI : gicd;
}

void gic_enable(unsigned int intid)
{
	uint64_t base = bank(intid);
	unsigned int word = intid / 32 * 4;
	uint32_t bit = 1u << intid % 32;

	if (intid >= 32) {
		mmio_write(base + GICD_IPRIORITYR + intid, 1, PRIORITY);
		if (gicc)
			mmio_write(base + GICD_ITARGETSR + intid, 1, 1);
		else
			mmio_write(base + GICD_IROUTER + 8ul * intid, 8,
				   cpu_self());
		if (!gicc)
			write32(base + GICD_IGROUPR + word,
				read32(base + GICD_IGROUPR + word) | bit);
	}
	write32(base + GICD_ISENABLER + word, bit);
}

void gic_disable(unsigned int intid)
{
	write32(bank(intid) + GICD_ICENABLER + intid / 32 * 4,
		1u << intid % 32);
}

void gic_send(uint64_t mpidr, unsigned int n, unsigned int intid)
{
	uint64_t to = (mpidr >> 32 & 0xff) << 48 | (mpidr >> 16 & 0xff) << 32 |
		      (mpidr >> 8 & 0xff) << 16 | UINT64_C(1) << (mpidr & 15);

	__asm__ volatile("dsb sy" : : : "memory");
	if (gicc)
		write32(gicd + GICD_SGIR, 1u << (16 + n) | intid);
	else
		WRITE_REG("S3_0_C12_C11_5", to | (uint64_t)intid << 24);
}

void gic_interrupt(void);

/* By the vectors. */
void gic_interrupt(void)
{
	uint32_t got = gicc ? read32(gicc + GICC_IAR)
			    : (uint32_t)READ_REG("S3_0_C12_C12_0");
	unsigned int intid = gicc ? got & 0x3ff : got & 0xffffff;

	if (intid >= SPURIOUS && intid < LPI_FIRST)
		return;
	check(told != NULL, "an interrupt nobody asked for");
	told(intid);
	if (gicc)
		write32(gicc + GICC_EOIR, got);
	else
		WRITE_REG("S3_0_C12_C12_1", got);
}
