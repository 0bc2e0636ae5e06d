/* SPDX-License-Identifier: Apache-2.0 */
#include "arch-x86_64/acpi.h"
#include "arch-x86_64/layout.h"
#include "vmm/arch.h"

#define PRT_SLOTS 32
#define PRT_PINS  4

/* acpi-6.4 6.2.11: the id of _OSC on a PCI host bridge, as ToUUID() has it. */
static const uint8_t osc_uuid[16] = {
	0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
	0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66,
};

/* PCI-FW-3.2 4.5.1: what an OS may take over: PME, PCIe capability, LTR. */
#define OSC_GRANTED 0x34

/* acpi-6.4 6.2.11.1.2: bits of the first dword. */
#define OSC_UNKNOWN_UUID 0x04
#define OSC_UNKNOWN_REV	 0x08
#define OSC_MASKED	 0x10

#define NOTIFY_BUTTON	 0x80 /* acpi-6.4 5.6.6 */
#define NOTIFY_EJECT	 3
#define EVENT_BUTTON	 0x01 /* of PM_EVENT */
#define SPACE_IO	 1    /* acpi-6.4 19.6.100: SystemIO */
#define FIELD_BYTE	 1    /* ByteAcc, NoLock, Preserve */
#define FIELD_DWORD	 3    /* DWordAcc, NoLock, Preserve */

/* --- host bridge -----------------------------------------------------------
 */

static void write_window(struct aml *a, struct span s,
			 void (*write)(struct aml *a, struct span s))
{
	if (s.len)
		write(a, s);
}

static void write_bridge_crs(struct aml *a, const struct plan *plan)
{
	size_t crs = aml_open_crs(a);

	aml_crs_buses(a, 0, 0);
	aml_crs_io(a, PCI_CONF1_PORT, PCI_CONF1_LEN);
	write_window(a, plan->io, aml_crs_io_window);
	write_window(a, plan->mem32, aml_crs_memory_window);
	write_window(a, plan->mem64, aml_crs_memory_window);
	aml_close_crs(a, crs);
}

/* acpi-6.4 6.2.13: {slot of any function, pin, no link device, GSI}. */
static void write_route(struct aml *a, unsigned int slot, unsigned int pin)
{
	size_t pkg = aml_open_package(a, 4);

	aml_int(a, slot << 16 | 0xffff);
	aml_int(a, pin);
	aml_int(a, 0);
	aml_int(a, arch_intx_gsi(slot, pin));
	aml_close(a, pkg);
}

static void write_prt(struct aml *a)
{
	unsigned int slot, pin;
	size_t pkg;

	aml_op(a, AML_NAME);
	aml_path(a, "_PRT");
	pkg = aml_open_package(a, PRT_SLOTS * PRT_PINS);
	for (slot = 0; slot < PRT_SLOTS; slot++)
		for (pin = 0; pin < PRT_PINS; pin++)
			write_route(a, slot, pin);
	aml_close(a, pkg);
}

/* Name @field for the dword at @off of Arg3. */
static void osc_field(struct aml *a, unsigned int off, const char *field)
{
	aml_op(a, AML_CREATE_DWORD_FIELD);
	aml_op(a, AML_ARG3);
	aml_int(a, off);
	aml_path(a, field);
}

/* CDW1 |= bits */
static void osc_report(struct aml *a, unsigned int bits)
{
	aml_op(a, AML_OR);
	aml_path(a, "CDW1");
	aml_int(a, bits);
	aml_path(a, "CDW1");
}

/*
 * Local0 = CDW3 & OSC_GRANTED; if (Arg1 != 1) report the revision;
 * if (Local0 != CDW3) report the mask; CDW3 = Local0.
 */
static void osc_grant(struct aml *a)
{
	size_t body;

	osc_field(a, 8, "CDW3");
	aml_op(a, AML_AND);
	aml_path(a, "CDW3");
	aml_int(a, OSC_GRANTED);
	aml_op(a, AML_LOCAL0);

	body = aml_open(a, AML_IF);
	aml_op(a, AML_LNOT);
	aml_op(a, AML_LEQUAL);
	aml_op(a, AML_ARG1);
	aml_int(a, 1);
	osc_report(a, OSC_UNKNOWN_REV);
	aml_close(a, body);

	body = aml_open(a, AML_IF);
	aml_op(a, AML_LNOT);
	aml_op(a, AML_LEQUAL);
	aml_path(a, "CDW3");
	aml_op(a, AML_LOCAL0);
	osc_report(a, OSC_MASKED);
	aml_close(a, body);

	aml_op(a, AML_STORE);
	aml_op(a, AML_LOCAL0);
	aml_path(a, "CDW3");
}

