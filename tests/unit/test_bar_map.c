/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/fake_hv.h"
#include "vfio/device.h"
#include "vfio/vfio.h"

/*
 * The device's file is a memfd with one region per TiB, as vfio-pci numbers
 * them; the guest's accesses go through the ops that the host bridge calls.
 */

#define KIB	       (1ull << 10)
#define MIB	       (1ull << 20)
#define GIB	       (1ull << 30)
#define TIB	       (1ull << 40)
#define BAR(i)	       (PCI_BASE_ADDRESS_0 + 4u * (i))
#define PM	       0x40u
#define CONFIG	       VFIO_PCI_CONFIG_REGION_INDEX
#define LOW	       0x80000000ull
#define HIGH	       (16 * GIB)
#define assert_gpa(a)  assert_non_null(fake_hv_at(&hv, a))
#define assert_hole(a) assert_null(fake_hv_at(&hv, a))

static struct fake_hv hv;
static struct vfio_dev d;
static struct vfio all; /* d, and perhaps a neighbour */
static uint64_t page;

static void bar(unsigned int i, enum pci_bar_kind kind, uint64_t size)
{
	d.shape[i] = (struct bar_shape){
		.kind = kind, .mappable = true, .size = size};
	d.region[i].size = size;
}

static void area(unsigned int i, uint64_t off, uint64_t len)
{
	struct bar_shape *s = &d.shape[i];

	s->sparse = true;
	s->area[s->n_areas++] = (struct span){off, len};
}

static int setup(void **state)
{
	(void)state;
	page = (uint64_t)sysconf(_SC_PAGESIZE);
	memset(&d, 0, sizeof(d));
	fake_hv_init(&hv);
	vfio_init(&all);
	all.n_devs = 1;
	all.dev[0] = &d;
	d.all = &all;
	d.hv = &hv.hv;
	d.func.ops = &vfio_func_ops;
	d.fd = memfd_create("device", MFD_CLOEXEC);
	if (d.fd < 0 || ftruncate(d.fd, (off_t)(8 * TIB)) < 0)
		return -1;
	d.cfg_size = PCI_CFG_SIZE;
	for (unsigned int i = 0; i <= CONFIG; i++) {
		d.region[i].fd_off = i * TIB;
		d.region[i].flags = VFIO_REGION_INFO_FLAG_READ |
				    VFIO_REGION_INFO_FLAG_WRITE;
	}
	d.window[0] = (struct span){LOW, GIB};
	d.window[1] = (struct span){HIGH, 64 * GIB};
	return 0;
}

static int teardown(void **state)
{
	const char *left;

	(void)state;
	bar_map_clear(&d);
	left = fake_hv_left(&hv);
	bar_map_close(&d);
	close(d.fd);
	if (left)
		print_error("%s\n", left);
	return left ? -1 : 0;
}

static uint64_t tag(unsigned int i, uint64_t off)
{
	return (uint64_t)(i + 1) << 56 | off;
}

static void put_tag(unsigned int i, uint64_t off)
{
	uint64_t v = tag(i, off);

	assert_int_equal(
		pwrite(d.fd, &v, sizeof(v), (off_t)(d.region[i].fd_off + off)),
		sizeof(v));
}

/* Plan and map the BARs that were described; power management at 0x40. */
static void open_bars(void)
{
	static uint8_t hw[PCI_CFG_SIZE];
	const struct msix_shape none = {0};

	memset(hw, 0, sizeof(hw));
	memcpy(hw, "\x36\x1b\x01\xa8\x00\x00\x10\x00", 8);
	hw[PCI_CAPABILITY_LIST] = PM;
	hw[PM] = PCI_CAP_ID_PM;
	assert_int_equal(
		pwrite(d.fd, hw, sizeof(hw), (off_t)d.region[CONFIG].fd_off),
		sizeof(hw));
	dev_plan_make(&d.plan, d.shape, &none, page, 4096);
	cfg_virt_make(&d, hw);
	bar_map_open(&d);
	for (unsigned int i = 0; i < d.n_maps; i++)
		put_tag(d.map[i].bar, d.map[i].off);
}

static uint64_t guest_read(unsigned int off, unsigned int len)
{
	return d.func.ops->cfg_read(&d.func, off, len);
}

static void guest_write(unsigned int off, unsigned int len, uint64_t val)
{
	d.func.ops->cfg_write(&d.func, off, len, val);
	assert_null(hv.misuse);
}

