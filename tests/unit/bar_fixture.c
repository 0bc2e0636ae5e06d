/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bar_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct bar_fixture fix;

void fix_bar(unsigned int i, enum pci_bar_kind kind, uint64_t size)
{
	fix.d.shape[i] = (struct bar_shape){
		.kind = kind, .mappable = true, .size = size};
	fix.d.region[i].size = size;
}

void fix_area(unsigned int i, uint64_t off, uint64_t len)
{
	struct bar_shape *s = &fix.d.shape[i];

	s->sparse = true;
	s->area[s->n_areas++] = (struct span){off, len};
}

int fix_setup(void **state)
{
	(void)state;
	fix.msix = 0;
	fix.page = (uint64_t)sysconf(_SC_PAGESIZE);
	memset(&fix.d, 0, sizeof(fix.d));
	fake_hv_init(&fix.hv);
	fake_iommu_init(&fix.iommu, false);
	vfio_init(&fix.all);
	fix.all.n_devs = 1;
	fix.all.dev[0] = &fix.d;
	fix.d.all = &fix.all;
	fix.d.hv = &fix.hv.hv;
	fix.d.func.ops = &vfio_func_ops;
	fix.d.fd = memfd_create("device", MFD_CLOEXEC);
	if (fix.d.fd < 0 || ftruncate(fix.d.fd, (off_t)(8 * TIB)) < 0)
		return -1;
	fix.d.cfg_size = PCI_CFG_SIZE;
	for (unsigned int i = 0; i <= CONFIG; i++) {
		fix.d.region[i].fd_off = i * TIB;
		fix.d.region[i].flags = VFIO_REGION_INFO_FLAG_READ |
					VFIO_REGION_INFO_FLAG_WRITE;
	}
	fix.d.window[0] = (struct span){LOW, GIB};
	fix.d.window[1] = (struct span){HIGH, 64 * GIB};
	return 0;
}

int fix_teardown(void **state)
{
	const char *left;

	(void)state;
	bar_follow_clear(&fix.d);
	left = fake_hv_left(&fix.hv);
	if (!left)
		left = fix.iommu.misuse;
	if (!left && fake_iommu_count(&fix.iommu))
		left = "a DMA mapping was left";
	bar_map_close(&fix.d);
	free(fix.d.msix_storage);
	close(fix.d.fd);
	if (left)
		print_error("%s\n", left);
	return left ? -1 : 0;
}

uint64_t fix_tag(unsigned int i, uint64_t off)
{
	return (uint64_t)(i + 1) << 56 | off;
}

static void fix_put_tag(unsigned int i, uint64_t off)
{
	uint64_t v = fix_tag(i, off);

	assert_int_equal(pwrite(fix.d.fd, &v, sizeof(v),
				(off_t)(fix.d.region[i].fd_off + off)),
			 sizeof(v));
}

void fix_open(void)
{
	static uint8_t hw[PCI_CFG_SIZE];
	memset(hw, 0, sizeof(hw));
	memcpy(hw, "\x36\x1b\x01\xa8\x00\x00\x10\x00", 8);
	hw[PCI_CAPABILITY_LIST] = PM;
	hw[PM] = PCI_CAP_ID_PM;
	hw[PM + 1] = EXP;
	hw[EXP] = PCI_CAP_ID_EXP;
	hw[EXP + 1] = AF;
	hw[EXP + PCI_EXP_DEVCAP + 3] = PCI_EXP_DEVCAP_FLR >> 24;
	hw[AF] = PCI_CAP_ID_AF;
	hw[AF + 1] = MSI;
	hw[MSI] = PCI_CAP_ID_MSI;
	hw[MSI + PCI_MSI_FLAGS] = PCI_MSI_FLAGS_64BIT;
	hw[MSI + PCI_MSI_FLAGS + 1] = PCI_MSI_FLAGS_MASKBIT >> 8;
	if (fix.msix) {
		hw[MSI + 1] = MSIX;
		hw[MSIX] = PCI_CAP_ID_MSIX;
		hw[MSIX + PCI_MSIX_FLAGS] = (uint8_t)(fix.msix - 1);
		hw[MSIX + PCI_MSIX_TABLE] = 4;
		hw[MSIX + PCI_MSIX_PBA] = 4;
		hw[MSIX + PCI_MSIX_PBA + 1] = 0x10;
	}
	hw[AF + PCI_AF_LENGTH] = PCI_CAP_AF_SIZEOF;
	hw[AF + PCI_AF_CAP] = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;
	assert_int_equal(pwrite(fix.d.fd, hw, sizeof(hw),
				(off_t)fix.d.region[CONFIG].fd_off),
			 sizeof(hw));
	(void)cfg_virt_msix(hw, fix.d.cfg_size, &fix.d.msix_shape);
	dev_plan_make(&fix.d.plan, fix.d.shape, &fix.d.msix_shape, fix.page,
		      4096);
	cfg_virt_make(&fix.d, hw);
	bar_map_open(&fix.d);
	for (unsigned int i = 0; i < fix.d.n_maps; i++)
		fix_put_tag(fix.d.map[i].bar, fix.d.map[i].off);
}

