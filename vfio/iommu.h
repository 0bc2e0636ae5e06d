/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_IOMMU_H
#define VFIO_IOMMU_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/gmem.h"
#include "core/span.h"

/*
 * The two ways to an IOMMU, behind one table: type1 (groups in a container) and
 * iommufd (a character device per PCI device). Inside vfio/ only.
 */
struct vfio;
struct vfio_dev;
struct bar_map;

struct iommu_ops {
	const char *name;
	/*
	 * The kernel takes a BAR's mapping away for good when its device stops
	 * decoding or is reset: it has to be unmapped and made anew.
	 */
	bool bar_revoked;
	/*
	 * Open d->address, put it into the VM's domain and leave its file in
	 * d->fd. Narrows v->reserved to what the domain can address. Errors
	 * say what to do; device_close() is due in any case.
	 */
	int (*device_open)(struct vfio *v, struct vfio_dev *d, struct err *e);
	void (*device_close)(struct vfio *v, struct vfio_dev *d);
	/*
	 * The same while the others stay and the VM goes on: hv is told, and
	 * nothing of ours keeps the host from taking the device.
	 */
	void (*device_leave)(struct vfio *v, struct vfio_dev *d);
	/* Let all devices reach a region of guest RAM: pins it. */
	int (*map_ram)(struct vfio *v, const struct gmem_region *g,
		       struct err *e);
	/* Whether map_bar() can work at all on this kernel: 0 or -errno. */
	int (*bar_probe)(struct vfio *v, const struct vfio_dev *d);
	/*
	 * Let the other devices reach slice @m of @d's BAR at @iova, while @d
	 * decodes it. 0 or -errno, to be told by iommu_bar_warn().
	 */
	int (*map_bar)(struct vfio *v, struct vfio_dev *d,
		       const struct bar_map *m, uint64_t iova);
	/* Undo map_bar(); also fine after the kernel revoked it. */
	int (*unmap_bar)(struct vfio *v, struct span iova);
	/* The @i-th file that hv_ops.vfio_file() is told of, or -1. */
	int (*hv_file)(const struct vfio *v, unsigned int i);
	/* The domain and what is mapped in it; accepts any half-open state. */
	void (*close)(struct vfio *v);
};

extern const struct iommu_ops iommu_type1;   /* vfio/type1.c */
extern const struct iommu_ops iommu_iommufd; /* vfio/iommufd.c */

/*
 * v->iommu->device_open(); where the choice was ours, the first device may
 * still change it to type1.
 */
int iommu_device_open(struct vfio *v, struct vfio_dev *d, struct err *e);
/* Whether the IOMMU can address all of @s: none of it is in v->reserved. */
bool iommu_reaches(const struct vfio *v, struct span s);
/*
 * One warning per device: other devices do not reach BAR @bar, because
 * map_bar() returned @error. The VM lives on.
 */
void iommu_bar_warn(struct vfio_dev *d, unsigned int bar, int error);

#endif
