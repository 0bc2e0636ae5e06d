/* SPDX-License-Identifier: Apache-2.0 */
#include "core/msix.h"

#include <linux/pci_regs.h>
#include <string.h>

void msix_init(struct msix *m, struct msix_entry *storage, unsigned int n)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->n = n <= MSIX_VECTORS_MAX ? n : MSIX_VECTORS_MAX;
	m->entry = storage;
	for (i = 0; i < m->n; i++)
		m->entry[i] = (struct msix_entry){
			.ctrl = PCI_MSIX_ENTRY_CTRL_MASKBIT};
}

uint32_t msix_table_bytes(unsigned int n)
{
	return n * MSIX_ENTRY_SIZE;
}

/* The pending bit array comes in QWORDs (PCI-3.0 6.8.2.10). */
uint32_t msix_pba_bytes(unsigned int n)
{
	return (n / 64 + (n % 64 != 0)) * 8;
}

/* Which dword a table offset names: the standard's layout, little endian. */
static uint32_t entry_dword(const struct msix_entry *e, unsigned int off)
{
	switch (off & (MSIX_ENTRY_SIZE - 1) & ~3u) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		return (uint32_t)e->addr;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		return (uint32_t)(e->addr >> 32);
	case PCI_MSIX_ENTRY_DATA:
		return e->data;
	default:
		return e->ctrl;
	}
}

static uint8_t table_byte(const struct msix *m, uint64_t off)
{
	uint32_t v;

	if (off >= msix_table_bytes(m->n))
		return 0;
	v = entry_dword(&m->entry[off / MSIX_ENTRY_SIZE], (unsigned int)off);
	return (uint8_t)(v >> (off % 4 * 8));
}

static uint8_t pba_byte(const struct msix *m, uint64_t off)
{
	if (off >= msix_pba_bytes(m->n))
		return 0;
	return (uint8_t)(m->pending[off / 8] >> (off % 8 * 8));
}

typedef uint8_t (*byte_fn)(const struct msix *m, uint64_t off);

/*
 * Software is told to read aligned dwords and qwords only; any other read has
 * an undefined result (PCI-3.0 6.8.2), here simply the bytes.
 */
static uint64_t read_bytes(const struct msix *m, uint64_t off, unsigned int len,
			   byte_fn byte)
{
	uint64_t v = 0;
	unsigned int i;

	for (i = 0; i < len && i < 8 && i <= UINT64_MAX - off; i++)
		v |= (uint64_t)byte(m, off + i) << (i * 8);
	return v;
}

uint64_t msix_table_read(const struct msix *m, uint64_t off, unsigned int len)
{
	return read_bytes(m, off, len, table_byte);
}

uint64_t msix_pba_read(const struct msix *m, uint64_t off, unsigned int len)
{
	return read_bytes(m, off, len, pba_byte);
}

static void entry_set_dword(struct msix_entry *e, unsigned int off,
			    uint32_t val)
{
	switch (off & (MSIX_ENTRY_SIZE - 1)) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		/* Bits 1:0 may be read-only zero (PCI-3.0 6.8.2.6). */
		e->addr = (e->addr & ~UINT64_C(0xffffffff)) | (val & ~3u);
		break;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		e->addr = (e->addr & 0xffffffff) | (uint64_t)val << 32;
		break;
	case PCI_MSIX_ENTRY_DATA:
		e->data = val;
		break;
	default:
		/* The other bits are reserved (PCI-3.0 6.8.2.9). */
		e->ctrl = val & PCI_MSIX_ENTRY_CTRL_MASKBIT;
		break;
	}
}

int msix_table_write(struct msix *m, uint64_t off, unsigned int len,
		     uint64_t val)
{
	unsigned int o = (unsigned int)off;
	struct msix_entry *e;

	if ((len != 4 && len != 8) || off % len != 0 ||
	    off >= msix_table_bytes(m->n))
		return -1;
	e = &m->entry[off / MSIX_ENTRY_SIZE];
	entry_set_dword(e, o, (uint32_t)val);
	if (len == 8)
		entry_set_dword(e, o + 4, (uint32_t)(val >> 32));
	return (int)(off / MSIX_ENTRY_SIZE);
}

bool msix_set_control(struct msix *m, uint16_t control)
{
	bool enabled = control & PCI_MSIX_FLAGS_ENABLE;
	bool all_masked = control & PCI_MSIX_FLAGS_MASKALL;
	bool changed = enabled != m->enabled || all_masked != m->all_masked;

	m->enabled = enabled;
	m->all_masked = all_masked;
	return changed;
}

bool msix_live(const struct msix *m, unsigned int v)
{
	return v < m->n && m->enabled && !m->all_masked &&
	       !(m->entry[v].ctrl & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

void msix_set_pending(struct msix *m, unsigned int v)
{
	if (v < m->n)
		m->pending[v / 64] |= UINT64_C(1) << (v % 64);
}

bool msix_take_pending(struct msix *m, unsigned int v)
{
	uint64_t bit = UINT64_C(1) << (v % 64);

	if (v >= m->n || !(m->pending[v / 64] & bit))
		return false;
	m->pending[v / 64] &= ~bit;
	return true;
}
