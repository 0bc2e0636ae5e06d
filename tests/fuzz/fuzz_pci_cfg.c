/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The first byte of the input chooses one of two games:
 *
 * masks: random masks, reads and writes; each byte is compared with a model
 *	that knows nothing of access sizes.
 * BARs: only what vfio and a guest do; kind, size, flag bits, address, and
 *	which address is decoded are compared with a list of BARs.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "core/pci.h"
#include "core/span.h"
#include "tests/fuzz/input.h"

#define BAR(idx) (PCI_BASE_ADDRESS_0 + 4 * (idx))

static uint64_t low(unsigned int len)
{
	return len >= 8 ? UINT64_MAX : (UINT64_C(1) << (len * 8)) - 1;
}

static bool access_ok(unsigned int off, unsigned int len)
{
	return (len == 1 || len == 2 || len == 4 || len == 8) && off < 4096 &&
	       off + len <= 4096;
}

/* --- masks -------------------------------------------------------------- */

static struct pci_cfg cfg, model;

static void masks_read(struct input *in, unsigned int off, unsigned int len)
{
	uint64_t hw = in_u64(in);
	uint64_t want = 0;
	bool needs = false;
	unsigned int i;

	if (!access_ok(off, len)) {
		must(pci_cfg_read(&cfg, off, len, hw) == low(len));
		must(pci_cfg_get(&cfg, off, len) == low(len));
		must(!pci_cfg_needs_hw(&cfg, off, len));
		return;
	}
	for (i = 0; i < len; i++) {
		uint8_t virt = model.virt[off + i];
		uint64_t b = (model.bytes[off + i] & virt) |
			     (hw >> (i * 8) & 0xff & ~(uint64_t)virt);

		want |= b << (i * 8);
		needs |= virt != 0xff;
	}
	must(pci_cfg_read(&cfg, off, len, hw) == want);
	must(pci_cfg_needs_hw(&cfg, off, len) == needs);
	if (!needs)
		must(pci_cfg_get(&cfg, off, len) == want);
}

static void masks_write(struct input *in, unsigned int off, unsigned int len)
{
	static struct pci_cfg split;
	struct pci_cfg_change whole, part, sum = {0, 0};
	uint64_t val = in_u64(in);
	unsigned int i;

	split = cfg;
	whole = pci_cfg_write(&cfg, off, len, val);
	if (!access_ok(off, len)) {
		must(whole.hw_val == 0 && whole.hw_mask == 0);
		return;
	}
	for (i = 0; i < len; i++) {
		uint8_t ours = model.virt[off + i] & model.wmask[off + i];
		uint8_t v = (uint8_t)(val >> (i * 8));

		model.bytes[off + i] =
			(uint8_t)((model.bytes[off + i] & ~ours) | (v & ours));
		part = pci_cfg_write(&split, off + i, 1, v);
		must(part.hw_mask == (model.wmask[off + i] & 0xff &
				      ~(uint64_t)model.virt[off + i]));
		must(part.hw_val == (part.hw_mask & v));
		sum.hw_mask |= part.hw_mask << (i * 8);
		sum.hw_val |= part.hw_val << (i * 8);
	}
	/* Byte by byte it is the same as at once. */
	must(whole.hw_mask == sum.hw_mask && whole.hw_val == sum.hw_val);
	must(memcmp(&split, &cfg, sizeof(cfg)) == 0);
}

static void model_put(uint8_t *bytes, unsigned int off, unsigned int len,
		      uint64_t val)
{
	unsigned int i;

	for (i = 0; access_ok(off, len) && i < len; i++)
		bytes[off + i] = (uint8_t)(val >> (i * 8));
}

static void masks(struct input *in)
{
	pci_cfg_init(&cfg);
	pci_cfg_init(&model);
	while (in->n != 0) {
		uint8_t op = in_u8(in);
		unsigned int off = in_u16(in);
		unsigned int len = op & 0x40 ? in_u8(in) % 18 : 1u << op % 4;
		uint64_t a, b;

		/* Close together, so that accesses meet; also at the end. */
		off = op & 0x80 ? PCI_CFG_SIZE - 9 + off % 12 : off % 24;
		switch (op >> 2 & 3) {
		case 0:
			a = in_u64(in);
			b = in_u64(in);
			pci_cfg_set_masks(&cfg, off, len, a, b);
			model_put(model.virt, off, len, a);
			model_put(model.wmask, off, len, b);
			break;
		case 1:
			a = in_u64(in);
			pci_cfg_set(&cfg, off, len, a);
			model_put(model.bytes, off, len, a);
			break;
		case 2:
			masks_read(in, off, len);
			break;
		default:
			masks_write(in, off, len);
			break;
		}
		must(memcmp(&cfg, &model, sizeof(cfg)) == 0);
	}
}

