// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "devices/pci_bridge_host.h"
#include "devices/pci_host.h"

/* A function that notes what reaches it. */
struct fake_func {
	struct pci_func func;
	unsigned int cfg_accesses;
	unsigned int bar_reads;
	unsigned int bar;
	unsigned int len;
	uint64_t off;
	uint64_t val; /* of the last BAR write; BAR reads answer it */
};

static uint64_t fake_cfg_read(struct pci_func *f, unsigned int off,
			      unsigned int len)
{
	/* The bridge promises natural alignment. */
	assert_true(len == 1 || len == 2 || len == 4);
	assert_int_equal(off % len, 0);
	assert_true(off + len <= PCI_CFG_SIZE);
	((struct fake_func *)f)->cfg_accesses++;
	/* Dirty high bits must not reach the guest. */
	return pci_cfg_read(&f->cfg, off, len, 0) |
	       (len < 8 ? ~0ull << 8 * len : 0);
}

static void fake_cfg_write(struct pci_func *f, unsigned int off,
			   unsigned int len, uint64_t val)
{
	assert_true(len == 1 || len == 2 || len == 4);
	assert_int_equal(off % len, 0);
	assert_true(val >> 8 * len == 0);
	((struct fake_func *)f)->cfg_accesses++;
	pci_cfg_write(&f->cfg, off, len, val);
}

static uint64_t fake_bar_read(struct pci_func *f, unsigned int bar,
			      uint64_t off, unsigned int len)
{
	struct fake_func *x = (struct fake_func *)f;

	x->bar_reads++;
	x->bar = bar;
	x->off = off;
	x->len = len;
	return x->val;
}

static void fake_bar_write(struct pci_func *f, unsigned int bar, uint64_t off,
			   unsigned int len, uint64_t val)
{
	struct fake_func *x = (struct fake_func *)f;

	x->bar = bar;
	x->off = off;
	x->len = len;
	x->val = val;
}

static const struct pci_func_ops fake_ops = {
	.cfg_read = fake_cfg_read,
	.cfg_write = fake_cfg_write,
	.bar_read = fake_bar_read,
	.bar_write = fake_bar_write,
};

static const struct span mem32 = {0xc0000000, 0x10000000};
static const struct span mem64 = {0x8000000000, 0x4000000000};
static const struct span io = {0xc000, 0x1000};

static struct pci_host *host;
static struct fake_func *func[256];
static struct pci_func bridge;

static struct fake_func *make_func(uint8_t devfn)
{
	struct fake_func *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	x->func.ops = &fake_ops;
	x->func.devfn = devfn;
	pci_cfg_init(&x->func.cfg);
	pci_cfg_set(&x->func.cfg, PCI_VENDOR_ID, 4, 0xbeef1000u + devfn);
	pci_cfg_set_masks(&x->func.cfg, PCI_COMMAND, 2, 0xffff, 0x0407);
	pci_cfg_set_masks(&x->func.cfg, 0x40, 8, ~0ull, ~0ull);
	func[devfn] = x;
	return x;
}

static void add(uint8_t devfn)
{
	assert_int_equal(pci_host_add(host, &make_func(devfn)->func), 0);
}

static int setup(void **state)
{
	(void)state;
	host = calloc(1, sizeof(*host));
	assert_non_null(host);
	host->dev.lock = 7;
	pci_host_init(host, mem32, mem64, io);
	assert_int_equal(host->dev.lock, 7);
	pci_bridge_host_init(&bridge);
	assert_int_equal(pci_host_add(host, &bridge), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		free(func[i]);
		func[i] = NULL;
	}
	free(host);
	return 0;
}

static uint64_t rd(unsigned int region, uint64_t off, unsigned int len)
{
	return host->dev.ops->read(&host->dev, region, off, len);
}

static void wr(unsigned int region, uint64_t off, unsigned int len,
	       uint64_t val)
{
	host->dev.ops->write(&host->dev, region, off, len, val);
}

static uint64_t ecam(unsigned int devfn, unsigned int reg)
{
	return (uint64_t)devfn << 12 | reg;
}

static void address(unsigned int bus, unsigned int devfn, unsigned int reg)
{
	wr(PCI_HOST_CF8, 0, 4, 0x80000000u | bus << 16 | devfn << 8 | reg);
}

