/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "core/pci_cfg.h"

#define BAR(idx)	 (PCI_BASE_ADDRESS_0 + 4 * (idx))
#define GiB		 (UINT64_C(1) << 30)
#define assert_u64(a, b) assert_true((uint64_t)(a) == (uint64_t)(b))

static struct pci_cfg c;

static int setup(void **state)
{
	(void)state;
	memset(&c, 0xa5, sizeof(c));
	pci_cfg_init(&c);
	return 0;
}

static uint64_t rd(unsigned int off, unsigned int len)
{
	return pci_cfg_read(&c, off, len, 0);
}

static void wr(unsigned int off, unsigned int len, uint64_t val)
{
	struct pci_cfg_change ch = pci_cfg_write(&c, off, len, val);

	assert_u64(ch.hw_mask, 0);
	assert_u64(ch.hw_val, 0);
}

/* --- masks ------------------------------------------------------------- */

static void init_is_read_only_zero(void **state)
{
	unsigned int off;

	(void)state;
	for (off = 0; off < PCI_CFG_SIZE; off += 8) {
		wr(off, 8, UINT64_MAX);
		assert_false(pci_cfg_needs_hw(&c, off, 8));
		assert_u64(pci_cfg_read(&c, off, 8, UINT64_MAX), 0);
	}
}

static void set_and_get(void **state)
{
	(void)state;
	pci_cfg_set(&c, 0x40, 4, 0x99887766);
	assert_u64(pci_cfg_get(&c, 0x40, 4), 0x99887766);
	assert_u64(pci_cfg_get(&c, 0x41, 2), 0x8877);
	assert_u64(pci_cfg_get(&c, 0x3e, 8), UINT64_C(0x998877660000));
	assert_int_equal(c.bytes[0x40], 0x66);
	pci_cfg_set(&c, PCI_CFG_SIZE - 2, 2, 0xabcd);
	pci_cfg_set(&c, PCI_CFG_SIZE - 2, 4, 0);
	pci_cfg_set(&c, 0x40, 3, 0);
	assert_u64(pci_cfg_get(&c, PCI_CFG_SIZE - 2, 2), 0xabcd);
	assert_u64(pci_cfg_get(&c, PCI_CFG_SIZE - 2, 4), 0xffffffff);
	assert_u64(pci_cfg_get(&c, 0x40, 4), 0x99887766);
}

static void reads_mix(void **state)
{
	(void)state;
	pci_cfg_set(&c, 0x40, 4, 0x11111111);
	pci_cfg_set_masks(&c, 0x40, 4, 0x00ff00f0, 0);
	assert_u64(pci_cfg_read(&c, 0x40, 4, UINT64_MAX), 0xff11ff1f);
	assert_u64(pci_cfg_read(&c, 0x40, 4, 0), 0x00110010);
	assert_true(pci_cfg_needs_hw(&c, 0x40, 4));
	assert_true(pci_cfg_needs_hw(&c, 0x40, 1));
	assert_false(pci_cfg_needs_hw(&c, 0x42, 1));
	assert_true(pci_cfg_needs_hw(&c, 0x3c, 8));
	assert_false(pci_cfg_needs_hw(&c, 0x44, 8));
}

static void writes_split(void **state)
{
	struct pci_cfg_change ch;

	(void)state;
	pci_cfg_set(&c, 0x40, 4, 0x12345678);
	pci_cfg_set_masks(&c, 0x40, 4, 0x0000ffff, 0x00ff00ff);
	ch = pci_cfg_write(&c, 0x40, 4, 0xaabbccdd);
	assert_u64(ch.hw_mask, 0x00ff0000);
	assert_u64(ch.hw_val, 0x00bb0000);
	/* The hardware's bits are not kept here. */
	assert_u64(pci_cfg_get(&c, 0x40, 4), 0x123456dd);
	/* hw_mask counts from the access, not from the register. */
	ch = pci_cfg_write(&c, 0x42, 1, 0x5a);
	assert_u64(ch.hw_mask, 0xff);
	assert_u64(ch.hw_val, 0x5a);
}

static void write_leaves_neighbours(void **state)
{
	(void)state;
	pci_cfg_set_masks(&c, 0x40, 8, UINT64_MAX, UINT64_MAX);
	wr(0x40, 8, 0);
	wr(0x42, 2, UINT64_MAX);
	assert_u64(rd(0x40, 8), 0xffff0000);
}