/* --- BARs --------------------------------------------------------------- */

struct bar {
	enum pci_bar_kind kind;
	bool upper; /* the second register of a MEM64 */
	uint32_t flags;
	uint64_t size; /* 0: none */
	uint64_t addr;
};

struct bars {
	struct pci_func f;
	struct bar bar[PCI_ROM_IDX + 1];
	bool rom_on;
};

static struct bars bars;

static bool bar_allowed(const struct bars *b, unsigned int idx,
			enum pci_bar_kind kind, uint64_t size)
{
	static const uint64_t least[] = {0, 4, 16, 16};
	static const uint64_t most[] = {0, 65536, UINT64_C(1) << 31,
					UINT64_C(1) << 63};

	if (idx >= PCI_BARS)
		return false;
	if (kind == PCI_BAR_NONE)
		return true;
	if (b->bar[idx].upper || __builtin_popcountll(size) != 1 ||
	    size < least[kind] || size > most[kind])
		return false;
	return kind != PCI_BAR_MEM64 ||
	       (idx < 5 && (b->bar[idx].kind == PCI_BAR_MEM64 ||
			    b->bar[idx + 1].kind == PCI_BAR_NONE));
}

/* All-ones, read, and put back: on a copy, by accesses of @len bytes. */
static void bar_sized(const struct bars *b, unsigned int idx, unsigned int len)
{
	static struct pci_cfg c;
	unsigned int bytes = b->bar[idx].kind == PCI_BAR_MEM64 ? 8 : 4;
	unsigned int i;
	uint64_t v = 0;

	c = b->f.cfg;
	for (i = 0; i < bytes; i += len)
		pci_cfg_write(&c, BAR(idx) + i, len, UINT64_MAX);
	for (i = 0; i < bytes; i++)
		v |= pci_cfg_read(&c, BAR(idx) + i, 1, 0) << (i * 8);
	must(v == ((~(b->bar[idx].size - 1) | b->bar[idx].flags) & low(bytes)));
}

static void bar_make(struct bars *b, struct input *in)
{
	static const uint32_t flags[] = {0, 1, 0, 4};
	uint8_t how = in_u8(in);
	unsigned int idx = how % 8;
	enum pci_bar_kind kind = how / 8 % 4;
	bool prefetch = how & 0x80;
	uint64_t size =
		how & 0x40 ? in_number(in) : UINT64_C(1) << in_u8(in) % 64;
	int r = pci_cfg_set_bar(&b->f.cfg, idx, kind, prefetch, size);

	must(r == (bar_allowed(b, idx, kind, size) ? 0 : -EINVAL));
	if (r != 0 || b->bar[idx].upper)
		return;
	if (b->bar[idx].kind == PCI_BAR_MEM64)
		b->bar[idx + 1] = (struct bar){0};
	b->bar[idx] = (struct bar){.kind = kind};
	if (kind == PCI_BAR_NONE)
		return;
	if (kind == PCI_BAR_MEM64)
		b->bar[idx + 1] = (struct bar){.upper = true};
	b->bar[idx].size = size;
	b->bar[idx].flags =
		flags[kind] | (prefetch && kind != PCI_BAR_IO ? 8 : 0);
	bar_sized(b, idx, 1);
	bar_sized(b, idx, 2);
	bar_sized(b, idx, 4);
}

static void rom_make(struct bars *b, struct input *in)
{
	uint64_t size =
		in_u8(in) % 4 ? UINT64_C(1) << in_u8(in) % 32 : in_number(in);
	int r = pci_cfg_set_rom(&b->f.cfg, size);

	if (size != 0 && (__builtin_popcountll(size) != 1 || size < 2048 ||
			  size > 16u << 20)) {
		must(r == -EINVAL);
		return;
	}
	must(r == 0);
	b->bar[PCI_ROM_IDX] = (struct bar){.size = size};
	b->rom_on = false;
}

static void bar_place(struct bars *b, struct input *in)
{
	unsigned int idx = in_u8(in) % 8;
	uint64_t addr = in_number(in);
	struct bar *bar = &b->bar[idx];

	pci_cfg_set_bar_addr(&b->f.cfg, idx, addr);
	if (idx > PCI_ROM_IDX || bar->size == 0)
		return;
	bar->addr = addr;
	if (addr % bar->size || (bar->kind != PCI_BAR_MEM64 && addr >> 32))
		bar->addr = 0;
}

