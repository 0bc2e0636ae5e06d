// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "vfio/bar_draft.h"
#include "vfio/reach.h"

/*
 * How it works
 *
 * A page of some size is possible where three things meet. The slice has to
 * hold a whole block, at a multiple of its size: that is geometry, because the
 * planner keeps host, guest and device address congruent. The table has to
 * have such blocks: reach_blocks(). And nothing may forbid them: cap_of(),
 * the largest page allowed and what keeps it from more. What is reached is
 * the largest block that passes all three; the reason is that of the cap if
 * the geometry would give more, and that of the geometry otherwise.
 */

#define KIB 1024ull
#define MIB (1024ull * KIB)
#define GIB (1024ull * MIB)

struct cap {
	uint64_t page; /* 0: nothing is mapped at all */
	enum reach_why why;
};

/* --- tables ----------------------------------------------------------------
 */

/* 16 KiB and 64 KiB pages: Linux has blocks of one size (DDI0487 D8.2). */
static uint64_t big_page(uint64_t page)
{
	switch (page) {
	case 16 * KIB:
		return 32 * MIB;
	case 64 * KIB:
		return 512 * MIB;
	default:
		return 2 * MIB;
	}
}

/*
 * A PUD in the host's tables takes HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD, which
 * arm64 lacks; KVM's stage 2 there does not look at the host's tables. What
 * the IOMMU has is its own affair: see iommu_cap().
 */
void reach_blocks(const struct reach_host *h, enum reach_table t,
		  uint64_t block[3])
{
	unsigned int n = 0;
	bool pud = h->page == 4 * KIB &&
		   (h->arch == REACH_X86_64 || t != REACH_HOST);

	block[1] = 0;
	block[2] = 0;
	if (pud)
		block[n++] = GIB;
	block[n++] = big_page(h->page);
	block[n] = h->page;
}

/* --- what forbids large pages ----------------------------------------------
 */

static bool kernel_before(const struct reach_host *h, unsigned int major,
			  unsigned int minor)
{
	if (h->kernel_major == 0)
		return false;
	return h->kernel_major < major ||
	       (h->kernel_major == major && h->kernel_minor < minor);
}

/*
 * Linux has huge mappings of a device's memory since 6.12. What is older than
 * Linux 7.2 asks the rules of transparent huge pages even for those; with
 * MADV_HUGEPAGE, which barge gives, madvise is as good as always. A kernel
 * whose version is not known is taken for one that asks.
 */
static bool thp_counts(const struct reach_host *h)
{
	return h->kernel_major == 0 || kernel_before(h, 7, 2);
}

static struct cap host_cap(const struct reach_host *h)
{
	if (kernel_before(h, 6, 12))
		return (struct cap){h->page, REACH_KERNEL_OLD};
	if (h->thp == REACH_THP_ABSENT)
		return (struct cap){h->page, REACH_THP_IS_ABSENT};
	if (h->thp == REACH_THP_NEVER && thp_counts(h))
		return (struct cap){h->page, REACH_THP_IS_NEVER};
	if (h->thp_denied && thp_counts(h))
		return (struct cap){h->page, REACH_THP_IS_DENIED};
	if (h->arch == REACH_X86_64 && h->cpu_1g == REACH_NO)
		return (struct cap){2 * MIB, REACH_CPU_NO_1G};
	return (struct cap){GIB, REACH_BEST};
}

/* On x86, KVM maps nothing larger than the host's tables have it. */
static struct cap guest_cap(const struct reach_host *h)
{
	struct cap c = {GIB, REACH_BEST};

	if (h->arch != REACH_X86_64)
		return c;
	c = host_cap(h);
	if (c.page > 2 * MIB && h->guest_1g == REACH_NO)
		c = (struct cap){2 * MIB, REACH_EPT_NO_1G};
	return c;
}