static void outside(void **state)
{
	static struct pci_cfg before;
	unsigned int len;

	(void)state;
	memset(&c.wmask, 0xff, sizeof(c.wmask));
	memset(&c.virt[PCI_CFG_SIZE - 4], 0, 4);
	before = c;
	assert_u64(rd(PCI_CFG_SIZE, 1), 0xff);
	assert_u64(rd(PCI_CFG_SIZE - 1, 2), 0xffff);
	assert_u64(rd(PCI_CFG_SIZE - 1, 4), 0xffffffff);
	assert_u64(rd(PCI_CFG_SIZE - 7, 8), UINT64_MAX);
	assert_u64(rd(UINT32_MAX, 4), 0xffffffff);
	assert_u64(rd(0, 3), 0xffffff);
	assert_u64(rd(0, 0), 0);
	assert_u64(rd(0, 16), UINT64_MAX);
	for (len = 0; len < 10; len++) {
		wr(PCI_CFG_SIZE - len / 2, len, UINT64_C(0x123456789a));
		wr(UINT32_MAX - len, len, UINT64_C(0x123456789a));
		assert_false(pci_cfg_needs_hw(&c, UINT32_MAX - len, len));
		pci_cfg_set_masks(&c, PCI_CFG_SIZE - len / 2, len, 0x55, 0xaa);
		if (len != 0)
			assert_false(pci_cfg_needs_hw(
				&c, PCI_CFG_SIZE - (len - 1) / 2, len));
	}
	wr(0x40, 3, UINT64_C(0x123456789a));
	assert_memory_equal(&c, &before, sizeof(c));
}

/* --- BARs -------------------------------------------------------------- */

static void bar_sizing(void **state)
{
	(void)state;
	assert_int_equal(pci_cfg_set_bar(&c, 0, PCI_BAR_MEM32, false, 0x4000),
			 0);
	assert_u64(rd(BAR(0), 4), 0);
	wr(BAR(0), 4, UINT64_MAX);
	assert_u64(rd(BAR(0), 4), 0xffffc000);
	wr(BAR(0), 4, 0xfebf1234);
	assert_u64(rd(BAR(0), 4), 0xfebf0000);
	assert_u64(pci_cfg_bar_addr(&c, 0), 0xfebf0000);

	assert_int_equal(pci_cfg_set_bar(&c, 1, PCI_BAR_IO, true, 32), 0);
	wr(BAR(1), 4, UINT64_MAX);
	assert_u64(rd(BAR(1), 4), 0xffffffe1);
	wr(BAR(1), 4, 0xc05f);
	assert_u64(rd(BAR(1), 4), 0xc041);
	assert_u64(pci_cfg_bar_addr(&c, 1), 0xc040);
	assert_u64(rd(BAR(2), 4), 0);
}

static void bar_sizing_64(void **state)
{
	(void)state;
	assert_int_equal(pci_cfg_set_bar(&c, 2, PCI_BAR_MEM64, true, 1 << 20),
			 0);
	wr(BAR(2), 4, 0xffffffff);
	wr(BAR(3), 4, 0xffffffff);
	assert_u64(rd(BAR(2), 8), UINT64_C(0xfffffffffff0000c));
	assert_u64(pci_cfg_bar_size(&c, 2), 1 << 20);

	/* From 4 GiB on the lower register is only flags. */
	assert_int_equal(pci_cfg_set_bar(&c, 4, PCI_BAR_MEM64, true, 16 * GiB),
			 0);
	assert_int_equal(pci_cfg_bar_kind(&c, 4), PCI_BAR_MEM64);
	wr(BAR(4), 8, UINT64_MAX);
	assert_u64(rd(BAR(4), 4), 0xc);
	assert_u64(rd(BAR(5), 4), 0xfffffffc);
	assert_u64(pci_cfg_bar_size(&c, 4), 16 * GiB);
	assert_u64(pci_cfg_bar_size(&c, 5), 0);
	assert_int_equal(pci_cfg_bar_kind(&c, 5), PCI_BAR_NONE);
	wr(BAR(4), 8, 48 * GiB);
	assert_u64(pci_cfg_bar_addr(&c, 4), 48 * GiB);
}

