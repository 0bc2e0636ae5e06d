/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_AARCH64_MACHINE_H
#define ARCH_AARCH64_MACHINE_H

#include "arch-aarch64/layout.h"
#include "vmm/arch.h"

/* What KVM gave to this VM: filled in step by step, then told to the guest. */
struct arm_machine {
	bool gic_v2; /* otherwise GICv3; its MSIs go to a GICv2M frame */
	bool its;    /* of GICv3; without it there are no MSIs */
	bool pmu;
	unsigned int n_vcpus;
	int vcpu_fd[GICR_MAX]; /* borrowed */
};

/* Kept in k->arch_cache; made when first asked for. NULL: no memory. */
struct arm_machine *arm_machine_of(struct kvm *k);

/*
 * Make the interrupt controllers KVM has: GICv3 before GICv2, with an ITS if
 * there is one; before vCPUs. kvm-vgic.
 */
int gic_create(struct kvm *k, struct arm_machine *m, unsigned int cpus,
	       struct err *e);
/* Let them go; after the last vCPU. Routes can be made from here on. */
int gic_start(struct kvm *k, const struct arm_machine *m, struct err *e);

/* The PMUs' interrupts, which have to wait for gic_start(). */
int vcpus_start_pmu(const struct arm_machine *m, struct err *e);

#endif
