/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message becomes an interrupt: by the ITS, which is told a device and its
 * events (GICv3 5.3), or, where there is none, by a frame of GICv2M.
 */
#include "tests/guests/aarch64/arch.h"

#define GITS_CTLR	0x0000
#define GITS_TYPER	0x0008
#define GITS_CBASER	0x0080
#define GITS_CWRITER	0x0088
#define GITS_CREADR	0x0090
#define GITS_BASER	0x0100
#define CTLR_ENABLED	1u
#define CTLR_QUIESCENT	(1u << 31)
#define TYPER_PTA	(UINT64_C(1) << 19)

#define VALID		(UINT64_C(1) << 63)
#define INNER_SHAREABLE (UINT64_C(1) << 10)
#define CACHED		(UINT64_C(7) << 59)
#define PAGES_64K	(UINT64_C(2) << 8)
#define BASER_TYPE(v)	((v) >> 56 & 7)
#define TYPE_DEVICES	1
#define TYPE_COLLECTION 4

#define GICR_CTLR	0x0000
#define GICR_PROPBASER	0x0070
#define GICR_PENDBASER	0x0078
#define CTLR_LPIS	1u
#define PROP_CACHED	(UINT64_C(7) << 7)
#define PENDING_NONE	(UINT64_C(1) << 62)
#define LPI_BITS	14
#define LPI_FIRST	8192u
#define LPI_ON		0xa3 /* priority; enabled */

/* GICv3 5.3: numbers of commands */
#define CMD_INT	   0x03
#define CMD_SYNC   0x05
#define CMD_MAPD   0x08
#define CMD_MAPC   0x09
#define CMD_MAPTI  0x0a
#define CMD_INV	   0x0c

#define DEVICE	   (UINT64_C(0x20) << 32) /* 00:04.0 */
#define EVENTS	   4u
#define EVENT_BITS 2u
#define COLLECTION 5u

#define V2M_TYPER  0x008
#define V2M_SETSPI 0x040

struct command {
	uint64_t w[4];
};

#define KIB64 0x10000
static struct command queue[128] __attribute__((aligned(KIB64)));
static uint8_t devices[KIB64] __attribute__((aligned(KIB64)));
static uint8_t collections[KIB64] __attribute__((aligned(KIB64)));
static uint8_t pending[KIB64] __attribute__((aligned(KIB64)));
static uint8_t properties[KIB64] __attribute__((aligned(KIB64)));
static uint8_t events[4096] __attribute__((aligned(4096)));
static uint64_t its;
static uint64_t processor;
static unsigned int queued;

static volatile unsigned int got[EVENTS];
static volatile unsigned int others;
static unsigned int first;

static void on_interrupt(unsigned int intid)
{
	if (intid >= first && intid - first < EVENTS)
		got[intid - first]++;
	else
		others++;
}

static void command(uint64_t w0, uint64_t w1, uint64_t w2)
{
	uint64_t t0 = now();
	uint64_t end;

	queue[queued++] = (struct command){{w0, w1, w2, 0}};
	check(queued < sizeof(queue) / sizeof(queue[0]), "too many commands");
	end = queued * sizeof(queue[0]);
	__asm__ volatile("dsb sy" : : : "memory");
	mmio_write(its + GITS_CWRITER, 8, end);
	while (mmio_read(its + GITS_CREADR, 8) != end)
		check(now() - t0 < 10 * second(), "the ITS takes no command");
}

static void its_tables(void)
{
	unsigned int seen = 0;

	for (unsigned int i = 0; i < 8; i++) {
		uint64_t at = its + GITS_BASER + 8u * i;
		uint64_t type = BASER_TYPE(mmio_read(at, 8));
		const uint8_t *table = type == TYPE_DEVICES	 ? devices
				       : type == TYPE_COLLECTION ? collections
								 : NULL;

		if (!table)
			continue;
		mmio_write(at, 8,
			   VALID | CACHED | INNER_SHAREABLE | PAGES_64K |
				   (uint64_t)table);
		check(mmio_read(at, 8) & VALID, "a table of the ITS");
		seen |= 1u << type;
	}
	check(seen & 1u << TYPE_DEVICES, "the ITS has no table of devices");
}

/* GICv3 6.1: configuration and pending bits of LPIs are in memory. */
static void lpis_on(void)
{
	uint64_t r = gic_redistributor();

	for (unsigned int i = 0; i < EVENTS; i++)
		properties[i] = LPI_ON;
	__asm__ volatile("dsb sy" : : : "memory");
	mmio_write(r + GICR_PROPBASER, 8,
		   PROP_CACHED | INNER_SHAREABLE | (uint64_t)properties |
			   (LPI_BITS - 1));
	mmio_write(r + GICR_PENDBASER, 8,
		   PENDING_NONE | PROP_CACHED | INNER_SHAREABLE |
			   (uint64_t)pending);
	mmio_write(r + GICR_CTLR, 4, CTLR_LPIS);
	processor = mmio_read(r + 8, 8) >> 8 & 0xffff; /* GICR_TYPER */
	processor <<= 16;
	if (mmio_read(its + GITS_TYPER, 8) & TYPER_PTA)
		processor = r;
}

static void its_on(void)
{
	uint64_t t0 = now();

	mmio_write(its + GITS_CTLR, 4, 0);
	while (!(mmio_read(its + GITS_CTLR, 4) & CTLR_QUIESCENT))
		check(now() - t0 < 10 * second(), "the ITS is not quiet");
	its_tables();
	mmio_write(its + GITS_CBASER, 8,
		   VALID | CACHED | INNER_SHAREABLE | (uint64_t)queue);
	mmio_write(its + GITS_CWRITER, 8, 0);
	lpis_on();
	mmio_write(its + GITS_CTLR, 4, CTLR_ENABLED);
}

static void check_its(void)
{
	its = fdt_reg(fdt_device("arm,gic-v3-its"), 0);
	first = LPI_FIRST;
	its_on();
	command(CMD_MAPC, 0, VALID | processor | COLLECTION);
	command(CMD_MAPD | DEVICE, EVENT_BITS - 1, VALID | (uint64_t)events);
	for (uint64_t i = 0; i < EVENTS; i++)
		command(CMD_MAPTI | DEVICE, i | (LPI_FIRST + i) << 32,
			COLLECTION);
	command(CMD_SYNC, 0, processor);
	for (uint64_t i = 0; i < EVENTS; i++) {
		command(CMD_INV | DEVICE, i, 0);
		command(CMD_INT | DEVICE, i, 0);
		command(CMD_SYNC, 0, processor);
		wait_for(&got[i], 1, "no interrupt of the ITS");
	}
}

static void check_v2m(void)
{
	uint64_t v2m = fdt_reg(fdt_device("arm,gic-v2m-frame"), 0);
	uint64_t type = mmio_read(v2m + V2M_TYPER, 4);

	first = type >> 16 & 0x3ff;
	check((type & 0x3ff) >= EVENTS, "interrupts of the frame");
	check(first >= 32, "first interrupt of the frame");
	for (unsigned int i = 0; i < EVENTS; i++) {
		gic_enable(first + i);
		mmio_write(v2m + V2M_SETSPI, 4, first + i);
		wait_for(&got[i], 1, "no interrupt of the frame");
	}
}

void guest_main(void)
{
	gic_start(on_interrupt);
	if (fdt_find("compatible", "arm,gic-v3-its", 0))
		check_its();
	else
		check_v2m();
	for (unsigned int i = 0; i < EVENTS; i++)
		check_eq(got[i], 1, "interrupts of one message");
	check_eq(others, 0, "interrupts nobody caused");
}
