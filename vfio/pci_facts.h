/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_PCI_FACTS_H
#define VFIO_PCI_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "vfio/bar_plan.h"
#include "vfio/host_use.h"
#include "vfio/sysfs_text.h"

/*
 * All that barge wants to know of the host's PCI devices, and the judgement on
 * whether a guest can have one. @root as in sysfs.h.
 */

struct pci_facts {
	char address[SYSFS_ADDRESS_SIZE];
	uint16_t vendor;
	uint16_t device;
	uint32_t class;	 /* 24 bits: class, subclass, interface */
	uint8_t header;	 /* type, without the multi-function bit */
	char driver[32]; /* "" when there is none */
	long group;	 /* IOMMU group, -1: in none */
	bool reset_told; /* the kernel has reset_method: Linux 5.15 */
	char reset[64];	 /* "flr bus", "" when it knows no way */
	struct bar_shape bar[PCI_BARS];
	char use[HOST_USE_SIZE];
	char user[HOST_USE_SIZE];
};

/* Of one device; what cannot be read is 0 or empty. */
void pci_facts_read(struct pci_facts *f, const char *root, const char *address);
/*
 * Of all there are: how many, or -errno. *list is on the heap and the
 * caller's to free.
 */
int pci_facts_read_all(struct pci_facts **list, const char *root);

enum pci_state {
	PCI_READY,	/* a guest can be given it now */
	PCI_UNBOUND,	/* it has to be bound to vfio-pci */
	PCI_GROUP_OPEN, /* it is bound, others of its group are not yet */
	PCI_TAKEN,	/* a VM has it */
	PCI_HOST_USES,	/* the host works with it or another of its group */
	PCI_NO_IOMMU,	/* it is in no IOMMU group */
	PCI_BRIDGE,	/* what is behind it can be given, it itself not */
};

#define PCI_MATES_MAX 32

struct pci_verdict {
	enum pci_state state;
	/* others of its group, bridges apart: indices */
	unsigned int n_mates;
	unsigned int mate[PCI_MATES_MAX];
	/* it and those others that are to be bound yet */
	unsigned int n_bind;
	unsigned int bind[PCI_MATES_MAX + 1];
	unsigned int blocker; /* PCI_HOST_USES: which of them */
};

/* Judge the device @i of @n. Pure. */
void pci_judge(struct pci_verdict *v, const struct pci_facts *list,
	       unsigned int n, unsigned int i);

#endif
