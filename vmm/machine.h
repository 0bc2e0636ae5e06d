/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include "core/err.h"
#include "vmm/conf.h"

/*
 * Run the machine that @conf describes until it ends. Returns the exit status
 * of the contract (docs/architecture.md), or -errno with @e set when it could
 * not be started; nothing is left behind either way.
 */
int machine_run(const struct conf *conf, struct err *e);
/* Compute and print the machine to standard output; creates no VM. */
int machine_plan(const struct conf *conf, struct err *e);

#endif
