/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a machine: the windows that are free, what is to be avoided,
 * and devices. What was placed is held against tests/unit/plan_check.h; a
 * refusal names a BAR that is there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/input.h"
#include "tests/unit/plan_check.h"

#define AVOID_MAX 32

static struct plan plan;
static struct arch_layout layout;
static struct span avoid[AVOID_MAX];
static unsigned int n_avoid;

/* Disjoint, as an arch lays them out; any of them may be missing. */
static void windows(struct input *in)
{
	uint8_t how = in_u8(in);

	memset(&layout, 0, sizeof(layout));
	layout.bar_align = how & 16 ? 65536 : 4096;
	if (!(how & 1)) {
		layout.mem32.base = (uint64_t)(in_u8(in) % 0xe0) << 24;
		layout.mem32.len = 0xe0000000 - layout.mem32.base;
	}
	if (!(how & 2)) {
		layout.mem64.base = (4 + (uint64_t)in_u8(in)) << 30;
		layout.mem64.len = (1ull << (35 + in_u8(in) % 18)) -
				   (1ull << 30) * (how >> 4);
	}
	if (how & 8)
		layout.hole = (struct span){(4 + (uint64_t)in_u16(in)) << 30,
					    (1 + (uint64_t)in_u8(in)) << 28};
	if (!(how & 4)) {
		layout.io.base = in_u8(in) * 256u;
		layout.io.len = 0x10000 - layout.io.base;
	}
}

static void avoided(struct input *in)
{
	n_avoid = in_u8(in) % (AVOID_MAX + 1);
	for (unsigned int i = 0; i < n_avoid; i++) {
		uint64_t len = in_number(in);

		avoid[i].base = in_number(in);
		avoid[i].len =
			len && len - 1 <= UINT64_MAX - avoid[i].base ? len : 1;
	}
}

/* An address, mostly of few buses and slots, at times nonsense. */
static void name(struct input *in, struct plan_pci *p)
{
	uint8_t how = in_u8(in);

	snprintf(p->name, sizeof(p->name), "0000:%02x:%02x.%c", how & 1,
		 how >> 1 & 1, how & 128 ? in_u8(in) : '0' + (how >> 2 & 7));
	if (how & 32)
		p->name[in_u8(in) % sizeof(p->name)] = '\0';
	p->vf = how & 64;
	p->devfn = how; /* of before: must not count */
}

static void pci(struct input *in, struct plan_pci *p)
{
	name(in, p);
	for (unsigned int b = 0; b < PLAN_BARS; b++) {
		uint8_t how = in_u8(in);
		struct plan_bar *bar = &p->bar[b];

		bar->kind = (enum pci_bar_kind)(how & 3);
		if (bar->kind == PCI_BAR_NONE)
			continue;
		bar->size = 1ull << (bar->kind == PCI_BAR_IO ? 2 : 12);
		bar->size <<=
			in_u8(in) % (bar->kind == PCI_BAR_MEM64 ? 52 : 20);
		bar->align = bar->size << (how >> 2 & 3);
		bar->addr = in_u8(in);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct err e = {0};
	const char *bad;
	int r;

	windows(&in);
	avoided(&in);
	memset(&plan, 0, sizeof(plan));
	plan.n_pci = in_u8(&in) % (PLAN_PCI_MAX + 1);
	for (unsigned int i = 0; i < plan.n_pci; i++)
		pci(&in, &plan.pci[i]);
	r = plan_make(&plan, &layout, 1, avoid, n_avoid, &e);
	if (r < 0) {
		must(e.what == ERR_VFIO_BAR_SPACE && e.code == r);
		must(r == -ENOSPC || r == -EMFILE);
		must(e.num < PLAN_BARS && e.num2 != 0);
		return 0;
	}
	bad = plan_check(&plan, &layout, avoid, n_avoid);
	if (bad)
		fprintf(stderr, "broken: %s\n", bad);
	must(!bad);
	return 0;
}
