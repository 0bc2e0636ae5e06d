/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/host_does.h"
#include "vmm/prefault.h"

#define MIB (1ull << 20)

static const uint64_t sizes[] = {200 * MIB, 3 * MIB}; /* four chunks and one */
static struct gmem mem;
static uint64_t told, total;
static uint64_t enough; /* bytes; 0: never */

static int setup(void **state)
{
	static const uint64_t gpa[] = {0, 1ull << 32};

	(void)state;
	memset(&mem, 0, sizeof(mem));
	told = total = enough = 0;
	for (unsigned int i = 0; i < 2; i++) {
		void *p = mmap(NULL, sizes[i], PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_ptr_not_equal(p, MAP_FAILED);
		assert_int_equal(
			gmem_add(&mem, (struct span){gpa[i], sizes[i]}, p), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		munmap(mem.region[i].hva, sizes[i]);
	return 0;
}

/* Pages of region @i that are there. */
static uint64_t present(unsigned int i)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t n = sizes[i] / page;
	uint64_t found = 0;
	unsigned char *v = malloc(n);

	assert_non_null(v);
	assert_int_equal(mincore(mem.region[i].hva, sizes[i], v), 0);
	for (uint64_t k = 0; k < n; k++)
		found += v[k] & 1;
	free(v);
	return found * page;
}

static bool progress(void *ctx, uint64_t done, uint64_t all)
{
	assert_ptr_equal(ctx, &mem);
	assert_true(done >= told && done <= all);
	told = done;
	total = all;
	return !enough || done < enough;
}

static void check_all(bool populate)
{
	uint8_t *last = mem.region[0].hva + sizes[0] - 1;

	mem.region[0].hva[70 * MIB] = 0x5a;
	*last = 0xa5;
	assert_int_not_equal(present(0), sizes[0]);
	assert_int_equal(prefault_how(&mem, 0, populate, progress, &mem), 0);
	assert_int_equal(told, sizes[0] + sizes[1]);
	assert_int_equal(total, sizes[0] + sizes[1]);
	assert_int_equal(present(0), sizes[0]);
	assert_int_equal(present(1), sizes[1]);
	assert_int_equal(mem.region[0].hva[70 * MIB], 0x5a);
	assert_int_equal(*last, 0xa5);
	assert_int_equal(mem.region[1].hva[0], 0);
}

static void every_page(void **state)
{
	(void)state;
	if (!host_takes_advice())
		skip();
	check_all(true);
}

/* Before Linux 5.14. */
static void every_page_by_touching(void **state)
{
	(void)state;
	if (!host_takes_advice())
		skip();
	check_all(false);
}

/* No chunk is smaller than a page of 1 GiB: one is taken as a whole. */
static void large_pages(void **state)
{
	(void)state;
	assert_int_equal(prefault_run(&mem, 1024 * MIB, progress, &mem), 0);
	assert_int_equal(told, sizes[0] + sizes[1]);
}

/* With one CPU the caller is alone: a chunk, and it is told to stop. */
static void enough_is_enough(void **state)
{
	struct gmem same = {0};
	cpu_set_t before, one;

	(void)state;
	for (unsigned int i = 0; i < GMEM_MAX; i++)
		assert_int_equal(
			gmem_add(&same,
				 (struct span){i * 4 * 64 * MIB, 192 * MIB},
				 mem.region[0].hva),
			0);
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	enough = 1;
	assert_int_equal(prefault_run(&same, 0, progress, &mem), 0);
	sched_setaffinity(0, sizeof(before), &before);
	assert_int_equal(told, 64 * MIB);
	assert_int_equal(total, GMEM_MAX * 192 * MIB);
}

static void what_cannot_be_had(void **state)
{
	(void)state;
	if (!host_takes_advice())
		skip();
	munmap(mem.region[0].hva + 100 * MIB, 4 * MIB);
	assert_int_equal(prefault_run(&mem, 0, progress, &mem), -ENOMEM);
	assert_true(told < sizes[0] + sizes[1]);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(every_page),	  test(every_page_by_touching),
		test(large_pages),	  test(enough_is_enough),
		test(what_cannot_be_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
