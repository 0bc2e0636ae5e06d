/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_PCI_NAMES_H
#define VMM_PCI_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* What PCI devices are called. Pure: no system call, no allocation. */

/* A class code of 24 bits in a word or two, never NULL: "NVMe drive". */
const char *pci_class_name(uint32_t class);

#define PCI_NAME_SIZE 64

struct pci_name {
	char vendor[PCI_NAME_SIZE]; /* "" when it is not listed */
	char device[PCI_NAME_SIZE];
};

/*
 * Look a device up in @len bytes of a file pci.ids, which may hold anything.
 * Names are cut, and printable ASCII.
 */
void pci_ids_find(struct pci_name *out, const char *ids, size_t len,
		  uint16_t vendor, uint16_t device);

#endif
