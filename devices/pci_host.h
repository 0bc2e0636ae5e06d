/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_PCI_HOST_H
#define DEVICES_PCI_HOST_H

#include "core/device.h"
#include "core/pci.h"
#include "core/span.h"

#define PCI_HOST_FUNCS 256u /* of one bus */

/* Windows of the host bridge: the regions of its bus entries. */
enum pci_host_region {
	PCI_HOST_CF8,  /* 8 bytes: CONFIG_ADDRESS and CONFIG_DATA */
	PCI_HOST_ECAM, /* 1 MiB: 4 KiB for each function of bus 0 */
	PCI_HOST_MEM32,
	PCI_HOST_MEM64,
	PCI_HOST_IO,
};

/*
 * Bus 0 and the ways to it. Machines make one of their own; it is not found by
 * name, and its ops have no init.
 */
struct pci_host {
	struct device dev;
	/* Where the windows lie in the guest; len 0: there is none. */
	struct span mem32;
	struct span mem64;
	struct span io;
	uint32_t cf8;			       /* CONFIG_ADDRESS */
	unsigned int n;			       /* functions present */
	struct pci_func *list[PCI_HOST_FUNCS]; /* the first n, as added */
	struct pci_func *func[PCI_HOST_FUNCS]; /* by devfn; borrowed */
};

void pci_host_init(struct pci_host *h, struct span mem32, struct span mem64,
		   struct span io);
/*
 * Put @f, its cfg already filled, at its devfn of bus 0; before the guest
 * runs. Whether the slot has several functions becomes part of the cfg of
 * function 0. -EEXIST.
 */
int pci_host_add(struct pci_host *h, struct pci_func *f);
/* Take @f off the bus: nobody answers for it any more. -ENOENT. */
int pci_host_remove(struct pci_host *h, struct pci_func *f);

#endif
