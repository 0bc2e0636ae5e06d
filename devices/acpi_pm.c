// SPDX-License-Identifier: Apache-2.0
/*
 * Power management of a hardware-reduced ACPI machine (acpi-6.4 4.1): the
 * sleep registers of acpi-6.4 4.8.3.7, the reset register of acpi-6.4 4.8.3.6,
 * and a status byte for the generic event device (acpi-6.4 5.6.9).
 *
 *	0  sleep control: SLP_TYP 5 with SLP_EN powers off
 *	1  sleep status
 *	2  reset: writing 1 reboots
 *	4  events since the last read; bit 0: power button
 *
 * The only sleeping state is S5, so that WAK_STS is never set. Everything else
 * of the eight bytes reads as all-ones.
 */
#include "devices/devices.h"

#define REG_SLEEP_CONTROL  0
#define REG_SLEEP_STATUS   1
#define REG_RESET	   2
#define REG_EVENTS	   4

#define SLP_TYP_MASK	   0x1c
#define SLP_TYP_S5	   (5 << 2)
#define SLP_EN		   0x20
#define RESET_VALUE	   1
#define EVENT_POWER_BUTTON 0x01

struct acpi_pm {
	struct device dev;
	struct dev_env env;
	uint8_t slp_typ; /* in place: bits 2 to 4 */
	uint8_t events;
};

static uint8_t read_reg(struct acpi_pm *p, uint64_t reg)
{
	uint8_t v;

	switch (reg) {
	case REG_SLEEP_CONTROL: /* SLP_EN is write-only */
		return p->slp_typ;
	case REG_SLEEP_STATUS:
	case REG_RESET:
		return 0;
	case REG_EVENTS:
		v = p->events;
		p->events = 0;
		return v;
	default:
		return 0xff;
	}
}

static void write_reg(struct acpi_pm *p, uint64_t reg, uint8_t val)
{
	switch (reg) {
	case REG_SLEEP_CONTROL:
		p->slp_typ = val & SLP_TYP_MASK;
		if (val & SLP_EN && p->slp_typ == SLP_TYP_S5)
			p->env.request(p->env.ctx, DEV_POWEROFF);
		break;
	case REG_RESET:
		if (val == RESET_VALUE)
			p->env.request(p->env.ctx, DEV_REBOOT);
		break;
	default: /* a write-1-clear of a status that is never set */
		break;
	}
}

static uint64_t acpi_pm_read(struct device *d, unsigned int region,
			     uint64_t off, unsigned int len)
{
	struct acpi_pm *p = (struct acpi_pm *)d;
	uint64_t v = 0;

	(void)region;
	for (unsigned int i = 0; i < len; i++)
		v |= (uint64_t)read_reg(p, off + i) << 8 * i;
	return v;
}

static void acpi_pm_write(struct device *d, unsigned int region, uint64_t off,
			  unsigned int len, uint64_t val)
{
	struct acpi_pm *p = (struct acpi_pm *)d;

	(void)region;
	for (unsigned int i = 0; i < len; i++)
		write_reg(p, off + i, (uint8_t)(val >> 8 * i));
}

/* The interrupt is an edge: nobody has to lower the line by a register. */
static void acpi_pm_power_button(struct device *d)
{
	struct acpi_pm *p = (struct acpi_pm *)d;

	p->events |= EVENT_POWER_BUTTON;
	p->env.irq.set(p->env.irq.ctx, p->env.irq.irq, true);
	p->env.irq.set(p->env.irq.ctx, p->env.irq.irq, false);
}

static void acpi_pm_init(struct device *d, const struct dev_env *env)
{
	struct acpi_pm *p = (struct acpi_pm *)d;

	d->ops = &acpi_pm_ops;
	p->env = *env;
}

const struct dev_ops acpi_pm_ops = {
	.name = "acpi-pm",
	.size = sizeof(struct acpi_pm),
	.init = acpi_pm_init,
	.read = acpi_pm_read,
	.write = acpi_pm_write,
	.power_button = acpi_pm_power_button,
};
