/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "arch-x86_64/cpuid.h"

#define ROOM 24

/* What KVM would say it supports, with room for more. */
union set {
	struct kvm_cpuid2 head; /* ends in a list */
	struct {
		uint8_t skip[sizeof(struct kvm_cpuid2)];
		struct kvm_cpuid_entry2 entry[ROOM];
	};
};

static union set set;

static int setup(void **state)
{
	(void)state;
	memset(&set, 0, sizeof(set));
	return 0;
}

static void have(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx,
		 uint32_t ecx, uint32_t edx)
{
	assert_true(set.head.nent < ROOM);
	set.entry[set.head.nent++] = (struct kvm_cpuid_entry2){
		.function = function,
		.index = index,
		.eax = eax,
		.ebx = ebx,
		.ecx = ecx,
		.edx = edx,
	};
}

static struct kvm_cpuid_entry2 *find(uint32_t function, uint32_t index)
{
	struct kvm_cpuid_entry2 *found = NULL;

	for (unsigned int i = 0; i < set.head.nent; i++) {
		struct kvm_cpuid_entry2 *e = &set.entry[i];

		if (e->function != function || e->index != index)
			continue;
		assert_null(found); /* twice would be ambiguous */
		found = e;
	}
	return found;
}

static struct kvm_cpuid_entry2 get(uint32_t function, uint32_t index)
{
	struct kvm_cpuid_entry2 *e = find(function, index);

	assert_non_null(e);
	return *e;
}

static void fit(unsigned int id, unsigned int cpus)
{
	struct cpuid_spec s = {.id = id, .cpus = cpus, .x2apic = true};

	cpuid_fit(&set.head, ROOM, &s);
}

/* --- APIC ids and features ---------------------------------------------- */

struct ids {
	unsigned int cpus;
	unsigned int id;
	unsigned int bits; /* of the APIC id that number the cores */
};

static const struct ids ids[] = {
	{1, 0, 0},   {2, 0, 1},	  {2, 1, 1},	 {3, 2, 2},	{4, 3, 2},
	{5, 4, 3},   {64, 63, 6}, {65, 64, 7},	 {128, 127, 7}, {129, 128, 8},
	{255, 0, 8}, {255, 1, 8}, {255, 254, 8},
};

#define N_IDS (sizeof(ids) / sizeof(ids[0]))

static void leaf_1_has_the_apic_id(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_IDS; i++) {
		uint32_t count = 1u << ids[i].bits;
		struct kvm_cpuid_entry2 e;

		setup(NULL);
		have(1, 0, 0x000906ea, 0x05630803, 0, 0);
		fit(ids[i].id, ids[i].cpus);
		e = get(1, 0);
		assert_int_equal(e.ebx >> 24, ids[i].id);
		/* SDM 2A leaf 1: a field of 8 bits, never 0. */
		assert_int_equal(e.ebx >> 16 & 0xff, count < 256 ? count : 255);
		assert_int_equal(e.ebx & 0xffff, 0x0803);
		assert_int_equal(e.eax, 0x000906ea);
	}
}

static void hyperthreading_means_more_than_one(void **state)
{
	(void)state;
	have(1, 0, 0, 0, 0, UINT32_MAX);
	fit(0, 1);
	assert_int_equal(get(1, 0).edx, UINT32_MAX & ~(1u << 28));
	setup(NULL);
	have(1, 0, 0, 0, 0, 0);
	fit(0, 2);
	assert_int_equal(get(1, 0).edx, 1u << 28);
}

static void guest_knows_it_is_one(void **state)
{
	struct cpuid_spec s = {.cpus = 1};

	(void)state;
	have(1, 0, 0, 0, 1u << 3 | 1u << 0, 0);
	cpuid_fit(&set.head, ROOM, &s);
	/* Hypervisor bit on, MONITOR off, nothing else touched. */
	assert_int_equal(get(1, 0).ecx, 1u << 31 | 1u << 0);
	s.x2apic = true;
	cpuid_fit(&set.head, ROOM, &s);
	assert_int_equal(get(1, 0).ecx, 1u << 31 | 1u << 21 | 1u << 0);
	s.tsc_deadline = true;
	cpuid_fit(&set.head, ROOM, &s);
	assert_int_equal(get(1, 0).ecx,
			 1u << 31 | 1u << 24 | 1u << 21 | 1u << 0);
}

