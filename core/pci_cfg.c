/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pci_cfg.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "core/span.h"

/*
 * How it works. Three arrays of 4096 bytes run in parallel: bytes, virt and
 * wmask. A guest read takes the virtual bits from `bytes` and the others from
 * the hardware's value. A guest write changes the virtual bits that are
 * writable and hands back those that are the hardware's and writable. Nothing
 * else happens on an access: BAR sizing by all-ones (PCI-3.0 6.2.5.1) works
 * because the address bits under the size are not writable.
 */

/* Capability pointers: first one of the chain and where they may point. */
#define CAP_FIRST  0x40u
#define CAP_END	   256u
#define CAP_STEPS  48u
#define ECAP_FIRST 0x100u
#define ECAP_STEPS 480u

#define LOW32	   UINT64_C(0xffffffff)

static bool access_ok(unsigned int off, unsigned int len)
{
	return (len == 1 || len == 2 || len == 4 || len == 8) &&
	       off < PCI_CFG_SIZE && len <= PCI_CFG_SIZE - off;
}

static uint64_t load(const uint8_t *p, unsigned int len)
{
	uint64_t v = 0;
	unsigned int i;

	for (i = 0; i < len; i++)
		v |= (uint64_t)p[i] << (i * 8);
	return v;
}

static void store(uint8_t *p, unsigned int len, uint64_t val)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(val >> (i * 8));
}

void pci_cfg_init(struct pci_cfg *c)
{
	memset(c->bytes, 0, sizeof(c->bytes));
	memset(c->virt, 0xff, sizeof(c->virt));
	memset(c->wmask, 0, sizeof(c->wmask));
}

void pci_cfg_set(struct pci_cfg *c, unsigned int off, unsigned int len,
		 uint64_t val)
{
	if (access_ok(off, len))
		store(&c->bytes[off], len, val);
}

uint64_t pci_cfg_get(const struct pci_cfg *c, unsigned int off,
		     unsigned int len)
{
	return access_ok(off, len) ? load(&c->bytes[off], len) : pci_ones(len);
}

void pci_cfg_set_masks(struct pci_cfg *c, unsigned int off, unsigned int len,
		       uint64_t virt, uint64_t wmask)
{
	if (!access_ok(off, len))
		return;
	store(&c->virt[off], len, virt);
	store(&c->wmask[off], len, wmask);
}

uint64_t pci_cfg_read(const struct pci_cfg *c, unsigned int off,
		      unsigned int len, uint64_t hw)
{
	uint64_t virt;

	if (!access_ok(off, len))
		return pci_ones(len);
	virt = load(&c->virt[off], len);
	return (load(&c->bytes[off], len) & virt) |
	       (hw & ~virt & pci_ones(len));
}

bool pci_cfg_needs_hw(const struct pci_cfg *c, unsigned int off,
		      unsigned int len)
{
	return access_ok(off, len) && load(&c->virt[off], len) != pci_ones(len);
}

struct pci_cfg_change pci_cfg_write(struct pci_cfg *c, unsigned int off,
				    unsigned int len, uint64_t val)
{
	uint64_t virt, wmask, old, ours;
	struct pci_cfg_change change = {0, 0};

	if (!access_ok(off, len))
		return change;
	virt = load(&c->virt[off], len);
	wmask = load(&c->wmask[off], len);
	old = load(&c->bytes[off], len);
	ours = virt & wmask;
	store(&c->bytes[off], len, (old & ~ours) | (val & ours));
	change.hw_mask = wmask & ~virt;
	change.hw_val = val & change.hw_mask;
	return change;
}

static unsigned int bar_reg(unsigned int idx)
{
	return idx == PCI_ROM_IDX ? PCI_ROM_ADDRESS
				  : PCI_BASE_ADDRESS_0 + 4 * idx;
}

/* Bits of BAR register @idx that are ours and that the guest may change. */
static uint32_t bar_wmask(const struct pci_cfg *c, unsigned int idx)
{
	unsigned int reg = bar_reg(idx);

	return (uint32_t)(load(&c->virt[reg], 4) & load(&c->wmask[reg], 4));
}

