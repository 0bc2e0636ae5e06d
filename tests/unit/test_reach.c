// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/reach_check.h"
#include "vfio/vfio.h"

#define KIB	 (1ull << 10)
#define MIB	 (1ull << 20)
#define GIB	 (1ull << 30)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct reach_host best_x86 = {
	.arch = REACH_X86_64,
	.page = 4 * KIB,
	.kernel_major = 6,
	.kernel_minor = 12,
	.thp = REACH_THP_MADVISE,
	.cpu_1g = REACH_YES,
	.guest_1g = REACH_YES,
};

static struct reach_host host;
static struct reach_iommu iommu;
static struct vfio_survey seen;
static struct plan_pci pci;
static uint64_t addr[PCI_BARS];
static struct reach_dev dev;

static int setup(void **state)
{
	(void)state;
	host = best_x86;
	iommu = (struct reach_iommu){REACH_IOMMU_INTEL, 0x40201000, 48};
	memset(&seen, 0, sizeof(seen));
	memset(addr, 0, sizeof(addr));
	dev = (struct reach_dev){
		.host = &host,
		.iommu = &iommu,
		.p2p = REACH_P2P_ON,
		.shape = seen.shape,
		.msix = &seen.msix,
		.plan = &seen.plan,
		.addr = addr,
	};
	return 0;
}

static void plan(void)
{
	vfio_survey_plan(&seen, "", host.page, 4 * KIB, &pci);
	dev.movable = seen.movable;
}

static void one_bar(uint64_t size)
{
	seen.shape[0] = (struct bar_shape){.kind = PCI_BAR_MEM64,
					   .mappable = true,
					   .msix_mappable = true,
					   .size = size};
	plan();
}

static struct reach reach(unsigned int bar, unsigned int slice,
			  enum reach_table t)
{
	struct reach r[REACH_TABLES];

	assert_true(slice < seen.plan.bar[bar].n);
	reach_slice(&dev, bar, slice, r);
	return r[t];
}

static void assert_reach(unsigned int slice, enum reach_table t, uint64_t page,
			 enum reach_why why)
{
	struct reach r = reach(0, slice, t);

	if (r.page != page || r.why != why)
		fail_msg("slice %u, table %d: 0x%llx %s instead of 0x%llx %s",
			 slice, (int)t, (unsigned long long)r.page,
			 reach_why_word(r.why), (unsigned long long)page,
			 reach_why_word(why));
}

/* --- what the host forbids -------------------------------------------------
 */

