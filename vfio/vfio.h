/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_VFIO_H
#define VFIO_VFIO_H

#include "core/err.h"
#include "core/gmem.h"
#include "core/hv.h"
#include "core/plan.h"
#include "devices/pci_host.h"
#include "vfio/bar_plan.h"

/* All passed-through devices of a VM and the IOMMU domain they share. */

#define VFIO_DEVS_MAX	  16
#define VFIO_RESERVED_MAX 32

struct vfio_dev;

struct vfio_group {
	int fd;
	unsigned int id;
};

struct vfio {
	int container; /* -1: none */
	unsigned int n_groups;
	struct vfio_group group[VFIO_DEVS_MAX];
	unsigned int n_devs;
	struct vfio_dev *dev[VFIO_DEVS_MAX]; /* heap, owned */
	/* Addresses that the IOMMU cannot map. */
	unsigned int n_reserved;
	struct span reserved[VFIO_RESERVED_MAX];
	uint64_t bar_align; /* least alignment of a memory BAR, struct plan's */
	struct hv *hv;	    /* set by vfio_attach() */
	unsigned int n_mapped; /* regions of RAM that were mapped for DMA */
	struct span mapped[GMEM_MAX];
};

void vfio_init(struct vfio *v);
/*
 * Open the device at @address ("0000:01:00.0"), its group and, the first time,
 * the container. The kernel resets it then. Errors say what to do.
 */
int vfio_open(struct vfio *v, const char *address, enum msix_policy policy,
	      struct err *e);
/* Enter the devices, and the BARs they want, into @plan. */
void vfio_describe(const struct vfio *v, struct plan *plan);
/* Let the devices reach guest RAM: pins it. */
int vfio_map_ram(struct vfio *v, const struct gmem *mem, struct err *e);
/* Put the devices on the bus, BARs where @plan says. */
int vfio_attach(struct vfio *v, const struct plan *plan, struct hv *hv,
		struct pci_host *host, struct err *e);
/* vCPUs are stopped: silence the devices and take them off @hv. */
void vfio_detach(struct vfio *v);
/* Reset and close everything; accepts any half-open state. */
void vfio_close(struct vfio *v);

/* A device as it shows itself without being opened, and as it is planned. */
struct vfio_survey {
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix;
	struct dev_plan plan;
	bool movable; /* its MSI-X table would move if msix=relocate were set */
};

/*
 * What `barge plan` shows of a device without opening it: from sysfs. Fills in
 * @s and all of @pci but its devfn.
 */
int vfio_survey(const char *address, enum msix_policy policy,
		uint64_t bar_align, struct plan_pci *pci, struct vfio_survey *s,
		struct err *e);
/* Plan @s->shape and @s->msix: fills in the rest of @s, and @pci likewise. */
void vfio_survey_plan(struct vfio_survey *s, const char *name, uint64_t page,
		      uint64_t bar_align, struct plan_pci *pci);

#endif
