/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_iommu.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

struct fake_iommu *fake_iommu;

static int misuse(const char *what, int code)
{
	if (!fake_iommu->misuse)
		fake_iommu->misuse = what;
	return code;
}

static int map_bar(struct vfio *v, struct vfio_dev *d, const struct bar_map *m,
		   uint64_t iova)
{
	struct span s = {iova, m->len};
	struct fake_iommu *f = fake_iommu;
	struct fake_iommu_map *room = NULL;

	(void)v;
	if (f->fail_with) {
		f->refusals++;
		return f->fail_with;
	}
	/* linux-vfio: a mapping faults the device's pages in */
	if (!(pci_cfg_get(&d->func.cfg, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) ||
	    d->power)
		return misuse("map_bar: the device does not decode", -EFAULT);
	for (unsigned int i = 0; i < FAKE_IOMMU_MAPS; i++) {
		struct fake_iommu_map *o = &f->map[i];

		if (o->iova.len == 0)
			room = o;
		else if (span_overlaps(o->iova, s))
			return misuse("map_bar: something is there", -EEXIST);
	}
	if (!room)
		return misuse("map_bar: too many", -ENOSPC);
	*room = (struct fake_iommu_map){s, d, m};
	f->maps++;
	return 0;
}

static int unmap_bar(struct vfio *v, struct span iova)
{
	struct fake_iommu *f = fake_iommu;

	(void)v;
	for (unsigned int i = 0; i < FAKE_IOMMU_MAPS; i++) {
		struct fake_iommu_map *o = &f->map[i];

		if (o->iova.base != iova.base || o->iova.len != iova.len)
			continue;
		o->iova.len = 0;
		f->unmaps++;
		return 0;
	}
	return misuse("unmap_bar: nothing is there", -ENOENT);
}

void fake_iommu_init(struct fake_iommu *f, bool revoked)
{
	memset(f, 0, sizeof(*f));
	f->ops.name = "fake";
	f->ops.bar_revoked = revoked;
	f->ops.map_bar = map_bar;
	f->ops.unmap_bar = unmap_bar;
	fake_iommu = f;
}

unsigned int fake_iommu_count(const struct fake_iommu *f)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAKE_IOMMU_MAPS; i++)
		n += f->map[i].iova.len != 0;
	return n;
}

const struct fake_iommu_map *fake_iommu_at(const struct fake_iommu *f,
					   uint64_t iova)
{
	for (unsigned int i = 0; i < FAKE_IOMMU_MAPS; i++) {
		if (f->map[i].iova.len && span_holds(f->map[i].iova, iova, 1))
			return &f->map[i];
	}
	return NULL;
}
