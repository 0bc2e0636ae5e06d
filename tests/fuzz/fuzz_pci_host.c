// SPDX-License-Identifier: Apache-2.0
/*
 * A bus of functions chosen by the input, any accesses to all five windows:
 * functions meet only what they were promised, both configuration mechanisms
 * agree, and a BAR answers exactly where its registers say.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "devices/pci_bridge_host.h"
#include "devices/pci_host.h"
#include "tests/fuzz/fuzz_in.h"

#define FUNCS 4

struct fake_func {
	struct pci_func func;
	bool present;
	unsigned int mem_bar; /* its register; size: */
	uint64_t mem_size;
	uint64_t io_size; /* register 5 */
	uint64_t answers;
};

static const struct span mem32 = {0xc0000000, 0x10000};
static const struct span mem64 = {0x800000000, 0x10000};
static const struct span io = {0xc000, 0x1000};

static struct fake_func func[FUNCS];
static struct pci_func bridge;
static struct pci_host host;

static void require_cfg(unsigned int off, unsigned int len)
{
	REQUIRE(len == 1 || len == 2 || len == 4);
	REQUIRE(off % len == 0 && off + len <= PCI_CFG_SIZE);
}

static uint64_t fake_cfg_read(struct pci_func *f, unsigned int off,
			      unsigned int len)
{
	require_cfg(off, len);
	return pci_cfg_read(&f->cfg, off, len, 0) | ~0ull << 8 * len;
}

static void fake_cfg_write(struct pci_func *f, unsigned int off,
			   unsigned int len, uint64_t val)
{
	require_cfg(off, len);
	REQUIRE(!(val >> 8 * len));
	pci_cfg_write(&f->cfg, off, len, val);
}

static void require_bar(struct fake_func *f, unsigned int bar, uint64_t off,
			unsigned int len)
{
	uint64_t size = bar == 5 ? f->io_size : f->mem_size;

	REQUIRE(bar == 5 || bar == f->mem_bar);
	REQUIRE(off < size && len <= size - off);
	f->answers++;
}

static uint64_t fake_bar_read(struct pci_func *f, unsigned int bar,
			      uint64_t off, unsigned int len)
{
	require_bar((struct fake_func *)f, bar, off, len);
	return 0x5555555555555555;
}

static void fake_bar_write(struct pci_func *f, unsigned int bar, uint64_t off,
			   unsigned int len, uint64_t val)
{
	require_bar((struct fake_func *)f, bar, off, len);
	REQUIRE(len == 8 || !(val >> 8 * len));
}

static const struct pci_func_ops fake_ops = {
	.cfg_read = fake_cfg_read,
	.cfg_write = fake_cfg_write,
	.bar_read = fake_bar_read,
	.bar_write = fake_bar_write,
};

static void make_func(struct fake_func *x, struct fuzz_in *in)
{
	struct pci_cfg *c = &x->func.cfg;
	uint8_t shape = fuzz_u8(in);
	bool wide = shape & 1;

	x->func.ops = &fake_ops;
	/* Few slots, so that they are shared. */
	x->func.devfn = fuzz_u8(in) & 0x1f;
	x->mem_bar = shape >> 1 & 3;
	x->mem_size = 0x10ull << (shape >> 4);
	x->io_size = 4ull << (shape >> 5);
	pci_cfg_init(c);
	pci_cfg_set(c, PCI_VENDOR_ID, 4, 0x12345678);
	pci_cfg_set_masks(c, PCI_COMMAND, 2, 0xffff, 3);
	if (pci_cfg_set_bar(c, x->mem_bar, wide ? PCI_BAR_MEM64 : PCI_BAR_MEM32,
			    false, x->mem_size))
		abort();
	if (x->io_size > 256)
		x->io_size = 256;
	if (pci_cfg_set_bar(c, 5, PCI_BAR_IO, false, x->io_size))
		abort();
	x->present = !pci_host_add(&host, &x->func);
}

static struct fake_func *at(unsigned int devfn)
{
	for (unsigned int i = 0; i < FUNCS; i++)
		if (func[i].present && func[i].func.devfn == devfn)
			return &func[i];
	return NULL;
}

/* Slot 0 has the bridge as its function 0. */
static bool visible(unsigned int devfn)
{
	return devfn == 0 ||
	       (at(devfn) && ((devfn & ~7u) == 0 || at(devfn & ~7u)));
}

static bool bar_holds(const struct fake_func *f, bool is_io, uint64_t addr,
		      unsigned int len)
{
	const struct pci_cfg *c = &f->func.cfg;
	unsigned int bar = is_io ? 5 : f->mem_bar;
	uint64_t base = pci_cfg_get(c, 0x10 + 4 * bar, 4) & ~0xfull;
	uint64_t size = is_io ? f->io_size : f->mem_size;

	if (is_io)
		base = pci_cfg_get(c, 0x24, 4) & ~3ull;
	else if (pci_cfg_bar_kind(c, bar) == PCI_BAR_MEM64)
		base |= pci_cfg_get(c, 0x14 + 4 * bar, 4) << 32;
	if (!(pci_cfg_get(c, PCI_COMMAND, 2) & (is_io ? 1 : 2)))
		return false;
	return base && addr >= base && addr - base < size &&
	       len <= size - (addr - base);
}

static uint64_t answers(void)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < FUNCS; i++)
		n += func[i].answers;
	return n;
}

