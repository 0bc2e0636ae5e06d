// SPDX-License-Identifier: Apache-2.0
#include "vmm/plan_json.h"

#include <errno.h>

#include "vmm/json.h"

/*
 * Addresses and sizes are strings in hex, page sizes are named as people name
 * them ("2M"). A region has the same members everywhere; in the plan of a
 * machine it has more of them.
 */

static void put_span(struct json *j, const char *key, struct span s)
{
	json_object(j, key);
	json_hex(j, "base", s.base);
	json_hex(j, "length", s.len);
	json_object_end(j);
}

static void put_leaves(struct json *j, const char *key,
		       const struct plan_dev *d, unsigned int bar,
		       enum reach_table t)
{
	struct bar_leaves l;

	reach_leaves(&d->reach, bar, t, &l);
	json_object(j, key);
	for (unsigned int i = 0; i < 3 && l.block[i]; i++) {
		char name[PLAN_SIZE_TEXT];

		json_number(j, plan_size_text(name, l.block[i]), l.count[i]);
	}
	json_object_end(j);
}

static void put_reach(struct json *j, const char *key, const struct reach *r)
{
	char name[PLAN_SIZE_TEXT];

	json_object(j, key);
	json_text(j, "page", r->page ? plan_size_text(name, r->page) : NULL);
	json_text(j, "why", reach_why_word(r->why));
	json_text(j, "text", reach_why_text(r->why));
	json_object_end(j);
}

static void put_slice_reach(struct json *j, const struct plan_dev *d,
			    unsigned int bar, unsigned int slice)
{
	struct reach r[REACH_TABLES];

	reach_slice(&d->reach, bar, slice, r);
	if (d->seen.plan.bar[bar].slice[slice].kind != BAR_MAP) {
		json_text(j, "why", reach_why_word(r[0].why));
		json_text(j, "text", reach_why_text(r[0].why));
		return;
	}
	put_reach(j, "host", &r[REACH_HOST]);
	put_reach(j, "stage2", &r[REACH_GUEST]);
	put_reach(j, "iommu", &r[REACH_IOMMU]);
}

