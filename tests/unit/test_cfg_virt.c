/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <string.h>

#include "tests/unit/cfg_virt_check.h"

#define KIB		 1024ull
#define GIB		 (1ull << 30)
#define BAR(i)		 (PCI_BASE_ADDRESS_0 + 4u * (i))
#define assert_u64(a, b) assert_true((uint64_t)(a) == (uint64_t)(b))

static uint8_t hw[PCI_CFG_SIZE];
static struct vfio_dev d;
static struct bar_shape shape[PCI_BARS];
static unsigned int last; /* the capability that put() links to the next */

/* A plain endpoint with 16 KiB in BAR 0 and no capability. */
static int setup(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	memset(hw, 0, sizeof(hw));
	memset(shape, 0, sizeof(shape));
	last = 0;
	d.cfg_size = PCI_CFG_SIZE;
	shape[0] = (struct bar_shape){
		.kind = PCI_BAR_MEM64, .mappable = true, .size = 16 * KIB};
	memcpy(hw,
	       "\x36\x1b\x01\xa8\x06\x05\x10\x00\x02\x02\x08\x01\x10\x20\x80",
	       15);
	memcpy(hw + PCI_CARDBUS_CIS, "\x01\x02\x03\x04\xf4\x1a\x00\x11", 8);
	memcpy(hw + BAR(0), "\x04\x00\x10\xfe\x00\x00\x00\x00", 8);
	memcpy(hw + PCI_INTERRUPT_LINE, "\x0b\x01\x20\x40", 4);
	return 0;
}

/* A capability at the end of the chain; its registers are 0x5a. */
static uint8_t *put(unsigned int at, uint8_t id, unsigned int len)
{
	hw[last ? last + 1 : PCI_CAPABILITY_LIST] = (uint8_t)at;
	last = at;
	memset(hw + at, 0x5a, len);
	hw[at] = id;
	hw[at + 1] = 0;
	return hw + at;
}

static void put_msix(unsigned int at, unsigned int n, uint32_t table,
		     uint32_t pba)
{
	uint8_t *p = put(at, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF);
	uint16_t control = (uint16_t)(0x8000 | (n - 1)); /* left enabled */

	memcpy(p + PCI_MSIX_FLAGS, &control, 2);
	memcpy(p + PCI_MSIX_TABLE, &table, 4);
	memcpy(p + PCI_MSIX_PBA, &pba, 4);
}

static void put_ext(unsigned int at, unsigned int id, unsigned int next)
{
	uint32_t h = id | 1u << 16 | next << 20;

	memcpy(hw + at, &h, 4);
	memset(hw + at + 4, 0x5a, 8);
}

static void make(void)
{
	const char *bad;

	check_make(&d, hw, shape, MSIX_AUTO);
	bad = check_cfg(&d, hw);
	if (bad)
		fail_msg("%s", bad);
}

static uint64_t rd(unsigned int off, unsigned int len)
{
	return check_read(&d, hw, off, len);
}

static uint64_t wr(unsigned int off, unsigned int len, uint64_t val)
{
	const char *bad = check_write(&d, off, len, val);

	if (bad)
		fail_msg("%s", bad);
	return rd(off, len);
}

/* Bits of [off, off + len) that reach the hardware if the guest sets all. */
static uint64_t reaches_hw(unsigned int off, unsigned int len)
{
	struct pci_cfg c = d.func.cfg;

	return pci_cfg_write(&c, off, len, UINT64_MAX).hw_mask;
}

static void assert_chain(const uint8_t *want, unsigned int n)
{
	unsigned int cap = (unsigned int)rd(PCI_CAPABILITY_LIST, 1);

	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(cap, want[i]);
		cap = (unsigned int)rd(cap + 1, 1);
	}
	assert_int_equal(cap, 0);
}

#define assert_caps(...)                                                       \
	assert_chain((const uint8_t[]){__VA_ARGS__},                           \
		     sizeof((const uint8_t[]){__VA_ARGS__}))

/* --- the header ------------------------------------------------------------
 */

