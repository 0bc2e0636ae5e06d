/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fake_vfio_life.h"
#include "vfio/device.h"

/*
 * Passed-through devices on hosts with pages of 4, 16 and 64 KiB, as aarch64
 * has them: the kernel's rules for mappings, memslots and DMA at that size,
 * and the window of an SMMU's MSIs among the addresses of DMA.
 */

#define K4   0x1000ull
#define K16  0x4000ull
#define K64  0x10000ull
#define GIB  (1ull << 30)
#define ON   0x0006 /* COMMAND: memory, bus master */
#define PAST (FAKE_ARM_MSI + FAKE_ARM_MSI_LEN)

static struct life l;

/* What a test is run with: each with every one of these. */
struct way {
	uint64_t page;
	enum vfio_backend backend;
};

static const struct way ways[] = {
	{K4, VFIO_BACKEND_TYPE1},    {K16, VFIO_BACKEND_TYPE1},
	{K64, VFIO_BACKEND_TYPE1},   {K4, VFIO_BACKEND_IOMMUFD},
	{K16, VFIO_BACKEND_IOMMUFD}, {K64, VFIO_BACKEND_IOMMUFD},
};

static int setup(void **state)
{
	(void)state;
	fake_host_init();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_host_stop();
	return 0;
}

/* A host of @page: false where this one's pages are larger. */
static bool host(uint64_t page)
{
	if (page < fake_sys_page())
		return false;
	fake_host_init();
	fake_host_arm(page);
	return true;
}

/*
 * The same, one of many. Under an emulator, which has all sizes itself but
 * wants memory for each page, that size is enough.
 */
static bool host_each(uint64_t page)
{
	return (!getenv("UNIT_SHORT") || page == fake_sys_page()) && host(page);
}

static void start(enum vfio_backend backend)
{
	fake_host_start();
	life_init_arm(&l);
	l.backend = backend;
	assert_int_equal(life_open(&l), 0);
	assert_int_equal(life_start(&l), 0);
	assert_int_equal(sysconf(_SC_PAGESIZE), (long)fake_host.page);
	assert_int_equal(l.hv.page, fake_host.page);
}

static void end(void)
{
	const char *left;

	assert_null(l.hv.misuse);
	life_end(&l);
	left = fake_host_left();
	fake_host_stop(); /* so that a message is seen */
	if (left)
		fail_msg("%s", left);
}

/*
 * `barge plan` knows a device from sysfs alone: it says what the device's own
 * file said.
 */
static void assert_planned(void)
{
	for (unsigned int i = 0; i < l.plan.n_pci; i++) {
		const struct dev_plan *got = &l.v.dev[i]->plan;
		struct plan_pci pci = {.name = ""};
		struct vfio_survey seen;
		struct err e;

		assert_int_equal(vfio_survey(fake_host.pci[i].address, l.msix,
					     K64, &pci, &seen, &e),
				 0);
		assert_int_equal(seen.plan.msix_place, got->msix_place);
		for (unsigned int b = 0; b < PCI_BARS; b++) {
			const struct bar_plan *p = &seen.plan.bar[b];

			assert_int_equal(p->size, got->bar[b].size);
			assert_int_equal(p->n, got->bar[b].n);
			for (unsigned int k = 0; k < p->n; k++) {
				assert_int_equal(p->slice[k].kind,
						 got->bar[b].slice[k].kind);
				assert_int_equal(p->slice[k].len,
						 got->bar[b].slice[k].len);
			}
		}
	}
}

/* No memslot has bytes of [gpa, gpa + len). */
static bool no_slot(uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < l.hv.n_slots; i++) {
		const struct fake_slot *s = &l.hv.slot[i];

		if (s->used && s->gpa < gpa + len && gpa < s->gpa + s->len)
			return false;
	}
	return true;
}

/* --- one device ------------------------------------------------------------
 */

/*
 * The hardest case: 16 KiB of registers and an MSI-X table in a host page of
 * 64 KiB. The page is mapped, and the table is elsewhere.
 */
