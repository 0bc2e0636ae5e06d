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
	/* Let all devices reach a region of guest RAM: pins it. */
	int (*map_ram)(struct vfio *v, const struct gmem_region *g,
		       struct err *e);
	/*
	 * Let the other devices reach slice @m of @d's BAR at @iova, while @d
	 * decodes it. 0 or -errno.
	 */
	int (*map_bar)(struct vfio *v, struct vfio_dev *d,
		       const struct bar_map *m, uint64_t iova);
	/* Undo map_bar(); also fine after the kernel revoked it. */
	int (*unmap_bar)(struct vfio *v, struct span iova);
	/* All mappings and the domain itself; accepts any half-open state. */
	void (*close)(struct vfio *v);
};

extern const struct iommu_ops iommu_type1;   /* vfio/type1.c */
extern const struct iommu_ops iommu_iommufd; /* vfio/iommufd.c */

#endif