static void decode(bool on)
{
	guest_write(PCI_COMMAND, 2, on ? PCI_COMMAND_MEMORY : 0);
}

static void move(unsigned int i, uint64_t addr)
{
	guest_write(BAR(i), 4, addr & 0xffffffff);
	if (d.plan.bar[i].kind == PCI_BAR_MEM64)
		guest_write(BAR(i + 1), 4, addr >> 32);
}

static uint64_t at_gpa(uint64_t gpa)
{
	uint8_t *p = fake_hv_at(&hv, gpa);
	uint64_t v;

	assert_non_null(p);
	memcpy(&v, p, sizeof(v));
	return v;
}

/* --- what /proc says of our address space --- */

struct vma {
	uint64_t base;
	uint64_t end;
	char perms[8];
	bool device; /* maps the device's file */
};

static bool vma_next(FILE *f, struct vma *v)
{
	char line[512];

	if (!fgets(line, sizeof(line), f))
		return false;
	assert_int_equal(sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &v->base,
				&v->end, v->perms),
			 3);
	v->device = strstr(line, "memfd:device") != NULL;
	return true;
}

static struct vma vma_at(uint64_t addr)
{
	FILE *f = fopen("/proc/self/maps", "r");
	struct vma v = {0};
	bool found = false;

	assert_non_null(f);
	while (!found && vma_next(f, &v))
		found = addr >= v.base && addr < v.end;
	fclose(f);
	return found ? v : (struct vma){0};
}

static unsigned int device_vmas(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	struct vma v;

	assert_non_null(f);
	while (vma_next(f, &v))
		n += v.device;
	fclose(f);
	return n;
}

/* All of [base, base + len) is reserved, and nobody can touch it. */
static void assert_reserved(uint64_t base, uint64_t len)
{
	uint64_t end = base + len;

	while (base < end) {
		struct vma v = vma_at(base);

		assert_string_equal(v.perms, "---p");
		assert_false(v.device);
		base = v.end;
	}
}

/* --- the host's side --- */

static void assert_congruent(unsigned int i)
{
	const struct bar_plan *p = &d.plan.bar[i];
	unsigned int n = 0;

	for (unsigned int k = 0; k < d.n_maps; k++) {
		const struct bar_map *m = &d.map[k];
		uint64_t hva = (uintptr_t)m->hva;

		if (m->bar != i)
			continue;
		n++;
		assert_int_equal((hva - m->off) % p->host_align, 0);
		/* One region, one place: also relative to each other. */
		assert_ptr_equal(m->hva, d.host[i].base + m->off);
	}
	for (unsigned int k = 0; k < p->n; k++)
		n -= p->slice[k].kind == BAR_MAP;
	assert_int_equal(n, 0);
}

static void addresses_are_congruent(void **state)
{
	(void)state;
	bar(0, PCI_BAR_MEM64, 64 * GIB);
	area(0, 0, GIB);
	area(0, 3 * GIB, 2 * MIB);
	area(0, 4 * GIB + 64 * KIB, 60 * GIB - 64 * KIB);
	bar(2, PCI_BAR_MEM32, 2 * MIB);
	area(2, 256 * KIB, MIB);
	bar(3, PCI_BAR_MEM32, 512 * MIB);
	bar(4, PCI_BAR_MEM32, 256);
	open_bars();
	assert_int_equal(d.plan.bar[0].host_align, GIB);
	assert_int_equal(d.n_maps, 6);
	for (unsigned int i = 0; i < 5; i++)
		assert_congruent(i);
}

/* The first page of a slice is the page of the BAR that it should be. */
static void slices_show_their_bytes(void **state)
{
	(void)state;
	bar(0, PCI_BAR_MEM64, 16 * page);
	area(0, 9 * page, 3 * page);
	area(0, 0, page);
	area(0, 4 * page, 2 * page);
	bar(2, PCI_BAR_MEM32, 4 * page);
	open_bars();
	assert_int_equal(d.n_maps, 4);
	for (unsigned int i = 0; i < d.n_maps; i++) {
		const struct bar_map *m = &d.map[i];
		uint64_t v = 0;
		struct vma vma = vma_at((uintptr_t)m->hva);

		memcpy(&v, m->hva, sizeof(v));
		assert_int_equal(v, tag(m->bar, m->off));
		assert_true(vma.device);
		assert_string_equal(vma.perms, "rw-s");
		assert_int_equal(vma.base, (uintptr_t)m->hva);
		assert_int_equal(vma.end - vma.base, m->len);
		/* And writes arrive in the device's file. */
		m->hva[m->len - 1] = 0x77;
		v = 0;
		assert_int_equal(pread(d.fd, &v, 1,
				       (off_t)(d.region[m->bar].fd_off +
					       m->off + m->len - 1)),
				 1);
		assert_int_equal(v, 0x77);
	}
}