static void nvme_on(const struct way *w)
{
	struct fake_pci *p = fake_nvme("0000:01:00.0", 7);
	uint64_t bar, table;

	start(w->backend);
	assert_planned();
	guest_command(&l, 0, ON);
	bar = guest_bar(&l, 0, 0);
	table = guest_msix_entry(&l, 0, 0);
	assert_true(l.plan.pci[0].bar[0].size >= K64);
	assert_true(l.plan.pci[0].bar[0].size >= w->page);
	assert_int_equal(bar % l.plan.pci[0].bar[0].size, 0);
	/* registers and doorbells: no exit, and they are the device's */
	for (unsigned int i = 0; i < 100; i++) {
		guest_write(&l, bar + 0x1000 + 4 * (i % 64), 4, i);
		assert_int_equal(guest_read(&l, bar + 0x1000 + 4 * (i % 64), 4),
				 i);
	}
	assert_int_equal(fake_bar_get(p, 0, 0x1000 + 4 * 35) & 0xffffffff, 99);
	assert_int_equal(p->bar_reads + p->bar_writes, 0);
	/* the table: an exit, and no slot anywhere in its host page */
	assert_true(no_slot(table & -w->page, w->page));
	assert_true(w->page == K4 || table - bar >= K64 || table < bar);
	guest_msix_set(&l, 0, 3, 0x43, false);
	assert_int_equal(guest_read(&l, table + 3 * 16 + 8, 4), 0x43);
	assert_int_equal(fake_bar_get(p, 0, 0x2000 + 3 * 16 + 8), 0);
	assert_int_equal(p->bar_reads + p->bar_writes, 0);
	guest_drive(&l);
	end();
}

static void nvme(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (host(ways[i].page))
			nvme_on(&ways[i]);
	}
}

/*
 * A kernel that does not say MSIX_MAPPABLE: the page of the table stays
 * trapped, with all that is in it.
 */
static void not_msix_mappable(void **state)
{
	struct fake_pci *p;
	uint64_t bar;

	(void)state;
	assert_true(host(K64));
	p = fake_nvme("0000:01:00.0", 7);
	p->region[0].msix_mappable = false;
	start(VFIO_BACKEND_TYPE1);
	guest_command(&l, 0, ON);
	bar = guest_bar(&l, 0, 0);
	assert_true(no_slot(bar, l.plan.pci[0].bar[0].size));
	guest_write(&l, bar + 0x1000, 4, 0x77);
	assert_int_equal(p->bar_writes, 1);
	assert_int_equal(fake_bar_get(p, 0, 0x1000), 0x77);
	assert_int_equal(guest_msix_entry(&l, 0, 0), bar + 0x2000);
	guest_msix_set(&l, 0, 0, 0x40, false);
	assert_int_equal(fake_bar_get(p, 0, 0x2008), 0);
	guest_drive(&l);
	end();
}

/* What the kernel does not let be mapped: not at a page, or not alone in it. */
static void not_alone(void **state)
{
	struct fake_pci *p;

	(void)state;
	assert_true(host(K64));
	p = fake_pci_add("0000:01:00.0", 7);
	fake_bar(p, 0, FAKE_MEM32, K16);
	fake_bar(p, 1, FAKE_MEM32, K4);
	fake_bar(p, 2, FAKE_MEM32, K4);
	p->region[0].start = 0x50000000;
	p->region[1].start = 0x50004000; /* in the page of BAR 0 */
	p->region[2].start = 0x50010000; /* alone */
	assert_false(fake_bar_mappable(p, 0));
	start(VFIO_BACKEND_TYPE1);
	assert_planned();
	guest_command(&l, 0, ON);
	assert_true(no_slot(guest_bar(&l, 0, 0), K64));
	assert_true(no_slot(guest_bar(&l, 0, 1), K64));
	assert_false(no_slot(guest_bar(&l, 0, 2), K64));
	guest_write(&l, guest_bar(&l, 0, 0) + 8, 4, 5);
	guest_write(&l, guest_bar(&l, 0, 1) + 8, 4, 6);
	guest_write(&l, guest_bar(&l, 0, 2) + 8, 4, 7);
	assert_int_equal(p->bar_writes, 2);
	assert_int_equal(fake_bar_get(p, 0, 8), 5);
	assert_int_equal(fake_bar_get(p, 1, 8), 6);
	assert_int_equal(fake_bar_get(p, 2, 8), 7);
	/* past the device's 4 KiB, in a BAR of 64: nothing */
	assert_int_equal(guest_read(&l, guest_bar(&l, 0, 1) + K4, 4), ~0u);
	assert_int_equal(p->bar_reads, 0);
	guest_drive(&l);
	end();
}

/* --- several ---------------------------------------------------------------
 */

