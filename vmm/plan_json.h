/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_PLAN_JSON_H
#define VMM_PLAN_JSON_H

#include <stdio.h>

#include "vmm/plan_view.h"

/*
 * Write @v for programs, one line of JSON: the machine and its devices, or,
 * without a plan, the regions alone. 0, or -EIO if @f could not be written.
 */
int plan_json(FILE *f, const struct plan_view *v);

#endif
