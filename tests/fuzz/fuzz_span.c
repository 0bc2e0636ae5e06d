/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. Half of the runs play on a limit of at most 256 bytes and
 * compare the pool, after every step, with a model that has one number per
 * byte: 0 for a free one, else the number of the range that holds it. The
 * other half uses the whole 64-bit space and checks what must always hold.
 */
#include <errno.h>
#include <string.h>

#include "core/span.h"
#include "tests/fuzz/input.h"

typedef unsigned __int128 u128;

#define CELLS 256u

struct model {
	uint64_t base;
	unsigned int n; /* cells */
	unsigned int next;
	unsigned int cell[CELLS];
};

static bool overlap(struct span a, struct span b)
{
	return (u128)a.base < (u128)b.base + b.len &&
	       (u128)b.base < (u128)a.base + a.len;
}

static bool inside(struct span in, struct span out)
{
	return in.base >= out.base &&
	       (u128)in.base + in.len <= (u128)out.base + out.len;
}

static void check_pool(const struct span_pool *p)
{
	unsigned int i;

	must(p->n <= SPAN_POOL_MAX);
	for (i = 0; i < p->n; i++) {
		must(span_ok(p->used[i]));
		must(inside(p->used[i], p->limit));
		if (i != 0)
			must(p->used[i].base > p->used[i - 1].base &&
			     !overlap(p->used[i], p->used[i - 1]));
	}
}

/* --- arithmetic against 128 bits ---------------------------------------- */

static void arithmetic(struct input *in)
{
	struct span a = {in_number(in), in_number(in)};
	struct span b = {in_number(in), in_number(in)};
	uint64_t align = in_number(in);
	uint64_t out = 0;
	bool a_ok = a.len != 0 && (u128)a.base + a.len <= (u128)1 << 64;
	bool b_ok = b.len != 0 && (u128)b.base + b.len <= (u128)1 << 64;
	bool pow2 = __builtin_popcountll(align) == 1;
	u128 up, p2;

	must(span_ok(a) == a_ok);
	must(span_holds(a, b.base, b.len) == (a_ok && b_ok && inside(b, a)));
	if (a_ok && b_ok)
		must(span_overlaps(a, b) == overlap(a, b));
	must(is_pow2(align) == pow2);
	for (p2 = 1; p2 < a.base; p2 *= 2)
		;
	must(pow2_ceil(a.base) == (uint64_t)p2);
	up = pow2 ? ((u128)a.base + align - 1) / align * align : (u128)1 << 64;
	must(align_up(a.base, align, &out) == (up >> 64 == 0));
	if (up >> 64 == 0)
		must(out == (uint64_t)up);
}

/* --- exact: the small model --------------------------------------------- */

static unsigned int model_ranges(const struct model *m)
{
	unsigned int n = 0;
	unsigned int i;

	for (i = 0; i < m->n; i++)
		n += m->cell[i] != 0 &&
		     (i == 0 || m->cell[i] != m->cell[i - 1]);
	return n;
}

static void model_compare(const struct model *m, const struct span_pool *p)
{
	unsigned int i, j, k = 0;

	for (i = 0; i < m->n; i = j) {
		for (j = i + 1; j < m->n && m->cell[j] == m->cell[i]; j++)
			;
		if (m->cell[i] == 0)
			continue;
		must(k < p->n);
		must(p->used[k].base == m->base + i);
		must(p->used[k].len == j - i);
		k++;
	}
	must(k == p->n);
}

static bool model_free(const struct model *m, uint64_t at, uint64_t len)
{
	uint64_t i;

	if (at > m->n || len > m->n - at)
		return false;
	for (i = 0; i < len; i++) {
		if (m->cell[at + i] != 0)
			return false;
	}
	return true;
}

static void model_fill(struct model *m, uint64_t at, uint64_t len)
{
	unsigned int id = ++m->next;

	while (len-- != 0)
		m->cell[at++] = id;
}

static void model_take(struct model *m, struct span_pool *p, struct input *in)
{
	uint64_t len = in_u8(in) % 40;
	uint64_t align =
		in_u8(in) % 9 ? UINT64_C(1) << in_u8(in) % 10 : in_number(in);
	uint64_t base = 1234;
	uint64_t at = 0;
	int r = span_pool_take(p, len, align, &base);

	if (len == 0 || __builtin_popcountll(align) != 1) {
		must(r == -EINVAL && base == 1234);
		return;
	}
	while (at < m->n && ((m->base + at) % align || !model_free(m, at, len)))
		at++;
	if (at == m->n) {
		must(r == -ENOSPC && base == 1234);
	} else if (model_ranges(m) == SPAN_POOL_MAX) {
		must(r == -EMFILE && base == 1234);
	} else {
		must(r == 0 && base == m->base + at);
		model_fill(m, at, len);
	}
}

static void model_take_at(struct model *m, struct span_pool *p,
			  struct input *in)
{
	struct span s = {m->base + (uint64_t)(int8_t)in_u8(in) + 100,
			 in_u8(in) % 16};
	int r = span_pool_take_at(p, s);

	if (s.len == 0 || (u128)s.base + s.len > (u128)1 << 64)
		must(r == -EINVAL);
	else if (!inside(s, p->limit))
		must(r == -ERANGE);
	else if (!model_free(m, s.base - m->base, s.len))
		must(r == -EEXIST);
	else if (model_ranges(m) == SPAN_POOL_MAX)
		must(r == -EMFILE);
	else
		must(r == 0);
	if (r == 0)
		model_fill(m, s.base - m->base, s.len);
}