static void bar_kinds(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		assert_int_equal(pci_cfg_bar_kind(&c, i), PCI_BAR_NONE);
		assert_u64(pci_cfg_bar_size(&c, i), 0);
		assert_u64(pci_cfg_bar_addr(&c, i), 0);
	}
	pci_cfg_set_bar(&c, 0, PCI_BAR_MEM64, false, 4096);
	pci_cfg_set_bar(&c, 2, PCI_BAR_MEM64, true, 4 * GiB);
	pci_cfg_set_bar(&c, 4, PCI_BAR_MEM32, true, 4096);
	pci_cfg_set_bar(&c, 5, PCI_BAR_IO, false, 4);
	assert_int_equal(pci_cfg_bar_kind(&c, 0), PCI_BAR_MEM64);
	assert_int_equal(pci_cfg_bar_kind(&c, 1), PCI_BAR_NONE);
	assert_int_equal(pci_cfg_bar_kind(&c, 2), PCI_BAR_MEM64);
	assert_int_equal(pci_cfg_bar_kind(&c, 3), PCI_BAR_NONE);
	assert_int_equal(pci_cfg_bar_kind(&c, 4), PCI_BAR_MEM32);
	assert_int_equal(pci_cfg_bar_kind(&c, 5), PCI_BAR_IO);
	assert_u64(rd(BAR(0), 4), 4);
	assert_u64(rd(BAR(2), 4), 0xc);
	assert_u64(rd(BAR(4), 4), 8);
	assert_u64(rd(BAR(5), 4), 1);
	/* An upper half that looks like a BAR with flags is still a half. */
	wr(BAR(1), 4, 0x4);
	assert_int_equal(pci_cfg_bar_kind(&c, 1), PCI_BAR_NONE);
	assert_int_equal(pci_cfg_bar_kind(&c, 2), PCI_BAR_MEM64);
	assert_u64(pci_cfg_bar_addr(&c, 0), 16 * GiB);
	wr(BAR(1), 4, 0xffffffff);
	assert_int_equal(pci_cfg_bar_kind(&c, 1), PCI_BAR_NONE);
	assert_u64(pci_cfg_bar_addr(&c, 1), 0);
}

/* What the guest cannot change here is no BAR of ours. */
static void bar_of_the_hardware(void **state)
{
	(void)state;
	pci_cfg_set(&c, BAR(0), 8, 0xfe000004);
	pci_cfg_set_masks(&c, BAR(0), 8, 0, UINT64_MAX);
	assert_int_equal(pci_cfg_bar_kind(&c, 0), PCI_BAR_NONE);
	pci_cfg_set_masks(&c, BAR(0), 8, UINT64_MAX, 0);
	assert_int_equal(pci_cfg_bar_kind(&c, 0), PCI_BAR_NONE);
	/* Reserved types (PCI-3.0 6.2.5.1). */
	pci_cfg_set(&c, BAR(0), 4, 0xfe000002);
	pci_cfg_set_masks(&c, BAR(0), 4, UINT64_MAX, 0xfffff000);
	assert_int_equal(pci_cfg_bar_kind(&c, 0), PCI_BAR_NONE);
	/* A 64-bit type has no place in the last register. */
	pci_cfg_set(&c, BAR(5), 4, 0xfe000004);
	pci_cfg_set_masks(&c, BAR(5), 4, UINT64_MAX, 0xfffff000);
	assert_int_equal(pci_cfg_bar_kind(&c, 5), PCI_BAR_NONE);
	/* It becomes one, with all bits of the upper register ours. */
	pci_cfg_set_masks(&c, BAR(0), 8, 0, UINT64_MAX);
	assert_int_equal(pci_cfg_set_bar(&c, 0, PCI_BAR_MEM64, 0, 8192), 0);
	assert_false(pci_cfg_needs_hw(&c, BAR(0), 8));
	assert_u64(rd(BAR(0), 8), 4);
}

