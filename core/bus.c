/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bus.h"

#include <errno.h>
#include <string.h>

/* Index of the first entry that does not end before @addr; n if none. */
static unsigned int bus_search(const struct bus *b, uint64_t addr)
{
	unsigned int lo = 0;
	unsigned int hi = b->n;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (span_last(b->entry[mid].span) < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int bus_add(struct bus *b, struct span s, struct device *dev,
	    unsigned int region)
{
	unsigned int at;

	if (b->sealed)
		return -EPERM;
	if (!span_ok(s) || dev == NULL)
		return -EINVAL;
	at = bus_search(b, s.base);
	if (at < b->n && span_overlaps(b->entry[at].span, s))
		return -EEXIST;
	if (b->n >= BUS_MAX)
		return -ENOSPC;
	memmove(&b->entry[at + 1], &b->entry[at],
		(b->n - at) * sizeof(b->entry[0]));
	b->entry[at] = (struct bus_entry){s, dev, region};
	b->n++;
	return 0;
}

void bus_seal(struct bus *b)
{
	b->sealed = true;
}

const struct bus_entry *bus_find(const struct bus *b, uint64_t addr,
				 unsigned int len)
{
	unsigned int at = bus_search(b, addr);

	if (at >= b->n || !span_holds(b->entry[at].span, addr, len))
		return NULL;
	return &b->entry[at];
}
