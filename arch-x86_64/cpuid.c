// SPDX-License-Identifier: Apache-2.0
#include "arch-x86_64/cpuid.h"

#include <stdint.h>
#include <string.h>

#define LEAF1_ECX_MONITOR      (1u << 3)
#define LEAF1_ECX_PDCM	       (1u << 15)
#define LEAF1_ECX_X2APIC       (1u << 21)
#define LEAF1_ECX_TSC_DEADLINE (1u << 24)
#define LEAF1_ECX_HYPERVISOR   (1u << 31)
#define LEAF1_EDX_HTT	       (1u << 28)
#define AMD1_ECX_CMP_LEGACY    (1u << 1)

/* APM 3 E.4.2: counters of cores, north bridge, time stamps and L3. */
#define AMD1_ECX_COUNTERS (1u << 23 | 1u << 24 | 1u << 27 | 1u << 28)

#define TOPOLOGY_SMT	  1u
#define TOPOLOGY_CORE	  2u

/* Bits of APIC id that number @cpus cores. */
static unsigned int id_bits(unsigned int cpus)
{
	unsigned int bits = 0;

	while ((1u << bits) < cpus)
		bits++;
	return bits;
}

/* Addressable ids, EBX[23:16]: a byte, so 256 of them are 255. */
static unsigned int leaf1_ids(unsigned int cpus)
{
	unsigned int ids = 1u << id_bits(cpus);

	return ids < 0xff ? ids : 0xff;
}

/* SDM 2A CPUID leaf 1: features, and this vCPU's initial APIC id. */
static void leaf_features(struct kvm_cpuid_entry2 *e,
			  const struct cpuid_spec *s)
{
	e->ebx &= 0x0000ffffu;
	e->ebx |= (s->id & 0xffu) << 24;
	e->ebx |= leaf1_ids(s->cpus) << 16;
	e->ecx |= LEAF1_ECX_HYPERVISOR;
	e->ecx &= ~LEAF1_ECX_MONITOR;
	if (s->x2apic)
		e->ecx |= LEAF1_ECX_X2APIC;
	if (s->tsc_deadline)
		e->ecx |= LEAF1_ECX_TSC_DEADLINE;
	e->edx &= ~LEAF1_EDX_HTT;
	if (s->cpus > 1)
		e->edx |= LEAF1_EDX_HTT;
}

/*
 * Deterministic cache parameters, Intel leaf 4 and AMD leaf 0x8000001d: one
 * thread uses levels 1 and 2, the whole package the rest. Cores per package
 * exist in the Intel leaf only.
 */
static void leaf_caches(struct kvm_cpuid_entry2 *e, const struct cpuid_spec *s)
{
	unsigned int level = e->eax >> 5 & 7;
	unsigned int top = (1u << id_bits(s->cpus)) - 1;

	if (!(e->eax & 0x1f))
		return; /* the end of the list */
	e->eax &= 0x00003fffu;
	if (level >= 3)
		e->eax |= (top & 0xfff) << 14;
	if (e->function == 4)
		e->eax |= (top & 0x3f) << 26;
}

/* Extended topology: level 0 one thread, level 1 all cores (SDM 2A leaf 0xb).
 */
static void leaf_topology(struct kvm_cpuid_entry2 *e,
			  const struct cpuid_spec *s)
{
	e->edx = s->id;
	e->ecx = e->index & 0xff;
	e->eax = 0;
	e->ebx = 0;
	if (e->index == 0) {
		e->ebx = 1;
		e->ecx |= TOPOLOGY_SMT << 8;
	} else if (e->index == 1) {
		e->eax = id_bits(s->cpus);
		e->ebx = s->cpus;
		e->ecx |= TOPOLOGY_CORE << 8;
	}
}

static void empty(struct kvm_cpuid_entry2 *e)
{
	e->eax = 0;
	e->ebx = 0;
	e->ecx = 0;
	e->edx = 0;
}

/* SDM 2A leaf 0xa: version 0 is none; AMD numbers counters by other leaves. */
static void drop_pmu(struct kvm_cpuid_entry2 *e)
{
	switch (e->function) {
	case 0x1:
		e->ecx &= ~LEAF1_ECX_PDCM;
		break;
	case 0xa:
	case 0x80000022:
		empty(e);
		break;
	case 0x80000001:
		e->ecx &= ~AMD1_ECX_COUNTERS;
		break;
	default:
		break;
	}
}

static void fit(struct kvm_cpuid_entry2 *e, const struct cpuid_spec *s)
{
	switch (e->function) {
	case 0x1:
		leaf_features(e, s);
		break;
	case 0x4:
	case 0x8000001d:
		leaf_caches(e, s);
		break;
	case 0x6: /* no frequency or thermal control: keep ARAT only */
		e->eax &= 1u << 2;
		e->ebx = 0;
		e->ecx = 0;
		e->edx = 0;
		break;
	case 0xb:
	case 0x1f:
		leaf_topology(e, s);
		break;
	case 0x80000001:
		e->ecx &= ~AMD1_ECX_CMP_LEGACY;
		if (s->cpus > 1)
			e->ecx |= AMD1_ECX_CMP_LEGACY;
		break;
	case 0x80000008: /* AMD APM 3 E.4.7: cores and APIC id size */
		e->ecx &= ~0xffffu;
		e->ecx |= ((s->cpus - 1) & 0xff) | (id_bits(s->cpus) & 0xf)
							   << 12;
		break;
	case 0x8000001e:
		e->eax = s->id;
		e->ebx = s->id & 0xff; /* one thread per core */
		e->ecx = 0;
		break;
	default:
		break;
	}
}

static bool has(const struct kvm_cpuid2 *c, uint32_t function, uint32_t index)
{
	for (unsigned int i = 0; i < c->nent; i++) {
		if (c->entries[i].function == function &&
		    c->entries[i].index == index)
			return true;
	}
	return false;
}

static void add(struct kvm_cpuid2 *c, unsigned int max, uint32_t function,
		uint32_t index)
{
	struct kvm_cpuid_entry2 *e;

	if (has(c, function, index) || c->nent == max)
		return;
	e = &c->entries[c->nent++];
	memset(e, 0, sizeof(*e));
	e->function = function;
	e->index = index;
	e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
}

/* The highest basic leaf: 0xb is only looked at when it is within. */
static uint32_t highest_leaf(const struct kvm_cpuid2 *c)
{
	for (unsigned int i = 0; i < c->nent; i++) {
		if (c->entries[i].function == 0)
			return c->entries[i].eax;
	}
	return 0;
}

void cpuid_fit(struct kvm_cpuid2 *c, unsigned int max,
	       const struct cpuid_spec *s)
{
	/* KVM may list level 0 only; a guest that meets 0x1f ignores 0xb. */
	bool v2 = has(c, 0x1f, 0);

	for (uint32_t i = 0; i < 3 && highest_leaf(c) >= 0xb; i++)
		add(c, max, 0xb, i);
	for (uint32_t i = 0; i < 3 && v2; i++)
		add(c, max, 0x1f, i);
	for (unsigned int i = 0; i < c->nent; i++) {
		fit(&c->entries[i], s);
		if (s->no_pmu)
			drop_pmu(&c->entries[i]);
	}
}
