/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>

#include "core/gmem.h"

static uint8_t ram[0x1000];

static struct span mk(uint64_t base, uint64_t len)
{
	return (struct span){base, len};
}

static void refuses(void **state)
{
	struct gmem m = {0};

	(void)state;
	assert_int_equal(gmem_add(&m, mk(0, 0), ram), -EINVAL);
	assert_int_equal(gmem_add(&m, mk(UINT64_MAX, 2), ram), -EINVAL);
	assert_int_equal(gmem_add(&m, mk(0, 16), NULL), -EINVAL);
	/* The host addresses of the last bytes would wrap. */
	assert_int_equal(gmem_add(&m, mk(0, UINT64_MAX), ram), -EINVAL);
	assert_int_equal(gmem_add(&m, mk(0, 17), (void *)(UINTPTR_MAX - 15)),
			 -EINVAL);
	assert_int_equal(gmem_add(&m, mk(0x100, 0x100), ram), 0);
	assert_int_equal(gmem_add(&m, mk(0xff, 2), ram), -EEXIST);
	assert_int_equal(gmem_add(&m, mk(0x1ff, 2), ram), -EEXIST);
	assert_int_equal(gmem_add(&m, mk(0, 0x300), ram), -EEXIST);
	assert_int_equal(m.n, 1);
}

static void sorts_and_fills(void **state)
{
	struct gmem m = {0};
	unsigned int i;

	(void)state;
	for (i = 0; i < GMEM_MAX; i++)
		assert_int_equal(
			gmem_add(&m, mk((GMEM_MAX - i) * 0x100, 0x100), ram),
			0);
	assert_int_equal(gmem_add(&m, mk(0, 0x100), ram), -ENOSPC);
	for (i = 1; i < m.n; i++)
		assert_true(m.region[i - 1].gpa.base < m.region[i].gpa.base);
}

static void translates(void **state)
{
	struct gmem m = {0};

	(void)state;
	assert_null(gmem_at(&m, 0, 1));
	assert_int_equal(gmem_add(&m, mk(0x10000, 0x800), ram + 0x800), 0);
	assert_int_equal(gmem_add(&m, mk(0x1000, 0x800), ram), 0);
	assert_ptr_equal(gmem_at(&m, 0x1000, 1), ram);
	assert_ptr_equal(gmem_at(&m, 0x1000, 0x800), ram);
	assert_ptr_equal(gmem_at(&m, 0x17ff, 1), ram + 0x7ff);
	assert_ptr_equal(gmem_at(&m, 0x10010, 0x7f0), ram + 0x810);
	assert_null(gmem_at(&m, 0xfff, 1));
	assert_null(gmem_at(&m, 0xfff, 2));
	assert_null(gmem_at(&m, 0x17ff, 2));
	assert_null(gmem_at(&m, 0x1800, 1));
	assert_null(gmem_at(&m, 0x1000, 0));
	assert_null(gmem_at(&m, 0x1000, UINT64_MAX));
	assert_null(gmem_at(&m, 0x10010, 0x7f1));
	assert_null(gmem_at(&m, UINT64_MAX, 2));
}

static void neighbours_stay_apart(void **state)
{
	struct gmem m = {0};

	(void)state;
	/* Adjacent for the guest, not in the host: never one range. */
	assert_int_equal(gmem_add(&m, mk(0, 0x100), ram + 0x200), 0);
	assert_int_equal(gmem_add(&m, mk(0x100, 0x100), ram), 0);
	assert_null(gmem_at(&m, 0xff, 2));
	assert_ptr_equal(gmem_at(&m, 0xff, 1), ram + 0x2ff);
	assert_ptr_equal(gmem_at(&m, 0x100, 1), ram);
}

static void top_of_memory(void **state)
{
	struct gmem m = {0};

	(void)state;
	assert_int_equal(gmem_add(&m, mk(UINT64_MAX - 15, 16), ram), 0);
	assert_ptr_equal(gmem_at(&m, UINT64_MAX, 1), ram + 15);
	assert_null(gmem_at(&m, UINT64_MAX, 2));
	assert_null(gmem_at(&m, 0, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(sorts_and_fills),
		cmocka_unit_test(translates),
		cmocka_unit_test(neighbours_stay_apart),
		cmocka_unit_test(top_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
