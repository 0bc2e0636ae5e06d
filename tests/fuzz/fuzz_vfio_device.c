/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile devices, and a kernel that tells nonsense of them: configuration
 * space, region and interrupt infos are the input's, and so is what a guest
 * then does with them. Nothing may be left behind, no memslot may be over
 * memory that does not decode, and no file or mapping be misused.
 */
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_vfio_life.h"

static struct life l;
static bool driven;

/* Often small, next to a power of two, or at the very top. */
static uint64_t number(struct fuzz_in *in)
{
	uint8_t how = fuzz_u8(in);

	switch (how & 3) {
	case 0:
		return fuzz_u8(in);
	case 1:
		return (1ull << (how >> 2)) + (uint64_t)(int8_t)fuzz_u8(in);
	case 2:
		return (uint64_t)fuzz_u8(in) << 12;
	default:
		return fuzz_u(in, 8);
	}
}

/* --- the kernel's answers --------------------------------------------------
 */

static void patch(struct fuzz_in *in, uint8_t *p, uint32_t size)
{
	uint8_t n = fuzz_u8(in) & 15;

	while (n-- && size)
		p[fuzz_u8(in) % size] = fuzz_u8(in);
}

static void script_region(struct fuzz_in *in, struct vfio_region_info *info,
			  uint32_t size)
{
	uint8_t what = fuzz_u8(in);

	if (what & 1)
		info->size = number(in);
	if (what & 2)
		info->flags = fuzz_u8(in);
	if (what & 4)
		info->offset = number(in);
	if (what & 8)
		info->argsz = (uint32_t)number(in);
	if (what & 16)
		info->cap_offset = fuzz_u8(in);
	if (what & 32 && size > sizeof(*info))
		patch(in, (uint8_t *)(info + 1), size - sizeof(*info));
}

/* Which answers are nonsense: not all, or no device would ever be opened. */
static uint8_t lies[FAKE_PCI_MAX];

#define LIE_REGION 1u
#define LIE_IRQ	   2u
#define LIE_REST   0x1cu /* all of them */

static int script(struct fake_pci *p, unsigned long req, void *info,
		  uint32_t size)
{
	struct fuzz_in *in = p->script_ctx;
	uint8_t lie = lies[p->cdev];
	uint8_t how;

	if (req == VFIO_DEVICE_GET_REGION_INFO ? !(lie & LIE_REGION)
	    : req == VFIO_DEVICE_GET_IRQ_INFO  ? !(lie & LIE_IRQ)
					       : (lie & LIE_REST) != LIE_REST)
		return 0;
	how = fuzz_u8(in);
	if (how < 128)
		return 0;
	if (how > 250)
		return -(fuzz_u8(in) % 100 + 1);
	if (req == VFIO_DEVICE_GET_REGION_INFO)
		script_region(in, info, size);
	else
		patch(in, (uint8_t *)info + 4, size - 4);
	return 0;
}

/* --- the device ------------------------------------------------------------
 */

static void describe(struct fuzz_in *in, unsigned int i)
{
	static const char *const address[] = {"0000:01:00.0", "0000:01:00.1"};
	static struct fake_pci *(*const make[])(const char *, unsigned int) = {
		fake_nvme, fake_e1000, fake_gpu, fake_ahci};
	uint8_t what = fuzz_u8(in);
	struct fake_pci *p = make[what & 3](address[i], 7 + i);
	unsigned int n = fuzz_u8(in) & 31;

	while (n--) {
		unsigned int off = fuzz_u8(in);

		p->cfg[off] = fuzz_u8(in);
	}
	if (what & 4) { /* somewhere in the extended part */
		unsigned int at = (0x100 + 4 * (unsigned int)fuzz_u8(in));

		fake_cfg_put(p, at, 4, fuzz_u(in, 4));
		fake_cfg_put(p, 0x100, 4, fuzz_u(in, 4));
	}
	for (unsigned int b = 0; what & 8 && b < 6; b++) {
		struct fake_region *r = &p->region[b];

		r->n_areas = fuzz_u8(in) % 5;
		r->sparse = r->n_areas;
		for (unsigned int a = 0; a < r->n_areas; a++) {
			r->area[a].base = number(in);
			r->area[a].len = number(in);
		}
	}
	if (what & 16)
		p->irq[VFIO_PCI_MSIX_IRQ_INDEX].limit = fuzz_u8(in) & 15;
	p->irq[VFIO_PCI_MSIX_IRQ_INDEX].noresize = what & 32;
	lies[i] = fuzz_u8(in);
	p->script = script;
	p->script_ctx = in;
}

