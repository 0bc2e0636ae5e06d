// SPDX-License-Identifier: Apache-2.0
#include "vmm/plan_print.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define INDENT "         "

static void row(FILE *f, struct span s, const char *what)
{
	char size[PLAN_SIZE_TEXT];

	if (s.len)
		fprintf(f, "  %012" PRIx64 "-%012" PRIx64 "  %8s  %s\n", s.base,
			s.base + s.len - 1, plan_size_text(size, s.len), what);
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

/* --- slices ----------------------------------------------------------------
 */

/* "EPT or NPT" or "stage 2": what the guest's addresses go through. */
static const char *guest_table(const struct plan_dev *d)
{
	return d->reach.host->arch == REACH_AARCH64 ? "stage 2" : "EPT/NPT";
}

static const char *page_text(char buf[PLAN_SIZE_TEXT], uint64_t page)
{
	return page ? plan_size_text(buf, page) : "-";
}

/* Reasons that are the device's, not the slice's, are told once: bar_note(). */
static bool of_device(enum reach_why why)
{
	return why == REACH_P2P_IS_OFF || why == REACH_P2P_IS_ALONE ||
	       why == REACH_P2P_IS_OLD || why == REACH_NO_IOMMU ||
	       why == REACH_IOMMU_SILENT;
}

static void reason(FILE *f, const char *table, enum reach_why why)
{
	if (why != REACH_BEST && why != REACH_BAR_SMALL && !of_device(why))
		fprintf(f, INDENT "  %s: %s\n", table, reach_why_text(why));
}

static void map_print(FILE *f, const struct plan_dev *d, struct reach *r)
{
	char host[PLAN_SIZE_TEXT], guest[PLAN_SIZE_TEXT], io[PLAN_SIZE_TEXT];

	fprintf(f, "mapped   host %s, %s %s, IOMMU %s\n",
		page_text(host, r[REACH_HOST].page), guest_table(d),
		page_text(guest, r[REACH_GUEST].page),
		page_text(io, r[REACH_IOMMU].page));
	reason(f, "host", r[REACH_HOST].why);
	if (r[REACH_GUEST].why != r[REACH_HOST].why)
		reason(f, guest_table(d), r[REACH_GUEST].why);
	if (r[REACH_IOMMU].why != r[REACH_HOST].why &&
	    r[REACH_IOMMU].why != r[REACH_GUEST].why)
		reason(f, "IOMMU", r[REACH_IOMMU].why);
}

static void slice_print(FILE *f, const struct plan_dev *d, unsigned int bar,
			unsigned int i)
{
	const struct bar_slice *s = &d->seen.plan.bar[bar].slice[i];
	struct reach r[REACH_TABLES];
	char size[PLAN_SIZE_TEXT];

	reach_slice(&d->reach, bar, i, r);
	fprintf(f, INDENT "+%-10" PRIx64 " %8s  ", s->off,
		plan_size_text(size, s->len));
	if (s->kind == BAR_MAP)
		map_print(f, d, r);
	else
		fprintf(f, "%s  %s\n",
			s->kind == BAR_TRAP ? "trapped" : "virtual",
			reach_why_text(r[0].why));
}

static bool same_leaves(const struct bar_leaves *a, const struct bar_leaves *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* "host: 188 x 1G, 7 x 2M, 256 x 4K"; nothing if there are none. */
static void leaves_print(FILE *f, const char *table, const struct bar_leaves *l)
{
	const char *sep = ": ";

	if (!l->count[0] && !l->count[1] && !l->count[2])
		return;
	fprintf(f, INDENT "entries, %s", table);
	for (unsigned int i = 0; i < 3; i++) {
		char size[PLAN_SIZE_TEXT];

		if (!l->block[i] || !l->count[i])
			continue;
		fprintf(f, "%s%" PRIu64 " x %s", sep, l->count[i],
			plan_size_text(size, l->block[i]));
		sep = ", ";
	}
	fputc('\n', f);
}

static void all_leaves_print(FILE *f, const struct plan_dev *d,
			     unsigned int bar)
{
	struct bar_leaves host, guest;

	reach_leaves(&d->reach, bar, REACH_HOST, &host);
	reach_leaves(&d->reach, bar, REACH_GUEST, &guest);
	if (same_leaves(&host, &guest)) {
		char both[32];

		snprintf(both, sizeof(both), "host and %s", guest_table(d));
		leaves_print(f, both, &host);
		return;
	}
	leaves_print(f, "host", &host);
	leaves_print(f, guest_table(d), &guest);
}

/* --- BARs and devices ------------------------------------------------------
 */

static void bar_heading(FILE *f, const struct plan_dev *d, unsigned int b,
			bool placed)
{
	const struct bar_plan *p = &d->seen.plan.bar[b];
	char what[64], size[PLAN_SIZE_TEXT], align[PLAN_SIZE_TEXT];

	snprintf(what, sizeof(what), "BAR %u %s%s%s", b, plan_bar_kind(p->kind),
		 p->prefetch ? " prefetchable" : "",
		 d->pci.bar[b].no_dma ? ", out of the IOMMU's reach" : "");
	if (placed)
		row(f, (struct span){d->addr[b], p->size}, what);
	else if (p->size)
		fprintf(f, "%s: %s, aligned to %s\n", what,
			plan_size_text(size, p->size),
			plan_size_text(align, plan_bar_align(p)));
	else
		fprintf(f,
			"BAR %u: absent, as no BAR register can say what "
			"is described\n",
			b);
}

static void bar_print(FILE *f, const struct plan_dev *d, unsigned int b,
		      bool placed)
{
	bar_heading(f, d, b, placed);
	for (unsigned int i = 0; i < d->seen.plan.bar[b].n; i++)
		slice_print(f, d, b, i);
	all_leaves_print(f, d, b);
}

static void msix_print(FILE *f, const struct dev_plan *dp)
{
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
		fprintf(f, INDENT "%s\n", dp->msix_why);
}

/* What is true of every mapped slice, once. */
static void iommu_print(FILE *f, const struct plan_dev *d)
{
	for (unsigned int b = 0; b < PCI_BARS; b++) {
		const struct bar_plan *p = &d->seen.plan.bar[b];

		for (unsigned int i = 0; i < p->n; i++) {
			struct reach r[REACH_TABLES];

			reach_slice(&d->reach, b, i, r);
			if (p->slice[i].kind != BAR_MAP ||
			    !of_device(r[REACH_IOMMU].why))
				continue;
			fprintf(f, "  IOMMU: %s\n",
				reach_why_text(r[REACH_IOMMU].why));
			return;
		}
	}
}

static void advice_print(FILE *f, const struct plan_dev *d)
{
	enum reach_why why[REACH_WHY_MAX];
	unsigned int n = plan_dev_advice(d, why);

	for (unsigned int i = 0; i < n; i++)
		fprintf(f, "  advice: %s\n", reach_advice(&d->reach, why[i]));
}

static void dev_print(FILE *f, const struct plan_dev *d, bool placed)
{
	if (placed || d->seen.msix.n)
		msix_print(f, &d->seen.plan);
	if (placed)
		iommu_print(f, d);
	for (unsigned int b = 0; b < PCI_BARS; b++) {
		if (plan_dev_shows(d, b))
			bar_print(f, d, b, placed);
	}
	row(f,
	    (struct span){d->pci.bar[PCI_ROM_IDX].addr,
			  d->pci.bar[PCI_ROM_IDX].size},
	    "ROM");
	advice_print(f, d);
}

/* Ports: aarch64 has them in memory. */
static void ports_print(FILE *f, const struct plan *plan)
{
	if (plan->io_mmio)
		row(f,
		    (struct span){plan->io_mmio, plan->io.base + plan->io.len},
		    "I/O ports of PCI, from 0 on");
	fputs("I/O ports\n", f);
	row(f, plan->io, "PCI window, I/O BARs");
}

static void machine_print(FILE *f, const struct plan *plan)
{
	char page[PLAN_SIZE_TEXT];
	char ram[64] = "RAM";

	fprintf(f, "%u vCPU%s\nguest-physical memory\n", plan->cpus,
		plan->cpus == 1 ? "" : "s");
	if (plan->hugepages)
		snprintf(ram, sizeof(ram), "RAM, in huge pages of %s",
			 plan_size_text(page, plan->hugepages));
	for (unsigned int i = 0; i < plan->n_ram; i++)
		row(f, plan->ram[i], ram);
	row(f, plan->ecam, "PCI configuration (ECAM, bus 0)");
	row(f, plan->mem32, "PCI window, 32-bit BARs");
	row(f, plan->mem64, "PCI window, 64-bit BARs");
	ports_print(f, plan);
}

/* Those behind the passed-through ones are ours. */
static void emulated_print(FILE *f, const struct plan_view *v)
{
	if (v->plan->n_pci > v->n)
		fputs("emulated PCI devices\n", f);
	for (unsigned int i = v->n; i < v->plan->n_pci; i++) {
		const struct plan_pci *p = &v->plan->pci[i];

		fprintf(f, "  00:%02x.%x  %-10s  BAR at %012" PRIx64 "\n",
			p->devfn >> 3 & 0x1fu, p->devfn & 7u, p->name,
			p->bar[0].addr);
	}
}

/* Memory of a GPU that keeps its caches coherent with the processor's. */
static void cacheable_print(FILE *f, const struct reach_host *h)
{
	if (h->arch == REACH_AARCH64 && h->cacheable == REACH_YES)
		fputs("KVM maps cacheable device memory (NVIDIA Grace) as "
		      "such\n",
		      f);
	if (h->arch == REACH_AARCH64 && h->cacheable == REACH_NO)
		fputs("KVM maps cacheable device memory (NVIDIA Grace) as "
		      "uncached, or traps it\n",
		      f);
}

int plan_print(FILE *f, const struct plan_view *v)
{
	char page[PLAN_SIZE_TEXT];

	if (v->plan) {
		machine_print(f, v->plan);
		emulated_print(f, v);
		cacheable_print(f, &v->host);
	} else {
		fprintf(f, "a device on %s with pages of %s\n",
			plan_arch_name(v->host.arch),
			plan_size_text(page, v->host.page));
		dev_print(f, &v->dev[0], false);
	}
	for (unsigned int i = 0; v->plan && i < v->n; i++) {
		const struct plan_dev *d = &v->dev[i];

		fprintf(f, "device %s at 00:%02x.%x\n", d->pci.name,
			d->pci.devfn >> 3 & 0x1fu, d->pci.devfn & 7u);
		dev_print(f, d, true);
	}
	return fflush(f) || ferror(f) ? -EIO : 0;
}
