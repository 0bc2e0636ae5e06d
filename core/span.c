/* SPDX-License-Identifier: Apache-2.0 */
#include "core/span.h"

#include <errno.h>
#include <string.h>

/*
 * Everything below counts with the last byte of a range instead of its end:
 * the end of a range that reaches UINT64_MAX would be 0.
 */

bool span_ok(struct span s)
{
	return s.len != 0 && s.len - 1 <= UINT64_MAX - s.base;
}

uint64_t span_last(struct span s)
{
	return s.base + (s.len - 1);
}

bool span_holds(struct span s, uint64_t base, uint64_t len)
{
	struct span in = {base, len};

	return span_ok(s) && span_ok(in) && base >= s.base &&
	       span_last(in) <= span_last(s);
}

bool span_overlaps(struct span a, struct span b)
{
	return a.base <= span_last(b) && b.base <= span_last(a);
}

uint64_t pow2_ceil(uint64_t v)
{
	if (v <= 1)
		return 1;
	if (v > UINT64_C(1) << 63)
		return 0;
	return UINT64_C(1) << (64 - __builtin_clzll(v - 1));
}

bool is_pow2(uint64_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

bool align_up(uint64_t v, uint64_t align, uint64_t *out)
{
	if (!is_pow2(align) || v > UINT64_MAX - (align - 1))
		return false;
	*out = (v + (align - 1)) & ~(align - 1);
	return true;
}

int span_pool_init(struct span_pool *p, struct span limit)
{
	if (!span_ok(limit))
		return -EINVAL;
	p->limit = limit;
	p->n = 0;
	return 0;
}

static int pool_insert(struct span_pool *p, unsigned int at, struct span s)
{
	if (p->n >= SPAN_POOL_MAX)
		return -EMFILE;
	memmove(&p->used[at + 1], &p->used[at],
		(p->n - at) * sizeof(p->used[0]));
	p->used[at] = s;
	p->n++;
	return 0;
}

static void pool_remove(struct span_pool *p, unsigned int at, unsigned int n)
{
	memmove(&p->used[at], &p->used[at + n],
		(p->n - at - n) * sizeof(p->used[0]));
	p->n -= n;
}

/* Whether @len bytes aligned to @align fit in [lo, last]. */
static bool hole_fits(uint64_t lo, uint64_t last, uint64_t len, uint64_t align,
		      uint64_t *base)
{
	return align_up(lo, align, base) && *base <= last &&
	       last - *base >= len - 1;
}

/* Find the lowest fit: its base and the index it gets in `used`. */
static int pool_search(const struct span_pool *p, uint64_t len, uint64_t align,
		       uint64_t *base, unsigned int *at)
{
	uint64_t lo = p->limit.base;
	uint64_t limit_last = span_last(p->limit);
	unsigned int i;

	*at = 0;
	for (i = 0; i < p->n; i++) {
		struct span u = p->used[i];

		*at = i;
		if (u.base > lo && hole_fits(lo, u.base - 1, len, align, base))
			return 0;
		if (span_last(u) >= limit_last)
			return -ENOSPC;
		lo = span_last(u) + 1;
	}
	*at = p->n;
	return hole_fits(lo, limit_last, len, align, base) ? 0 : -ENOSPC;
}

int span_pool_take(struct span_pool *p, uint64_t len, uint64_t align,
		   uint64_t *base)
{
	struct span s = {.len = len};
	unsigned int at;
	int r;

	if (len == 0 || !is_pow2(align))
		return -EINVAL;
	r = pool_search(p, len, align, &s.base, &at);
	if (r == 0)
		r = pool_insert(p, at, s);
	if (r == 0)
		*base = s.base;
	return r;
}

int span_pool_take_at(struct span_pool *p, struct span s)
{
	unsigned int at = 0;

	if (!span_ok(s))
		return -EINVAL;
	if (!span_holds(p->limit, s.base, s.len))
		return -ERANGE;
	while (at < p->n && span_last(p->used[at]) < s.base)
		at++;
	if (at < p->n && span_overlaps(p->used[at], s))
		return -EEXIST;
	return pool_insert(p, at, s);
}

/* Whether @a ends before @b begins with at least one byte between them. */
static bool apart(struct span a, struct span b)
{
	return span_last(a) < b.base && b.base - span_last(a) > 1;
}

int span_pool_block(struct span_pool *p, struct span s)
{
	uint64_t lo = s.base;
	uint64_t last;
	unsigned int at = 0;
	unsigned int n = 0;

	if (!span_ok(s))
		return -EINVAL;
	if (!span_overlaps(p->limit, s))
		return 0;
	last = span_last(s);
	if (lo < p->limit.base)
		lo = p->limit.base;
	if (last > span_last(p->limit))
		last = span_last(p->limit);
	s = (struct span){lo, last - lo + 1};

	while (at < p->n && apart(p->used[at], s))
		at++;
	/* A range merged in can be no longer given back on its own. */
	for (; at + n < p->n && !apart(s, p->used[at + n]); n++) {
		struct span u = p->used[at + n];

		lo = u.base < lo ? u.base : lo;
		last = span_last(u) > last ? span_last(u) : last;
	}
	pool_remove(p, at, n);
	return pool_insert(p, at, (struct span){lo, last - lo + 1});
}

int span_pool_give(struct span_pool *p, struct span s)
{
	unsigned int i;

	for (i = 0; i < p->n; i++) {
		if (p->used[i].base == s.base && p->used[i].len == s.len) {
			pool_remove(p, i, 1);
			return 0;
		}
	}
	return -ENOENT;
}