/* Buffer (16) {...} */
static void write_uuid(struct aml *a)
{
	size_t buf = aml_open(a, AML_BUFFER);

	aml_int(a, sizeof(osc_uuid));
	aml_bytes(a, osc_uuid, sizeof(osc_uuid));
	aml_close(a, buf);
}

/* acpi-6.4 6.2.11.3 */
static void write_osc(struct aml *a)
{
	size_t method = aml_open_method(a, "_OSC", 4);
	size_t body;

	osc_field(a, 0, "CDW1");
	body = aml_open(a, AML_IF);
	aml_op(a, AML_LEQUAL);
	aml_op(a, AML_ARG0);
	write_uuid(a);
	osc_grant(a);
	aml_close(a, body);
	body = aml_open(a, AML_ELSE);
	osc_report(a, OSC_UNKNOWN_UUID);
	aml_close(a, body);
	aml_op(a, AML_RETURN);
	aml_op(a, AML_ARG3);
	aml_close(a, method);
}

/* --- slots that the guest can be asked to give up --------------------------
 */

/* One bit for each slot of bus 0 that holds a device. */
static uint32_t slots_of(const struct plan *plan)
{
	uint32_t slots = 0;

	for (unsigned int i = 0; i < plan->n_pci; i++)
		slots |= UINT32_C(1) << (plan->pci[i].devfn >> 3);
	return slots;
}

/* "S1F" for slot 31. */
static void slot_name(char name[4], unsigned int slot)
{
	static const char digits[] = "0123456789ABCDEF";

	name[0] = 'S';
	name[1] = digits[slot >> 4 & 1];
	name[2] = digits[slot & 15];
	name[3] = '\0';
}

/* acpi-6.4 6.1.1, 6.1.11, 6.3.3: all functions of a slot go together. */
static void write_slot(struct aml *a, unsigned int slot)
{
	char name[4];
	size_t dev, method;

	slot_name(name, slot);
	dev = aml_open_named(a, AML_DEVICE, name);
	aml_name_int(a, "_ADR", slot << 16);
	aml_name_int(a, "_SUN", slot);
	method = aml_open_method(a, "_EJ0", 1);
	aml_op(a, AML_STORE);
	aml_int(a, UINT32_C(1) << slot);
	aml_path(a, "\\_SB.EJGO");
	aml_close(a, method);
	aml_close(a, dev);
}

static void write_slots(struct aml *a, const struct plan *plan)
{
	for (unsigned int slot = 0; slot < PRT_SLOTS; slot++) {
		if (slots_of(plan) >> slot & 1)
			write_slot(a, slot);
	}
}

/* If (Local0 & slot) { Notify (the slot, eject request) } */
static void write_slot_notify(struct aml *a, unsigned int slot)
{
	char path[] = "\\_SB.PCI0.Sxx";
	size_t body = aml_open(a, AML_IF);

	slot_name(path + sizeof(path) - 4, slot);
	aml_op(a, AML_AND);
	aml_op(a, AML_LOCAL0);
	aml_int(a, UINT32_C(1) << slot);
	aml_op(a, AML_ZERO); /* no target */
	aml_op(a, AML_NOTIFY);
	aml_path(a, path);
	aml_int(a, NOTIFY_EJECT);
	aml_close(a, body);
}

static void write_eject_field(struct aml *a)
{
	size_t field;

	aml_op(a, AML_REGION);
	aml_path(a, "EJTR");
	aml_u8(a, SPACE_IO);
	aml_int(a, EJECT_PORT);
	aml_int(a, EJECT_LEN);
	field = aml_open_named(a, AML_FIELD, "EJTR");
	aml_u8(a, FIELD_DWORD);
	aml_path(a, "EJRQ");
	aml_u8(a, 32); /* bits, a PkgLength of one byte */
	aml_path(a, "EJGO");
	aml_u8(a, 32);
	aml_close(a, field);
}

static void write_bridge(struct aml *a, const struct plan *plan)
{
	size_t dev = aml_open_named(a, AML_DEVICE, "PCI0");

	aml_name_eisa(a, "_HID", "PNP0A08");
	aml_name_eisa(a, "_CID", "PNP0A03");
	aml_name_int(a, "_UID", 0);
	aml_name_int(a, "_SEG", 0);
	aml_name_int(a, "_BBN", 0);
	write_bridge_crs(a, plan);
	write_prt(a);
	write_osc(a);
	write_slots(a, plan);
	aml_close(a, dev);
}

/* --- the other devices -----------------------------------------------------
 */

static size_t open_device(struct aml *a, const char *name, const char *eisa)
{
	size_t dev = aml_open_named(a, AML_DEVICE, name);

	aml_name_eisa(a, "_HID", eisa);
	aml_name_int(a, "_UID", 0);
	return dev;
}

