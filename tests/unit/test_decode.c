/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "vfio/bar_plan.h"
#include "vfio/decode.h"

/* What registers mean for slices; what is done about it: test_bar_follow.c. */

#define KIB  (1ull << 10)
#define MIB  (1ull << 20)
#define GIB  (1ull << 30)
#define LOW  0x80000000ull
#define HIGH (16 * GIB)
#define SIZE (16 * MIB) /* of BAR 0 and BAR 2 */

static struct pci_cfg cfg[2];
static struct decode_view view[2];
static struct decode_rules rules;
static unsigned int power;

/* Per device: BAR 0 of 64 bits, BAR 2 of 32, and a ROM of 64 KiB. */
static int setup(void **state)
{
	(void)state;
	power = 0;
	rules = (struct decode_rules){
		.page = 4096, .window = {{LOW, 1536 * MIB}, {HIGH, 64 * GIB}}};
	for (int i = 0; i < 2; i++) {
		pci_cfg_init(&cfg[i]);
		pci_cfg_set_masks(&cfg[i], PCI_COMMAND, 2, 0xffff, 0x0547);
		assert_int_equal(
			pci_cfg_set_bar(&cfg[i], 0, PCI_BAR_MEM64, true, SIZE),
			0);
		assert_int_equal(
			pci_cfg_set_bar(&cfg[i], 2, PCI_BAR_MEM32, false, SIZE),
			0);
		assert_int_equal(
			pci_cfg_set_bar(&cfg[i], 3, PCI_BAR_IO, false, 256), 0);
		assert_int_equal(pci_cfg_set_rom(&cfg[i], 64 * KIB), 0);
	}
	return 0;
}

static void reg(unsigned int dev, unsigned int off, uint32_t val)
{
	(void)pci_cfg_write(&cfg[dev], off, 4, val);
}

static void place(unsigned int dev, unsigned int bar, uint64_t addr)
{
	reg(dev, PCI_BASE_ADDRESS_0 + 4 * bar, (uint32_t)addr);
	if (bar == 0)
		reg(dev, PCI_BASE_ADDRESS_1, (uint32_t)(addr >> 32));
	(void)pci_cfg_write(&cfg[dev], PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
}

static struct decode_want want_slice(unsigned int dev, unsigned int bar,
				     struct span s)
{
	for (unsigned int i = 0; i < 2; i++)
		decode_view_make(&view[i], &cfg[i], power);
	return decode_slice(&rules, view, 2, dev, bar, s);
}

/* The whole BAR as one slice. */
static struct decode_want want(unsigned int dev, unsigned int bar)
{
	return want_slice(dev, bar, (struct span){0, SIZE});
}

/* --- one BAR --- */

struct reg_case {
	const char *name;
	uint32_t low;
	uint32_t high;
	uint16_t command;
	unsigned int power;
	uint64_t addr; /* in the guest there; 0: nowhere */
};

#define MEM PCI_COMMAND_MEMORY

/* clang-format off */
static const struct reg_case regs[] = {
	{"above 4 GiB", 0, 4, MEM, 0, HIGH},
	{"below 4 GiB", LOW, 0, MEM, 0, LOW},
	{"flag bits are not the guest's", LOW | 0xf, 0, MEM, 0, LOW},
	{"bits below the size", LOW + 0x12345, 0, MEM, 0, LOW},
	{"last place of a window", 0xdf000000, 0, MEM, 0, 0xdf000000},
	{"last place above", 0xff000000, 0x13, MEM, 0, 0x13ff000000},
	{"never programmed", 0, 0, MEM, 0, 0},
	{"decoding is off", 0, 4, 0, 0, 0},
	{"I/O decoding only", 0, 4, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 0, 0},
	{"D1", 0, 4, MEM, 1, 0},
	{"D2", 0, 4, MEM, 2, 0},
	{"D3hot", 0, 4, MEM, 3, 0},
	{"sizing, low half", 0xffffffff, 4, MEM, 0, HIGH + 0xff000000},
	{"sizing, high half", 0, 0xffffffff, MEM, 0, 0},
	{"all-ones", 0xffffffff, 0xffffffff, MEM, 0, 0},
	{"bit 63", 0, 0x80000000, MEM, 0, 0},
	{"bit 63 and a window below", LOW, 0x80000000, MEM, 0, 0},
	{"RAM", 0x10000000, 0, MEM, 0, 0},
	{"RAM above 4 GiB", 0, 1, MEM, 0, 0},
	{"before the window", LOW - SIZE, 0, MEM, 0, 0},
	{"ECAM", 0xe0000000, 0, MEM, 0, 0},
	{"MSI window", 0xfe000000, 0, MEM, 0, 0},
	{"after the window above", 0, 0x14, MEM, 0, 0},
	{"wider than any guest", 0, 0x10000, MEM, 0, 0},
};
/* clang-format on */

static void registers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		const struct reg_case *c = &regs[i];
		/* In either order of halves, and with COMMAND before them. */
		for (unsigned int order = 0; order < 4; order++) {
			struct decode_want w;

			setup(NULL);
			power = c->power;
			if (order & 2)
				reg(0, PCI_COMMAND, c->command);
			reg(0, PCI_BASE_ADDRESS_0 + (order & 1 ? 4 : 0),
			    order & 1 ? c->high : c->low);
			reg(0, PCI_BASE_ADDRESS_0 + (order & 1 ? 0 : 4),
			    order & 1 ? c->low : c->high);
			reg(0, PCI_COMMAND, c->command);
			w = want(0, 0);
			if (w.guest != (c->addr != 0) ||
			    (w.guest && w.addr != c->addr))
				fail_msg("%s, order %u: %d at %llx", c->name,
					 order, w.guest,
					 (unsigned long long)w.addr);
		}
	}
}

