/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/test_plan.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TESTS	 40

static const struct test_budget four = {4, 4, 1000};

static void first_in_order(void **state)
{
	struct test_need need[] = {{true, 1, 100}, {true, 1, 100}};
	struct test_budget used = {0};

	(void)state;
	assert_int_equal(test_next(need, 2, &four, &used), 0);
	need[0].waiting = false;
	assert_int_equal(test_next(need, 2, &four, &used), 1);
	need[1].waiting = false;
	assert_int_equal(test_next(need, 2, &four, &used), -1);
	assert_int_equal(test_next(need, 0, &four, &used), -1);
}

/* Each budget by itself keeps a test back, to the very last byte. */
static void budgets(void **state)
{
	const struct test_need need[] = {{true, 2, 400}};
	static const struct {
		struct test_budget used;
		int next;
	} cases[] = {
		{{3, 2, 600}, 0},  {{4, 2, 600}, -1},	     {{3, 3, 600}, -1},
		{{3, 2, 601}, -1}, {{1, 2, UINT64_MAX}, -1}, {{1, 9, 0}, -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(test_next(need, 1, &four, &cases[i].used),
				 cases[i].next);
}

static void small_ones_pass(void **state)
{
	const struct test_need need[] = {
		{true, 1, 900}, {true, 8, 1}, {true, 1, 200}};
	struct test_budget used = {1, 1, 500};

	(void)state;
	assert_int_equal(test_next(need, 3, &four, &used), 2);
}

/* Larger than everything: alone, and nothing beside it. */
static void alone(void **state)
{
	struct test_need need[] = {{true, 9, UINT64_MAX}, {true, 1, 1}};
	struct test_budget used = {0};

	(void)state;
	assert_int_equal(test_next(need, 2, &four, &used), 0);
	need[0].waiting = false;
	used = (struct test_budget){1, 9, UINT64_MAX};
	assert_int_equal(test_next(need, 2, &four, &used), -1);
	used = (struct test_budget){1, 9, 10};
	assert_int_equal(test_next(need, 2, &four, &used), -1);
}

struct play {
	struct test_need need[TESTS];
	bool running[TESTS];
	struct test_budget used;
	unsigned int over;
};

static void stop_one(struct play *p)
{
	for (unsigned int i = 0; i < TESTS; i++) {
		if (!p->running[i])
			continue;
		p->running[i] = false;
		p->used.jobs--;
		p->used.cpus -= p->need[i].cpus;
		p->used.memory -= p->need[i].memory;
		p->over++;
		return;
	}
	fail_msg("nothing runs and nothing is started");
}

static void start_one(struct play *p, const struct test_budget *b, int i)
{
	assert_in_range(i, 0, TESTS - 1);
	assert_true(p->need[i].waiting);
	p->need[i].waiting = false;
	p->running[i] = true;
	p->used.jobs++;
	p->used.cpus += p->need[i].cpus;
	p->used.memory += p->need[i].memory;
	if (p->used.jobs == 1)
		return;
	assert_true(p->used.jobs <= b->jobs);
	assert_true(p->used.cpus <= b->cpus);
	assert_true(p->used.memory <= b->memory);
}

/* Whatever they need, all have their turn, and no budget is exceeded. */
static void everyone_runs(void **state)
{
	(void)state;
	srandom(1);
	for (unsigned int round = 0; round < 200; round++) {
		struct test_budget b = {1 + (unsigned int)random() % 6,
					1 + (unsigned int)random() % 6,
					(uint64_t)random() % 1000};
		struct play p = {.over = 0};

		for (unsigned int i = 0; i < TESTS; i++)
			p.need[i] = (struct test_need){
				true, 1 + (unsigned int)random() % 8,
				(uint64_t)random() % 1200};
		while (p.over < TESTS) {
			int i = test_next(p.need, TESTS, &b, &p.used);

			if (i >= 0)
				start_one(&p, &b, i);
			else
				stop_one(&p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_in_order),  cmocka_unit_test(budgets),
		cmocka_unit_test(small_ones_pass), cmocka_unit_test(alone),
		cmocka_unit_test(everyone_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
