/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_HOST_USE_H
#define VFIO_HOST_USE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the host works with a PCI device, so that taking its driver away
 * would hurt, and which program has it through VFIO. @root as in sysfs.h.
 */

#define HOST_USE_SIZE 192

/*
 * What the host does with the device, as the rest of a sentence that begins
 * with "in use by the host: "; "" when nothing is known. @closely also looks
 * for what only root sees: block devices that the kernel has claimed without a
 * mount, and programs that draw on a display.
 */
void host_use(const char *root, const char *address, bool closely,
	      char buf[HOST_USE_SIZE]);
/*
 * Which program has the device, or its IOMMU group @group (-1: none), open
 * through VFIO: "barge (1234)", or "another program" when it cannot be named;
 * "" when none has, as far as can be seen. @closely also tries to open the
 * group, which would be in the way of a VM that starts at that moment.
 */
void host_use_vfio(const char *root, const char *address, long group,
		   bool closely, char buf[HOST_USE_SIZE]);

#endif
