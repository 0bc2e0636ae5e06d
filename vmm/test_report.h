/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_TEST_REPORT_H
#define VMM_TEST_REPORT_H

#include <stdio.h>

#include "vmm/test.h"

/* What is told of tests that ran. */

struct test_sum {
	unsigned int passed; /* expected failures, too */
	unsigned int failed;
	unsigned int skipped;
	unsigned int refused; /* of those that failed: by the host */
};

struct test_sum test_sum(const struct test_suite *s);
/* One line: "ok    1.2s name". */
void test_report_line(FILE *f, const struct test_suite *s,
		      const struct test_item *t);
/* "3 passed, 1 failed" */
void test_report_sum(FILE *f, const struct test_suite *s);

/* TAP version 14 (tap-14): its head, one test, its end. */
void test_tap_begin(FILE *f, const struct test_suite *s);
void test_tap_point(FILE *f, const struct test_suite *s,
		    const struct test_item *t);
/* JUnit XML of the whole; valid whatever consoles said. */
void test_junit(FILE *f, const struct test_suite *s);

#endif
