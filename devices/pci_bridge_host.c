// SPDX-License-Identifier: Apache-2.0
/*
 * The host bridge as a function on its own bus: a read-only header, no BARs,
 * no capabilities. Nothing drives it; it is there to be found. Before Linux
 * trusts configuration mechanism 1 on a machine without DMI it wants to see a
 * host bridge, a VGA adapter or an old vendor on bus 0.
 *
 * The identity is the one that several monitors use for a virtual PCIe host
 * without behaviour of its own: Intel 0x0d57.
 */
#include "devices/pci_bridge_host.h"

#include <linux/pci_regs.h>

#define VENDOR_INTEL	 0x8086
#define DEVICE_VIRT_HOST 0x0d57
#define CLASS_HOST	 0x060000 /* class, subclass, programming interface */

static uint64_t bridge_cfg_read(struct pci_func *f, unsigned int off,
				unsigned int len)
{
	return pci_cfg_read(&f->cfg, off, len, 0);
}

static void bridge_cfg_write(struct pci_func *f, unsigned int off,
			     unsigned int len, uint64_t val)
{
	pci_cfg_write(&f->cfg, off, len, val);
}

static uint64_t bridge_bar_read(struct pci_func *f, unsigned int bar,
				uint64_t off, unsigned int len)
{
	(void)f;
	(void)bar;
	(void)off;
	(void)len;
	return ~0ull;
}

static void bridge_bar_write(struct pci_func *f, unsigned int bar, uint64_t off,
			     unsigned int len, uint64_t val)
{
	(void)f;
	(void)bar;
	(void)off;
	(void)len;
	(void)val;
}

static const struct pci_func_ops bridge_ops = {
	.cfg_read = bridge_cfg_read,
	.cfg_write = bridge_cfg_write,
	.bar_read = bridge_bar_read,
	.bar_write = bridge_bar_write,
};

void pci_bridge_host_init(struct pci_func *f)
{
	f->ops = &bridge_ops;
	f->devfn = 0;
	pci_cfg_init(&f->cfg);
	pci_cfg_set(&f->cfg, PCI_VENDOR_ID, 2, VENDOR_INTEL);
	pci_cfg_set(&f->cfg, PCI_DEVICE_ID, 2, DEVICE_VIRT_HOST);
	pci_cfg_set(&f->cfg, PCI_CLASS_REVISION, 4, CLASS_HOST << 8);
}
