// SPDX-License-Identifier: Apache-2.0
#include "vfio/choice.h"

#include <errno.h>

static const char *not_iommufd(const struct vfio_offer *o)
{
	if (o->iommufd == -ENOENT)
		return "there is no /dev/iommu";
	if (o->iommufd == -EACCES)
		return "/dev/iommu may not be opened by this user";
	if (o->iommufd < 0)
		return "/dev/iommu cannot be opened";
	if (o->cdev == -ENOENT)
		return "there is no file of its own for each device";
	if (o->cdev == -EACCES)
		return "a device's own file may not be opened by this user";
	if (o->cdev < 0)
		return "a device's own file cannot be opened";
	return NULL;
}

enum vfio_backend vfio_choose(enum vfio_backend want,
			      const struct vfio_offer *offer, const char **why)
{
	*why = "as was asked for";
	if (want != VFIO_BACKEND_AUTO)
		return want;
	*why = not_iommufd(offer);
	if (*why)
		return VFIO_BACKEND_TYPE1;
	*why = "the host has it for every device";
	return VFIO_BACKEND_IOMMUFD;
}

bool vfio_p2p_wanted(enum vfio_p2p want, unsigned int n_devs)
{
	if (want == VFIO_P2P_AUTO)
		return n_devs > 1;
	return want == VFIO_P2P_ON;
}
