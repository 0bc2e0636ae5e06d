/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_PLAN_CHECK_H
#define TESTS_UNIT_PLAN_CHECK_H

#include "core/span.h"
#include "vmm/plan.h"

/*
 * What vmm/plan.h promises of every machine it computes, written down a second
 * time for the unit tests and the fuzzer. NULL, or which promise is broken.
 */

static inline bool plan_check_in(struct span s, const struct plan_bar *b)
{
	return span_holds(s, b->addr, b->size);
}

/* In a window that the arch offers and that the machine has. */
static inline const char *plan_check_window(const struct plan *p,
					    const struct arch_layout *l,
					    const struct plan_bar *b)
{
	bool low = plan_check_in(l->mem32, b) && plan_check_in(p->mem32, b);
	bool high = plan_check_in(l->mem64, b) && plan_check_in(p->mem64, b);

	if (b->kind == PCI_BAR_IO)
		return plan_check_in(l->io, b) && plan_check_in(p->io, b)
			       ? NULL
			       : "an I/O BAR outside its window";
	if (b->kind == PCI_BAR_MEM32)
		return low ? NULL : "a 32-bit BAR outside its window";
	return low || high ? NULL : "a 64-bit BAR outside its windows";
}

static inline const char *plan_check_bar(const struct plan *p,
					 const struct arch_layout *l,
					 const struct plan_bar *b,
					 const struct span *avoid,
					 unsigned int n)
{
	struct span s = {b->addr, b->size};
	const char *bad = plan_check_window(p, l, b);
	bool over = false;

	if (bad)
		return bad;
	if (b->addr == 0)
		return "a BAR at 0";
	if (b->addr % b->size ||
	    (b->kind != PCI_BAR_IO &&
	     (b->addr % b->align || b->addr % l->bar_align)))
		return "a BAR is not aligned";
	if (b->kind != PCI_BAR_IO && l->hole.len && span_overlaps(l->hole, s))
		return "a BAR in the hole";
	for (unsigned int i = 0; b->kind != PCI_BAR_IO && i < n; i++) {
		if (span_overlaps(avoid[i], s))
			over = true;
	}
	if (over && !b->no_dma)
		return "a BAR lies over what is to be avoided";
	if (!over && b->no_dma)
		return "a BAR is said to be out of the IOMMU's reach";
	return NULL;
}

static inline const struct plan_bar *plan_check_nth(const struct plan *p,
						    unsigned int i)
{
	const struct plan_bar *b = &p->pci[i / PLAN_BARS].bar[i % PLAN_BARS];

	return b->kind == PCI_BAR_NONE || b->size == 0 ? NULL : b;
}

static inline bool plan_check_apart(const struct plan *p, unsigned int i)
{
	const struct plan_bar *a = plan_check_nth(p, i);

	for (unsigned int k = 0; k < i; k++) {
		const struct plan_bar *b = plan_check_nth(p, k);

		if (b && (a->kind == PCI_BAR_IO) == (b->kind == PCI_BAR_IO) &&
		    span_overlaps((struct span){a->addr, a->size},
				  (struct span){b->addr, b->size}))
			return false;
	}
	return true;
}

/* The window above 4 GiB is no larger than whole GiB around what is in it. */
static inline const char *plan_check_mem64(const struct plan *p,
					   const struct arch_layout *l)
{
	const uint64_t grain = 1ull << 30;
	uint64_t lo = UINT64_MAX;
	uint64_t hi = 0;

	for (unsigned int i = 0; i < p->n_pci * PLAN_BARS; i++) {
		const struct plan_bar *b = plan_check_nth(p, i);

		if (!b || b->kind != PCI_BAR_MEM64 ||
		    !plan_check_in(l->mem64, b))
			continue;
		lo = b->addr < lo ? b->addr : lo;
		hi = b->addr + b->size - 1 > hi ? b->addr + b->size - 1 : hi;
	}
	if (lo > hi)
		return p->mem64.len ? "a window with nothing in it" : NULL;
	if (!span_holds(l->mem64, p->mem64.base, p->mem64.len))
		return "the 64-bit window passes what is free";
	if (lo - p->mem64.base >= grain || span_last(p->mem64) - hi >= grain)
		return "the 64-bit window is too large";
	return NULL;
}

/* Each has a place of its own, in a slot that has a function 0. */
static inline const char *plan_check_slots(const struct plan *p)
{
	bool used[256] = {false};

	for (unsigned int i = 0; i < p->n_pci; i++) {
		if (p->pci[i].devfn < 8)
			return "a device in the host bridge's slot";
		if (used[p->pci[i].devfn])
			return "two devices in one place";
		used[p->pci[i].devfn] = true;
	}
	for (unsigned int i = 0; i < p->n_pci; i++) {
		if (!used[p->pci[i].devfn & ~7u])
			return "a slot without function 0";
		if (p->pci[i].vf && p->pci[i].devfn & 7)
			return "a virtual function that is not alone";
	}
	return NULL;
}

static inline const char *plan_check(const struct plan *p,
				     const struct arch_layout *l,
				     const struct span *avoid, unsigned int n)
{
	const char *bad = plan_check_slots(p);

	if (!bad)
		bad = plan_check_mem64(p, l);
	for (unsigned int i = 0; !bad && i < p->n_pci * PLAN_BARS; i++) {
		const struct plan_bar *b = plan_check_nth(p, i);

		if (!b)
			continue;
		bad = plan_check_bar(p, l, b, avoid, n);
		if (!bad && !plan_check_apart(p, i))
			bad = "two BARs overlap";
	}
	return bad;
}

#endif
