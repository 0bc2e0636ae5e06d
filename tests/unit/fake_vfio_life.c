// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/fake_vfio_life.h"

#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/fake_sys_impl.h"
#include "vmm/plan.h"

#define MIB	(1ull << 20)
#define GIB	(1ull << 30)
#define RAM_LEN (16 * MIB)

/* Two regions of RAM, as above and below 4 GiB. */
static const struct arch_layout x86 = {
	.conf1 = {0xcf8, 8},
	.ecam = {0xe0000000, 1 * MIB},
	.mem32 = {0x80000000, 0x60000000},
	.mem64 = {8 * GIB, 1024 * GIB},
	.io = {0xc000, 0x4000},
	.bar_align = 4096,
	.n_ram = 2,
	.ram = {{0, RAM_LEN}, {4 * GIB, RAM_LEN}},
};

/* arch-aarch64/layout.h, which is not linked everywhere */
static const struct arch_layout arm = {
	.ecam = {0x3f000000, 1 * MIB},
	.mem32 = {0x10000000, 0x2f000000},
	.mem64 = {4 * GIB, 1020 * GIB},
	.io = {0x1000, 0xf000},
	.io_mmio = 0x0fff0000,
	.bar_align = 65536,
	.n_ram = 1,
	.ram = {{1 * GIB, RAM_LEN}},
};

static uint8_t *ram(unsigned int i)
{
	static uint8_t *p;

	if (!p) {
		p = __real_mmap(NULL, (PLAN_RAM_MAX + 1) * RAM_LEN,
				PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
				0);
		if (p == MAP_FAILED)
			abort();
		/* at a page of whatever kernel the test is about */
		p += -(uintptr_t)p & (RAM_LEN - 1);
	}
	return p + i * RAM_LEN;
}

/* Calls of the hypervisor fail in turn with those of the system. */
static int hv_fault(const char *call)
{
	return fake_sys_call(call);
}

void life_map(struct life *l, const struct arch_layout *map)
{
	l->layout = *map;
	l->v.bar_align = map->bar_align;
	l->mem.n = 0;
	for (unsigned int i = 0; i < map->n_ram; i++) {
		if (gmem_add(&l->mem, map->ram[i], ram(i)) < 0)
			abort();
	}
}

void life_init(struct life *l)
{
	memset(l, 0, sizeof(*l));
	vfio_init(&l->v);
	life_map(l, &x86);
	l->msi_addr = 0xfee00000;
	fake_hv_init(&l->hv);
	l->hv.fault = hv_fault;
	fake_host.hv = &l->hv;
}

void life_init_arm(struct life *l)
{
	life_init(l);
	life_map(l, &arm);
	l->hv.limit = 1024 * GIB;
	l->msi_addr = 0x0a030040; /* GITS_TRANSLATER */
}

int life_open(struct life *l)
{
	struct vfio_want w = {.backend = l->backend, .p2p = l->p2p};
	int r;

	for (; w.n < fake_host.n; w.n++)
		w.address[w.n] = fake_host.pci[w.n].address;
	vfio_setup(&l->v, &w);
	r = vfio_memlock(PLAN_RAM_MAX * RAM_LEN, &l->e);
	for (unsigned int i = 0; r == 0 && i < fake_host.n; i++)
		r = vfio_open(&l->v, fake_host.pci[i].address, l->msix, &l->e);
	if (r == 0)
		vfio_reset(&l->v);
	for (unsigned int i = 0; r == 0 && i < fake_host.n; i++)
		r = vfio_rom(&l->v, i, ROM_AUTO, "", &l->e);
	return r;
}

static int plan(struct life *l)
{
	vfio_describe(&l->v, &l->plan);
	for (unsigned int i = 0; i < l->plan.n_pci; i++)
		l->plan.pci[i].intx_gsi = LIFE_INTX_GSI;
	return plan_make(&l->plan, &l->layout, 1, l->v.reserved,
			 l->v.n_reserved, &l->e);
}

int life_start(struct life *l)
{
	int r = plan(l);

	if (r == 0)
		r = vfio_map_ram(&l->v, &l->mem, &l->e);
	if (r < 0)
		return r;
	pci_host_init(&l->host, l->plan.mem32, l->plan.mem64, l->plan.io);
	r = vfio_attach(&l->v, &l->plan, &l->hv.hv, &l->host, &l->e);
	l->attached = r == 0;
	return r;
}

