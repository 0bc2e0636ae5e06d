/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_TEST_PLAN_H
#define VMM_TEST_PLAN_H

#include <stdbool.h>
#include <stdint.h>

/* Pure: which test is to be started next. */

struct test_need {
	bool waiting;
	unsigned int cpus;
	uint64_t memory; /* bytes, of barge itself, too */
};

/* What there is, or what is in use. */
struct test_budget {
	unsigned int jobs;
	unsigned int cpus;
	uint64_t memory;
};

/*
 * The first of @n waiting tests that fits beside what is in use. One that is
 * larger than the whole budget gets its turn when nothing else runs, and
 * nothing is started beside it. -1: none now.
 */
int test_next(const struct test_need *need, unsigned int n,
	      const struct test_budget *budget, const struct test_budget *used);

#endif
