/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "vmm/affinity.h"

/* The first 64 CPUs of @set. */
static uint64_t bits(const cpu_set_t *set)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < 64; i++)
		v |= (uint64_t)(CPU_ISSET(i, set) != 0) << i;
	return v;
}

static void what_is_taken(void **state)
{
	static const struct {
		const char *text;
		int vcpus;
		uint64_t set[4];
	} c[] = {
		{"0", 1, {1}},
		{"3", 1, {1 << 3}},
		{"0-3", 4, {1, 2, 4, 8}},
		/* in the order written, the same one twice if need be */
		{"5,2-3,5", 4, {1 << 5, 1 << 2, 1 << 3, 1 << 5}},
		{"0/1", 2, {1, 2}},
		{"0-1/2,4/3", 3, {3, 1 << 2 | 1 << 4, 8}},
		{"0-1/2-3/", 2, {3, 12}},
		{"2-3/", 1, {12}},
		{"63-63", 1, {1ull << 63}},
		{"007", 1, {1 << 7}},
	};
	cpu_set_t set;

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		assert_int_equal(affinity_vcpus(c[i].text), c[i].vcpus);
		for (int v = 0; v < c[i].vcpus; v++) {
			affinity_of(c[i].text, (unsigned int)v, &set);
			assert_int_equal(bits(&set), c[i].set[v]);
		}
	}
	assert_int_equal(affinity_vcpus("0-1023"), 1024);
	affinity_of("0-1023", 1023, &set);
	assert_true(CPU_ISSET(1023, &set));
	assert_int_equal(CPU_COUNT(&set), 1);
}

static void what_is_not(void **state)
{
	static const struct {
		const char *text;
		int code;
	} c[] = {
		{"", -EINVAL},
		{"a", -EINVAL},
		{"-", -EINVAL},
		{"-1", -EINVAL},
		{"1-", -EINVAL},
		{"1-0", -EINVAL},
		{",", -EINVAL},
		{"1,", -EINVAL},
		{",1", -EINVAL},
		{"1,,2", -EINVAL},
		{"/", -EINVAL},
		{"/1", -EINVAL},
		{"1//2", -EINVAL},
		{"1,/2", -EINVAL},
		{"1//", -EINVAL},
		{"1 2", -EINVAL},
		{"1-2-3", -EINVAL},
		{"0x1", -EINVAL},
		{"1024", -ERANGE},
		{"0-1024", -ERANGE},
		{"4294967296", -ERANGE},
		{"18446744073709551616", -ERANGE},
		/* would count for ever */
		{"0-1023,0-1023,0-1023,0-1023,0-1023", -ERANGE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		if (affinity_vcpus(c[i].text) != c[i].code)
			fail_msg("\"%s\": %d", c[i].text,
				 affinity_vcpus(c[i].text));
	}
}

/* As sysfs writes what is online: one set, no slash. */
static void one_set(void **state)
{
	cpu_set_t set;

	(void)state;
	assert_int_equal(affinity_set("0-1,8", &set), 0);
	assert_int_equal(bits(&set), 0x103);
	assert_int_equal(affinity_set("0/1", &set), -EINVAL);
	assert_int_equal(affinity_set("", &set), -EINVAL);
	assert_int_equal(affinity_set("2000", &set), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken),
		cmocka_unit_test(what_is_not),
		cmocka_unit_test(one_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
