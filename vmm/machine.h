/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include "core/err.h"
#include "core/plan.h"
#include "vmm/conf.h"

/*
 * Run the machine that @conf describes until it ends. Returns the exit status
 * of the contract (docs/architecture.md), or -errno with @e set when it could
 * not be started; nothing is left behind either way.
 */
int machine_run(const struct conf *conf, struct err *e);
/* Compute and print the machine to standard output; creates no VM. */
int machine_plan(const struct conf *conf, struct err *e);
/*
 * Plan the machine around the devices that are in @p, away from @avoid, for
 * guests that have @phys_bits of physical address.
 */
int machine_layout(struct plan *p, const struct conf *c, unsigned int phys_bits,
		   const struct span *avoid, unsigned int n_avoid,
		   struct err *e);

#endif
