/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_VCPU_PLACE_H
#define VMM_VCPU_PLACE_H

#include "core/err.h"
#include "vmm/conf.h"
#include "vmm/thread.h"

/* Where and how the threads of vCPUs run, as conf wants it. */

/* For the vCPU @i. */
void vcpu_place(const struct conf *c, unsigned int i, struct thread_place *p);
/*
 * Whether the host lets threads run so: tried out with one. 0 or -errno, with
 * ERR_AFFINITY or ERR_RT_PRIORITY in @e.
 */
int vcpu_place_check(const struct conf *c, struct err *e);

#endif