/* Any half, byte by byte: what counts is what the registers hold then. */
static void in_bytes(void **state)
{
	(void)state;
	place(0, 0, HIGH);
	for (unsigned int i = 0; i < 8; i++)
		(void)pci_cfg_write(&cfg[0], PCI_BASE_ADDRESS_0 + i, 1,
				    (HIGH + 5 * GIB) >> (8 * i) & 0xff);
	assert_true(want(0, 0).guest);
	assert_int_equal(want(0, 0).addr, HIGH + 5 * GIB);
	for (unsigned int i = 0; i < 4; i++)
		(void)pci_cfg_write(&cfg[0], PCI_BASE_ADDRESS_0 + 2 * i, 2,
				    (HIGH + GIB) >> (16 * i) & 0xffff);
	assert_int_equal(want(0, 0).addr, HIGH + GIB);
}

static void no_window(void **state)
{
	(void)state;
	place(0, 0, HIGH);
	rules.window[1].len = 0;
	assert_false(want(0, 0).guest);
	place(0, 0, LOW);
	assert_true(want(0, 0).guest);
	rules.window[0] = (struct span){0, 0};
	assert_false(want(0, 0).guest);
}

static void slices_keep_their_offset(void **state)
{
	struct decode_want w;

	(void)state;
	place(0, 0, HIGH + 32 * MIB);
	w = want_slice(0, 0, (struct span){3 * MIB, 8 * KIB});
	assert_true(w.guest);
	assert_int_equal(w.addr, HIGH + 35 * MIB);
	/* Nothing of a slice may lie outside its BAR. */
	assert_false(want_slice(0, 0, (struct span){SIZE - 4096, 8192}).guest);
	assert_false(want_slice(0, 0, (struct span){-4096ull, 8192}).guest);
	assert_false(want_slice(0, 0, (struct span){0, 0}).guest);
	/* Nor is there one of I/O, of an upper half, of what is absent. */
	for (unsigned int bar = 3; bar < 9; bar++)
		assert_false(want_slice(0, bar, (struct span){0, 4096}).guest);
	assert_false(want_slice(0, 1, (struct span){0, 4096}).guest);
	assert_false(want_slice(2, 0, (struct span){0, 4096}).guest);
}

/* --- pages of the host --- */

/*
 * A BAR that the planner made for pages of this size is a page at least, so
 * that the guest cannot put it anywhere else.
 */
