// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: a row says which devices it is about and what is to be done.
 * The first that fits counts for each kind of deed.
 */
#include "vfio/quirk.h"

#include <linux/pci_regs.h>
#include <string.h>

enum quirk_kind {
	/*
	 * At `off` of `bar` are `len` bytes that are configuration space once
	 * more. Unless they are trapped, a driver that looks there finds the
	 * host's addresses in the BARs.
	 */
	QUIRK_MIRROR,
	/* The PBA is not at `off`, past the end of its BAR, but at `right`. */
	QUIRK_PBA,
	/* `note` is for the user. */
	QUIRK_NOTE,
};

struct quirk {
	enum quirk_kind kind;
	uint16_t vendor;
	uint16_t device;
	uint16_t mask;	/* of the device's number */
	uint16_t class; /* base class and subclass, 0: any */
	unsigned int bar;
	uint64_t off;
	uint64_t len;
	uint64_t right;
	const char *note;
};

#define VENDOR_NVIDIA  0x10de
#define VENDOR_CHELSIO 0x1425
#define VENDOR_BAIDU   0x1d22

#define ANY_DEVICE     .device = 0, .mask = 0
#define CLASS_VGA      0x0300

/* GPUs that are joined to their CPU by more than PCI. */
#define NOTE_COHERENT                                                          \
	"addresses its memory by the host's physical addresses, and barge "    \
	"places its BARs elsewhere: direct access between GPUs may fail"

static const struct quirk quirks[] = {
	/*
	 * GeForce and Quadro have BAR 0 + 0x88000, and drivers of all systems
	 * use it. What is no VGA (class 0302, in data centres) needs nothing.
	 */
	{.kind = QUIRK_MIRROR,
	 .vendor = VENDOR_NVIDIA,
	 ANY_DEVICE,
	 .class = CLASS_VGA,
	 .bar = 0,
	 .off = 0x88000,
	 .len = PCI_CFG_SIZE},
	/* The virtual functions of T5 are 58xx. */
	{.kind = QUIRK_PBA,
	 .vendor = VENDOR_CHELSIO,
	 .device = 0x5800,
	 .mask = 0xff00,
	 .off = 0x8000,
	 .right = 0x1000},
	/* The virtual function of Kunlun. */
	{.kind = QUIRK_PBA,
	 .vendor = VENDOR_BAIDU,
	 .device = 0x3685,
	 .mask = 0xffff,
	 .off = 0x460000,
	 .right = 0xb400},
	/* GB200 and GB300. */
	{.kind = QUIRK_NOTE,
	 .vendor = VENDOR_NVIDIA,
	 .device = 0x2941,
	 .mask = 0xffff,
	 .note = NOTE_COHERENT},
	{.kind = QUIRK_NOTE,
	 .vendor = VENDOR_NVIDIA,
	 .device = 0x31c2,
	 .mask = 0xffff,
	 .note = NOTE_COHERENT},
};

static uint16_t word(const uint8_t *hw, unsigned int off)
{
	return (uint16_t)(hw[off] | hw[off + 1] << 8);
}

static const struct quirk *find(const uint8_t *hw, enum quirk_kind kind)
{
	for (size_t i = 0; i < sizeof(quirks) / sizeof(quirks[0]); i++) {
		const struct quirk *q = &quirks[i];

		if (q->kind == kind && q->vendor == word(hw, PCI_VENDOR_ID) &&
		    !((q->device ^ word(hw, PCI_DEVICE_ID)) & q->mask) &&
		    (!q->class || q->class == word(hw, PCI_CLASS_DEVICE)))
			return q;
	}
	return NULL;
}

/* Only PCI Express has 4 KiB of configuration space to show (PCIe-5.0 7.2). */
static const struct quirk *mirror_of(const uint8_t *hw)
{
	const struct quirk *q = find(hw, QUIRK_MIRROR);

	return q && pci_cap_find(hw, 256, PCI_CAP_ID_EXP) ? q : NULL;
}

void quirk_apply(const uint8_t *hw, struct bar_shape shape[PCI_BARS],
		 struct msix_shape *m)
{
	const struct quirk *mirror = mirror_of(hw);
	const struct quirk *pba = find(hw, QUIRK_PBA);

	if (mirror) {
		struct bar_shape *s = &shape[mirror->bar];

		if (s->n_traps < BAR_TRAPS_MAX)
			s->trap[s->n_traps++] =
				(struct span){mirror->off, mirror->len};
	}
	if (pba && m->n && m->pba_bar < PCI_BARS && m->pba_off == pba->off &&
	    m->pba_off >= shape[m->pba_bar].size)
		m->pba_off = pba->right;
}

bool quirk_mirror(const uint8_t *hw, unsigned int bar, uint64_t off,
		  unsigned int len, unsigned int *reg)
{
	const struct quirk *q = mirror_of(hw);

	if (!q || q->bar != bar ||
	    !span_holds((struct span){q->off, q->len}, off, len))
		return false;
	*reg = (unsigned int)(off - q->off);
	return true;
}

/* What a function takes: 1, 2 or 4 naturally aligned bytes (core/pci.h). */
static unsigned int piece(unsigned int reg, unsigned int len)
{
	if (!(reg & 3) && len >= 4)
		return 4;
	return !(reg & 1) && len >= 2 ? 2 : 1;
}

uint64_t quirk_mirror_read(struct pci_func *f, unsigned int reg,
			   unsigned int len)
{
	uint64_t v = 0;

	for (unsigned int i = 0, n; i < len; i += n) {
		uint64_t part;

		n = piece(reg + i, len - i);
		part = f->ops->cfg_read(f, reg + i, n);
		v |= (part & ((1ull << (8 * n)) - 1)) << (8 * i);
	}
	return v;
}

void quirk_mirror_write(struct pci_func *f, unsigned int reg, unsigned int len,
			uint64_t val)
{
	for (unsigned int i = 0, n; i < len; i += n) {
		n = piece(reg + i, len - i);
		f->ops->cfg_write(f, reg + i, n,
				  val >> (8 * i) & ((1ull << (8 * n)) - 1));
	}
}

/*
 * A driver of NVIDIA's writes to the header of the MSI capability, which
 * nobody can change, when it has handled an interrupt: without that there is
 * no next one.
 */
bool quirk_mirror_acks(unsigned int msi_cap, unsigned int reg, unsigned int len)
{
	return msi_cap && reg >= msi_cap && len <= PCI_MSI_FLAGS &&
	       reg - msi_cap <= PCI_MSI_FLAGS - len;
}

const char *quirk_note(const uint8_t *hw)
{
	const struct quirk *q = find(hw, QUIRK_NOTE);

	return q ? q->note : NULL;
}
