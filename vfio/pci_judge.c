// SPDX-License-Identifier: Apache-2.0
/* Whether a guest can be given a device. Pure. */
#include <string.h>

#include "vfio/pci_facts.h"

static bool has_vfio(const struct pci_facts *f)
{
	for (const char *s = f->driver; *s; s++) {
		if (strncmp(s, "vfio", 4) == 0)
			return true;
	}
	return false;
}

/* It may stay as it is while another one of its group is a guest's. */
static bool may_stay(const struct pci_facts *f)
{
	return !f->driver[0] || has_vfio(f) ||
	       strcmp(f->driver, "pci-stub") == 0 ||
	       strcmp(f->driver, "pcieport") == 0;
}

static void add_bind(struct pci_verdict *v, unsigned int i)
{
	if (v->n_bind < sizeof(v->bind) / sizeof(v->bind[0]))
		v->bind[v->n_bind++] = i;
}

static void add_mates(struct pci_verdict *v, const struct pci_facts *list,
		      unsigned int n, unsigned int i)
{
	for (unsigned int m = 0; m < n; m++) {
		const struct pci_facts *f = &list[m];

		if (m == i || f->group != list[i].group)
			continue;
		if (!may_stay(f))
			add_bind(v, m);
		/* PCI-3.0 6.1: header type 0 is a device, 1 a bridge */
		if (f->header == 0 && v->n_mates < PCI_MATES_MAX)
			v->mate[v->n_mates++] = m;
	}
}

static enum pci_state state_of(struct pci_verdict *v,
			       const struct pci_facts *list, unsigned int i)
{
	const struct pci_facts *f = &list[i];

	for (unsigned int k = 0; k < v->n_bind; k++) {
		v->blocker = v->bind[k];
		if (list[v->blocker].use[0] || list[v->blocker].header)
			return PCI_HOST_USES;
	}
	v->blocker = i;
	if (!has_vfio(f))
		return PCI_UNBOUND;
	if (f->user[0])
		return PCI_TAKEN;
	return v->n_bind ? PCI_GROUP_OPEN : PCI_READY;
}

void pci_judge(struct pci_verdict *v, const struct pci_facts *list,
	       unsigned int n, unsigned int i)
{
	const struct pci_facts *f = &list[i];

	memset(v, 0, sizeof(*v));
	v->blocker = i;
	if (f->group >= 0)
		add_mates(v, list, n, i);
	/* A host or ISA bridge has header type 0, and no use in a guest. */
	if (f->header != 0 || f->class >> 16 == 6) {
		v->state = PCI_BRIDGE;
		return;
	}
	if (f->group < 0) {
		v->state = PCI_NO_IOMMU;
		return;
	}
	if (!has_vfio(f))
		add_bind(v, i);
	v->state = state_of(v, list, i);
}
