// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "arch-aarch64/machine.h"

/* --- features ------------------------------------------------------------- */

/* What a processor may have: on where KVM has it and nobody is against it. */
static const struct {
	unsigned int feature;
	unsigned int off; /* PLAN_CPU_*, or 0 */
	int cap[2];	  /* all of them are needed; 0: none */
} optional[] = {
	{KVM_ARM_VCPU_PSCI_0_2, 0, {KVM_CAP_ARM_PSCI_0_2, 0}},
	{KVM_ARM_VCPU_PMU_V3, PLAN_CPU_PMU, {KVM_CAP_ARM_PMU_V3, 0}},
	{KVM_ARM_VCPU_SVE, PLAN_CPU_SVE, {KVM_CAP_ARM_SVE, 0}},
	/* kvm-api 4.82: both kinds of signed pointers or none */
	{KVM_ARM_VCPU_PTRAUTH_ADDRESS,
	 PLAN_CPU_PAUTH,
	 {KVM_CAP_ARM_PTRAUTH_ADDRESS, KVM_CAP_ARM_PTRAUTH_GENERIC}},
	{KVM_ARM_VCPU_PTRAUTH_GENERIC,
	 PLAN_CPU_PAUTH,
	 {KVM_CAP_ARM_PTRAUTH_ADDRESS, KVM_CAP_ARM_PTRAUTH_GENERIC}},
};

static uint32_t features(const struct kvm *k, unsigned int cpu_off)
{
	uint32_t f = 0;

	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
		if (optional[i].off & cpu_off ||
		    !kvm_cap(k, optional[i].cap[0]) ||
		    (optional[i].cap[1] && !kvm_cap(k, optional[i].cap[1])))
			continue;
		f |= 1u << optional[i].feature;
	}
	return f;
}

/* Lets the registers of SVE be used: kvm-api 4.119. */
static int finalize_sve(const struct vcpu *v, struct err *e)
{
	int feature = KVM_ARM_VCPU_SVE;
	int r = kvm_ioctl(v->fd, KVM_ARM_VCPU_FINALIZE, &feature);

	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_ARM_VCPU_FINALIZE",
			       NULL);
	return 0;
}

int arch_vcpu_init(struct kvm *k, struct vcpu *v, const struct plan *plan,
		   struct err *e)
{
	struct arm_machine *m = arm_machine_of(k);
	struct kvm_vcpu_init init;
	uint32_t f = features(k, plan->cpu_off);
	int r;

	memset(&init, 0, sizeof(init));
	r = kvm_ioctl(k->vm, KVM_ARM_PREFERRED_TARGET, &init);
	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_ARM_PREFERRED_TARGET",
			       NULL);
	init.features[0] |= f;
	/* The guest wakes the others by PSCI. */
	if (v->id > 0)
		init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
	r = kvm_ioctl(v->fd, KVM_ARM_VCPU_INIT, &init);
	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_ARM_VCPU_INIT", NULL);
	m->pmu = f & 1u << KVM_ARM_VCPU_PMU_V3;
	if (m->n_vcpus < GICR_MAX)
		m->vcpu_fd[m->n_vcpus++] = v->fd;
	return f & 1u << KVM_ARM_VCPU_SVE ? finalize_sve(v, e) : 0;
}

/* Documentation/virt/kvm/devices/vcpu.rst, 1 */
static int start_pmu(int fd, struct err *e)
{
	int intid = 16 + PMU_PPI; /* PPIs begin at INTID 16: GICv3 2.2.1 */
	struct kvm_device_attr a = {
		.group = KVM_ARM_VCPU_PMU_V3_CTRL,
		.attr = KVM_ARM_VCPU_PMU_V3_IRQ,
		.addr = (uintptr_t)&intid,
	};
	int r = kvm_ioctl(fd, KVM_SET_DEVICE_ATTR, &a);

	a.attr = KVM_ARM_VCPU_PMU_V3_INIT;
	a.addr = 0;
	if (r == 0)
		r = kvm_ioctl(fd, KVM_SET_DEVICE_ATTR, &a);
	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_SET_DEVICE_ATTR",
			       "PMU");
	return 0;
}

int vcpus_start_pmu(const struct arm_machine *m, struct err *e)
{
	int r = 0;

	for (unsigned int i = 0; m->pmu && r == 0 && i < m->n_vcpus; i++)
		r = start_pmu(m->vcpu_fd[i], e);
	return r;
}