static void host_forbids(void **state)
{
	/* clang-format off */
	static const struct {
		enum reach_thp thp;
		bool denied;
		unsigned int major, minor;
		enum reach_fact cpu, ept;
		uint64_t host, guest;
		enum reach_why host_why, guest_why;
	} rows[] = {
		{ REACH_THP_MADVISE, false, 6, 12, REACH_YES, REACH_YES,
		  GIB, GIB, REACH_BEST, REACH_BEST },
		{ REACH_THP_ALWAYS, false, 7, 1, REACH_YES, REACH_YES,
		  GIB, GIB, REACH_BEST, REACH_BEST },
		{ REACH_THP_ALWAYS, false, 0, 0, REACH_UNKNOWN, REACH_UNKNOWN,
		  GIB, GIB, REACH_BEST, REACH_BEST },
		{ REACH_THP_NEVER, false, 6, 12, REACH_YES, REACH_YES,
		  4096, 4096, REACH_THP_IS_NEVER, REACH_THP_IS_NEVER },
		{ REACH_THP_ABSENT, false, 6, 12, REACH_YES, REACH_YES,
		  4096, 4096, REACH_THP_IS_ABSENT, REACH_THP_IS_ABSENT },
		{ REACH_THP_ALWAYS, true, 6, 12, REACH_YES, REACH_YES,
		  4096, 4096, REACH_THP_IS_DENIED, REACH_THP_IS_DENIED },
		{ REACH_THP_ALWAYS, false, 6, 11, REACH_YES, REACH_YES,
		  4096, 4096, REACH_KERNEL_OLD, REACH_KERNEL_OLD },
		/* Since 7.2 only a kernel without huge pages counts. */
		{ REACH_THP_NEVER, false, 7, 1, REACH_YES, REACH_YES,
		  4096, 4096, REACH_THP_IS_NEVER, REACH_THP_IS_NEVER },
		{ REACH_THP_NEVER, false, 7, 2, REACH_YES, REACH_YES,
		  GIB, GIB, REACH_BEST, REACH_BEST },
		{ REACH_THP_ALWAYS, true, 7, 2, REACH_YES, REACH_YES,
		  GIB, GIB, REACH_BEST, REACH_BEST },
		{ REACH_THP_ABSENT, false, 7, 2, REACH_YES, REACH_YES,
		  4096, 4096, REACH_THP_IS_ABSENT, REACH_THP_IS_ABSENT },
		{ REACH_THP_NEVER, false, 0, 0, REACH_YES, REACH_YES,
		  4096, 4096, REACH_THP_IS_NEVER, REACH_THP_IS_NEVER },
		{ REACH_THP_NEVER, false, 5, 99, REACH_YES, REACH_YES,
		  4096, 4096, REACH_KERNEL_OLD, REACH_KERNEL_OLD },
		{ REACH_THP_MADVISE, false, 6, 12, REACH_NO, REACH_YES,
		  2 * MIB, 2 * MIB, REACH_CPU_NO_1G, REACH_CPU_NO_1G },
		{ REACH_THP_MADVISE, false, 6, 12, REACH_YES, REACH_NO,
		  GIB, 2 * MIB, REACH_BEST, REACH_EPT_NO_1G },
	};
	/* clang-format on */

	(void)state;
	one_bar(64 * GIB);
	for (size_t i = 0; i < COUNT(rows); i++) {
		host.thp = rows[i].thp;
		host.thp_denied = rows[i].denied;
		host.kernel_major = rows[i].major;
		host.kernel_minor = rows[i].minor;
		host.cpu_1g = rows[i].cpu;
		host.guest_1g = rows[i].ept;
		assert_reach(0, REACH_HOST, rows[i].host, rows[i].host_why);
		assert_reach(0, REACH_GUEST, rows[i].guest, rows[i].guest_why);
		/* DMA does not go through the processor's tables. */
		assert_reach(0, REACH_IOMMU, GIB, REACH_BEST);
		assert_null(reach_check(&dev, 0, REACH_HOST, rows[i].host));
		assert_null(reach_check(&dev, 0, REACH_GUEST, rows[i].guest));
	}
}

/* What no host could do better is not the host's fault. */
static void small_bars_blame_no_one(void **state)
{
	(void)state;
	one_bar(16 * KIB);
	host.thp = REACH_THP_NEVER;
	assert_reach(0, REACH_HOST, 4096, REACH_BAR_SMALL);
	assert_reach(0, REACH_GUEST, 4096, REACH_BAR_SMALL);
	host.thp = REACH_THP_MADVISE;
	host.cpu_1g = REACH_NO;
	one_bar(32 * MIB);
	assert_reach(0, REACH_HOST, 2 * MIB, REACH_BAR_SMALL);
}

static void arm(uint64_t page)
{
	host.arch = REACH_AARCH64;
	host.page = page;
}

static void blocks_of_hosts(void **state)
{
	/* clang-format off */
	static const struct {
		enum reach_arch arch;
		uint64_t page;
		uint64_t host[3], guest[3];
	} rows[] = {
		{ REACH_X86_64, 4096, { GIB, 2 * MIB, 4096 },
		  { GIB, 2 * MIB, 4096 } },
		{ REACH_AARCH64, 4096, { 2 * MIB, 4096, 0 },
		  { GIB, 2 * MIB, 4096 } },
		{ REACH_AARCH64, 16384, { 32 * MIB, 16384, 0 },
		  { 32 * MIB, 16384, 0 } },
		{ REACH_AARCH64, 65536, { 512 * MIB, 65536, 0 },
		  { 512 * MIB, 65536, 0 } },
	};
	/* clang-format on */
	uint64_t block[3];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		host.arch = rows[i].arch;
		host.page = rows[i].page;
		reach_blocks(&host, REACH_HOST, block);
		assert_memory_equal(block, rows[i].host, sizeof(block));
		reach_blocks(&host, REACH_GUEST, block);
		assert_memory_equal(block, rows[i].guest, sizeof(block));
	}
}

