/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bar_fixture.h"
#include "tests/unit/host_does.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Slices in our own address space; the guest is in test_bar_follow.c. */

/* All of [base, base + len) is reserved, and nobody can touch it. */
static void assert_reserved(uint64_t base, uint64_t len)
{
	uint64_t end = base + len;

	while (base < end) {
		struct vma v = fix_vma_at(base);

		assert_string_equal(v.perms, "---p");
		assert_false(v.device);
		base = v.end;
	}
}

/* --- the host's side --- */

static void assert_congruent(unsigned int i)
{
	const struct bar_plan *p = &fix.d.plan.bar[i];
	unsigned int n = 0;

	for (unsigned int k = 0; k < fix.d.n_maps; k++) {
		const struct bar_map *m = &fix.d.map[k];
		uint64_t hva = (uintptr_t)m->hva;

		if (m->bar != i)
			continue;
		n++;
		assert_int_equal((hva - m->off) % p->host_align, 0);
		/* One region, one place: also relative to each other. */
		assert_ptr_equal(m->hva, fix.d.host[i].base + m->off);
	}
	for (unsigned int k = 0; k < p->n; k++)
		n -= p->slice[k].kind == BAR_MAP;
	assert_int_equal(n, 0);
}

static void addresses_are_congruent(void **state)
{
	(void)state;
	fix_bar(0, PCI_BAR_MEM64, 64 * GIB);
	fix_area(0, 0, GIB);
	fix_area(0, 3 * GIB, 2 * MIB);
	fix_area(0, 4 * GIB + 64 * KIB, 60 * GIB - 64 * KIB);
	fix_bar(2, PCI_BAR_MEM32, 2 * MIB);
	fix_area(2, 256 * KIB, MIB);
	fix_bar(3, PCI_BAR_MEM32, 512 * MIB);
	fix_bar(4, PCI_BAR_MEM32, 256);
	fix_open();
	assert_int_equal(fix.d.plan.bar[0].host_align, GIB);
	assert_int_equal(fix.d.n_maps, 6);
	for (unsigned int i = 0; i < 5; i++)
		assert_congruent(i);
}

/* The first page of a slice is the page of the BAR that it should be. */
static void slices_show_their_bytes(void **state)
{
	(void)state;
	fix_bar(0, PCI_BAR_MEM64, 16 * fix.page);
	fix_area(0, 9 * fix.page, 3 * fix.page);
	fix_area(0, 0, fix.page);
	fix_area(0, 4 * fix.page, 2 * fix.page);
	fix_bar(2, PCI_BAR_MEM32, 4 * fix.page);
	fix_open();
	assert_int_equal(fix.d.n_maps, 4);
	for (unsigned int i = 0; i < fix.d.n_maps; i++) {
		const struct bar_map *m = &fix.d.map[i];
		uint64_t v = 0;
		struct vma vma = fix_vma_at((uintptr_t)m->hva);

		memcpy(&v, m->hva, sizeof(v));
		assert_int_equal(v, fix_tag(m->bar, m->off));
		assert_true(vma.device);
		assert_string_equal(vma.perms, "rw-s");
		assert_int_equal(vma.base, (uintptr_t)m->hva);
		assert_int_equal(vma.end - vma.base, m->len);
		/* And writes arrive in the device's file. */
		m->hva[m->len - 1] = 0x77;
		v = 0;
		assert_int_equal(pread(fix.d.fd, &v, 1,
				       (off_t)(fix.d.region[m->bar].fd_off +
					       m->off + m->len - 1)),
				 1);
		assert_int_equal(v, 0x77);
	}
}

static void gaps_stay_reserved(void **state)
{
	uint64_t base;

	(void)state;
	fix_bar(0, PCI_BAR_MEM64, 16 * fix.page);
	fix_area(0, 2 * fix.page, fix.page);
	fix_area(0, 5 * fix.page, 3 * fix.page);
	fix_open();
	base = (uintptr_t)fix.d.host[0].base;
	assert_reserved(base, 2 * fix.page);
	assert_reserved(base + 3 * fix.page, 2 * fix.page);
	assert_int_equal(fix_device_vmas(), 2);
}

