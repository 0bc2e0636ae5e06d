/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan.h"
#include "vmm/conf.h"
#include "vmm/options.h"

#define KIB	 1024ull
#define MIB	 (1024ull * KIB)
#define GIB	 (1024ull * MIB)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void sizes_good(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"1", 1},
		{"4096", 4096},
		{"4096B", 4096},
		{"4096b", 4096},
		{"0016", 16},
		{"1K", KIB},
		{"1k", KIB},
		{"1KB", KIB},
		{"1KiB", KIB},
		{"256M", 256 * MIB},
		{"256mib", 256 * MIB},
		{"256MiB", 256 * MIB},
		{"4G", 4 * GIB},
		{"4gb", 4 * GIB},
		{"1T", 1024 * GIB},
		{"18446744073709551615", UINT64_MAX},
		{"16777215T", 16777215ull << 40},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		uint64_t v = 0;

		if (option_size(good[i].text, &v) || v != good[i].bytes)
			fail_msg("\"%s\": %llu", good[i].text,
				 (unsigned long long)v);
	}
}

static void sizes_bad(void **state)
{
	static const struct {
		const char *text;
		int ret;
	} bad[] = {
		{"", -EINVAL},
		{"0", -EINVAL},
		{"0G", -EINVAL},
		{"-1", -EINVAL},
		{"-1G", -EINVAL},
		{"+1G", -EINVAL},
		{" 1G", -EINVAL},
		{"1G ", -EINVAL},
		{"1 G", -EINVAL},
		{"G", -EINVAL},
		{"1.5G", -EINVAL},
		{"1GG", -EINVAL},
		{"1iB", -EINVAL},
		{"1Gi", -EINVAL},
		{"1GBB", -EINVAL},
		{"1P", -EINVAL},
		{"0x1000", -EINVAL},
		{"1e9", -EINVAL},
		{"12Q", -EINVAL},
		{"18446744073709551616", -ERANGE},
		{"99999999999999999999999M", -ERANGE},
		{"16777216T", -ERANGE},
		{"18014398509481984K", -ERANGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint64_t v = 77;

		if (option_size(bad[i].text, &v) != bad[i].ret || v != 77)
			fail_msg("\"%s\" was not refused", bad[i].text);
	}
}

static void numbers(void **state)
{
	unsigned int v = 77;

	(void)state;
	assert_int_equal(option_number("0", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(option_number("255", &v), 0);
	assert_int_equal(v, 255);
	assert_int_equal(option_number("4294967295", &v), 0);
	assert_int_equal(v, UINT32_MAX);
	assert_int_equal(option_number("4294967296", &v), -ERANGE);
	assert_int_equal(option_number("99999999999999999999", &v), -ERANGE);
	assert_int_equal(option_number("", &v), -EINVAL);
	assert_int_equal(option_number("-1", &v), -EINVAL);
	assert_int_equal(option_number("1x", &v), -EINVAL);
	assert_int_equal(option_number("two", &v), -EINVAL);
	assert_int_equal(option_number("1 ", &v), -EINVAL);
	assert_int_equal(v, UINT32_MAX);
}

static void words(void **state)
{
	enum msix_policy p = MSIX_AUTO;
	enum conf_on_error on_error = ON_ERROR_STOP;
	bool b = false;

	(void)state;
	assert_int_equal(option_bool("Yes", &b), 0);
	assert_true(b);
	assert_int_equal(option_bool("off", &b), 0);
	assert_false(b);
	assert_int_equal(option_bool("1", &b), 0);
	assert_true(b);
	assert_int_equal(option_bool("false", &b), 0);
	assert_false(b);
	assert_int_equal(option_bool("", &b), -EINVAL);
	assert_int_equal(option_bool("yess", &b), -EINVAL);
	assert_int_equal(option_msix("inplace", &p), 0);
	assert_int_equal(p, MSIX_INPLACE);
	assert_int_equal(option_msix("RELOCATE", &p), 0);
	assert_int_equal(p, MSIX_RELOCATE);
	assert_int_equal(option_msix("in-place", &p), -EINVAL);
	assert_int_equal(option_on_error("Ignore", &on_error), 0);
	assert_int_equal(on_error, ON_ERROR_IGNORE);
	assert_int_equal(option_on_error("go", &on_error), -EINVAL);
	assert_int_equal(on_error, ON_ERROR_IGNORE);
	assert_int_equal(p, MSIX_RELOCATE);
}

static void cpu_parts(void **state)
{
	static const struct {
		const char *text;
		unsigned int off;
	} good[] = {
		{"pmu", PLAN_CPU_PMU},
		{"sve", PLAN_CPU_SVE},
		{"PAuth", PLAN_CPU_PAUTH},
		{"sve,pmu", PLAN_CPU_PMU | PLAN_CPU_SVE},
		{"pmu,pmu", PLAN_CPU_PMU},
		{"pauth,pmu,sve", PLAN_CPU_PMU | PLAN_CPU_SVE | PLAN_CPU_PAUTH},
		{"none", 0},
		{"None", 0},
	};
	static const char *const bad[] = {
		"",	   ",",	       "pmu,",	   ",pmu",     "pm",	"pmus",
		"pmu sve", "pmu, sve", "pmu,,sve", "pmu,none", "none,", "all"};
	unsigned int off;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		off = ~0u;
		assert_int_equal(option_cpu_off(good[i].text, &off), 0);
		assert_int_equal(off, good[i].off);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		off = 77;
		assert_int_equal(option_cpu_off(bad[i], &off), -EINVAL);
		assert_int_equal(off, 77);
	}
}

static void hugepages(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"no", 0},	     {"off", 0},
		{"2M", 2 << 20},     {"2097152", 2 << 20},
		{"1G", 1 << 30},     {"64k", 64 << 10},
		{"32MiB", 32 << 20}, {"512M", 512 << 20},
	};
	static const char *const bad[] = {"",	 "yes", "3M",	"2G",
					  "16K", "0",	"4096", "16G"};
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		bytes = 7;
		assert_int_equal(option_hugepages(good[i].text, &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(option_hugepages(bad[i], &bytes), -EINVAL);
}

static void addresses_good(void **state)
{
	static const char *const good[][2] = {
		{"0000:01:00.0", "0000:01:00.0"},
		{"01:00.0", "0000:01:00.0"},
		{"AB:1F.7", "0000:ab:1f.7"},
		{"FFFF:ff:00.1", "ffff:ff:00.1"},
		{"10000:e1:00.0", "10000:e1:00.0"},
		{"ffffff:ff:1f.7", "ffffff:ff:1f.7"},
	};
	char out[OPTION_ADDRESS_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(option_address(good[i][0], out), 0);
		assert_string_equal(out, good[i][1]);
	}
}

static void addresses_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"1",
		":",
		"01:00",
		"01:00.8",
		"01:20.0",
		"1:00.0",
		"01:0.0",
		"001:01:00.0",
		"0:01:00.0",
		"0000:01:00.0 ",
		" 01:00.0",
		"01:00.00",
		"0000:01:00:0",
		"0000.01.00.0",
		"0000:01:00.",
		"g0:00.0",
		"0000:01:00.-",
		"-1:00.0",
		"::.",
		"0000::00.0",
		"1000000:01:00.0",
		"0x01:00.0",
		"0000:0000:01:00.0",
		"nvme0n1",
		"10de:1b80",
	};
	char out[OPTION_ADDRESS_SIZE] = "kept";

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (option_address(bad[i], out) != -EINVAL ||
		    strcmp(out, "kept") != 0)
			fail_msg("\"%s\" was not refused", bad[i]);
	}
}

