/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_IOMMU_H
#define TESTS_UNIT_FAKE_IOMMU_H

#include "vfio/device.h"
#include "vfio/iommu.h"

/*
 * An IOMMU that only keeps accounts of BARs: it refuses what a kernel refuses,
 * an overlap or a device that does not decode, and remembers the first call
 * that breaks the contract of vfio/iommu.h.
 */

#define FAKE_IOMMU_MAPS 64

struct fake_iommu_map {
	struct span iova; /* len 0: free */
	const struct vfio_dev *d;
	const struct bar_map *m;
};

struct fake_iommu {
	struct iommu_ops ops;
	struct fake_iommu_map map[FAKE_IOMMU_MAPS];
	unsigned int maps; /* calls that were obeyed */
	unsigned int unmaps;
	unsigned int refusals;
	int fail_with;	    /* map_bar() fails, 0: it does not */
	const char *misuse; /* NULL: none */
};

/* The one that all ops work on: there is no room for a context in them. */
extern struct fake_iommu *fake_iommu;

void fake_iommu_init(struct fake_iommu *f, bool revoked);
unsigned int fake_iommu_count(const struct fake_iommu *f);
/* Which mapping has @iova, or NULL. */
const struct fake_iommu_map *fake_iommu_at(const struct fake_iommu *f,
					   uint64_t iova);

#endif
