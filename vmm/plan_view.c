// SPDX-License-Identifier: Apache-2.0
#include "vmm/plan_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void dev_finish(struct plan_view *v, struct plan_dev *d,
		       enum reach_p2p p2p)
{
	for (unsigned int b = 0; b < PCI_BARS; b++)
		d->addr[b] = d->pci.bar[b].addr;
	d->reach = (struct reach_dev){
		.host = &v->host,
		.iommu = &d->iommu,
		.p2p = p2p,
		.shape = d->seen.shape,
		.msix = &d->seen.msix,
		.plan = &d->seen.plan,
		.movable = d->seen.movable,
		.addr = v->plan ? d->addr : NULL,
	};
}

void plan_view_finish(struct plan_view *v, enum reach_p2p p2p)
{
	for (unsigned int i = 0; i < v->n; i++) {
		if (v->plan)
			v->dev[i].pci = v->plan->pci[i];
		dev_finish(v, &v->dev[i], p2p);
	}
}

bool plan_dev_shows(const struct plan_dev *d, unsigned int bar)
{
	return d->seen.plan.bar[bar].size != 0 || (d->listed >> bar & 1) != 0;
}

uint64_t plan_bar_align(const struct bar_plan *p)
{
	return p->align < 1ull << 30 ? p->align : 1ull << 30;
}

static void advice_mark(const struct plan_dev *d, unsigned int bar,
			bool seen[REACH_WHY_MAX])
{
	for (unsigned int i = 0; i < d->seen.plan.bar[bar].n; i++) {
		struct reach r[REACH_TABLES];

		reach_slice(&d->reach, bar, i, r);
		for (unsigned int t = 0; t < REACH_TABLES; t++)
			seen[r[t].why] = true;
	}
}

unsigned int plan_dev_advice(const struct plan_dev *d,
			     enum reach_why why[REACH_WHY_MAX])
{
	bool seen[REACH_WHY_MAX] = {false};
	unsigned int n = 0;

	for (unsigned int b = 0; b < PCI_BARS; b++)
		advice_mark(d, b, seen);
	/* Both say the same. */
	if (seen[REACH_CUT_MSIX])
		seen[REACH_TRAP_MSIX] = false;
	for (unsigned int w = 0; w < REACH_WHY_MAX; w++) {
		if (seen[w] && reach_advice(&d->reach, (enum reach_why)w))
			why[n++] = (enum reach_why)w;
	}
	return n;
}

const char *plan_size_text(char buf[PLAN_SIZE_TEXT], uint64_t bytes)
{
	static const char unit[] = "BKMGTPE";
	unsigned int u = 0;

	while (bytes >= 1024 && bytes % 1024 == 0 && unit[u + 1]) {
		bytes /= 1024;
		u++;
	}
	snprintf(buf, PLAN_SIZE_TEXT, "%" PRIu64 "%c", bytes, unit[u]);
	return buf;
}

const char *plan_bar_kind(enum pci_bar_kind k)
{
	static const char *const name[] = {
		[PCI_BAR_NONE] = "none",
		[PCI_BAR_IO] = "io",
		[PCI_BAR_MEM32] = "mem32",
		[PCI_BAR_MEM64] = "mem64",
	};

	return name[k];
}

const char *plan_arch_name(enum reach_arch a)
{
	return a == REACH_AARCH64 ? "aarch64" : "x86_64";
}

const char *plan_slice_word(enum bar_slice_kind k)
{
	static const char *const name[] = {
		[BAR_MAP] = "map",
		[BAR_TRAP] = "trap",
		[BAR_VIRTUAL] = "virtual",
	};

	return name[k];
}

const char *plan_thp_word(enum reach_thp t)
{
	static const char *const name[] = {
		[REACH_THP_ABSENT] = "absent",
		[REACH_THP_NEVER] = "never",
		[REACH_THP_MADVISE] = "madvise",
		[REACH_THP_ALWAYS] = "always",
	};

	return name[t];
}
