/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_PLAN_PRINT_H
#define VMM_PLAN_PRINT_H

#include <stdio.h>

#include "vmm/plan_view.h"

/* Write @v for people. 0, or -EIO if @f could not be written. */
int plan_print(FILE *f, const struct plan_view *v);

#endif
