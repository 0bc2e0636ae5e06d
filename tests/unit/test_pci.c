/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "core/pci.h"

#define MEM32 0xfe000000u
#define MEM64 UINT64_C(0x4000000000)
#define IO    0xc000u
#define ROM   0xfd000000u

static struct pci_func f;

/* BAR 0: MEM32 4 KiB, 1: IO 32, 2 and 3: MEM64 16 GiB, ROM: 64 KiB. */
static int setup(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	pci_cfg_init(&f.cfg);
	pci_cfg_set_bar(&f.cfg, 0, PCI_BAR_MEM32, false, 4096);
	pci_cfg_set_bar(&f.cfg, 1, PCI_BAR_IO, false, 32);
	pci_cfg_set_bar(&f.cfg, 2, PCI_BAR_MEM64, true, UINT64_C(16) << 30);
	pci_cfg_set_rom(&f.cfg, 65536);
	pci_cfg_set_bar_addr(&f.cfg, 0, MEM32);
	pci_cfg_set_bar_addr(&f.cfg, 1, IO);
	pci_cfg_set_bar_addr(&f.cfg, 2, MEM64);
	pci_cfg_set(&f.cfg, PCI_ROM_ADDRESS, 4, ROM | PCI_ROM_ADDRESS_ENABLE);
	pci_cfg_set(&f.cfg, PCI_COMMAND, 2,
		    PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	return 0;
}

static void assert_hit(bool io, uint64_t addr, unsigned int len,
		       unsigned int bar, uint64_t off)
{
	unsigned int b = 99;
	uint64_t o = 99;

	assert_true(pci_func_decode(&f, io, addr, len, &b, &o));
	assert_int_equal(b, bar);
	assert_true(o == off);
}

static void assert_miss(bool io, uint64_t addr, unsigned int len)
{
	unsigned int b = 99;
	uint64_t o = 99;

	assert_false(pci_func_decode(&f, io, addr, len, &b, &o));
	assert_int_equal(b, 99);
	assert_true(o == 99);
}

static void decodes(void **state)
{
	(void)state;
	assert_hit(false, MEM32, 4, 0, 0);
	assert_hit(false, MEM32 + 0xfff, 1, 0, 0xfff);
	assert_hit(true, IO + 4, 4, 1, 4);
	assert_hit(false, MEM64, 8, 2, 0);
	assert_hit(false, MEM64 + (UINT64_C(16) << 30) - 8, 8, 2,
		   (UINT64_C(16) << 30) - 8);
	assert_hit(false, ROM + 0x10, 2, PCI_ROM_IDX, 0x10);
}

static void not_wholly_inside(void **state)
{
	(void)state;
	assert_miss(false, MEM32 - 1, 1);
	assert_miss(false, MEM32 - 1, 2);
	assert_miss(false, MEM32 + 0xfff, 2);
	assert_miss(false, MEM32 + 0x1000, 1);
	assert_miss(false, MEM32, 0);
	assert_miss(false, MEM64 + (UINT64_C(16) << 30), 1);
	assert_miss(false, UINT64_MAX, 8);
	assert_miss(true, IO + 30, 4);
	assert_miss(false, ROM + 65535, 2);
}

static void spaces_are_apart(void **state)
{
	(void)state;
	assert_miss(true, MEM32, 4);
	assert_miss(true, ROM, 4);
	assert_miss(true, MEM64, 4);
	assert_miss(false, IO, 4);
}

static void command_gates(void **state)
{
	(void)state;
	pci_cfg_set(&f.cfg, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_miss(true, IO, 1);
	assert_hit(false, MEM32, 1, 0, 0);
	pci_cfg_set(&f.cfg, PCI_COMMAND, 2, PCI_COMMAND_IO);
	assert_hit(true, IO, 1, 1, 0);
	assert_miss(false, MEM32, 1);
	assert_miss(false, MEM64, 1);
	assert_miss(false, ROM, 1);
	pci_cfg_set(&f.cfg, PCI_COMMAND, 2, 0xfffc);
	assert_miss(true, IO, 1);
	assert_miss(false, MEM32, 1);
}

static void rom_enable(void **state)
{
	(void)state;
	pci_cfg_set(&f.cfg, PCI_ROM_ADDRESS, 4, ROM);
	assert_miss(false, ROM, 1);
	pci_cfg_set(&f.cfg, PCI_ROM_ADDRESS, 4, PCI_ROM_ADDRESS_ENABLE);
	assert_miss(false, 0, 1);
	pci_cfg_set_rom(&f.cfg, 0);
	pci_cfg_set(&f.cfg, PCI_ROM_ADDRESS, 4, ROM | PCI_ROM_ADDRESS_ENABLE);
	assert_miss(false, ROM, 1);
}

static void not_programmed(void **state)
{
	(void)state;
	pci_cfg_set_bar_addr(&f.cfg, 0, 0);
	pci_cfg_set_bar_addr(&f.cfg, 1, 0);
	pci_cfg_set_bar_addr(&f.cfg, 2, 0);
	assert_miss(false, 0, 1);
	assert_miss(false, 0x800, 4);
	assert_miss(true, 0, 1);
}

/* As high as a BAR can be: it ends with the space and does not wrap. */
static void top_of_space(void **state)
{
	(void)state;
	pci_cfg_set_masks(&f.cfg, PCI_BASE_ADDRESS_2, 8, UINT64_MAX,
			  UINT64_C(0x8000000000000000));
	pci_cfg_set(&f.cfg, PCI_BASE_ADDRESS_2, 8, UINT64_MAX << 63 | 0x4);
	assert_true(pci_cfg_bar_size(&f.cfg, 2) == UINT64_C(1) << 63);
	assert_hit(false, UINT64_MAX, 1, 2, UINT64_MAX >> 1);
	assert_miss(false, UINT64_MAX, 2);
}

static void sized_and_moved(void **state)
{
	(void)state;
	/* In the middle of sizing it decodes at the top of 32 bits. */
	pci_cfg_write(&f.cfg, PCI_BASE_ADDRESS_0, 4, 0xffffffff);
	assert_miss(false, MEM32, 4);
	assert_hit(false, 0xfffff000, 4, 0, 0);
	assert_miss(false, UINT64_C(0xfffffffffffff000), 4);
	pci_cfg_write(&f.cfg, PCI_BASE_ADDRESS_0, 4, 0xfb000000);
	assert_hit(false, 0xfb000ffc, 4, 0, 0xffc);
	/* One on top of the other: the lower number answers. */
	pci_cfg_write(&f.cfg, PCI_BASE_ADDRESS_0, 4, ROM);
	assert_hit(false, ROM, 4, 0, 0);
	assert_hit(false, ROM + 0x1000, 4, PCI_ROM_IDX, 0x1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(decodes, setup),
		cmocka_unit_test_setup(not_wholly_inside, setup),
		cmocka_unit_test_setup(spaces_are_apart, setup),
		cmocka_unit_test_setup(command_gates, setup),
		cmocka_unit_test_setup(rom_enable, setup),
		cmocka_unit_test_setup(not_programmed, setup),
		cmocka_unit_test_setup(top_of_space, setup),
		cmocka_unit_test_setup(sized_and_moved, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
