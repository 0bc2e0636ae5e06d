// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <string.h>
#include <sys/resource.h>

#include "vfio/memlock.h"

#define GIB (1ull << 30)

static struct memlock read_text(const char *text)
{
	struct memlock m = {.locked = 7, .soft = GIB, .hard = GIB};

	memlock_read(&m, text, strlen(text));
	return m;
}

static void status_lines(void **state)
{
	struct memlock m = read_text("Name:\tVmLck: 9 kB\n"
				     "VmPeak:\t  123 kB\n"
				     "VmLck:\t      64 kB\n"
				     "CapPrm:\t000001ffffffffff\n"
				     "CapEff:\t0000000000004000\n");

	(void)state;
	assert_int_equal(m.locked, 64 << 10);
	assert_true(m.unlimited);
	/* CAP_IPC_LOCK is bit 14; its neighbours are something else. */
	assert_false(read_text("CapEff:\t000001ffffffbfff\n").unlimited);
	assert_true(read_text("CapEff:\t000001ffffffffff").unlimited);
}

static void status_garbled(void **state)
{
	static const char *const text[] = {
		"",
		"VmLck",
		"VmLck:",
		"VmLck:\t kB\nCapEff:\t\n",
		"xVmLck:\t64 kB\nxCapEff:\tffff\n",
		"VmLck:\t99999999999999999999999 kB\n",
		"VmLck:\t18446744073709551615 kB\n",
		"CapEff:\tfffffffffffffffffffff\n",
		"CapEff:\tg\nVmLck:\t-1 kB\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct memlock m = read_text(text[i]);

		assert_int_equal(m.locked, 7);
		assert_false(m.unlimited);
	}
}

/* Nothing behind @len is looked at. */
static void status_cut(void **state)
{
	struct memlock m = {0};

	(void)state;
	memlock_read(&m, "VmLck:\t12345 kB", 9);
	assert_int_equal(m.locked, 12 << 10);
}

static enum memlock_verdict check(uint64_t soft, uint64_t hard, uint64_t need)
{
	struct memlock m = {.locked = 4096, .soft = soft, .hard = hard};

	return memlock_check(&m, need);
}

static void verdicts(void **state)
{
	const struct memlock root = {.unlimited = true};

	(void)state;
	assert_int_equal(check(GIB, GIB, GIB - 4096), MEMLOCK_OK);
	assert_int_equal(check(GIB, GIB, GIB - 4095), MEMLOCK_SHORT);
	assert_int_equal(check(GIB, 2 * GIB, GIB), MEMLOCK_RAISE);
	assert_int_equal(check(GIB, 2 * GIB, 2 * GIB), MEMLOCK_SHORT);
	assert_int_equal(check(8 << 20, RLIM_INFINITY, 64 * GIB),
			 MEMLOCK_RAISE);
	assert_int_equal(check(RLIM_INFINITY, RLIM_INFINITY, UINT64_MAX),
			 MEMLOCK_OK);
	/* The sum does not wrap. */
	assert_int_equal(check(GIB, GIB, UINT64_MAX), MEMLOCK_SHORT);
	assert_int_equal(memlock_check(&root, UINT64_MAX), MEMLOCK_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_lines),
		cmocka_unit_test(status_garbled),
		cmocka_unit_test(status_cut),
		cmocka_unit_test(verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
