// SPDX-License-Identifier: Apache-2.0
/*
 * What of a device's configuration space is ours, what is the hardware's.
 *
 * How it works: the kernel already virtualises configuration space for a VFIO
 * user, so everything begins as the hardware's and writable. Then the parts
 * that only we can know are made virtual: identity and the capability chain
 * (a snapshot: reads cost no system call), BARs, COMMAND, MSI and MSI-X.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "vfio/device.h"

#define COMMAND_WRITABLE                                                       \
	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |            \
	 PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)

/* Capabilities live below it, extended ones above (PCIe-5.0 7.2). */
#define CAP_END 0x100u

/* linux/pci_regs.h of Linux 6.15 */
#ifndef PCI_EXT_CAP_ID_VF_REBAR
#define PCI_EXT_CAP_ID_VF_REBAR 0x24
#endif

/*
 * What a guest cannot use, and is not shown: VFIO drops what is written to
 * these, so that a driver would believe it had switched something on. All
 * others are shown, because the kernel guards them (vfio_pci_config.c in
 * Linux): in PCI Express it keeps payload and request size, phantom functions,
 * link and slot control to itself, and makes a reset of the FLR bit; of power
 * management it takes PME away; errors (AER) can be read and acknowledged, but
 * with no root port nobody sends them on; vendor-specific registers go through.
 */
static const uint16_t hidden_ext[] = {
	/* the host's IOMMU (PCIe-5.0 7.8.8, 7.8.9, 10.5) */
	PCI_EXT_CAP_ID_ATS,
	PCI_EXT_CAP_ID_PRI,
	PCI_EXT_CAP_ID_PASID,
	/* the functions that stayed with the host, and its buses */
	PCI_EXT_CAP_ID_ARI,
	PCI_EXT_CAP_ID_SRIOV,
	PCI_EXT_CAP_ID_ACS,
	PCI_EXT_CAP_ID_DPC,
	/* the size of BARs, which the host has allocated (PCIe-5.0 7.8.6) */
	PCI_EXT_CAP_ID_REBAR,
	PCI_EXT_CAP_ID_VF_REBAR,
	/* the host's caches; its tags are in the MSI-X table, which is ours */
	PCI_EXT_CAP_ID_TPH,
};

static uint32_t le(const uint8_t *p, unsigned int len)
{
	uint32_t v = 0;

	memcpy(&v, p, len); /* both architectures are little endian */
	return v;
}

/* PCI-3.0 6.8.2 */
unsigned int cfg_virt_msix(const uint8_t *bytes, unsigned int size,
			   struct msix_shape *out)
{
	unsigned int cap = pci_cap_find(bytes, size, PCI_CAP_ID_MSIX);
	uint32_t table;
	uint32_t pba;

	out->n = 0;
	if (!cap || cap + PCI_CAP_MSIX_SIZEOF > size ||
	    cap + PCI_CAP_MSIX_SIZEOF > CAP_END)
		return 0;
	table = le(bytes + cap + PCI_MSIX_TABLE, 4);
	pba = le(bytes + cap + PCI_MSIX_PBA, 4);
	out->n = (le(bytes + cap + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) +
		 1;
	out->table_bar = table & PCI_MSIX_TABLE_BIR;
	out->table_off = table & PCI_MSIX_TABLE_OFFSET;
	out->pba_bar = pba & PCI_MSIX_PBA_BIR;
	out->pba_off = pba & PCI_MSIX_PBA_OFFSET;
	return cap;
}

/* Ours, as the hardware has it now, and not to be changed. */
static void snapshot(struct pci_cfg *c, const uint8_t *hw, unsigned int off,
		     unsigned int len)
{
	for (unsigned int i = off; i < off + len && i < PCI_CFG_SIZE; i++) {
		pci_cfg_set(c, i, 1, hw[i]);
		pci_cfg_set_masks(c, i, 1, 0xff, 0);
	}
}

static void identity(struct vfio_dev *d, const uint8_t *hw)
{
	struct pci_cfg *c = &d->func.cfg;

	snapshot(c, hw, PCI_VENDOR_ID, 4);
	snapshot(c, hw, PCI_CLASS_REVISION, 4);
	snapshot(c, hw, PCI_HEADER_TYPE, 1);
	snapshot(c, hw, PCI_CARDBUS_CIS, 8);
	snapshot(c, hw, PCI_CAPABILITY_LIST, 1);
	/* One function per slot: the others stayed with the host. */
	pci_cfg_set(c, PCI_HEADER_TYPE, 1, hw[PCI_HEADER_TYPE] & 0x7f);
	/* The line register is the guest's own; the pin says if it has one. */
	pci_cfg_set(c, PCI_INTERRUPT_LINE, 1, 0);
	pci_cfg_set(c, PCI_INTERRUPT_PIN, 1, d->irqs.intx.pin);
	pci_cfg_set_masks(c, PCI_INTERRUPT_LINE, 2, 0xffff, 0x00ff);
	pci_cfg_set(c, PCI_COMMAND, 2, 0);
	pci_cfg_set_masks(c, PCI_COMMAND, 2, 0xffff, COMMAND_WRITABLE);
	/* No expansion ROM: barge boots kernels, not option ROMs. */
	pci_cfg_set(c, PCI_ROM_ADDRESS, 4, 0);
	pci_cfg_set_masks(c, PCI_ROM_ADDRESS, 4, 0xffffffff, 0);
}

static void bars(struct pci_cfg *c, const struct dev_plan *plan)
{
	pci_cfg_set(c, PCI_BASE_ADDRESS_0, 8, 0);
	pci_cfg_set(c, PCI_BASE_ADDRESS_2, 8, 0);
	pci_cfg_set(c, PCI_BASE_ADDRESS_4, 8, 0);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		pci_cfg_set_masks(c, PCI_BASE_ADDRESS_0 + 4 * i, 4, 0xffffffff,
				  0);
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		const struct bar_plan *b = &plan->bar[i];

		if (b->size)
			(void)pci_cfg_set_bar(c, i, b->kind, b->prefetch,
					      b->size);
	}
}

