/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_PLAN_VIEW_H
#define VMM_PLAN_VIEW_H

#include "core/plan.h"
#include "vfio/reach.h"
#include "vfio/vfio.h"

/* All that `barge plan` shows, as text, JSON or a picture. */

struct plan_dev {
	struct vfio_survey seen;
	struct reach_iommu iommu;
	uint64_t addr[PCI_BARS]; /* guest-physical; port of an I/O BAR */
	struct plan_pci pci;
	struct reach_dev reach; /* points into the rest of this struct */
	unsigned int listed;	/* bit n: BAR n is shown even if absent */
};

struct plan_view {
	struct reach_host host;
	const struct plan *plan; /* NULL: --what-if, a device and no machine */
	unsigned int n;
	struct plan_dev *dev; /* n of them */
};

/*
 * Fill in what follows from the rest: addresses and what reach_*() wants. The
 * view must not move afterwards.
 */
void plan_view_finish(struct plan_view *v, enum reach_p2p p2p);

/* Whether BAR @bar is to be shown. */
bool plan_dev_shows(const struct plan_dev *d, unsigned int bar);
/*
 * The alignment of the virtual BAR that its pages make use of: what the guest
 * has it at, but 1 GiB at most.
 */
uint64_t plan_bar_align(const struct bar_plan *p);

/*
 * The reasons of all slices that something can be done about, each once; their
 * reach_advice() is not NULL. Returns how many.
 */
unsigned int plan_dev_advice(const struct plan_dev *d,
			     enum reach_why why[REACH_WHY_MAX]);

/* "64G": the largest unit that divides it. */
#define PLAN_SIZE_TEXT 32
const char *plan_size_text(char buf[PLAN_SIZE_TEXT], uint64_t bytes);
const char *plan_bar_kind(enum pci_bar_kind k);	    /* "mem64" */
const char *plan_arch_name(enum reach_arch a);	    /* "x86_64" */
const char *plan_slice_word(enum bar_slice_kind k); /* "map" */
const char *plan_thp_word(enum reach_thp t);	    /* "madvise" */

#endif
