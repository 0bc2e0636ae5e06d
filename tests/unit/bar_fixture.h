/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BAR_FIXTURE_H
#define TESTS_UNIT_BAR_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <linux/pci_regs.h>

#include "tests/unit/fake_hv.h"
#include "tests/unit/fake_iommu.h"
#include "vfio/device.h"
#include "vfio/vfio.h"

/*
 * A passed-through device, `fix.d`, without a kernel: its file is a memfd with
 * one region per TiB, as vfio-pci numbers them, and the guest's accesses go
 * through the ops that the host bridge calls.
 */

#define KIB	       (1ull << 10)
#define MIB	       (1ull << 20)
#define GIB	       (1ull << 30)
#define TIB	       (1ull << 40)
#define BAR(i)	       (PCI_BASE_ADDRESS_0 + 4u * (i))
#define PM	       0x40u /* its capabilities */
#define EXP	       0x50u
#define AF	       0x90u
#define MSI	       0xa0u
#define MSIX	       0xc0u
#define CONFIG	       VFIO_PCI_CONFIG_REGION_INDEX
#define LOW	       0x80000000ull /* the windows */
#define HIGH	       (16 * GIB)
#define assert_gpa(a)  assert_non_null(fake_hv_at(&fix.hv, a))
#define assert_hole(a) assert_null(fake_hv_at(&fix.hv, a))

struct bar_fixture {
	struct fake_hv hv;
	struct fake_iommu iommu;
	struct vfio_dev d;
	struct vfio all; /* d, and perhaps a neighbour */
	uint64_t page;
	unsigned int msix; /* vectors, table and PBA in BAR 4; 0: none */
};

extern struct bar_fixture fix;

/* cmocka's setup and teardown: nothing may be left. */
int fix_setup(void **state);
int fix_teardown(void **state);
#define fix_test(f) cmocka_unit_test_setup_teardown(f, fix_setup, fix_teardown)

/* Describe BAR @i, and an area of it that can be mapped. */
void fix_bar(unsigned int i, enum pci_bar_kind kind, uint64_t size);
void fix_area(unsigned int i, uint64_t off, uint64_t len);
/* What the first 8 bytes of a slice hold. */
uint64_t fix_tag(unsigned int i, uint64_t off);
/* Plan and map the BARs that were described. */
void fix_open(void);

/* The guest: configuration, COMMAND's memory bit, a BAR's address. */
uint64_t fix_read(unsigned int off, unsigned int len);
void fix_write(unsigned int off, unsigned int len, uint64_t val);
void fix_decode(bool on);
void fix_move(unsigned int i, uint64_t addr);
uint64_t fix_at_gpa(uint64_t gpa);

/* Two BARs: 2 of three slices below 4 GiB, 0 of one slice above. */
void fix_two_bars(void);
void fix_assert_two_bars(uint64_t bar0, uint64_t bar2);

/* BARs are mapped for DMA, by a backend whose mappings are @revoked or not. */
void fix_reach(bool revoked);
/* All slices of both BARs are mapped for DMA where the guest has them. */
void fix_assert_dma(uint64_t bar0, uint64_t bar2);

/* What /proc says of our address space. */
struct vma {
	uint64_t base;
	uint64_t end;
	char perms[8];
	bool device; /* maps the device's file */
};

struct vma fix_vma_at(uint64_t addr);
unsigned int fix_device_vmas(void);

#endif