static void small_bar_of_the_planner(void **state)
{
	const struct msix_shape none = {0};
	struct bar_shape shape[PCI_BARS] = {
		{.kind = PCI_BAR_MEM32, .mappable = true, .size = 256},
		{.kind = PCI_BAR_MEM32, .mappable = true, .size = 4096},
	};
	struct dev_plan plan;

	(void)state;
	dev_plan_make(&plan, shape, &none, 64 * KIB, 64 * KIB);
	rules.page = 64 * KIB;
	(void)pci_cfg_set_bar(&cfg[0], 0, PCI_BAR_NONE, false, 0);
	for (unsigned int i = 0; i < 2; i++) {
		const struct bar_plan *b = &plan.bar[i];

		assert_int_equal(
			pci_cfg_set_bar(&cfg[0], i, b->kind, false, b->size),
			0);
		reg(0, PCI_COMMAND, PCI_COMMAND_MEMORY);
		reg(0, PCI_BASE_ADDRESS_0 + 4 * i, LOW + 0x13000 + 0x10000 * i);
		assert_true(want_slice(0, i, (struct span){0, b->size}).guest);
		assert_int_equal(
			want_slice(0, i, (struct span){0, b->size}).addr,
			LOW + 0x10000 + 0x10000 * i);
	}
	/* The two never meet in a page. */
	reg(0, PCI_BASE_ADDRESS_0, LOW + 0x20000);
	reg(0, PCI_BASE_ADDRESS_1, LOW + 0x21000);
	assert_true(want_slice(0, 0, (struct span){0, 65536}).guest);
	assert_false(want_slice(0, 1, (struct span){0, 65536}).guest);
}

/* Whoever made it: what is not of whole pages is trapped, and comes back. */
static void only_whole_pages(void **state)
{
	(void)state;
	assert_int_equal(
		pci_cfg_set_bar(&cfg[0], 2, PCI_BAR_MEM32, false, 16 * KIB), 0);
	place(0, 2, LOW);
	rules.page = 16 * KIB;
	assert_true(want_slice(0, 2, (struct span){0, 16 * KIB}).guest);
	assert_false(want_slice(0, 2, (struct span){0, 4 * KIB}).guest);
	rules.page = 64 * KIB;
	assert_false(want_slice(0, 2, (struct span){0, 16 * KIB}).guest);
	rules.page = 4 * KIB;
	place(0, 2, LOW + 16 * KIB);
	assert_true(want_slice(0, 2, (struct span){4096, 4096}).guest);
	assert_false(want_slice(0, 2, (struct span){2048, 4096}).guest);
}

/* --- overlaps --- */

static void first_bar_answers(void **state)
{
	(void)state;
	place(0, 0, LOW);
	place(0, 2, LOW);
	assert_true(want(0, 0).guest);
	assert_false(want(0, 2).guest);
	place(0, 2, LOW + SIZE);
	assert_true(want(0, 2).guest);
	/* The first device before the second, whatever the BAR. */
	place(1, 0, LOW + SIZE);
	assert_true(want(0, 2).guest);
	assert_false(want(1, 0).guest);
	/* Not decoding is not being in the way. */
	reg(0, PCI_COMMAND, 0);
	assert_true(want(1, 0).guest);
}

/* Only the slice that is in the way of an earlier BAR is trapped. */
static void part_of_a_bar(void **state)
{
	(void)state;
	assert_int_equal(pci_cfg_set_bar(&cfg[0], 0, PCI_BAR_MEM64, false, MIB),
			 0);
	place(0, 0, LOW + 3 * MIB);
	place(0, 2, LOW);
	assert_true(want_slice(0, 2, (struct span){0, 3 * MIB}).guest);
	assert_false(want_slice(0, 2, (struct span){0, 3 * MIB + 4096}).guest);
	assert_false(want_slice(0, 2, (struct span){3 * MIB, MIB}).guest);
	assert_true(want_slice(0, 2, (struct span){4 * MIB, 12 * MIB}).guest);
	assert_true(want_slice(0, 0, (struct span){0, MIB}).guest);
}

/* The ROM is asked after the BARs, and before the next device. */
static void rom_answers(void **state)
{
	(void)state;
	place(0, 2, LOW);
	place(1, 2, LOW + SIZE);
	reg(0, PCI_ROM_ADDRESS, (uint32_t)(LOW + SIZE) | 1);
	assert_true(want(0, 2).guest);
	assert_false(want(1, 2).guest);
	reg(0, PCI_ROM_ADDRESS, (uint32_t)(LOW + SIZE));
	assert_true(want(1, 2).guest);
	reg(0, PCI_ROM_ADDRESS, (uint32_t)LOW | 1);
	assert_true(want(0, 2).guest);
	assert_true(want(1, 2).guest);
}

