/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_TEST_JUDGE_H
#define VMM_TEST_JUDGE_H

#include "vmm/test.h"

/* Pure: what an exit status of `barge run` means (docs/architecture.md). */

/* How a test ended. */
struct test_end {
	int status;   /* exit status, 128 + the signal that killed it */
	bool overdue; /* ended by barge test: it went on after its limit */
	const char *said;
};

/* "the guest crashed"; NULL: nothing more than its number. */
const char *test_status_text(int status);
/* The verdict, and its reason in @why: "" if there is nothing to say. */
enum test_verdict test_judge(const struct test_item *t,
			     const struct test_end *end,
			     char why[TEST_WHY_MAX]);

#endif
