/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_INFO_H
#define VFIO_INFO_H

#include <linux/vfio.h>
#include <stdint.h>

#include "core/span.h"
#include "vfio/bar_plan.h"
#include "vfio/uapi_compat.h"

/*
 * Readers of the info structures of linux/vfio.h with their chains of
 * capabilities. Pure, and they trust nothing: @room is how many bytes are
 * really there, whatever argsz says; a chain that leaves them or does not
 * move forward ends.
 */

/* Enter flags and capabilities of @info into @s. */
void info_region(const struct vfio_region_info *info, uint32_t room,
		 struct bar_shape *s);
/*
 * The address ranges that the IOMMU cannot map: at most @max into @out;
 * returns how many. None when the kernel does not tell. If there are more, the
 * last one holds all that follow and what lies between them.
 */
unsigned int info_reserved(const struct vfio_iommu_type1_info *info,
			   uint32_t room, struct span *out, unsigned int max);
/* The same from iommufd's @n ranges that can be mapped. */
unsigned int info_gaps(const struct iommu_iova_range *range, unsigned int n,
		       struct span *out, unsigned int max);

#endif
