// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch-aarch64/machine.h"

/* kvm-api 4.2: what a VM has that asks for nothing else */
#define IPA_BITS_DEFAULT 40u

struct arm_machine *arm_machine_of(struct kvm *k)
{
	if (!k->arch_cache)
		k->arch_cache = calloc(1, sizeof(struct arm_machine));
	return k->arch_cache;
}

int arch_phys_bits(struct kvm *k, unsigned int *bits, struct err *e)
{
	int cap = kvm_cap(k, KVM_CAP_ARM_VM_IPA_SIZE);

	(void)e;
	*bits = cap > 0 ? (unsigned int)cap : IPA_BITS_DEFAULT;
	return 0;
}

/* Highest address that something of the plan has. */
static uint64_t plan_top(const struct plan *p)
{
	uint64_t top = p->mem64.len ? span_last(p->mem64) : 0;

	for (unsigned int i = 0; i < p->n_ram; i++) {
		if (span_last(p->ram[i]) > top)
			top = span_last(p->ram[i]);
	}
	return top;
}

/*
 * As few bits as the plan needs, since each 9 of them (with pages of 4 KiB)
 * cost another level of tables; but never fewer than what is usual.
 */
static unsigned int ipa_bits(const struct plan *p, unsigned int most)
{
	unsigned int need = 64 - (unsigned int)__builtin_clzll(plan_top(p) | 1);

	if (need < IPA_BITS_DEFAULT)
		need = IPA_BITS_DEFAULT;
	return need < most ? need : most;
}

int arch_vm_create(struct kvm *k, const struct plan *plan, struct err *e)
{
	int most = kvm_cap(k, KVM_CAP_ARM_VM_IPA_SIZE);

	/* An older KVM takes no number: 0 is its 40 bits. */
	if (most <= 0)
		return kvm_create_vm(k, 0, e);
	return kvm_create_vm(
		k, KVM_VM_TYPE_ARM_IPA_SIZE(ipa_bits(plan, (unsigned int)most)),
		e);
}

/*
 * kvm-api 7.17: accesses whose syndrome says nothing of the instruction (pairs,
 * write-back, vectors) come to us instead of failing KVM_RUN.
 */
static int take_undecoded(struct kvm *k, struct err *e)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_ARM_NISV_TO_USER};
	int r;

	if (!kvm_cap(k, KVM_CAP_ARM_NISV_TO_USER))
		return 0;
	r = kvm_ioctl(k->vm, KVM_ENABLE_CAP, &cap);
	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_CAP_ARM_NISV_TO_USER",
			       NULL);
	return 0;
}

int arch_vm_init(struct kvm *k, const struct plan *plan, struct err *e)
{
	struct arm_machine *m = arm_machine_of(k);
	int r;

	if (!m)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	r = take_undecoded(k, e);
	return r < 0 ? r : gic_create(k, m, plan->cpus, e);
}

int arch_vm_ready(struct kvm *k, const struct plan *plan, struct err *e)
{
	const struct arm_machine *m = arm_machine_of(k);
	int r = gic_start(k, m, e);

	(void)plan;
	return r < 0 ? r : vcpus_start_pmu(m, e);
}

/* --- exits ---------------------------------------------------------------- */

/* The guest gets what a bus gives that knows no such access: an abort. */
static int undecoded(struct vcpu *v, const struct arch_sink *sink)
{
	struct kvm_vcpu_events events;
	char text[128];
	int r;

	memset(&events, 0, sizeof(events));
	events.exception.ext_dabt_pending = 1;
	r = kvm_ioctl(v->fd, KVM_SET_VCPU_EVENTS, &events);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text),
		 "vCPU %u accessed %#llx, which is no memory, by an "
		 "instruction that cannot be emulated, and got an abort",
		 v->id, (unsigned long long)v->run->arm_nisv.fault_ipa);
	sink->complain(sink->ctx, text);
	return 1;
}

int arch_vcpu_exit(struct vcpu *v, const struct arch_sink *sink)
{
	if (v->run->exit_reason == KVM_EXIT_ARM_NISV)
		return undecoded(v, sink);
	return 0;
}
