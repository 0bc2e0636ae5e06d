/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CFG_VIRT_CHECK_H
#define TESTS_UNIT_CFG_VIRT_CHECK_H

#include <linux/pci_regs.h>
#include <stdbool.h>
#include <string.h>

#include "vfio/device.h"
#include "vfio/quirk.h"

/*
 * What must be true of a passed-through device's configuration space, whatever
 * the hardware says and whatever the guest has written since: for the unit
 * tests and the fuzzer. NULL, or what is broken.
 */

#define CHECK_COMMAND                                                          \
	0x0547u /* I/O, memory, master, parity, SERR, INTx off                 \
		 */

/* As device_open() does it: @d->cfg_size and @shape are the caller's. */
static inline void check_make(struct vfio_dev *d, const uint8_t *hw,
			      const struct bar_shape *shape,
			      enum msix_policy policy)
{
	struct bar_shape mended[PCI_BARS];

	memcpy(mended, shape, sizeof(mended));
	cfg_virt_msix(hw, d->cfg_size, &d->msix_shape);
	d->msix_shape.policy = policy;
	quirk_apply(hw, mended, &d->msix_shape);
	dev_plan_make(&d->plan, mended, &d->msix_shape, 4096, 4096);
	cfg_virt_make(d, hw);
}

/* What the guest reads when the hardware answers with @hw. */
static inline uint64_t check_read(const struct vfio_dev *d, const uint8_t *hw,
				  unsigned int off, unsigned int len)
{
	uint64_t v = 0;

	memcpy(&v, hw + off, len);
	return pci_cfg_read(&d->func.cfg, off, len, v);
}

/* Whether [off, off + len) are ours; and, unless @w, not the guest's. */
static inline bool check_ours(const struct vfio_dev *d, unsigned int off,
			      unsigned int len, bool w)
{
	for (unsigned int i = off; i < off + len; i++) {
		if (d->func.cfg.virt[i] != 0xff ||
		    (!w && d->func.cfg.wmask[i] != 0))
			return false;
	}
	return true;
}

static inline bool check_same(const struct vfio_dev *d, const uint8_t *hw,
			      unsigned int off, unsigned int len)
{
	return check_ours(d, off, len, false) &&
	       memcmp(d->func.cfg.bytes + off, hw + off, len) == 0;
}

static inline bool check_mask(const struct vfio_dev *d, unsigned int off,
			      unsigned int len, uint64_t wmask)
{
	uint64_t m = 0;

	memcpy(&m, d->func.cfg.wmask + off, len);
	return check_ours(d, off, len, true) && m == wmask;
}

static inline const char *check_header(const struct vfio_dev *d,
				       const uint8_t *hw)
{
	const struct pci_cfg *c = &d->func.cfg;

	if (!check_same(d, hw, PCI_VENDOR_ID, 4) ||
	    !check_same(d, hw, PCI_CLASS_REVISION, 4) ||
	    !check_same(d, hw, PCI_CARDBUS_CIS, 8))
		return "the identity";
	if (!check_ours(d, PCI_HEADER_TYPE, 1, false) ||
	    c->bytes[PCI_HEADER_TYPE] != (hw[PCI_HEADER_TYPE] & 0x7f))
		return "the header type";
	if (!check_mask(d, PCI_COMMAND, 2, CHECK_COMMAND) ||
	    pci_cfg_get(c, PCI_COMMAND, 2) & ~(uint64_t)CHECK_COMMAND)
		return "COMMAND";
	if (!check_mask(d, PCI_INTERRUPT_LINE, 2, 0xff) ||
	    c->bytes[PCI_INTERRUPT_PIN] != d->irqs.intx.pin)
		return "the interrupt pin";
	if (!check_ours(d, PCI_ROM_ADDRESS, 4, false) ||
	    pci_cfg_get(c, PCI_ROM_ADDRESS, 4))
		return "the ROM";
	return NULL;
}