/* What register @idx is if it is not the upper half of the one before it. */
static enum pci_bar_kind bar_kind_here(const struct pci_cfg *c,
				       unsigned int idx)
{
	uint64_t flags = c->bytes[bar_reg(idx)];
	uint32_t wmask = bar_wmask(c, idx);

	if (flags & PCI_BASE_ADDRESS_SPACE_IO)
		return wmask ? PCI_BAR_IO : PCI_BAR_NONE;
	switch (flags & PCI_BASE_ADDRESS_MEM_TYPE_MASK) {
	case PCI_BASE_ADDRESS_MEM_TYPE_32:
		return wmask ? PCI_BAR_MEM32 : PCI_BAR_NONE;
	case PCI_BASE_ADDRESS_MEM_TYPE_64:
		/* From 4 GiB on only the upper register is writable. */
		if (idx + 1 < PCI_BARS && (wmask | bar_wmask(c, idx + 1)))
			return PCI_BAR_MEM64;
		return PCI_BAR_NONE;
	default:
		return PCI_BAR_NONE;
	}
}

/* Whether register @idx holds the upper half of a MEM64 BAR. */
static bool bar_is_upper(const struct pci_cfg *c, unsigned int idx)
{
	bool upper = false;
	unsigned int i;

	for (i = 0; i < idx; i++)
		upper = !upper && bar_kind_here(c, i) == PCI_BAR_MEM64;
	return upper;
}

enum pci_bar_kind pci_cfg_bar_kind(const struct pci_cfg *c, unsigned int idx)
{
	if (idx >= PCI_BARS || bar_is_upper(c, idx))
		return PCI_BAR_NONE;
	return bar_kind_here(c, idx);
}

/* Writable address bits of a BAR, both registers of it; 0: there is none. */
static uint64_t bar_addr_bits(const struct pci_cfg *c, unsigned int idx)
{
	if (idx == PCI_ROM_IDX)
		return bar_wmask(c, idx) & PCI_ROM_ADDRESS_MASK;
	switch (pci_cfg_bar_kind(c, idx)) {
	case PCI_BAR_IO:
		return bar_wmask(c, idx) & ~UINT64_C(3);
	case PCI_BAR_MEM32:
		return bar_wmask(c, idx) & ~UINT64_C(15);
	case PCI_BAR_MEM64:
		return (bar_wmask(c, idx) & ~UINT64_C(15)) |
		       (uint64_t)bar_wmask(c, idx + 1) << 32;
	case PCI_BAR_NONE:
		break;
	}
	return 0;
}

uint64_t pci_cfg_bar_size(const struct pci_cfg *c, unsigned int idx)
{
	uint64_t bits = bar_addr_bits(c, idx);

	return bits & -bits;
}

uint64_t pci_cfg_bar_addr(const struct pci_cfg *c, unsigned int idx)
{
	uint64_t bits = bar_addr_bits(c, idx);

	if (bits == 0)
		return 0;
	return load(&c->bytes[bar_reg(idx)], bits > LOW32 ? 8 : 4) & bits;
}

void pci_cfg_set_bar_addr(struct pci_cfg *c, unsigned int idx, uint64_t addr)
{
	uint64_t bits = bar_addr_bits(c, idx);
	unsigned int len = bits > LOW32 ? 8 : 4;
	uint8_t *reg;

	if (bits == 0)
		return;
	/* Never decode at an address that nobody asked for. */
	if (addr & ~bits)
		addr = 0;
	reg = &c->bytes[bar_reg(idx)];
	store(reg, len, (load(reg, len) & ~bits) | addr);
}

static bool bar_size_ok(unsigned int idx, enum pci_bar_kind kind, uint64_t size)
{
	if (!is_pow2(size))
		return false;
	switch (kind) {
	case PCI_BAR_IO:
		/*
		 * PCI-3.0 6.2.5.1 allows a device 256 bytes of I/O; hardware
		 * with more exists, and the space has 64 KiB.
		 */
		return size >= 4 && size <= 65536;
	case PCI_BAR_MEM32:
		return size >= 16 && size <= UINT64_C(1) << 31;
	case PCI_BAR_MEM64:
		return size >= 16 && idx + 1 < PCI_BARS;
	case PCI_BAR_NONE:
		break;
	}
	return false;
}

