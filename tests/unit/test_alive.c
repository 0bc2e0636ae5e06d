/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "vmm/alive.h"

/* One call may be missed; who misses two in a row does not live. */
static void two_calls(void **state)
{
	static const struct {
		unsigned int count;
		bool lives;
	} c[] = {
		{1, true}, {2, true},  {2, true},  {3, true},
		{3, true}, {3, false}, {3, false}, {4, true},
		{4, true}, {4, false}, {9, true},  {0, true},
	};
	struct alive a;

	(void)state;
	alive_init(&a);
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		assert_int_equal(alive_vcpu(&a, 7, c[i].count), c[i].lives);
		/* the others do not matter to it */
		assert_true(alive_vcpu(&a, 8, (unsigned int)i + 1));
	}
}

/* A vCPU that never came out since the beginning. */
static void never(void **state)
{
	struct alive a;

	(void)state;
	alive_init(&a);
	assert_true(alive_vcpu(&a, 0, 0));
	assert_false(alive_vcpu(&a, 0, 0));
	for (unsigned int i = 0; i < 1000; i++)
		assert_false(alive_vcpu(&a, 0, 0));
	assert_true(alive_vcpu(&a, 0, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_calls),
		cmocka_unit_test(never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
