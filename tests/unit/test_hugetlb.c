/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/fake_root.h"
#include "vmm/hugetlb.h"

#define MIB  (1ull << 20)
#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

/* in the order of struct numbers */
static const char *const files[] = {"nr_hugepages", "free_hugepages",
				    "resv_hugepages", "nr_overcommit_hugepages",
				    "surplus_hugepages"};

static const char *pool_of(const unsigned int numbers[5])
{
	const char *root = fake_root_make();
	char path[128], text[32];

	for (unsigned int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), POOL "%s", files[i]);
		snprintf(text, sizeof(text), "%u\n", numbers[i]);
		fake_root_put(path, text);
	}
	return root;
}

static void what_the_pool_can_give(void **state)
{
	static const struct {
		unsigned int numbers[5];
		unsigned int want;
		unsigned int due; /* to be written, 0: there are enough */
	} c[] = {
		{{0, 0, 0, 0, 0}, 1, 1},
		{{64, 64, 0, 0, 0}, 64, 0},
		{{64, 64, 0, 0, 0}, 65, 65},
		/* reserved by somebody who has not touched them yet */
		{{64, 64, 10, 0, 0}, 54, 0},
		{{64, 64, 10, 0, 0}, 55, 65},
		{{64, 20, 0, 0, 0}, 30, 74},
		/* more are made when they are wanted */
		{{0, 0, 0, 8, 0}, 8, 0},
		{{0, 0, 0, 8, 0}, 9, 9},
		{{6, 0, 0, 8, 6}, 2, 0},
		{{6, 0, 0, 8, 6}, 3, 3},
		{{4, 4, 9, 0, 9}, 1, 1}, /* while it changes */
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		const char *root = pool_of(c[i].numbers);
		int r = hugetlb_check(root, 2 * MIB, c[i].want * 2 * MIB, &e);

		assert_int_equal(r, c[i].due ? -ENOMEM : 0);
		if (c[i].due) {
			assert_int_equal(e.what, ERR_HUGEPAGES);
			assert_int_equal(e.num, 2 * MIB);
			assert_int_equal(e.num2, c[i].due);
			assert_string_equal(e.name, POOL "nr_hugepages");
		}
		fake_root_remove();
	}
}

static void part_of_a_page_is_a_page(void **state)
{
	static const unsigned int numbers[5] = {2, 2, 0, 0, 0};
	const char *root = pool_of(numbers);
	struct err e;

	(void)state;
	assert_int_equal(hugetlb_check(root, 2 * MIB, 4 * MIB, &e), 0);
	assert_int_equal(hugetlb_check(root, 2 * MIB, 4 * MIB + 1, &e),
			 -ENOMEM);
	assert_string_equal(e.detail, "3 wanted, 2 free");
	fake_root_remove();
}

static void no_pool(void **state)
{
	static const unsigned int numbers[5] = {9, 9, 0, 0, 0};
	const char *root = pool_of(numbers);
	struct err e;

	(void)state;
	assert_int_equal(hugetlb_check(root, 1024 * MIB, 1024 * MIB, &e),
			 -ENOENT);
	assert_int_equal(e.num, 1024 * MIB);
	fake_root_put(POOL "free_hugepages", "none\n");
	assert_int_equal(hugetlb_check(root, 2 * MIB, 2 * MIB, &e), -ENOENT);
	fake_root_remove();
}

/* linux asm-generic/hugetlb_encode.h */
static void flags(void **state)
{
	(void)state;
	assert_int_equal(hugetlb_mmap_flags(2 * MIB), MAP_HUGETLB | 21 << 26);
	assert_int_equal(hugetlb_mmap_flags(64 << 10), MAP_HUGETLB | 16 << 26);
	assert_int_equal(hugetlb_mmap_flags(1024 * MIB),
			 MAP_HUGETLB | 30 << 26);
	assert_int_equal(hugetlb_memfd_flags(512 * MIB),
			 MFD_HUGETLB | 29u << 26);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_pool_can_give),
		cmocka_unit_test(part_of_a_page_is_a_page),
		cmocka_unit_test(no_pool),
		cmocka_unit_test(flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
