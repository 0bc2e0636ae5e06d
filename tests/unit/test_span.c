/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>

#include "core/span.h"

#define TOP UINT64_MAX

static struct span mk(uint64_t base, uint64_t len)
{
	return (struct span){base, len};
}

static void assert_used(const struct span_pool *p, unsigned int i,
			uint64_t base, uint64_t len)
{
	assert_true(i < p->n);
	assert_int_equal(p->used[i].base, base);
	assert_int_equal(p->used[i].len, len);
}

static void valid_spans(void **state)
{
	(void)state;
	assert_false(span_ok(mk(0, 0)));
	assert_false(span_ok(mk(TOP, 0)));
	assert_true(span_ok(mk(0, 1)));
	assert_true(span_ok(mk(0, TOP)));
	assert_true(span_ok(mk(1, TOP)));
	assert_false(span_ok(mk(2, TOP)));
	assert_true(span_ok(mk(TOP, 1)));
	assert_false(span_ok(mk(TOP, 2)));
	assert_int_equal(span_last(mk(1, TOP)), TOP);
	assert_int_equal(span_last(mk(5, 1)), 5);
}

static void holds(void **state)
{
	struct span s = mk(0x1000, 0x1000);
	struct span top = mk(TOP - 3, 4);

	(void)state;
	assert_true(span_holds(s, 0x1000, 0x1000));
	assert_true(span_holds(s, 0x1fff, 1));
	assert_false(span_holds(s, 0x0fff, 1));
	assert_false(span_holds(s, 0x0fff, 2));
	assert_false(span_holds(s, 0x2000, 1));
	assert_false(span_holds(s, 0x1fff, 2));
	assert_false(span_holds(s, 0x1800, 0));
	assert_false(span_holds(s, 0x1800, TOP));
	assert_true(span_holds(top, TOP, 1));
	assert_false(span_holds(top, TOP, 2));
	assert_false(span_holds(mk(0, 0), 0, 1));
}

static void overlaps(void **state)
{
	(void)state;
	assert_true(span_overlaps(mk(0, 2), mk(1, 1)));
	assert_true(span_overlaps(mk(1, 1), mk(0, 2)));
	assert_false(span_overlaps(mk(0, 2), mk(2, 1)));
	assert_false(span_overlaps(mk(2, 1), mk(0, 2)));
	assert_true(span_overlaps(mk(1, TOP), mk(TOP, 1)));
	assert_false(span_overlaps(mk(0, TOP), mk(TOP, 1)));
}

static void powers(void **state)
{
	uint64_t top = UINT64_C(1) << 63;
	uint64_t v = 7;

	(void)state;
	assert_int_equal(pow2_ceil(0), 1);
	assert_int_equal(pow2_ceil(1), 1);
	assert_int_equal(pow2_ceil(2), 2);
	assert_int_equal(pow2_ceil(3), 4);
	assert_int_equal(pow2_ceil(0x100001), 0x200000);
	assert_int_equal(pow2_ceil(top - 1), top);
	assert_int_equal(pow2_ceil(top), top);
	assert_int_equal(pow2_ceil(top + 1), 0);
	assert_false(is_pow2(0));
	assert_true(is_pow2(1));
	assert_false(is_pow2(3));
	assert_true(is_pow2(top));

	assert_true(align_up(0, 0x1000, &v));
	assert_int_equal(v, 0);
	assert_true(align_up(1, 0x1000, &v));
	assert_int_equal(v, 0x1000);
	assert_true(align_up(0x1000, 0x1000, &v));
	assert_int_equal(v, 0x1000);
	assert_true(align_up(TOP - 0xfff, 0x1000, &v));
	assert_int_equal(v, TOP - 0xfff);
	v = 7;
	assert_false(align_up(TOP - 0xffe, 0x1000, &v));
	assert_false(align_up(8, 0, &v));
	assert_false(align_up(8, 24, &v));
	assert_int_equal(v, 7);
	assert_true(align_up(TOP, 1, &v));
	assert_int_equal(v, TOP);
}

static void take_lowest(void **state)
{
	struct span_pool p;
	uint64_t base = 0;

	(void)state;
	assert_int_equal(span_pool_init(&p, mk(0, 0)), -EINVAL);
	assert_int_equal(span_pool_init(&p, mk(0x1100, 0x10000)), 0);
	assert_int_equal(span_pool_take(&p, 0x100, 0x1000, &base), 0);
	assert_int_equal(base, 0x2000);
	/* The hole below it is still there for what fits. */
	assert_int_equal(span_pool_take(&p, 0xf00, 0x100, &base), 0);
	assert_int_equal(base, 0x1100);
	assert_int_equal(span_pool_take(&p, 0x1000, 0x1000, &base), 0);
	assert_int_equal(base, 0x3000);
	assert_int_equal(span_pool_take(&p, 0xf00, 1, &base), 0);
	assert_int_equal(base, 0x2100);
	assert_int_equal(p.n, 4);
	assert_used(&p, 0, 0x1100, 0xf00);
	assert_used(&p, 1, 0x2000, 0x100);
	assert_used(&p, 2, 0x2100, 0xf00);
	assert_used(&p, 3, 0x3000, 0x1000);
}

