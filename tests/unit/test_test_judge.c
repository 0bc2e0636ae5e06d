/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/test_judge.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define XFAIL	 true, (char *)"bug 5"
#define WHY	 "; reason given: bug 5"

/* clang-format off */
static const struct {
	unsigned int want;
	bool xfail;
	char *reason;
	int status;
	bool overdue;
	const char *said;
	enum test_verdict verdict;
	const char *why;
} cases[] = {
	{ 0, false, NULL, 0, false, "", TEST_PASSED, "" },
	{ 67, false, NULL, 67, false, "x", TEST_PASSED, "" },
	{ 2, false, NULL, 2, false, "", TEST_PASSED, "" },
	{ 0, false, NULL, 3, false, "the guest crashed: at 5", TEST_FAILED,
	  "status 3 (the guest crashed) instead of 0: "
	  "the guest crashed: at 5" },
	{ 64, false, NULL, 126, false, NULL, TEST_FAILED,
	  "status 126 (the guest reported 62) instead of 64" },
	{ 64, false, NULL, 0, false, "", TEST_FAILED,
	  "status 0 (the guest powered off) instead of 64" },
	{ 0, false, NULL, 137, false, "", TEST_FAILED,
	  "status 137 (ended by a signal) instead of 0" },
	{ 0, false, NULL, 42, false, "", TEST_FAILED,
	  "status 42 instead of 0" },
	/* too late is too late, be the status as it may */
	{ 131, false, NULL, 131, true, "", TEST_FAILED,
	  "it did not end at its time limit and was killed" },
	{ 0, XFAIL, 6, false, "", TEST_XFAILED,
	  "expected failure: status 6 (its time was over) instead of 0" WHY },
	{ 0, XFAIL, 137, true, "", TEST_XFAILED,
	  "expected failure: it did not end at its time limit and was killed"
	  WHY },
	{ 64, XFAIL, 0, false, "", TEST_XFAILED,
	  "expected failure: status 0 (the guest powered off) instead of 64"
	  WHY },
	{ 0, true, NULL, 0, false, "", TEST_FAILED,
	  "it passed, although it was expected to fail" },
	{ 0, XFAIL, 0, false, "", TEST_FAILED,
	  "it passed, although it was expected to fail" WHY },
	/* nobody can expect these, unless they are what is wanted */
	{ 0, XFAIL, 1, false, "no kernel", TEST_FAILED,
	  "status 1 (barge refused the configuration) instead of 0: "
	  "no kernel" },
	{ 0, XFAIL, 2, false, "", TEST_FAILED,
	  "status 2 (the host refused) instead of 0" },
	{ 0, XFAIL, 127, false, "", TEST_FAILED,
	  "status 127 (the guest reported 63, or a bug in barge) "
	  "instead of 0" },
	{ 0, XFAIL, 139, false, "", TEST_FAILED,
	  "status 139 (ended by a signal) instead of 0" },
};
/* clang-format on */

static void table(void **state)
{
	char why[TEST_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct test_item t = {.want = cases[i].want,
				      .xfail = cases[i].xfail,
				      .reason = cases[i].reason};
		struct test_end end = {.status = cases[i].status,
				       .overdue = cases[i].overdue,
				       .said = cases[i].said};

		assert_int_equal(test_judge(&t, &end, why), cases[i].verdict);
		assert_string_equal(why, cases[i].why);
	}
}

/* A reason is cut to what fits, and nothing beside it is touched. */
static void long_words(void **state)
{
	char said[2 * TEST_WHY_MAX];
	struct {
		char why[TEST_WHY_MAX];
		char guard[16];
	} room;
	struct test_item t = {.want = 0, .xfail = true, .reason = said};
	struct test_end end = {.status = 3, .said = said};

	(void)state;
	memset(said, 'x', sizeof(said));
	said[sizeof(said) - 1] = '\0';
	memset(&room, 'g', sizeof(room));
	assert_int_equal(test_judge(&t, &end, room.why), TEST_XFAILED);
	assert_int_equal(strlen(room.why), TEST_WHY_MAX - 1);
	assert_memory_equal(room.guard, "gggggggggggggggg", 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