/* --- DMA --- */

static void dma_follows_the_guest(void **state)
{
	const struct span reserved = {HIGH + GIB, MIB};

	(void)state;
	place(0, 0, HIGH);
	assert_int_equal(want(0, 0).dma, DECODE_DMA_NONE);
	rules.p2p = true;
	assert_int_equal(want(0, 0).dma, DECODE_DMA_HERE);
	rules.reserved = &reserved;
	rules.n_reserved = 1;
	assert_int_equal(want(0, 0).dma, DECODE_DMA_HERE);
	place(0, 0, HIGH + GIB);
	assert_true(want(0, 0).guest);
	assert_int_equal(want(0, 0).dma, DECODE_DMA_NONE);
	place(0, 0, HIGH + 2 * GIB);
	assert_int_equal(want(0, 0).dma, DECODE_DMA_HERE);
	reg(0, PCI_COMMAND, 0);
	assert_int_equal(want(0, 0).dma, DECODE_DMA_KEEP);
	power = 3;
	place(0, 0, HIGH);
	assert_int_equal(want(0, 0).dma, DECODE_DMA_KEEP);
	rules.revoked = true;
	assert_int_equal(want(0, 0).dma, DECODE_DMA_NONE);
	power = 0;
	assert_int_equal(want(0, 0).dma, DECODE_DMA_HERE);
	reg(0, PCI_COMMAND, 0);
	assert_int_equal(want(0, 0).dma, DECODE_DMA_NONE);
}

static void difference_of_guest(void **state)
{
	struct decode_now now = {0};
	struct decode_want w = {0};

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		bool in = i & 1, to = i & 2, same = i & 4;

		now.guest = in;
		now.gpa = HIGH;
		w.guest = to;
		w.addr = same ? HIGH : LOW;
		assert_int_equal(decode_guest_goes(&now, &w),
				 in && !(to && same));
		/* What goes has gone before what comes is looked at. */
		if (decode_guest_goes(&now, &w))
			now.guest = false;
		assert_int_equal(decode_guest_comes(&now, &w),
				 to && !now.guest);
	}
}

static void difference_of_dma(void **state)
{
	struct decode_now now = {.dma = true, .iova = HIGH, .epoch = 7};
	struct decode_want w = {.addr = HIGH, .dma = DECODE_DMA_HERE};

	(void)state;
	assert_false(decode_dma_goes(&rules, &now, &w, 7));
	assert_false(decode_dma_comes(&now, &w));
	/* A reset costs nothing where mappings outlive it. */
	assert_false(decode_dma_goes(&rules, &now, &w, 8));
	rules.revoked = true;
	assert_true(decode_dma_goes(&rules, &now, &w, 8));
	assert_false(decode_dma_goes(&rules, &now, &w, 7));
	w.addr = LOW;
	assert_true(decode_dma_goes(&rules, &now, &w, 7));
	w.dma = DECODE_DMA_KEEP;
	assert_false(decode_dma_goes(&rules, &now, &w, 7));
	w.dma = DECODE_DMA_NONE;
	assert_true(decode_dma_goes(&rules, &now, &w, 7));
	now.dma = false;
	assert_false(decode_dma_goes(&rules, &now, &w, 8));
	assert_false(decode_dma_comes(&now, &w));
	w.dma = DECODE_DMA_KEEP;
	assert_false(decode_dma_comes(&now, &w));
	/* A refusal holds for the address it was given for. */
	w.dma = DECODE_DMA_HERE;
	assert_true(decode_dma_comes(&now, &w));
	now.refused = true;
	now.refused_at = HIGH;
	assert_true(decode_dma_comes(&now, &w));
	now.refused_at = LOW;
	assert_false(decode_dma_comes(&now, &w));
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(registers),
		test(in_bytes),
		test(no_window),
		test(slices_keep_their_offset),
		test(small_bar_of_the_planner),
		test(only_whole_pages),
		test(first_bar_answers),
		test(part_of_a_bar),
		test(rom_answers),
		test(dma_follows_the_guest),
		test(difference_of_guest),
		test(difference_of_dma),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
