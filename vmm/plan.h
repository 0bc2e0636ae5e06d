/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_PLAN_H
#define VMM_PLAN_H

#include "core/err.h"
#include "core/plan.h"
#include "vmm/arch.h"

/*
 * Compute the machine; pure. @p->pci and n_pci hold the functions with the
 * BARs they want; everything else is filled in, their addresses included.
 * BARs lie at their natural alignment and clear of @avoid (ranges that the
 * IOMMU keeps for itself). ERR_VFIO_BAR_SPACE when one does not fit.
 */
int plan_make(struct plan *p, const struct arch_layout *l, unsigned int cpus,
	      const struct span *avoid, unsigned int n_avoid, struct err *e);

#endif
