// SPDX-License-Identifier: Apache-2.0
/*
 * How the guest is asked to give up PCI slots of bus 0, and says that it has:
 * behind the eject requests and _EJ0 methods of ACPI (acpi-6.4 6.3.3).
 *
 *	0  read: slots asked for since the last read, bit n is slot n
 *	4  write: slots that are given up; reads as 0
 *
 * Both are dwords, accessed whole; everything else reads as all-ones.
 */
#include "devices/devices.h"

#define REG_ASKED 0
#define REG_GONE  4
#define SLOTS	  32u

struct pci_eject {
	struct device dev;
	struct dev_env env;
	uint32_t asked;
};

static uint64_t pci_eject_read(struct device *d, unsigned int region,
			       uint64_t off, unsigned int len)
{
	struct pci_eject *p = (struct pci_eject *)d;
	uint32_t v = p->asked;

	(void)region;
	if (len == 4 && off == REG_GONE)
		return 0;
	if (len != 4 || off != REG_ASKED)
		return UINT64_MAX;
	p->asked = 0;
	return v;
}

static void pci_eject_write(struct device *d, unsigned int region, uint64_t off,
			    unsigned int len, uint64_t val)
{
	struct pci_eject *p = (struct pci_eject *)d;

	(void)region;
	if (len != 4 || off != REG_GONE)
		return;
	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		if (val >> slot & 1)
			p->env.slot_ejected(p->env.ctx, slot);
	}
}

/* The interrupt is an edge: nobody has to lower the line by a register. */
static void pci_eject_slot_request(struct device *d, unsigned int slot)
{
	struct pci_eject *p = (struct pci_eject *)d;

	if (slot >= SLOTS)
		return;
	p->asked |= UINT32_C(1) << slot;
	p->env.irq.set(p->env.irq.ctx, p->env.irq.irq, true);
	p->env.irq.set(p->env.irq.ctx, p->env.irq.irq, false);
}

static void pci_eject_init(struct device *d, const struct dev_env *env)
{
	struct pci_eject *p = (struct pci_eject *)d;

	d->ops = &pci_eject_ops;
	p->env = *env;
}

const struct dev_ops pci_eject_ops = {
	.name = "pci-eject",
	.size = sizeof(struct pci_eject),
	.init = pci_eject_init,
	.read = pci_eject_read,
	.write = pci_eject_write,
	.slot_request = pci_eject_slot_request,
};