static void identity_is_the_hardwares(void **state)
{
	(void)state;
	make();
	assert_u64(rd(PCI_VENDOR_ID, 4), 0xa8011b36);
	assert_u64(rd(PCI_CLASS_REVISION, 4), 0x01080202);
	assert_u64(rd(PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
	assert_u64(wr(PCI_VENDOR_ID, 4, 0), 0xa8011b36);
	assert_u64(wr(PCI_CLASS_REVISION, 4, UINT32_MAX), 0x01080202);
	assert_u64(wr(PCI_SUBSYSTEM_VENDOR_ID, 4, 0), 0x11001af4);
	assert_u64(wr(PCI_CARDBUS_CIS, 4, 0), 0x04030201);
	/* A snapshot: the hardware may be gone. */
	assert_false(pci_cfg_needs_hw(&d.func.cfg, PCI_VENDOR_ID, 4));
}

static void function_is_alone(void **state)
{
	(void)state;
	make();
	assert_u64(rd(PCI_HEADER_TYPE, 1), 0);
	assert_u64(wr(PCI_HEADER_TYPE, 1, 0xff), 0);
}

static void command_is_ours(void **state)
{
	(void)state;
	make();
	/* The host may have left the device on. */
	assert_u64(rd(PCI_COMMAND, 2), 0);
	assert_u64(wr(PCI_COMMAND, 2, 0xffff), 0x0547);
	assert_u64(reaches_hw(PCI_COMMAND, 2), 0);
	assert_u64(wr(PCI_COMMAND, 2, 0), 0);
	/* STATUS is the hardware's, but for the bit on the chain. */
	assert_u64(reaches_hw(PCI_COMMAND, 4), 0xffef0000);
	hw[PCI_STATUS + 1] = 0x42;
	assert_u64(rd(PCI_STATUS, 2), 0x4210);
}

static void interrupt_line_and_pin(void **state)
{
	(void)state;
	make();
	assert_u64(rd(PCI_INTERRUPT_LINE, 4), 0x40200000);
	assert_u64(wr(PCI_INTERRUPT_LINE, 2, 0x0305), 0x0005);
	/* Whatever the hardware says, a pin is shown if somebody answers it. */
	d.irqs.intx.pin = 3;
	make();
	assert_u64(rd(PCI_INTERRUPT_LINE, 4), 0x40200300);
	assert_u64(wr(PCI_INTERRUPT_LINE, 2, 0x0105), 0x0305);
}

static void other_registers_are_the_hardwares(void **state)
{
	(void)state;
	make();
	assert_u64(reaches_hw(PCI_CACHE_LINE_SIZE, 2), 0xffff);
	assert_u64(rd(PCI_CACHE_LINE_SIZE, 2), 0x2010);
	hw[PCI_CACHE_LINE_SIZE] = 0x08;
	assert_u64(rd(PCI_CACHE_LINE_SIZE, 2), 0x2008);
	hw[0x77] = 0x99;
	assert_u64(rd(0x77, 1), 0x99);
	assert_u64(reaches_hw(0x70, 8), UINT64_MAX);
}

static void conventional_device_has_256_bytes(void **state)
{
	(void)state;
	d.cfg_size = 256;
	memset(hw + 256, 0xff, sizeof(hw) - 256);
	make();
	for (unsigned int off = 256; off < PCI_CFG_SIZE; off += 8) {
		assert_u64(wr(off, 8, UINT64_MAX), 0);
		assert_u64(reaches_hw(off, 8), 0);
	}
	assert_u64(reaches_hw(0xf8, 8), UINT64_MAX);
}

/* --- BARs -------------------------------------------------------------------
 */

static void bars_are_sized_through_it(void **state)
{
	(void)state;
	shape[0].size = 64 * GIB;
	shape[0].prefetch = true;
	shape[2] = (struct bar_shape){
		.kind = PCI_BAR_MEM32, .mappable = true, .size = 12 * KIB};
	shape[3] = (struct bar_shape){.kind = PCI_BAR_IO, .size = 32};
	make();
	/* The host's addresses are not the guest's. */
	assert_u64(rd(BAR(0), 8), 0xc);
	assert_u64(wr(BAR(0), 8, UINT64_MAX), ~(64 * GIB - 1) | 0xc);
	assert_u64(wr(BAR(2), 4, UINT32_MAX), 0xffffc000);
	assert_u64(wr(BAR(3), 4, UINT32_MAX), 0xffffffe1);
	assert_u64(wr(BAR(4), 4, UINT32_MAX), 0);
	assert_u64(wr(BAR(5), 4, UINT32_MAX), 0);
	assert_u64(wr(PCI_ROM_ADDRESS, 4, UINT32_MAX), 0);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		assert_u64(reaches_hw(BAR(i), 4), 0);
	assert_u64(reaches_hw(PCI_ROM_ADDRESS, 4), 0);
	wr(BAR(0), 4, 0x12345678);
	wr(BAR(1), 4, 0x20);
	assert_u64(pci_cfg_bar_addr(&d.func.cfg, 0), 128 * GIB);
}

/* --- MSI-X ------------------------------------------------------------------
 */

static void msix_in_place(void **state)
{
	(void)state;
	put_msix(0x40, 65, 0x3000, 0x2000);
	make();
	assert_int_equal(d.msix_cap, 0x40);
	assert_int_equal(d.msix_shape.n, 65);
	assert_int_equal(d.plan.msix_place, MSIX_PLACE_INPLACE);
	/* Off, as after a reset, with its number of vectors. */
	assert_u64(rd(0x42, 2), 64);
	assert_u64(wr(0x42, 2, 0xffff), 0xc000 | 64);
	assert_u64(wr(0x42, 2, 0), 64);
	assert_u64(wr(0x44, 4, UINT32_MAX), 0x3000);
	assert_u64(wr(0x48, 4, 0), 0x2000);
	assert_u64(reaches_hw(0x40, 8) | reaches_hw(0x44, 8), 0);
}

static void msix_where_it_moved(void **state)
{
	(void)state;
	shape[0].msix_mappable = true;
	put_msix(0x40, 16, 0x800, 0xc00); /* among registers */
	make();
	assert_int_equal(d.plan.msix_place, MSIX_PLACE_SPARE_BAR);
	assert_u64(rd(0x44, 4), d.plan.table_off | d.plan.table_bar);
	assert_u64(rd(0x48, 4), d.plan.pba_off | d.plan.pba_bar);
	assert_int_equal(rd(0x44, 4) & 7, 5);
	assert_u64(wr(BAR(5), 4, UINT32_MAX), 0xffffe000);
}

static void msix_above_its_bar(void **state)
{
	(void)state;
	for (unsigned int i = 2; i < PCI_BARS; i++)
		shape[i] = (struct bar_shape){.kind = PCI_BAR_IO, .size = 32};
	shape[0].msix_mappable = true;
	put_msix(0x40, 16, 0x800, 0xc00);
	make();
	assert_int_equal(d.plan.msix_place, MSIX_PLACE_ENLARGED);
	assert_u64(rd(0x44, 4), 0x4000);
	assert_u64(rd(0x48, 4), 0x5000);
	assert_u64(wr(BAR(0), 4, UINT32_MAX), 0xffff8004);
}

/* In the middle of a chain, and as its head. */
static void msix_hidden_without_a_table(void **state)
{
	(void)state;
	put(0x80, PCI_CAP_ID_PM, 8);
	put_msix(0x40, 65, 0x3000 | 6, 0x2000); /* there is no BAR 6 */
	put(0xa0, PCI_CAP_ID_EXP, 60);
	make();
	assert_int_equal(d.msix_cap, 0);
	assert_caps(0x80, 0xa0);
	setup(NULL);
	put_msix(0x40, 65, 0x100000, 0x2000); /* past the BAR */
	put(0x60, PCI_CAP_ID_EXP, 60);
	make();
	assert_caps(0x60);
	setup(NULL);
	put_msix(0xb0, 2, 1, 1); /* an absent BAR, and nothing else */
	make();
	assert_chain(NULL, 0);
}

static void msix_must_end_in_256_bytes(void **state)
{
	(void)state;
	put_msix(0xf4, 65, 0x3000, 0x2000);
	make();
	assert_int_equal(d.msix_cap, 0xf4);
	for (unsigned int at = 0xf8; at <= 0xfc; at += 4) {
		setup(NULL);
		put_msix(at, 65, 0x3000, 0x2000);
		make();
		assert_int_equal(d.msix_shape.n, 0);
		assert_chain(NULL, 0);
	}
	/* Fewer bytes than that are what sysfs shows to most users. */
	setup(NULL);
	put_msix(0x40, 65, 0x3000, 0x2000);
	for (unsigned int size = 0; size < 0x4c; size++) {
		assert_int_equal(cfg_virt_msix(hw, size, &d.msix_shape), 0);
		assert_int_equal(d.msix_shape.n, 0);
	}
	assert_int_equal(cfg_virt_msix(hw, 0x4c, &d.msix_shape), 0x40);
	assert_int_equal(d.msix_shape.n, 65);
}

/* --- MSI ---------------------------------------------------------------------
 */

struct msi_case {
	uint16_t control;
	unsigned int len;  /* to the next four bytes */
	unsigned int data; /* offset of Message Data */
	unsigned int mask; /* 0: no per-vector masking */
};

static const struct msi_case msis[] = {
	{0x0000, 0x0c, 0x8, 0},	   {0x000a, 0x0c, 0x8, 0},
	{0x0080, 0x10, 0xc, 0},	   {0x008a, 0x10, 0xc, 0},
	{0x0100, 0x14, 0x8, 0xc},  {0x010a, 0x14, 0x8, 0xc},
	{0x0180, 0x18, 0xc, 0x10}, {0x018a, 0x18, 0xc, 0x10},
};

#define N_MSIS (sizeof(msis) / sizeof(msis[0]))

static void put_msi(unsigned int at, uint16_t control, unsigned int len)
{
	/* The rest of the word: enabled, 4 vectors, reserved bits. */
	uint16_t left = control | 0xfe21;

	memcpy(put(at, PCI_CAP_ID_MSI, len) + PCI_MSI_FLAGS, &left, 2);
}

static void assert_msi(unsigned int cap, const struct msi_case *m)
{
	assert_int_equal(d.msi_cap, cap);
	assert_u64(rd(cap + 2, 2), m->control);
	assert_u64(wr(cap + 2, 2, 0xffff), m->control | 0x71);
	assert_u64(wr(cap + 2, 2, 0), m->control);
	assert_u64(rd(cap + 4, 4), 0);
	assert_u64(wr(cap + 4, 4, UINT32_MAX), 0xfffffffc);
	if (m->control & 0x80)
		assert_u64(wr(cap + 8, 4, UINT32_MAX), 0xffffffff);
	assert_u64(rd(cap + m->data, 4), 0);
	assert_u64(wr(cap + m->data, 4, UINT32_MAX), 0xffff);
	if (m->mask) {
		assert_u64(rd(cap + m->mask, 8), 0);
		assert_u64(wr(cap + m->mask, 8, UINT64_MAX), 0xffffffff);
	}
	for (unsigned int i = cap; i < cap + m->len; i++)
		assert_u64(reaches_hw(i, 1), 0);
}

static void msi_has_four_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_MSIS; i++) {
		unsigned int end = 0x60 + msis[i].len;

		setup(NULL);
		put_msi(0x60, msis[i].control, msis[i].len);
		make();
		assert_msi(0x60, &msis[i]);
		/* What follows is not a part of it. */
		assert_u64(reaches_hw(end, 1), 0xff);
	}
}