static void take_refused(void **state)
{
	struct span_pool p;
	uint64_t base = 42;

	(void)state;
	assert_int_equal(span_pool_init(&p, mk(0x1000, 0x1000)), 0);
	assert_int_equal(span_pool_take(&p, 0, 1, &base), -EINVAL);
	assert_int_equal(span_pool_take(&p, 1, 0, &base), -EINVAL);
	assert_int_equal(span_pool_take(&p, 1, 3, &base), -EINVAL);
	assert_int_equal(span_pool_take(&p, 0x1001, 1, &base), -ENOSPC);
	assert_int_equal(span_pool_take(&p, TOP, 1, &base), -ENOSPC);
	assert_int_equal(span_pool_take(&p, 1, 0x2000, &base), -ENOSPC);
	assert_int_equal(base, 42);
	assert_int_equal(p.n, 0);
	assert_int_equal(span_pool_take(&p, 0x1000, 0x1000, &base), 0);
	assert_int_equal(base, 0x1000);
	assert_int_equal(span_pool_take(&p, 1, 1, &base), -ENOSPC);
}

static void take_at_the_edges(void **state)
{
	struct span_pool p;
	uint64_t base;

	(void)state;
	assert_int_equal(span_pool_init(&p, mk(1, TOP)), 0);
	assert_int_equal(span_pool_take_at(&p, mk(TOP, 1)), 0);
	assert_int_equal(span_pool_take(&p, TOP - 1, 1, &base), 0);
	assert_int_equal(base, 1);
	assert_int_equal(span_pool_take(&p, 1, 1, &base), -ENOSPC);

	assert_int_equal(span_pool_init(&p, mk(0, TOP)), 0);
	assert_int_equal(span_pool_take(&p, 1, UINT64_C(1) << 63, &base), 0);
	assert_int_equal(base, 0);
	assert_int_equal(span_pool_take(&p, 1, UINT64_C(1) << 63, &base), 0);
	assert_int_equal(base, UINT64_C(1) << 63);
	assert_int_equal(span_pool_take(&p, 1, UINT64_C(1) << 63, &base),
			 -ENOSPC);
}

static void take_at(void **state)
{
	struct span_pool p;

	(void)state;
	assert_int_equal(span_pool_init(&p, mk(0x1000, 0x1000)), 0);
	assert_int_equal(span_pool_take_at(&p, mk(0x1400, 0)), -EINVAL);
	assert_int_equal(span_pool_take_at(&p, mk(TOP, 2)), -EINVAL);
	assert_int_equal(span_pool_take_at(&p, mk(0xfff, 2)), -ERANGE);
	assert_int_equal(span_pool_take_at(&p, mk(0x1fff, 2)), -ERANGE);
	assert_int_equal(span_pool_take_at(&p, mk(0x1400, 0x100)), 0);
	assert_int_equal(span_pool_take_at(&p, mk(0x1400, 1)), -EEXIST);
	assert_int_equal(span_pool_take_at(&p, mk(0x13ff, 2)), -EEXIST);
	assert_int_equal(span_pool_take_at(&p, mk(0x14ff, 2)), -EEXIST);
	assert_int_equal(span_pool_take_at(&p, mk(0x1000, 0x1000)), -EEXIST);
	assert_int_equal(span_pool_take_at(&p, mk(0x1500, 0x100)), 0);
	assert_int_equal(span_pool_take_at(&p, mk(0x1300, 0x100)), 0);
	assert_used(&p, 0, 0x1300, 0x100);
	assert_used(&p, 1, 0x1400, 0x100);
	assert_used(&p, 2, 0x1500, 0x100);
}

