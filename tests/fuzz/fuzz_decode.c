/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_hv.h"
#include "tests/unit/fake_iommu.h"
#include "vfio/device.h"

/*
 * A guest writes what it likes into the configuration of three devices. After
 * each write memslots and DMA mappings must be what the registers say, found
 * out by asking the host bridge's own decoder about addresses, and they must
 * have come about in the right order.
 */

#define DEVS	 3u
#define PAGE	 4096ull
#define MIB	 (1ull << 20)
#define GIB	 (1ull << 30)
#define LOW	 0x80000000ull
#define LOW_END	 0xe0000000ull
#define HIGH	 (8 * GIB)
#define HIGH_END (40 * GIB)
#define PM	 0x40u
#define EXP	 0x50u
#define AF	 0x90u
#define WRITES	 200

static struct fake_hv hv;
static struct fake_iommu iommu;
static struct vfio all;
static struct vfio_dev dev[DEVS];
static bool came;    /* something was added by this write */
static bool playing; /* no failure is injected */

static const struct span ram[2] = {{0, 2 * GIB}, {4 * GIB, 4 * GIB}};

/* --- the world ------------------------------------------------------------ */

static int config_file(void)
{
	int fd = memfd_create("device", MFD_CLOEXEC);

	REQUIRE(fd >= 0 && ftruncate(fd, 4096) == 0);
	return fd;
}

static void shapes(struct vfio_dev *d, struct fuzz_in *in)
{
	static const uint64_t sizes[4] = {PAGE, 16 * PAGE, 2 * MIB, 64 * MIB};
	unsigned int how = fuzz_u8(in);
	struct bar_shape *s = d->shape;

	s[0] = (struct bar_shape){.kind = PCI_BAR_MEM64,
				  .mappable = true,
				  .prefetch = true,
				  .size = how & 1 ? 4 * GIB : 16 * MIB};
	if (how & 2) {
		s[0].sparse = true;
		s[0].n_areas = 2;
		s[0].area[0] = (struct span){0, 4 * PAGE};
		s[0].area[1] = (struct span){MIB, 3 * MIB};
	}
	s[2] = (struct bar_shape){.kind = PCI_BAR_MEM32,
				  .mappable = true,
				  .size = sizes[how >> 2 & 3]};
	s[3] = (struct bar_shape){.kind = PCI_BAR_IO, .size = 64};
	s[4] = (struct bar_shape){.kind = PCI_BAR_MEM32,
				  .mappable = how & 16,
				  .size = sizes[how >> 5 & 3]};
}

/* Slices with addresses that nobody ever looks at. */
static void maps(struct vfio_dev *d, unsigned int nth)
{
	d->n_maps = 0;
	for (unsigned int b = 0; b < PCI_BARS; b++) {
		for (unsigned int i = 0; i < d->plan.bar[b].n; i++) {
			const struct bar_slice *s = &d->plan.bar[b].slice[i];
			uint64_t at = (nth + 1ull) << 44 | (uint64_t)b << 40;

			if (s->kind != BAR_MAP)
				continue;
			d->map[d->n_maps++] = (struct bar_map){
				.bar = b,
				.off = s->off,
				.len = s->len,
				.hva = (uint8_t *)(uintptr_t)(at + s->off)};
		}
	}
}