/* --- topology ------------------------------------------------------------ */

static void assert_topology(uint32_t leaf, const struct ids *want)
{
	struct kvm_cpuid_entry2 smt = get(leaf, 0);
	struct kvm_cpuid_entry2 core = get(leaf, 1);
	struct kvm_cpuid_entry2 end = get(leaf, 2);

	/* Level 0: threads, one of them, no bit of the id. */
	assert_int_equal(smt.eax, 0);
	assert_int_equal(smt.ebx, 1);
	assert_int_equal(smt.ecx, 0x100);
	/* Level 1: cores. The id shifted by eax is the package: all in one. */
	assert_int_equal(core.eax, want->bits);
	assert_int_equal(core.ebx, want->cpus);
	assert_int_equal(core.ecx, 0x201);
	assert_int_equal(want->id >> core.eax, 0);
	/* Level type 0 ends the list (SDM 2A leaf 0xb). */
	assert_int_equal(end.eax, 0);
	assert_int_equal(end.ebx, 0);
	assert_int_equal(end.ecx, 2);
	assert_int_equal(smt.edx, want->id);
	assert_int_equal(core.edx, want->id);
	assert_int_equal(end.edx, want->id);
	assert_true(smt.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	assert_true(core.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
}

static void host_with_leaf(uint32_t highest, uint32_t leaf, unsigned int levels)
{
	setup(NULL);
	have(0, 0, highest, 0, 0, 0);
	for (uint32_t i = 0; i < levels; i++) {
		have(leaf, i, 6, 128, 0x200 | i, 77);
		set.entry[set.head.nent - 1].flags =
			KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	}
}

/* KVM lists all levels of the host, or only the first, or none. */
static void topology_leaf_0xb(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_IDS; i++) {
		for (unsigned int levels = 0; levels <= 4; levels++) {
			host_with_leaf(0xb, 0xb, levels);
			fit(ids[i].id, ids[i].cpus);
			assert_topology(0xb, &ids[i]);
			if (levels == 4)
				assert_int_equal(get(0xb, 3).ebx, 0);
		}
	}
}

/* A guest prefers leaf 0x1f: it must say the same, or not be there. */
static void topology_leaf_0x1f(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_IDS; i++) {
		for (unsigned int levels = 1; levels <= 4; levels++) {
			host_with_leaf(0x1f, 0x1f, levels);
			fit(ids[i].id, ids[i].cpus);
			assert_topology(0x1f, &ids[i]);
			assert_topology(0xb, &ids[i]);
		}
	}
	host_with_leaf(0x20, 0x1f, 0);
	fit(0, 2);
	assert_null(find(0x1f, 0));
	assert_null(find(0x1f, 1));
}

static void no_topology_leaf_beyond_the_highest(void **state)
{
	(void)state;
	have(0, 0, 0xa, 0, 0, 0);
	fit(0, 2);
	assert_int_equal(set.head.nent, 1);
	setup(NULL);
	fit(0, 2); /* no leaf 0 at all */
	assert_int_equal(set.head.nent, 0);
}

static void full_table_is_not_passed(void **state)
{
	struct cpuid_spec s = {.id = 1, .cpus = 2};
	struct kvm_cpuid_entry2 guard;

	(void)state;
	memset(&guard, 0x5a, sizeof(guard));
	for (unsigned int room = 2; room <= 5; room++) {
		setup(NULL);
		have(0, 0, 0x1f, 0, 0, 0);
		have(1, 0, 0, 0, 0, 0);
		for (unsigned int i = room; i < ROOM; i++)
			set.entry[i] = guard;
		cpuid_fit(&set.head, room, &s);
		assert_int_equal(set.head.nent, room < 5 ? room : 5);
		for (unsigned int i = room; i < ROOM; i++)
			assert_memory_equal(&set.entry[i], &guard,
					    sizeof(guard));
		/* What was there is fitted all the same. */
		assert_int_equal(get(1, 0).ebx >> 24, 1);
	}
}