static void protection_follows_the_region(void **state)
{
	(void)state;
	fix_bar(0, PCI_BAR_MEM32, fix.page);
	fix_bar(1, PCI_BAR_MEM32, fix.page);
	fix.d.region[0].flags = VFIO_REGION_INFO_FLAG_READ;
	fix.d.region[1].flags = 0;
	fix_open();
	assert_int_equal(fix.d.n_maps, 2);
	assert_string_equal(fix_vma_at((uintptr_t)fix.d.map[0].hva).perms,
			    "r--s");
	assert_string_equal(fix_vma_at((uintptr_t)fix.d.map[1].hva).perms,
			    "---s");
}

static void nothing_to_map(void **state)
{
	(void)state;
	fix_bar(0, PCI_BAR_MEM32, 16 * fix.page);
	fix.d.shape[0].mappable = false;
	fix_bar(1, PCI_BAR_IO, 256);
	fix_open();
	assert_int_equal(fix.d.n_maps, 0);
	assert_null(fix.d.host[0].base);
	assert_null(fix.d.host[1].base);
	fix_decode(true);
	assert_int_equal(fix.hv.maps, 0);
}

/* A file that refuses: the slice is trapped, the reservation is whole. */
static void refused_mapping_stays_reserved(void **state)
{
	char path[64];
	int rw;

	(void)state;
	fix_bar(0, PCI_BAR_MEM32, 4 * fix.page);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fix.d.fd);
	rw = fix.d.fd;
	fix.d.fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fix.d.fd >= 0);
	dev_plan_make(&fix.d.plan, fix.d.shape, &fix.d.msix_shape, fix.page,
		      4096);
	bar_map_open(&fix.d);
	assert_int_equal(fix.d.n_maps, 0);
	assert_reserved((uintptr_t)fix.d.host[0].base, 4 * fix.page);
	close(rw);
}

/* There are more slices than maps: what is too much stays trapped. */
static void more_slices_than_maps(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		fix_bar(i, PCI_BAR_MEM32, 128 * fix.page);
		for (unsigned int k = 0; k < 48; k++)
			fix_area(i, 2 * k * fix.page, fix.page);
	}
	fix_open();
	assert_int_equal(fix.d.n_maps, BAR_MAPS_MAX);
	assert_int_equal(fix_device_vmas(), BAR_MAPS_MAX);
	assert_congruent(0);
	assert_reserved((uintptr_t)fix.d.host[1].base + 32 * fix.page,
			63 * fix.page);
	fix_move(0, LOW);
	fix_move(1, LOW + 128 * fix.page);
	fix_decode(true);
	assert_int_equal(fake_hv_slots(&fix.hv), BAR_MAPS_MAX);
}

/* "hg" is MADV_HUGEPAGE (linux Documentation/filesystems/proc.rst). */
static void large_pages_are_asked_for(void **state)
{
	(void)state;
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK) < 0 ||
	    !host_takes_advice())
		skip();
	fix_bar(0, PCI_BAR_MEM32, 2 * MIB);
	fix_open();
	assert_true(host_vm_flag(fix.d.map[0].hva, " hg"));
}

/* --- address space that is short --- */

static uint64_t space_used(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &pages), 1);
	fclose(f);
	return pages * fix.page;
}

static void open_with(uint64_t more)
{
	struct rlimit was, now;

	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	now = was;
	now.rlim_cur = space_used() + more;
	assert_int_equal(setrlimit(RLIMIT_AS, &now), 0);
	bar_map_open(&fix.d);
	assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
}

/* From 1 GiB to blocks of the processor to pages; the rest as planned. */
static void smaller_alignment_if_need_be(void **state)
{
	static const struct {
		uint64_t size;
		uint64_t room;
		uint64_t align;
	} c[] = {
		{GIB, 3 * GIB, GIB},
		{GIB, 3 * GIB / 2, 2 * MIB},
		{GIB, GIB + MIB, 4096},
		{64 * MIB, 160 * MIB, 64 * MIB},
		{64 * MIB, 100 * MIB, 2 * MIB},
		{64 * MIB, 65 * MIB, 4096},
	};

	(void)state;
	if (fix.page != 4096 || !host_limits_space())
		skip();
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		fix_bar(0, PCI_BAR_MEM64, c[i].size);
		dev_plan_make(&fix.d.plan, fix.d.shape, &fix.d.msix_shape,
			      fix.page, 4096);
		fix.d.map_warned = false;
		open_with(c[i].room);
		assert_int_equal(fix.d.n_maps, 1);
		assert_int_equal(fix.d.host[0].align, c[i].align);
		assert_int_equal((uintptr_t)fix.d.map[0].hva % c[i].align, 0);
		assert_int_equal(fix.d.map_warned,
				 c[i].align < fix.d.plan.bar[0].host_align);
		bar_map_close(&fix.d);
		assert_int_equal(fix_device_vmas(), 0);
	}
}