static void gaps_stay_reserved(void **state)
{
	uint64_t base;

	(void)state;
	bar(0, PCI_BAR_MEM64, 16 * page);
	area(0, 2 * page, page);
	area(0, 5 * page, 3 * page);
	open_bars();
	base = (uintptr_t)d.host[0].base;
	assert_reserved(base, 2 * page);
	assert_reserved(base + 3 * page, 2 * page);
	assert_int_equal(device_vmas(), 2);
}

static void protection_follows_the_region(void **state)
{
	(void)state;
	bar(0, PCI_BAR_MEM32, page);
	bar(1, PCI_BAR_MEM32, page);
	d.region[0].flags = VFIO_REGION_INFO_FLAG_READ;
	d.region[1].flags = 0;
	open_bars();
	assert_int_equal(d.n_maps, 2);
	assert_string_equal(vma_at((uintptr_t)d.map[0].hva).perms, "r--s");
	assert_string_equal(vma_at((uintptr_t)d.map[1].hva).perms, "---s");
}

static void nothing_to_map(void **state)
{
	(void)state;
	bar(0, PCI_BAR_MEM32, 16 * page);
	d.shape[0].mappable = false;
	bar(1, PCI_BAR_IO, 256);
	open_bars();
	assert_int_equal(d.n_maps, 0);
	assert_null(d.host[0].map);
	assert_null(d.host[1].map);
	decode(true);
	assert_int_equal(hv.maps, 0);
}

/* A file that refuses: the slice is trapped, the reservation is whole. */
static void refused_mapping_stays_reserved(void **state)
{
	char path[64];
	int rw;

	(void)state;
	bar(0, PCI_BAR_MEM32, 4 * page);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", d.fd);
	rw = d.fd;
	d.fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(d.fd >= 0);
	dev_plan_make(&d.plan, d.shape, &d.msix_shape, page, 4096);
	bar_map_open(&d);
	assert_int_equal(d.n_maps, 0);
	assert_reserved((uintptr_t)d.host[0].base, 4 * page);
	close(rw);
}

/* There are more slices than maps: what is too much stays trapped. */
static void more_slices_than_maps(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		bar(i, PCI_BAR_MEM32, 128 * page);
		for (unsigned int k = 0; k < 48; k++)
			area(i, 2 * k * page, page);
	}
	open_bars();
	assert_int_equal(d.n_maps, BAR_MAPS_MAX);
	assert_int_equal(device_vmas(), BAR_MAPS_MAX);
	assert_congruent(0);
	assert_reserved((uintptr_t)d.host[1].base + 32 * page, 63 * page);
	move(0, LOW);
	move(1, LOW + MIB);
	decode(true);
	assert_int_equal(fake_hv_slots(&hv), BAR_MAPS_MAX);
}

/* "hg" is MADV_HUGEPAGE (linux Documentation/filesystems/proc.rst). */
static void large_pages_are_asked_for(void **state)
{
	char line[512];
	bool here = false;
	bool huge = false;
	uint64_t base;
	FILE *f;

	(void)state;
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK) < 0)
		skip();
	bar(0, PCI_BAR_MEM32, 2 * MIB);
	open_bars();
	f = fopen("/proc/self/smaps", "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%*x ", &base) == 1 &&
		    strchr(line, '-'))
			here = base == (uintptr_t)d.map[0].hva;
		if (here && strncmp(line, "VmFlags:", 8) == 0)
			huge = strstr(line, " hg") != NULL;
	}
	fclose(f);
	assert_true(huge);
}

/* --- address space that is short --- */

static uint64_t space_used(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &pages), 1);
	fclose(f);
	return pages * page;
}

static void open_with(uint64_t more)
{
	struct rlimit was, now;

	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	now = was;
	now.rlim_cur = space_used() + more;
	assert_int_equal(setrlimit(RLIMIT_AS, &now), 0);
	bar_map_open(&d);
	assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
}

