/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_REACH_CHECK_H
#define TESTS_UNIT_REACH_CHECK_H

#include <string.h>

#include "vfio/reach.h"

/*
 * What vfio/reach.h promises of any device, written down a second time: each
 * address of a slice is walked as a page walker would meet it, taking the
 * largest page that begins there and fits.
 */

/* Largest of @block at @pos that ends by @end. */
static inline unsigned int reach_step(const uint64_t block[3], uint64_t pos,
				      uint64_t end)
{
	unsigned int k = 0;

	while (k < 2 && block[k + 1] &&
	       (pos % block[k] != 0 || end - pos < block[k]))
		k++;
	return k;
}

/* Without the blocks over @cap. */
static inline void reach_capped(uint64_t block[3], uint64_t cap)
{
	while (block[0] > cap && block[1]) {
		block[0] = block[1];
		block[1] = block[2];
		block[2] = 0;
	}
}

struct reach_oracle {
	uint64_t block[3];
	uint64_t count[3];
	uint64_t largest;
	unsigned int runs;
};

static inline void reach_walk(struct reach_oracle *o, const uint64_t block[3],
			      const struct bar_slice *s)
{
	uint64_t pos = s->off, end = s->off + s->len, last = 0;

	memset(o, 0, sizeof(*o));
	memcpy(o->block, block, sizeof(o->block));
	while (pos < end) {
		unsigned int k = reach_step(block, pos, end);
		uint64_t n = 1;

		/* The largest repeat without anything changing. */
		if (k == 0)
			n = (end - pos) / block[0];
		o->count[k] += n;
		o->runs += block[k] != last;
		last = block[k];
		if (o->largest < last)
			o->largest = last;
		pos += n * block[k];
	}
}

static inline const char *reach_check_runs(const struct reach_oracle *o,
					   const struct bar_slice *s,
					   const struct reach_run *run,
					   unsigned int n)
{
	uint64_t pos = s->off;

	if (n != o->runs)
		return "another number of runs";
	for (unsigned int i = 0; i < n; i++) {
		if (run[i].off != pos || run[i].len == 0)
			return "runs do not follow each other";
		if (run[i].page == 0 || run[i].off % run[i].page ||
		    run[i].len % run[i].page)
			return "a run is not of whole pages";
		pos += run[i].len;
	}
	return pos == s->off + s->len ? NULL : "runs do not cover the slice";
}

/* @cap: the largest page that the host's facts allow in table @t. */
static inline const char *reach_check(const struct reach_dev *d,
				      unsigned int bar, enum reach_table t,
				      uint64_t cap)
{
	const struct bar_plan *p = &d->plan->bar[bar];
	struct bar_leaves l;
	uint64_t block[3], sum[3] = {0, 0, 0};

	reach_blocks(d->host, t, block);
	reach_capped(block, cap);
	for (unsigned int i = 0; i < p->n; i++) {
		struct reach_run run[REACH_RUNS_MAX];
		struct reach r[REACH_TABLES];
		struct reach_oracle o;
		const char *bad;

		reach_slice(d, bar, i, r);
		if ((unsigned int)r[t].why >= REACH_WHY_MAX)
			return "no reason";
		if (p->slice[i].kind != BAR_MAP && r[t].page)
			return "a page of what is not mapped";
		if (p->slice[i].kind != BAR_MAP)
			continue;
		reach_walk(&o, block, &p->slice[i]);
		if (r[t].page != o.largest)
			return "another largest page";
		if (r[t].why >= REACH_TRAP_IO)
			return "a reason for what is not mapped";
		bad = reach_check_runs(&o, &p->slice[i], run,
				       reach_runs(d, bar, i, t, run));
		if (bad)
			return bad;
		for (unsigned int k = 0; k < 3; k++)
			sum[k] += o.count[k];
	}
	reach_leaves(d, bar, t, &l);
	for (unsigned int k = 0, at = 0; k < 3 && l.block[k]; k++) {
		uint64_t want = l.block[k] == block[at] ? sum[at++] : 0;

		if (l.count[k] != want)
			return "another number of entries";
	}
	return NULL;
}

#endif