/*
 * Whether [off, off + len) are a capability's registers and nothing else yet:
 * a hostile device may have put one over another.
 */
static bool unclaimed(const struct pci_cfg *c, unsigned int off,
		      unsigned int len)
{
	if (off + len > CAP_END)
		return false;
	for (unsigned int i = off; i < off + len; i++) {
		if (c->virt[i])
			return false;
	}
	return true;
}

/* PCI-3.0 6.8.2: Message Control ours; table and PBA where they are planned. */
static bool msix(struct vfio_dev *d, const uint8_t *hw, unsigned int cap)
{
	struct pci_cfg *c = &d->func.cfg;

	/* The plan was made for the first one. */
	if (cap != pci_cap_find(hw, d->cfg_size, PCI_CAP_ID_MSIX) ||
	    d->plan.msix_place == MSIX_PLACE_NONE ||
	    !unclaimed(c, cap + PCI_MSIX_FLAGS,
		       PCI_CAP_MSIX_SIZEOF - PCI_MSIX_FLAGS))
		return false;
	d->msix_cap = cap;
	pci_cfg_set(c, cap + PCI_MSIX_FLAGS, 2, d->msix_shape.n - 1);
	pci_cfg_set_masks(c, cap + PCI_MSIX_FLAGS, 2, 0xffff,
			  PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pci_cfg_set(c, cap + PCI_MSIX_TABLE, 4,
		    d->plan.table_off | d->plan.table_bar);
	pci_cfg_set(c, cap + PCI_MSIX_PBA, 4,
		    d->plan.pba_off | d->plan.pba_bar);
	pci_cfg_set_masks(c, cap + PCI_MSIX_TABLE, 8, UINT64_MAX, 0);
	return true;
}

/* PCI-3.0 6.8.1: four layouts, by 64-bit address and per-vector masking. */
static bool msi(struct vfio_dev *d, const uint8_t *hw, unsigned int cap)
{
	struct pci_cfg *c = &d->func.cfg;
	uint16_t flags = (uint16_t)le(hw + cap + PCI_MSI_FLAGS, 2);
	bool wide = flags & PCI_MSI_FLAGS_64BIT;
	unsigned int data = cap + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32);
	unsigned int mask = cap + (wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32);
	unsigned int end = flags & PCI_MSI_FLAGS_MASKBIT ? mask + 8 : data + 4;

	if (d->msi_cap ||
	    !unclaimed(c, cap + PCI_MSI_FLAGS, end - (cap + PCI_MSI_FLAGS)))
		return false;
	d->msi_cap = cap;
	for (unsigned int i = cap + PCI_MSI_FLAGS; i < end; i++)
		pci_cfg_set_masks(c, i, 1, 0xff, 0);
	flags &= PCI_MSI_FLAGS_QMASK | PCI_MSI_FLAGS_64BIT |
		 PCI_MSI_FLAGS_MASKBIT;
	pci_cfg_set(c, cap + PCI_MSI_FLAGS, 2, flags);
	pci_cfg_set_masks(c, cap + PCI_MSI_FLAGS, 2, 0xffff,
			  PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	pci_cfg_set_masks(c, cap + PCI_MSI_ADDRESS_LO, 4, 0xffffffff,
			  0xfffffffc);
	if (wide)
		pci_cfg_set_masks(c, cap + PCI_MSI_ADDRESS_HI, 4, 0xffffffff,
				  0xffffffff);
	pci_cfg_set_masks(c, data, 2, 0xffff, 0xffff);
	if (flags & PCI_MSI_FLAGS_MASKBIT) /* the pending bits stay 0 */
		pci_cfg_set_masks(c, mask, 4, 0xffffffff, 0xffffffff);
	return true;
}

/*
 * The chain is ours, as far as it is one: a ring is cut, and so is a pointer to
 * nowhere. After this all links in `bytes` are what the guest sees.
 */
static void chain(struct pci_cfg *c, const uint8_t *hw, unsigned int size)
{
	unsigned int link = PCI_CAPABILITY_LIST;
	unsigned int budget = 0;
	unsigned int cap = 0;

	pci_cfg_set(c, PCI_STATUS, 1, hw[PCI_STATUS] & PCI_STATUS_CAP_LIST);
	pci_cfg_set_masks(c, PCI_STATUS, 1, PCI_STATUS_CAP_LIST,
			  0xff & ~PCI_STATUS_CAP_LIST);
	while ((cap = pci_cap_next(hw, size, cap, &budget)) && !c->virt[cap]) {
		snapshot(c, hw, cap, 2);
		link = cap + PCI_CAP_LIST_NEXT;
	}
	pci_cfg_set(c, link, 1, 0);
}

/*
 * Of capabilities that may stop the device from decoding, the first is the
 * guest's, and *first is where. vfio-pci would obey any other of that name as
 * well, and we would not notice: its @len bytes are not to be written.
 */
static bool only(struct pci_cfg *c, const uint8_t *hw, unsigned int *first,
		 unsigned int cap, unsigned int len)
{
	if (!*first && cap + len <= CAP_END) {
		*first = cap;
		return true;
	}
	for (unsigned int i = cap; i < cap + len && i < CAP_END; i++) {
		if (!c->virt[i]) /* may be a register of ours by now */
			snapshot(c, hw, i, 1);
	}
	return false;
}

static void capabilities(struct vfio_dev *d, const uint8_t *hw)
{
	struct pci_cfg *c = &d->func.cfg;
	unsigned int budget = 0;
	unsigned int cap = 0;

	chain(c, hw, d->cfg_size);
	while ((cap = pci_cap_next(c->bytes, d->cfg_size, cap, &budget))) {
		bool shown = true;

		switch (hw[cap]) {
		case PCI_CAP_ID_MSIX:
			shown = msix(d, hw, cap);
			break;
		case PCI_CAP_ID_MSI:
			shown = msi(d, hw, cap);
			break;
		case PCI_CAP_ID_PM:
			shown = only(c, hw, &d->pm_cap, cap, PCI_PM_SIZEOF);
			break;
		case PCI_CAP_ID_EA: /* it tells where the host has the BARs */
			shown = false;
			break;
		case PCI_CAP_ID_EXP:
			shown = only(c, hw, &d->exp_cap, cap, PCI_EXP_DEVSTA);
			break;
		case PCI_CAP_ID_AF:
			shown = only(c, hw, &d->af_cap, cap, PCI_CAP_AF_SIZEOF);
			break;
		default:
			break;
		}
		if (!shown)
			(void)pci_cap_unlink(c, cap);
	}
}

static void ext_chain(struct pci_cfg *c, const uint8_t *hw)
{
	unsigned int budget = 0;
	unsigned int last = 0;
	unsigned int cap = 0;

	while ((cap = pci_ecap_next(hw, PCI_CFG_SIZE, cap, &budget)) &&
	       !c->virt[cap]) {
		snapshot(c, hw, cap, 4);
		last = cap;
	}
	if (last) /* the upper 12 bits are the link */
		pci_cfg_set(c, last + 2, 2, hw[last + 2] & 0xf);
}

static void ext_capabilities(struct vfio_dev *d, const uint8_t *hw)
{
	struct pci_cfg *c = &d->func.cfg;
	unsigned int cap;

	if (d->cfg_size < PCI_CFG_SIZE)
		return;
	ext_chain(c, hw);
	for (size_t i = 0; i < sizeof(hidden_ext) / sizeof(hidden_ext[0]);
	     i++) {
		while ((cap = pci_ecap_find(c->bytes, PCI_CFG_SIZE,
					    hidden_ext[i]))) {
			if (pci_ecap_unlink(c, cap) < 0)
				break;
		}
	}
}

void cfg_virt_make(struct vfio_dev *d, const uint8_t hw[PCI_CFG_SIZE])
{
	struct pci_cfg *c = &d->func.cfg;

	pci_cfg_init(c);
	for (unsigned int i = 0; i < d->cfg_size; i++)
		pci_cfg_set_masks(c, i, 1, 0, 0xff);
	identity(d, hw);
	bars(c, &d->plan);
	capabilities(d, hw);
	ext_capabilities(d, hw);
}