static void cf8_latch(void **state)
{
	(void)state;
	assert_int_equal(rd(PCI_HOST_CF8, 0, 4), 0);
	wr(PCI_HOST_CF8, 0, 4, 0x80000000);
	/* Anything but a dword at 0xcf8 leaves it alone. */
	wr(PCI_HOST_CF8, 3, 1, 0x01);
	wr(PCI_HOST_CF8, 1, 1, 0x06);
	wr(PCI_HOST_CF8, 0, 2, 0x1234);
	wr(PCI_HOST_CF8, 2, 4, 0x12345678);
	assert_int_equal(rd(PCI_HOST_CF8, 0, 4), 0x80000000);
	assert_int_equal(rd(PCI_HOST_CF8, 1, 1), 0xff);
	assert_int_equal(rd(PCI_HOST_CF8, 0, 2), 0xffff);
	assert_int_equal(rd(PCI_HOST_CF8, 2, 4), 0xffffffff);
	/* Reserved bits read as 0. */
	wr(PCI_HOST_CF8, 0, 4, 0xffffffff);
	assert_int_equal(rd(PCI_HOST_CF8, 0, 4), 0x80fffffc);
}

static void bridge_identity(void **state)
{
	(void)state;
	address(0, 0, 0);
	assert_int_equal(rd(PCI_HOST_CF8, 4, 4), 0x0d578086);
	address(0, 0, PCI_CLASS_REVISION);
	assert_int_equal(rd(PCI_HOST_CF8, 6, 2), 0x0600);
	for (unsigned int off = 0; off < PCI_CFG_SIZE; off += 4) {
		uint64_t was = rd(PCI_HOST_ECAM, off, 4);

		wr(PCI_HOST_ECAM, off, 4, 0xffffffff);
		assert_int_equal(rd(PCI_HOST_ECAM, off, 4), was);
		if (off != 0 && off != PCI_CLASS_REVISION)
			assert_int_equal(was, 0);
	}
	assert_int_equal(bridge.ops->bar_read(&bridge, 0, 0, 4) & 0xff, 0xff);
	bridge.ops->bar_write(&bridge, 0, 0, 4, 0);
}

static void config_both_ways(void **state)
{
	(void)state;
	add(0x18);
	address(0, 0x18, 0);
	assert_int_equal(rd(PCI_HOST_CF8, 4, 4), 0xbeef1018);
	assert_int_equal(rd(PCI_HOST_CF8, 5, 1), 0x10);
	assert_int_equal(rd(PCI_HOST_CF8, 6, 2), 0xbeef);
	assert_int_equal(rd(PCI_HOST_CF8, 5, 2), 0xef10);
	address(0, 0x18, 0x44);
	wr(PCI_HOST_CF8, 4, 4, 0x44332211);
	wr(PCI_HOST_CF8, 7, 1, 0x55);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x18, 0x44), 4), 0x55332211);
	wr(PCI_HOST_ECAM, ecam(0x18, 0x40), 8, 0x1122334455667788);
	assert_true(rd(PCI_HOST_ECAM, ecam(0x18, 0x40), 8) ==
		    0x1122334455667788);
	assert_int_equal(rd(PCI_HOST_CF8, 4, 4), 0x11223344);
	/* 8 bytes at 0xcf8 are two accesses of 4. */
	wr(PCI_HOST_CF8, 0, 8, 0xaabbccdd80001840);
	assert_true(rd(PCI_HOST_CF8, 0, 8) == 0xaabbccdd80001840);
}

/* Bus 0 is all there is, and nothing while disabled. */
static void config_elsewhere(void **state)
{
	(void)state;
	add(0x18);
	address(1, 0x18, 0);
	assert_int_equal(rd(PCI_HOST_CF8, 4, 4), 0xffffffff);
	address(0, 0x20, 0);
	assert_int_equal(rd(PCI_HOST_CF8, 4, 4), 0xffffffff);
	assert_int_equal(rd(PCI_HOST_CF8, 4, 1), 0xff);
	wr(PCI_HOST_CF8, 4, 4, 0);
	wr(PCI_HOST_CF8, 0, 4, 0x00001800);
	assert_int_equal(rd(PCI_HOST_CF8, 4, 4), 0xffffffff);
	wr(PCI_HOST_CF8, 4, 4, 0);
	assert_true(rd(PCI_HOST_ECAM, ecam(0x20, 0), 8) == ~0ull);
	assert_int_equal(rd(PCI_HOST_ECAM, 0x118000, 4), 0xffffffff);
	wr(PCI_HOST_ECAM, 0x118040, 4, 0);
	assert_int_equal(func[0x18]->cfg_accesses, 0);
}

