/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/x86_64/arch.h"

/* Ports that end the VM, or that another test is about. */
static bool port_ends(unsigned int port, unsigned int len)
{
	static const struct {
		uint16_t first;
		uint16_t last;
	} ends[] = {
		{0x64, 0x64},	{0x92, 0x92},	{0xf4, 0xf7},
		{0xcf9, 0xcf9}, {0x501, 0x505}, {0x600, 0x603},
	};

	for (unsigned int i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (port <= ends[i].last && port + len > ends[i].first)
			return true;
	}
	return false;
}

/* Most ports are empty: prefer those where something is. */
static uint16_t some_port(struct rnd *r)
{
	static const uint16_t base[] = {0x20,  0x40,  0x60,   0x70,  0x80,
					0xa0,  0x3f0, 0x3f8,  0x500, 0x600,
					0xcf8, 0xcfc, 0x9000, 0xfff0};
	uint64_t v = rnd(r);

	if (v & 1)
		return (uint16_t)(v >> 16);
	return (uint16_t)(base[(v >> 8) % (sizeof(base) / sizeof(base[0]))] +
			  (v >> 16 & 15));
}

static void port_garbage(struct rnd *r)
{
	uint16_t port = some_port(r);
	unsigned int len = 1u << rnd(r) % 3;
	uint64_t val = rnd(r);

	if (port_ends(port, len) && !(port == 0xcf8 && len == 4))
		return;
	if (val >> 63)
		pio_write(port, len, (uint32_t)val);
	else
		(void)pio_read(port, len);
}

/*
 * The local APICs and the IOAPIC could put this processor to sleep; the exit
 * device ends the VM.
 */
static bool addr_ends(uint64_t addr)
{
	uint64_t page = addr >> 12;

	return page == 0xfec00 || page == 0xfee00 || page + 1 == 0xfec00 ||
	       page + 1 == 0xfee00 || page == 0xfe000 || page + 1 == 0xfe000;
}

static void memory_garbage(struct rnd *r, uint64_t base, uint64_t len)
{
	uint64_t addr = base + rnd(r) % len;
	unsigned int size = 1u << rnd(r) % 4;
	uint64_t val = rnd(r);

	if (addr_ends(addr))
		return;
	if (val & 1)
		mmio_write(addr, size, val);
	else
		(void)mmio_read(addr, size);
}

static void config_garbage(struct rnd *r)
{
	uint64_t v = rnd(r);
	unsigned int len = 1u << (v >> 40) % 3;
	uint16_t port = (uint16_t)(0xcfc + (v >> 44 & 3));

	outl(0xcf8, (uint32_t)v | 0x80000000);
	if (v >> 63)
		pio_write(port, len, (uint32_t)rnd(r));
	else
		(void)pio_read(port, len);
}

void garbage_step(struct rnd *r)
{
	uint64_t end = ram_end();

	switch (rnd(r) % 4) {
	case 0:
		port_garbage(r);
		break;
	case 1:
		memory_garbage(r, end, (UINT64_C(1) << 32) - end - 16);
		break;
	case 2: /* where ECAM is, more often than chance would */
		memory_garbage(r, 0xe0000000, 0x200000);
		break;
	default:
		config_garbage(r);
		break;
	}
}