static void bar_limits(void **state)
{
	/* clang-format off */
	static const struct {
		unsigned int idx;
		enum pci_bar_kind kind;
		uint64_t size;
		int r;
	} t[] = {
		{6, PCI_BAR_MEM32, 4096, -EINVAL},
		{UINT32_MAX, PCI_BAR_MEM32, 4096, -EINVAL},
		{0, PCI_BAR_MEM32, 0, -EINVAL},
		{0, PCI_BAR_MEM32, 4095, -EINVAL},
		{0, PCI_BAR_MEM32, 8, -EINVAL},
		{0, PCI_BAR_MEM32, 16, 0},
		{0, PCI_BAR_MEM32, 2 * GiB, 0},
		{0, PCI_BAR_MEM32, 4 * GiB, -EINVAL},
		{0, PCI_BAR_IO, 2, -EINVAL},
		{0, PCI_BAR_IO, 4, 0},
		{0, PCI_BAR_IO, 65536, 0},
		{0, PCI_BAR_IO, 131072, -EINVAL},
		{0, PCI_BAR_IO, 12, -EINVAL},
		{4, PCI_BAR_MEM64, 8, -EINVAL},
		{4, PCI_BAR_MEM64, 16, 0},
		{4, PCI_BAR_MEM64, UINT64_C(1) << 63, 0},
		{5, PCI_BAR_MEM64, 4096, -EINVAL},
		{0, (enum pci_bar_kind)9, 4096, -EINVAL},
	};
	/* clang-format on */
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		setup(state);
		assert_int_equal(pci_cfg_set_bar(&c, t[i].idx, t[i].kind, false,
						 t[i].size),
				 t[i].r);
		if (t[i].r == 0)
			assert_u64(pci_cfg_bar_size(&c, t[i].idx), t[i].size);
	}
}

static void bar_replaced(void **state)
{
	(void)state;
	assert_int_equal(pci_cfg_set_bar(&c, 1, PCI_BAR_MEM32, 0, 4096), 0);
	/* Its upper half would take the place of BAR 1. */
	assert_int_equal(pci_cfg_set_bar(&c, 0, PCI_BAR_MEM64, 0, 4096),
			 -EINVAL);
	assert_int_equal(pci_cfg_set_bar(&c, 1, PCI_BAR_NONE, 0, 0), 0);
	assert_int_equal(pci_cfg_set_bar(&c, 0, PCI_BAR_MEM64, 0, 4096), 0);
	assert_int_equal(pci_cfg_set_bar(&c, 1, PCI_BAR_MEM32, 0, 4096),
			 -EINVAL);
	assert_int_equal(pci_cfg_set_bar(&c, 1, PCI_BAR_NONE, 0, 0), 0);
	assert_int_equal(pci_cfg_bar_kind(&c, 0), PCI_BAR_MEM64);
	assert_int_equal(pci_cfg_set_bar(&c, 0, PCI_BAR_MEM64, 0, 8192), 0);
	wr(BAR(0), 8, UINT64_MAX);
	assert_u64(rd(BAR(0), 8), ~UINT64_C(8191) | 4);
	/* No half is left behind. */
	assert_int_equal(pci_cfg_set_bar(&c, 0, PCI_BAR_IO, 0, 16), 0);
	assert_int_equal(pci_cfg_bar_kind(&c, 1), PCI_BAR_NONE);
	assert_u64(rd(BAR(1), 4), 0);
	wr(BAR(1), 4, UINT64_MAX);
	assert_u64(rd(BAR(1), 4), 0);
	assert_int_equal(pci_cfg_set_bar(&c, 0, PCI_BAR_NONE, 0, 0), 0);
	wr(BAR(0), 4, UINT64_MAX);
	assert_u64(rd(BAR(0), 4), 0);
}

