/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_QUIRK_H
#define VFIO_QUIRK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/pci.h"
#include "vfio/bar_plan.h"

/*
 * Devices that are not quite what they say: one table, in vfio/quirk.c. Pure.
 * @hw are the 256 bytes of configuration space that tell who a device is.
 */

/* Correct what the device or the kernel says, before its BARs are planned. */
void quirk_apply(const uint8_t *hw, struct bar_shape shape[PCI_BARS],
		 struct msix_shape *m);
/*
 * Whether [off, off + len) of BAR @bar are registers of configuration space
 * once more, and which: *reg.
 */
bool quirk_mirror(const uint8_t *hw, unsigned int bar, uint64_t off,
		  unsigned int len, unsigned int *reg);
/* The guest reads or writes there; @len is 1, 2, 4 or 8, @reg any. */
uint64_t quirk_mirror_read(struct pci_func *f, unsigned int reg,
			   unsigned int len);
void quirk_mirror_write(struct pci_func *f, unsigned int reg, unsigned int len,
			uint64_t val);
/*
 * Whether a write to a mirrored register has to reach the device, too. @msi_cap
 * is where its MSI capability is, 0: none.
 */
bool quirk_mirror_acks(unsigned int msi_cap, unsigned int reg,
		       unsigned int len);
/* What the user should know of such a device: a clause, or NULL. */
const char *quirk_note(const uint8_t *hw);

#endif
