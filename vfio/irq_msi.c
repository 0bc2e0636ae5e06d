// SPDX-License-Identifier: Apache-2.0
/* What the guest's registers say about interrupts, and following that. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>

#include "vfio/device.h"

/* --- MSI ------------------------------------------------------------------ */

static uint64_t msi_flags(const struct vfio_dev *d)
{
	return d->msi_cap ? pci_cfg_get(&d->func.cfg,
					d->msi_cap + PCI_MSI_FLAGS, 2)
			  : 0;
}

/* How many vectors the guest enabled: not more than the device can. */
static unsigned int msi_vectors(const struct vfio_dev *d)
{
	uint64_t flags = msi_flags(d);
	unsigned int n = 1u << ((flags & PCI_MSI_FLAGS_QSIZE) >> 4);
	unsigned int most = 1u << ((flags & PCI_MSI_FLAGS_QMASK) >> 1);

	if (most > VFIO_MSI_MAX)
		most = VFIO_MSI_MAX;
	return n < most ? n : most;
}

/* PCI-3.0 6.8.1.3: the low bits of the data number the vectors. */
static bool msi_wanted(const struct vfio_dev *d, unsigned int v,
		       struct hv_msi *msi)
{
	const struct pci_cfg *c = &d->func.cfg;
	unsigned int cap = d->msi_cap;
	uint64_t flags = msi_flags(d);
	bool wide = flags & PCI_MSI_FLAGS_64BIT;
	uint64_t data;

	msi->devid = d->devid;
	msi->addr = pci_cfg_get(c, cap + PCI_MSI_ADDRESS_LO, 4);
	if (wide)
		msi->addr |= pci_cfg_get(c, cap + PCI_MSI_ADDRESS_HI, 4) << 32;
	data = pci_cfg_get(c, cap + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32),
			   2);
	msi->data = ((uint32_t)data & ~(d->irqs.n - 1)) | v;
	if (!(flags & PCI_MSI_FLAGS_MASKBIT))
		return true;
	return !(pci_cfg_get(c,
			     cap + (wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32),
			     4) >>
			 v &
		 1);
}

unsigned int vfio_irqs_msi_pending_at(const struct vfio_dev *d)
{
	uint64_t flags = msi_flags(d);

	if (!(flags & PCI_MSI_FLAGS_MASKBIT))
		return 0;
	return d->msi_cap + (flags & PCI_MSI_FLAGS_64BIT ? PCI_MSI_PENDING_64
							 : PCI_MSI_PENDING_32);
}

void vfio_irqs_msi_pending(struct vfio_dev *d)
{
	uint32_t bits = 0;

	for (unsigned int v = 0; d->irqs.mode == IRQ_MSI && v < d->irqs.n; v++)
		bits |= (uint32_t)vfio_vector_pending(d, v) << v;
	pci_cfg_set(&d->func.cfg, vfio_irqs_msi_pending_at(d), 4, bits);
}

/* --- MSI-X ---------------------------------------------------------------- */

void vfio_irqs_msix_changed(struct vfio_dev *d, int v)
{
	if (d->msix_cap && v >= 0 && d->irqs.mode == IRQ_MSIX)
		vfio_vectors_sync(d, (unsigned int)v, 1);
}

bool vfio_irqs_pending(const struct vfio_dev *d, unsigned int v)
{
	return d->irqs.mode == IRQ_MSIX && vfio_vector_pending(d, v);
}

bool vfio_vector_wanted(const struct vfio_dev *d, unsigned int v,
			struct hv_msi *msi)
{
	const struct msix_entry *m;

	if (d->irqs.mode == IRQ_MSI)
		return msi_wanted(d, v, msi);
	m = &d->msix.entry[v];
	*msi = (struct hv_msi){m->addr, m->data, d->devid};
	return msix_live(&d->msix, v);
}

/* --- which of them -------------------------------------------------------- */

/*
 * A device that neither decodes nor is a bus master has no driver and raises
 * nothing. Once on, INTx stays on: turning decoding off and on again, and the
 * guest's own INTX_DISABLE, cost nothing that way.
 */
static bool intx_wanted(const struct vfio_dev *d)
{
	uint64_t command = pci_cfg_get(&d->func.cfg, PCI_COMMAND, 2);

	if (d->irqs.mode == IRQ_INTX)
		return true;
	return d->irqs.intx.pin && !d->irqs.intx.refused &&
	       command & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
			  PCI_COMMAND_MASTER) &&
	       !(command & PCI_COMMAND_INTX_DISABLE);
}

static enum vfio_irq_mode mode_wanted(const struct vfio_dev *d, unsigned int *n)
{
	*n = d->msix.n;
	if (d->msix_cap && d->msix.enabled)
		return IRQ_MSIX;
	*n = msi_vectors(d);
	if (msi_flags(d) & PCI_MSI_FLAGS_ENABLE)
		return IRQ_MSI;
	*n = 0;
	return intx_wanted(d) ? IRQ_INTX : IRQ_OFF;
}

static void mode_off(struct vfio_dev *d)
{
	if (d->irqs.mode == IRQ_INTX)
		vfio_intx_off(d);
	else if (d->irqs.mode != IRQ_OFF)
		vfio_vectors_off(d);
}

static void mode_change(struct vfio_dev *d, enum vfio_irq_mode mode,
			unsigned int n)
{
	int r = 0;

	mode_off(d);
	if (mode == IRQ_INTX)
		vfio_intx_on(d);
	else if (mode != IRQ_OFF)
		r = vfio_vectors_on(d, mode, n);
	if (r < 0)
		vfio_irq_warn(d, "memory for interrupt vectors", r);
}

void vfio_irqs_update(struct vfio_dev *d)
{
	enum vfio_irq_mode mode;
	unsigned int n;

	if (d->msix_cap)
		(void)msix_set_control(
			&d->msix,
			(uint16_t)pci_cfg_get(&d->func.cfg,
					      d->msix_cap + PCI_MSIX_FLAGS, 2));
	mode = mode_wanted(d, &n);
	if (mode != d->irqs.mode || n != d->irqs.n)
		mode_change(d, mode, n);
	if (d->irqs.n)
		vfio_vectors_sync(d, 0, d->irqs.n);
}

/* --- life ----------------------------------------------------------------- */

int vfio_irqs_open(struct vfio_dev *d, struct err *e)
{
	if (!d->msix_cap)
		return 0;
	d->msix_storage = calloc(d->msix_shape.n, sizeof(*d->msix_storage));
	if (!d->msix_storage)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	msix_init(&d->msix, d->msix_storage, d->msix_shape.n);
	return 0;
}

void vfio_irqs_close(struct vfio_dev *d)
{
	mode_off(d);
}