/* --- caches -------------------------------------------------------------- */

static void caches_intel(void **state)
{
	(void)state;
	/* Levels 1 and 3 of a host with very many cores; the end. */
	have(4, 0, 0xffffc121, 0x01c0003f, 63, 0);
	have(4, 3, 0xffffc163, 0x02c0003f, 4095, 4);
	have(4, 4, 0, 0, 0, 0);
	fit(1, 3);
	assert_int_equal(get(4, 0).eax, 0x121 | 3u << 26);
	assert_int_equal(get(4, 3).eax, 0x163 | 3u << 26 | 3u << 14);
	assert_int_equal(get(4, 0).ebx, 0x01c0003f);
	assert_int_equal(get(4, 0).ecx, 63);
	assert_int_equal(get(4, 3).edx, 4);
	assert_int_equal(get(4, 4).eax, 0);
}

static void caches_of_255(void **state)
{
	(void)state;
	have(4, 3, 0x163, 0, 0, 0);
	fit(254, 255);
	/* 256 ids share it; of cores the field can say 64 at most. */
	assert_int_equal(get(4, 3).eax, 0x163 | 63u << 26 | 255u << 14);
}

static void caches_amd(void **state)
{
	(void)state;
	have(0x8000001d, 0, 0xffffc121, 0x01c0003f, 63, 0);
	have(0x8000001d, 3, 0xffffc163, 0x03c0003f, 0x3fff, 1);
	have(0x8000001d, 4, 0, 0, 0, 0);
	fit(1, 3);
	assert_int_equal(get(0x8000001d, 0).eax, 0x121);
	assert_int_equal(get(0x8000001d, 3).eax, 0x163 | 3u << 14);
	assert_int_equal(get(0x8000001d, 4).eax, 0);
}

/* --- the other leaves ---------------------------------------------------- */

static void amd_counts_cores(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_IDS; i++) {
		struct kvm_cpuid_entry2 e;

		setup(NULL);
		have(0x80000001, 0, 0, 0, 1u << 1 | 1u << 0, 0);
		have(0x80000008, 0, 0x3030, 0x55, 0xabcd7007, 7);
		have(0x8000001e, 0, 99, 0x199, 0x3ff, 0);
		fit(ids[i].id, ids[i].cpus);
		e = get(0x80000008, 0);
		assert_int_equal(e.eax, 0x3030);
		assert_int_equal(e.ebx, 0x55);
		assert_int_equal(e.ecx, 0xabcd0000u | (ids[i].cpus - 1) |
						ids[i].bits << 12);
		e = get(0x8000001e, 0);
		assert_int_equal(e.eax, ids[i].id);
		assert_int_equal(e.ebx, ids[i].id); /* one thread each */
		assert_int_equal(e.ecx, 0);	    /* one node */
		assert_int_equal(get(0x80000001, 0).ecx,
				 (ids[i].cpus > 1 ? 2u : 0) | 1u);
	}
}

static void no_thermal_control(void **state)
{
	(void)state;
	have(6, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX);
	fit(0, 1);
	assert_int_equal(get(6, 0).eax, 1u << 2); /* ARAT */
	assert_int_equal(get(6, 0).ebx, 0);
	assert_int_equal(get(6, 0).ecx, 0);
	assert_int_equal(get(6, 0).edx, 0);
}

/* Leaves that number counters, beside bits and a leaf that stay. */
static void have_counters(void)
{
	setup(NULL);
	have(0x1, 0, 0, 0, 1u << 15 | 1u << 23, 0);
	have(0xa, 0, 0x08300805, 0, 0xf, 0x00008603);
	have(0x7, 0, 0, 5, 6, 7);
	have(0x80000001, 0, 0, 0, 0x19800001, 0x100);
	have(0x80000022, 0, 1, 6, 0, 0);
}

