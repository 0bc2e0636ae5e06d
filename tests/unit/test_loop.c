/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "vmm/loop.h"

struct watched {
	struct loop *loop;
	int p[2];
	unsigned int calls;
	struct watched *replace, *by; /* in the loop, when called */
};

static void on_readable(void *ctx)
{
	struct watched *w = ctx;

	w->calls++;
	if (!w->replace)
		return;
	loop_remove(w->loop, w->replace->p[0]);
	assert_int_equal(loop_add(w->loop, w->by->p[0], on_readable, w->by), 0);
}

static void watch(struct loop *l, struct watched *w)
{
	w->loop = l;
	w->calls = 0;
	w->replace = NULL;
	assert_int_equal(pipe(w->p), 0);
}

/*
 * One handler takes a file out of the loop and puts another one in its place:
 * the event that the first one had in the same round is not the other's, which
 * would wait in read().
 */
static void old_event_is_not_the_new_ones(void **state)
{
	struct watched a, b, c;
	struct loop l;

	(void)state;
	assert_int_equal(loop_init(&l), 0);
	watch(&l, &a);
	watch(&l, &b);
	watch(&l, &c);
	assert_int_equal(loop_add(&l, a.p[0], on_readable, &a), 0);
	assert_int_equal(loop_add(&l, b.p[0], on_readable, &b), 0);
	/* Whichever comes first replaces the other. */
	a.replace = &b;
	a.by = &c;
	b.replace = &a;
	b.by = &c;
	assert_int_equal(write(a.p[1], "x", 1), 1);
	assert_int_equal(write(b.p[1], "x", 1), 1);
	loop_once(&l, 1000);
	assert_int_equal(a.calls + b.calls, 1);
	assert_int_equal(c.calls, 0);
	a.replace = b.replace = NULL;
	assert_int_equal(write(c.p[1], "x", 1), 1);
	loop_once(&l, 1000);
	assert_int_equal(c.calls, 1);
	loop_fini(&l);
	for (unsigned int i = 0; i < 2; i++) {
		close(a.p[i]);
		close(b.p[i]);
		close(c.p[i]);
	}
}

static void full(void **state)
{
	struct watched w[LOOP_MAX + 1];
	struct loop l;

	(void)state;
	assert_int_equal(loop_init(&l), 0);
	for (unsigned int i = 0; i <= LOOP_MAX; i++) {
		watch(&l, &w[i]);
		assert_int_equal(loop_add(&l, w[i].p[0], on_readable, &w[i]),
				 i < LOOP_MAX ? 0 : -ENOSPC);
	}
	/* There is room again when one goes. */
	loop_remove(&l, w[7].p[0]);
	assert_int_equal(
		loop_add(&l, w[LOOP_MAX].p[0], on_readable, &w[LOOP_MAX]), 0);
	assert_int_equal(write(w[LOOP_MAX].p[1], "x", 1), 1);
	loop_once(&l, 1000);
	assert_int_equal(w[LOOP_MAX].calls, 1);
	loop_fini(&l);
	for (unsigned int i = 0; i <= LOOP_MAX; i++) {
		close(w[i].p[0]);
		close(w[i].p[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_event_is_not_the_new_ones),
		cmocka_unit_test(full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
