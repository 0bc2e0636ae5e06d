/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/bar_plan_check.h"

/*
 * The input is read as a small language of shapes, biased towards the edges
 * where planning goes wrong: values near pages, powers of two and the ends of
 * the region. Whatever comes out is held against every promise of the header.
 */

struct feed {
	const uint8_t *data;
	size_t left;
};

static unsigned int feed_byte(struct feed *f)
{
	if (f->left == 0)
		return 0;
	f->left--;
	return *f->data++;
}

static uint64_t feed_raw(struct feed *f, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | feed_byte(f);
	return v;
}

/* A power of two, or a few units beside it, or anything. */
static uint64_t feed_size(struct feed *f)
{
	unsigned int how = feed_byte(f);
	uint64_t v = 1ull << (feed_byte(f) % 64);

	switch (how % 8) {
	case 0:
		return feed_raw(f, 8);
	case 1:
		return v + feed_raw(f, 2);
	case 2:
		return v - feed_raw(f, 2);
	case 3:
		return v + feed_raw(f, 1) * 4096;
	case 4:
		return feed_raw(f, 3);
	default:
		return v;
	}
}

/* An offset in, at the end of, or around a region of @size bytes. */
static uint64_t feed_off(struct feed *f, uint64_t size)
{
	unsigned int how = feed_byte(f);

	/* In the middle of one of many areas, see feed_areas(). */
	if (how >= 224)
		return 4096ull * (4 * (how % 32) + 2) + 8 + feed_raw(f, 1) * 8;
	switch (how % 8) {
	case 0:
		return feed_raw(f, 8);
	case 1:
		return size - feed_raw(f, 2);
	case 2:
		return feed_raw(f, 2) * 8;
	case 3:
		return feed_raw(f, 2) * 4096;
	case 4:
		return size ? feed_raw(f, 8) % size & -4096ull : 0;
	case 5:
		return size ? feed_raw(f, 8) % size & -8ull : 0;
	default:
		return feed_raw(f, 1) * 4096;
	}
}

static void feed_areas(struct feed *f, struct bar_shape *s)
{
	unsigned int how = feed_byte(f);

	/* As many as there can be: only so can the list of slices overflow. */
	if (how >= 224) {
		s->n_areas = BAR_AREAS_MAX + how % 2;
		s->size = 4096ull * (4 * BAR_AREAS_MAX + how % 8);
		for (unsigned int i = 0; i < BAR_AREAS_MAX; i++)
			s->area[i] =
				(struct span){(4 * i + 1) * 4096, 3 * 4096};
		return;
	}
	s->n_areas = how % 8;
	for (unsigned int i = 0; i < s->n_areas; i++) {
		s->area[i].base = feed_off(f, s->size);
		s->area[i].len = feed_off(f, s->size);
	}
}

static void feed_shape(struct feed *f, struct bar_shape *s)
{
	unsigned int flags = feed_byte(f);

	memset(s, 0, sizeof(*s));
	s->kind = (enum pci_bar_kind)(flags & 3);
	if (s->kind == PCI_BAR_NONE && !(flags & 128))
		return;
	s->prefetch = flags & 4;
	s->mappable = (flags & 8) || (flags & 64);
	s->msix_mappable = flags & 16;
	s->sparse = flags & 32;
	s->size = feed_size(f);
	if (s->sparse)
		feed_areas(f, s);
	if (s->prefetch) { /* any flag: most BARs have none */
		s->n_traps = feed_byte(f) % (BAR_TRAPS_MAX + 2);
		for (unsigned int i = 0; i < BAR_TRAPS_MAX; i++)
			s->trap[i] = (struct span){feed_off(f, s->size),
						   feed_off(f, s->size)};
	}
}

/* Leave no register free, and no small BAR unmapped. */
static void fill_shapes(struct bar_shape *shape)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		if (shape[i].kind == PCI_BAR_NONE || shape[i].size == 0)
			shape[i] = (struct bar_shape){.kind = PCI_BAR_MEM32,
						      .mappable = true,
						      .msix_mappable = i % 2,
						      .size = 4096ull << i};
	}
}

static void feed_msix(struct feed *f, struct msix_shape *m,
		      const struct bar_shape *shape)
{
	/* clang-format off */
	static const unsigned int some[8] = {
		0, 1, 64, 65, 129, 256, 2048, 2049,
	};
	/* clang-format on */
	unsigned int how = feed_byte(f);

	memset(m, 0, sizeof(*m));
	m->policy = (enum msix_policy)(feed_byte(f) % 3);
	m->n = how & 128 ? (unsigned int)feed_raw(f, 4) : some[how % 8];
	if (how & 64)
		m->n %= 2050;
	m->table_bar = feed_byte(f) % 8;
	m->pba_bar = how & 32 ? feed_byte(f) % 8 : m->table_bar;
	m->table_off = feed_off(f, shape[m->table_bar % 6].size);
	m->pba_off = feed_off(f, shape[m->pba_bar % 6].size);
	if (how & 16)
		m->pba_off = m->table_off + 16ull * m->n;
}

static bool same_plan(const struct dev_plan *a, const struct dev_plan *b)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		const struct bar_plan *p = &a->bar[i], *q = &b->bar[i];

		if (p->n != q->n || p->size != q->size || p->align != q->align)
			return false;
		for (unsigned int k = 0; k < p->n; k++)
			if (p->slice[k].kind != q->slice[k].kind ||
			    p->slice[k].len != q->slice[k].len)
				return false;
	}
	return a->msix_place == b->msix_place && a->msix_why == b->msix_why &&
	       a->table_bar == b->table_bar && a->table_off == b->table_off;
}

static void reverse_areas(struct bar_shape *s)
{
	unsigned int n =
		s->n_areas < BAR_AREAS_MAX ? s->n_areas : BAR_AREAS_MAX;

	for (unsigned int i = 0; i < n / 2; i++) {
		struct span t = s->area[i];

		s->area[i] = s->area[n - 1 - i];
		s->area[n - 1 - i] = t;
	}
}

static void fail(const char *what)
{
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t pages[4] = {4096, 16384, 65536, 4096};
	static struct dev_plan plan, again;
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix;
	struct feed f = {data, size};
	struct check c = {shape, &msix, &plan, 0, 0};
	unsigned int how = feed_byte(&f);
	const char *bad;

	c.page = pages[how % 4];
	c.min_align = how & 4 ? 65536 : 4096;
	for (unsigned int i = 0; i < PCI_BARS; i++)
		feed_shape(&f, &shape[i]);
	if (how & 8)
		fill_shapes(shape);
	feed_msix(&f, &msix, shape);

	memset(&plan, 0xa5, sizeof(plan));
	dev_plan_make(&plan, shape, &msix, c.page, c.min_align);
	bad = check_plan(&c);
	if (bad)
		fail(bad);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		reverse_areas(&shape[i]);
	dev_plan_make(&again, shape, &msix, c.page, c.min_align);
	if (!same_plan(&plan, &again))
		fail("the order of areas matters");
	return 0;
}