/* One byte of a register, as any guest access can be taken apart. */
static void guest_byte(struct bars *b, unsigned int reg, uint8_t val)
{
	unsigned int shift = reg % 4 * 8;
	struct bar *bar;
	uint64_t mask;

	if (reg / 4 == PCI_ROM_ADDRESS / 4) {
		bar = &b->bar[PCI_ROM_IDX];
		if (shift == 0 && bar->size != 0)
			b->rom_on = val & 1;
	} else if (reg >= BAR(0) && reg < BAR(6)) {
		bar = &b->bar[(reg - BAR(0)) / 4];
		if (bar->upper) {
			bar--;
			shift += 32;
		}
	} else {
		return;
	}
	if (bar->size == 0)
		return;
	mask = UINT64_C(0xff) << shift & ~(bar->size - 1);
	bar->addr = (bar->addr & ~mask) | ((uint64_t)val << shift & mask);
}

static void guest_write(struct bars *b, struct input *in)
{
	uint8_t how = in_u8(in);
	unsigned int reg = how & 0x80 ? PCI_ROM_ADDRESS - 1 + how % 6
				      : BAR(0) - 2 + how % 28;
	unsigned int len = 1u << in_u8(in) % 4;
	uint64_t val = in_number(in);
	unsigned int i;

	pci_cfg_write(&b->f.cfg, reg, len, val);
	for (i = 0; i < len; i++)
		guest_byte(b, reg + i, (uint8_t)(val >> (i * 8)));
}

static void decode(const struct bars *b, bool io, uint64_t addr,
		   unsigned int len, uint16_t command)
{
	unsigned int bar = 99, i;
	uint64_t off = 0;
	bool on = command & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);
	bool hit = pci_func_decode(&b->f, io, addr, len, &bar, &off);

	for (i = 0; on && i <= PCI_ROM_IDX; i++) {
		const struct bar *c = &b->bar[i];

		if (c->addr == 0 || (c->kind == PCI_BAR_IO) != io ||
		    (i == PCI_ROM_IDX && !b->rom_on))
			continue;
		if (len != 0 && addr >= c->addr && addr - c->addr < c->size &&
		    len <= c->size - (addr - c->addr))
			break;
	}
	must(hit == (on && i <= PCI_ROM_IDX));
	if (hit)
		must(bar == i && off == addr - b->bar[i].addr);
}

static void decode_at_edges(struct bars *b, struct input *in)
{
	uint16_t command = in_u8(in) & 3;
	unsigned int len = in_u8(in) % 9;
	unsigned int i;

	pci_cfg_set(&b->f.cfg, PCI_COMMAND, 2, command);
	for (i = 0; i <= PCI_ROM_IDX; i++) {
		uint64_t at = b->bar[i].addr;
		uint64_t end = at + b->bar[i].size;

		decode(b, false, at, len, command);
		decode(b, true, at, len, command);
		decode(b, false, at - 1, len, command);
		decode(b, false, end - len, len, command);
		decode(b, true, end - len, len, command);
		decode(b, true, end - len + 1, len, command);
		decode(b, false, end - len + 1, len, command);
	}
}

static void bars_check(const struct bars *b)
{
	const struct pci_cfg *c = &b->f.cfg;
	unsigned int i;

	for (i = 0; i <= PCI_ROM_IDX; i++) {
		const struct bar *bar = &b->bar[i];

		must(pci_cfg_bar_kind(c, i) == bar->kind);
		must(pci_cfg_bar_size(c, i) == bar->size);
		must(pci_cfg_bar_addr(c, i) == bar->addr);
		if (bar->upper)
			continue;
		/* The bits that are no address never move. */
		must(pci_cfg_read(c, i < 6 ? BAR(i) : PCI_ROM_ADDRESS, 4, 0) ==
		     ((bar->addr | bar->flags | (i == 6 && b->rom_on)) &
		      0xffffffff));
		if (bar->kind == PCI_BAR_MEM64)
			must(pci_cfg_read(c, BAR(i + 1), 4, 0) ==
			     bar->addr >> 32);
	}
	must(pci_cfg_bar_kind(c, PCI_ROM_IDX + 1) == PCI_BAR_NONE);
}

static void bar_game(struct input *in)
{
	memset(&bars, 0, sizeof(bars));
	pci_cfg_init(&bars.f.cfg);
	while (in->n != 0) {
		switch (in_u8(in) % 8) {
		case 0:
		case 1:
			bar_make(&bars, in);
			break;
		case 2:
			rom_make(&bars, in);
			break;
		case 3:
			bar_place(&bars, in);
			break;
		case 4:
			decode_at_edges(&bars, in);
			break;
		default:
			guest_write(&bars, in);
			break;
		}
		bars_check(&bars);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	if (in_u8(&in) & 1)
		masks(&in);
	else
		bar_game(&in);
	return 0;
}
