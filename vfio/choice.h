/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_CHOICE_H
#define VFIO_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

/* Which way to the IOMMU, and what goes that way. Pure. */

enum vfio_backend {
	VFIO_BACKEND_AUTO,
	VFIO_BACKEND_TYPE1,
	VFIO_BACKEND_IOMMUFD,
};

/* Whether devices reach one another's BARs by DMA. */
enum vfio_p2p {
	VFIO_P2P_AUTO, /* if there are two or more of them */
	VFIO_P2P_ON,
	VFIO_P2P_OFF,
};

/* What this host offers: 0, or the -errno of looking for it. */
struct vfio_offer {
	int iommufd; /* /dev/iommu */
	int cdev;    /* the devices' own files; of the first that failed */
};

/*
 * Choose; *why becomes a clause for people, static text. A wish is granted
 * even where nothing is offered: opening will say what is missing.
 */
enum vfio_backend vfio_choose(enum vfio_backend want,
			      const struct vfio_offer *offer, const char **why);
bool vfio_p2p_wanted(enum vfio_p2p want, unsigned int n_devs);

#endif