/* Relabel [from, to) and all ranges that overlap or touch it. */
static bool model_block_cells(struct model *m, unsigned int from,
			      unsigned int to)
{
	struct model old = *m;
	unsigned int left = from ? m->cell[from - 1] : 0;
	unsigned int right = to < m->n ? m->cell[to] : 0;
	unsigned int lo = from;
	unsigned int hi = to;

	while (left != 0 && lo > 0 && m->cell[lo - 1] == left)
		lo--;
	while (right != 0 && hi < m->n && m->cell[hi] == right)
		hi++;
	model_fill(m, lo, hi - lo);
	if (model_ranges(m) <= SPAN_POOL_MAX)
		return true;
	*m = old;
	return false;
}

static void model_block(struct model *m, struct span_pool *p, struct input *in)
{
	struct span s = {m->base + (uint64_t)(int8_t)in_u8(in) + 100,
			 in_u8(in) % 64};
	int r = span_pool_block(p, s);
	u128 from = s.base, to = (u128)s.base + s.len;
	u128 end = (u128)m->base + m->n;

	if (s.len == 0 || to > (u128)1 << 64) {
		must(r == -EINVAL);
		return;
	}
	from = from < m->base ? m->base : from;
	to = to > end ? end : to;
	if (from >= to)
		must(r == 0);
	else if (model_block_cells(m, (unsigned int)(from - m->base),
				   (unsigned int)(to - m->base)))
		must(r == 0);
	else
		must(r == -EMFILE);
}

static void model_give(struct model *m, struct span_pool *p, struct input *in)
{
	unsigned int from = in_u8(in) % m->n;
	unsigned int to = from;
	unsigned int how = in_u8(in);
	unsigned int id = m->cell[from];
	struct span s;

	while (from > 0 && m->cell[from - 1] == id)
		from--;
	while (to < m->n && m->cell[to] == id)
		to++;
	s = (struct span){m->base + from, to - from};
	/* Neither a free range nor one byte off a range that was taken. */
	if (id == 0 || how % 8 < 2) {
		s.len += id != 0;
		s.base -= id != 0 && how % 8 == 1;
		must(span_pool_give(p, s) == -ENOENT);
		return;
	}
	must(span_pool_give(p, s) == 0);
	memset(&m->cell[from], 0, (to - from) * sizeof(m->cell[0]));
}

static void small(struct input *in)
{
	struct model m = {0};
	struct span_pool p;
	uint8_t where = in_u8(in);

	m.n = 1 + in_u8(in);
	m.base = where & 1 ? UINT64_MAX - (m.n - 1) : where >> 1;
	must(span_pool_init(&p, (struct span){m.base, m.n}) == 0);
	while (in->n != 0) {
		switch (in_u8(in) % 4) {
		case 0:
			model_take(&m, &p, in);
			break;
		case 1:
			model_take_at(&m, &p, in);
			break;
		case 2:
			model_block(&m, &p, in);
			break;
		default:
			model_give(&m, &p, in);
			break;
		}
		check_pool(&p);
		model_compare(&m, &p);
	}
}

/* --- the whole space: what always holds --------------------------------- */

static void wide_take(struct span_pool *p, struct input *in)
{
	static struct span_pool old;
	struct span s = {0, in_number(in)};
	uint64_t align = UINT64_C(1) << in_u8(in) % 64;
	unsigned int i;

	old = *p;
	if (span_pool_take(p, s.len, align, &s.base) != 0) {
		must(memcmp(&old, p, sizeof(old)) == 0);
		return;
	}
	must(s.base % align == 0);
	must(p->n == old.n + 1);
	for (i = 0; i < old.n; i++)
		must(!overlap(old.used[i], s));
	must(span_pool_give(p, s) == 0);
	must(p->n == old.n);
	must(span_pool_take_at(p, s) == 0);
}

static void wide_block(struct span_pool *p, struct input *in)
{
	static struct span_pool old;
	struct span s = {in_number(in), in_number(in)};
	uint64_t base;
	unsigned int i, j;

	old = *p;
	if (span_pool_block(p, s) != 0) {
		must(memcmp(&old, p, sizeof(old)) == 0);
		return;
	}
	/* Nothing comes free, and the blocked range is not given out. */
	for (i = 0; i < old.n; i++) {
		for (j = 0; j < p->n && !inside(old.used[i], p->used[j]); j++)
			;
		must(j < p->n);
	}
	if (span_pool_take(p, 1, 1, &base) == 0) {
		must(base < s.base || base - s.base >= s.len);
		must(span_pool_give(p, (struct span){base, 1}) == 0);
	}
}

static void wide(struct input *in)
{
	struct span limit = {in_number(in), in_number(in)};
	struct span_pool p;

	memset(&p, 0, sizeof(p));
	if (span_pool_init(&p, limit) != 0) {
		must(!span_ok(limit));
		return;
	}
	while (in->n != 0) {
		uint8_t op = in_u8(in);

		if (op % 4 == 0 && p.n != 0)
			must(span_pool_give(&p, p.used[op / 4 % p.n]) == 0);
		else if (op % 4 == 1)
			wide_block(&p, in);
		else
			wide_take(&p, in);
		check_pool(&p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint8_t how = in_u8(&in);

	arithmetic(&in);
	if (how & 1)
		small(&in);
	else
		wide(&in);
	return 0;
}
