/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_PCI_CFG_H
#define CORE_PCI_CFG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * PCI configuration space as tables (PCI-3.0 6, PCIe-5.0 7).
 *
 * Each bit of the 4 KiB is described by two masks: `virt` (the value is ours,
 * in `bytes`; otherwise it is the hardware's) and `wmask` (the guest may
 * change it). Everything a configuration space can do is arithmetic on these.
 */

#define PCI_CFG_SIZE 4096u
#define PCI_BARS     6u
#define PCI_ROM_IDX  6u /* the ROM, where BAR functions take it */

struct pci_cfg {
	uint8_t bytes[PCI_CFG_SIZE];
	uint8_t virt[PCI_CFG_SIZE];
	uint8_t wmask[PCI_CFG_SIZE];
};

enum pci_bar_kind {
	PCI_BAR_NONE,
	PCI_BAR_IO,
	PCI_BAR_MEM32,
	PCI_BAR_MEM64, /* also takes the next BAR register */
};

/* What a write means for the hardware behind the space, if there is any. */
struct pci_cfg_change {
	uint64_t hw_val;  /* bits to be written */
	uint64_t hw_mask; /* bits that are the hardware's and writable */
};

/* What @len (1 to 8) bytes read as where nobody answers. */
static inline uint64_t pci_ones(unsigned int len)
{
	return len < 8 ? (1ull << 8 * len) - 1 : UINT64_MAX;
}

/* All bits virtual, zero and read-only. */
void pci_cfg_init(struct pci_cfg *c);
/* Set or get @len (1, 2, 4, 8) bytes of `bytes`, whatever the masks say. */
void pci_cfg_set(struct pci_cfg *c, unsigned int off, unsigned int len,
		 uint64_t val);
uint64_t pci_cfg_get(const struct pci_cfg *c, unsigned int off,
		     unsigned int len);
void pci_cfg_set_masks(struct pci_cfg *c, unsigned int off, unsigned int len,
		       uint64_t virt, uint64_t wmask);

/*
 * The guest reads [off, off + len): @hw are the same bytes of the hardware
 * (any value if all are virtual). Out of range reads as all-ones of @len.
 */
uint64_t pci_cfg_read(const struct pci_cfg *c, unsigned int off,
		      unsigned int len, uint64_t hw);
/* Whether a read of these bytes needs the hardware's value. */
bool pci_cfg_needs_hw(const struct pci_cfg *c, unsigned int off,
		      unsigned int len);
/* The guest writes: virtual bits change here, the rest is returned. */
struct pci_cfg_change pci_cfg_write(struct pci_cfg *c, unsigned int off,
				    unsigned int len, uint64_t val);

/*
 * Make BAR register @idx (and the next for MEM64) a virtual BAR of @size
 * bytes, address 0. NONE: a register that reads 0; @size is ignored, and the
 * upper half of a MEM64 stays what it is. -EINVAL: idx out of range, size not
 * a power of two, IO under 4 bytes or over 64 KiB, MEM under 16 bytes, MEM32
 * over 2 GiB, MEM64 in the last register, a register that another BAR holds.
 */
int pci_cfg_set_bar(struct pci_cfg *c, unsigned int idx, enum pci_bar_kind kind,
		    bool prefetch, uint64_t size);
/* The same for the expansion ROM: 2 KiB to 16 MiB, 0: there is none. */
int pci_cfg_set_rom(struct pci_cfg *c, uint64_t size);
/* Registers that are not ours and writable are NONE, as is an upper half. */
enum pci_bar_kind pci_cfg_bar_kind(const struct pci_cfg *c, unsigned int idx);
/* Of BAR 0 to 5 or PCI_ROM_IDX: its size in bytes, 0 where there is none. */
uint64_t pci_cfg_bar_size(const struct pci_cfg *c, unsigned int idx);
/* Address without the flag bits. */
uint64_t pci_cfg_bar_addr(const struct pci_cfg *c, unsigned int idx);
/* An address that the register cannot hold leaves 0: decoded nowhere. */
void pci_cfg_set_bar_addr(struct pci_cfg *c, unsigned int idx, uint64_t addr);

/*
 * Capability chains over raw configuration bytes, which may come from hostile
 * hardware: every walk ends. Offset of capability @id, or 0. For the extended
 * chain @size must be PCI_CFG_SIZE.
 */
unsigned int pci_cap_find(const uint8_t *bytes, size_t size, uint8_t id);
unsigned int pci_ecap_find(const uint8_t *bytes, size_t size, uint16_t id);
/*
 * Walk: start with off = 0; returns the next capability's offset, 0 at the
 * end. At most 48 (extended: 480) steps whatever the bytes are, provided the
 * caller counts with @budget, initially 0.
 */
unsigned int pci_cap_next(const uint8_t *bytes, size_t size, unsigned int off,
			  unsigned int *budget);
unsigned int pci_ecap_next(const uint8_t *bytes, size_t size, unsigned int off,
			   unsigned int *budget);
/* Take capability at @off out of the chain in `bytes`. -ENOENT. */
int pci_cap_unlink(struct pci_cfg *c, unsigned int off);
int pci_ecap_unlink(struct pci_cfg *c, unsigned int off);

#endif