/* KVM on arm64 does not look at the host's tables for device memory. */
static void stage_2_of_arm64(void **state)
{
	(void)state;
	arm(4 * KIB);
	host.thp = REACH_THP_NEVER;
	one_bar(64 * GIB);
	assert_reach(0, REACH_HOST, 4096, REACH_THP_IS_NEVER);
	assert_reach(0, REACH_GUEST, GIB, REACH_BEST);
	host.thp = REACH_THP_MADVISE;
	assert_reach(0, REACH_HOST, 2 * MIB, REACH_BEST);
	arm(64 * KIB);
	one_bar(64 * GIB);
	assert_reach(0, REACH_HOST, 512 * MIB, REACH_BEST);
	assert_reach(0, REACH_GUEST, 512 * MIB, REACH_BEST);
}

static void in_the_iommu(void **state)
{
	/* clang-format off */
	static const struct {
		struct reach_iommu io;
		enum reach_p2p p2p;
		uint64_t addr;
		uint64_t page;
		enum reach_why why;
	} rows[] = {
		{ { REACH_IOMMU_INTEL, 0x40201000, 48 }, REACH_P2P_ON, GIB,
		  GIB, REACH_BEST },
		{ { REACH_IOMMU_INTEL, 0x201000, 48 }, REACH_P2P_ON, GIB,
		  2 * MIB, REACH_IOMMU_SMALL },
		{ { REACH_IOMMU_INTEL, 0x1000, 48 }, REACH_P2P_ON, GIB,
		  4096, REACH_IOMMU_SMALL },
		{ { REACH_IOMMU_AMD, ~0xfffull, 64 }, REACH_P2P_ON, GIB,
		  GIB, REACH_BEST },
		{ { REACH_IOMMU_NONE, 0, 0 }, REACH_P2P_ON, GIB,
		  0, REACH_NO_IOMMU },
		{ { REACH_IOMMU_OTHER, 0, 0 }, REACH_P2P_ON, GIB,
		  0, REACH_IOMMU_SILENT },
		{ { REACH_IOMMU_OTHER, 0x800, 0 }, REACH_P2P_ON, GIB,
		  0, REACH_IOMMU_SILENT },
		{ { REACH_IOMMU_INTEL, 0x40201000, 48 }, REACH_P2P_OFF, GIB,
		  0, REACH_P2P_IS_OFF },
		{ { REACH_IOMMU_INTEL, 0x40201000, 48 }, REACH_P2P_ALONE, GIB,
		  0, REACH_P2P_IS_ALONE },
		/* the last byte that 39 bits reach, and the next */
		{ { REACH_IOMMU_INTEL, 0x40201000, 39 }, REACH_P2P_ON,
		  448 * GIB, GIB, REACH_BEST },
		{ { REACH_IOMMU_INTEL, 0x40201000, 39 }, REACH_P2P_ON,
		  449 * GIB, 0, REACH_IOMMU_NARROW },
		{ { REACH_IOMMU_INTEL, 0x40201000, 0 }, REACH_P2P_ON,
		  1ull << 60, GIB, REACH_BEST },
	};
	/* clang-format on */

	(void)state;
	one_bar(64 * GIB);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bar_leaves l;

		iommu = rows[i].io;
		dev.p2p = rows[i].p2p;
		addr[0] = rows[i].addr;
		assert_reach(0, REACH_IOMMU, rows[i].page, rows[i].why);
		reach_leaves(&dev, 0, REACH_IOMMU, &l);
		assert_int_equal(l.count[0], rows[i].page == GIB ? 64 : 0);
		if (rows[i].page)
			assert_null(reach_check(&dev, 0, REACH_IOMMU,
						rows[i].page));
	}
	iommu = rows[0].io;
	dev.p2p = REACH_P2P_IOMMUFD;
	addr[0] = GIB;
	host.kernel_minor = 18;
	assert_reach(0, REACH_IOMMU, 0, REACH_P2P_IS_OLD);
	host.kernel_minor = 19;
	assert_reach(0, REACH_IOMMU, GIB, REACH_BEST);
	host.kernel_major = 0;
	assert_reach(0, REACH_IOMMU, GIB, REACH_BEST);
	addr[0] = 449 * GIB;
	dev.addr = NULL;
	iommu.bits = 39;
	assert_reach(0, REACH_IOMMU, GIB, REACH_BEST);
}