static uint32_t bar_flags(enum pci_bar_kind kind, bool prefetch)
{
	uint32_t flags = prefetch ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0;

	switch (kind) {
	case PCI_BAR_IO:
		return PCI_BASE_ADDRESS_SPACE_IO;
	case PCI_BAR_MEM32:
		return flags | PCI_BASE_ADDRESS_MEM_TYPE_32;
	case PCI_BAR_MEM64:
		return flags | PCI_BASE_ADDRESS_MEM_TYPE_64;
	case PCI_BAR_NONE:
		break;
	}
	return 0;
}

/* Make @len bytes at @reg ours, with @val now and @wmask writable. */
static void reg_own(struct pci_cfg *c, unsigned int reg, unsigned int len,
		    uint64_t val, uint64_t wmask)
{
	pci_cfg_set(c, reg, len, val);
	pci_cfg_set_masks(c, reg, len, UINT64_MAX, wmask);
}

int pci_cfg_set_bar(struct pci_cfg *c, unsigned int idx, enum pci_bar_kind kind,
		    bool prefetch, uint64_t size)
{
	if (idx >= PCI_BARS)
		return -EINVAL;
	if (bar_is_upper(c, idx))
		return kind == PCI_BAR_NONE ? 0 : -EINVAL;
	if (kind != PCI_BAR_NONE && !bar_size_ok(idx, kind, size))
		return -EINVAL;
	if (kind == PCI_BAR_MEM64 && bar_kind_here(c, idx) != PCI_BAR_MEM64 &&
	    bar_kind_here(c, idx + 1) != PCI_BAR_NONE)
		return -EINVAL;

	if (kind == PCI_BAR_MEM64 || bar_kind_here(c, idx) == PCI_BAR_MEM64)
		reg_own(c, bar_reg(idx + 1), 4, 0,
			kind == PCI_BAR_MEM64 ? ~(size - 1) >> 32 : 0);
	reg_own(c, bar_reg(idx), 4, bar_flags(kind, prefetch),
		kind == PCI_BAR_NONE ? 0 : ~(size - 1) & LOW32);
	return 0;
}

/* PCI-3.0 6.2.5.2: at least 2 KiB (bits 31:11), at most 16 MiB. */
int pci_cfg_set_rom(struct pci_cfg *c, uint64_t size)
{
	if (size == 0) {
		reg_own(c, PCI_ROM_ADDRESS, 4, 0, 0);
		return 0;
	}
	if (!is_pow2(size) || size < 2048 || size > UINT64_C(1) << 24)
		return -EINVAL;
	reg_own(c, PCI_ROM_ADDRESS, 4, 0,
		(~(size - 1) & LOW32) | PCI_ROM_ADDRESS_ENABLE);
	return 0;
}

static size_t cap_end(size_t size)
{
	return size < CAP_END ? size : CAP_END;
}

unsigned int pci_cap_next(const uint8_t *bytes, size_t size, unsigned int off,
			  unsigned int *budget)
{
	size_t end = cap_end(size);
	unsigned int next;

	if (end < CAP_FIRST || *budget >= CAP_STEPS)
		return 0;
	++*budget;
	if (off == 0) {
		if (!(bytes[PCI_STATUS] & PCI_STATUS_CAP_LIST))
			return 0;
		next = bytes[PCI_CAPABILITY_LIST];
	} else {
		if (off < CAP_FIRST || off >= end - PCI_CAP_LIST_NEXT)
			return 0;
		next = bytes[off + PCI_CAP_LIST_NEXT];
	}
	/* The lower two bits are reserved, to be masked (PCI-3.0 6.7). */
	next &= ~3u;
	if (next < CAP_FIRST || next >= end - PCI_CAP_LIST_NEXT)
		return 0;
	/* What an absent or dead device answers is not a capability. */
	return bytes[next + PCI_CAP_LIST_ID] == 0xff ? 0 : next;
}