/* All BARs of all devices, in pairs: none share a page of @page bytes. */
static void assert_apart(uint64_t page)
{
	unsigned int n = l.plan.n_pci * PCI_BARS;

	for (unsigned int i = 0; i < n * n; i++) {
		unsigned int a = i / n, b = i % n;
		const struct plan_bar *x =
			&l.plan.pci[a / PCI_BARS].bar[a % PCI_BARS];
		const struct plan_bar *y =
			&l.plan.pci[b / PCI_BARS].bar[b % PCI_BARS];

		if (a == b || x->kind < PCI_BAR_MEM32 ||
		    y->kind < PCI_BAR_MEM32)
			continue;
		assert_true((x->addr + x->size - 1) / page < y->addr / page ||
			    (y->addr + y->size - 1) / page < x->addr / page);
	}
}

/* As a kernel that reads an FDT: it packs BARs by their size alone. */
static void repack(uint64_t base)
{
	for (unsigned int i = 0; i < l.plan.n_pci * PCI_BARS; i++) {
		unsigned int d = i / PCI_BARS, b = i % PCI_BARS;
		struct plan_bar *x = &l.plan.pci[d].bar[b];

		if (x->kind < PCI_BAR_MEM32)
			continue;
		base = (base + x->size - 1) & -x->size;
		guest_cfg_write(&l, d, PCI_BASE_ADDRESS_0 + 4 * b, 4,
				base & 0xffffffff);
		if (x->kind == PCI_BAR_MEM64)
			guest_cfg_write(&l, d, PCI_BASE_ADDRESS_0 + 4 * b + 4,
					4, base >> 32);
		x->addr = base;
		base += x->size;
	}
}

/* A device with two BARs that are smaller than a page, and another one. */
static void small_bars(const struct way *w)
{
	struct fake_pci *p = fake_pci_add("0000:01:00.0", 7);
	struct fake_pci *q = fake_ahci("0000:02:00.0", 8);
	unsigned int slots;

	fake_bar(p, 0, FAKE_MEM32, K4);
	fake_bar(p, 1, FAKE_MEM32, K16);
	fake_bar(p, 2, FAKE_MEM32, 256);
	start(w->backend);
	assert_planned();
	assert_apart(w->page);
	assert_apart(K64); /* the largest a guest can have */
	guest_command(&l, 0, ON);
	guest_command(&l, 1, ON);
	slots = fake_hv_slots(&l.hv);
	assert_true(slots >= 3);
	guest_command(&l, 0, 0);
	guest_command(&l, 1, 0);
	repack(0x20000000);
	assert_apart(w->page);
	assert_apart(K64);
	guest_command(&l, 0, ON);
	guest_command(&l, 1, ON);
	/* as many as before: no slot was refused */
	assert_int_equal(fake_hv_slots(&l.hv), slots);
	assert_int_equal(l.hv.refusals, 0);
	guest_write(&l, l.plan.pci[0].bar[0].addr, 4, 11);
	guest_write(&l, l.plan.pci[0].bar[1].addr, 4, 12);
	guest_write(&l, l.plan.pci[0].bar[2].addr, 4, 13);
	assert_int_equal(fake_bar_get(p, 0, 0), 11);
	assert_int_equal(fake_bar_get(p, 1, 0), 12);
	assert_int_equal(fake_bar_get(p, 2, 0), 13);
	/* 256 bytes are not at the start of a page, and trapped */
	assert_int_equal(p->bar_writes, 1);
	assert_int_equal(q->bar_writes, 0);
	end();
}

static void two_small_bars(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (host(ways[i].page))
			small_bars(&ways[i]);
	}
}

static void everything(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!host_each(ways[i].page))
			continue;
		fake_nvme("0000:01:00.0", 7);
		fake_nvme("0000:04:00.0", 12);
		fake_e1000("0000:02:00.0", 9);
		fake_gpu("0000:03:00.0", 11);
		fake_ahci("0000:02:00.1", 9);
		start(ways[i].backend);
		assert_planned();
		assert_apart(K64);
		guest_drive(&l);
		assert_int_equal(fake_dma_at(GIB)->len, 16u << 20);
		end();
	}
}

/* --- DMA --------------------------------------------------------------------
 */

/*
 * BARs for other devices: in whole pages of the host, which type1 takes for a
 * BAR of less, and iommufd does not.
 */
static void peers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		bool type1 = ways[i].backend == VFIO_BACKEND_TYPE1;
		const struct fake_dma *d;
		uint64_t bar;

		if (!host_each(ways[i].page))
			continue;
		fake_nvme("0000:01:00.0", 7);
		fake_gpu("0000:03:00.0", 11);
		start(ways[i].backend);
		guest_command(&l, 0, ON);
		guest_command(&l, 1, ON);
		bar = guest_bar(&l, 0, 0);
		d = fake_dma_at(bar);
		if (type1 || ways[i].page < K64) {
			assert_non_null(d);
			assert_int_equal((d->iova | d->len) % ways[i].page, 0);
			assert_string_equal(fake_sys_said(), "");
		} else {
			assert_null(d);
			assert_non_null(strstr(
				fake_sys_said(),
				"0000:01:00.0: other devices cannot reach its "
				"BAR 0 by DMA: it is smaller than a page"));
		}
		assert_non_null(fake_dma_at(guest_bar(&l, 1, 2)));
		end();
	}
}

