/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_X86_64_CPUID_H
#define ARCH_X86_64_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>

#define CPUID_ENTRIES_MAX 256

/*
 * Turn what KVM supports into what vCPU @id of @cpus sees, in place: one
 * socket of @cpus single-threaded cores (SDM 2A CPUID; SDM 3A 9.9). Pure.
 * There is room for @max entries; leaves that are missing are not added
 * except the topology leaf 0xb, and levels of 0x1f where KVM has that leaf.
 */
struct cpuid_spec {
	unsigned int id;
	unsigned int cpus;
	bool tsc_deadline; /* KVM_CAP_TSC_DEADLINE_TIMER */
	bool x2apic;	   /* there is an in-kernel APIC */
	bool no_pmu;	   /* counters of events are not for the guest */
};

void cpuid_fit(struct kvm_cpuid2 *c, unsigned int max,
	       const struct cpuid_spec *s);

#endif