/* --- geometry --------------------------------------------------------------
 */

static void msix(unsigned int n, uint64_t table, uint64_t pba,
		 enum msix_policy policy)
{
	seen.msix = (struct msix_shape){
		.n = n, .table_off = table, .pba_off = pba, .policy = policy};
}

static void assert_leaves(enum reach_table t, uint64_t a, uint64_t b,
			  uint64_t c)
{
	struct bar_leaves l;

	reach_leaves(&dev, 0, t, &l);
	assert_int_equal(l.count[0], a);
	assert_int_equal(l.count[1], b);
	assert_int_equal(l.count[2], c);
}

/* Grace's memory: no power of two, and so no multiple of 1 GiB. */
static void grace(void **state)
{
	const uint64_t size = 0x2f00f00000;

	(void)state;
	one_bar(size);
	assert_leaves(REACH_HOST, 188, 7, 256);
	assert_leaves(REACH_GUEST, 188, 7, 256);
	assert_reach(0, REACH_HOST, GIB, REACH_CUT_END);
	assert_int_equal(reach(0, 1, REACH_HOST).why, REACH_VIRTUAL_PAST);
	arm(4 * KIB);
	one_bar(size);
	assert_leaves(REACH_HOST, 96263, 256, 0);
	assert_leaves(REACH_GUEST, 188, 7, 256);
	arm(16 * KIB);
	one_bar(size);
	assert_leaves(REACH_HOST, 6016, 960, 0);
	arm(64 * KIB);
	one_bar(size);
	assert_leaves(REACH_HOST, 376, 240, 0);
	assert_reach(0, REACH_HOST, 512 * MIB, REACH_CUT_END);
	/* Huge pages forbidden: the same bytes, all in pages. */
	host.thp = REACH_THP_NEVER;
	assert_leaves(REACH_HOST, 0, size / (64 * KIB), 0);
	assert_leaves(REACH_GUEST, 376, 240, 0);
}

/* A hole on either side of which the slice keeps to its addresses. */
static void hole_of_msix(void **state)
{
	(void)state;
	msix(4096 / 16 * 8, 0x10000, 0x18000, MSIX_INPLACE);
	one_bar(16 * GIB);
	/* 0 map, 1 table and bits, 2 the rest of their page, 3 map */
	assert_int_equal(seen.plan.bar[0].n, 4);
	assert_leaves(REACH_HOST, 15, 511, 512 - 9);
	assert_reach(0, REACH_HOST, 4096, REACH_CUT_MSIX);
	assert_reach(3, REACH_HOST, GIB, REACH_CUT_MSIX);
	assert_int_equal(reach(0, 1, REACH_HOST).why, REACH_VIRTUAL_MSIX);
	assert_int_equal(reach(0, 2, REACH_HOST).why, REACH_TRAP_MSIX);
	/* That THP is never is the reason only where it makes a difference. */
	host.thp = REACH_THP_NEVER;
	assert_reach(0, REACH_HOST, 4096, REACH_CUT_MSIX);
	assert_reach(3, REACH_HOST, 4096, REACH_THP_IS_NEVER);
}

static void areas(struct span a, struct span b)
{
	seen.shape[0].sparse = true;
	seen.shape[0].n_areas = 2;
	seen.shape[0].area[0] = a;
	seen.shape[0].area[1] = b;
	plan();
}

