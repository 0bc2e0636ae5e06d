// SPDX-License-Identifier: Apache-2.0
/* Configuration space: describing it, and how vfio-pci lets it be written. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "tests/unit/fake_vfio_impl.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

/* --- describing ----------------------------------------------------------- */

void fake_cfg_put(struct fake_pci *p, unsigned int off, unsigned int len,
		  uint64_t v)
{
	memcpy(p->cfg + off, &v, len);
}

uint64_t fake_cfg_get(const struct fake_pci *p, unsigned int off,
		      unsigned int len)
{
	uint64_t v = 0;

	memcpy(&v, p->cfg + off, len);
	return v;
}

static void writable(struct fake_pci *p, unsigned int off, unsigned int len,
		     uint64_t mask)
{
	memcpy(p->wmask + off, &mask, len);
}

struct fake_pci *fake_pci_add(const char *address, unsigned int group)
{
	struct fake_pci *p = &fake_host.pci[fake_host.n];

	if (fake_host.n == FAKE_PCI_MAX)
		fake_sys_misuse("more than %d devices", FAKE_PCI_MAX);
	memset(p, 0, sizeof(*p));
	snprintf(p->address, sizeof(p->address), "%s", address);
	snprintf(p->driver, sizeof(p->driver), "vfio-pci");
	p->group = group;
	p->cdev = fake_host.n++;
	p->cfg_size = 256;
	p->fd = -1;
	p->irq[VFIO_PCI_REQ_IRQ_INDEX].count = 1;
	fake_cfg_put(p, PCI_VENDOR_ID, 4, 0xa8011b36);
	fake_cfg_put(p, PCI_CLASS_REVISION, 4, 0x01080201);
	/* pci_enable_device() has turned it on (linux drivers/vfio/pci) */
	fake_cfg_put(p, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	writable(p, PCI_COMMAND, 2, 0x0547);
	writable(p, PCI_CACHE_LINE_SIZE, 2, 0xffff);
	writable(p, PCI_INTERRUPT_LINE, 1, 0xff);
	return p;
}

void fake_bar(struct fake_pci *p, unsigned int i, enum fake_bar_kind kind,
	      uint64_t size)
{
	unsigned int reg = PCI_BASE_ADDRESS_0 + 4 * i;
	static const uint8_t low[] = {1, 0, 0xc};

	p->region[i].size = size;
	/* Somewhere for itself, naturally aligned, as firmware does. */
	p->region[i].start = 1 + i + 6ull * (uint64_t)(p - fake_host.pci);
	p->region[i].start <<= 44;
	if (size < 4096)
		p->region[i].start += 0xe000 + 0x100ull * i;
	p->region[i].mmap = kind != FAKE_IO && size >= 4096;
	p->region[i].msix_mappable = false;
	fake_cfg_put(p, reg, 4, low[kind]);
	writable(p, reg, 4, ~(size - 1) & ~0xfull);
	if (kind == FAKE_MEM64)
		writable(p, reg + 4, 4, ~(size - 1) >> 32);
}

unsigned int fake_cap(struct fake_pci *p, uint8_t id, unsigned int len)
{
	unsigned int at = 0x40;
	unsigned int link = PCI_CAPABILITY_LIST;

	while (p->cfg[link]) {
		at = p->cfg[link];
		link = at + PCI_CAP_LIST_NEXT;
		at += p->cfg[at] == PCI_CAP_ID_EXP ? 0x3c : 0x18;
	}
	if (at + len > 0x100)
		fake_sys_misuse("no room for another capability");
	p->cfg[link] = (uint8_t)at;
	p->cfg[at] = id;
	p->cfg[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	return at;
}

unsigned int fake_cap_pm(struct fake_pci *p)
{
	unsigned int at = fake_cap(p, PCI_CAP_ID_PM, PCI_PM_SIZEOF);

	fake_cfg_put(p, at + PCI_PM_PMC, 2, 3);
	writable(p, at + PCI_PM_CTRL, 2, PCI_PM_CTRL_STATE_MASK);
	return at;
}

unsigned int fake_cap_express(struct fake_pci *p)
{
	unsigned int at = fake_cap(p, PCI_CAP_ID_EXP, 0x3c);

	p->cfg_size = FAKE_CFG_SIZE;
	p->irq[VFIO_PCI_ERR_IRQ_INDEX].count = 1;
	fake_cfg_put(p, at + PCI_EXP_FLAGS, 2, 2);
	fake_cfg_put(p, at + PCI_EXP_DEVCAP, 4,
		     p->flr ? PCI_EXP_DEVCAP_FLR : 0);
	writable(p, at + PCI_EXP_DEVCTL, 2, 0xffff);
	return at;
}

unsigned int fake_cap_msi(struct fake_pci *p, unsigned int vectors, bool wide,
			  bool maskable)
{
	unsigned int at = fake_cap(p, PCI_CAP_ID_MSI, 0x18);
	uint16_t flags = (uint16_t)(__builtin_ctz(vectors) << 1);

	if (wide)
		flags |= PCI_MSI_FLAGS_64BIT;
	if (maskable)
		flags |= PCI_MSI_FLAGS_MASKBIT;
	fake_cfg_put(p, at + PCI_MSI_FLAGS, 2, flags);
	p->irq[VFIO_PCI_MSI_IRQ_INDEX].count = vectors;
	p->irq[VFIO_PCI_MSI_IRQ_INDEX].noresize = true;
	return at;
}

unsigned int fake_cap_msix(struct fake_pci *p, unsigned int vectors,
			   unsigned int bar, uint32_t table, uint32_t pba)
{
	unsigned int at = fake_cap(p, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF);

	fake_cfg_put(p, at + PCI_MSIX_FLAGS, 2, vectors - 1);
	fake_cfg_put(p, at + PCI_MSIX_TABLE, 4, table | bar);
	fake_cfg_put(p, at + PCI_MSIX_PBA, 4, pba | bar);
	p->irq[VFIO_PCI_MSIX_IRQ_INDEX].count = vectors;
	p->region[bar].msix_mappable = true;
	return at;
}

void fake_intx(struct fake_pci *p)
{
	fake_cfg_put(p, PCI_INTERRUPT_PIN, 1, 1);
	p->irq[VFIO_PCI_INTX_IRQ_INDEX].count = 1;
}

void fake_rom(struct fake_pci *p, uint64_t size)
{
	p->region[VFIO_PCI_ROM_REGION_INDEX].size = size;
	p->region[VFIO_PCI_ROM_REGION_INDEX].read_only = true;
	writable(p, PCI_ROM_ADDRESS, 4,
		 (~(size - 1) & PCI_ROM_ADDRESS_MASK) | PCI_ROM_ADDRESS_ENABLE);
}

struct fake_pci *fake_nvme(const char *address, unsigned int group)
{
	struct fake_pci *p = fake_pci_add(address, group);

	p->flr = true;
	p->reset = true;
	fake_bar(p, 0, FAKE_MEM64, 0x4000);
	(void)fake_cap_pm(p);
	(void)fake_cap_express(p);
	(void)fake_cap_msix(p, 32, 0, 0x2000, 0x3000);
	fake_intx(p);
	return p;
}

struct fake_pci *fake_e1000(const char *address, unsigned int group)
{
	struct fake_pci *p = fake_pci_add(address, group);

	p->reset = true;
	fake_cfg_put(p, PCI_VENDOR_ID, 4, 0x100e8086);
	fake_cfg_put(p, PCI_CLASS_REVISION, 4, 0x02000003);
	fake_bar(p, 0, FAKE_MEM32, 128 << 10);
	fake_bar(p, 1, FAKE_IO, 64);
	(void)fake_cap_pm(p);
	fake_intx(p);
	return p;
}

struct fake_pci *fake_gpu(const char *address, unsigned int group)
{
	struct fake_pci *p = fake_pci_add(address, group);

	p->flr = true;
	p->reset = true;
	p->bus_reset = true;
	fake_cfg_put(p, PCI_VENDOR_ID, 4, 0x233010de);
	fake_cfg_put(p, PCI_CLASS_REVISION, 4, 0x030200a1);
	fake_bar(p, 0, FAKE_MEM32, 16 * MIB);
	fake_bar(p, 2, FAKE_MEM64, 64 * GIB);
	fake_bar(p, 4, FAKE_MEM64, 32 * MIB);
	(void)fake_cap_pm(p);
	(void)fake_cap_express(p);
	(void)fake_cap_msix(p, 6, 0, 0xb90000, 0xb94000);
	return p;
}

struct fake_pci *fake_ahci(const char *address, unsigned int group)
{
	struct fake_pci *p = fake_pci_add(address, group);

	fake_cfg_put(p, PCI_VENDOR_ID, 4, 0x29228086);
	fake_cfg_put(p, PCI_CLASS_REVISION, 4, 0x01060102);
	fake_bar(p, 4, FAKE_IO, 32);
	fake_bar(p, 5, FAKE_MEM32, 4096);
	(void)fake_cap_msi(p, 32, true, true);
	fake_intx(p);
	return p;
}

/* --- its life ------------------------------------------------------------- */

bool fake_pci_decodes(const struct fake_pci *p)
{
	return fake_cfg_get(p, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY &&
	       p->power != 3;
}

/* Each capability of that name: vfio-pci looks after all of them. */
void fake_pci_wake(struct fake_pci *p)
{
	unsigned int at = p->cfg[PCI_CAPABILITY_LIST] & 0xfc;

	p->n_pm = 0;
	p->power = 0;
	for (unsigned int i = 0; i < 48 && at >= 0x40; i++) {
		if (p->cfg[at] == PCI_CAP_ID_PM && at + PCI_PM_CTRL < 0x100 &&
		    p->n_pm < FAKE_PM_CAPS) {
			p->pm[p->n_pm++] = at;
			p->cfg[at + PCI_PM_CTRL] &=
				(uint8_t)~PCI_PM_CTRL_STATE_MASK;
		}
		at = p->cfg[at + PCI_CAP_LIST_NEXT] & 0xfc;
	}
}

/* What the hardware makes of it counts: pci_set_power_state() reads back. */
static void power_written(struct fake_pci *p, uint64_t off, size_t len)
{
	for (unsigned int i = 0; i < p->n_pm; i++) {
		unsigned int at = p->pm[i] + PCI_PM_CTRL;

		if (at >= off && at < off + len)
			p->power = p->cfg[at] & PCI_PM_CTRL_STATE_MASK;
	}
}

ssize_t fake_cfg_read(struct fake_pci *p, void *buf, size_t len, uint64_t off)
{
	if (off >= p->cfg_size)
		return -EFAULT;
	if (len > p->cfg_size - off)
		len = p->cfg_size - off;
	memcpy(buf, p->cfg + off, len);
	return (ssize_t)len;
}

/* The memory slots that the guest has of @p must be gone by now. */
static void decode_off(const struct fake_pci *p)
{
	const struct fake_hv *hv = fake_host.hv;

	for (unsigned int i = 0; hv && i < hv->n_slots; i++) {
		const struct fake_mapping *m;

		if (!hv->slot[i].used || fake_sys_failed())
			continue;
		m = fake_sys_mapping((uintptr_t)hv->slot[i].hva);
		for (unsigned int f = 0; m && f < FAKE_FILES; f++) {
			if (m->obj == &p->file[f])
				fake_sys_misuse("%s stops decoding below a "
						"memslot",
						p->address);
		}
	}
}

/* In any capability of that name (vfio_exp_config_write()). */
static void flr_bits(struct fake_pci *p)
{
	unsigned int at = p->cfg[PCI_CAPABILITY_LIST] & 0xfc;
	unsigned int asked = 0;

	for (unsigned int i = 0; i < 48 && at >= 0x40; i++) {
		unsigned int high = at + PCI_EXP_DEVCTL + 1;

		if (p->cfg[at] == PCI_CAP_ID_EXP && high < 0x100) {
			asked |= p->cfg[high] & 0x80;
			p->cfg[high] &= 0x7f;
		}
		at = p->cfg[at + PCI_CAP_LIST_NEXT] & 0xfc;
	}
	if (asked && p->flr)
		fake_pci_reset(p);
}

ssize_t fake_cfg_write(struct fake_pci *p, const void *buf, size_t len,
		       uint64_t off)
{
	const uint8_t *b = buf;
	bool on = fake_pci_decodes(p);

	if (off >= p->cfg_size)
		return -EFAULT;
	if (len > p->cfg_size - off)
		len = p->cfg_size - off;
	for (size_t i = 0; i < len; i++) {
		uint8_t mask = p->wmask[off + i];

		p->cfg[off + i] =
			(uint8_t)((p->cfg[off + i] & ~mask) | (b[i] & mask));
	}
	power_written(p, off, len);
	if (on && !fake_pci_decodes(p)) {
		decode_off(p);
		fake_revoke(p);
	}
	flr_bits(p);
	return (ssize_t)len;
}

/* The kernel puts configuration space back afterwards; D0 it is. */
void fake_pci_reset(struct fake_pci *p)
{
	p->resets++;
	fake_pci_wake(p);
	fake_revoke(p);
}
