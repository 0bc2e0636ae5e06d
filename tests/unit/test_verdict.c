/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "vmm/verdict.h"
#include "vmm/vm.h"

/*
 * The table of barge(1), BOOT TESTS: for each end, and each verdict of the
 * console before it, the status when the expectations are met and when not.
 */
static const struct {
	enum vm_end end;
	int reported;
	int status[4][2]; /* by verdict; met, unmet */
} table[] = {
	{VM_POWEROFF, 0, {{0, 7}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_POWEROFF, 3, {{67, 67}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_POWEROFF, 200, {{127, 127}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_REBOOT, 3, {{5, 5}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_WATCHED, 0, {{0, 7}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_EXIT, 64, {{64, 7}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_EXIT, 65, {{65, 65}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_EXIT, 127, {{127, 127}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_HOST, 0, {{2, 2}, {2, 2}, {2, 2}, {2, 2}}},
	{VM_DEVICE, 0, {{2, 2}, {2, 2}, {2, 2}, {2, 2}}},
	{VM_CRASH, 0, {{3, 3}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_PANIC, 0, {{4, 4}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_REBOOT, 0, {{5, 5}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_TIMEOUT, 0, {{6, 6}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_WATCHDOG, 0, {{6, 6}, {0, 7}, {7, 7}, {7, 7}}},
	{VM_SIGNAL, 0, {{143, 143}, {0, 7}, {7, 7}, {7, 7}}},
};

static const enum watch_verdict verdicts[] = {WATCH_NONE, WATCH_UNTIL,
					      WATCH_FAIL_ON, WATCH_KERNEL};

static void assert_status(size_t row, unsigned int v, bool unmet)
{
	struct watch_result w = {
		.verdict = verdicts[v],
		.unmet = unmet ? "x" : NULL,
	};
	struct verdict_in in = {
		.end = table[row].end,
		.exit_status = table[row].reported,
		.reported = table[row].reported,
		.signal = 15,
		.watch = &w,
	};
	int want = table[row].status[v][unmet];

	if (verdict_status(&in) != want)
		fail_msg("row %zu, verdict %u, %s: %d instead of %d", row, v,
			 unmet ? "unmet" : "met", verdict_status(&in), want);
	/* What was not looked at is as good as an expectation that is unmet. */
	w.unmet = NULL;
	w.unseen = unmet;
	assert_int_equal(verdict_status(&in), want);
	if (want != 7)
		assert_false(verdict_unmet(&in));
}

static void whole_table(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(table) / sizeof(table[0]); row++) {
		for (unsigned int v = 0; v < 4; v++) {
			assert_status(row, v, false);
			assert_status(row, v, true);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
