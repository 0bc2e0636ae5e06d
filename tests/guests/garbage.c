/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pseudo-random accesses to every port, to memory where no RAM is and to
 * configuration space, from two processors at once. Nothing is expected of the
 * values; barge has to survive and still power off. seed=N on the command line
 * makes another run.
 */
#include "tests/guests/guest.h"

#define ROUNDS 6000 /* unless the command line says rounds=N */

struct rnd {
	uint64_t s;
};

static volatile bool ap_done;

/* xorshift: any full-period generator does. */
static uint64_t rnd(struct rnd *r)
{
	r->s ^= r->s << 13;
	r->s ^= r->s >> 7;
	r->s ^= r->s << 17;
	return r->s;
}

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

/* The local APICs and the IOAPIC could put this processor to sleep. */
static bool addr_ends(uint64_t addr)
{
	uint64_t page = addr >> 12;

	return page == 0xfec00 || page == 0xfee00 || page + 1 == 0xfec00 ||
	       page + 1 == 0xfee00;
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

static void garbage(uint64_t seed)
{
	struct rnd r = {seed + cmdline_number("seed")};
	uint64_t end = ram_end();
	uint64_t rounds = cmdline_number("rounds");

	if (rounds == 0)
		rounds = ROUNDS;
	for (uint64_t i = 0; i < rounds; i++) {
		switch (rnd(&r) % 4) {
		case 0:
			port_garbage(&r);
			break;
		case 1:
			memory_garbage(&r, end, (UINT64_C(1) << 32) - end - 16);
			break;
		case 2: /* where ECAM is, more often than chance would */
			memory_garbage(&r, 0xe0000000, 0x200000);
			break;
		default:
			config_garbage(&r);
			break;
		}
	}
}

static void ap(void)
{
	garbage(0x243f6a8885a308d3);
	ap_done = true;
	halt();
}

/* Out of loopback, divisor and interrupts again. */
static void serial_restore(void)
{
	outb(COM1 + 3, 0x03);
	outb(COM1 + 1, 0);
	outb(COM1 + 2, 0);
	outb(COM1 + 4, 0x03);
	print("\n");
}

void guest_main(void)
{
	ap_start(ap);
	garbage(0x9e3779b97f4a7c15);
	while (!ap_done)
		__asm__ volatile("pause");
	serial_restore();
}