static void smaller_alignment_if_need_be(void **state)
{
	(void)state;
	bar(0, PCI_BAR_MEM32, GIB);
	dev_plan_make(&d.plan, d.shape, &d.msix_shape, page, 4096);
	open_with(3 * GIB / 2); /* not twice 1 GiB */
	assert_int_equal(d.n_maps, 1);
	assert_int_equal((uintptr_t)d.map[0].hva % (2 * MIB), 0);
	bar_map_close(&d);
	assert_int_equal(device_vmas(), 0);
	open_with(GIB / 2);
	assert_int_equal(d.n_maps, 0);
	assert_null(d.host[0].map);
}

/* --- the guest's side --- */

/* Two BARs: one of three slices below 4 GiB, one of one slice above. */
static void two_bars(void)
{
	bar(0, PCI_BAR_MEM64, 16 * page);
	bar(2, PCI_BAR_MEM32, 16 * page);
	area(2, 0, 2 * page);
	area(2, 4 * page, page);
	area(2, 8 * page, 8 * page);
	open_bars();
	move(0, HIGH);
	move(2, LOW);
	assert_int_equal(hv.maps, 0);
}

static void assert_two_bars(uint64_t bar0, uint64_t bar2)
{
	assert_int_equal(fake_hv_slots(&hv), 4);
	assert_int_equal(at_gpa(bar0), tag(0, 0));
	assert_int_equal(at_gpa(bar2), tag(2, 0));
	assert_hole(bar2 + 2 * page);
	assert_int_equal(at_gpa(bar2 + 4 * page), tag(2, 4 * page));
	assert_hole(bar2 + 5 * page);
	assert_int_equal(at_gpa(bar2 + 8 * page), tag(2, 8 * page));
}

static void decoding_maps(void **state)
{
	(void)state;
	two_bars();
	decode(true);
	assert_two_bars(HIGH, LOW);
	decode(false);
	assert_int_equal(fake_hv_slots(&hv), 0);
	decode(true);
	assert_two_bars(HIGH, LOW);
	assert_int_equal(hv.maps, 8);
	assert_int_equal(hv.unmaps, 4);
	/* I/O decoding and bus mastering are something else. */
	guest_write(PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	assert_int_equal(fake_hv_slots(&hv), 0);
}

static void toggling_costs_one_of_each(void **state)
{
	(void)state;
	two_bars();
	decode(true);
	for (unsigned int i = 0; i < 1000; i++) {
		decode(false);
		decode(true);
	}
	assert_two_bars(HIGH, LOW);
	assert_int_equal(hv.maps, 4 * 1001);
	assert_int_equal(hv.unmaps, 4 * 1000);
	assert_int_equal(device_vmas(), 4);
	/* What changes nothing costs nothing. */
	for (unsigned int i = 0; i < 1000; i++) {
		guest_write(PCI_COMMAND, 2,
			    PCI_COMMAND_MEMORY | (i & 1 ? 4 : 0));
		guest_write(PCI_CACHE_LINE_SIZE, 1, i);
		guest_write(BAR(2), 4, LOW);
	}
	assert_int_equal(hv.maps, 4 * 1001);
	assert_int_equal(hv.unmaps, 4 * 1000);
}

static void bars_move(void **state)
{
	(void)state;
	two_bars();
	decode(true);
	move(2, LOW + 256 * MIB);
	assert_two_bars(HIGH, LOW + 256 * MIB);
	assert_hole(LOW);
	/* Only what moved was touched. */
	assert_int_equal(hv.unmaps, 3);
	move(0, HIGH + 4 * GIB);
	assert_two_bars(HIGH + 4 * GIB, LOW + 256 * MIB);
	assert_hole(HIGH);
	/* While nothing is decoded, nothing is mapped. */
	decode(false);
	move(2, LOW);
	assert_int_equal(fake_hv_slots(&hv), 0);
	decode(true);
	assert_two_bars(HIGH + 4 * GIB, LOW);
}

/* A 64-bit BAR may lie below 4 GiB, and half of the way is another place. */
static void wide_bar_moves_down(void **state)
{
	(void)state;
	two_bars();
	decode(true);
	guest_write(BAR(1), 4, 0); /* at 0 now: no window is there */
	assert_int_equal(fake_hv_slots(&hv), 3);
	guest_write(BAR(0), 4, LOW + MIB);
	assert_two_bars(LOW + MIB, LOW);
}

static void bars_swap(void **state)
{
	(void)state;
	two_bars();
	move(0, LOW + MIB);
	decode(true);
	assert_two_bars(LOW + MIB, LOW);
	decode(false);
	move(0, LOW);
	move(2, LOW + MIB);
	decode(true);
	assert_two_bars(LOW, LOW + MIB);
	/* The same with decoding on: for a moment both are in one place. */
	guest_write(BAR(0), 4, LOW + MIB);
	assert_hole(LOW);
	assert_int_equal(at_gpa(LOW + MIB), tag(2, 0));
	assert_true(hv.refusals > 0);
	guest_write(BAR(2), 4, LOW);
	assert_two_bars(LOW + MIB, LOW);
}

static void sleeping_device_is_not_mapped(void **state)
{
	(void)state;
	two_bars();
	decode(true);
	for (unsigned int power = 1; power <= 3; power++) {
		guest_write(PM + PCI_PM_CTRL, 2, 0x8000 | power);
		assert_int_equal(fake_hv_slots(&hv), 0);
		/* Not even when decoding or a BAR changes. */
		decode(true);
		move(2, LOW);
		assert_int_equal(fake_hv_slots(&hv), 0);
		guest_write(PM + PCI_PM_CTRL, 2, 0);
		assert_two_bars(HIGH, LOW);
	}
	/* The state is in the low byte, however it is written. */
	guest_write(PM + PCI_PM_CTRL + 1, 1, 3);
	assert_two_bars(HIGH, LOW);
	guest_write(PM, 8, 3ull << 32);
	assert_int_equal(fake_hv_slots(&hv), 0);
	/* The hardware was told. */
	assert_int_equal(guest_read(PM + PCI_PM_CTRL, 1) & 3, 3);
}

/* PCI-3.0 6.7: a state that the device lacks is not entered. */
static void refused_power_state(void **state)
{
	char path[64];
	int rw = d.fd;

	(void)state;
	two_bars();
	decode(true);
	/* From here on the hardware takes no write. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", d.fd);
	d.fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(d.fd >= 0);
	guest_write(PM + PCI_PM_CTRL, 2, 3);
	assert_two_bars(HIGH, LOW);
	/* Unmapped all the same while that was open. */
	assert_int_equal(hv.unmaps, 4);
	close(rw);
}

static void only_in_a_window(void **state)
{
	static const uint64_t no[] = {
		0,	   0x1000000,	 LOW - 64 * KIB,
		LOW + GIB, 0xfee00000ul, 0xffff0000ul,
	};

	(void)state;
	two_bars();
	decode(true);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		move(2, no[i]);
		assert_int_equal(fake_hv_slots(&hv), 1);
		move(0, no[i]);
		assert_int_equal(fake_hv_slots(&hv), 0);
		move(0, HIGH);
		move(2, LOW);
		assert_two_bars(HIGH, LOW);
	}
	/* The whole BAR counts, also where no slice is. */
	move(0, HIGH + 64 * GIB - 16 * page);
	assert_gpa(HIGH + 64 * GIB - page);
	d.window[1].len -= page;
	decode(false);
	decode(true);
	assert_int_equal(fake_hv_slots(&hv), 3);
}