/* Up to the last byte that is possible; one step further it is hidden. */
static void msi_at_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_MSIS; i++) {
		unsigned int cap = 0x100 - msis[i].len;

		setup(NULL);
		put_msi(cap, msis[i].control, msis[i].len);
		make();
		assert_msi(cap, &msis[i]);
		setup(NULL);
		put_msi(cap + 4, msis[i].control, msis[i].len);
		put_ext(0x100, 1, 0);
		make();
		assert_int_equal(d.msi_cap, 0);
		assert_chain(NULL, 0);
	}
}

/* --- other capabilities
 * -------------------------------------------------------- */

static void chain_is_a_snapshot(void **state)
{
	(void)state;
	put(0x40, PCI_CAP_ID_PM, 8);
	put_msi(0x50, 0x80, 0x10);
	put(0x70, PCI_CAP_ID_EXP, 60);
	put_msix(0xb0, 65, 0x3000, 0x2000);
	make();
	assert_caps(0x40, 0x50, 0x70, 0xb0);
	assert_int_equal(d.pm_cap, 0x40);
	assert_int_equal(d.msi_cap, 0x50);
	assert_int_equal(d.msix_cap, 0xb0);
	assert_u64(wr(0x40, 2, 0xffff), 0x5001);
	assert_u64(reaches_hw(0x40, 4), 0xffff0000);
	/* The registers of the others are the hardware's. */
	assert_u64(reaches_hw(0x72, 2), 0xffff);
	hw[0x41] = 0;
	hw[PCI_CAPABILITY_LIST] = 0;
	hw[PCI_STATUS] = 0;
	assert_caps(0x40, 0x50, 0x70, 0xb0);
	assert_u64(rd(PCI_STATUS, 1), 0x10);
}

