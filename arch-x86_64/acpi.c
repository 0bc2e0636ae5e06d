/* SPDX-License-Identifier: Apache-2.0 */
#include "arch-x86_64/acpi.h"

#include <errno.h>
#include <string.h>

#include "arch-x86_64/layout.h"

/*
 * How it works: tables are appended to one buffer, each on a multiple of 16;
 * their addresses are gathered for the XSDT, the last of them, and the RSDP at
 * the front is filled in at the end. No SMM, no ACPI mode, no fixed hardware:
 * the hardware-reduced model (acpi-6.4 4.1).
 */

#define TABLE_ALIGN  16
#define TABLES_MAX   3 /* FADT, MADT, MCFG */

#define OEM_ID	     "BARGE "
#define OEM_TABLE_ID "BARGEVM "
#define OEM_REVISION 1
#define CREATOR	     "BARG"

/* acpi-6.4 5.2.6: offsets in the common header. */
#define SDT_LEN	     4
#define SDT_CHECKSUM 9

struct tables {
	struct aml a;
	uint64_t gpa; /* of a.buf */
	unsigned int n;
	uint64_t addr[TABLES_MAX];
};

static uint8_t checksum(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

static void zeroes(struct aml *a, size_t n)
{
	while (n--)
		aml_u8(a, 0);
}

/* Begin a table; returns its offset in the buffer. */
static size_t open_table(struct tables *t, const char *sig, unsigned int rev)
{
	struct aml *a = &t->a;
	size_t at;

	zeroes(a, -a->len % TABLE_ALIGN);
	at = a->len;
	aml_bytes(a, sig, 4);
	aml_u32(a, 0); /* length: close_table() */
	aml_u8(a, rev);
	aml_u8(a, 0); /* checksum, likewise */
	aml_bytes(a, OEM_ID, 6);
	aml_bytes(a, OEM_TABLE_ID, 8);
	aml_u32(a, OEM_REVISION);
	aml_bytes(a, CREATOR, 4);
	aml_u32(a, OEM_REVISION);
	return at;
}

/* Returns the guest-physical address. */
static uint64_t close_table(struct tables *t, size_t at)
{
	uint32_t len = (uint32_t)(t->a.len - at);
	uint8_t *p = t->a.buf + at;

	if (t->a.full)
		return 0;
	memcpy(p + SDT_LEN, &len, sizeof(len));
	p[SDT_CHECKSUM] = checksum(p, len);
	return t->gpa + at;
}

/* One that the XSDT lists. */
static void close_listed(struct tables *t, size_t at)
{
	t->addr[t->n++] = close_table(t, at);
}

static uint64_t write_dsdt(struct tables *t, const struct plan *plan)
{
	size_t at = open_table(t, "DSDT", 2);

	dsdt_write(&t->a, plan);
	return close_table(t, at);
}

/* --- FADT ------------------------------------------------------------------
 */

/* acpi-6.4 5.2.9: IAPC_BOOT_ARCH and flags; see there for what is absent. */
#define BOOT_LEGACY_DEVICES 0x0001 /* the serial port */
#define BOOT_NO_VGA	    0x0004
#define FADT_WBINVD	    (1U << 0)
#define FADT_PWR_BUTTON	    (1U << 4) /* a control method, if any */
#define FADT_SLP_BUTTON	    (1U << 5)
#define FADT_FIX_RTC	    (1U << 6) /* no wake status in fixed registers */
#define FADT_RESET_REG_SUP  (1U << 10)
#define FADT_HW_REDUCED	    (1U << 20)
#define FADT_FLAGS                                                             \
	(FADT_WBINVD | FADT_PWR_BUTTON | FADT_SLP_BUTTON | FADT_FIX_RTC |      \
	 FADT_RESET_REG_SUP | FADT_HW_REDUCED)

#define FADT_REVISION	   6
#define FADT_MINOR	   4
#define FADT_DSDT	   40 /* offsets */
#define FADT_BOOT_ARCH	   109
#define FADT_SLEEP_CONTROL 244

/* acpi-6.4 5.2.3.2: a byte-wide register in I/O space. */
static void write_io_register(struct aml *a, uint64_t port)
{
	aml_u8(a, 1); /* system I/O */
	aml_u8(a, 8); /* bits */
	aml_u8(a, 0);
	aml_u8(a, 1); /* byte access */
	aml_u64(a, port);
}

/* @off: in the table that begins at @at. */
static void pad_to(struct aml *a, size_t at, size_t off)
{
	if (!a->full)
		zeroes(a, at + off - a->len);
}

static void write_fadt(struct tables *t, uint64_t dsdt)
{
	struct aml *a = &t->a;
	size_t at = open_table(t, "FACP", FADT_REVISION);

	pad_to(a, at, FADT_DSDT);
	aml_u32(a, (uint32_t)dsdt);
	pad_to(a, at, FADT_BOOT_ARCH);
	aml_u16(a, BOOT_LEGACY_DEVICES | BOOT_NO_VGA);
	aml_u8(a, 0);
	aml_u32(a, FADT_FLAGS);
	write_io_register(a, PM_RESET);
	aml_u8(a, PM_RESET_VALUE);
	aml_u16(a, 0);
	aml_u8(a, FADT_MINOR);
	aml_u64(a, 0); /* no FACS: optional when hardware-reduced */
	aml_u64(a, dsdt);
	pad_to(a, at, FADT_SLEEP_CONTROL);
	write_io_register(a, PM_SLEEP_CTL);
	write_io_register(a, PM_SLEEP_STS);
	aml_bytes(a, "BARGE\0\0", 8); /* hypervisor vendor identity */
	close_listed(t, at);
}

/* --- MADT ------------------------------------------------------------------
 */

/* acpi-6.4 5.2.12: types of the entries. */
#define MADT_LAPIC	 0
#define MADT_IOAPIC	 1
#define MADT_OVERRIDE	 2
#define MADT_LAPIC_NMI	 4
#define MADT_X2APIC	 9
#define MADT_X2APIC_NMI	 10
#define MADT_ENABLED	 1
#define MADT_EDGE_HIGH	 0x5
#define MADT_X2APIC_FROM 255 /* the first id that a LAPIC entry cannot hold */

static void write_cpu(struct aml *a, unsigned int id)
{
	if (id < MADT_X2APIC_FROM) {
		aml_u8(a, MADT_LAPIC);
		aml_u8(a, 8);
		aml_u8(a, id); /* processor uid */
		aml_u8(a, id);
		aml_u32(a, MADT_ENABLED);
		return;
	}
	aml_u8(a, MADT_X2APIC);
	aml_u8(a, 16);
	aml_u16(a, 0);
	aml_u32(a, id);
	aml_u32(a, MADT_ENABLED);
	aml_u32(a, id);
}

/* NMI of all processors on LINT1. */
static void write_nmi(struct aml *a, unsigned int cpus)
{
	aml_u8(a, MADT_LAPIC_NMI);
	aml_u8(a, 6);
	aml_u8(a, 0xff);
	aml_u16(a, 0);
	aml_u8(a, 1);
	if (cpus <= MADT_X2APIC_FROM)
		return;
	aml_u8(a, MADT_X2APIC_NMI);
	aml_u8(a, 12);
	aml_u16(a, 0);
	aml_u32(a, 0xffffffff);
	aml_u8(a, 1);
	zeroes(a, 3);
}

static void write_ioapic(struct aml *a)
{
	aml_u8(a, MADT_IOAPIC);
	aml_u8(a, 12);
	aml_u8(a, IOAPIC_ID);
	aml_u8(a, 0);
	aml_u32(a, IOAPIC_ADDR);
	aml_u32(a, 0); /* its first GSI */
}

static void write_override(struct aml *a, unsigned int irq, unsigned int gsi)
{
	aml_u8(a, MADT_OVERRIDE);
	aml_u8(a, 10);
	aml_u8(a, 0); /* ISA */
	aml_u8(a, irq);
	aml_u32(a, gsi);
	aml_u16(a, MADT_EDGE_HIGH);
}

static void write_madt(struct tables *t, unsigned int cpus)
{
	struct aml *a = &t->a;
	size_t at = open_table(t, "APIC", 5);
	unsigned int i;

	aml_u32(a, LAPIC_ADDR);
	aml_u32(a, 0); /* no 8259s */
	for (i = 0; i < cpus && !a->full; i++)
		write_cpu(a, i);
	write_ioapic(a);
	write_override(a, 0, 2);
	/* without it irq 9 would be taken for the level-triggered SCI */
	write_override(a, PM_IRQ, PM_IRQ);
	write_nmi(a, cpus);
	close_listed(t, at);
}

/* --- the rest --------------------------------------------------------------
 */

/* PCI-FW-3.2 4.1.2 */
static void write_mcfg(struct tables *t, struct span ecam)
{
	struct aml *a = &t->a;
	size_t at;

	if (!ecam.len)
		return;
	at = open_table(t, "MCFG", 1);
	aml_u64(a, 0);
	aml_u64(a, ecam.base);
	aml_u16(a, 0); /* segment */
	aml_u8(a, 0);  /* first and last bus */
	aml_u8(a, 0);
	aml_u32(a, 0);
	close_listed(t, at);
}

static uint64_t write_xsdt(struct tables *t)
{
	size_t at = open_table(t, "XSDT", 1);
	unsigned int i;

	for (i = 0; i < t->n; i++)
		aml_u64(&t->a, t->addr[i]);
	return close_table(t, at);
}

/* acpi-6.4 5.2.5.3 */
#define RSDP_LEN	  36
#define RSDP_V1_LEN	  20
#define RSDP_CHECKSUM	  8
#define RSDP_EXT_CHECKSUM 32

static void write_rsdp(uint8_t *p, uint64_t xsdt)
{
	struct aml a = {.buf = p, .size = RSDP_LEN};

	aml_bytes(&a, "RSD PTR ", 8);
	aml_u8(&a, 0);
	aml_bytes(&a, OEM_ID, 6);
	aml_u8(&a, 2);	/* revision */
	aml_u32(&a, 0); /* no RSDT */
	aml_u32(&a, RSDP_LEN);
	aml_u64(&a, xsdt);
	aml_u32(&a, 0);
	p[RSDP_CHECKSUM] = checksum(p, RSDP_V1_LEN);
	p[RSDP_EXT_CHECKSUM] = checksum(p, RSDP_LEN);
}

int acpi_build(const struct plan *plan, uint64_t gpa, uint8_t *buf, size_t size)
{
	struct tables t = {.a = {.buf = buf, .size = size}, .gpa = gpa};
	uint64_t dsdt, xsdt;

	zeroes(&t.a, RSDP_LEN);
	dsdt = write_dsdt(&t, plan);
	write_fadt(&t, dsdt);
	write_madt(&t, plan->cpus);
	write_mcfg(&t, plan->ecam);
	xsdt = write_xsdt(&t);
	if (t.a.full)
		return -ENOSPC;
	write_rsdp(buf, xsdt);
	return (int)t.a.len;
}
