/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_PLAN_PRINT_H
#define VMM_PLAN_PRINT_H

#include <stdio.h>

#include "core/plan.h"
#include "vfio/bar_plan.h"

/*
 * Write @plan for people; @dp holds one entry for each of plan->pci. 0, or
 * -EIO if @f could not be written.
 */
int plan_print(FILE *f, const struct plan *plan, const struct dev_plan *dp,
	       uint64_t page);

#endif