/* What option_near() makes of a word, "" for nothing. */
static const char *meant(const char *word)
{
	unsigned int n;
	const struct option_def *table = option_table(&n);
	const struct option_def *o = option_near(table, n, word);

	return o ? o->name : "";
}

static void near_misses(void **state)
{
	static const char *const pairs[][2] = {
		{"--kernl", "kernel"},
		{"--krenel", "kernel"},
		{"--kern", "kernel"},
		{"--Kernel", "kernel"},
		{"-kernel", "kernel"},
		{"--kernal=x", "kernel"},
		{"--mem", "memory"},
		{"memroy", "memory"},
		{"--cpu", "cpus"},
		{"--smp", "cpus"},
		{"-append", "cmdline"},
		{"--comdline", "cmdline"},
		{"--inird", "initrd"},
		{"--initramfs", "initrd"},
		{"--vifo", "vfio"},
		{"--device", "vfio"},
		{"--consol", "console"},
		{"--verbos", "verbose"},
		{"--ver", "verbose"},
		{"--versoin", "version"},
		{"--frobnicate", ""},
		{"--x", ""},
		{"--", ""},
		{"", ""},
		{"-=", ""},
		{"--xyz", ""},
		{"--kernelkernelkernelkernelkernelkernelkernel", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		if (strcmp(meant(pairs[i][0]), pairs[i][1]) != 0)
			fail_msg("%s: meant %s?", pairs[i][0],
				 meant(pairs[i][0]));
	}
	assert_string_equal(option_near_word(option_commands(), "rnu"), "run");
	assert_string_equal(option_near_word(option_commands(), "plna"),
			    "plan");
	assert_null(option_near_word(option_commands(), "start"));
}

/* Names and letters are unique and plain; everything has a help line. */
static void table_sane(void **state)
{
	unsigned int n;
	const struct option_def *t = option_table(&n);
	unsigned int n_test;
	const struct option_def *test = option_test_table(&n_test);

	(void)state;
	assert_true(n <= 64); /* bits of keys_seen in vmm/conf_ini.c */
	for (unsigned int i = 0; i < n; i++) {
		assert_ptr_equal(
			option_find(t, n, t[i].name, strlen(t[i].name)), &t[i]);
		assert_true(strlen(t[i].name) < 20);
		assert_non_null(t[i].group);
		assert_true(t[i].help && t[i].help[0]);
		assert_true((t[i].metavar == NULL) ==
			    (t[i].type == VALUE_NONE));
		for (unsigned int j = 0; j < i; j++)
			assert_true(!t[i].letter || t[i].letter != t[j].letter);
		/* What run is asked for, one time apart, can be in a file. */
		assert_true(t[i].in_ini || t[i].type == VALUE_NONE ||
			    strcmp(t[i].name, "dump-fdt") == 0 ||
			    option_list_of(t[i].type) ||
			    option_find(test, n_test, t[i].name,
					strlen(t[i].name)) ||
			    !(option_for(&t[i]) >> COMMAND_RUN & 1));
	}
	for (unsigned int k = 0; option_list(k); k++) {
		const struct option_list *l = option_list(k);

		assert_in_range(l->max, 1, 16);
		for (unsigned int i = 0; i < l->n; i++)
			assert_true(l->table[i].in_ini);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_good),
		cmocka_unit_test(sizes_bad),
		cmocka_unit_test(numbers),
		cmocka_unit_test(words),
		cmocka_unit_test(cpu_parts),
		cmocka_unit_test(hugepages),
		cmocka_unit_test(addresses_good),
		cmocka_unit_test(addresses_bad),
		cmocka_unit_test(near_misses),
		cmocka_unit_test(table_sane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
