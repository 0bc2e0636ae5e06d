/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_WATCHDOG_H
#define VMM_WATCHDOG_H

#include "core/err.h"
#include "core/plan.h"
#include "vmm/conf.h"

/* --watchdog: the guest's i6300esb, and what becomes of a VM that hangs. */

struct vm;

/* How many functions it is on the bus: 0 or 1. */
unsigned int watchdog_functions(const struct conf *c);
/* Append it to the plan, behind all others; pure. -E2BIG. */
int watchdog_describe(const struct conf *c, struct plan *plan, struct err *e);
/* Put it on the bus: vm->watchdog. */
int watchdog_attach(struct vm *vm, struct err *e);
/* Watch the time in the event loop. */
int watchdog_start(struct vm *vm);
/* barge stood still, and the guest with it: that is not the guest's fault. */
void watchdog_resume(struct vm *vm);
/* The vCPUs do not run any more, the event loop is still there. */
void watchdog_close(struct vm *vm);

#endif