static void no_chain(void **state)
{
	(void)state;
	put_msi(0x50, 0x80, 0x10);
	hw[PCI_STATUS] = 0;
	make();
	assert_int_equal(d.msi_cap, 0);
	assert_u64(rd(PCI_STATUS, 1), 0);
	hw[PCI_STATUS] = 0xff;
	assert_u64(rd(PCI_STATUS, 1), 0xef);
}

static void second_of_a_kind_is_hidden(void **state)
{
	(void)state;
	put_msix(0x40, 65, 0x3000, 0x2000);
	put_msi(0x50, 0x80, 0x10);
	put_msix(0x60, 9, 0x1000, 0x1800);
	put_msi(0x70, 0, 0xc);
	put(0x80, PCI_CAP_ID_PM, 8);
	put(0x90, PCI_CAP_ID_PM, 8);
	put(0xa0, PCI_CAP_ID_AF, 6);
	put(0xa8, PCI_CAP_ID_AF, 6);
	make();
	assert_caps(0x40, 0x50, 0x80, 0xa0);
	assert_int_equal(d.msix_cap, 0x40);
	assert_int_equal(d.msi_cap, 0x50);
	assert_int_equal(d.pm_cap, 0x80);
	assert_int_equal(d.af_cap, 0xa0);
	/* VFIO would obey the others, too. */
	assert_u64(reaches_hw(0x90 + PCI_PM_CTRL, 2), 0);
	assert_u64(reaches_hw(0xa8 + PCI_AF_CTRL, 1), 0);
}