void life_end(struct life *l)
{
	vfio_detach(&l->v);
	vfio_close(&l->v);
}

unsigned int life_events(struct life *l)
{
	struct vfio_event e;
	unsigned int n = 0;

	while (n < 100 && vfio_event_take(&l->v, &e))
		n++;
	return n;
}

/* --- a guest: configuration space ------------------------------------------
 */

static uint64_t ones(unsigned int len)
{
	return len == 8 ? UINT64_MAX : (1ull << (8 * len)) - 1;
}

uint64_t guest_cfg_read(struct life *l, unsigned int i, unsigned int off,
			unsigned int len)
{
	uint64_t at = (uint64_t)l->plan.pci[i].devfn << 12 | off;
	uint64_t v =
		l->host.dev.ops->read(&l->host.dev, PCI_HOST_ECAM, at, len);

	fake_host_settled();
	return v;
}

void guest_cfg_write(struct life *l, unsigned int i, unsigned int off,
		     unsigned int len, uint64_t v)
{
	uint64_t at = (uint64_t)l->plan.pci[i].devfn << 12 | off;

	l->host.dev.ops->write(&l->host.dev, PCI_HOST_ECAM, at, len, v);
	fake_host_settled();
}

unsigned int guest_cap(struct life *l, unsigned int i, uint8_t id)
{
	unsigned int at = PCI_CAPABILITY_LIST;

	for (unsigned int n = 0; n < 48; n++) {
		at = guest_cfg_read(l, i, at, 1) & 0xfc;
		if (at < 0x40)
			return 0;
		if (guest_cfg_read(l, i, at, 1) == id)
			return at;
		at += PCI_CAP_LIST_NEXT;
	}
	return 0;
}

static bool is_io(struct life *l, unsigned int i, unsigned int b)
{
	return l->plan.pci[i].bar[b].kind == PCI_BAR_IO;
}