static void put_slices(struct json *j, const struct plan_dev *d,
		       unsigned int bar, bool more)
{
	const struct bar_plan *p = &d->seen.plan.bar[bar];

	json_array(j, "slices");
	for (unsigned int i = 0; i < p->n; i++) {
		json_object(j, NULL);
		json_hex(j, "offset", p->slice[i].off);
		json_hex(j, "length", p->slice[i].len);
		json_text(j, "kind", plan_slice_word(p->slice[i].kind));
		if (more)
			put_slice_reach(j, d, bar, i);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_region(struct json *j, const struct plan_dev *d,
		       unsigned int bar, bool more)
{
	const struct bar_plan *p = &d->seen.plan.bar[bar];

	json_object(j, NULL);
	json_number(j, "region", bar);
	json_hex(j, "size", p->size);
	json_hex(j, "align", plan_bar_align(p));
	put_slices(j, d, bar, more);
	put_leaves(j, "leaves", d, bar, REACH_HOST);
	if (more) {
		put_leaves(j, "leaves_stage2", d, bar, REACH_GUEST);
		put_leaves(j, "leaves_iommu", d, bar, REACH_IOMMU);
		json_text(j, "kind", plan_bar_kind(p->kind));
		json_bool(j, "prefetchable", p->prefetch);
		json_hex(j, "address", d->addr[bar]);
		json_hex(j, "device_size", d->seen.shape[bar].size);
	}
	json_object_end(j);
}

static void put_regions(struct json *j, const struct plan_dev *d, bool more)
{
	json_array(j, "regions");
	for (unsigned int b = 0; b < PCI_BARS; b++) {
		if (plan_dev_shows(d, b))
			put_region(j, d, b, more);
	}
	json_array_end(j);
}

/* --- MSI-X -----------------------------------------------------------------
 */

static void put_at(struct json *j, const char *key, unsigned int bar,
		   uint64_t off)
{
	json_object(j, key);
	json_number(j, "region", bar);
	json_hex(j, "offset", off);
	json_object_end(j);
}

static void put_msix(struct json *j, const struct plan_dev *d)
{
	static const char *const place[] = {
		[MSIX_PLACE_NONE] = "none",
		[MSIX_PLACE_INPLACE] = "inplace",
		[MSIX_PLACE_SPARE_BAR] = "spare",
		[MSIX_PLACE_ENLARGED] = "enlarged",
	};
	const struct dev_plan *p = &d->seen.plan;

	if (d->seen.msix.n == 0)
		return;
	json_object(j, "msix");
	json_number(j, "vectors", d->seen.msix.n);
	json_text(j, "place", place[p->msix_place]);
	json_text(j, "why", p->msix_why);
	if (p->msix_place != MSIX_PLACE_NONE) {
		put_at(j, "table", p->table_bar, p->table_off);
		put_at(j, "pba", p->pba_bar, p->pba_off);
	}
	json_object_end(j);
}

/* --- the machine -----------------------------------------------------------
 */

static void put_host(struct json *j, const struct reach_host *h)
{
	char kernel[32];

	json_object(j, "host");
	json_text(j, "arch", plan_arch_name(h->arch));
	json_number(j, "page_size", h->page);
	snprintf(kernel, sizeof(kernel), "%u.%u", h->kernel_major,
		 h->kernel_minor);
	json_text(j, "kernel", h->kernel_major ? kernel : NULL);
	json_text(j, "thp", plan_thp_word(h->thp));
	if (h->arch == REACH_AARCH64 && h->cacheable == REACH_UNKNOWN)
		json_text(j, "cacheable_pfnmap", NULL);
	else if (h->arch == REACH_AARCH64)
		json_bool(j, "cacheable_pfnmap", h->cacheable == REACH_YES);
	json_object_end(j);
}

static void put_memory(struct json *j, const struct plan *p)
{
	json_number(j, "cpus", p->cpus);
	json_array(j, "ram");
	for (unsigned int i = 0; i < p->n_ram; i++)
		put_span(j, NULL, p->ram[i]);
	json_array_end(j);
	put_span(j, "ecam", p->ecam);
	json_object(j, "windows");
	put_span(j, "mem32", p->mem32);
	put_span(j, "mem64", p->mem64);
	put_span(j, "io", p->io);
	if (p->io_mmio)
		json_hex(j, "io_mmio", p->io_mmio);
	json_object_end(j);
}

static void put_advice(struct json *j, const struct plan_dev *d)
{
	enum reach_why why[REACH_WHY_MAX];
	unsigned int n = plan_dev_advice(d, why);

	json_array(j, "advice");
	for (unsigned int i = 0; i < n; i++)
		json_text(j, NULL, reach_advice(&d->reach, why[i]));
	json_array_end(j);
}

static void put_device(struct json *j, const struct plan_dev *d)
{
	const struct plan_bar *rom = &d->pci.bar[PCI_ROM_IDX];
	char at[16];

	json_object(j, NULL);
	json_text(j, "address", d->pci.name);
	snprintf(at, sizeof(at), "00:%02x.%x", d->pci.devfn >> 3 & 0x1f,
		 d->pci.devfn & 7u);
	json_text(j, "guest", at);
	put_regions(j, d, true);
	put_msix(j, d);
	if (rom->size)
		put_span(j, "rom", (struct span){rom->addr, rom->size});
	put_advice(j, d);
	json_object_end(j);
}

static void put_emulated(struct json *j, const struct plan_pci *p)
{
	char at[16];

	json_object(j, NULL);
	json_text(j, "name", p->name);
	snprintf(at, sizeof(at), "00:%02x.%x", p->devfn >> 3 & 0x1f,
		 p->devfn & 7u);
	json_text(j, "guest", at);
	put_span(j, "bar", (struct span){p->bar[0].addr, p->bar[0].size});
	json_object_end(j);
}

int plan_json(FILE *f, const struct plan_view *v)
{
	struct json j = {.f = f};

	json_object(&j, NULL);
	if (v->plan) {
		put_host(&j, &v->host);
		put_memory(&j, v->plan);
		json_array(&j, "devices");
		for (unsigned int i = 0; i < v->n; i++)
			put_device(&j, &v->dev[i]);
		json_array_end(&j);
		json_array(&j, "emulated");
		for (unsigned int i = v->n; i < v->plan->n_pci; i++)
			put_emulated(&j, &v->plan->pci[i]);
		json_array_end(&j);
	} else {
		put_regions(&j, &v->dev[0], false);
		put_msix(&j, &v->dev[0]);
	}
	json_object_end(&j);
	putc('\n', f);
	return fflush(f) || ferror(f) ? -EIO : 0;
}