static void holes_of_areas(void **state)
{
	(void)state;
	one_bar(16 * GIB);
	areas((struct span){0, 0x10000},
	      (struct span){0x20000, 16 * GIB - 0x20000});
	assert_leaves(REACH_HOST, 15, 511, 496);
	assert_reach(0, REACH_HOST, 4096, REACH_CUT_AREA);
	assert_int_equal(reach(0, 1, REACH_HOST).why, REACH_TRAP_AREA);
	assert_reach(2, REACH_HOST, GIB, REACH_CUT_AREA);
	one_bar(64 * GIB);
	areas((struct span){0, 0xb90000},
	      (struct span){0xba0000, 64 * GIB - 0xba0000});
	assert_leaves(REACH_HOST, 63, 511, 496);
	one_bar(256 * MIB);
	areas((struct span){0x1000, 256 * MIB - 0x1000}, (struct span){0, 0});
	assert_leaves(REACH_HOST, 0, 127, 511);
	/* An aligned area loses nothing. */
	one_bar(16 * GIB);
	areas((struct span){0, 4 * GIB}, (struct span){8 * GIB, 8 * GIB});
	assert_reach(0, REACH_HOST, GIB, REACH_BEST);
	assert_reach(2, REACH_HOST, GIB, REACH_BEST);
}

static void quirks_cut(void **state)
{
	(void)state;
	one_bar(32 * MIB);
	seen.shape[0].n_traps = 1;
	seen.shape[0].trap[0] = (struct span){0x88000, 0x1000};
	plan();
	assert_reach(0, REACH_HOST, 4096, REACH_CUT_QUIRK);
	assert_int_equal(reach(0, 1, REACH_HOST).why, REACH_TRAP_QUIRK);
	assert_reach(2, REACH_HOST, 2 * MIB, REACH_CUT_QUIRK);
}

static void why_trapped(void **state)
{
	(void)state;
	one_bar(2ull << 40);
	assert_int_equal(reach(0, 0, REACH_HOST).why, REACH_TRAP_HUGE);
	one_bar(16 * KIB);
	seen.shape[0].mappable = false;
	plan();
	assert_int_equal(reach(0, 0, REACH_HOST).why, REACH_TRAP_KERNEL);
	seen.shape[0].kind = PCI_BAR_IO;
	seen.shape[0].size = 256;
	plan();
	assert_int_equal(reach(0, 0, REACH_GUEST).why, REACH_TRAP_IO);
	/* 12 KiB and a part of a page */
	one_bar(0x3100);
	assert_int_equal(reach(0, 1, REACH_HOST).why, REACH_TRAP_END);
	assert_int_equal(reach(0, 2, REACH_HOST).why, REACH_VIRTUAL_PAST);
}

static void hostile_msix(void **state)
{
	(void)state;
	msix(UINT32_MAX, UINT64_MAX - 7, UINT64_MAX - 7, MSIX_AUTO);
	one_bar(16 * KIB);
	assert_reach(0, REACH_HOST, 4096, REACH_BAR_SMALL);
	msix(2049, 0x1000, 0x2000, MSIX_AUTO);
	one_bar(64 * KIB);
	assert_int_equal(seen.plan.msix_place, MSIX_PLACE_NONE);
	assert_int_equal(reach(0, 1, REACH_HOST).why, REACH_TRAP_MSIX);
}

/* --- words -----------------------------------------------------------------
 */

static void advice(void **state)
{
	(void)state;
	/* A table in a page with registers, left there on request. */
	msix(8, 0x800, 0xc00, MSIX_INPLACE);
	one_bar(64 * MIB);
	assert_true(seen.movable);
	assert_non_null(strstr(reach_advice(&dev, REACH_CUT_MSIX), "msix="));
	/* On its own page there is nothing to be had. */
	msix(8, 0x1000, 0x2000, MSIX_INPLACE);
	one_bar(64 * MIB);
	assert_false(seen.movable);
	assert_null(reach_advice(&dev, REACH_CUT_MSIX));
	assert_null(reach_advice(&dev, REACH_TRAP_MSIX));
	assert_non_null(
		strstr(reach_advice(&dev, REACH_THP_IS_NEVER), "echo madvise"));
	assert_non_null(strstr(reach_advice(&dev, REACH_KERNEL_OLD), "6.12"));
	assert_null(reach_advice(&dev, REACH_BEST));
	assert_null(reach_advice(&dev, REACH_WHY_MAX));
}

