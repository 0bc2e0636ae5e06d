/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_PLAN_SHOW_H
#define VMM_PLAN_SHOW_H

#include "core/err.h"
#include "vmm/conf.h"
#include "vmm/plan_view.h"

/* `barge plan`: @v to standard output and, if asked for, as a picture. */
int plan_show(const struct conf *c, const struct plan_view *v, struct err *e);
/* `barge plan --what-if`: plan and show the device of that file. */
int plan_show_what_if(const struct conf *c, struct err *e);

#endif