static void window(struct fuzz_in *in, unsigned int region, struct span s,
		   bool write)
{
	struct fuzz_access a = fuzz_access(in, write, s.len);
	uint64_t before = answers();
	bool want = false;
	uint64_t v = 0;

	for (unsigned int i = 0; i < FUNCS; i++)
		want = want ||
		       (func[i].present && visible(func[i].func.devfn) &&
			bar_holds(&func[i], region == PCI_HOST_IO,
				  s.base + a.off, a.len));
	if (write)
		host.dev.ops->write(&host.dev, region, a.off, a.len, a.val);
	else
		v = host.dev.ops->read(&host.dev, region, a.off, a.len);
	REQUIRE(answers() - before == want);
	if (!write)
		REQUIRE(v == (want ? 0x5555555555555555 : ~0ull) >>
				     (64 - 8 * a.len));
}

static uint64_t host_read(unsigned int region, uint64_t off, unsigned int len)
{
	return host.dev.ops->read(&host.dev, region, off, len);
}

/* The same dword through CF8/CFC and ECAM, and the latch as it was. */
static void check_config(unsigned int devfn, unsigned int reg)
{
	uint32_t cf8 = (uint32_t)host_read(PCI_HOST_CF8, 0, 4);
	uint64_t a, b;

	REQUIRE(!(cf8 & ~0x80fffffcu));
	host.dev.ops->write(&host.dev, PCI_HOST_CF8, 0, 4,
			    0x80000000u | devfn << 8 | reg);
	a = host_read(PCI_HOST_CF8, 4, 4);
	b = host_read(PCI_HOST_ECAM, devfn << 12 | reg, 4);
	REQUIRE(a == b);
	if (reg == 0)
		REQUIRE((a == 0xffffffff) == !visible(devfn));
	/* Disabled, and on another bus */
	host.dev.ops->write(&host.dev, PCI_HOST_CF8, 0, 4, devfn << 8 | reg);
	REQUIRE(host_read(PCI_HOST_CF8, 4, 4) == 0xffffffff);
	host.dev.ops->write(&host.dev, PCI_HOST_CF8, 0, 4,
			    0x80010000u | devfn << 8 | reg);
	REQUIRE(host_read(PCI_HOST_CF8, 4, 4) == 0xffffffff);
	host.dev.ops->write(&host.dev, PCI_HOST_CF8, 0, 4, cf8);
}

/* Function 0 tells whether its slot has others. */
static void check_multi(unsigned int slot)
{
	bool multi = false;

	if (!visible(slot))
		return;
	for (unsigned int i = 1; i < 8; i++)
		multi = multi || at(slot + i);
	REQUIRE(host_read(PCI_HOST_ECAM, slot << 12 | PCI_HEADER_TYPE, 1) ==
		(multi ? 0x80 : 0));
}

static void config_write(unsigned int region, struct fuzz_access a)
{
	uint64_t cf8 = host_read(PCI_HOST_CF8, 0, 4);

	host.dev.ops->write(&host.dev, region, a.off, a.len, a.val);
	if (region == PCI_HOST_CF8 && a.off == 0 && a.len >= 4)
		cf8 = a.val & 0x80fffffc;
	REQUIRE(host_read(PCI_HOST_CF8, 0, 4) == cf8);
}

/* To COMMAND or a BAR of a function that exists: values that hit. */
static void aimed_write(struct fuzz_in *in, const struct fake_func *f)
{
	uint8_t what = fuzz_u8(in);
	uint64_t off = (uint64_t)f->func.devfn << 12;
	uint64_t val = fuzz_u(in, 2);

	if (what & 8) {
		off += PCI_COMMAND;
	} else {
		off += PCI_BASE_ADDRESS_0 + 4 * (what % 6u);
		val += what & 0x10 ? mem32.base : 0;
		val = what & 0x20 ? mem64.base >> 32 : val;
	}
	host.dev.ops->write(&host.dev, PCI_HOST_ECAM, off, 4, val);
}

static void step(struct fuzz_in *in)
{
	uint8_t op = fuzz_u8(in);
	bool write = op & 0x80;
	struct fuzz_access a;
	unsigned int region = op & 7;

	if (region == PCI_HOST_MEM32) {
		window(in, region, mem32, write);
	} else if (region == PCI_HOST_MEM64) {
		window(in, region, mem64, write);
	} else if (region == PCI_HOST_IO) {
		window(in, region, io, write);
	} else if (region <= PCI_HOST_ECAM) {
		/* A page of ECAM more than there are functions */
		a = fuzz_access(in, write, region ? 0x101000 : 8);
		if (write)
			config_write(region, a);
		else
			host_read(region, a.off, a.len);
	} else if (region == 5) {
		aimed_write(in, &func[op >> 3 & 3]);
	} else {
		check_config(fuzz_u8(in), fuzz_u8(in) & 0xfc);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};

	memset(func, 0, sizeof(func));
	pci_host_init(&host, mem32, mem64, io);
	pci_bridge_host_init(&bridge);
	if (pci_host_add(&host, &bridge))
		abort();
	for (unsigned int i = 0; i < FUNCS; i++)
		make_func(&func[i], &in);
	for (unsigned int i = 0; i < 4 * FUNCS; i++)
		check_config(i, 0);
	for (unsigned int i = 0; i < 4; i++)
		check_multi(8 * i);
	while (in.left)
		step(&in);
	return 0;
}