/* --- the guest -------------------------------------------------------------
 */

static void access_cfg(struct fuzz_in *in, unsigned int i)
{
	unsigned int len = 1u << fuzz_u8(in) % 3;
	unsigned int off = fuzz_u8(in);

	if (off & 1) /* now and then */
		off |= (unsigned int)(fuzz_u8(in) & 15) << 8;
	off &= ~(len - 1);
	if (off & 0x80)
		(void)guest_cfg_read(&l, i, off, len);
	guest_cfg_write(&l, i, off, len, fuzz_u(in, len));
}

static void access_bar(struct fuzz_in *in, unsigned int i)
{
	uint8_t what = fuzz_u8(in);
	unsigned int b = what % 6;
	unsigned int len = 1u << (what >> 6);
	const struct plan_bar *bar = &l.plan.pci[i].bar[b];
	uint64_t at = guest_bar(&l, i, b);
	uint64_t off = number(in);

	if (!bar->size || len > bar->size)
		return;
	off %= bar->size - len + 1;
	if (bar->kind == PCI_BAR_IO) {
		guest_io_write(&l, at + off, len & 7, off);
		(void)guest_io_read(&l, at + off, len & 7);
		return;
	}
	/* What is mapped is the device's, and of no interest here. */
	if (fake_hv_at(&l.hv, at + off))
		return;
	guest_write(&l, at + off, len, fuzz_u(in, 2));
	(void)guest_read(&l, at + off, len);
}

static void step(struct fuzz_in *in, uint8_t op)
{
	unsigned int i = (op >> 4) % l.plan.n_pci;
	struct fake_pci *p = &fake_host.pci[i];
	unsigned int cap;

	switch (op & 15) {
	case 0:
		guest_command(&l, i, fuzz_u8(in) & 7);
		break;
	case 1:
		access_bar(in, i);
		break;
	case 2:
		guest_msix_set(&l, i, fuzz_u8(in), 0x40, fuzz_u8(in) & 1);
		break;
	case 3:
		cap = guest_cap(&l, i, PCI_CAP_ID_MSIX);
		if (cap)
			guest_cfg_write(&l, i, cap + PCI_MSIX_FLAGS, 2,
					fuzz_u(in, 2));
		break;
	case 4:
		cap = guest_cap(&l, i, PCI_CAP_ID_MSI);
		if (cap)
			guest_cfg_write(&l, i, cap + PCI_MSI_FLAGS, 2,
					fuzz_u(in, 2));
		break;
	case 5:
		fake_irq_fire(p, fuzz_u8(in) % FAKE_IRQS, fuzz_u8(in));
		break;
	case 6: /* the hardware says something else than before */
		p->cfg[0x40 + fuzz_u8(in) % 0xc0] = fuzz_u8(in);
		break;
	case 7: /* a whole driver, which takes its time */
		if (!driven)
			guest_drive(&l);
		driven = true;
		break;
	default:
		access_cfg(in, i);
		break;
	}
}

static void live(struct fuzz_in *in)
{
	unsigned int steps = 0;

	driven = false;
	if (life_open(&l) < 0 || life_start(&l) < 0)
		return;
	while (in->left && steps++ < 64)
		step(in, fuzz_u8(in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	uint8_t how = fuzz_u8(&in);
	const char *left;

	fake_host_init();
	/* x86_64, or aarch64 with one of its page sizes */
	if (how & 3)
		fake_host_arm(4096ull << (2 * ((how & 3) - 1)));
	/* Always two: sysfs need not be made anew. */
	for (unsigned int i = 0; i < 2; i++)
		describe(&in, i);
	fake_host.dma_max = how & 64 ? 3 : FAKE_DMAS;
	fake_host_start();
	if (how & 3)
		life_init_arm(&l);
	else
		life_init(&l);
	l.backend = how & 4 ? VFIO_BACKEND_TYPE1 : VFIO_BACKEND_IOMMUFD;
	if (how & 128)
		l.hv.n_slots = 2;
	if (how & 8)
		fake_sys_fail(1 + fuzz_u8(&in), fuzz_u8(&in) % 40 + 1);
	live(&in);
	life_end(&l);
	left = fake_host_left();
	fake_host_stop();
	if (left)
		fprintf(stderr, "%s (after %s had failed)\n", left,
			fake_sys_failed_in());
	REQUIRE(!left);
	return 0;
}