static bool iommu_reaches(const struct reach_dev *d, unsigned int bar)
{
	unsigned int bits = d->iommu->bits;
	uint64_t last;

	if (!d->addr || bits == 0 || bits > 63)
		return true;
	last = d->addr[bar] + d->plan->bar[bar].size - 1;
	return last >> bits == 0;
}

static struct cap iommu_cap(const struct reach_dev *d, unsigned int bar)
{
	const struct reach_iommu *io = d->iommu;
	uint64_t block[3];

	if (io->kind == REACH_IOMMU_NONE)
		return (struct cap){0, REACH_NO_IOMMU};
	if (d->p2p == REACH_P2P_OFF)
		return (struct cap){0, REACH_P2P_IS_OFF};
	if (d->p2p == REACH_P2P_ALONE)
		return (struct cap){0, REACH_P2P_IS_ALONE};
	/* VFIO_DEVICE_FEATURE_DMA_BUF: iommufd has no other way to a BAR. */
	if (d->p2p == REACH_P2P_IOMMUFD && kernel_before(d->host, 6, 19))
		return (struct cap){0, REACH_P2P_IS_OLD};
	if (!iommu_reaches(d, bar))
		return (struct cap){0, REACH_IOMMU_NARROW};
	if (io->pages == 0)
		return (struct cap){0, REACH_IOMMU_SILENT};
	reach_blocks(d->host, REACH_IOMMU, block);
	for (unsigned int i = 0; i < 3 && block[i]; i++) {
		if (io->pages & block[i])
			return (struct cap){block[i],
					    i ? REACH_IOMMU_SMALL : REACH_BEST};
	}
	return (struct cap){0, REACH_IOMMU_SILENT};
}

static struct cap cap_of(const struct reach_dev *d, unsigned int bar,
			 enum reach_table t)
{
	switch (t) {
	case REACH_HOST:
		return host_cap(d->host);
	case REACH_GUEST:
		return guest_cap(d->host);
	case REACH_IOMMU:
	case REACH_TABLES:
		break;
	}
	return iommu_cap(d, bar);
}

/* --- geometry --------------------------------------------------------------
 */

/* Bytes of @s that lie in whole blocks, each at a multiple of its size. */
static uint64_t blocks_in(const struct bar_slice *s, uint64_t block)
{
	uint64_t base = bar_align_down(s->off + block - 1, block);
	uint64_t end = bar_align_down(s->off + s->len, block);

	return base < end ? end - base : 0;
}

static bool overlaps(const struct bar_slice *s, uint64_t base, uint64_t len)
{
	return len && base < s->off + s->len && s->off < base + len;
}

/* Whether @s has bytes of a host page with bytes of [off, off + len). */
static bool page_shared(const struct bar_slice *s, uint64_t off, uint64_t len,
			uint64_t page)
{
	uint64_t base = bar_align_down(off, page);
	uint64_t end;

	if (__builtin_add_overflow(off, len + page - 1, &end))
		return false;
	return overlaps(s, base, bar_align_down(end, page) - base);
}

/* The device's own table and pending bits (PCI-3.0 6.8.2). */
static bool at_msix(const struct reach_dev *d, unsigned int bar,
		    const struct bar_slice *s)
{
	const struct msix_shape *m = d->msix;
	uint64_t page = d->host->page;

	if (m->n == 0)
		return false;
	return (m->table_bar == bar &&
		page_shared(s, m->table_off, 16ull * m->n, page)) ||
	       (m->pba_bar == bar &&
		page_shared(s, m->pba_off, (m->n + 63ull) / 64 * 8, page));
}

/* Registers that are never mapped: struct bar_shape. */
static bool at_quirk(const struct reach_dev *d, unsigned int bar,
		     const struct bar_slice *s)
{
	const struct bar_shape *shape = &d->shape[bar];

	for (unsigned int i = 0; i < shape->n_traps; i++) {
		if (page_shared(s, shape->trap[i].base, shape->trap[i].len,
				d->host->page))
			return true;
	}
	return false;
}

