// SPDX-License-Identifier: Apache-2.0
/*
 * PCI host bridge of one bus: configuration mechanism 1 (PCI-3.0 3.2.2.3.2),
 * ECAM (PCIe-5.0 7.2.2), and the windows in which BARs are trapped.
 *
 * Functions only ever meet configuration accesses of 1, 2 or 4 naturally
 * aligned bytes; anything wider or crooked is taken apart here. BARs move by
 * configuration writes, so each trapped access asks the functions again.
 */
#include "devices/pci_host.h"

#include <errno.h>
#include <linux/pci_regs.h>

#define CF8_ENABLE   0x80000000u
#define CF8_WRITABLE 0x80fffffcu /* the rest reads as 0 */
#define CFC	     4		 /* CONFIG_DATA in the window */

#define HEADER_MULTI 0x80

/* Without its function 0 the rest of a slot cannot be found (PCI-3.0 6.1). */
static struct pci_func *lookup(const struct pci_host *h, unsigned int devfn)
{
	return h->func[devfn & ~7u] ? h->func[devfn] : NULL;
}

/* The largest naturally aligned piece at @off of at most @len bytes. */
static unsigned int piece(unsigned int off, unsigned int len)
{
	if (!(off & 3) && len >= 4)
		return 4;
	return !(off & 1) && len >= 2 ? 2 : 1;
}

static uint64_t cfg_read(struct pci_host *h, unsigned int devfn,
			 unsigned int off, unsigned int len)
{
	struct pci_func *f = lookup(h, devfn);
	uint64_t v = 0;

	if (!f || off + len > PCI_CFG_SIZE)
		return pci_ones(len);
	for (unsigned int i = 0, n; i < len; i += n) {
		n = piece(off + i, len - i);
		v |= (f->ops->cfg_read(f, off + i, n) & pci_ones(n)) << 8 * i;
	}
	return v;
}

static void cfg_write(struct pci_host *h, unsigned int devfn, unsigned int off,
		      unsigned int len, uint64_t val)
{
	struct pci_func *f = lookup(h, devfn);

	if (!f || off + len > PCI_CFG_SIZE)
		return;
	for (unsigned int i = 0, n; i < len; i += n) {
		n = piece(off + i, len - i);
		f->ops->cfg_write(f, off + i, n, val >> 8 * i & pci_ones(n));
	}
}

/* Whether CONFIG_DATA leads to bus 0 now, and then where. */
static bool cf8_target(const struct pci_host *h, unsigned int *devfn,
		       unsigned int *reg)
{
	*devfn = h->cf8 >> 8 & 0xff;
	*reg = h->cf8 & 0xfc;
	return h->cf8 & CF8_ENABLE && !(h->cf8 >> 16 & 0xff);
}

/*
 * Only a full DWORD at the address port itself means the latch; any other
 * access there is an ordinary I/O access (PCI-3.0 3.2.2.3.2), which nobody on
 * the bus answers. So is CONFIG_DATA while it is not enabled.
 */
static uint64_t cf8_read(struct pci_host *h, uint64_t off, unsigned int len)
{
	unsigned int devfn;
	unsigned int reg;

	if (off == 0 && len == 8)
		return cf8_read(h, 0, 4) | cf8_read(h, CFC, 4) << 32;
	if (off == 0 && len == 4)
		return h->cf8;
	if (off < CFC || !cf8_target(h, &devfn, &reg))
		return pci_ones(len);
	return cfg_read(h, devfn, reg + (unsigned int)(off - CFC), len);
}

static void cf8_write(struct pci_host *h, uint64_t off, unsigned int len,
		      uint64_t val)
{
	unsigned int devfn;
	unsigned int reg;

	if (off == 0 && len >= 4)
		h->cf8 = (uint32_t)val & CF8_WRITABLE;
	if (off == 0 && len == 8)
		cf8_write(h, CFC, 4, val >> 32);
	if (off < CFC || !cf8_target(h, &devfn, &reg))
		return;
	cfg_write(h, devfn, reg + (unsigned int)(off - CFC), len, val);
}

/* PCIe-5.0 7.2.2: bus, device, function, then 12 bits of offset. */
static uint64_t ecam_read(struct pci_host *h, uint64_t off, unsigned int len)
{
	if (off >> 12 >= PCI_HOST_FUNCS)
		return pci_ones(len);
	return cfg_read(h, (unsigned int)(off >> 12), off & 0xfff, len);
}

