// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch-x86_64/cpuid.h"
#include "arch-x86_64/layout.h"
#include "arch-x86_64/multiboot.h"
#include "vmm/arch.h"

#define CR0_PE			(1ull << 0)
#define CR0_ET			(1ull << 4)
#define CR0_PG			(1ull << 31)
#define CR4_PAE			(1ull << 5)
#define EFER_LME		(1ull << 8)
#define EFER_LMA		(1ull << 10)
#define RFLAGS_RESERVED		(1ull << 1)

#define MSR_IA32_MISC_ENABLE	0x1a0u
#define MSR_MTRR_DEF_TYPE	0x2ffu
#define MISC_ENABLE_FAST_STRING (1ull << 0)
#define MTRR_ENABLE		(1ull << 11)
#define MTRR_WRITE_BACK		6ull

#define CPUID_BYTES                                                            \
	(sizeof(struct kvm_cpuid2) +                                           \
	 CPUID_ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2))

/*
 * What KVM supports. Asked once: the call takes milliseconds on some hosts
 * (one exit per leaf where KVM is itself a guest).
 */
static int supported(struct kvm *k, const struct kvm_cpuid2 **out,
		     struct err *e)
{
	struct kvm_cpuid2 *c = k->arch_cache;
	int r;

	*out = c;
	if (c)
		return 0;
	c = calloc(1, CPUID_BYTES);
	if (!c)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	c->nent = CPUID_ENTRIES_MAX;
	r = kvm_ioctl(k->sys, KVM_GET_SUPPORTED_CPUID, c);
	if (r < 0) {
		free(c);
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_GET_SUPPORTED_CPUID",
			       NULL);
	}
	k->arch_cache = c;
	*out = c;
	return 0;
}

int arch_phys_bits(struct kvm *k, unsigned int *bits, struct err *e)
{
	const struct kvm_cpuid2 *c;
	int r = supported(k, &c, e);

	if (r < 0)
		return r;
	*bits = 36; /* SDM 2A: what a processor without the leaf has */
	for (unsigned int i = 0; i < c->nent; i++) {
		if (c->entries[i].function == 0x80000008)
			*bits = c->entries[i].eax & 0xff;
	}
	return 0;
}

static int set_cpuid(struct kvm *k, struct vcpu *v, const struct plan *plan,
		     struct err *e)
{
	struct cpuid_spec s = {
		.id = v->id,
		.cpus = plan->cpus,
		.tsc_deadline = kvm_cap(k, KVM_CAP_TSC_DEADLINE_TIMER),
		.x2apic = true,
		.no_pmu = plan->cpu_off & PLAN_CPU_PMU,
	};
	const struct kvm_cpuid2 *host;
	struct kvm_cpuid2 *c;
	int r = supported(k, &host, e);

	if (r < 0)
		return r;
	c = malloc(CPUID_BYTES);
	if (!c)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	memcpy(c, host, CPUID_BYTES);
	cpuid_fit(c, CPUID_ENTRIES_MAX, &s);
	r = kvm_ioctl(v->fd, KVM_SET_CPUID2, c);
	free(c);
	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_SET_CPUID2", NULL);
	return 0;
}

/* What firmware would have set. A KVM that knows neither runs on as it is. */
static void set_msrs(struct vcpu *v)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} msr[] = {
		{MSR_IA32_MISC_ENABLE, MISC_ENABLE_FAST_STRING},
		{MSR_MTRR_DEF_TYPE, MTRR_ENABLE | MTRR_WRITE_BACK},
	};

	for (size_t i = 0; i < sizeof(msr) / sizeof(msr[0]); i++) {
		union {
			struct kvm_msrs m;
			uint8_t room[sizeof(struct kvm_msrs) +
				     sizeof(struct kvm_msr_entry)];
		} u = {.m.nmsrs = 1};

		u.m.entries[0] = (struct kvm_msr_entry){
			.index = msr[i].index,
			.data = msr[i].value,
		};
		(void)kvm_ioctl(v->fd, KVM_SET_MSRS, &u.m);
	}
}

static struct kvm_segment flat(uint16_t selector, uint8_t type, bool long_mode)
{
	struct kvm_segment s = {
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
		.db = !long_mode,
		.l = long_mode,
	};

	return s;
}

static uint64_t gdt_addr(const struct arch_entry *entry)
{
	if (entry->mode == ENTRY_MULTIBOOT)
		return entry->arg - MULTIBOOT_GDT_LEN;
	return BOOT_GDT_ADDR;
}

/*
 * linux-x86-boot 64-bit protocol, or flat 32 bits with paging off: PVH and
 * multiboot-0.6.96 3.2.
 */
static void entry_sregs(struct kvm_sregs *s, const struct arch_entry *entry)
{
	bool lm = entry->mode == ENTRY_LONG64;
	struct kvm_segment data = flat(BOOT_DS, 3, false);
	struct kvm_segment tss = {
		.limit = 0x67,
		.type = 11,
		.present = 1,
	};

	s->cs = flat(BOOT_CS, 11, lm);
	s->ds = data;
	s->es = data;
	s->fs = data;
	s->gs = data;
	s->ss = data;
	s->tr = tss;
	s->gdt.base = gdt_addr(entry);
	s->gdt.limit = BOOT_GDT_LIMIT;
	s->idt.base = 0;
	s->idt.limit = 0;
	s->cr0 = CR0_PE | CR0_ET;
	if (lm) {
		s->cr3 = BOOT_PML4_ADDR;
		s->cr4 = CR4_PAE;
		s->efer = EFER_LME | EFER_LMA;
		s->cr0 |= CR0_PG;
	}
}

static int set_entry(struct vcpu *v, const struct arch_entry *entry,
		     struct err *e)
{
	struct kvm_regs regs = {.rflags = RFLAGS_RESERVED, .rip = entry->pc};
	struct kvm_sregs sregs;
	int r;

	if (entry->mode == ENTRY_LONG64)
		regs.rsi = entry->arg;
	else
		regs.rbx = entry->arg;
	if (entry->mode == ENTRY_MULTIBOOT)
		regs.rax = MULTIBOOT_MAGIC;
	r = kvm_ioctl(v->fd, KVM_GET_SREGS, &sregs);
	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_GET_SREGS", NULL);
	entry_sregs(&sregs, entry);
	r = kvm_ioctl(v->fd, KVM_SET_SREGS, &sregs);
	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_SET_SREGS", NULL);
	r = kvm_ioctl(v->fd, KVM_SET_REGS, &regs);
	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_SET_REGS", NULL);
	return 0;
}

int arch_vcpu_init(struct kvm *k, struct vcpu *v, const struct plan *plan,
		   struct err *e)
{
	int r = set_cpuid(k, v, plan, e);

	if (r < 0)
		return r;
	set_msrs(v);
	return 0;
}

/* The others wait for INIT and SIPI in the state KVM made them in. */
int arch_start(struct kvm *k, struct vcpu *v, const struct arch_boot *b,
	       const struct arch_entry *entry, struct err *e)
{
	(void)k;
	(void)b;
	return set_entry(v, entry, e);
}
