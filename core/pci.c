/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pci.h"

#include <linux/pci_regs.h>

#include "core/span.h"

/* Whether BAR @idx takes part in decoding of I/O (@io) or memory space. */
static bool bar_enabled(const struct pci_func *f, unsigned int idx, bool io)
{
	if (idx == PCI_ROM_IDX)
		/* Also needs memory decoding, see below (PCI-3.0 6.2.5.2). */
		return !io && (pci_cfg_get(&f->cfg, PCI_ROM_ADDRESS, 4) &
			       PCI_ROM_ADDRESS_ENABLE);
	switch (pci_cfg_bar_kind(&f->cfg, idx)) {
	case PCI_BAR_IO:
		return io;
	case PCI_BAR_MEM32:
	case PCI_BAR_MEM64:
		return !io;
	case PCI_BAR_NONE:
		break;
	}
	return false;
}

bool pci_func_decode(const struct pci_func *f, bool io, uint64_t addr,
		     unsigned int len, unsigned int *bar, uint64_t *off)
{
	uint64_t command = pci_cfg_get(&f->cfg, PCI_COMMAND, 2);
	unsigned int i;

	/* PCI-3.0 6.2.2: bits 0 and 1 of COMMAND. */
	if (!(command & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)))
		return false;
	for (i = 0; i <= PCI_ROM_IDX; i++) {
		struct span s = {pci_cfg_bar_addr(&f->cfg, i),
				 pci_cfg_bar_size(&f->cfg, i)};

		/* Address 0: it was never programmed. */
		if (s.base == 0 || !bar_enabled(f, i, io) ||
		    !span_holds(s, addr, len))
			continue;
		*bar = i;
		*off = addr - s.base;
		return true;
	}
	return false;
}