/* What VFIO guards is shown, and all of it reaches VFIO. */
static void guarded_registers_are_the_hardwares(void **state)
{
	static const unsigned int shown[] = {
		0x01, 0x03, 0x0b, 0x18, 0x1e, 0x1f, 0x23, 0x25,
	};

	(void)state;
	put(0x40, PCI_CAP_ID_PM, 8);
	put(0x70, PCI_CAP_ID_EXP, 60);
	put(0xb0, PCI_CAP_ID_AF, 6);
	put(0xb8, PCI_CAP_ID_VNDR, 16);
	make();
	assert_caps(0x40, 0x70, 0xb0, 0xb8);
	assert_u64(reaches_hw(0x40 + PCI_PM_CTRL, 4), 0xffffffff);
	assert_u64(reaches_hw(0x70 + PCI_EXP_DEVCTL, 8), UINT64_MAX);
	assert_u64(reaches_hw(0x70 + PCI_EXP_DEVCTL2, 8), UINT64_MAX);
	assert_u64(reaches_hw(0xb0 + PCI_AF_CTRL, 1), 0xff);
	assert_u64(reaches_hw(0xb8 + 2, 2), 0xffff);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		setup(NULL);
		put_ext(0x100, shown[i], 0);
		make();
		assert_u64(rd(0x100, 2), shown[i]);
		assert_u64(reaches_hw(0x104, 4), 0xffffffff);
	}
}

/* It would tell the guest where the host has the BARs. */
static void enhanced_allocation_is_hidden(void **state)
{
	(void)state;
	put(0x40, PCI_CAP_ID_EA, 24);
	put(0x60, PCI_CAP_ID_EXP, 60);
	put(0xa0, PCI_CAP_ID_EA, 24);
	make();
	assert_caps(0x60);
}

/* The first is refused: the plan is not the second one's. */
static void second_does_not_replace_the_first(void **state)
{
	(void)state;
	put_msix(0xb0, 65, 0x3000, 0x2000);
	put_msix(0x60, 9, 0x1000, 0x1800);
	put(0xb8, PCI_CAP_ID_VNDR, 4); /* in the registers of the first */
	make();
	assert_int_equal(d.msix_cap, 0);
	assert_caps(0xb8);
}

static void ring_is_cut(void **state)
{
	(void)state;
	put(0x40, PCI_CAP_ID_PM, 8);
	put_msix(0x60, 65, 0x3000 | 6, 0x2000);
	put(0x70, PCI_CAP_ID_EXP, 60);
	hw[0x71] = 0x40;
	make();
	assert_caps(0x40, 0x70);
	/* A ring of two that are both hidden, behind one that is not. */
	setup(NULL);
	put(0x40, PCI_CAP_ID_PM, 8);
	put_msix(0x60, 65, 0x3000 | 6, 0x2000);
	put_msix(0x70, 65, 0x3000 | 6, 0x2000);
	hw[0x71] = 0x60;
	make();
	assert_caps(0x40);
	setup(NULL);
	put(0x40, PCI_CAP_ID_PM, 8);
	hw[0x41] = 0x40;
	make();
	assert_caps(0x40);
	/* Wherever a walk around it ends, none of it is lost. */
	setup(NULL);
	for (unsigned int at = 0x40; at <= 0x80; at += 0x10)
		put(at, PCI_CAP_ID_VNDR, 4);
	hw[0x81] = 0x40;
	make();
	assert_caps(0x40, 0x50, 0x60, 0x70, 0x80);
}

