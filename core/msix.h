/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_MSIX_H
#define CORE_MSIX_H

#include <stdbool.h>
#include <stdint.h>

/* The MSI-X table and pending bits as the guest sees them (PCI-3.0 6.8.2). */

#define MSIX_VECTORS_MAX 2048u
#define MSIX_ENTRY_SIZE	 16u

struct msix_entry {
	uint64_t addr;
	uint32_t data;
	uint32_t ctrl; /* bit 0: masked */
};

struct msix {
	unsigned int n;		  /* vectors, 1 to MSIX_VECTORS_MAX */
	bool enabled;		  /* Message Control bit 15 */
	bool all_masked;	  /* Message Control bit 14 */
	struct msix_entry *entry; /* n entries, the caller's storage */
	uint64_t pending[MSIX_VECTORS_MAX / 64];
};

/* Reset state: every vector masked, nothing pending (PCI-3.0 6.8.2.9). */
void msix_init(struct msix *m, struct msix_entry *storage, unsigned int n);
/* Table bytes: @off from the table's start; past its end reads 0. */
uint64_t msix_table_read(const struct msix *m, uint64_t off, unsigned int len);
/*
 * Write: only aligned 4- and 8-byte writes count (PCI-3.0 6.8.2). Returns the
 * vector it touched, or -1.
 */
int msix_table_write(struct msix *m, uint64_t off, unsigned int len,
		     uint64_t val);
uint64_t msix_pba_read(const struct msix *m, uint64_t off, unsigned int len);
/* New Message Control; returns whether anything the vectors see changed. */
bool msix_set_control(struct msix *m, uint16_t control);
/* Whether vector @v may be delivered now. */
bool msix_live(const struct msix *m, unsigned int v);
/* Remember that @v fired while masked; take that back. */
void msix_set_pending(struct msix *m, unsigned int v);
bool msix_take_pending(struct msix *m, unsigned int v);
/* Bytes of a table and of a pending bit array for @n vectors. */
uint32_t msix_table_bytes(unsigned int n);
uint32_t msix_pba_bytes(unsigned int n);

#endif