static void bar_addresses(void **state)
{
	(void)state;
	pci_cfg_set_bar(&c, 0, PCI_BAR_MEM32, true, 4096);
	pci_cfg_set_bar(&c, 2, PCI_BAR_MEM64, true, 4096);
	pci_cfg_set_bar(&c, 4, PCI_BAR_IO, true, 16);
	pci_cfg_set_bar_addr(&c, 0, 0xfe001000);
	pci_cfg_set_bar_addr(&c, 2, 0x12345678000);
	pci_cfg_set_bar_addr(&c, 4, 0xc010);
	assert_u64(rd(BAR(0), 4), 0xfe001008);
	assert_u64(rd(BAR(2), 8), 0x1234567800c);
	assert_u64(rd(BAR(4), 4), 0xc011);
	assert_u64(rd(BAR(1), 4), 0);
	assert_u64(pci_cfg_bar_addr(&c, 0), 0xfe001000);
	assert_u64(pci_cfg_bar_addr(&c, 2), 0x12345678000);
	assert_u64(pci_cfg_bar_addr(&c, 4), 0xc010);
	/* Too high for 32 bits, not aligned: nowhere rather than elsewhere. */
	pci_cfg_set_bar_addr(&c, 0, 4 * GiB + 0x1000);
	assert_u64(rd(BAR(0), 4), 8);
	pci_cfg_set_bar_addr(&c, 2, 0x12345678800);
	assert_u64(rd(BAR(2), 8), 0xc);
	/* Nothing there. */
	pci_cfg_set_bar_addr(&c, 1, 0x1000);
	pci_cfg_set_bar_addr(&c, 3, 0x1000);
	pci_cfg_set_bar_addr(&c, 7, 0x1000);
	assert_u64(rd(BAR(1), 4), 0);
	assert_u64(rd(BAR(3), 4), 0);
}

static void rom(void **state)
{
	(void)state;
	assert_int_equal(pci_cfg_set_rom(&c, 1024), -EINVAL);
	assert_int_equal(pci_cfg_set_rom(&c, 3000), -EINVAL);
	assert_int_equal(pci_cfg_set_rom(&c, 1 << 25), -EINVAL);
	assert_int_equal(pci_cfg_set_rom(&c, 1 << 24), 0);
	assert_int_equal(pci_cfg_set_rom(&c, 2048), 0);
	assert_u64(pci_cfg_bar_size(&c, PCI_ROM_IDX), 2048);
	assert_int_equal(pci_cfg_bar_kind(&c, PCI_ROM_IDX), PCI_BAR_NONE);
	wr(PCI_ROM_ADDRESS, 4, 0xfffffffe);
	assert_u64(rd(PCI_ROM_ADDRESS, 4), 0xfffff800);
	wr(PCI_ROM_ADDRESS, 4, 0xfe001fff);
	assert_u64(rd(PCI_ROM_ADDRESS, 4), 0xfe001801);
	assert_u64(pci_cfg_bar_addr(&c, PCI_ROM_IDX), 0xfe001800);
	pci_cfg_set_bar_addr(&c, PCI_ROM_IDX, 0xfd000000);
	assert_u64(rd(PCI_ROM_ADDRESS, 4), 0xfd000001);
	assert_int_equal(pci_cfg_set_rom(&c, 0), 0);
	wr(PCI_ROM_ADDRESS, 4, UINT64_MAX);
	assert_u64(rd(PCI_ROM_ADDRESS, 4), 0);
	assert_u64(pci_cfg_bar_size(&c, PCI_ROM_IDX), 0);
}

/* --- capabilities ------------------------------------------------------ */

