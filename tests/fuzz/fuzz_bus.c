/* SPDX-License-Identifier: Apache-2.0 */
/* Every answer is compared with a plain list searched with 128-bit numbers. */
#include <errno.h>
#include <string.h>

#include "core/bus.h"
#include "tests/fuzz/input.h"

typedef unsigned __int128 u128;

static struct device devices[4];

struct model {
	bool sealed;
	unsigned int n;
	struct bus_entry entry[BUS_MAX];
};

static int expected_add(const struct model *m, struct span s,
			const struct device *dev)
{
	unsigned int i;

	if (m->sealed)
		return -EPERM;
	if (s.len == 0 || (u128)s.base + s.len > (u128)1 << 64 || dev == NULL)
		return -EINVAL;
	for (i = 0; i < m->n; i++) {
		struct span o = m->entry[i].span;

		if ((u128)s.base < (u128)o.base + o.len &&
		    (u128)o.base < (u128)s.base + s.len)
			return -EEXIST;
	}
	return m->n == BUS_MAX ? -ENOSPC : 0;
}

static void add(struct model *m, struct bus *b, struct input *in)
{
	struct span s = {in_number(in), in_number(in)};
	uint8_t which = in_u8(in);
	struct device *dev = which % 5 ? &devices[which % 5 - 1] : NULL;
	int r = bus_add(b, s, dev, which);

	must(r == expected_add(m, s, dev));
	if (r == 0)
		m->entry[m->n++] = (struct bus_entry){s, dev, which};
}

/* One after the other until the bus is full. */
static void add_row(struct model *m, struct bus *b, struct input *in)
{
	struct span s = {in_number(in), 1 + in_u8(in) % 16};
	unsigned int n = in_u8(in) % (BUS_MAX + 2);
	int r;

	for (; n != 0; n--, s.base += s.len) {
		r = bus_add(b, s, &devices[0], n);
		must(r == expected_add(m, s, &devices[0]));
		if (r == 0)
			m->entry[m->n++] =
				(struct bus_entry){s, &devices[0], n};
	}
}

static void find(const struct model *m, const struct bus *b, uint64_t addr,
		 unsigned int len)
{
	const struct bus_entry *e = bus_find(b, addr, len);
	const struct bus_entry *want = NULL;
	unsigned int i;

	for (i = 0; i < m->n; i++) {
		struct span s = m->entry[i].span;

		if (len == 0 || addr < s.base ||
		    (u128)addr + len > (u128)s.base + s.len)
			continue;
		must(want == NULL);
		want = &m->entry[i];
	}
	must((e == NULL) == (want == NULL));
	if (e == NULL)
		return;
	must(e >= b->entry && e < b->entry + b->n);
	must(e->span.base == want->span.base && e->span.len == want->span.len);
	must(e->dev == want->dev && e->region == want->region);
}

static void find_at_edges(const struct model *m, const struct bus *b,
			  struct span s)
{
	unsigned int d, len;

	for (d = 0; d < 3; d++) {
		for (len = 0; len <= 8; len++) {
			find(m, b, s.base + d - 1, len);
			find(m, b, s.base + s.len + d - len - 1, len);
		}
	}
}

static void check_sorted(const struct bus *b)
{
	unsigned int i;

	must(b->n <= BUS_MAX);
	for (i = 1; i < b->n; i++)
		must((u128)b->entry[i - 1].span.base +
			     b->entry[i - 1].span.len <=
		     b->entry[i].span.base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct bus b;
	struct model m = {0};
	unsigned int i;

	/* What stands behind the last entry must not matter. */
	memset(&b, 0xa5, sizeof(b));
	for (i = 0; i < BUS_MAX; i++)
		b.entry[i].span = (struct span){0, UINT64_MAX};
	b.sealed = false;
	b.n = 0;
	while (in.n != 0) {
		uint8_t op = in_u8(&in);
		uint64_t addr;

		if (op & 1) {
			add(&m, &b, &in);
		} else if (op == 0xfe) {
			bus_seal(&b);
			m.sealed = true;
		} else if (op & 2) {
			add_row(&m, &b, &in);
		} else {
			addr = in_number(&in);
			find(&m, &b, addr, (unsigned int)in_number(&in));
		}
		check_sorted(&b);
		must(b.n == m.n);
	}
	for (i = 0; i < m.n; i++)
		find_at_edges(&m, &b, m.entry[i].span);
	return 0;
}
