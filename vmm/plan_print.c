// SPDX-License-Identifier: Apache-2.0
#include "vmm/plan_print.h"

#include <errno.h>
#include <inttypes.h>

static const char *size_text(char buf[32], uint64_t bytes)
{
	static const char unit[] = "BKMGTPE";
	unsigned int u = 0;

	while (bytes >= 1024 && bytes % 1024 == 0 && unit[u + 1]) {
		bytes /= 1024;
		u++;
	}
	snprintf(buf, 32, "%" PRIu64 "%c", bytes, unit[u]);
	return buf;
}

static void row(FILE *f, struct span s, const char *what)
{
	char size[32];

	if (s.len)
		fprintf(f, "  %012" PRIx64 "-%012" PRIx64 "  %8s  %s\n", s.base,
			s.base + s.len - 1, size_text(size, s.len), what);
}

static const char *kind_name(enum pci_bar_kind k)
{
	static const char *const name[] = {
		[PCI_BAR_NONE] = "none",
		[PCI_BAR_IO] = "io",
		[PCI_BAR_MEM32] = "mem32",
		[PCI_BAR_MEM64] = "mem64",
	};

	return name[k];
}

static const char *slice_name(enum bar_slice_kind k)
{
	static const char *const name[] = {
		[BAR_MAP] = "mapped",
		[BAR_TRAP] = "trapped",
		[BAR_VIRTUAL] = "virtual",
	};

	return name[k];
}

static const char *place_name(enum msix_place p)
{
	static const char *const name[] = {
		[MSIX_PLACE_NONE] = "none",
		[MSIX_PLACE_INPLACE] = "in place",
		[MSIX_PLACE_SPARE_BAR] = "in a spare BAR",
		[MSIX_PLACE_ENLARGED] = "in the upper half of its BAR",
	};

	return name[p];
}

static void leaves_print(FILE *f, const struct bar_plan *p, uint64_t page)
{
	struct bar_leaves l;
	const char *sep = "         host page table: ";

	bar_plan_leaves(p, &l, page);
	for (unsigned int i = 0; i < 3; i++) {
		char size[32];

		if (!l.block[i] || !l.count[i])
			continue;
		fprintf(f, "%s%" PRIu64 " x %s", sep, l.count[i],
			size_text(size, l.block[i]));
		sep = ", ";
	}
	if (sep[0] == ',')
		fputc('\n', f);
}

static void bar_print(FILE *f, unsigned int idx, const struct plan_bar *bar,
		      const struct bar_plan *p, uint64_t page)
{
	struct span s = {bar->addr, bar->size};
	char what[64];

	if (bar->kind == PCI_BAR_NONE)
		return;
	snprintf(what, sizeof(what), "BAR %u %s%s%s", idx, kind_name(bar->kind),
		 bar->prefetch ? " prefetchable" : "",
		 bar->no_dma ? ", out of the IOMMU's reach" : "");
	row(f, s, what);
	for (unsigned int i = 0; i < p->n; i++) {
		char size[32];

		fprintf(f, "         +%-10" PRIx64 " %8s  %s\n",
			p->slice[i].off, size_text(size, p->slice[i].len),
			slice_name(p->slice[i].kind));
	}
	leaves_print(f, p, page);
}

static void pci_print(FILE *f, const struct plan_pci *p,
		      const struct dev_plan *dp, uint64_t page)
{
	fprintf(f, "device %s at 00:%02x.%x\n", p->name, p->devfn >> 3,
		p->devfn & 7);
	if (dp->msix_place == MSIX_PLACE_NONE)
		fprintf(f, "  MSI-X: none: %s\n",
			dp->msix_why ? dp->msix_why : "");
	else
		fprintf(f,
			"  MSI-X: table %u:0x%" PRIx64 ", PBA %u:0x%" PRIx64
			", %s\n",
			dp->table_bar, dp->table_off, dp->pba_bar, dp->pba_off,
			place_name(dp->msix_place));
	if (dp->msix_why && dp->msix_place != MSIX_PLACE_NONE)
		fprintf(f, "         %s\n", dp->msix_why);
	for (unsigned int b = 0; b < PCI_BARS; b++)
		bar_print(f, b, &p->bar[b], &dp->bar[b], page);
	row(f,
	    (struct span){p->bar[PCI_ROM_IDX].addr, p->bar[PCI_ROM_IDX].size},
	    "ROM");
}

int plan_print(FILE *f, const struct plan *plan, const struct dev_plan *dp,
	       uint64_t page)
{
	fprintf(f, "%u vCPU%s\nguest-physical memory\n", plan->cpus,
		plan->cpus == 1 ? "" : "s");
	for (unsigned int i = 0; i < plan->n_ram; i++)
		row(f, plan->ram[i], "RAM");
	row(f, plan->ecam, "PCI configuration (ECAM, bus 0)");
	row(f, plan->mem32, "PCI window, 32-bit BARs");
	row(f, plan->mem64, "PCI window, 64-bit BARs");
	fputs("I/O ports\n", f);
	row(f, plan->io, "PCI window, I/O BARs");
	for (unsigned int i = 0; i < plan->n_pci; i++)
		pci_print(f, &plan->pci[i], &dp[i], page);
	return fflush(f) || ferror(f) ? -EIO : 0;
}
