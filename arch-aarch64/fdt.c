// SPDX-License-Identifier: Apache-2.0
#include "arch-aarch64/fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <limits.h>

#include "arch-aarch64/layout.h"

/*
 * How it works: libfdt's sequential writer, from the first node to the last.
 * The first error is kept and nothing is written after it. A node's properties
 * come before its children (DT-0.4 5.4.1). Cited bindings are files below
 * linux-bindings.
 */

struct tree {
	void *fdt;
	int err; /* libfdt's, 0: none so far */
};

enum {
	PHANDLE_GIC = 1,
	PHANDLE_MSI,
	PHANDLE_CLOCK,
	PHANDLE_GPIO,
};

/* dt-bindings/interrupt-controller of linux-bindings */
#define IRQ_SPI	       0
#define IRQ_PPI	       1
#define IRQ_LEVEL_HIGH 4
#define IRQ_LEVEL_LOW  8

#define SPI_INTID      32 /* INTID of the first SPI */

/* Two cells of a number of 64 bits. */
#define TWO(n) (uint32_t)((uint64_t)(n) >> 32), (uint32_t)(n)

/* --- writing ---------------------------------------------------------------
 */

static void keep(struct tree *t, int err)
{
	if (!t->err)
		t->err = err;
}

static void begin(struct tree *t, const char *name)
{
	if (!t->err)
		keep(t, fdt_begin_node(t->fdt, name));
}

static void end(struct tree *t)
{
	if (!t->err)
		keep(t, fdt_end_node(t->fdt));
}

#define NAME_MAX_LEN 31 /* DT-0.4 2.2.1, before the unit address */

