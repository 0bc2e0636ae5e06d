// SPDX-License-Identifier: Apache-2.0
/* Readers of the info structures of linux/vfio.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <string.h>

#include "vfio/info.h"

#define AREAS  2u
#define RANGES 3u

/* A region info with MSIX_MAPPABLE behind it, and then sparse areas. */
static struct {
	struct vfio_region_info info;
	struct vfio_info_cap_header msix;
	struct vfio_info_cap_header sparse;
	uint32_t nr_areas;
	uint32_t reserved;
	struct vfio_region_sparse_mmap_area area[AREAS];
} r;

static struct {
	struct vfio_iommu_type1_info info;
	uint32_t
		pad; /* puts the capability at 4 modulo 8, as old kernels may */
	struct vfio_info_cap_header head;
	uint32_t nr_iovas;
	uint32_t reserved;
	struct vfio_iova_range range[RANGES];
} __attribute__((packed)) m;

static int fill(void **state)
{
	(void)state;
	memset(&r, 0, sizeof(r));
	r.info.argsz = sizeof(r);
	r.info.flags = VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS |
		       VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	r.info.size = 0x10000;
	r.info.cap_offset = (uint32_t)((char *)&r.msix - (char *)&r);
	r.msix.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE;
	r.msix.next = (uint32_t)((char *)&r.sparse - (char *)&r);
	r.sparse.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	r.nr_areas = AREAS;
	r.area[0].size = 0x1000;
	r.area[1].offset = 0x3000;
	r.area[1].size = 0xd000;
	memset(&m, 0, sizeof(m));
	m.info.argsz = sizeof(m);
	m.info.flags = VFIO_IOMMU_INFO_CAPS;
	m.info.cap_offset = (uint32_t)((char *)&m.head - (char *)&m);
	m.head.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
	m.nr_iovas = RANGES;
	m.range[0] = (struct vfio_iova_range){0, 0xfedfffff};
	m.range[1] = (struct vfio_iova_range){0xfef00000, 0xffffffff};
	m.range[2] = (struct vfio_iova_range){0x100000000, 0x7fffffffff};
	return 0;
}

static void region_with_all(void **state)
{
	struct bar_shape s = {.kind = PCI_BAR_MEM32};

	(void)state;
	info_region(&r.info, sizeof(r), &s);
	assert_true(s.mappable && s.msix_mappable && s.sparse);
	assert_int_equal(s.size, 0x10000);
	assert_int_equal(s.n_areas, AREAS);
	assert_int_equal(s.area[1].base, 0x3000);
	assert_int_equal(s.area[1].len, 0xd000);
}

/* A chain that goes back or leaves the room ends there. */
static void region_bad_chains(void **state)
{
	static const uint32_t bad[] = {0, 8, 0xfffffff8, sizeof(r)};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct bar_shape s = {0};

		r.msix.next = bad[i];
		info_region(&r.info, sizeof(r), &s);
		assert_true(s.msix_mappable);
		assert_false(s.sparse);
	}
}

/* More areas than there is room for: sparse, and nothing is mappable. */
static void region_too_many_areas(void **state)
{
	struct bar_shape s = {0};

	(void)state;
	r.nr_areas = AREAS + 1;
	info_region(&r.info, sizeof(r), &s);
	assert_true(s.sparse);
	assert_int_equal(s.n_areas, 0);
}

/* What a guest may touch is mapped for reading and for writing, or trapped. */
static void region_not_for_both(void **state)
{
	static const uint32_t without[] = {VFIO_REGION_INFO_FLAG_READ,
					   VFIO_REGION_INFO_FLAG_WRITE,
					   VFIO_REGION_INFO_FLAG_MMAP};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bar_shape s = {0};

		r.info.flags ^= without[i];
		info_region(&r.info, sizeof(r), &s);
		assert_false(s.mappable);
		r.info.flags ^= without[i];
	}
}

static void region_without_caps_flag(void **state)
{
	struct bar_shape s = {0};

	(void)state;
	r.info.flags = 0;
	info_region(&r.info, sizeof(r), &s);
	assert_false(s.mappable || s.msix_mappable || s.sparse);
}

/* What info_reserved() makes of @m, from a place as aligned as the heap. */
static unsigned int reserved(struct span *out, unsigned int max)
{
	static uint64_t copy[(sizeof(m) + 7) / 8];

	memcpy(copy, &m, sizeof(m));
	return info_reserved((const void *)copy, sizeof(m), out, max);
}

static void iommu_gaps(void **state)
{
	struct span out[4];

	(void)state;
	assert_int_equal(reserved(out, 4), 2);
	assert_int_equal(out[0].base, 0xfee00000);
	assert_int_equal(out[0].len, 0x100000);
	assert_int_equal(out[1].base, 0x8000000000);
	assert_int_equal(out[1].len, 0ull - 0x8000000000);
	/* No room for all: what is left out is reserved with the last. */
	assert_int_equal(reserved(out, 1), 1);
	assert_int_equal(out[0].base, 0xfee00000);
	assert_int_equal(out[0].len, 0ull - 0xfee00000);
}

/* What follows a range that cannot be does not count as usable. */
static void iommu_bad_range(void **state)
{
	struct span out[4];

	(void)state;
	m.range[1].end = m.range[1].start - 1;
	assert_int_equal(reserved(out, 4), 1);
	assert_int_equal(out[0].base, 0xfee00000);
	assert_int_equal(out[0].len, 0ull - 0xfee00000);
}

static void iommufd_gaps(void **state)
{
	const struct iommu_iova_range r39[] = {
		{0, 0xfedfffff},
		{0xfef00000, 0x7fffffffff},
	};
	const struct iommu_iova_range all = {0, UINT64_MAX};
	const struct iommu_iova_range top = {0x1000, UINT64_MAX};
	struct span out[4];

	(void)state;
	assert_int_equal(info_gaps(r39, 2, out, 4), 2);
	assert_int_equal(out[0].base, 0xfee00000);
	assert_int_equal(out[0].len, 0x100000);
	assert_int_equal(out[1].base, 0x8000000000);
	assert_int_equal(span_last(out[1]), UINT64_MAX);
	assert_int_equal(info_gaps(&all, 1, out, 4), 0);
	assert_int_equal(info_gaps(&top, 1, out, 4), 1);
	assert_int_equal(span_last(out[0]), 0xfff);
	assert_int_equal(info_gaps(r39, 0, out, 4), 0);
	assert_int_equal(info_gaps(r39, 2, out, 0), 0);
}

/* Everything usable, and lists that make no sense: nothing is reserved. */
static void iommu_nothing_reserved(void **state)
{
	struct span out[4];

	(void)state;
	m.nr_iovas = 1;
	m.range[0].end = UINT64_MAX;
	assert_int_equal(reserved(out, 4), 0);
	m.nr_iovas = RANGES + 1;
	assert_int_equal(reserved(out, 4), 0);
	m.info.flags = 0;
	assert_int_equal(reserved(out, 4), 0);
}

#define T(f) cmocka_unit_test_setup(f, fill)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(region_with_all),	     T(region_bad_chains),
		T(region_too_many_areas),    T(region_not_for_both),
		T(region_without_caps_flag), T(iommu_gaps),
		T(iommu_bad_range),	     T(iommufd_gaps),
		T(iommu_nothing_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