/* No room at all: the BAR is trapped, and nothing is left behind. */
static void no_address_space(void **state)
{
	uint64_t before;

	(void)state;
	if (!host_limits_space())
		skip();
	fix_bar(0, PCI_BAR_MEM32, GIB);
	dev_plan_make(&fix.d.plan, fix.d.shape, &fix.d.msix_shape, fix.page,
		      4096);
	before = space_used();
	open_with(GIB / 2);
	assert_int_equal(space_used(), before);
	assert_int_equal(fix.d.n_maps, 0);
	assert_null(fix.d.host[0].base);
	assert_true(fix.d.map_warned);
	assert_false(vfio_lacks_huge(&fix.all, 0));
}

/* --- what is told --- */

struct told {
	unsigned int n;
	char line[4][256];
};

static void say(void *ctx, const char *line)
{
	struct told *t = ctx;

	if (t->n < 4)
		snprintf(t->line[t->n], sizeof(t->line[0]), "%s", line);
	t->n++;
}

/*
 * What the kernel says counts, not what is planned: a file of shared memory is
 * eligible where shmem's own policy says so.
 */
static void lacking_huge_pages(void **state)
{
	struct told t = {0};
	bool eligible;

	(void)state;
	if (fix.page != 4096)
		skip();
	fix_bar(0, PCI_BAR_MEM32, 4 * MIB);
	fix_open();
	vfio_tell_pages(&fix.all, say, &t);
	eligible = strstr(t.line[0], "not THPeligible") == NULL;
	assert_int_equal(vfio_lacks_huge(&fix.all, 0), !eligible);
	/* A BAR too small for them lacks nothing. */
	bar_map_close(&fix.d);
	fix_bar(0, PCI_BAR_MEM32, MIB);
	fix_open();
	assert_false(vfio_lacks_huge(&fix.all, 0));
}

static void tells_of_each_piece(void **state)
{
	struct told t = {0};
	char want[64];

	(void)state;
	if (fix.page != 4096)
		skip();
	fix_bar(0, PCI_BAR_MEM32, 4 * MIB);
	fix_area(0, 0, MIB);
	fix_area(0, 2 * MIB, 2 * MIB);
	strcpy(fix.d.address, "0000:01:00.0");
	fix_open();
	vfio_tell_pages(&fix.all, say, &t);
	assert_int_equal(t.n, 2);
	assert_non_null(strstr(t.line[0], "0000:01:00.0 BAR 0 +0x0, 0x100000"));
	assert_non_null(strstr(t.line[0], "blocks of 0x1000 fit"));
	snprintf(want, sizeof(want), "at %p, blocks of 0x200000 fit",
		 (void *)fix.d.map[1].hva);
	assert_non_null(strstr(t.line[1], "+0x200000, 0x200000"));
	assert_non_null(strstr(t.line[1], want));
}

/* --- the end --- */

static void nothing_is_left(void **state)
{
	uint64_t base[2], len[2];

	(void)state;
	fix_two_bars();
	fix_decode(true);
	for (unsigned int i = 0; i < 2; i++) {
		base[i] = (uintptr_t)fix.d.host[2 * i].base;
		len[i] = fix.d.host[2 * i].len;
	}
	bar_follow_clear(&fix.d);
	assert_null(fake_hv_left(&fix.hv));
	bar_follow_clear(&fix.d);
	bar_map_close(&fix.d);
	assert_int_equal(fix_device_vmas(), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(fix_vma_at(base[i]).end, 0);
		assert_int_equal(fix_vma_at(base[i] + len[i] - fix.page).end,
				 0);
	}
	/* Neither closing again nor a late write does anything. */
	bar_map_close(&fix.d);
	fix_decode(true);
	assert_int_equal(fix.hv.maps, 4);
	assert_int_equal(fix.hv.unmaps, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fix_test(addresses_are_congruent),
		fix_test(slices_show_their_bytes),
		fix_test(gaps_stay_reserved),
		fix_test(protection_follows_the_region),
		fix_test(nothing_to_map),
		fix_test(refused_mapping_stays_reserved),
		fix_test(more_slices_than_maps),
		fix_test(large_pages_are_asked_for),
		fix_test(smaller_alignment_if_need_be),
		fix_test(no_address_space),
		fix_test(lacking_huge_pages),
		fix_test(tells_of_each_piece),
		fix_test(nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