/* Begin node "@name@@unit", the unit address being hexadecimal. */
static void begin_at(struct tree *t, const char *name, uint64_t unit)
{
	static const char digits[] = "0123456789abcdef";
	char text[NAME_MAX_LEN + 1 + 16 + 1];
	size_t n = strnlen(name, NAME_MAX_LEN);
	int shift = 60;

	memcpy(text, name, n);
	text[n++] = '@';
	while (shift && !(unit >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		text[n++] = digits[unit >> shift & 15];
	text[n] = '\0';
	begin(t, text);
}

static void prop(struct tree *t, const char *name, const void *val, size_t len)
{
	if (!t->err)
		keep(t, fdt_property(t->fdt, name, val, (int)len));
}

static void prop_cells(struct tree *t, const char *name, const uint32_t *val,
		       size_t n)
{
	void *at;

	if (t->err)
		return;
	keep(t, fdt_property_placeholder(t->fdt, name, (int)(n * 4), &at));
	for (size_t i = 0; i < n && !t->err; i++)
		fdt32_st((char *)at + i * 4, val[i]);
}

/* A property without a value, which is true when it is there. */
#define FLAG(t, name) prop(t, name, NULL, 0)
/* A literal; several strings are one with \0 between them. */
#define TEXT(t, name, text) prop(t, name, text, sizeof(text))
#define CELLS(t, name, ...)                                                    \
	prop_cells(t, name, (const uint32_t[]){__VA_ARGS__},                   \
		   sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void prop_reg(struct tree *t, uint64_t addr, uint64_t len)
{
	CELLS(t, "reg", TWO(addr), TWO(len));
}

static void prop_spi(struct tree *t, unsigned int spi)
{
	CELLS(t, "interrupts", IRQ_SPI, spi, IRQ_LEVEL_HIGH);
}

/* --- memory, processors and what is in them --------------------------------
 */

/* Zeroes are none: a guest may believe that a seed is random. */
static void prop_seed(struct tree *t, const char *name, const uint8_t *seed,
		      size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= seed[i];
	if (any)
		prop(t, name, seed, len);
}

/* The node that has no hardware: chosen.yaml of dt-schema, DT-0.4 3.6. */
static void write_chosen(struct tree *t, const struct fdt_spec *s)
{
	uint64_t initrd_end = s->initrd.base + s->initrd.len;

	begin(t, "chosen");
	prop(t, "bootargs", s->cmdline, strlen(s->cmdline) + 1);
	TEXT(t, "stdout-path", "serial0:115200n8");
	if (s->initrd.len) {
		CELLS(t, "linux,initrd-start", TWO(s->initrd.base));
		CELLS(t, "linux,initrd-end", TWO(initrd_end));
	}
	prop_seed(t, "kaslr-seed", s->kaslr_seed, sizeof(s->kaslr_seed));
	prop_seed(t, "rng-seed", s->rng_seed, sizeof(s->rng_seed));
	end(t);
}

static void write_memory(struct tree *t, const struct plan *p)
{
	uint32_t reg[PLAN_RAM_MAX * 4];
	unsigned int n = 0;

	for (unsigned int i = 0; i < p->n_ram; i++) {
		const uint32_t one[] = {TWO(p->ram[i].base),
					TWO(p->ram[i].len)};

		memcpy(&reg[n], one, sizeof(one));
		n += 4;
	}
	begin_at(t, "memory", p->ram[0].base);
	TEXT(t, "device_type", "memory");
	prop_cells(t, "reg", reg, n);
	end(t);
}

/* MPIDR_EL1 as KVM makes it of the number of a vCPU (Arm-ARM D19.2.101). */
static uint32_t mpidr(unsigned int id)
{
	return (id & 15) | (id >> 4 & 0xff) << 8 | (id >> 12 & 0xff) << 16;
}

/* arm/cpus.yaml */
static void write_cpus(struct tree *t, unsigned int cpus)
{
	begin(t, "cpus");
	CELLS(t, "#address-cells", 1);
	CELLS(t, "#size-cells", 0);
	for (unsigned int id = 0; id < cpus && !t->err; id++) {
		begin_at(t, "cpu", mpidr(id));
		TEXT(t, "device_type", "cpu");
		TEXT(t, "compatible", "arm,armv8");
		TEXT(t, "enable-method", "psci");
		CELLS(t, "reg", mpidr(id));
		end(t);
	}
	end(t);
}

/* arm/psci.yaml; the version is that of PSCI_VERSION (PSCI-1.1 5.3.1). */
static void write_psci(struct tree *t, uint32_t version)
{
	begin(t, "psci");
	if (version >> 16 >= 1)
		TEXT(t, "compatible", "arm,psci-1.0\0arm,psci-0.2");
	else
		TEXT(t, "compatible", "arm,psci-0.2");
	TEXT(t, "method", "hvc");
	end(t);
}

/*
 * Flags of a PPI. arm,gic.yaml wants the processors that have it in bits 8 to
 * 15; GICv3 has no such bits.
 */
static uint32_t ppi_flags(const struct fdt_spec *s, uint32_t flags)
{
	unsigned int cpus = s->plan->cpus;

	if (s->gic == FDT_GIC_V3)
		return flags;
	if (cpus > GICV2_CPUS_MAX)
		cpus = GICV2_CPUS_MAX;
	return flags | ((1u << cpus) - 1) << 8;
}

/* timer/arm,arch_timer.yaml: secure, non-secure, virtual, hypervisor. */
static void write_timer(struct tree *t, const struct fdt_spec *s)
{
	uint32_t low = ppi_flags(s, IRQ_LEVEL_LOW);

	begin(t, "timer");
	TEXT(t, "compatible", "arm,armv8-timer");
	CELLS(t, "interrupts", IRQ_PPI, 13, low, IRQ_PPI, 14, low, IRQ_PPI, 11,
	      low, IRQ_PPI, 10, low);
	FLAG(t, "always-on");
	end(t);
}

/* arm/pmu.yaml */
static void write_pmu(struct tree *t, const struct fdt_spec *s)
{
	begin(t, "pmu");
	TEXT(t, "compatible", "arm,armv8-pmuv3");
	CELLS(t, "interrupts", IRQ_PPI, PMU_PPI, ppi_flags(s, IRQ_LEVEL_HIGH));
	end(t);
}

/* --- interrupt controllers -------------------------------------------------
 */

static void begin_gic(struct tree *t)
{
	begin_at(t, "interrupt-controller", GICD_ADDR);
	CELLS(t, "phandle", PHANDLE_GIC);
	FLAG(t, "interrupt-controller");
	CELLS(t, "#interrupt-cells", 3);
	CELLS(t, "#address-cells", 2);
	CELLS(t, "#size-cells", 2);
	FLAG(t, "ranges");
}

/* interrupt-controller/arm,gic-v3.yaml */
static void write_its(struct tree *t)
{
	begin_at(t, "msi-controller", ITS_ADDR);
	CELLS(t, "phandle", PHANDLE_MSI);
	TEXT(t, "compatible", "arm,gic-v3-its");
	FLAG(t, "msi-controller");
	CELLS(t, "#msi-cells", 1);
	prop_reg(t, ITS_ADDR, ITS_LEN);
	end(t);
}

static void write_gic_v3(struct tree *t, const struct fdt_spec *s)
{
	uint64_t gicr_len = (uint64_t)s->plan->cpus * GICR_LEN;

	begin_gic(t);
	TEXT(t, "compatible", "arm,gic-v3");
	CELLS(t, "#redistributor-regions", 1);
	CELLS(t, "reg", TWO(GICD_ADDR), TWO(GICD_LEN), TWO(GICR_ADDR),
	      TWO(gicr_len));
	if (s->msi)
		write_its(t);
	end(t);
}

/* interrupt-controller/arm,gic.yaml: numbers in a v2m frame are INTIDs. */
static void write_v2m(struct tree *t)
{
	begin_at(t, "v2m", V2M_ADDR);
	CELLS(t, "phandle", PHANDLE_MSI);
	TEXT(t, "compatible", "arm,gic-v2m-frame");
	FLAG(t, "msi-controller");
	prop_reg(t, V2M_ADDR, V2M_LEN);
	CELLS(t, "arm,msi-base-spi", SPI_INTID + V2M_SPI_FIRST);
	CELLS(t, "arm,msi-num-spis", V2M_SPI_COUNT);
	end(t);
}

static void write_gic_v2(struct tree *t, const struct fdt_spec *s)
{
	begin_gic(t);
	TEXT(t, "compatible", "arm,cortex-a15-gic");
	CELLS(t, "reg", TWO(GICD_ADDR), TWO(GICD_LEN), TWO(GICC_ADDR),
	      TWO(GICC_LEN));
	if (s->msi)
		write_v2m(t);
	end(t);
}

/* --- devices ---------------------------------------------------------------
 */

#define CLOCK_HZ      24000000
#define UART_CLOCK_HZ 1843200 /* PC16550D 8.5 */
#define UART_BAUD     115200

/* clock/fixed-clock.yaml: PrimeCells have to have one. */
static void write_clock(struct tree *t)
{
	begin(t, "apb-pclk");
	CELLS(t, "phandle", PHANDLE_CLOCK);
	TEXT(t, "compatible", "fixed-clock");
	CELLS(t, "#clock-cells", 0);
	CELLS(t, "clock-frequency", CLOCK_HZ);
	end(t);
}

/* serial/8250.yaml: registers are bytes, one beside the other. */
static void write_uart(struct tree *t)
{
	begin_at(t, "serial", UART_ADDR);
	TEXT(t, "compatible", "ns16550a");
	prop_reg(t, UART_ADDR, UART_LEN);
	prop_spi(t, UART_IRQ);
	CELLS(t, "clock-frequency", UART_CLOCK_HZ);
	CELLS(t, "current-speed", UART_BAUD);
	end(t);
}

/* arm/primecell.yaml */
static void prop_clock(struct tree *t)
{
	CELLS(t, "clocks", PHANDLE_CLOCK);
	TEXT(t, "clock-names", "apb_pclk");
}

/*
 * rtc/arm,pl031.yaml. Without an interrupt: it has no alarm, and Linux must not
 * wait for one.
 */
static void write_rtc(struct tree *t)
{
	begin_at(t, "rtc", RTC_ADDR);
	TEXT(t, "compatible", "arm,pl031\0arm,primecell");
	prop_reg(t, RTC_ADDR, RTC_LEN);
	prop_clock(t);
	end(t);
}

/* gpio/pl061-gpio.yaml */
static void write_gpio(struct tree *t)
{
	begin_at(t, "gpio", GPIO_ADDR);
	CELLS(t, "phandle", PHANDLE_GPIO);
	TEXT(t, "compatible", "arm,pl061\0arm,primecell");
	prop_reg(t, GPIO_ADDR, GPIO_LEN);
	prop_spi(t, GPIO_IRQ);
	FLAG(t, "gpio-controller");
	CELLS(t, "#gpio-cells", 2);
	FLAG(t, "interrupt-controller");
	CELLS(t, "#interrupt-cells", 2);
	CELLS(t, "#address-cells", 0); /* dtc asks for it */
	prop_clock(t);
	end(t);
}

#define KEY_POWER	 116 /* dt-bindings/input/linux-event-codes.h */
#define GPIO_ACTIVE_HIGH 0

/* input/gpio-keys.yaml */
static void write_button(struct tree *t)
{
	begin(t, "gpio-keys");
	TEXT(t, "compatible", "gpio-keys");
	begin(t, "key-power");
	TEXT(t, "label", "power button");
	CELLS(t, "linux,code", KEY_POWER);
	CELLS(t, "gpios", PHANDLE_GPIO, GPIO_BUTTON, GPIO_ACTIVE_HIGH);
	end(t);
	end(t);
}

/* misc/pvpanic-mmio.txt */
static void write_pvpanic(struct tree *t)
{
	begin_at(t, "pvpanic", PVPANIC_ADDR);
	TEXT(t, "compatible", "qemu,pvpanic-mmio");
	prop_reg(t, PVPANIC_ADDR, PVPANIC_LEN);
	end(t);
}

/* Ours alone: a guest made for barge ends itself there, with a status. */
static void write_exit(struct tree *t)
{
	begin_at(t, "exit", EXIT_ADDR);
	TEXT(t, "compatible", "barge,exit");
	prop_reg(t, EXIT_ADDR, EXIT_LEN);
	end(t);
}

/* --- PCI -------------------------------------------------------------------
 */

/*
 * The first cell of an address (pci/host-generic-pci.yaml). No window is marked
 * as prefetchable: a BAR that is not may be in none of those, while one that is
 * may be in any, and the plan puts all 64-bit BARs into the same.
 */
#define SPACE_IO    0x01000000u
#define SPACE_MEM32 0x02000000u
#define SPACE_MEM64 0x03000000u
#define PORTS	    0x10000ULL
#define PCI_PINS    4
#define MAP_CELLS   10 /* of one entry of interrupt-map */
#define MAP_ENTRIES ((size_t)INTX_LINES * PCI_PINS)

struct ranges {
	uint32_t cell[3 * 7];
	unsigned int n;
};

static void range_add(struct ranges *r, uint32_t space, uint64_t pci,
		      struct span cpu)
{
	const uint32_t one[] = {space, TWO(pci), TWO(cpu.base), TWO(cpu.len)};

	if (!cpu.len)
		return;
	memcpy(&r->cell[r->n], one, sizeof(one));
	r->n += sizeof(one) / 4;
}

/*
 * All ports, though BARs begin at 1000: Linux maps what it is given with pages
 * of its own size, which may be 64 KiB.
 */
static void prop_ranges(struct tree *t, const struct plan *p)
{
	struct span ports = {p->io_mmio, p->io.len ? PORTS : 0};
	struct ranges r = {.n = 0};

	range_add(&r, SPACE_IO, 0, ports);
	range_add(&r, SPACE_MEM32, p->mem32.base, p->mem32);
	range_add(&r, SPACE_MEM64, p->mem64.base, p->mem64);
	prop_cells(t, "ranges", r.cell, r.n);
}

/*
 * DT-0.4 2.4.3: {three cells of a PCI address, pin from 1} to {GIC, two cells
 * of an address that it does not look at, three of an interrupt}. Slots that
 * are INTX_LINES apart have the same interrupts: the mask drops the rest.
 */
static void prop_interrupt_map(struct tree *t)
{
	uint32_t map[MAP_ENTRIES * MAP_CELLS];
	uint32_t *at = map;

	for (unsigned int i = 0; i < MAP_ENTRIES; i++) {
		unsigned int slot = i / PCI_PINS;
		unsigned int pin = i % PCI_PINS;
		const uint32_t one[MAP_CELLS] = {
			slot << 11,
			0,
			0,
			pin + 1,
			PHANDLE_GIC,
			0,
			0,
			IRQ_SPI,
			arch_intx_gsi(slot, pin),
			IRQ_LEVEL_HIGH,
		};

		memcpy(at, one, sizeof(one));
		at += MAP_CELLS;
	}
	CELLS(t, "#interrupt-cells", 1);
	CELLS(t, "interrupt-map-mask", (INTX_LINES - 1) << 11, 0, 0, 7);
	prop_cells(t, "interrupt-map", map, MAP_ENTRIES * MAP_CELLS);
}

/*
 * pci/pci-msi.txt: to the ITS, a device's id is its place on the bus; a v2m
 * frame asks for none.
 */
static void prop_msi(struct tree *t, const struct fdt_spec *s)
{
	if (!s->msi)
		return;
	if (s->gic == FDT_GIC_V3)
		CELLS(t, "msi-map", 0, PHANDLE_MSI, 0, 0x10000);
	else
		CELLS(t, "msi-parent", PHANDLE_MSI);
}

/*
 * pci/host-generic-pci.yaml. BARs have their addresses already, and a guest
 * that gives them others inside the windows is followed: that is left to it
 * (no linux,pci-probe-only).
 */
static void write_pcie(struct tree *t, const struct fdt_spec *s)
{
	const struct plan *p = s->plan;

	begin_at(t, "pcie", p->ecam.base);
	TEXT(t, "compatible", "pci-host-ecam-generic");
	TEXT(t, "device_type", "pci");
	CELLS(t, "#address-cells", 3);
	CELLS(t, "#size-cells", 2);
	prop_reg(t, p->ecam.base, p->ecam.len);
	CELLS(t, "bus-range", 0, 0);
	CELLS(t, "linux,pci-domain", 0);
	FLAG(t, "dma-coherent");
	prop_ranges(t, p);
	prop_interrupt_map(t);
	prop_msi(t, s);
	end(t);
}

/* --- the tree --------------------------------------------------------------
 */

/* Without it the serial port could be any other than the first. */
static void write_aliases(struct tree *t)
{
	begin(t, "aliases");
	/* UART_ADDR; test_aarch64_fdt follows the path */
	TEXT(t, "serial0", "/serial@9000000");
	end(t);
}

static void write_devices(struct tree *t)
{
	write_clock(t);
	write_uart(t);
	write_rtc(t);
	write_gpio(t);
	write_button(t);
	write_pvpanic(t);
	write_exit(t);
}

static void write_root(struct tree *t, const struct fdt_spec *s)
{
	begin(t, "");
	TEXT(t, "compatible", "linux,dummy-virt");
	TEXT(t, "model", "barge");
	CELLS(t, "#address-cells", 2);
	CELLS(t, "#size-cells", 2);
	CELLS(t, "interrupt-parent", PHANDLE_GIC);
	write_aliases(t);
	write_chosen(t, s);
	write_memory(t, s->plan);
	write_cpus(t, s->plan->cpus);
	write_psci(t, s->psci);
	write_timer(t, s);
	if (s->pmu)
		write_pmu(t, s);
	if (s->gic == FDT_GIC_V3)
		write_gic_v3(t, s);
	else
		write_gic_v2(t, s);
	write_devices(t);
	write_pcie(t, s);
	end(t);
}

int fdt_build(void *buf, size_t size, const struct fdt_spec *s)
{
	struct tree t = {.fdt = buf};

	if (size > INT_MAX)
		size = INT_MAX;
	keep(&t, fdt_create(buf, (int)size));
	if (!t.err)
		keep(&t, fdt_finish_reservemap(buf));
	write_root(&t, s);
	if (!t.err)
		keep(&t, fdt_finish(buf));
	if (!t.err)
		return 0;
	return t.err == -FDT_ERR_NOSPACE ? -ENOSPC : -EINVAL;
}