uint64_t guest_bar(struct life *l, unsigned int i, unsigned int b)
{
	unsigned int reg = PCI_BASE_ADDRESS_0 + 4 * b;
	uint64_t low = guest_cfg_read(l, i, reg, 4);

	if (l->plan.pci[i].bar[b].kind == PCI_BAR_NONE)
		return 0;
	if (low & PCI_BASE_ADDRESS_SPACE_IO)
		return low & ~3ull;
	if ((low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
	    PCI_BASE_ADDRESS_MEM_TYPE_64)
		low |= guest_cfg_read(l, i, reg + 4, 4) << 32;
	return low & ~15ull;
}

void guest_command(struct life *l, unsigned int i, uint16_t command)
{
	guest_cfg_write(l, i, PCI_COMMAND, 2, command);
}

/* --- memory and ports ------------------------------------------------------
 */

/* Which window holds the access, and where; false: none. */
static bool window(const struct life *l, uint64_t gpa, unsigned int len,
		   unsigned int *region, uint64_t *off)
{
	const struct span w[] = {l->plan.mem32, l->plan.mem64};

	for (unsigned int i = 0; i < 2; i++) {
		if (!w[i].len || !span_holds(w[i], gpa, len))
			continue;
		*region = i ? PCI_HOST_MEM64 : PCI_HOST_MEM32;
		*off = gpa - w[i].base;
		return true;
	}
	return false;
}

uint64_t guest_read(struct life *l, uint64_t gpa, unsigned int len)
{
	const uint8_t *p = fake_hv_at(&l->hv, gpa);
	unsigned int region;
	uint64_t off;
	uint64_t v = 0;

	if (p) {
		memcpy(&v, p, len);
		return v;
	}
	if (!window(l, gpa, len, &region, &off))
		return ones(len);
	v = l->host.dev.ops->read(&l->host.dev, region, off, len);
	fake_host_settled();
	return v;
}

void guest_write(struct life *l, uint64_t gpa, unsigned int len, uint64_t v)
{
	uint8_t *p = fake_hv_at(&l->hv, gpa);
	unsigned int region;
	uint64_t off;

	if (p) {
		memcpy(p, &v, len);
		return;
	}
	if (!window(l, gpa, len, &region, &off))
		return;
	l->host.dev.ops->write(&l->host.dev, region, off, len, v);
	fake_host_settled();
}

uint64_t guest_io_read(struct life *l, uint64_t port, unsigned int len)
{
	if (!span_holds(l->plan.io, port, len))
		return ones(len);
	return l->host.dev.ops->read(&l->host.dev, PCI_HOST_IO,
				     port - l->plan.io.base, len);
}

void guest_io_write(struct life *l, uint64_t port, unsigned int len, uint64_t v)
{
	if (span_holds(l->plan.io, port, len))
		l->host.dev.ops->write(&l->host.dev, PCI_HOST_IO,
				       port - l->plan.io.base, len, v);
}

/* --- interrupts ------------------------------------------------------------
 */

uint64_t guest_msix_entry(struct life *l, unsigned int i, unsigned int v)
{
	unsigned int cap = guest_cap(l, i, PCI_CAP_ID_MSIX);
	uint64_t table;
	uint64_t bar;

	if (!cap)
		return 0;
	table = guest_cfg_read(l, i, cap + PCI_MSIX_TABLE, 4);
	if ((table & PCI_MSIX_TABLE_BIR) >= PCI_BARS)
		return 0;
	bar = guest_bar(l, i, table & PCI_MSIX_TABLE_BIR);
	return bar ? bar + (table & PCI_MSIX_TABLE_OFFSET) +
			       PCI_MSIX_ENTRY_SIZE * (uint64_t)v
		   : 0;
}

void guest_msix_set(struct life *l, unsigned int i, unsigned int v,
		    uint32_t data, bool masked)
{
	uint64_t at = guest_msix_entry(l, i, v);

	if (!at)
		return;
	guest_write(l, at, 4, (uint32_t)l->msi_addr);
	guest_write(l, at + 4, 4, 0);
	guest_write(l, at + 8, 4, data);
	guest_write(l, at + 12, 4, masked);
}

static void drive_msix(struct life *l, unsigned int i)
{
	unsigned int cap = guest_cap(l, i, PCI_CAP_ID_MSIX);
	unsigned int flags = cap + PCI_MSIX_FLAGS;
	uint64_t n;

	if (!cap)
		return;
	n = (guest_cfg_read(l, i, flags, 2) & PCI_MSIX_FLAGS_QSIZE) + 1;
	guest_cfg_write(l, i, flags, 2,
			PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	for (unsigned int v = 0; v < n && v < 4; v++)
		guest_msix_set(l, i, v, 0x40 + v, false);
	guest_cfg_write(l, i, flags, 2, PCI_MSIX_FLAGS_ENABLE);
	guest_msix_set(l, i, (unsigned int)n - 1, 0x60, false);
	guest_msix_set(l, i, 0, 0x40, true);
	fake_irq_fire(&fake_host.pci[i], VFIO_PCI_MSIX_IRQ_INDEX, 0);
	guest_msix_set(l, i, 0, 0x41, false);
	guest_cfg_write(l, i, flags, 2, 0);
	guest_cfg_write(l, i, flags, 2, PCI_MSIX_FLAGS_ENABLE);
}

static void drive_msi(struct life *l, unsigned int i)
{
	unsigned int cap = guest_cap(l, i, PCI_CAP_ID_MSI);
	uint64_t flags;

	if (!cap)
		return;
	flags = guest_cfg_read(l, i, cap + PCI_MSI_FLAGS, 2);
	guest_cfg_write(l, i, cap + PCI_MSI_ADDRESS_LO, 4,
			(uint32_t)l->msi_addr);
	guest_cfg_write(l, i, cap + PCI_MSI_DATA_64, 2, 0x40);
	/* two vectors, then one, then none, then all there are */
	guest_cfg_write(l, i, cap + PCI_MSI_FLAGS, 2, flags | 0x11);
	fake_irq_fire(&fake_host.pci[i], VFIO_PCI_MSI_IRQ_INDEX, 1);
	guest_cfg_write(l, i, cap + PCI_MSI_MASK_64, 4, 3);
	guest_cfg_write(l, i, cap + PCI_MSI_MASK_64, 4, 0);
	guest_cfg_write(l, i, cap + PCI_MSI_FLAGS, 2, flags | 0x01);
	guest_cfg_write(l, i, cap + PCI_MSI_FLAGS, 2, flags);
	guest_cfg_write(l, i, cap + PCI_MSI_FLAGS, 2, flags | 0x51);
}

static void drive_intx(struct life *l, unsigned int i)
{
	guest_command(l, i, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	fake_irq_fire(&fake_host.pci[i], VFIO_PCI_INTX_IRQ_INDEX, 0);
	guest_command(l, i, 0x0407);
	guest_command(l, i, 0x0007);
}

/* --- a driver --------------------------------------------------------------
 */

static void size_bars(struct life *l, unsigned int i)
{
	for (unsigned int reg = PCI_BASE_ADDRESS_0; reg < PCI_CARDBUS_CIS;
	     reg += 4) {
		uint64_t was = guest_cfg_read(l, i, reg, 4);

		guest_cfg_write(l, i, reg, 4, 0xffffffff);
		(void)guest_cfg_read(l, i, reg, 4);
		guest_cfg_write(l, i, reg, 4, was);
	}
	guest_cfg_write(l, i, PCI_ROM_ADDRESS, 4, 0xfffff800);
	(void)guest_cfg_read(l, i, PCI_ROM_ADDRESS, 4);
	guest_cfg_write(l, i, PCI_ROM_ADDRESS, 4, 0);
}

static void use_bar(struct life *l, unsigned int i, unsigned int b)
{
	uint64_t at = guest_bar(l, i, b);
	uint64_t size = l->plan.pci[i].bar[b].size;

	if (!at)
		return;
	if (is_io(l, i, b)) {
		guest_io_write(l, at, 4, 1);
		(void)guest_io_read(l, at, 4);
		return;
	}
	for (uint64_t off = 0; off < size; off = off ? 16 * off : 64) {
		guest_write(l, at + off, 4, off);
		(void)guest_read(l, at + off, 4);
	}
	(void)guest_read(l, at + size - 8, 8);
}

/* By its own size, while it does not decode, and back while it does. */
static void move_bar(struct life *l, unsigned int i, unsigned int b)
{
	unsigned int reg = PCI_BASE_ADDRESS_0 + 4 * b;
	uint64_t at = guest_bar(l, i, b);
	uint64_t size = l->plan.pci[i].bar[b].size;

	if (!at || is_io(l, i, b))
		return;
	guest_command(l, i, PCI_COMMAND_MASTER);
	guest_cfg_write(l, i, reg, 4, (at + size) & 0xffffffff);
	guest_command(l, i, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	(void)guest_read(l, at + size, 4);
	guest_cfg_write(l, i, reg, 4, at & 0xffffffff);
	(void)guest_read(l, at, 4);
}

static void power_and_reset(struct life *l, unsigned int i)
{
	uint64_t bar[PCI_BARS];
	unsigned int pm = guest_cap(l, i, PCI_CAP_ID_PM);
	unsigned int exp = guest_cap(l, i, PCI_CAP_ID_EXP);

	if (pm) {
		guest_cfg_write(l, i, pm + PCI_PM_CTRL, 2, 3);
		(void)guest_read(l, guest_bar(l, i, 0), 4);
		guest_cfg_write(l, i, pm + PCI_PM_CTRL, 2, 0);
	}
	if (!exp)
		return;
	/* what is lost by a reset is put back */
	for (unsigned int b = 0; b < PCI_BARS; b++)
		bar[b] = guest_cfg_read(l, i, PCI_BASE_ADDRESS_0 + 4 * b, 4);
	guest_cfg_write(l, i, exp + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	for (unsigned int b = 0; b < PCI_BARS; b++)
		guest_cfg_write(l, i, PCI_BASE_ADDRESS_0 + 4 * b, 4, bar[b]);
}

void guest_drive(struct life *l)
{
	for (unsigned int i = 0; i < l->plan.n_pci; i++) {
		size_bars(l, i);
		guest_command(l, i, 0x0007);
		for (unsigned int b = 0; b < PCI_BARS; b++)
			use_bar(l, i, b);
		drive_intx(l, i);
		drive_msi(l, i);
		drive_msix(l, i);
		for (unsigned int b = 0; b < PCI_BARS; b++)
			move_bar(l, i, b);
		power_and_reset(l, i);
		guest_command(l, i, 0x0007);
		for (unsigned int b = 0; b < PCI_BARS; b++)
			use_bar(l, i, b);
	}
}