/* --- the window of an SMMU's MSIs ------------------------------------------
 */

static void msi_window(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!host_each(ways[i].page))
			continue;
		fake_nvme("0000:01:00.0", 7);
		start(ways[i].backend);
		/* told of it, and of nothing else below 48 bits */
		assert_int_equal(l.v.n_reserved, 2);
		assert_int_equal(l.v.reserved[0].base, FAKE_ARM_MSI);
		assert_int_equal(l.v.reserved[0].len, FAKE_ARM_MSI_LEN);
		assert_int_equal(l.v.reserved[1].base, 1ull << 48);
		assert_null(fake_dma_at(FAKE_ARM_MSI));
		assert_non_null(fake_dma_at(GIB));
		end();
	}
}

/* A machine that has RAM there is refused before anything is pinned. */
static void ram_over_the_window(void **state)
{
	static const uint64_t base[] = {FAKE_ARM_MSI, PAST - K64,
					FAKE_ARM_MSI - 0xff0000,
					(1ull << 48) - (8 << 20)};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(base) / sizeof(base[0]); i++) {
		struct arch_layout map;

		assert_true(host(K64));
		fake_nvme("0000:01:00.0", 7);
		fake_host_start();
		life_init_arm(&l);
		l.backend = i % 2 ? VFIO_BACKEND_IOMMUFD : VFIO_BACKEND_TYPE1;
		map = l.layout;
		map.ram[0].base = base[i / 2];
		life_map(&l, &map);
		assert_int_equal(life_open(&l), 0);
		assert_int_equal(life_start(&l), -ERANGE);
		assert_int_equal(l.e.what, ERR_VFIO_IOVA);
		assert_int_equal(l.e.num, base[i / 2]);
		assert_int_equal(fake_dma_count(), 0);
		end();
	}
}

/* A window for BARs over it: they are placed beside it. */
static void bars_beside_the_window(void **state)
{
	struct arch_layout map;
	uint64_t bar;

	(void)state;
	assert_true(host(K64));
	fake_e1000("0000:02:00.0", 9);
	fake_host_start();
	life_init_arm(&l);
	map = l.layout;
	map.mem32 = (struct span){FAKE_ARM_MSI, 0x10000000};
	life_map(&l, &map);
	assert_int_equal(life_open(&l), 0);
	assert_int_equal(life_start(&l), 0);
	bar = l.plan.pci[0].bar[0].addr;
	assert_int_equal(bar, PAST);
	assert_false(l.plan.pci[0].bar[0].no_dma);
	end();
}

/* --- the ITS ----------------------------------------------------------------
 */

static const struct fake_route *route_of(uint32_t data)
{
	for (unsigned int i = 0; i < FAKE_ROUTES; i++) {
		if (l.hv.route[i].taken && l.hv.route[i].msi.data == data)
			return &l.hv.route[i];
	}
	return NULL;
}

/*
 * An ITS finds an interrupt by the requester id: bus 0, slot and function as
 * the guest sees them, whatever they are on the host (msi-map is the identity).
 */