static void crooked_config(void **state)
{
	(void)state;
	add(0x18);
	wr(PCI_HOST_ECAM, ecam(0x18, 0x41), 4, 0x44332211);
	assert_int_equal(func[0x18]->cfg_accesses, 3); /* 1 + 2 + 1 bytes */
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x18, 0x41), 4), 0x44332211);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x18, 0x43), 2), 0x4433);
	/* Across the end of a function */
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x18, 0xffe), 4), 0xffffffff);
	wr(PCI_HOST_ECAM, ecam(0x18, 0xffd), 4, 0);
	assert_int_equal(func[0x18]->cfg_accesses, 8);
}

static void add_twice(void **state)
{
	struct pci_func other = {.ops = &fake_ops, .devfn = 0x18};

	(void)state;
	add(0x18);
	assert_int_equal(pci_host_add(host, &other), -EEXIST);
	assert_int_equal(pci_host_add(host, &bridge), -EEXIST);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x18, 0), 4), 0xbeef1018);
	for (unsigned int i = 1; i < 256; i++)
		if (i != 0x18)
			add((uint8_t)i);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0xff, 0), 4), 0xbeef10ff);
}

static void functions_of_a_slot(void **state)
{
	(void)state;
	add(0x1b);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x1b, 0), 4), 0xffffffff);
	address(0, 0x1b, 0);
	assert_int_equal(rd(PCI_HOST_CF8, 4, 4), 0xffffffff);
	add(0x18);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x1b, 0), 4), 0xbeef101b);
	assert_int_equal(rd(PCI_HOST_CF8, 4, 4), 0xbeef101b);
}

/* The multi-function bit follows what is there, not what the device says. */
static void multi_function(void **state)
{
	struct fake_func *x = make_func(0x20);

	(void)state;
	pci_cfg_set(&x->func.cfg, PCI_HEADER_TYPE, 1, 0x80);
	pci_cfg_set_masks(&x->func.cfg, PCI_HEADER_TYPE, 1, 0x00, 0xff);
	assert_int_equal(pci_host_add(host, &x->func), 0);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x20, 0x0e), 1), 0x00);
	wr(PCI_HOST_ECAM, ecam(0x20, 0x0e), 1, 0xff);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x20, 0x0e), 1), 0x00);
	add(0x27);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x20, 0x0e), 1), 0x80);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x27, 0x0e), 1), 0x00);
	add(0x28);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x28, 0x0e), 1), 0x00);
}

