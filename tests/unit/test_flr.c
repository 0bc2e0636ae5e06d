/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bar_fixture.h"

/* A guest resets its device, or lets it sleep. */

static void hw_set(unsigned int off, unsigned int len, uint64_t val)
{
	vfio_cfg_pwrite(&fix.d, off, len, val);
}

/* What pcie_flr() and pci_restore_state() of a guest meet. */
static void assert_reset(void)
{
	assert_int_equal(fake_hv_slots(&fix.hv), 0);
	assert_int_equal(fix_read(PCI_COMMAND, 2), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(fix_read(BAR(i), 4) & ~0xfull, 0);
	assert_int_equal(fix_read(BAR(0), 1) & 6, 4);
	/* The hardware neither decodes nor masters the bus. */
	assert_int_equal(vfio_cfg_pread(&fix.d, PCI_COMMAND, 2),
			 PCI_COMMAND_INTX_DISABLE);
}

static void restore(void)
{
	hw_set(EXP + PCI_EXP_DEVCTL, 2, 0);
	hw_set(AF + PCI_AF_CTRL, 1, 0);
	fix_move(2, LOW);
	fix_move(0, HIGH);
	fix_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	fix_assert_two_bars(HIGH, LOW);
}

static void flr_in_any_width(void **state)
{
	static const struct {
		unsigned int off, len;
		uint64_t val;
	} w[] = {
		{EXP + PCI_EXP_DEVCTL, 2, 0x8000},
		{EXP + PCI_EXP_DEVCTL, 2, 0xa810},
		{EXP + PCI_EXP_DEVCTL, 4, 0x8000},
		{EXP + PCI_EXP_DEVCTL + 1, 1, 0x80},
		{EXP + PCI_EXP_DEVCAP, 8, 0x8000ull << 32},
		{AF + PCI_AF_CTRL, 1, 1},
		{AF + PCI_AF_CTRL, 2, 1},
		{AF, 8, 1ull << 32},
	};

	(void)state;
	fix_reach(true);
	fix_two_bars();
	for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++) {
		fix_write(PCI_COMMAND, 2,
			  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		fix_assert_dma(HIGH, LOW);
		fix_write(w[i].off, w[i].len, w[i].val);
		assert_reset();
		assert_int_equal(fake_iommu_count(&fix.iommu), 0);
		assert_int_equal(fix.d.epoch, i + 1);
		restore();
		fix_assert_dma(HIGH, LOW);
	}
}

static void not_a_reset(void **state)
{
	(void)state;
	fix_two_bars();
	fix_decode(true);
	fix_write(EXP + PCI_EXP_DEVCTL, 2, 0x7fff);
	fix_write(EXP + PCI_EXP_DEVCTL, 1, 0x80);
	fix_write(EXP + PCI_EXP_DEVSTA, 2, 0x8000);
	fix_write(AF + PCI_AF_CTRL, 1, 0xfe);
	fix_write(AF + PCI_AF_STATUS, 1, 1);
	fix_assert_two_bars(HIGH, LOW);
	/* A device that cannot is not reset. */
	hw_set(EXP + PCI_EXP_DEVCAP, 4, 0);
	hw_set(AF + PCI_AF_CAP, 1, PCI_AF_CAP_FLR);
	fix_write(EXP + PCI_EXP_DEVCTL, 2, 0x8000);
	fix_write(AF + PCI_AF_CTRL, 1, 1);
	fix_assert_two_bars(HIGH, LOW);
	assert_int_equal(fix.d.epoch, 0);
	assert_int_equal(fix.hv.unmaps, 0);
}

/* Interrupts are off, and set up for nothing (PCI-3.0 6.8). */
static void flr_clears_interrupts(void **state)
{
	struct pci_cfg *c = &fix.d.func.cfg;

	(void)state;
	fix_bar(4, PCI_BAR_MEM32, 4 * fix.page);
	fix.msix = 8;
	fix_two_bars();
	assert_int_equal(vfio_irqs_open(&fix.d, NULL), 0);
	fix_write(MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee00000);
	fix_write(MSI + PCI_MSI_ADDRESS_HI, 4, 0x12);
	fix_write(MSI + PCI_MSI_DATA_64, 2, 0x4321);
	fix_write(MSI + PCI_MSI_MASK_64, 4, 1);
	pci_cfg_set(c, MSI + PCI_MSI_FLAGS, 2, 0x0181 | 0x20);
	assert_int_equal(msix_table_write(&fix.d.msix, 12, 4, 0), 0);
	pci_cfg_set(c, MSIX + PCI_MSIX_FLAGS, 2, 0x4007);
	fix_write(EXP + PCI_EXP_DEVCTL, 2, 0x8000);
	assert_reset();
	/* What the device can do stays: one vector, 64 bits, masks. */
	assert_int_equal(fix_read(MSI + PCI_MSI_FLAGS, 2), 0x0180);
	assert_int_equal(fix_read(MSI + PCI_MSI_ADDRESS_LO, 4), 0);
	assert_int_equal(fix_read(MSI + PCI_MSI_ADDRESS_HI, 4), 0);
	assert_int_equal(fix_read(MSI + PCI_MSI_DATA_64, 2), 0);
	assert_int_equal(fix_read(MSI + PCI_MSI_MASK_64, 4), 0);
	assert_int_equal(fix_read(MSIX + PCI_MSIX_FLAGS, 2), 7);
	assert_int_equal(msix_table_read(&fix.d.msix, 12, 4), 1);
}

/* The hardware is off before it is reset, and asleep no more after that. */
static void flr_wakes_a_device(void **state)
{
	(void)state;
	fix_two_bars();
	fix_decode(true);
	fix_write(PM + PCI_PM_CTRL, 2, 3);
	assert_int_equal(fix.d.power, 3);
	/* A file resets nothing: this is the kernel's part. */
	hw_set(PM + PCI_PM_CTRL, 2, 0);
	fix_write(EXP + PCI_EXP_DEVCTL, 2, 0x8000);
	assert_int_equal(fix.d.power, 0);
	assert_reset();
	restore();
}

/* What nobody answers reads as all-ones, and takes no writes. */
static void sleeping_bar_is_silent(void **state)
{
	(void)state;
	fix_two_bars();
	fix_decode(true);
	assert_int_equal(fix.d.func.ops->bar_read(&fix.d.func, 0, 0, 8),
			 fix_tag(0, 0));
	fix_write(PM + PCI_PM_CTRL, 2, 3);
	assert_int_equal(fix.d.func.ops->bar_read(&fix.d.func, 0, 0, 4),
			 0xffffffff);
	fix.d.func.ops->bar_write(&fix.d.func, 0, 0, 4, 0x1234);
	fix_write(PM + PCI_PM_CTRL, 2, 0);
	assert_int_equal(fix.d.func.ops->bar_read(&fix.d.func, 0, 0, 8),
			 fix_tag(0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fix_test(flr_in_any_width),	  fix_test(not_a_reset),
		fix_test(flr_clears_interrupts),  fix_test(flr_wakes_a_device),
		fix_test(sleeping_bar_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
