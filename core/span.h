/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_SPAN_H
#define CORE_SPAN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A range of bytes of some address space: [base, base + len). A valid span is
 * not empty and its last byte does not pass UINT64_MAX.
 */
struct span {
	uint64_t base;
	uint64_t len;
};

bool span_ok(struct span s);
/* Address of the last byte. @s must be valid. */
uint64_t span_last(struct span s);
/* Whether [base, base + len) lies wholly in @s; false for len 0 or a wrap. */
bool span_holds(struct span s, uint64_t base, uint64_t len);
/* Whether two valid spans share a byte. */
bool span_overlaps(struct span a, struct span b);

/* Smallest power of two >= v; 0 gives 1, more than 2^63 gives 0. */
uint64_t pow2_ceil(uint64_t v);
bool is_pow2(uint64_t v);
/* Round up to a power of two @align: false when that passes UINT64_MAX. */
bool align_up(uint64_t v, uint64_t align, uint64_t *out);

#define SPAN_POOL_MAX 96

/*
 * Places ranges in one limit. `used` is sorted by base, disjoint, and inside
 * the limit at all times.
 */
struct span_pool {
	struct span limit;
	unsigned int n;
	struct span used[SPAN_POOL_MAX];
};

/* @limit must be valid (-EINVAL). */
int span_pool_init(struct span_pool *p, struct span limit);
/*
 * Take the lowest free range of @len bytes whose base is a multiple of @align
 * (a power of two). 0 and *base, -EINVAL (bad len or align), -ENOSPC (no such
 * hole) or -EMFILE (more than SPAN_POOL_MAX ranges).
 */
int span_pool_take(struct span_pool *p, uint64_t len, uint64_t align,
		   uint64_t *base);
/* Take exactly @s: -EINVAL, -ERANGE outside the limit, -EEXIST, -EMFILE. */
int span_pool_take_at(struct span_pool *p, struct span s);
/*
 * Keep everything else out of @s: parts outside the limit or already taken are
 * no error, what overlaps or touches is merged. -EINVAL or -EMFILE.
 */
int span_pool_block(struct span_pool *p, struct span s);
/* Give back a range exactly as taken: -ENOENT. */
int span_pool_give(struct span_pool *p, struct span s);

#endif
