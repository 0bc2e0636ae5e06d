// SPDX-License-Identifier: Apache-2.0
/* What the guest does to a passed-through function: configuration and BARs. */
#include <linux/pci_regs.h>
#include <unistd.h>

#include "vfio/device.h"
#include "vfio/quirk.h"

static struct vfio_dev *dev_of(struct pci_func *f)
{
	return (struct vfio_dev *)f;
}

static bool touches(unsigned int off, unsigned int len, unsigned int reg,
		    unsigned int reg_len)
{
	return off < reg + reg_len && reg < off + len;
}

static uint64_t cfg_read(struct pci_func *f, unsigned int off, unsigned int len)
{
	struct vfio_dev *d = dev_of(f);
	unsigned int pending = vfio_irqs_msi_pending_at(d);
	uint64_t hw = 0;

	if (pending && touches(off, len, pending, 4))
		vfio_irqs_msi_pending(d);
	if (pci_cfg_needs_hw(&f->cfg, off, len))
		hw = vfio_cfg_pread(d, off, len);
	return pci_cfg_read(&f->cfg, off, len, hw);
}

/* Forward the hardware's bytes of a write, in one piece if they are one. */
static void forward(struct vfio_dev *d, unsigned int off, unsigned int len,
		    const struct pci_cfg_change *ch)
{
	uint64_t all = pci_ones(len);

	if (!ch->hw_mask)
		return;
	if (ch->hw_mask == all) {
		vfio_cfg_pwrite(d, off, len, ch->hw_val);
		return;
	}
	for (unsigned int i = 0; i < len; i++) {
		if (ch->hw_mask >> (8 * i) & 0xff)
			vfio_cfg_pwrite(d, off + i, 1,
					ch->hw_val >> (8 * i) & 0xff);
	}
}

/*
 * D-state after a write that covered PMCSR. A device may refuse one that it
 * lacks (PCI-3.0 6.7), so that only it can tell.
 */
static void power_update(struct vfio_dev *d)
{
	d->power = vfio_cfg_pread(d, d->pm_cap + PCI_PM_CTRL, 2) &
		   PCI_PM_CTRL_STATE_MASK;
}

/* While INTx is off nobody would answer it, and its line may be shared. */
void vfio_command_write(struct vfio_dev *d)
{
	uint64_t command = pci_cfg_get(&d->func.cfg, PCI_COMMAND, 2);

	if (d->irqs.mode != IRQ_INTX)
		command |= PCI_COMMAND_INTX_DISABLE;
	vfio_cfg_pwrite(d, PCI_COMMAND, 2, command);
}

/* Whether a write may have changed what the device interrupts by. */
static bool touches_irqs(const struct vfio_dev *d, unsigned int off,
			 unsigned int len)
{
	return touches(off, len, PCI_COMMAND, 2) ||
	       (d->msix_cap &&
		touches(off, len, d->msix_cap + PCI_MSIX_FLAGS, 2)) ||
	       (d->msi_cap && touches(off, len, d->msi_cap + 2, 0x16));
}

/* Whether a write may change what vfio/decode.h computes from. */
static bool moves_bars(unsigned int off, unsigned int len)
{
	return touches(off, len, PCI_COMMAND, 2) ||
	       touches(off, len, PCI_BASE_ADDRESS_0, 4 * PCI_BARS) ||
	       touches(off, len, PCI_ROM_ADDRESS, 4);
}

/* Another power state than now: which one, only the hardware can tell. */
static bool power_asked(const struct vfio_dev *d, unsigned int off,
			unsigned int len, uint64_t val)
{
	unsigned int pmcsr = d->pm_cap + PCI_PM_CTRL;

	return d->pm_cap && touches(off, len, pmcsr, 1) &&
	       (val >> (8 * (pmcsr - off)) & PCI_PM_CTRL_STATE_MASK) !=
		       d->power;
}

static void cfg_write(struct pci_func *f, unsigned int off, unsigned int len,
		      uint64_t val)
{
	struct vfio_dev *d = dev_of(f);
	struct pci_cfg_change ch = pci_cfg_write(&f->cfg, off, len, val);
	bool power = power_asked(d, off, len, val);
	bool flr = flr_asked(d, off, len, &ch);
	bool follow = power || flr || moves_bars(off, len);

	if (flr)
		flr_registers(d);
	if (power) /* any state but D0, until the hardware has answered */
		d->power |= PCI_PM_CTRL_STATE_MASK;
	if (follow)
		bar_follow_shrink(d->all);
	if (flr || touches(off, len, PCI_COMMAND, 2))
		vfio_command_write(d);
	forward(d, off, len, &ch);
	if (flr)
		d->epoch++;
	if ((power || flr) && d->pm_cap)
		power_update(d);
	if (follow)
		bar_follow_grow(d->all);
	if (touches_irqs(d, off, len))
		vfio_irqs_update(d);
}

/* --- BARs ------------------------------------------------------------------
 */