static void device(unsigned int nth, struct fuzz_in *in)
{
	static const struct msix_shape none;
	static int fd[DEVS] = {-1, -1, -1};
	static uint8_t hw[PCI_CFG_SIZE];
	struct vfio_dev *d = &dev[nth];

	if (fd[nth] < 0)
		fd[nth] = config_file();
	memset(d, 0, sizeof(*d));
	memset(hw, 0, sizeof(hw));
	hw[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	hw[PCI_CAPABILITY_LIST] = PM;
	hw[PM] = PCI_CAP_ID_PM;
	hw[PM + 1] = EXP;
	hw[EXP] = PCI_CAP_ID_EXP;
	hw[EXP + 1] = AF;
	hw[EXP + PCI_EXP_DEVCAP + 3] = PCI_EXP_DEVCAP_FLR >> 24;
	hw[AF] = PCI_CAP_ID_AF;
	hw[AF + PCI_AF_CAP] = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;
	REQUIRE(pwrite(fd[nth], hw, sizeof(hw), 0) == sizeof(hw));
	d->fd = fd[nth];
	d->cfg_size = PCI_CFG_SIZE;
	d->func.ops = &vfio_func_ops;
	d->func.devfn = (uint8_t)(nth << 3);
	d->all = &all;
	d->hv = &hv.hv;
	d->p2p_warned = true;
	d->window[0] = (struct span){LOW, LOW_END - LOW};
	d->window[1] = (struct span){HIGH, HIGH_END - HIGH};
	shapes(d, in);
	dev_plan_make(&d->plan, d->shape, &none, PAGE, PAGE);
	cfg_virt_make(d, hw);
	(void)pci_cfg_set_rom(&d->func.cfg, 64 << 10);
	maps(d, nth);
}

/* --- what must hold while the machine changes ----------------------------- */

static bool hw_decodes(const struct vfio_dev *d)
{
	return vfio_cfg_pread(d, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY;
}

static void watch(void *ctx, bool map)
{
	(void)ctx;
	/* First what goes, then what comes. */
	REQUIRE(!came || map);
	came |= map;
	for (unsigned int i = 0; i < DEVS; i++) {
		bool in = false;

		for (unsigned int k = 0; k < dev[i].n_maps; k++)
			in |= dev[i].map[k].now.guest;
		/* A guest that touches it would end KVM_RUN. */
		REQUIRE(!playing || !in || hw_decodes(&dev[i]));
	}
}

/* --- what must hold after each write -------------------------------------- */

/* Whether the host bridge would hand [@addr] to BAR @bar of device @nth. */
static bool answers(unsigned int nth, unsigned int bar, uint64_t addr)
{
	unsigned int b;
	uint64_t off;

	for (unsigned int i = 0; i < DEVS; i++) {
		if (pci_func_decode(&dev[i].func, false, addr, 1, &b, &off))
			return i == nth && b == bar;
	}
	return false;
}

static bool inside(uint64_t addr, uint64_t base, uint64_t len)
{
	return addr >= base && addr - base < len;
}

/* Wherever another BAR begins or ends in the slice, and at its own ends. */
static bool all_of_it_answers(unsigned int nth, const struct bar_map *m,
			      uint64_t gpa)
{
	if (!answers(nth, m->bar, gpa) ||
	    !answers(nth, m->bar, gpa + m->len - 1))
		return false;
	for (unsigned int i = 0; i < DEVS * (PCI_BARS + 1); i++) {
		const struct pci_cfg *c = &dev[i / (PCI_BARS + 1)].func.cfg;
		unsigned int b = i % (PCI_BARS + 1);
		uint64_t at = pci_cfg_bar_addr(c, b);
		uint64_t end = at + pci_cfg_bar_size(c, b);

		if ((inside(at, gpa, m->len) && !answers(nth, m->bar, at)) ||
		    (inside(end - 1, gpa, m->len) &&
		     !answers(nth, m->bar, end - 1)))
			return false;
	}
	return true;
}

static bool expected(unsigned int nth, const struct bar_map *m, uint64_t *gpa)
{
	const struct pci_cfg *c = &dev[nth].func.cfg;
	uint64_t at = pci_cfg_bar_addr(c, m->bar);
	uint64_t size = pci_cfg_bar_size(c, m->bar);

	*gpa = at + m->off;
	if (dev[nth].power || at == 0 || at + size < at)
		return false;
	if (!(at >= LOW && at + size <= LOW_END) &&
	    !(at >= HIGH && at + size <= HIGH_END))
		return false;
	return all_of_it_answers(nth, m, *gpa);
}

static void check_dma(const struct bar_map *m, bool in, uint64_t gpa)
{
	const struct fake_iommu_map *at =
		m->now.dma ? fake_iommu_at(&iommu, m->now.iova) : NULL;

	REQUIRE(!m->now.dma || (at && at->m == m));
	if (!all.p2p)
		REQUIRE(!m->now.dma);
	else if (span_overlaps(all.reserved[0], (struct span){gpa, m->len}))
		return;
	else if (in)
		REQUIRE(m->now.dma && m->now.iova == gpa);
	else if (iommu.ops.bar_revoked)
		REQUIRE(!m->now.dma);
}

static void check(void)
{
	unsigned int n = 0;
	uint64_t gpa;

	for (unsigned int i = 0; i < DEVS; i++) {
		for (unsigned int k = 0; k < dev[i].n_maps; k++) {
			const struct bar_map *m = &dev[i].map[k];
			bool in = expected(i, m, &gpa);

			REQUIRE(m->now.guest == in);
			REQUIRE(!in || fake_hv_at(&hv, gpa) == m->hva);
			check_dma(m, in, gpa);
			n += in;
		}
	}
	/* Nothing else is there but RAM. */
	REQUIRE(fake_hv_slots(&hv) == n + 2);
}

/* --- the guest ------------------------------------------------------------ */

static uint64_t value(struct fuzz_in *in)
{
	uint8_t how = fuzz_u8(in);
	const struct pci_cfg *c = &dev[how >> 4 & 3 ? 1 : 0].func.cfg;

	switch (how & 15) {
	case 0:
		return 0xffffffff;
	case 1:
		return 0;
	case 2: /* where another BAR is, or half of that */
		return pci_cfg_bar_addr(c, how >> 6) & 0xffffffff;
	case 3:
		return pci_cfg_bar_addr(c, how >> 6) >> 32;
	case 4:
		return HIGH >> 32;
	case 5:
		return LOW_END - (fuzz_u8(in) << 12);
	case 6:
		return fuzz_u(in, 4);
	case 7: /* RAM */
		return 0x1000000;
	case 8:
	case 9:
	case 10: /* few places, so that BARs meet */
		return LOW + ((uint64_t)(how >> 4 & 3) << 24);
	default:
		return LOW + ((uint64_t)fuzz_u8(in) << (12 + (how >> 4)));
	}
}

static unsigned int reg(struct fuzz_in *in, unsigned int *len)
{
	/* clang-format off */
	static const uint8_t regs[16] = {
		PCI_COMMAND, PCI_COMMAND, PCI_COMMAND, PCI_BASE_ADDRESS_0,
		PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_1, PCI_BASE_ADDRESS_1,
		PCI_BASE_ADDRESS_2, PCI_BASE_ADDRESS_2, PCI_BASE_ADDRESS_4,
		PCI_BASE_ADDRESS_4, PCI_ROM_ADDRESS, PM + PCI_PM_CTRL,
		EXP + PCI_EXP_DEVCTL, AF + PCI_AF_CTRL, 0,
	};
	/* clang-format on */
	unsigned int how = fuzz_u8(in);
	unsigned int off = regs[how & 15];

	*len = how & 64 ? 1u << (how >> 4 & 3) : 4;
	if (off == PCI_COMMAND || off == PM + PCI_PM_CTRL)
		*len = 2;
	if (off == 0)
		off = fuzz_u8(in);
	return off;
}

static void write_one(struct fuzz_in *in)
{
	struct vfio_dev *d = &dev[fuzz_u8(in) % DEVS];
	unsigned int calls = hv.maps + hv.unmaps;
	unsigned int len, most = 0;
	unsigned int off = reg(in, &len);
	uint64_t val = value(in);

	if (off == PCI_COMMAND)
		val = fuzz_u8(in) & 7 ? PCI_COMMAND_MEMORY : 0;
	if (off == PM + PCI_PM_CTRL)
		val = fuzz_u8(in) & 3;
	if (off == PCI_ROM_ADDRESS)
		val |= fuzz_u8(in) & 1;
	if (off == EXP + PCI_EXP_DEVCTL || off == AF + PCI_AF_CTRL)
		val = fuzz_u(in, 2);
	for (unsigned int i = 0; i < DEVS; i++)
		most += dev[i].n_maps;
	came = false;
	d->func.ops->cfg_write(&d->func, off, len, val);
	REQUIRE(!hv.misuse && !iommu.misuse);
	/* Each slice goes once and comes once at most. */
	REQUIRE(hv.maps + hv.unmaps - calls <= 2 * most);
	if (!playing)
		return;
	REQUIRE(hv.refusals == 0);
	check();
	/* The same again changes nothing. */
	calls = hv.maps + hv.unmaps + iommu.maps + iommu.unmaps;
	if (off < 0x40)
		d->func.ops->cfg_write(&d->func, off, len, val);
	REQUIRE(hv.maps + hv.unmaps + iommu.maps + iommu.unmaps == calls);
}

/* After refusals: once nothing is refused any more, all is as it should be. */
static void settle(void)
{
	hv.fail_in = 0;
	for (unsigned int i = 0; i < 2 * DEVS; i++) {
		struct vfio_dev *d = &dev[i % DEVS];

		came = false;
		d->func.ops->cfg_write(
			&d->func, PCI_COMMAND, 2,
			pci_cfg_get(&d->func.cfg, PCI_COMMAND, 2));
	}
	check();
}

static void world(struct fuzz_in *in)
{
	unsigned int how = fuzz_u8(in);
	unsigned int slot;

	fake_hv_init(&hv);
	hv.page = PAGE;
	fake_iommu_init(&iommu, how & 1);
	vfio_init(&all);
	all.iommu = &iommu.ops;
	all.p2p = how & 2;
	all.slots_warned = true;
	all.n_reserved = 1;
	all.reserved[0] = (struct span){LOW + 64 * MIB, MIB};
	all.n_devs = DEVS;
	for (unsigned int i = 0; i < DEVS; i++) {
		device(i, in);
		all.dev[i] = &dev[i];
	}
	for (unsigned int i = 0; i < 2; i++)
		REQUIRE(hv.hv.ops->map(&hv.hv, ram[i].base, (void *)PAGE,
				       ram[i].len, &slot) == 0);
	hv.watch = watch;
	playing = !(how & 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int codes[4] = {-ENOSPC, -EEXIST, -ENOMEM, -EINVAL};
	struct fuzz_in in = {data, size};

	world(&in);
	for (unsigned int i = 0; i < WRITES && in.left; i++) {
		if (!playing) {
			unsigned int how = fuzz_u8(&in);

			fake_hv_fail(&hv, how & 15, codes[how >> 4 & 3]);
		}
		write_one(&in);
	}
	if (!playing)
		settle();
	came = false;
	for (unsigned int i = 0; i < DEVS; i++)
		bar_follow_clear(&dev[i]);
	REQUIRE(fake_hv_slots(&hv) == 2 && fake_iommu_count(&iommu) == 0);
	return 0;
}