/* The slice beside a MAP slice, which it ends at; NULL: the end of the BAR. */
static enum reach_why cut_by(const struct reach_dev *d, unsigned int bar,
			     const struct bar_slice *s)
{
	if (!s || s->off >= d->shape[bar].size)
		return REACH_CUT_END;
	if (at_msix(d, bar, s))
		return REACH_CUT_MSIX;
	if (at_quirk(d, bar, s))
		return REACH_CUT_QUIRK;
	return d->shape[bar].sparse ? REACH_CUT_AREA : REACH_CUT_END;
}

/* Why slice @i is not in pages of @block all over; the one with a cure. */
static enum reach_why cut_why(const struct reach_dev *d, unsigned int bar,
			      unsigned int i, uint64_t block)
{
	const struct bar_plan *p = &d->plan->bar[bar];
	const struct bar_slice *s = &p->slice[i];
	enum reach_why why = REACH_CUT_END, other = why;

	if (s->off % block && i > 0)
		why = cut_by(d, bar, s - 1);
	if ((s->off + s->len) % block)
		other = cut_by(d, bar, i + 1 < p->n ? s + 1 : NULL);
	return why > other ? why : other;
}

static struct reach reach_map(const struct reach_dev *d, unsigned int bar,
			      unsigned int i, enum reach_table t)
{
	const struct bar_slice *s = &d->plan->bar[bar].slice[i];
	struct cap cap = cap_of(d, bar, t);
	uint64_t goal = 0, fits = 0; /* largest for the BAR, for the slice */
	uint64_t block[3];
	struct reach r = {0, cap.why};

	reach_blocks(d->host, t, block);
	for (unsigned int k = 0; k < 3 && block[k]; k++) {
		bool in = blocks_in(s, block[k]) != 0;

		if (goal == 0 && block[k] <= d->shape[bar].size)
			goal = block[k];
		if (fits == 0 && in)
			fits = block[k];
		if (r.page == 0 && in && block[k] <= cap.page)
			r.page = block[k];
	}
	if (cap.page == 0 || r.page < fits)
		return r;
	if (goal && blocks_in(s, goal) != s->len)
		r.why = cut_why(d, bar, i, goal);
	else
		r.why = fits == block[0] ? REACH_BEST : REACH_BAR_SMALL;
	return r;
}

/* --- slices that are not mapped --------------------------------------------
 */

static enum reach_why trap_why(const struct reach_dev *d, unsigned int bar,
			       const struct bar_slice *s)
{
	const struct bar_shape *shape = &d->shape[bar];

	if (d->plan->bar[bar].kind == PCI_BAR_IO)
		return REACH_TRAP_IO;
	if (shape->size > BAR_REGION_MAX)
		return REACH_TRAP_HUGE;
	if (!shape->mappable)
		return REACH_TRAP_KERNEL;
	if (at_msix(d, bar, s))
		return REACH_TRAP_MSIX;
	if (at_quirk(d, bar, s))
		return REACH_TRAP_QUIRK;
	return shape->sparse ? REACH_TRAP_AREA : REACH_TRAP_END;
}

static enum reach_why virtual_why(const struct reach_dev *d, unsigned int bar,
				  const struct bar_slice *s)
{
	const struct dev_plan *p = d->plan;

	if (p->msix_place == MSIX_PLACE_NONE)
		return REACH_VIRTUAL_PAST;
	if ((p->table_bar == bar &&
	     overlaps(s, p->table_off, 16ull * d->msix->n)) ||
	    (p->pba_bar == bar && overlaps(s, p->pba_off, 8)))
		return REACH_VIRTUAL_MSIX;
	return REACH_VIRTUAL_PAST;
}

void reach_slice(const struct reach_dev *d, unsigned int bar,
		 unsigned int slice, struct reach out[REACH_TABLES])
{
	const struct bar_slice *s = &d->plan->bar[bar].slice[slice];

	for (unsigned int t = 0; t < REACH_TABLES; t++) {
		out[t].page = 0;
		if (s->kind == BAR_MAP)
			out[t] = reach_map(d, bar, slice, (enum reach_table)t);
		else if (s->kind == BAR_TRAP)
			out[t].why = trap_why(d, bar, s);
		else
			out[t].why = virtual_why(d, bar, s);
	}
}