static const struct bar_slice *slice_at(const struct bar_plan *p, uint64_t off,
					unsigned int len)
{
	for (unsigned int i = 0; i < p->n; i++) {
		const struct bar_slice *s = &p->slice[i];

		if (off >= s->off && off - s->off < s->len)
			return len <= s->len - (off - s->off) ? s : NULL;
	}
	return NULL;
}

/* Whether @off of BAR @bar lies in the guest's table, or PBA, and where. */
static bool in_table(const struct vfio_dev *d, unsigned int bar, uint64_t off,
		     uint64_t *at)
{
	*at = off - d->plan.table_off;
	return d->msix_cap && bar == d->plan.table_bar &&
	       off >= d->plan.table_off && *at < msix_table_bytes(d->msix.n);
}

static bool in_pba(const struct vfio_dev *d, unsigned int bar, uint64_t off,
		   uint64_t *at)
{
	*at = off - d->plan.pba_off;
	return d->msix_cap && bar == d->plan.pba_bar &&
	       off >= d->plan.pba_off && *at < msix_pba_bytes(d->msix.n);
}

/* Pending is what fired while nobody listened: the eventfd still holds it. */
static uint64_t pba_read(struct vfio_dev *d, uint64_t at, unsigned int len)
{
	unsigned int first = (unsigned int)at * 8;

	for (unsigned int v = first; v < first + 8 * len && v < d->msix.n;
	     v++) {
		(void)msix_take_pending(&d->msix, v);
		if (vfio_irqs_pending(d, v))
			msix_set_pending(&d->msix, v);
	}
	return msix_pba_read(&d->msix, at, len);
}

static uint64_t virtual_read(struct vfio_dev *d, unsigned int bar, uint64_t off,
			     unsigned int len)
{
	uint64_t at;

	if (in_table(d, bar, off, &at))
		return msix_table_read(&d->msix, at, len);
	if (in_pba(d, bar, off, &at))
		return pba_read(d, at, len);
	return pci_ones(len);
}

static uint64_t bytewise_read(struct pci_func *f, unsigned int bar,
			      uint64_t off, unsigned int len)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < len; i++)
		v |= f->ops->bar_read(f, bar, off + i, 1) << (8 * i);
	return v;
}

/*
 * Whether these bytes of the device's file are the region's: a region may say
 * that it is larger than the distance to the next one.
 */
static bool in_region(const struct vfio_dev *d, unsigned int bar, uint64_t off,
		      unsigned int len)
{
	return off + len <= d->region[bar].size && off + len <= BAR_REGION_MAX;
}

static uint64_t bar_read(struct pci_func *f, unsigned int bar, uint64_t off,
			 unsigned int len)
{
	struct vfio_dev *d = dev_of(f);
	const struct bar_slice *s;
	unsigned int reg;
	uint64_t v = 0;

	if (bar > PCI_ROM_IDX || d->power) /* D0 only: PCI-PM-1.2 5.4.1 */
		return pci_ones(len);
	if (bar == PCI_ROM_IDX)
		return rom_read(d, off, len);
	s = slice_at(&d->plan.bar[bar], off, len);
	if (!s)
		return len > 1 ? bytewise_read(f, bar, off, len) : 0xff;
	if (s->kind == BAR_VIRTUAL)
		return virtual_read(d, bar, off, len);
	if (quirk_mirror(f->cfg.bytes, bar, off, len, &reg))
		return quirk_mirror_read(f, reg, len);
	if (!in_region(d, bar, off, len) ||
	    pread(d->fd, &v, len, (off_t)(d->region[bar].fd_off + off)) !=
		    (ssize_t)len)
		return pci_ones(len);
	return v;
}

static void bar_write(struct pci_func *f, unsigned int bar, uint64_t off,
		      unsigned int len, uint64_t val)
{
	struct vfio_dev *d = dev_of(f);
	const struct bar_slice *s;
	unsigned int reg;
	uint64_t at;

	if (bar >= PCI_BARS || d->power)
		return;
	s = slice_at(&d->plan.bar[bar], off, len);
	if (!s) {
		for (unsigned int i = 0; len > 1 && i < len; i++)
			bar_write(f, bar, off + i, 1, val >> (8 * i) & 0xff);
		return;
	}
	if (s->kind == BAR_VIRTUAL) {
		if (in_table(d, bar, off, &at))
			vfio_irqs_msix_changed(
				d, msix_table_write(&d->msix, at, len, val));
		return;
	}
	if (quirk_mirror(f->cfg.bytes, bar, off, len, &reg)) {
		quirk_mirror_write(f, reg, len, val);
		if (!quirk_mirror_acks(d->msi_cap, reg, len))
			return;
	}
	if (in_region(d, bar, off, len) &&
	    pwrite(d->fd, &val, len, (off_t)(d->region[bar].fd_off + off)) < 0)
		return; /* the device is gone: reads will say so */
}

const struct pci_func_ops vfio_func_ops = {
	.cfg_read = cfg_read,
	.cfg_write = cfg_write,
	.bar_read = bar_read,
	.bar_write = bar_write,
};
