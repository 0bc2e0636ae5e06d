/* SPDX-License-Identifier: Apache-2.0 */
#include "arch-x86_64/layout.h"

#include <errno.h>
#include <stddef.h>

#include "vmm/arch.h"

#define GIB	      (1ULL << 30)
#define PHYS_BITS_MAX 52 /* SDM 3A 4.1.4: MAXPHYADDR is at most 52 */

#define INTX_FIRST    16
#define INTX_LINES    8

/* First address that a guest with @phys_bits of address cannot have. */
static uint64_t phys_limit(unsigned int phys_bits)
{
	if (phys_bits <= 32)
		return RAM_HIGH;
	if (phys_bits > PHYS_BITS_MAX)
		phys_bits = PHYS_BITS_MAX;
	return 1ULL << phys_bits;
}

/* Most RAM that fits over 4 GiB, in one piece, below @limit. */
static uint64_t high_ram_max(uint64_t limit)
{
	uint64_t below = (limit < HT_BASE ? limit : HT_BASE) - RAM_HIGH;
	uint64_t above = limit > HT_END ? limit - HT_END : 0;

	if (below > above)
		above = below;
	return above < RAM_PART_MAX ? above : RAM_PART_MAX;
}

/* RAM that would reach into the HyperTransport hole goes above it as a whole.
 */
static uint64_t high_ram_base(uint64_t len)
{
	return len <= HT_BASE - RAM_HIGH ? RAM_HIGH : HT_END;
}

static struct span between(uint64_t base, uint64_t end)
{
	if (base >= end)
		return (struct span){0, 0};
	return (struct span){base, end - base};
}

/* Fill in RAM; returns the address that is free above it. */
static uint64_t lay_ram(struct arch_layout *l, uint64_t memory)
{
	uint64_t low = memory < RAM_LOW_MAX ? memory : RAM_LOW_MAX;
	uint64_t high = memory - low;

	l->n_ram = 1;
	l->ram[0] = (struct span){0, low};
	if (!high)
		return RAM_HIGH;
	l->n_ram = 2;
	l->ram[1] = (struct span){high_ram_base(high), high};
	return l->ram[1].base + high;
}

int arch_layout_make(struct arch_layout *l, uint64_t memory,
		     unsigned int phys_bits, struct err *e)
{
	uint64_t limit = phys_limit(phys_bits);
	uint64_t max = RAM_LOW_MAX + high_ram_max(limit);
	uint64_t top;

	if (memory < RAM_MIN)
		return err_set_num(e, -EINVAL, ERR_MEMORY_SMALL, NULL, memory,
				   RAM_MIN);
	if (memory > max)
		return err_set_num(e, -EINVAL, ERR_MEMORY_LARGE, NULL, memory,
				   max);
	/* max is a multiple of RAM_UNIT: rounding up does not pass it */
	memory = (memory + RAM_UNIT - 1) & ~(RAM_UNIT - 1);
	*l = (struct arch_layout){
		.conf1 = {PCI_CONF1_PORT, PCI_CONF1_LEN},
		.ecam = {ECAM_BASE, ECAM_SIZE},
		.mem32 = {MEM32_BASE, ECAM_BASE - MEM32_BASE},
		.io = {IO_BASE, IO_SIZE},
		.hole = {HT_BASE, HT_END - HT_BASE},
		.bar_align = BAR_ALIGN,
	};
	top = lay_ram(l, memory);
	l->mem64 = between((top + GIB - 1) & ~(GIB - 1), limit);
	return 0;
}

/* clang-format off */
static const struct dev_place places[] = {
	{ "uart16550", BUS_PIO, UART_IRQ, 1, {{ UART_PORT, UART_LEN }} },
	{ "i8042", BUS_PIO, 0, 2, {{ I8042_DATA_PORT, 1 }, { I8042_CMD_PORT, 1 }} },
	{ "cmos-rtc", BUS_PIO, RTC_IRQ, 1, {{ RTC_PORT, RTC_LEN }} },
	{ "acpi-pm", BUS_PIO, PM_IRQ, 1, {{ PM_PORT, PM_LEN }} },
	{ "pvpanic", BUS_PIO, 0, 1, {{ PVPANIC_PORT, 1 }} },
	{ "exit", BUS_PIO, 0, 1, {{ EXIT_PORT, EXIT_LEN }} },
	{ "exit", BUS_MMIO, 0, 1, {{ EXIT_ADDR, EXIT_LEN }} },
	{ "pci-eject", BUS_PIO, EJECT_IRQ, 1, {{ EJECT_PORT, EJECT_LEN }} },
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
