/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_PLAN_SVG_H
#define VMM_PLAN_SVG_H

#include <stdio.h>

#include "vmm/plan_view.h"

/*
 * Draw @v as an SVG picture that needs nothing else. 0, or -EIO if @f could
 * not be written.
 */
int plan_svg(FILE *f, const struct plan_view *v);

#endif