static void ecam_write(struct pci_host *h, uint64_t off, unsigned int len,
		       uint64_t val)
{
	if (off >> 12 < PCI_HOST_FUNCS)
		cfg_write(h, (unsigned int)(off >> 12), off & 0xfff, len, val);
}

/* A BAR, as an address in a window decodes. */
struct target {
	struct pci_func *f; /* NULL: nobody answers */
	unsigned int bar;
	uint64_t off;
};

static struct target decode(const struct pci_host *h, bool io, uint64_t addr,
			    unsigned int len)
{
	struct target t = {0};

	for (unsigned int i = 0; i < h->n; i++) {
		struct pci_func *f = h->list[i];

		if (!lookup(h, f->devfn) ||
		    !pci_func_decode(f, io, addr, len, &t.bar, &t.off))
			continue;
		t.f = f;
		break;
	}
	return t;
}

static struct target window(const struct pci_host *h, unsigned int region,
			    uint64_t off, unsigned int len)
{
	switch (region) {
	case PCI_HOST_MEM32:
		return decode(h, false, h->mem32.base + off, len);
	case PCI_HOST_MEM64:
		return decode(h, false, h->mem64.base + off, len);
	case PCI_HOST_IO:
		return decode(h, true, h->io.base + off, len);
	default:
		return (struct target){0};
	}
}

static uint64_t host_read(struct device *d, unsigned int region, uint64_t off,
			  unsigned int len)
{
	struct pci_host *h = (struct pci_host *)d;
	struct target t;

	if (region == PCI_HOST_CF8)
		return cf8_read(h, off, len);
	if (region == PCI_HOST_ECAM)
		return ecam_read(h, off, len);
	t = window(h, region, off, len);
	if (!t.f)
		return pci_ones(len);
	return t.f->ops->bar_read(t.f, t.bar, t.off, len) & pci_ones(len);
}

static void host_write(struct device *d, unsigned int region, uint64_t off,
		       unsigned int len, uint64_t val)
{
	struct pci_host *h = (struct pci_host *)d;
	struct target t;

	if (region == PCI_HOST_CF8) {
		cf8_write(h, off, len, val);
		return;
	}
	if (region == PCI_HOST_ECAM) {
		ecam_write(h, off, len, val);
		return;
	}
	t = window(h, region, off, len);
	if (t.f)
		t.f->ops->bar_write(t.f, t.bar, t.off, len,
				    val & pci_ones(len));
}

static const struct dev_ops pci_host_ops = {
	.name = "pci-host",
	.size = sizeof(struct pci_host),
	.read = host_read,
	.write = host_write,
};

void pci_host_init(struct pci_host *h, struct span mem32, struct span mem64,
		   struct span io)
{
	*h = (struct pci_host){
		.dev = {.ops = &pci_host_ops, .lock = h->dev.lock},
		.mem32 = mem32,
		.mem64 = mem64,
		.io = io,
	};
}

/*
 * Guests look for functions 1 to 7 only when function 0 says so (PCI-3.0
 * 6.2.1). The hardware's own bit tells of its slot, not of this one.
 */
static void update_multi(struct pci_host *h, unsigned int devfn)
{
	unsigned int slot = devfn & ~7u;
	struct pci_func *f0 = h->func[slot];
	uint64_t type;
	bool multi = false;

	for (unsigned int i = 1; i < 8; i++)
		multi = multi || h->func[slot + i];
	if (!f0)
		return;
	type = pci_cfg_get(&f0->cfg, PCI_HEADER_TYPE, 1) & ~HEADER_MULTI;
	pci_cfg_set(&f0->cfg, PCI_HEADER_TYPE, 1,
		    multi ? type | HEADER_MULTI : type);
	f0->cfg.virt[PCI_HEADER_TYPE] |= HEADER_MULTI;
	f0->cfg.wmask[PCI_HEADER_TYPE] &= ~HEADER_MULTI;
}

int pci_host_add(struct pci_host *h, struct pci_func *f)
{
	if (h->func[f->devfn])
		return -EEXIST;
	h->func[f->devfn] = f;
	h->list[h->n++] = f;
	update_multi(h, f->devfn);
	return 0;
}

int pci_host_remove(struct pci_host *h, struct pci_func *f)
{
	unsigned int i = 0;

	while (i < h->n && h->list[i] != f)
		i++;
	if (i == h->n)
		return -ENOENT;
	for (h->n--; i < h->n; i++)
		h->list[i] = h->list[i + 1];
	h->func[f->devfn] = NULL;
	update_multi(h, f->devfn);
	return 0;
}
