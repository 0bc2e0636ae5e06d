/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table is compared with a plain array of bytes, the pending bits with an
 * array of bool. The entries live in memory of exactly their size, so that the
 * address sanitizer sees any access outside.
 */
#include <string.h>

#include "core/msix.h"
#include "tests/fuzz/input.h"

struct model {
	unsigned int n;
	bool enabled;
	bool all_masked;
	uint8_t table[MSIX_VECTORS_MAX * MSIX_ENTRY_SIZE];
	bool pending[MSIX_VECTORS_MAX];
};

static struct model model;
static struct msix msix;

/* An offset that mostly is in or near something of @bytes. */
static uint64_t offset(struct input *in, uint32_t bytes)
{
	uint8_t how = in_u8(in);

	if (how % 8 == 0)
		return in_number(in);
	if (how % 8 == 1)
		return bytes - 8 + how / 8;
	return in_u16(in) % (bytes + 1);
}

static void model_init(struct model *m, unsigned int n)
{
	unsigned int v;

	m->n = n;
	m->enabled = false;
	m->all_masked = false;
	memset(m->table, 0, n * MSIX_ENTRY_SIZE);
	memset(m->pending, 0, n);
	for (v = 0; v < n; v++)
		m->table[v * 16 + 12] = 1;
}

static uint8_t table_byte(const struct model *m, uint64_t off)
{
	return off < m->n * 16 ? m->table[off] : 0;
}

static uint8_t pba_byte(const struct model *m, uint64_t off)
{
	uint8_t v = 0;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		if (off < MSIX_VECTORS_MAX / 8 && off * 8 + i < m->n &&
		    m->pending[off * 8 + i])
			v = (uint8_t)(v | 1u << i);
	}
	return v;
}

static void read_both(const struct model *m, const struct msix *x, uint64_t off,
		      unsigned int len)
{
	uint64_t table = 0, pba = 0;
	unsigned int i;

	for (i = 0; i < len && off <= UINT64_MAX - i; i++) {
		table |= (uint64_t)table_byte(m, off + i) << (i * 8);
		pba |= (uint64_t)pba_byte(m, off + i) << (i * 8);
	}
	must(msix_table_read(x, off, len) == table);
	must(msix_pba_read(x, off, len) == pba);
}

static void write_table(struct model *m, struct msix *x, struct input *in)
{
	uint64_t off = offset(in, m->n * 16);
	unsigned int len = in_u8(in) % 10;
	uint64_t val = in_u64(in);
	bool counts =
		(len == 4 || len == 8) && off % len == 0 && off < m->n * 16;
	unsigned int i;

	/* One write or, where that must be the same, its two halves. */
	if (len == 8 && counts && val & 1) {
		must(msix_table_write(x, off, 4, val) == (int)(off / 16));
		must(msix_table_write(x, off + 4, 4, val >> 32) ==
		     (int)(off / 16));
	} else {
		must(msix_table_write(x, off, len, val) ==
		     (counts ? (int)(off / 16) : -1));
	}
	for (i = 0; counts && i < len; i++) {
		unsigned int field = (unsigned int)(off + i) % 16;
		/* Bits of a byte of an entry that hold what is written. */
		uint8_t kept = field == 0    ? 0xfc
			       : field < 12  ? 0xff
			       : field == 12 ? 0x01
					     : 0x00;

		m->table[off + i] = (uint8_t)(val >> (i * 8)) & kept;
	}
}

static void set_control(struct model *m, struct msix *x, uint16_t control)
{
	bool enabled = control >> 15;
	bool all_masked = control >> 14 & 1;
	bool changed = enabled != m->enabled || all_masked != m->all_masked;

	m->enabled = enabled;
	m->all_masked = all_masked;
	must(msix_set_control(x, control) == changed);
	must(x->enabled == enabled && x->all_masked == all_masked);
}

static void pend(struct model *m, struct msix *x, struct input *in)
{
	uint8_t how = in_u8(in);
	unsigned int v = how & 2 ? in_u32(in) : in_u16(in) % (m->n + 1);
	bool was = v < m->n && m->pending[v];

	if (how & 1)
		msix_set_pending(x, v);
	else
		must(msix_take_pending(x, v) == was);
	if (v < m->n)
		m->pending[v] = how & 1;
}

static void check_vector(const struct model *m, const struct msix *x,
			 unsigned int v)
{
	bool live = v < m->n && m->enabled && !m->all_masked &&
		    !(m->table[v * 16 + 12] & 1);

	must(msix_live(x, v) == live);
}

static void check_all(const struct model *m, const struct msix *x)
{
	unsigned int v;

	for (v = 0; v < m->n + 2; v++) {
		check_vector(m, x, v);
		read_both(m, x, v * 16, 8);
		read_both(m, x, v * 16 + 8, 8);
	}
	must(msix_table_bytes(m->n) == m->n * 16);
	must(msix_pba_bytes(m->n) == (m->n + 63) / 64 * 8);
}

static void step(struct model *m, struct msix *x, struct input *in)
{
	uint64_t off;

	switch (in_u8(in) % 8) {
	case 0:
		set_control(m, x, in_u16(in));
		break;
	case 1:
		pend(m, x, in);
		break;
	case 2:
		check_vector(m, x, in_u32(in));
		break;
	case 3:
		off = offset(in, m->n * 16);
		read_both(m, x, off, in_u8(in) % 9);
		break;
	case 4:
		off = offset(in, (m->n + 63) / 64 * 8);
		read_both(m, x, off, in_u8(in) % 9);
		break;
	default:
		write_table(m, x, in);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct model *m = &model;
	struct msix_entry *storage;
	unsigned int v;

	/* Few vectors more often than many: more of them meet. */
	v = in_u8(&in) % 16 ? in_u8(&in) % 70 : in_u16(&in) % MSIX_VECTORS_MAX;
	model_init(m, v + 1);
	storage = malloc(m->n * sizeof(*storage));
	must(storage != NULL);
	memset(&msix, 0xa5, sizeof(msix));
	msix_init(&msix, storage, m->n);
	while (in.n != 0)
		step(m, &msix, &in);
	check_all(m, &msix);
	free(storage);
	return 0;
}
