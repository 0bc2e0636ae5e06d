/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_ALIVE_H
#define VMM_ALIVE_H

#include <stdbool.h>

#include "vmm/conf.h"
#include "vmm/loop.h"

struct vm;

/*
 * Signs of life for a service manager's watchdog, sent by the event loop every
 * half of the time that the manager waits.
 *
 * How it works: at each tick the threads of the vCPUs are called out of
 * KVM_RUN by the signal that also ends them, and each counts how often it came
 * out. One that did not for two calls hangs, in barge or in the kernel: then
 * the watchdog is told nothing. (One call may come between the thread's look
 * at vm->end and KVM_RUN, and be missed.) Whether the guest gets anywhere is
 * not known here: a guest that waits for ever is a guest that waits.
 */
struct alive {
	int timer_fd; /* -1: nobody waits */
	unsigned int seen[CONF_CPUS_MAX];
	unsigned char missed[CONF_CPUS_MAX];
	bool told; /* that a vCPU hangs */
};

void alive_init(struct alive *a);
/* Begin, if somebody waits; 0 or -errno. */
int alive_start(struct vm *vm);
void alive_stop(struct alive *a);

/* Pure: whether vCPU @i lives, that came out of KVM_RUN @count times by now. */
bool alive_vcpu(struct alive *a, unsigned int i, unsigned int count);

#endif