static void put_cap(unsigned int off, uint8_t id, unsigned int next)
{
	c.bytes[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	c.bytes[off] = id;
	c.bytes[off + 1] = (uint8_t)next;
}

static void put_ecap(unsigned int off, uint16_t id, unsigned int next)
{
	pci_cfg_set(&c, off, 4, id | 1u << 16 | next << 20);
}

/* The chain as a string of offsets in hex, for instance "40 50". */
static const char *chain(bool ext)
{
	static const char hex[] = "0123456789abcdef";
	static char buf[4 * 480 + 1];
	unsigned int budget = 0;
	unsigned int off = 0;
	char *p = buf;

	for (;;) {
		off = ext ? pci_ecap_next(c.bytes, PCI_CFG_SIZE, off, &budget)
			  : pci_cap_next(c.bytes, PCI_CFG_SIZE, off, &budget);
		if (off == 0)
			break;
		assert_true(p + 4 < buf + sizeof(buf));
		if (p != buf)
			*p++ = ' ';
		if (ext)
			*p++ = hex[off >> 8];
		*p++ = hex[off >> 4 & 15];
		*p++ = hex[off & 15];
	}
	*p = '\0';
	return buf;
}

static void three_caps(void)
{
	c.bytes[PCI_CAPABILITY_LIST] = 0x40;
	put_cap(0x40, PCI_CAP_ID_PM, 0x60);
	put_cap(0x60, PCI_CAP_ID_MSIX, 0x52);
	put_cap(0x50, PCI_CAP_ID_EXP, 0);
}

static void cap_walk(void **state)
{
	(void)state;
	assert_string_equal(chain(false), "");
	three_caps();
	/* The two low bits of a pointer do not count. */
	assert_string_equal(chain(false), "40 60 50");
	assert_int_equal(pci_cap_find(c.bytes, 256, PCI_CAP_ID_EXP), 0x50);
	assert_int_equal(pci_cap_find(c.bytes, 256, PCI_CAP_ID_PM), 0x40);
	assert_int_equal(pci_cap_find(c.bytes, 256, PCI_CAP_ID_MSI), 0);
	c.bytes[PCI_STATUS] = 0;
	assert_string_equal(chain(false), "");
}

static void cap_bounds(void **state)
{
	unsigned int budget = 0;

	(void)state;
	three_caps();
	/* Not one byte of a short space is read past its end. */
	assert_int_equal(pci_cap_find(c.bytes, 0, PCI_CAP_ID_PM), 0);
	assert_int_equal(pci_cap_find(c.bytes, 0x40, PCI_CAP_ID_PM), 0);
	assert_int_equal(pci_cap_find(c.bytes, 0x41, PCI_CAP_ID_PM), 0);
	assert_int_equal(pci_cap_find(c.bytes, 0x42, PCI_CAP_ID_PM), 0x40);
	assert_int_equal(pci_cap_find(c.bytes, 0x42, PCI_CAP_ID_MSIX), 0);
	assert_int_equal(pci_cap_find(c.bytes, 0x61, PCI_CAP_ID_MSIX), 0);
	assert_int_equal(pci_cap_find(c.bytes, 0x62, PCI_CAP_ID_MSIX), 0x60);
	/* Pointers into the header end the chain. */
	put_cap(0x40, PCI_CAP_ID_PM, 0x3c);
	assert_string_equal(chain(false), "40");
	c.bytes[PCI_CAPABILITY_LIST] = 0x10;
	assert_string_equal(chain(false), "");
	/* A place to go on from that is no capability. */
	c.bytes[0x100] = 0x40;
	assert_int_equal(pci_cap_next(c.bytes, 256, 0x3c, &budget), 0);
	assert_int_equal(pci_cap_next(c.bytes, 256, 0xff, &budget), 0);
	assert_int_equal(pci_cap_next(c.bytes, 4096, 0x100, &budget), 0);
	assert_int_equal(pci_cap_next(c.bytes, 256, UINT32_MAX, &budget), 0);
}

static void cap_dead_device(void **state)
{
	(void)state;
	memset(c.bytes, 0xff, sizeof(c.bytes));
	assert_string_equal(chain(false), "");
	assert_string_equal(chain(true), "");
	assert_int_equal(pci_cap_find(c.bytes, 256, 0xff), 0);
	assert_int_equal(pci_ecap_find(c.bytes, PCI_CFG_SIZE, 0xffff), 0);
}

static void cap_ring(void **state)
{
	unsigned int budget = 0;
	unsigned int steps = 0;
	unsigned int off = 0;

	(void)state;
	three_caps();
	put_cap(0x50, PCI_CAP_ID_EXP, 0x40);
	while ((off = pci_cap_next(c.bytes, 256, off, &budget)) != 0)
		steps++;
	assert_int_equal(steps, 48);
	assert_int_equal(pci_cap_find(c.bytes, 256, PCI_CAP_ID_MSI), 0);

	put_ecap(0x100, 1, 0x200);
	put_ecap(0x200, 2, 0x100);
	budget = 0;
	steps = 0;
	while ((off = pci_ecap_next(c.bytes, 4096, off, &budget)) != 0)
		steps++;
	assert_int_equal(steps, 480);
}

/* Every place where a capability can be, in one chain. */
static void cap_full(void **state)
{
	unsigned int off;

	(void)state;
	c.bytes[PCI_CAPABILITY_LIST] = 0x40;
	for (off = 0x40; off < 0x100; off += 4)
		put_cap(off, 9, off + 4);
	put_cap(0xfc, 0x11, 0);
	assert_int_equal(pci_cap_find(c.bytes, 256, 0x11), 0xfc);
	/* The last one is taken out even if the chain is a ring. */
	put_cap(0xfc, 0x11, 0x44);
	assert_int_equal(pci_cap_unlink(&c, 0x40), 0);
	assert_int_equal(pci_cap_unlink(&c, 0xfc), 0);
	assert_int_equal(pci_cap_find(c.bytes, 256, 0x11), 0);
	assert_int_equal(c.bytes[0xf8 + 1], 0x44);
}

static void cap_unlinked(void **state)
{
	(void)state;
	three_caps();
	memset(c.virt, 0, sizeof(c.virt));
	memset(c.wmask, 0xff, sizeof(c.wmask));
	assert_int_equal(pci_cap_unlink(&c, 0), -ENOENT);
	assert_int_equal(pci_cap_unlink(&c, 0x44), -ENOENT);
	assert_int_equal(pci_cap_unlink(&c, UINT32_MAX), -ENOENT);
	assert_string_equal(chain(false), "40 60 50");
	assert_int_equal(pci_cap_unlink(&c, 0x60), 0);
	assert_string_equal(chain(false), "40 50");
	/* The guest sees the pointer that was changed, and only sees it. */
	assert_int_equal(c.virt[0x41], 0xff);
	assert_int_equal(c.wmask[0x41], 0);
	assert_int_equal(c.virt[0x40], 0);
	assert_int_equal(c.wmask[0x42], 0xff);
	assert_int_equal(pci_cap_unlink(&c, 0x60), -ENOENT);
	assert_int_equal(pci_cap_unlink(&c, 0x50), 0);
	assert_string_equal(chain(false), "40");
	assert_int_equal(pci_cap_unlink(&c, 0x40), 0);
	assert_string_equal(chain(false), "");
	assert_int_equal(c.bytes[PCI_CAPABILITY_LIST], 0);
	assert_int_equal(c.virt[PCI_CAPABILITY_LIST], 0xff);
}

static void cap_unlinked_from_rings(void **state)
{
	(void)state;
	three_caps();
	put_cap(0x50, PCI_CAP_ID_EXP, 0x40);
	assert_int_equal(pci_cap_unlink(&c, 0x40), 0);
	assert_int_equal(pci_cap_find(c.bytes, 256, PCI_CAP_ID_PM), 0);
	assert_int_equal(pci_cap_find(c.bytes, 256, PCI_CAP_ID_EXP), 0x50);
	/* One that points to itself. */
	three_caps();
	put_cap(0x60, PCI_CAP_ID_MSIX, 0x60);
	assert_int_equal(pci_cap_unlink(&c, 0x60), 0);
	assert_string_equal(chain(false), "40");
	/* A broken pointer is not handed on. */
	three_caps();
	put_cap(0x60, PCI_CAP_ID_MSIX, 0x10);
	assert_int_equal(pci_cap_unlink(&c, 0x60), 0);
	assert_int_equal(c.bytes[0x41], 0);
}

static void ecap_walk(void **state)
{
	unsigned int budget = 0;

	(void)state;
	assert_string_equal(chain(true), "");
	put_ecap(0x100, 1, 0x2c0);
	put_ecap(0x2c0, 0x15, 0xffe);
	put_ecap(0xffc, 0x10, 0);
	assert_string_equal(chain(true), "100 2c0 ffc");
	assert_int_equal(pci_ecap_find(c.bytes, PCI_CFG_SIZE, 0x15), 0x2c0);
	assert_int_equal(pci_ecap_find(c.bytes, PCI_CFG_SIZE, 0x10), 0xffc);
	assert_int_equal(pci_ecap_find(c.bytes, PCI_CFG_SIZE, 0x19), 0);
	assert_int_equal(pci_ecap_find(c.bytes, 256, 1), 0);
	assert_int_equal(pci_ecap_find(c.bytes, PCI_CFG_SIZE - 1, 1), 0);
	/* Pointers out of the extended space, and to nothing. */
	put_ecap(0x2c0, 0x15, 0xfc);
	assert_string_equal(chain(true), "100 2c0");
	put_ecap(0x2c0, 0x15, 0x500);
	assert_string_equal(chain(true), "100 2c0");
	assert_int_equal(pci_ecap_next(c.bytes, 4096, 0xfc, &budget), 0);
	c.virt[0] = 0x10; /* what follows must not be read */
	assert_int_equal(pci_ecap_next(c.bytes, 4096, 0xffd, &budget), 0);
	assert_int_equal(pci_ecap_next(c.bytes, 4096, UINT32_MAX, &budget), 0);
}

static void ecap_unlinked(void **state)
{
	(void)state;
	put_ecap(0x100, 1, 0x200);
	put_ecap(0x200, 2, 0x300);
	put_ecap(0x300, 3, 0);
	memset(c.virt, 0, sizeof(c.virt));
	memset(c.wmask, 0xff, sizeof(c.wmask));
	assert_int_equal(pci_ecap_unlink(&c, 0), -ENOENT);
	assert_int_equal(pci_ecap_unlink(&c, 0x204), -ENOENT);
	assert_int_equal(pci_ecap_unlink(&c, 0x200), 0);
	assert_string_equal(chain(true), "100 300");
	assert_u64(pci_cfg_get(&c, 0x100, 4), 0x30010001);
	assert_u64(pci_cfg_read(&c, 0x100, 4, 0x20010001), 0x30010001);
	assert_int_equal(pci_ecap_unlink(&c, 0x200), -ENOENT);
	/* The first one cannot go; it loses its name. */
	assert_int_equal(pci_ecap_unlink(&c, 0x100), 0);
	assert_u64(pci_cfg_read(&c, 0x100, 4, UINT64_MAX), 0x30000000);
	assert_int_equal(pci_ecap_find(c.bytes, PCI_CFG_SIZE, 1), 0);
	assert_int_equal(pci_ecap_find(c.bytes, PCI_CFG_SIZE, 3), 0x300);
	assert_int_equal(pci_ecap_unlink(&c, 0x300), 0);
	assert_u64(pci_cfg_get(&c, 0x100, 4), 0);
	assert_string_equal(chain(true), "");
	assert_int_equal(pci_ecap_unlink(&c, 0x100), -ENOENT);
}

static void ecap_unlinked_from_rings(void **state)
{
	(void)state;
	put_ecap(0x100, 1, 0x200);
	put_ecap(0x200, 2, 0x300);
	put_ecap(0x300, 3, 0x200);
	assert_int_equal(pci_ecap_unlink(&c, 0x200), 0);
	assert_int_equal(pci_ecap_find(c.bytes, PCI_CFG_SIZE, 2), 0);
	assert_int_equal(pci_ecap_find(c.bytes, PCI_CFG_SIZE, 3), 0x300);
	put_ecap(0x100, 1, 0x100);
	assert_int_equal(pci_ecap_unlink(&c, 0x100), 0);
	assert_string_equal(chain(true), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(init_is_read_only_zero, setup),
		cmocka_unit_test_setup(set_and_get, setup),
		cmocka_unit_test_setup(reads_mix, setup),
		cmocka_unit_test_setup(writes_split, setup),
		cmocka_unit_test_setup(write_leaves_neighbours, setup),
		cmocka_unit_test_setup(outside, setup),
		cmocka_unit_test_setup(bar_sizing, setup),
		cmocka_unit_test_setup(bar_sizing_64, setup),
		cmocka_unit_test_setup(bar_kinds, setup),
		cmocka_unit_test_setup(bar_of_the_hardware, setup),
		cmocka_unit_test_setup(bar_limits, setup),
		cmocka_unit_test_setup(bar_replaced, setup),
		cmocka_unit_test_setup(bar_addresses, setup),
		cmocka_unit_test_setup(rom, setup),
		cmocka_unit_test_setup(cap_walk, setup),
		cmocka_unit_test_setup(cap_bounds, setup),
		cmocka_unit_test_setup(cap_dead_device, setup),
		cmocka_unit_test_setup(cap_ring, setup),
		cmocka_unit_test_setup(cap_full, setup),
		cmocka_unit_test_setup(cap_unlinked, setup),
		cmocka_unit_test_setup(cap_unlinked_from_rings, setup),
		cmocka_unit_test_setup(ecap_walk, setup),
		cmocka_unit_test_setup(ecap_unlinked, setup),
		cmocka_unit_test_setup(ecap_unlinked_from_rings, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