/* PCI-FW-3.2 4.1.2: ECAM belongs to a motherboard resource. */
static void write_motherboard(struct aml *a, const struct plan *plan)
{
	size_t dev = open_device(a, "MRES", "PNP0C02");
	size_t crs = aml_open_crs(a);

	if (plan->ecam.len)
		aml_crs_memory32(a, plan->ecam);
	aml_crs_memory32(a, (struct span){EXIT_ADDR, EXIT_LEN});
	aml_crs_io(a, PM_PORT, PM_LEN);
	aml_crs_io(a, EJECT_PORT, EJECT_LEN);
	aml_close_crs(a, crs);
	aml_close(a, dev);
}

static void write_isa(struct aml *a, size_t dev, unsigned int port,
		      unsigned int len, unsigned int irq)
{
	size_t crs = aml_open_crs(a);

	aml_crs_io(a, port, len);
	if (irq)
		aml_crs_irq(a, irq);
	aml_close_crs(a, crs);
	aml_close(a, dev);
}

/* The id that guests know the pvpanic port by. */
static void write_pvpanic(struct aml *a)
{
	size_t dev = aml_open_named(a, AML_DEVICE, "PEVT");

	aml_name_string(a, "_HID", "QEMU0001");
	aml_name_int(a, "_UID", 0);
	write_isa(a, dev, PVPANIC_PORT, 1, 0);
}

/* --- events ----------------------------------------------------------------
 */

static void write_event_field(struct aml *a)
{
	size_t field;

	aml_op(a, AML_REGION);
	aml_path(a, "EVTR");
	aml_u8(a, SPACE_IO);
	aml_int(a, PM_EVENT);
	aml_int(a, 1);
	field = aml_open_named(a, AML_FIELD, "EVTR");
	aml_u8(a, FIELD_BYTE);
	aml_path(a, "EVNT");
	aml_u8(a, 8); /* bits, a PkgLength of one byte */
	aml_close(a, field);
}

/* Reading a register clears it: once, then decide. */
static void write_event_method(struct aml *a, const struct plan *plan)
{
	size_t method = aml_open_method(a, "_EVT", 1);
	size_t body;

	aml_op(a, AML_STORE);
	aml_path(a, "EVNT");
	aml_op(a, AML_LOCAL0);
	body = aml_open(a, AML_IF);
	aml_op(a, AML_AND);
	aml_op(a, AML_LOCAL0);
	aml_int(a, EVENT_BUTTON);
	aml_op(a, AML_ZERO); /* no target */
	aml_op(a, AML_NOTIFY);
	aml_path(a, "\\_SB.PWRB");
	aml_int(a, NOTIFY_BUTTON);
	aml_close(a, body);
	aml_op(a, AML_STORE);
	aml_path(a, "\\_SB.EJRQ");
	aml_op(a, AML_LOCAL0);
	for (unsigned int slot = 0; slot < PRT_SLOTS; slot++) {
		if (slots_of(plan) >> slot & 1)
			write_slot_notify(a, slot);
	}
	aml_close(a, method);
}

/* acpi-6.4 5.6.9: the generic event device of a hardware-reduced machine. */
static void write_ged(struct aml *a, const struct plan *plan)
{
	size_t dev = aml_open_named(a, AML_DEVICE, "GED0");
	size_t crs;

	aml_name_string(a, "_HID", "ACPI0013");
	aml_name_int(a, "_UID", 0);
	crs = aml_open_crs(a);
	aml_crs_interrupt(a, PM_IRQ);
	aml_crs_interrupt(a, EJECT_IRQ);
	aml_close_crs(a, crs);
	write_event_field(a);
	write_event_method(a, plan);
	aml_close(a, dev);
}

/* acpi-6.4 7.4.2.6: SLP_TYP of power off; the second is of a second block. */
static void write_s5(struct aml *a)
{
	size_t pkg;

	aml_op(a, AML_NAME);
	aml_path(a, "\\_S5");
	pkg = aml_open_package(a, 4);
	aml_int(a, PM_S5_TYPE);
	aml_int(a, 0);
	aml_int(a, 0);
	aml_int(a, 0);
	aml_close(a, pkg);
}

void dsdt_write(struct aml *a, const struct plan *plan)
{
	size_t scope = aml_open_named(a, AML_SCOPE, "\\_SB");

	write_eject_field(a);
	write_bridge(a, plan);
	write_motherboard(a, plan);
	write_isa(a, open_device(a, "COM1", "PNP0501"), UART_PORT, UART_LEN,
		  UART_IRQ);
	/* Without an interrupt: it has no alarm, and Linux must not wait. */
	write_isa(a, open_device(a, "RTC", "PNP0B00"), RTC_PORT, RTC_LEN, 0);
	write_pvpanic(a);
	aml_close(a, open_device(a, "PWRB", "PNP0C0C"));
	write_ged(a, plan);
	aml_close(a, scope);
	write_s5(a);
}
