/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_BAR_DRAFT_H
#define VFIO_BAR_DRAFT_H

#include "vfio/bar_plan.h"

/* What the two halves of the planner share: bar_plan.c and bar_plan_msix.c. */

/* The largest BAR of 32 bits (PCI-3.0 6.2.5.1). */
#define BAR_MEM32_MAX (1ull << 31)

/* One BAR before it is cut into slices. */
struct bar_draft {
	enum pci_bar_kind kind; /* as the guest sees it */
	bool prefetch;
	uint64_t region; /* bytes of the device, from 0 */
	uint64_t size;	 /* bytes the guest sees, 0: absent */
	unsigned int n_map;
	unsigned int n_hole;
	unsigned int n_own;
	struct span map[BAR_AREAS_MAX]; /* sorted, disjoint host pages */
	struct span hole[2];		/* host pages that stay unmapped */
	struct span own[2];		/* bytes answered by us */
};

static inline uint64_t bar_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t bar_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t bar_align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

/* Offsets in a BAR are at most 2^63, so this cannot wrap. */
static inline uint64_t bar_span_end(struct span s)
{
	return s.base + s.len;
}

/* Whether one of @n spans holds [base, base + len). */
bool bar_spans_hold(const struct span *s, unsigned int n, uint64_t base,
		    uint64_t len);

struct bar_pages {
	uint64_t host;
	uint64_t least; /* size of a memory BAR: a page of host and guest */
};

/*
 * Choose where the guest finds the MSI-X table and the pending bits: fills in
 * @out's fields on MSI-X and, in the PCI_BARS drafts, holes, own bytes and a
 * BAR to hold what has moved.
 */
void bar_msix_place(struct bar_draft *bar, const struct bar_shape *shape,
		    const struct msix_shape *m, struct bar_pages pages,
		    struct dev_plan *out);

#endif