static void pointer_to_nowhere_is_cut(void **state)
{
	static const uint8_t to[] = {0x04, 0x3c, 0xa0, 0x10};

	(void)state;
	for (size_t i = 0; i < sizeof(to); i++) {
		setup(NULL);
		put(0x40, PCI_CAP_ID_PM, 8);
		hw[0x41] = to[i];
		memset(hw + 0xa0, 0xff, 4); /* nobody answers there */
		make();
		assert_caps(0x40);
	}
}

/* MSI whose registers are also another capability: neither may give way. */
static void overlapping_registers_are_hidden(void **state)
{
	(void)state;
	for (unsigned int at = 0x44; at < 0x58; at += 4) {
		setup(NULL);
		put_msi(0x40, 0x180, 0x18);
		put(at, PCI_CAP_ID_VNDR, 4);
		make();
		assert_int_equal(d.msi_cap, 0);
		assert_caps((uint8_t)at);
	}
	setup(NULL);
	put_msi(0x48, 0x180, 0x18);
	put_msix(0x50, 65, 0x3000, 0x2000);
	hw[PCI_CAPABILITY_LIST] = 0x50;
	hw[0x51] = 0x48;
	hw[0x49] = 0;
	make();
	assert_caps(0x50);
	assert_int_equal(d.msix_cap, 0x50);
	assert_int_equal(d.msi_cap, 0);
}

static void power_management_at_the_end(void **state)
{
	(void)state;
	put(0xf8, PCI_CAP_ID_PM, 8);
	make();
	assert_int_equal(d.pm_cap, 0xf8);
	setup(NULL);
	put(0xfc, PCI_CAP_ID_PM, 4); /* its PMCSR would be at 0x100 */
	make();
	assert_int_equal(d.pm_cap, 0);
}

/* --- extended capabilities
 * -------------------------------------------------------- */

static void assert_ext_chain(const unsigned int *want, unsigned int n)
{
	unsigned int cap = 0x100;

	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(cap, want[i]);
		cap = (unsigned int)rd(cap, 4) >> 20;
	}
	assert_int_equal(cap, 0);
}

#define assert_ecaps(...)                                                      \
	assert_ext_chain((const unsigned int[]){__VA_ARGS__},                  \
			 sizeof((const unsigned int[]){__VA_ARGS__}) /         \
				 sizeof(unsigned int))

static void extended_chain_is_a_snapshot(void **state)
{
	(void)state;
	put_ext(0x100, 0x01, 0x200);
	put_ext(0x200, 0x03, 0x300);
	put_ext(0x300, 0x18, 0);
	make();
	assert_ecaps(0x100, 0x200, 0x300);
	assert_u64(wr(0x200, 4, 0), 0x30010003);
	assert_u64(reaches_hw(0x200, 8), 0xffffffff00000000);
	memset(hw + 0x100, 0, 0x300);
	assert_ecaps(0x100, 0x200, 0x300);
}

static void extended_capabilities_hidden(void **state)
{
	static const unsigned int ids[] = {
		0x0d, 0x0e, 0x0f, 0x10, 0x13, 0x15, 0x17, 0x1b, 0x1d, 0x24,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		setup(NULL);
		put_ext(0x100, 0x01, 0x200);
		put_ext(0x200, ids[i], 0x300);
		put_ext(0x300, 0x18, 0);
		make();
		assert_ecaps(0x100, 0x300);
		setup(NULL);
		put_ext(0x100, ids[i], 0x200);
		put_ext(0x200, ids[i], 0x300);
		put_ext(0x300, ids[i], 0);
		make();
		assert_u64(rd(0x100, 4), 0);
	}
	/* At the head it leaves a capability without an id. */
	setup(NULL);
	put_ext(0x100, 0x10, 0x200);
	put_ext(0x200, 0x03, 0);
	make();
	assert_u64(rd(0x100, 4), 0x20000000);
	assert_ecaps(0x100, 0x200);
}