/* --- entries ---------------------------------------------------------------
 */

void reach_leaves(const struct reach_dev *d, unsigned int bar,
		  enum reach_table t, struct bar_leaves *out)
{
	struct cap cap = cap_of(d, bar, t);
	struct bar_leaves some = {{0}, {0}};
	unsigned int skip = 0;

	memset(out, 0, sizeof(*out));
	reach_blocks(d->host, t, out->block);
	while (skip < 3 && out->block[skip] > cap.page)
		skip++;
	memcpy(some.block, out->block + skip, (3 - skip) * sizeof(uint64_t));
	bar_plan_leaves_in(&d->plan->bar[bar], &some);
	memcpy(out->count + skip, some.count, (3 - skip) * sizeof(uint64_t));
}

static unsigned int run_add(struct reach_run *run, unsigned int n,
			    struct reach_run r)
{
	if (r.len == 0)
		return n;
	run[n] = r;
	return n + 1;
}

unsigned int reach_runs(const struct reach_dev *d, unsigned int bar,
			unsigned int slice, enum reach_table t,
			struct reach_run run[REACH_RUNS_MAX])
{
	const struct bar_slice *s = &d->plan->bar[bar].slice[slice];
	struct cap cap = cap_of(d, bar, t);
	uint64_t block[3], from[3], to[3];
	unsigned int n = 0, last = 1;

	if (cap.page == 0)
		return 0;
	reach_blocks(d->host, t, block);
	last = block[2] ? 2 : 1;
	from[last] = s->off;
	to[last] = s->off + s->len;
	/* The part in blocks of one size lies in that of the next smaller. */
	for (unsigned int k = last; k-- > 0;) {
		uint64_t len =
			block[k] <= cap.page ? blocks_in(s, block[k]) : 0;

		from[k] = from[k + 1];
		if (len)
			from[k] =
				bar_align_down(s->off + block[k] - 1, block[k]);
		to[k] = from[k] + len;
	}
	for (unsigned int k = last; k > 0; k--)
		n = run_add(run, n,
			    (struct reach_run){from[k], from[k - 1] - from[k],
					       block[k]});
	n = run_add(run, n,
		    (struct reach_run){from[0], to[0] - from[0], block[0]});
	for (unsigned int k = 1; k <= last; k++)
		n = run_add(run, n,
			    (struct reach_run){to[k - 1], to[k] - to[k - 1],
					       block[k]});
	return n;
}