static void windows(void **state)
{
	struct fake_func *a;
	struct fake_func *b;

	(void)state;
	add(0x08);
	add(0x10);
	a = func[0x08];
	b = func[0x10];
	pci_cfg_set_bar(&a->func.cfg, 0, PCI_BAR_MEM32, false, 0x1000);
	pci_cfg_set_bar(&a->func.cfg, 1, PCI_BAR_IO, false, 0x40);
	pci_cfg_set_bar(&b->func.cfg, 2, PCI_BAR_MEM64, true, 0x10000);
	wr(PCI_HOST_ECAM, ecam(0x08, 0x10), 4, 0xc0002000);
	wr(PCI_HOST_ECAM, ecam(0x08, 0x14), 4, 0xc040);
	wr(PCI_HOST_ECAM, ecam(0x10, 0x18), 8, 0x9000000000);

	/* Decoding is off. */
	assert_int_equal(rd(PCI_HOST_MEM32, 0x2004, 4), 0xffffffff);
	assert_true(rd(PCI_HOST_MEM64, 0x1000000008, 8) == ~0ull);
	assert_int_equal(rd(PCI_HOST_IO, 0x40, 1), 0xff);
	assert_int_equal(a->bar_reads + b->bar_reads, 0);

	wr(PCI_HOST_ECAM, ecam(0x08, 0x04), 2, 0x0003);
	wr(PCI_HOST_ECAM, ecam(0x10, 0x04), 2, 0x0002);
	wr(PCI_HOST_MEM32, 0x2004, 4, 0xffffffff12345678);
	assert_int_equal(a->bar, 0);
	assert_int_equal(a->off, 4);
	assert_int_equal(a->len, 4);
	assert_true(a->val == 0x12345678);
	a->val = 0x8877665544332211;
	assert_int_equal(rd(PCI_HOST_MEM32, 0x2ffe, 2), 0x2211);
	assert_int_equal(a->off, 0xffe);
	assert_int_equal(rd(PCI_HOST_IO, 0x7f, 1), 0x11);
	assert_int_equal(a->bar, 1);
	assert_int_equal(a->off, 0x3f);
	b->val = 0x0123456789abcdef;
	assert_true(rd(PCI_HOST_MEM64, 0x1000000008, 8) == b->val);
	assert_int_equal(b->bar, 2);
	assert_int_equal(b->off, 8);

	/* Past the end, half in, and the other kind of space */
	a->bar_reads = 0;
	assert_int_equal(rd(PCI_HOST_MEM32, 0x3000, 4), 0xffffffff);
	assert_int_equal(rd(PCI_HOST_MEM32, 0x2ffe, 4), 0xffffffff);
	assert_int_equal(rd(PCI_HOST_IO, 0x80, 2), 0xffff);
	wr(PCI_HOST_MEM32, 0x3000, 4, 0);
	assert_int_equal(rd(99, 0, 4), 0xffffffff);
	assert_int_equal(a->bar_reads, 0);
	assert_true(a->val == 0x8877665544332211);

	/* A BAR that moves is found at its new place only. */
	wr(PCI_HOST_ECAM, ecam(0x08, 0x10), 4, 0xcffff000);
	assert_int_equal(rd(PCI_HOST_MEM32, 0x2004, 4), 0xffffffff);
	assert_int_equal(rd(PCI_HOST_MEM32, 0xfffffff, 1), 0x11);
}

static void invisible_decodes_nothing(void **state)
{
	(void)state;
	add(0x09);
	pci_cfg_set_bar(&func[0x09]->func.cfg, 0, PCI_BAR_MEM32, false, 0x1000);
	pci_cfg_set_bar_addr(&func[0x09]->func.cfg, 0, 0xc0002000);
	pci_cfg_set(&func[0x09]->func.cfg, PCI_COMMAND, 2, 2);
	assert_int_equal(rd(PCI_HOST_MEM32, 0x2000, 1), 0xff);
	add(0x08);
	assert_int_equal(rd(PCI_HOST_MEM32, 0x2000, 1), 0x00);
}

/* What was taken off the bus answers nowhere; its slot can be used again. */
static void removed_is_gone(void **state)
{
	struct pci_func *f;

	(void)state;
	add(0x10);
	add(0x09);
	add(0x08);
	f = &func[0x08]->func;
	pci_cfg_set_bar(&f->cfg, 0, PCI_BAR_MEM32, false, 0x1000);
	pci_cfg_set_bar_addr(&f->cfg, 0, 0xc0002000);
	pci_cfg_set(&f->cfg, PCI_COMMAND, 2, 2);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x08, 0x0e), 1), 0x80);
	assert_int_equal(pci_host_remove(host, &func[0x09]->func), 0);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x08, 0x0e), 1), 0);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x09, 0), 4), 0xffffffff);
	assert_int_equal(rd(PCI_HOST_MEM32, 0x2000, 1), 0x00);
	assert_int_equal(pci_host_remove(host, f), 0);
	assert_int_equal(pci_host_remove(host, f), -ENOENT);
	assert_int_equal(rd(PCI_HOST_ECAM, ecam(0x08, 0), 4), 0xffffffff);
	assert_int_equal(rd(PCI_HOST_MEM32, 0x2000, 1), 0xff);
	assert_int_not_equal(rd(PCI_HOST_ECAM, ecam(0x10, 0), 4), 0xffffffff);
	assert_int_equal(pci_host_add(host, f), 0);
	assert_int_equal(rd(PCI_HOST_MEM32, 0x2000, 1), 0x00);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(cf8_latch),
		T(bridge_identity),
		T(config_both_ways),
		T(config_elsewhere),
		T(crooked_config),
		T(add_twice),
		T(functions_of_a_slot),
		T(multi_function),
		T(windows),
		T(invisible_decodes_nothing),
		T(removed_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
