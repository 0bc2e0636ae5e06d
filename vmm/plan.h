/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_PLAN_H
#define VMM_PLAN_H

#include "core/err.h"
#include "core/plan.h"
#include "vmm/arch.h"

/*
 * Give each of @p->pci a place on bus 0; pure. Functions of one device of the
 * host stay together in one slot, with their numbers; where its function 0 is
 * not among them, the lowest takes that number. Virtual functions, whose
 * numbers on the host say nothing, have a slot each.
 */
void plan_slots(struct plan *p);
/*
 * Compute the machine; pure. @p->pci and n_pci hold the functions with the
 * BARs they want; everything else is filled in, their places and addresses
 * included.
 * BARs lie at their natural alignment and clear of @avoid (what the IOMMU
 * cannot map). One that only fits there is put there, for no device but all
 * processors to reach (no_dma). ERR_VFIO_BAR_SPACE when one does not fit.
 */
int plan_make(struct plan *p, const struct arch_layout *l, unsigned int cpus,
	      const struct span *avoid, unsigned int n_avoid, struct err *e);

#endif
