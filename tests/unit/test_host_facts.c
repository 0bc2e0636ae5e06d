// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/host_does.h"
#include "vmm/host_facts.h"

/* A root folder of the test's own. */

static char root[] = "/tmp/barge-facts-XXXXXX";

static void make_folders(char *path)
{
	for (char *s = path + strlen(root) + 1; (s = strchr(s, '/')); s++) {
		*s = '\0';
		mkdir(path, 0755);
		*s = '/';
	}
}

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", root, name);
	make_folders(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void put_link(const char *name, const char *target)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", root, name);
	make_folders(path);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static int clear(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s/*", root);
	/* A fixed command on a folder of our own. */
	return system(command); /* NOLINT(cert-env33-c) */
}

static void thp_is(const char *text, enum reach_thp want)
{
	struct reach_host h;

	put("/sys/kernel/mm/transparent_hugepage/enabled", text);
	host_facts_read(&h, root);
	assert_int_equal(h.thp, want);
}

static void thp(void **state)
{
	struct reach_host h;

	(void)state;
	host_facts_read(&h, root);
	assert_int_equal(h.thp, REACH_THP_ABSENT);
	thp_is("[always] madvise never\n", REACH_THP_ALWAYS);
	thp_is("always [madvise] never\n", REACH_THP_MADVISE);
	thp_is("always madvise [never]\n", REACH_THP_NEVER);
	thp_is("garbage", REACH_THP_ABSENT);
	thp_is("", REACH_THP_ABSENT);
	thp_is("[", REACH_THP_ABSENT);
	thp_is("][", REACH_THP_ABSENT);
	/* A mode of the future is not one that barge may rely on. */
	thp_is("always [inherit]", REACH_THP_NEVER);
	thp_is("[a word that is longer than what there is room for]",
	       REACH_THP_ABSENT);
}

static void thp_denied(void **state)
{
	struct reach_host h;

	(void)state;
	if (!host_denies_thp())
		skip();
	host_facts_read(&h, root);
	assert_false(h.thp_denied);
	assert_int_equal(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	host_facts_read(&h, root);
	assert_true(h.thp_denied);
	assert_int_equal(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
}

static void kernel(void **state)
{
	static const struct {
		const char *text;
		unsigned int major;
		unsigned int minor;
	} rows[] = {
		{"6.12.0-1-amd64\n", 6, 12},
		{"7.1.8", 7, 1},
		{"6", 0, 0},
		{"", 0, 0},
		{"x.y", 0, 0},
		{"10.0-rc1", 10, 0},
		{".5", 0, 0},
		{"6.", 0, 0},
		{"6.x", 0, 0},
		{"66666.1", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reach_host h;

		put("/proc/sys/kernel/osrelease", rows[i].text);
		host_facts_read(&h, root);
		assert_int_equal(h.kernel_major, rows[i].major);
		assert_int_equal(h.kernel_minor, rows[i].minor);
		assert_int_equal(h.page, sysconf(_SC_PAGESIZE));
	}
}

static void cpu_is(const char *text, enum reach_fact cpu, enum reach_fact guest)
{
	struct reach_host h;

	put("/proc/cpuinfo", text);
	host_facts_read(&h, root);
	if (h.arch != REACH_X86_64)
		skip();
	assert_int_equal(h.cpu_1g, cpu);
	assert_int_equal(h.guest_1g, guest);
}

static void processor(void **state)
{
	(void)state;
	cpu_is("", REACH_UNKNOWN, REACH_UNKNOWN);
	cpu_is("processor\t: 0\nflags\t\t: fpu pdpe1gb lm\n", REACH_YES,
	       REACH_UNKNOWN);
	cpu_is("flags\t\t: fpu lm pdpe1gbx vmx\nvmx flags\t: vnmi ept\n",
	       REACH_NO, REACH_NO);
	cpu_is("flags\t\t: vmx pdpe1gb\nvmx flags\t: vnmi ept_1gb\n", REACH_YES,
	       REACH_YES);
	/* before Linux 5.6 */
	cpu_is("flags\t\t: vmx pdpe1gb\n", REACH_YES, REACH_UNKNOWN);
	cpu_is("flags\t\t: svm pdpe1gb\n", REACH_YES, REACH_YES);
	cpu_is("flags\t\t: svm\n", REACH_NO, REACH_NO);
	/* the first processor counts; other lines begin likewise */
	cpu_is("flagship\t: pdpe1gb\nflags\t\t: fpu\nflags\t\t: pdpe1gb\n",
	       REACH_NO, REACH_UNKNOWN);
}

#define CAP "/sys/class/iommu/dmar0/intel-iommu/cap"

static void intel_is(const char *cap, enum reach_iommu_kind kind,
		     uint64_t pages, unsigned int bits)
{
	struct reach_iommu io;

	put(CAP, cap);
	host_facts_iommu(&io, root, "0000:00:04.0");
	assert_int_equal(io.kind, kind);
	assert_int_equal(io.pages, pages);
	assert_int_equal(io.bits, bits);
}

static void iommu(void **state)
{
	struct reach_iommu io;

	(void)state;
	host_facts_iommu(&io, root, "0000:00:04.0");
	assert_int_equal(io.kind, REACH_IOMMU_NONE);

	put_link("/sys/bus/pci/devices/0000:00:04.0/iommu_group",
		 "../../../kernel/iommu_groups/7");
	host_facts_iommu(&io, root, "0000:00:04.0");
	assert_int_equal(io.kind, REACH_IOMMU_OTHER);
	assert_int_equal(io.pages, 0);

	put_link("/sys/bus/pci/devices/0000:00:04.0/iommu",
		 "../../virtual/iommu/dmar0");
	/* a server: MGAW 48, tables of 48 and 57 bits, 2M and 1G */
	intel_is("8d2078c106f0466\n", REACH_IOMMU_INTEL, 0x40201000, 48);
	/* a laptop: 39 bits */
	intel_is("1c0000c40660462\n", REACH_IOMMU_INTEL, 0x40201000, 39);
	intel_is("c00260200", REACH_IOMMU_INTEL, 0x40201000, 39);
	intel_is("400260200", REACH_IOMMU_INTEL, 0x201000, 39);
	intel_is("2f0400", REACH_IOMMU_INTEL, 0x1000, 48);
	intel_is("", REACH_IOMMU_OTHER, 0, 0);
	intel_is("nonsense", REACH_IOMMU_OTHER, 0, 0);
	intel_is("fffffffffffffffff", REACH_IOMMU_OTHER, 0, 0);

	put("/sys/class/iommu/ivhd0/amd-iommu/cap", "f0b0640f\n");
	host_facts_iommu_named(&io, root, "ivhd0");
	assert_int_equal(io.kind, REACH_IOMMU_AMD);
	assert_true(io.pages & 1u << 30);
	assert_false(io.pages & 1u << 11);
}

/* An SMMU's window for MSIs is no place for RAM or BARs; nor is the rest. */
static void reserved(void **state)
{
	struct span s[4] = {{1, 1}};

	(void)state;
	assert_int_equal(host_facts_reserved(s, 0, 4, root, "0000:00:04.0"), 0);
	put_link("/sys/bus/pci/devices/0000:00:04.0/iommu_group",
		 "../../../../kernel/iommu_groups/7");
	put("/sys/kernel/iommu_groups/7/reserved_regions",
	    "0x0000000008000000 0x00000000080fffff msi\n"
	    "0x0000000050000000 0x000000005000ffff direct-relaxable\n"
	    "0x0000000060000000 0x000000006000ffff direct\n"
	    "0x0000000060000000 0x000000005fffffff reserved\n"
	    "0x0 0xffffffffffffffff reserved\n"
	    "nonsense\n0x1\n\n"
	    "0xffff000000000000 0xffffffffffffffff reserved\n");
	assert_int_equal(host_facts_reserved(s, 0, 4, root, "0000:00:04.0"), 3);
	assert_int_equal(s[0].base, 0x08000000);
	assert_int_equal(s[0].len, 0x100000);
	assert_int_equal(s[1].base, 0x60000000);
	assert_int_equal(s[1].len, 0x10000);
	assert_int_equal(s[2].base, 0xffff000000000000);
	assert_int_equal(s[2].len, 1ull << 48);
	/* another device of the group adds none, and there is room for no more
	 */
	assert_int_equal(host_facts_reserved(s, 3, 4, root, "0000:00:04.0"), 3);
	s[0].base = 0;
	assert_int_equal(host_facts_reserved(s, 2, 2, root, "0000:00:04.0"), 2);
	assert_int_equal(host_facts_reserved(s, 2, 4, root, "0000:00:04.0"), 4);
	assert_int_equal(s[2].base, 0x08000000);
}

static void choices(void **state)
{
	char word[8];

	(void)state;
	put("/choice", "a [seven77] b");
	host_choice(root, "/choice", word, sizeof(word));
	assert_string_equal(word, "seven77");
	put("/choice", "a [eight888] b");
	host_choice(root, "/choice", word, sizeof(word));
	assert_string_equal(word, "");
	host_choice(root, "/none", word, sizeof(word));
	assert_string_equal(word, "");
}

static void reads(void **state)
{
	char buf[8];

	(void)state;
	put("/file", "abc \n\n");
	assert_int_equal(host_read(root, "/file", buf, sizeof(buf)), 3);
	assert_string_equal(buf, "abc");
	put("/file", "0123456789");
	assert_int_equal(host_read(root, "/file", buf, sizeof(buf)), 7);
	assert_string_equal(buf, "0123456");
	assert_true(host_read(root, "/none", buf, sizeof(buf)) < 0);
	assert_string_equal(buf, "");
	assert_true(host_read(root, "/", buf, sizeof(buf)) < 0);
	assert_string_equal(buf, "");
}

static int group_setup(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int group_teardown(void **state)
{
	clear(state);
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(thp, clear),
		cmocka_unit_test_setup(thp_denied, clear),
		cmocka_unit_test_setup(kernel, clear),
		cmocka_unit_test_setup(processor, clear),
		cmocka_unit_test_setup(iommu, clear),
		cmocka_unit_test_setup(reserved, clear),
		cmocka_unit_test_setup(choices, clear),
		cmocka_unit_test_setup(reads, clear),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