/* --- words -----------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *word;
	const char *text;
	const char *advice;
} words[REACH_WHY_MAX] = {
	[REACH_BEST] = { "best", "the largest pages there are", NULL },
	[REACH_BAR_SMALL] = { "bar-small",
		"the largest pages that fit into the BAR", NULL },
	[REACH_CUT_END] = { "cut-end",
		"the BAR's memory ends off a larger page's boundary", NULL },
	[REACH_CUT_AREA] = { "cut-area",
		"the kernel lets only parts of the BAR be mapped", NULL },
	[REACH_CUT_QUIRK] = { "cut-quirk",
		"registers that must stay trapped are left out", NULL },
	[REACH_CUT_MSIX] = { "cut-msix",
		"the host pages of the MSI-X table are left out",
		"let the MSI-X table move away: msix=auto" },
	[REACH_THP_IS_NEVER] = { "thp-never",
		"transparent huge pages are set to never",
		"allow huge pages where a program asks for them: sudo sh -c "
		"'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled'" },
	[REACH_THP_IS_ABSENT] = { "thp-absent",
		"the kernel has no transparent huge pages",
		"boot a host kernel with CONFIG_TRANSPARENT_HUGEPAGE=y" },
	[REACH_THP_IS_DENIED] = { "thp-denied",
		"huge pages are switched off for this process",
		"start barge from a program that did not call "
		"prctl(PR_SET_THP_DISABLE)" },
	[REACH_KERNEL_OLD] = { "kernel-old",
		"Linux before 6.12 maps devices in small pages",
		"boot the host with Linux 6.12 or newer" },
	[REACH_CPU_NO_1G] = { "cpu-no-1g",
		"the processor has no pages of 1G",
		"if the host is a VM itself, give it the processor flag "
		"pdpe1gb" },
	[REACH_EPT_NO_1G] = { "ept-no-1g",
		"the processor's EPT has no pages of 1G", NULL },
	[REACH_P2P_IS_OFF] = { "p2p-off",
		"BARs are not mapped there for other devices", NULL },
	[REACH_P2P_IS_ALONE] = { "p2p-alone",
		"BARs are mapped there only for other devices, and there is "
		"none", NULL },
	[REACH_P2P_IS_OLD] = { "iommufd-old",
		"iommufd takes no BARs before Linux 6.19",
		"leave the choice to barge, --iommu auto, or boot the host "
		"with Linux 6.19 or newer" },
	[REACH_NO_IOMMU] = { "no-iommu",
		"the device is behind no IOMMU",
		"turn on VT-d or AMD-Vi in the firmware setup, and on Intel "
		"boot the host with intel_iommu=on" },
	[REACH_IOMMU_SILENT] = { "iommu-silent",
		"its page sizes are told by VFIO alone, of an open device",
		NULL },
	[REACH_IOMMU_SMALL] = { "iommu-small",
		"the IOMMU has no larger pages", NULL },
	[REACH_IOMMU_NARROW] = { "iommu-narrow",
		"the IOMMU's addresses do not reach up to the BAR",
		"give the guest less memory, so that its BARs lie lower" },
	[REACH_TRAP_IO] = { "io", "I/O ports are never mapped", NULL },
	[REACH_TRAP_HUGE] = { "over-1t",
		"VFIO's regions of devices end at 1T", NULL },
	[REACH_TRAP_KERNEL] = { "not-mappable",
		"the kernel does not let this BAR be mapped",
		"if the BAR begins off a host page (lspci -v), boot the host "
		"with pci=resource_alignment=ADDRESS" },
	[REACH_TRAP_AREA] = { "not-in-area",
		"the kernel does not let this part of the BAR be mapped",
		NULL },
	[REACH_TRAP_MSIX] = { "msix-page",
		"host pages of the MSI-X table",
		"let the MSI-X table move away: msix=auto" },
	[REACH_TRAP_QUIRK] = { "quirk",
		"registers that a driver must not reach directly", NULL },
	[REACH_TRAP_END] = { "part-page",
		"less than a host page is left at the BAR's end", NULL },
	[REACH_VIRTUAL_MSIX] = { "msix",
		"the guest's MSI-X table and pending bits", NULL },
	[REACH_VIRTUAL_PAST] = { "past-end",
		"past the end of the device's memory", NULL },
};
/* clang-format on */

const char *reach_why_word(enum reach_why why)
{
	return (unsigned int)why < REACH_WHY_MAX ? words[why].word : "";
}

const char *reach_why_text(enum reach_why why)
{
	return (unsigned int)why < REACH_WHY_MAX ? words[why].text : "";
}

/* Nothing of that is switched on by a word for the kernel. */
static const char no_smmu[] =
	"the host's firmware has to describe an SMMU that the device is "
	"behind: sudo dmesg | grep -i smmu";

const char *reach_advice(const struct reach_dev *d, enum reach_why why)
{
	if ((unsigned int)why >= REACH_WHY_MAX)
		return NULL;
	if ((why == REACH_CUT_MSIX || why == REACH_TRAP_MSIX) && !d->movable)
		return NULL;
	if (why == REACH_NO_IOMMU && d->host->arch == REACH_AARCH64)
		return no_smmu;
	return words[why].advice;
}