/* Nothing that makes sense on x86 alone. */
static void advice_on_aarch64(void **state)
{
	(void)state;
	one_bar(64 * MIB);
	assert_non_null(
		strstr(reach_advice(&dev, REACH_NO_IOMMU), "intel_iommu=on"));
	host.arch = REACH_AARCH64;
	assert_non_null(
		strstr(reach_advice(&dev, REACH_NO_IOMMU), "grep -i smmu"));
	for (unsigned int w = 0; w < REACH_WHY_MAX; w++) {
		const char *cure = reach_advice(&dev, (enum reach_why)w);

		if (w == REACH_CPU_NO_1G) /* never the reason there */
			continue;
		assert_true(!cure || (!strstr(cure, "Intel") &&
				      !strstr(cure, "pdpe1gb")));
	}
}

static void every_reason_has_words(void **state)
{
	(void)state;
	for (unsigned int w = 0; w < REACH_WHY_MAX; w++) {
		enum reach_why why = (enum reach_why)w;
		const char *cure = reach_advice(&dev, why);

		assert_true(strlen(reach_why_word(why)) > 1);
		/* as much as there is room for in a line of the picture */
		assert_in_range(strlen(reach_why_text(why)), 10,
				why >= REACH_CUT_END && why <= REACH_EPT_NO_1G
					? 50
					: 72);
		assert_true(!cure || strlen(cure) < 132);
		for (unsigned int v = 0; v < w; v++)
			assert_string_not_equal(
				reach_why_word((enum reach_why)v),
				reach_why_word(why));
	}
	assert_string_equal(reach_why_word(REACH_WHY_MAX), "");
	assert_string_equal(reach_why_text(REACH_WHY_MAX), "");
}

/* --- anything --------------------------------------------------------------
 */

static uint64_t random_u64(void)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < 5; i++)
		v = v << 15 | (uint64_t)(rand() & 0x7fff); /* NOLINT */
	return v;
}

static void random_bar(void)
{
	struct bar_shape *s = &seen.shape[0];
	unsigned int n = (unsigned int)(random_u64() % 5);

	*s = (struct bar_shape){.kind = PCI_BAR_MEM64, .mappable = true};
	s->size = (random_u64() >> (24 + random_u64() % 36)) + 1;
	s->sparse = n > 0;
	s->n_areas = n;
	for (unsigned int i = 0; i < n; i++) {
		s->area[i].base = random_u64() % s->size & ~0xfffull;
		s->area[i].len = random_u64() % s->size + 1;
	}
}

static void random_bars(void **state)
{
	static const uint64_t pages[] = {4 * KIB, 16 * KIB, 64 * KIB};

	(void)state;
	srand(1);
	for (unsigned int i = 0; i < 3000; i++) {
		const char *bad = NULL;

		host.arch = i % 2 ? REACH_AARCH64 : REACH_X86_64;
		host.page = i % 2 ? pages[i % 3] : 4 * KIB;
		random_bar();
		plan();
		for (unsigned int t = 0; t < REACH_IOMMU && !bad; t++)
			bad = reach_check(&dev, 0, (enum reach_table)t, GIB);
		if (bad)
			fail_msg("round %u: %s", i, bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(host_forbids, setup),
		cmocka_unit_test_setup(small_bars_blame_no_one, setup),
		cmocka_unit_test_setup(blocks_of_hosts, setup),
		cmocka_unit_test_setup(stage_2_of_arm64, setup),
		cmocka_unit_test_setup(in_the_iommu, setup),
		cmocka_unit_test_setup(grace, setup),
		cmocka_unit_test_setup(hole_of_msix, setup),
		cmocka_unit_test_setup(holes_of_areas, setup),
		cmocka_unit_test_setup(quirks_cut, setup),
		cmocka_unit_test_setup(why_trapped, setup),
		cmocka_unit_test_setup(hostile_msix, setup),
		cmocka_unit_test_setup(advice, setup),
		cmocka_unit_test_setup(advice_on_aarch64, setup),
		cmocka_unit_test_setup(every_reason_has_words, setup),
		cmocka_unit_test_setup(random_bars, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
