/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BAR_PLAN_TEXT_H
#define TESTS_BAR_PLAN_TEXT_H

#include <stdarg.h>
#include <stdio.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/bar_plan_check.h"

/*
 * Plans as text, so that a table of cases can say what it expects: the slices
 * of a BAR in order, M(ap), T(rap) or V(irtual), each with its length in hex.
 */

#define TEXT_MAX 4096

#define KIB	 1024ull
#define MIB	 (1024 * KIB)
#define GIB	 (1024 * MIB)
#define TIB	 (1024 * GIB)

__attribute__((format(printf, 3, 4))) static size_t
text_add(char *text, size_t at, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text + at, TEXT_MAX - at, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < TEXT_MAX - at);
	return at + (size_t)n;
}

static size_t text_slices(char *text, size_t at, const struct bar_plan *p)
{
	static const char letter[] = {
		[BAR_MAP] = 'M', [BAR_TRAP] = 'T', [BAR_VIRTUAL] = 'V'};

	for (unsigned int i = 0; i < p->n; i++)
		at = text_add(text, at, "%s%c%llx", i ? " " : "",
			      letter[p->slice[i].kind],
			      (unsigned long long)p->slice[i].len);
	return at;
}

/* Plan, hold the result against every promise, and keep it in @plan. */
static void plan_checked(struct dev_plan *plan, const struct bar_shape *shape,
			 const struct msix_shape *msix, uint64_t page,
			 uint64_t min_align)
{
	struct check c = {shape, msix, plan, page, min_align};
	const char *bad;

	memset(plan, 0xa5, sizeof(*plan));
	dev_plan_make(plan, shape, msix, page, min_align);
	bad = check_plan(&c);
	if (bad)
		fail_msg("%s", bad);
}

#endif
