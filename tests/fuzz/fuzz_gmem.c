/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every answer of gmem_add() and gmem_at() is compared with a plain list that
 * is searched with 128-bit numbers. Some regions are real memory, and what is
 * handed out of them is touched, so that the address sanitizer judges too.
 */
#include <errno.h>
#include <string.h>

#include "core/gmem.h"
#include "tests/fuzz/input.h"

typedef unsigned __int128 u128;

#define TOP ((u128)1 << 64)

struct known {
	struct span gpa;
	uint8_t *hva;
	bool real;
};

struct model {
	unsigned int n;
	struct known k[GMEM_MAX];
};

static int expected_add(const struct model *m, struct span gpa, uintptr_t hva)
{
	unsigned int i;

	if (gpa.len == 0 || (u128)gpa.base + gpa.len > TOP || hva == 0 ||
	    (u128)hva + gpa.len > TOP)
		return -EINVAL;
	for (i = 0; i < m->n; i++) {
		struct span o = m->k[i].gpa;

		if ((u128)gpa.base < (u128)o.base + o.len &&
		    (u128)o.base < (u128)gpa.base + gpa.len)
			return -EEXIST;
	}
	return m->n == GMEM_MAX ? -ENOSPC : 0;
}

static void add(struct model *m, struct gmem *g, struct input *in)
{
	struct span gpa = {in_number(in), in_number(in)};
	bool real = in_u8(in) & 1;
	uint8_t *hva;
	int r;

	if (real)
		gpa.len %= 4096;
	hva = real ? malloc(gpa.len + !gpa.len)
		   : (uint8_t *)(uintptr_t)in_number(in);
	r = gmem_add(g, gpa, hva);
	must(r == expected_add(m, gpa, (uintptr_t)hva));
	if (r == 0)
		m->k[m->n++] = (struct known){gpa, hva, real};
	else if (real)
		free(hva);
}

static void look(const struct model *m, const struct gmem *g, uint64_t gpa,
		 uint64_t len)
{
	const struct known *k = NULL;
	uint8_t *p = gmem_at(g, gpa, len);
	unsigned int i;

	for (i = 0; i < m->n; i++) {
		struct span s = m->k[i].gpa;

		if (len != 0 && gpa >= s.base &&
		    (u128)gpa + len <= (u128)s.base + s.len)
			k = &m->k[i];
	}
	if (k == NULL) {
		must(p == NULL);
		return;
	}
	must(p == k->hva + (gpa - k->gpa.base));
	if (k->real)
		memset(p, 0x5a, len);
}

/* Around both ends of a region, where mistakes live. */
static void look_at_edges(const struct model *m, const struct gmem *g,
			  struct span s)
{
	uint64_t d;

	for (d = 0; d < 3; d++) {
		look(m, g, s.base + d - 1, 1);
		look(m, g, s.base + d - 1, 2);
		look(m, g, s.base, s.len + d - 1);
		look(m, g, s.base - 1, s.len + d);
		look(m, g, s.base + s.len + d - 2, 1);
		look(m, g, s.base + s.len + d - 2, 2);
	}
}

static void check_sorted(const struct gmem *g)
{
	unsigned int i;

	must(g->n <= GMEM_MAX);
	for (i = 1; i < g->n; i++)
		must((u128)g->region[i - 1].gpa.base +
			     g->region[i - 1].gpa.len <=
		     g->region[i].gpa.base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct gmem g = {0};
	struct model m = {0};
	unsigned int i;

	while (in.n != 0) {
		uint8_t op = in_u8(&in);
		uint64_t gpa;

		if (op & 1) {
			add(&m, &g, &in);
		} else {
			gpa = in_number(&in);
			look(&m, &g, gpa, in_number(&in));
		}
		check_sorted(&g);
		must(g.n == m.n);
	}
	for (i = 0; i < m.n; i++)
		look_at_edges(&m, &g, m.k[i].gpa);
	for (i = 0; i < m.n; i++) {
		if (m.k[i].real)
			free(m.k[i].hva);
	}
	return 0;
}