/* A driver finds out the size while the BAR decodes. */
static void sizing_with_decoding_on(void **state)
{
	(void)state;
	two_bars();
	decode(true);
	guest_write(BAR(2), 4, 0xffffffff);
	assert_int_equal(guest_read(BAR(2), 4), 0xffffffff & -(16 * page));
	assert_int_equal(fake_hv_slots(&hv), 1);
	guest_write(BAR(2), 4, LOW);
	assert_two_bars(HIGH, LOW);
	guest_write(BAR(0), 4, 0xffffffff);
	guest_write(BAR(1), 4, 0xffffffff);
	assert_int_equal(fake_hv_slots(&hv), 3);
	guest_write(BAR(0), 4, HIGH & 0xffffffff);
	guest_write(BAR(1), 4, HIGH >> 32);
	assert_two_bars(HIGH, LOW);
	assert_int_equal(fake_hv_slots(&hv), 4);
}

/* Two devices in one place: who comes second waits for the first to leave. */
static void neighbour_waits_for_room(void **state)
{
	static struct vfio_dev other;

	(void)state;
	two_bars();
	decode(true);
	other = d;
	other.n_maps = 0;
	memset(other.host, 0, sizeof(other.host));
	all.dev[all.n_devs++] = &other;
	bar_map_open(&other);
	other.func.ops->cfg_write(&other.func, PCI_COMMAND, 2,
				  PCI_COMMAND_MEMORY);
	assert_int_equal(fake_hv_slots(&hv), 4);
	assert_int_equal(hv.refusals, 4);
	move(2, LOW + MIB);
	assert_int_equal(fake_hv_slots(&hv), 7);
	assert_int_equal(at_gpa(LOW), tag(2, 0));
	assert_int_equal(at_gpa(LOW + MIB), tag(2, 0));
	bar_map_clear(&other);
	bar_map_close(&other);
	assert_two_bars(HIGH, LOW + MIB);
}

