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
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fake_hv.h"
#include "tests/unit/host_does.h"
#include "vmm/hugetlb.h"
#include "vmm/ram.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static struct fake_hv hv;
static struct gmem mem;
static struct ram ram;

static int setup(void **state)
{
	(void)state;
	memset(&mem, 0, sizeof(mem));
	memset(&ram, 0, sizeof(ram));
	fake_hv_init(&hv);
	return 0;
}

/* Guest and host address agree modulo the largest page that fits. */
static void congruent_and_huge(void **state)
{
	static const struct {
		struct span ram[2];
		unsigned int n;
		uint64_t align[2];
	} c[] = {
		{{{0, 2 * MIB}}, 1, {2 * MIB}},
		{{{0, 48 * MIB}}, 1, {64 * MIB}},
		{{{0, 512 * MIB}}, 1, {512 * MIB}},
		{{{0, 2 * GIB}, {4 * GIB, 3 * GIB}}, 2, {GIB, GIB}},
		{{{0, 2 * GIB}, {4 * GIB, 64 * MIB}}, 2, {GIB, 64 * MIB}},
	};
	bool advice = host_takes_advice();
	struct err e;

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct plan plan = {.n_ram = c[i].n};

		setup(state);
		memcpy(plan.ram, c[i].ram, sizeof(plan.ram));
		if (ram_create(&ram, &plan, false, &mem, &e) < 0) {
			ram_destroy(&ram); /* more than this host has */
			continue;
		}
		assert_int_equal(mem.n, c[i].n);
		for (unsigned int k = 0; k < c[i].n; k++) {
			const struct gmem_region *g = &mem.region[k];
			uint64_t hva = (uintptr_t)g->hva;

			assert_int_equal(g->gpa.base, c[i].ram[k].base);
			assert_int_equal((hva - g->gpa.base) % c[i].align[k],
					 0);
			if (access("/sys/kernel/mm/transparent_hugepage",
				   F_OK) == 0 &&
			    advice)
				assert_true(host_vm_flag(g->hva, " hg"));
			assert_true(!advice || host_vm_flag(g->hva, " dd"));
		}
		/* One memslot per region: no slot spans two mappings. */
		assert_int_equal(ram_map(&mem, &hv.hv, &e), 0);
		assert_int_equal(fake_hv_slots(&hv), c[i].n);
		assert_ptr_equal(fake_hv_at(&hv, c[i].ram[0].base),
				 mem.region[0].hva);
		ram_destroy(&ram);
	}
}

/* Zero when it is first looked at, and writable to its last byte. */
static void fresh_memory(void **state)
{
	struct plan plan = {.n_ram = 1, .ram = {{0, 4 * MIB}}};
	struct err e;
	uint8_t *p;

	(void)state;
	assert_int_equal(ram_create(&ram, &plan, false, &mem, &e), 0);
	p = mem.region[0].hva;
	assert_int_equal(p[0] | p[4 * MIB - 1], 0);
	p[4 * MIB - 1] = 7;
	assert_int_equal(p[4 * MIB - 1], 7);
	ram_destroy(&ram);
	assert_int_equal(ram.n, 0);
	ram_destroy(&ram);
}

/* What is written in one place is read in the other. */
static void same_file(const struct gmem_region *g, const uint8_t *view)
{
	g->hva[0] = 0x51;
	g->hva[g->gpa.len - 1] = 0x52;
	assert_int_equal(view[g->fd_off], 0x51);
	assert_int_equal(view[g->fd_off + g->gpa.len - 1], 0x52);
}

/* Another process that gets the file has all RAM, and cannot take any away. */
static void shared_memory(void **state)
{
	struct plan plan = {.n_ram = 2,
			    .ram = {{0, 6 * MIB}, {4 * GIB, 2 * MIB}}};
	struct err e;
	uint8_t *view;
	int fd;

	(void)state;
	assert_int_equal(ram_create(&ram, &plan, true, &mem, &e), 0);
	fd = mem.region[0].fd;
	assert_true(fd >= 0);
	assert_int_equal(mem.region[1].fd, fd);
	assert_int_equal(mem.region[0].fd_off, 0);
	assert_int_equal(mem.region[1].fd_off, 6 * MIB);
	assert_int_equal((uintptr_t)mem.region[0].hva % (8 * MIB), 0);
	view = mmap(NULL, 8 * MIB, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(view, MAP_FAILED);
	same_file(&mem.region[0], view);
	same_file(&mem.region[1], view);
	munmap(view, 8 * MIB);
	assert_true(ftruncate(fd, 2 * MIB) < 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ram_destroy(&ram);
	assert_true(fcntl(fd, F_GETFD) < 0);
}

/* The pool's pages come from the pool, and from nowhere else. */
static void pool(bool shared)
{
	struct plan plan = {
		.n_ram = 1, .ram = {{0, 6 * MIB}}, .hugepages = 2 * MIB};
	struct err e = {0};
	uint8_t *p;

	setup(NULL);
	if (!host_takes_advice() || hugetlb_check("", 2 * MIB, 6 * MIB, &e) < 0)
		skip(); /* its sentence: test_hugetlb */
	assert_int_equal(ram_create(&ram, &plan, shared, &mem, &e), 0);
	p = mem.region[0].hva;
	assert_true(host_vm_flag(p, " ht"));
	assert_int_equal((uintptr_t)p % (8 * MIB), 0);
	assert_int_equal(mem.region[0].fd >= 0, shared);
	p[0] = 1;
	p[6 * MIB - 1] = 1;
	ram_destroy(&ram);
}

static void huge_pages(void **state)
{
	(void)state;
	pool(false);
}

static void shared_huge_pages(void **state)
{
	(void)state;
	pool(true);
}

static void no_such_huge_pages(void **state)
{
	struct plan plan = {
		.n_ram = 1, .ram = {{0, 64 * MIB}}, .hugepages = 8 * MIB};
	struct err e = {0};

	if (!host_takes_advice())
		skip(); /* which does not know MAP_HUGETLB either */
	for (int shared = 0; shared < 2; shared++) {
		setup(state);
		assert_true(ram_create(&ram, &plan, shared, &mem, &e) < 0);
		assert_int_equal(e.what, ERR_HUGEPAGES);
		assert_int_equal(e.code, -ENOENT);
		assert_int_equal(e.num, 8 * MIB);
		ram_destroy(&ram);
	}
}

static void more_than_the_host_has(void **state)
{
	struct plan plan = {.n_ram = 1, .ram = {{0, 1ull << 50}}};
	struct err e = {0};

	(void)state;
	assert_true(ram_create(&ram, &plan, false, &mem, &e) < 0);
	assert_int_equal(e.what, ERR_RAM);
	assert_int_equal(e.num, 1ull << 50);
	ram_destroy(&ram);
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(congruent_and_huge),     test(fresh_memory),
		test(shared_memory),	      test(huge_pages),
		test(shared_huge_pages),      test(no_such_huge_pages),
		test(more_than_the_host_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