unsigned int pci_cap_find(const uint8_t *bytes, size_t size, uint8_t id)
{
	unsigned int budget = 0;
	unsigned int off = 0;

	while ((off = pci_cap_next(bytes, size, off, &budget)) != 0) {
		if (bytes[off + PCI_CAP_LIST_ID] == id)
			return off;
	}
	return 0;
}

/*
 * An all-zero header says that there are no extended capabilities (PCIe-5.0
 * 7.6), all-ones that there is nobody to ask.
 */
static bool ecap_here(const uint8_t *bytes, unsigned int off)
{
	uint64_t header;

	if (off < ECAP_FIRST || off > PCI_CFG_SIZE - 4)
		return false;
	header = load(&bytes[off], 4);
	return header != 0 && header != LOW32;
}

unsigned int pci_ecap_next(const uint8_t *bytes, size_t size, unsigned int off,
			   unsigned int *budget)
{
	unsigned int next = ECAP_FIRST;

	if (size != PCI_CFG_SIZE || *budget >= ECAP_STEPS)
		return 0;
	++*budget;
	if (off != 0) {
		if (off < ECAP_FIRST || off > PCI_CFG_SIZE - 4)
			return 0;
		next = PCI_EXT_CAP_NEXT((unsigned int)load(&bytes[off], 4));
	}
	return ecap_here(bytes, next) ? next : 0;
}

unsigned int pci_ecap_find(const uint8_t *bytes, size_t size, uint16_t id)
{
	unsigned int budget = 0;
	unsigned int off = 0;

	while ((off = pci_ecap_next(bytes, size, off, &budget)) != 0) {
		if (load(&bytes[off], 2) == id)
			return off;
	}
	return 0;
}

/* Set the bits @mask of a register; they are ours and read-only from now on. */
static void link_set(struct pci_cfg *c, unsigned int reg, unsigned int len,
		     uint64_t val, uint64_t mask)
{
	uint64_t old = load(&c->bytes[reg], len);

	store(&c->bytes[reg], len, (old & ~mask) | (val & mask));
	store(&c->virt[reg], len, load(&c->virt[reg], len) | mask);
	store(&c->wmask[reg], len, load(&c->wmask[reg], len) & ~mask);
}

/*
 * The chain may be a ring or point to one capability twice, so every pointer
 * to @off that a walk can meet is turned aside: each time one is, the walk
 * goes on from the same place with a new budget. There are finitely many.
 */
int pci_cap_unlink(struct pci_cfg *c, unsigned int off)
{
	unsigned int budget = 0;
	unsigned int prev = 0;
	unsigned int cap, reg, next;
	int r = -ENOENT;

	next = off ? pci_cap_next(c->bytes, PCI_CFG_SIZE, off, &budget) : 0;
	if (next == off)
		next = 0;
	budget = 0;
	while ((cap = pci_cap_next(c->bytes, PCI_CFG_SIZE, prev, &budget))) {
		if (cap != off) {
			prev = cap;
			continue;
		}
		reg = prev ? prev + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST;
		link_set(c, reg, 1, next, 0xff);
		budget = 0;
		r = 0;
	}
	return r;
}

int pci_ecap_unlink(struct pci_cfg *c, unsigned int off)
{
	unsigned int budget = 0;
	unsigned int prev = 0;
	unsigned int cap, next;
	int r = -ENOENT;

	next = off ? pci_ecap_next(c->bytes, PCI_CFG_SIZE, off, &budget) : 0;
	if (next == off)
		next = 0;
	/*
	 * Nothing points to the first one, so it stays as a capability with no
	 * id that leads to the next.
	 */
	if (off == ECAP_FIRST) {
		if (!ecap_here(c->bytes, off))
			return -ENOENT;
		link_set(c, off, 4, (uint64_t)next << 20, LOW32);
		return 0;
	}
	budget = 0;
	while ((cap = pci_ecap_next(c->bytes, PCI_CFG_SIZE, prev, &budget))) {
		if (cap != off) {
			prev = cap;
			continue;
		}
		link_set(c, prev, 4, (uint64_t)next << 20, 0xfff00000);
		budget = 0;
		r = 0;
	}
	return r;
}
