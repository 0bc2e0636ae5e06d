// SPDX-License-Identifier: Apache-2.0
/*
 * Function-level reset by the guest (PCIe-5.0 6.6.2, and the Advanced Features
 * capability of conventional PCI).
 *
 * How it works: the kernel sees the bit in what is written to it, resets the
 * device, and then puts back the hardware's registers as they were. A guest
 * expects the opposite: decoding off, BARs and interrupts as after power on,
 * and it restores what it saved. So our registers go to their reset values, and
 * the hardware's COMMAND with them, before the kernel is told: what it puts
 * back is a device that is off.
 */
#include <linux/pci_regs.h>

#include "vfio/device.h"

/* The byte at @reg of what a write hands to the hardware; 0: not in it. */
static unsigned int byte_of(const struct pci_cfg_change *ch, unsigned int off,
			    unsigned int len, unsigned int reg)
{
	if (reg < off || reg >= off + len)
		return 0;
	return ch->hw_val >> (8 * (reg - off)) & 0xff;
}

static bool exp_asked(const struct vfio_dev *d, unsigned int off,
		      unsigned int len, const struct pci_cfg_change *ch)
{
	/* the upper byte of Device Control */
	unsigned int reg = d->exp_cap + PCI_EXP_DEVCTL + 1;

	return d->exp_cap &&
	       byte_of(ch, off, len, reg) & PCI_EXP_DEVCTL_BCR_FLR >> 8 &&
	       vfio_cfg_pread(d, d->exp_cap + PCI_EXP_DEVCAP, 4) &
		       PCI_EXP_DEVCAP_FLR;
}

static bool af_asked(const struct vfio_dev *d, unsigned int off,
		     unsigned int len, const struct pci_cfg_change *ch)
{
	unsigned int need = PCI_AF_CAP_FLR | PCI_AF_CAP_TP;

	return d->af_cap &&
	       byte_of(ch, off, len, d->af_cap + PCI_AF_CTRL) &
		       PCI_AF_CTRL_FLR &&
	       (vfio_cfg_pread(d, d->af_cap + PCI_AF_CAP, 1) & need) == need;
}

bool flr_asked(const struct vfio_dev *d, unsigned int off, unsigned int len,
	       const struct pci_cfg_change *ch)
{
	return exp_asked(d, off, len, ch) || af_asked(d, off, len, ch);
}

/* What is ours and writable has 0 as its reset value. */
static void clear(struct pci_cfg *c, unsigned int off, unsigned int len)
{
	for (unsigned int i = off; i < off + len && i < PCI_CFG_SIZE; i++)
		c->bytes[i] &= (uint8_t) ~(c->virt[i] & c->wmask[i]);
}

/* Bytes of the MSI capability that are registers (PCI-3.0 6.8.1). */
static unsigned int msi_len(const struct vfio_dev *d)
{
	uint64_t flags =
		pci_cfg_get(&d->func.cfg, d->msi_cap + PCI_MSI_FLAGS, 2);
	bool wide = flags & PCI_MSI_FLAGS_64BIT;

	if (flags & PCI_MSI_FLAGS_MASKBIT)
		return (wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32) + 4;
	return (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32) + 2;
}

void flr_registers(struct vfio_dev *d)
{
	struct pci_cfg *c = &d->func.cfg;

	clear(c, PCI_COMMAND, 2);
	clear(c, PCI_BASE_ADDRESS_0, 4 * PCI_BARS);
	clear(c, PCI_ROM_ADDRESS, 4);
	if (d->msi_cap) {
		clear(c, d->msi_cap + PCI_MSI_FLAGS,
		      msi_len(d) - PCI_MSI_FLAGS);
	}
	if (d->msix_cap) {
		clear(c, d->msix_cap + PCI_MSIX_FLAGS, 2);
		msix_init(&d->msix, d->msix_storage, d->msix.n);
	}
	vfio_irqs_update(d);
}