static void extended_ring_is_cut(void **state)
{
	(void)state;
	put_ext(0x100, 0x01, 0x200);
	put_ext(0x200, 0x0f, 0x300);
	put_ext(0x300, 0x18, 0x100);
	make();
	assert_ecaps(0x100, 0x300);
	setup(NULL);
	put_ext(0x100, 0x01, 0x104);
	for (unsigned int at = 0x104; at < 0xff8; at += 4) /* 959 of them */
		put_ext(at, at % 8 ? 0x0f : 0x0b, at + 4);
	make();
	assert_u64(rd(0x100, 4), 0x10810001);
}

/* --- random spaces
 * ------------------------------------------------------------------ */

static uint64_t seed;

static uint64_t rnd(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

static void random_shapes(void)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		shape[i] = (struct bar_shape){
			.kind = (enum pci_bar_kind)rnd(4),
			.mappable = rnd(4) != 0,
			.msix_mappable = rnd(2) != 0,
			.size = 1ull << rnd(40),
		};
		shape[i].size += rnd(4) ? 0 : rnd(1u << 16);
	}
}

/* Noise, over which capabilities are strewn that are nearly right. */
static void random_space(void)
{
	for (unsigned int i = 0; i < PCI_CFG_SIZE; i++)
		hw[i] = (uint8_t)rnd(256);
	hw[PCI_STATUS] |= rnd(16) ? 0x10 : 0;
	for (uint64_t k = rnd(10); k > 0; k--) {
		static const uint8_t id[] = {1, 5, 5, 9, 16, 17, 17};

		put((unsigned int)rnd(48) * 4 + 0x40, id[rnd(7)],
		    rnd(2) ? 2 : 4);
		if (last <= 0xf0 && rnd(2))
			memset(hw + last + 4, 0, 12);
		if (last <= 0xf0 && rnd(2))
			hw[last + 5] = (uint8_t)(rnd(4) * 0x10);
	}
	for (uint64_t k = rnd(20); k > 0; k--)
		put_ext((unsigned int)rnd(950) * 4 + 0x100,
			(unsigned int)rnd(0x20), (unsigned int)rnd(4096) & ~3u);
}

static void random_hardware(void **state)
{
	unsigned int msix = 0;
	unsigned int msi = 0;

	(void)state;
	seed = 4711;
	for (unsigned int i = 0; i < 1000; i++) {
		setup(NULL);
		d.cfg_size = rnd(2) ? 256 : PCI_CFG_SIZE;
		random_shapes();
		random_space();
		make();
		msix += d.msix_cap != 0;
		msi += d.msi_cap != 0;
		for (unsigned int k = 0; k < 40; k++) {
			unsigned int len = 1u << rnd(4);
			uint64_t off = rnd(rnd(2) ? 256 : PCI_CFG_SIZE - 7);

			wr((unsigned int)off & -len, len,
			   rnd(4) ? rnd(1u << 31) << 32 | rnd(1u << 31)
				  : UINT64_MAX);
		}
		if (check_cfg(&d, hw))
			fail_msg("after writes: %s", check_cfg(&d, hw));
	}
	assert_true(msix > 30 && msi > 100); /* or this says little */
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(identity_is_the_hardwares),
		test(function_is_alone),
		test(command_is_ours),
		test(interrupt_line_and_pin),
		test(other_registers_are_the_hardwares),
		test(conventional_device_has_256_bytes),
		test(bars_are_sized_through_it),
		test(msix_in_place),
		test(msix_where_it_moved),
		test(msix_above_its_bar),
		test(msix_hidden_without_a_table),
		test(msix_must_end_in_256_bytes),
		test(msi_has_four_layouts),
		test(msi_at_the_end),
		test(chain_is_a_snapshot),
		test(no_chain),
		test(second_of_a_kind_is_hidden),
		test(guarded_registers_are_the_hardwares),
		test(enhanced_allocation_is_hidden),
		test(second_does_not_replace_the_first),
		test(ring_is_cut),
		test(pointer_to_nowhere_is_cut),
		test(overlapping_registers_are_hidden),
		test(power_management_at_the_end),
		test(extended_chain_is_a_snapshot),
		test(extended_capabilities_hidden),
		test(extended_ring_is_cut),
		test(random_hardware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