static void full(void **state)
{
	struct span_pool p;
	uint64_t base = 42;
	unsigned int i;

	(void)state;
	assert_int_equal(span_pool_init(&p, mk(0, 0x1000)), 0);
	for (i = 0; i < SPAN_POOL_MAX; i++)
		assert_int_equal(span_pool_take_at(&p, mk(i * 4 + 2, 1)), 0);
	assert_int_equal(span_pool_take(&p, 1, 1, &base), -EMFILE);
	assert_int_equal(base, 42);
	assert_int_equal(span_pool_take_at(&p, mk(0, 1)), -EMFILE);
	assert_int_equal(span_pool_block(&p, mk(0, 1)), -EMFILE);
	/* What merges needs no place; what was refused changed nothing. */
	assert_int_equal(p.n, SPAN_POOL_MAX);
	assert_int_equal(span_pool_block(&p, mk(1, 1)), 0);
	assert_used(&p, 0, 1, 2);
	assert_int_equal(span_pool_block(&p, mk(0, 0x1000)), 0);
	assert_int_equal(p.n, 1);
	assert_used(&p, 0, 0, 0x1000);
}

static void block_clips(void **state)
{
	struct span_pool p;

	(void)state;
	assert_int_equal(span_pool_init(&p, mk(0x1000, 0x1000)), 0);
	assert_int_equal(span_pool_block(&p, mk(0x1000, 0)), -EINVAL);
	assert_int_equal(span_pool_block(&p, mk(2, TOP)), -EINVAL);
	assert_int_equal(span_pool_block(&p, mk(0, 0x1000)), 0);
	assert_int_equal(span_pool_block(&p, mk(0x2000, 0x1000)), 0);
	assert_int_equal(p.n, 0);
	assert_int_equal(span_pool_block(&p, mk(0, 0x1100)), 0);
	assert_int_equal(span_pool_block(&p, mk(0x1f00, TOP - 0x1f00)), 0);
	assert_int_equal(p.n, 2);
	assert_used(&p, 0, 0x1000, 0x100);
	assert_used(&p, 1, 0x1f00, 0x100);

	assert_int_equal(span_pool_init(&p, mk(1, TOP)), 0);
	assert_int_equal(span_pool_block(&p, mk(0, TOP)), 0);
	assert_int_equal(span_pool_block(&p, mk(1, TOP)), 0);
	assert_int_equal(p.n, 1);
	assert_used(&p, 0, 1, TOP);
}

static void block_merges(void **state)
{
	struct span_pool p;
	uint64_t base;

	(void)state;
	assert_int_equal(span_pool_init(&p, mk(0, 0x1000)), 0);
	assert_int_equal(span_pool_take_at(&p, mk(0x100, 0x10)), 0);
	assert_int_equal(span_pool_take_at(&p, mk(0x110, 0x10)), 0);
	assert_int_equal(span_pool_take_at(&p, mk(0x200, 0x10)), 0);
	assert_int_equal(span_pool_take_at(&p, mk(0x300, 0x10)), 0);
	/* Touches the second at its end, overlaps the third; not the first. */
	assert_int_equal(span_pool_block(&p, mk(0x120, 0xe8)), 0);
	assert_int_equal(p.n, 3);
	assert_used(&p, 0, 0x100, 0x10);
	assert_used(&p, 1, 0x110, 0x100);
	assert_used(&p, 2, 0x300, 0x10);
	/* One byte short of touching. */
	assert_int_equal(span_pool_block(&p, mk(0x211, 0xee)), 0);
	assert_int_equal(p.n, 4);
	assert_int_equal(span_pool_give(&p, mk(0x200, 0x10)), -ENOENT);
	assert_int_equal(span_pool_give(&p, mk(0x100, 0x10)), 0);
	assert_int_equal(span_pool_take(&p, 0x110, 0x10, &base), 0);
	assert_int_equal(base, 0);
}

static void give(void **state)
{
	struct span_pool p;

	(void)state;
	assert_int_equal(span_pool_init(&p, mk(0, 0x1000)), 0);
	assert_int_equal(span_pool_give(&p, mk(0, 1)), -ENOENT);
	assert_int_equal(span_pool_take_at(&p, mk(0x100, 0x10)), 0);
	assert_int_equal(span_pool_take_at(&p, mk(0x200, 0x10)), 0);
	assert_int_equal(span_pool_give(&p, mk(0x100, 0xf)), -ENOENT);
	assert_int_equal(span_pool_give(&p, mk(0x101, 0x10)), -ENOENT);
	assert_int_equal(span_pool_give(&p, mk(0x100, 0x10)), 0);
	assert_int_equal(p.n, 1);
	assert_used(&p, 0, 0x200, 0x10);
	assert_int_equal(span_pool_give(&p, mk(0x100, 0x10)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_spans),
		cmocka_unit_test(holds),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(powers),
		cmocka_unit_test(take_lowest),
		cmocka_unit_test(take_refused),
		cmocka_unit_test(take_at_the_edges),
		cmocka_unit_test(take_at),
		cmocka_unit_test(full),
		cmocka_unit_test(block_clips),
		cmocka_unit_test(block_merges),
		cmocka_unit_test(give),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
