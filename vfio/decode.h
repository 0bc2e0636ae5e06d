/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_DECODE_H
#define VFIO_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/pci_cfg.h"
#include "core/span.h"

/*
 * Where the slices of BARs belong: computed from the devices' registers alone,
 * never from what happened before, so that moves, swaps and overlaps come out
 * right by construction. Pure. vfio/bar_follow.c makes it true.
 */

/* What a device answers, by its registers. */
struct decode_view {
	bool awake; /* D0: in any other state only configuration is answered */
	/*
	 * Guest-physical addresses of memory BARs and the ROM; len 0: it
	 * decodes nowhere.
	 */
	struct span bar[PCI_BARS + 1];
};

void decode_view_make(struct decode_view *v, const struct pci_cfg *c,
		      unsigned int power);

/* What the machine allows. */
struct decode_rules {
	uint64_t page; /* of the host: where a memslot may begin */
	struct span window[2];
	bool p2p;     /* the other devices are to reach the BARs */
	bool revoked; /* struct iommu_ops, bar_revoked */
	const struct span *reserved; /* addresses no IOMMU mapping can have */
	unsigned int n_reserved;
};

enum decode_dma {
	DECODE_DMA_NONE, /* nothing may be mapped for the slice */
	DECODE_DMA_KEEP, /* what is mapped does no harm, nothing is added */
	DECODE_DMA_HERE, /* at decode_want.addr and nowhere else */
};

struct decode_want {
	uint64_t addr; /* guest-physical and of DMA */
	bool guest;    /* in the guest at addr */
	enum decode_dma dma;
};

/* Where a slice is now. */
struct decode_now {
	bool guest;
	uint64_t gpa;
	bool dma;
	uint64_t iova;
	unsigned int epoch; /* of the device when it was mapped */
	bool refused;	    /* the IOMMU did not take it at refused_at */
	uint64_t refused_at;
};

/*
 * What is wanted for @len bytes at @off of BAR @bar of device @dev. @view are
 * all @n devices in the order in which the host bridge asks them: where BARs
 * overlap, the first one answers, and it alone is mapped there.
 */
struct decode_want decode_slice(const struct decode_rules *r,
				const struct decode_view *view, unsigned int n,
				unsigned int dev, unsigned int bar,
				struct span slice);

/*
 * The difference, to be made in two steps: what goes, before the hardware's
 * registers change, and what comes, after that. @epoch counts the resets of the
 * device: a mapping that the kernel revokes is worth nothing after one.
 */
bool decode_guest_goes(const struct decode_now *now,
		       const struct decode_want *want);
bool decode_guest_comes(const struct decode_now *now,
			const struct decode_want *want);
bool decode_dma_goes(const struct decode_rules *r, const struct decode_now *now,
		     const struct decode_want *want, unsigned int epoch);
bool decode_dma_comes(const struct decode_now *now,
		      const struct decode_want *want);

#endif