static void device_ids(void **state)
{
	static const unsigned int devfn[] = {1 << 3, 2 << 3 | 1, 2 << 3};
	unsigned int cap;

	(void)state;
	assert_true(host(K64));
	fake_nvme("0000:41:1f.5", 7);
	fake_nvme("0000:82:00.1", 8);
	fake_ahci("0000:82:00.0", 8);
	start(VFIO_BACKEND_TYPE1);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(l.plan.pci[i].devfn, i ? devfn[i] : 1 << 3);
	for (unsigned int i = 0; i < 3; i++)
		guest_command(&l, i, ON);
	for (unsigned int i = 0; i < 2; i++) {
		cap = guest_cap(&l, i, PCI_CAP_ID_MSIX);
		guest_cfg_write(&l, i, cap + PCI_MSIX_FLAGS, 2,
				PCI_MSIX_FLAGS_ENABLE);
		guest_msix_set(&l, i, 0, 0x10 * i, false);
		guest_msix_set(&l, i, 5, 0x10 * i + 5, false);
	}
	cap = guest_cap(&l, 2, PCI_CAP_ID_MSI);
	guest_cfg_write(&l, 2, cap + PCI_MSI_ADDRESS_LO, 4,
			(uint32_t)l.msi_addr);
	guest_cfg_write(&l, 2, cap + PCI_MSI_DATA_64, 2, 0x40);
	guest_cfg_write(&l, 2, cap + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	for (unsigned int i = 0; i < 2; i++) {
		assert_non_null(route_of(0x10 * i + 5));
		assert_int_equal(route_of(0x10 * i + 5)->msi.devid, devfn[i]);
		assert_int_equal(route_of(0x10 * i + 5)->msi.addr, l.msi_addr);
	}
	assert_int_equal(route_of(0x40)->msi.devid, devfn[2]);
	end();
}

/* --- what KVM refuses --------------------------------------------------------
 */

static int no_map(const char *call)
{
	return strcmp(call, "fake_map") == 0 ? -EINVAL : 0;
}

/*
 * Memory of a device that is cacheable, on a processor where KVM cannot have
 * that: the guest still reaches it, slowly, and whoever runs it is told.
 */
static void kvm_refuses_a_bar(void **state)
{
	struct fake_pci *p;
	const char *said;

	(void)state;
	assert_true(host(K64));
	p = fake_gpu("0000:03:00.0", 11);
	start(VFIO_BACKEND_TYPE1);
	l.hv.fault = no_map;
	guest_command(&l, 0, ON);
	assert_int_equal(fake_hv_slots(&l.hv), 0);
	guest_write(&l, guest_bar(&l, 0, 2) + 8, 4, 5);
	assert_int_equal(fake_bar_get(p, 2, 8), 5);
	assert_int_equal(p->bar_writes, 1);
	guest_command(&l, 0, 0);
	guest_command(&l, 0, ON);
	said = strstr(fake_sys_said(), "0000:03:00.0: KVM refuses to map BAR");
	assert_non_null(said);
	assert_null(strstr(said + 1, "0000:03:00.0: KVM")); /* once */
	l.hv.fault = NULL;
	end();
}

/* --- the double ------------------------------------------------------------
 */

/* It refuses what a kernel of 64 KiB pages and its KVM refuse. */
static void a_kernel_of_64k(void **state)
{
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
	unsigned int slot;
	uint8_t *p;
	int fd;

	(void)state;
	assert_true(host(K64));
	fake_nvme("0000:01:00.0", 7);
	start(VFIO_BACKEND_TYPE1);
	p = mmap(NULL, K4, PROT_READ, anon, -1, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal((uintptr_t)p % K64, 0);
	assert_int_equal(fake_sys_mapping((uintptr_t)p)->len, K64);
	assert_ptr_equal(mmap(p + K4, K4, PROT_READ, anon | MAP_FIXED, -1, 0),
			 MAP_FAILED);
	assert_int_equal(madvise(p + K4, K4, MADV_HUGEPAGE), -1);
	assert_int_equal(munmap(p + K4, K64 - K4), -1);
	assert_int_equal(errno, EINVAL);
	/* of a BAR of 16 KiB its page, and no more */
	fd = l.v.dev[0]->fd;
	assert_ptr_equal(mmap(NULL, K64 + 1, PROT_READ, MAP_SHARED, fd, 0),
			 MAP_FAILED);
	assert_ptr_equal(mmap(NULL, K4, PROT_READ, MAP_SHARED, fd, K4),
			 MAP_FAILED);
	/* memslots */
	assert_int_equal(l.hv.hv.ops->map(&l.hv.hv, GIB, p, K16, &slot),
			 -EINVAL);
	assert_int_equal(l.hv.hv.ops->map(&l.hv.hv, GIB + K16, p, K64, &slot),
			 -EINVAL);
	l.hv.misuse = NULL; /* was meant */
	assert_int_equal(l.hv.hv.ops->map(&l.hv.hv, 1024 * GIB, p, K64, &slot),
			 -EFAULT);
	assert_int_equal(l.hv.hv.ops->map(&l.hv.hv, GIB, p, K64, &slot), 0);
	assert_int_equal(l.hv.hv.ops->unmap(&l.hv.hv, slot), 0);
	assert_int_equal(munmap(p, K4), 0);
	end();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(nvme),
		T(not_msix_mappable),
		T(not_alone),
		T(two_small_bars),
		T(everything),
		T(peers),
		T(msi_window),
		T(ram_over_the_window),
		T(bars_beside_the_window),
		T(device_ids),
		T(kvm_refuses_a_bar),
		T(a_kernel_of_64k),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