static inline const char *check_cfg_bars(const struct vfio_dev *d)
{
	const struct pci_cfg *c = &d->func.cfg;

	if (!check_ours(d, PCI_BASE_ADDRESS_0, 24, true))
		return "a BAR that is not ours";
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		const struct bar_plan *b = &d->plan.bar[i];
		enum pci_bar_kind kind = b->size ? b->kind : PCI_BAR_NONE;

		if (pci_cfg_bar_kind(c, i) != kind ||
		    pci_cfg_bar_size(c, i) != b->size)
			return "a BAR that is not as planned";
	}
	return NULL;
}

/* Bytes of MSI by its Message Control, rounded up to four (PCI-3.0 6.8.1). */
static inline unsigned int check_msi_len(uint64_t control)
{
	unsigned int len = control & PCI_MSI_FLAGS_64BIT ? 0x10 : 0x0c;

	return control & PCI_MSI_FLAGS_MASKBIT ? len + 8 : len;
}

static inline const char *check_msi(const struct vfio_dev *d, const uint8_t *hw)
{
	const struct pci_cfg *c = &d->func.cfg;
	unsigned int cap = d->msi_cap;
	uint64_t control = pci_cfg_get(c, cap + 2, 2);
	bool wide = control & 0x80;
	unsigned int data = cap + (wide ? 12 : 8);

	if (!check_ours(d, cap, check_msi_len(control), true))
		return "MSI that is not ours";
	if ((control ^ (hw[cap + 2] | (uint64_t)hw[cap + 3] << 8)) & 0x018e)
		return "MSI of another layout";
	if (!check_mask(d, cap, 4, 0x00710000) ||
	    !check_mask(d, cap + 4, 4, 0xfffffffc) ||
	    (wide && !check_mask(d, cap + 8, 4, 0xffffffff)) ||
	    !check_mask(d, data, 4, 0xffff))
		return "bits of MSI that the guest may write";
	if (control & 0x100 && (!check_mask(d, data + 4, 8, 0xffffffff) ||
				pci_cfg_get(c, data + 8, 4)))
		return "mask or pending bits of MSI";
	return NULL;
}

static inline const char *check_cfg_msix(const struct vfio_dev *d,
					 const uint8_t *hw)
{
	const struct pci_cfg *c = &d->func.cfg;
	unsigned int cap = d->msix_cap;

	if (d->plan.msix_place == MSIX_PLACE_NONE)
		return "MSI-X without a place";
	if ((pci_cfg_get(c, cap + 2, 2) ^
	     (hw[cap + 2] | (uint64_t)hw[cap + 3] << 8)) &
	    0x07ff)
		return "the number of vectors";
	if (pci_cfg_get(c, cap + 2, 2) & 0x3800)
		return "reserved bits of MSI-X";
	if (!check_mask(d, cap, 4, 0xc0000000) || !check_mask(d, cap + 4, 8, 0))
		return "bits of MSI-X that the guest may write";
	if (pci_cfg_get(c, cap + 4, 4) !=
		    (d->plan.table_off | d->plan.table_bar) ||
	    pci_cfg_get(c, cap + 8, 4) != (d->plan.pba_off | d->plan.pba_bar))
		return "the place of table or PBA";
	return NULL;
}

