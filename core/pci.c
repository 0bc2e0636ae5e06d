/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pci.h"

#include <linux/pci_regs.h>

#include "core/span.h"

/* Whether BAR @idx, which has an address, is one of I/O or of memory space. */
static bool bar_answers(const struct pci_func *f, unsigned int idx, bool io)
{
	/* PCI-3.0 6.2.5.2: the ROM has a switch of its own besides COMMAND. */
	if (idx == PCI_ROM_IDX)
		return !io && (pci_cfg_get(&f->cfg, PCI_ROM_ADDRESS, 4) &
			       PCI_ROM_ADDRESS_ENABLE);
	return io == (pci_cfg_bar_kind(&f->cfg, idx) == PCI_BAR_IO);
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
		if (s.base == 0 || !bar_answers(f, i, io) ||
		    !span_holds(s, addr, len))
			continue;
		*bar = i;
		*off = addr - s.base;
		return true;
	}
	return false;
}