/* --- a hypervisor that refuses --- */

static void refused_map_recovers(void **state)
{
	(void)state;
	for (unsigned int nth = 1; nth <= 4; nth++) {
		teardown(NULL);
		setup(NULL);
		two_bars();
		fake_hv_fail(&hv, nth, -EEXIST);
		decode(true);
		assert_int_equal(fake_hv_slots(&hv), 3);
		/* The next write of the configuration tries again. */
		decode(true);
		assert_two_bars(HIGH, LOW);
		assert_int_equal(hv.refusals, 1);
	}
}

static void refused_unmap_is_tried_again(void **state)
{
	(void)state;
	two_bars();
	decode(true);
	fake_hv_fail(&hv, 2, -ENOMEM);
	decode(false);
	assert_int_equal(fake_hv_slots(&hv), 1);
	decode(false);
	assert_int_equal(fake_hv_slots(&hv), 0);
	decode(true);
	assert_two_bars(HIGH, LOW);
	/* On the way to another address it is not mapped twice. */
	fake_hv_fail(&hv, 1, -ENOMEM);
	move(2, LOW + MIB);
	assert_int_equal(fake_hv_slots(&hv), 4);
	assert_gpa(LOW);
	decode(true);
	assert_two_bars(HIGH, LOW + MIB);
}

static void too_few_slots(void **state)
{
	(void)state;
	hv.n_slots = 2;
	two_bars();
	decode(true);
	assert_int_equal(fake_hv_slots(&hv), 2);
	hv.n_slots = 8;
	decode(true);
	assert_two_bars(HIGH, LOW);
}

/* --- order --- */

struct order {
	unsigned int seen;
	bool wrong;
};

/* The hardware decodes while anything is mapped. */
static void hardware_decodes(void *ctx, bool map)
{
	struct order *o = ctx;
	uint16_t command = 0;

	(void)map;
	if (pread(d.fd, &command, 2,
		  (off_t)(d.region[CONFIG].fd_off + PCI_COMMAND)) != 2 ||
	    !(command & PCI_COMMAND_MEMORY))
		o->wrong = true;
	o->seen++;
}

static void mapped_only_while_hardware_decodes(void **state)
{
	struct order o = {0};

	(void)state;
	two_bars();
	hv.watch = hardware_decodes;
	hv.watch_ctx = &o;
	decode(true);
	decode(false);
	decode(true);
	assert_int_equal(o.seen, 12);
	assert_false(o.wrong);
	hv.watch = NULL;
}

/* --- the end --- */

static void nothing_is_left(void **state)
{
	uint64_t base[2], len[2];

	(void)state;
	two_bars();
	decode(true);
	for (unsigned int i = 0; i < 2; i++) {
		base[i] = (uintptr_t)d.host[2 * i].map;
		len[i] = d.host[2 * i].map_len;
	}
	bar_map_clear(&d);
	assert_null(fake_hv_left(&hv));
	bar_map_clear(&d);
	bar_map_close(&d);
	assert_int_equal(device_vmas(), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(vma_at(base[i]).end, 0);
		assert_int_equal(vma_at(base[i] + len[i] - page).end, 0);
	}
	/* Neither closing again nor a late write does anything. */
	bar_map_close(&d);
	decode(true);
	assert_int_equal(hv.maps, 4);
	assert_int_equal(hv.unmaps, 4);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(addresses_are_congruent),
		test(slices_show_their_bytes),
		test(gaps_stay_reserved),
		test(protection_follows_the_region),
		test(nothing_to_map),
		test(refused_mapping_stays_reserved),
		test(more_slices_than_maps),
		test(large_pages_are_asked_for),
		test(smaller_alignment_if_need_be),
		test(decoding_maps),
		test(toggling_costs_one_of_each),
		test(bars_move),
		test(wide_bar_moves_down),
		test(bars_swap),
		test(sleeping_device_is_not_mapped),
		test(refused_power_state),
		test(only_in_a_window),
		test(sizing_with_decoding_on),
		test(neighbour_waits_for_room),
		test(refused_map_recovers),
		test(refused_unmap_is_tried_again),
		test(too_few_slots),
		test(mapped_only_while_hardware_decodes),
		test(nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
