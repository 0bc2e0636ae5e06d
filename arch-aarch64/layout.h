/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_AARCH64_LAYOUT_H
#define ARCH_AARCH64_LAYOUT_H

#include <stdint.h>

/*
 * The fixed guest-physical map. Everything else is in struct plan.
 *
 *	       0 -  7ffffff	nothing
 *	 8000000 -  80fffff	nothing: where Linux puts the MSIs of devices
 *				behind an SMMU (MSI_IOVA_BASE), which has to be
 *				no RAM and no BAR
 *	 9000000 -  905ffff	emulated devices, 64 KiB apart: no page of any
 *				guest holds two of them
 *	 a000000		GIC: distributor, CPU interface (v2), ITS (v3)
 *	 b000000 -  cffffff	GICv3: two frames of 64 KiB for each vCPU
 *	 e000000 -  e0fffff	ECAM of bus 0
 *	 fff0000 -  fffffff	ports of PCI, the BARs of which begin at 1000
 *	10000000 - 3fffffff	32-bit BARs
 *	40000000 -		RAM in one piece, then 64-bit BARs, those never
 *				below 4 GiB
 *
 * Interrupts are counted from the first that devices share (SPI 0, INTID 32):
 * that is how KVM's routes number them, too.
 */
/* clang-format off */
#define RAM_BASE	0x40000000ULL
#define RAM_MIN		(16ULL << 20)
#define RAM_UNIT	(2ULL << 20)	/* sizes are rounded up to this */
/* One memslot holds at most 2^31 - 1 pages (kvm-api 4.35). */
#define RAM_MAX		(0x7fffffffULL * 4096 & ~(RAM_UNIT - 1))

/* linux-arm64-boot: an FDT is no larger; it gets such a block to itself. */
#define FDT_SIZE_MAX	(2ULL << 20)

#define UART_ADDR	0x09000000ULL
#define UART_LEN	8
#define UART_IRQ	1
#define RTC_ADDR	0x09010000ULL	/* PL031 */
#define RTC_LEN		0x1000
#define GPIO_ADDR	0x09020000ULL	/* PL061 */
#define GPIO_LEN	0x1000
#define GPIO_IRQ	3
#define GPIO_BUTTON	3		/* the line of the power button */
#define PVPANIC_ADDR	0x09030000ULL
#define PVPANIC_LEN	2
#define EXIT_ADDR	0x09040000ULL
#define EXIT_LEN	4
#define V2M_ADDR	0x09050000ULL	/* GICv2M frame, with GICv2 alone */
#define V2M_LEN		0x1000

#define GICD_ADDR	0x0a000000ULL
#define GICD_LEN	0x10000
#define GICC_ADDR	0x0a010000ULL	/* GICv2 */
#define GICC_LEN	0x2000
#define ITS_ADDR	0x0a020000ULL	/* GICv3 */
#define ITS_LEN		0x20000
#define GICR_ADDR	0x0b000000ULL	/* GICv3 */
#define GICR_LEN	0x20000		/* for each vCPU */
#define GICR_MAX	256
#define GICV2_CPUS_MAX	8

#define SPI_COUNT	32		/* that a GICv3 has: devices' and INTx */
#define V2_SPI_COUNT	256		/* GICv2: with those of the GICv2M */
#define MSI_GSI_FIRST	256		/* routes of MSIs, for both */
#define INTX_FIRST	16
#define INTX_LINES	8
#define V2M_SPI_FIRST	64		/* the MSIs of a GICv2M frame */
#define V2M_SPI_COUNT	192
#define PMU_PPI		7		/* INTID 23 */

#define IO_MMIO		0x0fff0000ULL
#define IO_BASE		0x1000ULL	/* I/O BARs */
#define IO_SIZE		0xf000ULL
#define MEM32_BASE	0x10000000ULL
#define ECAM_BASE	0x0e000000ULL
#define ECAM_SIZE	0x100000ULL
#define MEM64_MIN	0x100000000ULL
/* The largest page that a guest may have: no two BARs share one. */
#define BAR_ALIGN	0x10000ULL
/* clang-format on */

#endif
