/* SPDX-License-Identifier: Apache-2.0 */
#include "arch-aarch64/layout.h"

#include <errno.h>
#include <stddef.h>

#include "vmm/arch.h"

#define GIB	      (1ULL << 30)
#define PHYS_BITS_MAX 52 /* Arm-ARM D8.1.6: with FEAT_LPA2 or 64K pages */

/* First address that a guest with @phys_bits of address cannot have. */
static uint64_t phys_limit(unsigned int phys_bits)
{
	if (phys_bits > PHYS_BITS_MAX)
		phys_bits = PHYS_BITS_MAX;
	return 1ULL << phys_bits;
}

static uint64_t ram_max(uint64_t limit)
{
	uint64_t max = limit > RAM_BASE ? limit - RAM_BASE : 0;

	return max < RAM_MAX ? max : RAM_MAX;
}

static struct span mem64_of(uint64_t ram_end, uint64_t limit)
{
	uint64_t base = (ram_end + GIB - 1) & ~(GIB - 1);

	if (base < MEM64_MIN)
		base = MEM64_MIN;
	if (base >= limit)
		return (struct span){0, 0};
	return (struct span){base, limit - base};
}

int arch_layout_make(struct arch_layout *l, uint64_t memory,
		     unsigned int phys_bits, struct err *e)
{
	uint64_t limit = phys_limit(phys_bits);
	uint64_t max = ram_max(limit);

	if (memory < RAM_MIN)
		return err_set_num(e, -EINVAL, ERR_MEMORY_SMALL, NULL, memory,
				   RAM_MIN);
	if (memory > max)
		return err_set_num(e, -EINVAL, ERR_MEMORY_LARGE, NULL, memory,
				   max);
	/* max is a multiple of RAM_UNIT: rounding up does not pass it */
	memory = (memory + RAM_UNIT - 1) & ~(RAM_UNIT - 1);
	*l = (struct arch_layout){
		.ecam = {ECAM_BASE, ECAM_SIZE},
		.mem32 = {MEM32_BASE, RAM_BASE - MEM32_BASE},
		.mem64 = mem64_of(RAM_BASE + memory, limit),
		.io = {IO_BASE, IO_SIZE},
		.io_mmio = IO_MMIO,
		.bar_align = BAR_ALIGN,
		.n_ram = 1,
		.ram = {{RAM_BASE, memory}},
	};
	return 0;
}

/* clang-format off */
static const struct dev_place places[] = {
	{ "uart16550", BUS_MMIO, UART_IRQ, 1, {{ UART_ADDR, UART_LEN }} },
	{ "pl031", BUS_MMIO, 0, 1, {{ RTC_ADDR, RTC_LEN }} },
	{ "pl061", BUS_MMIO, GPIO_IRQ, 1, {{ GPIO_ADDR, GPIO_LEN }} },
	{ "pvpanic", BUS_MMIO, 0, 1, {{ PVPANIC_ADDR, PVPANIC_LEN }} },
	{ "exit", BUS_MMIO, 0, 1, {{ EXIT_ADDR, EXIT_LEN }} },
	{ "gic-v2m", BUS_MMIO, V2M_SPI_FIRST, 1, {{ V2M_ADDR, V2M_LEN }} },
};
/* clang-format on */

const struct dev_place *arch_places(unsigned int *n)
{
	*n = sizeof(places) / sizeof(places[0]);
	return places;
}

unsigned int arch_intx_gsi(unsigned int slot, unsigned int pin)
{
	return INTX_FIRST + (slot + pin) % INTX_LINES;
}