uint64_t fix_read(unsigned int off, unsigned int len)
{
	return fix.d.func.ops->cfg_read(&fix.d.func, off, len);
}

void fix_write(unsigned int off, unsigned int len, uint64_t val)
{
	fix.d.func.ops->cfg_write(&fix.d.func, off, len, val);
	assert_null(fix.hv.misuse);
	assert_null(fix.iommu.misuse);
}

void fix_decode(bool on)
{
	fix_write(PCI_COMMAND, 2, on ? PCI_COMMAND_MEMORY : 0);
}

void fix_move(unsigned int i, uint64_t addr)
{
	fix_write(BAR(i), 4, addr & 0xffffffff);
	if (fix.d.plan.bar[i].kind == PCI_BAR_MEM64)
		fix_write(BAR(i + 1), 4, addr >> 32);
}

uint64_t fix_at_gpa(uint64_t gpa)
{
	uint8_t *p = fake_hv_at(&fix.hv, gpa);
	uint64_t v;

	assert_non_null(p);
	memcpy(&v, p, sizeof(v));
	return v;
}

void fix_two_bars(void)
{
	fix_bar(0, PCI_BAR_MEM64, 16 * fix.page);
	fix_bar(2, PCI_BAR_MEM32, 16 * fix.page);
	fix_area(2, 0, 2 * fix.page);
	fix_area(2, 4 * fix.page, fix.page);
	fix_area(2, 8 * fix.page, 8 * fix.page);
	fix_open();
	fix_move(0, HIGH);
	fix_move(2, LOW);
	assert_int_equal(fix.hv.maps, 0);
}

void fix_assert_two_bars(uint64_t bar0, uint64_t bar2)
{
	assert_int_equal(fake_hv_slots(&fix.hv), 4);
	assert_int_equal(fix_at_gpa(bar0), fix_tag(0, 0));
	assert_int_equal(fix_at_gpa(bar2), fix_tag(2, 0));
	assert_hole(bar2 + 2 * fix.page);
	assert_int_equal(fix_at_gpa(bar2 + 4 * fix.page),
			 fix_tag(2, 4 * fix.page));
	assert_hole(bar2 + 5 * fix.page);
	assert_int_equal(fix_at_gpa(bar2 + 8 * fix.page),
			 fix_tag(2, 8 * fix.page));
}

void fix_reach(bool revoked)
{
	fake_iommu_init(&fix.iommu, revoked);
	fix.all.iommu = &fix.iommu.ops;
	fix.all.p2p = true;
}

void fix_assert_dma(uint64_t bar0, uint64_t bar2)
{
	const struct fake_iommu_map *m = fake_iommu_at(&fix.iommu, bar0);

	assert_int_equal(fake_iommu_count(&fix.iommu), 4);
	assert_non_null(m);
	assert_int_equal(m->iova.base, bar0);
	assert_int_equal(m->m->bar, 0);
	m = fake_iommu_at(&fix.iommu, bar2 + 4 * fix.page);
	assert_non_null(m);
	assert_int_equal(m->iova.base, bar2 + 4 * fix.page);
	assert_int_equal(m->iova.len, fix.page);
	assert_null(fake_iommu_at(&fix.iommu, bar2 + 2 * fix.page));
}

/* --- what /proc says of our address space --- */

static bool vma_next(FILE *f, struct vma *v)
{
	char line[512];

	if (!fgets(line, sizeof(line), f))
		return false;
	assert_int_equal(sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &v->base,
				&v->end, v->perms),
			 3);
	v->device = strstr(line, "memfd:device") != NULL;
	return true;
}

struct vma fix_vma_at(uint64_t addr)
{
	FILE *f = fopen("/proc/self/maps", "r");
	struct vma v = {0};
	bool found = false;

	assert_non_null(f);
	while (!found && vma_next(f, &v))
		found = addr >= v.base && addr < v.end;
	fclose(f);
	return found ? v : (struct vma){0};
}

unsigned int fix_device_vmas(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	struct vma v;

	assert_non_null(f);
	while (vma_next(f, &v))
		n += v.device;
	fclose(f);
	return n;
}