/* The guest's walk; the hardware answers @hw where it is asked. */
static inline const char *check_chain(const struct vfio_dev *d,
				      const uint8_t *hw, bool *msix, bool *msi)
{
	unsigned int cap = check_read(d, hw, PCI_CAPABILITY_LIST, 1) & 0xfc;
	unsigned int n = 0;

	if (!(check_read(d, hw, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return NULL;
	for (; cap >= 0x40; cap = check_read(d, hw, cap + 1, 1) & 0xfc) {
		uint64_t id = check_read(d, hw, cap, 1);

		if (++n > 48)
			return "a chain without end";
		if (!check_same(d, hw, cap, 1) ||
		    !check_ours(d, cap + 1, 1, false))
			return "a capability's header";
		if ((id == PCI_CAP_ID_MSIX && (cap != d->msix_cap || *msix)) ||
		    (id == PCI_CAP_ID_MSI && (cap != d->msi_cap || *msi)))
			return "MSI or MSI-X that should be hidden";
		if (id == 0x14)
			return "enhanced allocation";
		*msix |= id == PCI_CAP_ID_MSIX;
		*msi |= id == PCI_CAP_ID_MSI;
	}
	return NULL;
}

static inline bool check_hidden_id(unsigned int id)
{
	/*
	 * ACS, ARI, ATS, SR-IOV, PRI, resizable BAR, TPH, PASID, DPC,
	 * resizable BAR of VFs (PCIe-5.0 7.7 to 7.9)
	 */
	static const uint8_t ids[] = {0x0d, 0x0e, 0x0f, 0x10, 0x13,
				      0x15, 0x17, 0x1b, 0x1d, 0x24};

	return memchr(ids, (int)(id < 256 ? id : 0), sizeof(ids)) != NULL;
}

static inline const char *check_ext_chain(const struct vfio_dev *d,
					  const uint8_t *hw)
{
	unsigned int cap = 0x100;
	unsigned int n = 0;

	while (cap >= 0x100) {
		uint64_t h = check_read(d, hw, cap, 4);

		if (h == 0 || h == 0xffffffff)
			return NULL;
		if (++n > 480)
			return "an extended chain without end";
		if (!check_ours(d, cap, 4, false))
			return "an extended capability's header";
		if (check_hidden_id(h & 0xffff))
			return "an extended capability that should be hidden";
		cap = h >> 20 & 0xffc;
	}
	return NULL;
}

static inline const char *check_cfg(const struct vfio_dev *d, const uint8_t *hw)
{
	const char *bad = check_header(d, hw);
	bool msix = false;
	bool msi = false;

	if (!bad)
		bad = check_cfg_bars(d);
	if (!bad)
		bad = check_chain(d, hw, &msix, &msi);
	if (!bad && (msix != (d->msix_cap != 0) || msi != (d->msi_cap != 0)))
		bad = "MSI or MSI-X that was lost";
	if (!bad && msix)
		bad = check_cfg_msix(d, hw);
	if (!bad && msi)
		bad = check_msi(d, hw);
	if (!bad)
		bad = check_ext_chain(d, hw);
	for (unsigned int i = d->cfg_size; !bad && i < PCI_CFG_SIZE; i += 4) {
		if (!check_ours(d, i, 4, false) ||
		    pci_cfg_get(&d->func.cfg, i, 4))
			bad = "something past the end";
	}
	return bad;
}

/* The guest writes: nothing moves that may not, nothing of ours gets out. */
static inline const char *check_write(struct vfio_dev *d, unsigned int off,
				      unsigned int len, uint64_t val)
{
	struct pci_cfg *c = &d->func.cfg;
	static struct pci_cfg was;
	struct pci_cfg_change ch;

	was = *c;
	ch = pci_cfg_write(c, off, len, val);
	if (ch.hw_val & ~ch.hw_mask)
		return "a value outside its mask";
	for (unsigned int i = 0; i < 8; i++) {
		uint64_t m = ch.hw_mask >> (8 * i) & 0xff;

		if (m && (i >= len || off + i >= d->cfg_size))
			return "a write outside the access";
		if (m && m & c->virt[off + i])
			return "a write of what is ours";
	}
	for (unsigned int i = off; i < off + len && i < PCI_CFG_SIZE; i++) {
		if ((was.bytes[i] ^ c->bytes[i]) &
		    ~(was.virt[i] & was.wmask[i]))
			return "a bit that may not move";
		was.bytes[i] = c->bytes[i];
	}
	if (memcmp(was.bytes, c->bytes, sizeof(was.bytes)) != 0)
		return "a byte that was not written to";
	if (memcmp(was.virt, c->virt, sizeof(was.virt)) != 0 ||
	    memcmp(was.wmask, c->wmask, sizeof(was.wmask)) != 0)
		return "the masks";
	return NULL;
}

#endif