static void counters_are_dropped(void **state)
{
	struct cpuid_spec s = {.cpus = 1, .no_pmu = true};
	struct kvm_cpuid_entry2 e;

	(void)state;
	have_counters();
	cpuid_fit(&set.head, ROOM, &s);
	e = get(0xa, 0);
	assert_int_equal(e.eax | e.ebx | e.ecx | e.edx, 0);
	e = get(0x80000022, 0);
	assert_int_equal(e.eax | e.ebx | e.ecx | e.edx, 0);
	assert_int_equal(get(0x1, 0).ecx, 1u << 31 | 1u << 23);
	assert_int_equal(get(0x80000001, 0).ecx, 1);
	assert_int_equal(get(0x80000001, 0).edx, 0x100);
	assert_int_equal(get(0x7, 0).ebx, 5);
}

static void counters_are_kept(void **state)
{
	(void)state;
	have_counters();
	fit(0, 1);
	assert_int_equal(get(0xa, 0).eax, 0x08300805);
	assert_int_equal(get(0xa, 0).edx, 0x00008603);
	assert_int_equal(get(0x80000022, 0).ebx, 6);
	assert_int_equal(get(0x1, 0).ecx & 0x808000, 0x808000);
	assert_int_equal(get(0x80000001, 0).ecx, 0x19800001);
}

static void other_leaves_are_kept(void **state)
{
	/* clang-format off */
	static const uint32_t leaf[] = {
		0, 2, 3, 5, 7, 0xa, 0xd, 0x14, 0x15, 0x16, 0x40000000,
		0x40000001, 0x80000000, 0x80000002, 0x80000007, 0x8000001f,
	};
	/* clang-format on */
	union set before;

	(void)state;
	for (size_t i = 0; i < sizeof(leaf) / sizeof(leaf[0]); i++)
		have(leaf[i], 0, 3, 0x12345678, 0x9abcdef0, 0x0f1e2d3c);
	before = set;
	fit(3, 4);
	assert_memory_equal(&set, &before, sizeof(set));
}

/* The same table is fitted for each vCPU: what it was before must not count. */
static void fitting_again_changes_the_id_only(void **state)
{
	union set first;

	(void)state;
	have(0, 0, 0x1f, 0, 0, 0);
	have(1, 0, 0, 0, 0, 0);
	have(4, 0, 0x1c004121, 0, 0, 0);
	have(0x1f, 0, 0, 0, 0, 0);
	have(0x8000001e, 0, 0, 0, 0, 0);
	fit(2, 7);
	first = set;
	fit(5, 7);
	assert_int_equal(get(1, 0).ebx >> 24, 5);
	assert_int_equal(get(0x1f, 1).edx, 5);
	fit(2, 7);
	assert_memory_equal(&set, &first, sizeof(set));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(leaf_1_has_the_apic_id, setup),
		cmocka_unit_test_setup(hyperthreading_means_more_than_one,
				       setup),
		cmocka_unit_test_setup(guest_knows_it_is_one, setup),
		cmocka_unit_test_setup(topology_leaf_0xb, setup),
		cmocka_unit_test_setup(topology_leaf_0x1f, setup),
		cmocka_unit_test_setup(no_topology_leaf_beyond_the_highest,
				       setup),
		cmocka_unit_test_setup(full_table_is_not_passed, setup),
		cmocka_unit_test_setup(caches_intel, setup),
		cmocka_unit_test_setup(caches_of_255, setup),
		cmocka_unit_test_setup(caches_amd, setup),
		cmocka_unit_test_setup(amd_counts_cores, setup),
		cmocka_unit_test_setup(no_thermal_control, setup),
		cmocka_unit_test_setup(counters_are_dropped, setup),
		cmocka_unit_test_setup(counters_are_kept, setup),
		cmocka_unit_test_setup(other_leaves_are_kept, setup),
		cmocka_unit_test_setup(fitting_again_changes_the_id_only,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
