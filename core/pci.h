/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_PCI_H
#define CORE_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "core/pci_cfg.h"

/*
 * One PCI function as the host bridge meets it. Called under the bridge's lock.
 */
struct pci_func;

struct pci_func_ops {
	uint64_t (*cfg_read)(struct pci_func *f, unsigned int off,
			     unsigned int len);
	void (*cfg_write)(struct pci_func *f, unsigned int off,
			  unsigned int len, uint64_t val);
	/* Trapped accesses of BAR @bar (0 to 5, 6: ROM). */
	uint64_t (*bar_read)(struct pci_func *f, unsigned int bar, uint64_t off,
			     unsigned int len);
	void (*bar_write)(struct pci_func *f, unsigned int bar, uint64_t off,
			  unsigned int len, uint64_t val);
};

struct pci_func {
	const struct pci_func_ops *ops;
	uint8_t devfn; /* device << 3 | function */
	struct pci_cfg cfg;
};

/*
 * Which BAR of @f answers [addr, addr + len) in I/O (@io) or memory space with
 * the decoding that COMMAND allows now. True, *bar and *off; or false.
 */
bool pci_func_decode(const struct pci_func *f, bool io, uint64_t addr,
		     unsigned int len, unsigned int *bar, uint64_t *off);

#endif
