/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_AFFINITY_H
#define VMM_AFFINITY_H

#include <sched.h>

/*
 * Which CPUs of the host each vCPU may run on, as --cpu-affinity says it.
 * Pure: what the host has to say to that is in vmm/vcpu_place.c.
 *
 * A set is numbers and ranges with commas between: 0-3,8. With a slash in the
 * text, it is one set for each vCPU, a slash after each but the last, where it
 * may stand: 0-1/2-3. Without, it is one CPU for each, in the order written.
 */

/*
 * How many vCPUs @text is for; -EINVAL, or -ERANGE for a CPU past
 * CPU_SETSIZE - 1.
 */
int affinity_vcpus(const char *text);
/* The CPUs of the vCPU @i, which is below affinity_vcpus(). */
void affinity_of(const char *text, unsigned int i, cpu_set_t *set);
/* All of one set, as also sysfs writes them. 0, -EINVAL or -ERANGE. */
int affinity_set(const char *text, cpu_set_t *set);

#endif
