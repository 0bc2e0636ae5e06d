/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <string.h>

#include "vmm/stamp.h"

static const uint8_t *bytes(const char *s)
{
	return (const uint8_t *)s;
}

static void lines(void **state)
{
	static const char text[] = "one\n\ntwo\r\nthree";
	struct stamp s = {false};
	char stamp[STAMP_MAX];

	(void)state;
	assert_int_equal(stamp_line(&s, bytes(text), 15, 0, stamp), 4);
	assert_string_equal(stamp, "[    0.000000] ");
	assert_int_equal(stamp_line(&s, bytes(text + 4), 11, 0, stamp), 1);
	assert_string_equal(stamp, "[    0.000000] ");
	assert_int_equal(stamp_line(&s, bytes(text + 5), 10, 0, stamp), 5);
	assert_string_equal(stamp, "[    0.000000] ");
	assert_int_equal(stamp_line(&s, bytes(text + 10), 5, 0, stamp), 5);
	assert_string_equal(stamp, "[    0.000000] ");
	/* "three" goes on: in a piece, up to a piece's end, and its own. */
	assert_int_equal(stamp_line(&s, bytes("."), 1, 0, stamp), 1);
	assert_string_equal(stamp, "");
	assert_int_equal(stamp_line(&s, bytes("\n"), 1, 0, stamp), 1);
	assert_string_equal(stamp, "");
	assert_int_equal(stamp_line(&s, bytes("\n"), 1, 0, stamp), 1);
	assert_string_equal(stamp, "[    0.000000] ");
	assert_int_equal(stamp_line(&s, bytes("x"), 1, 0, stamp), 1);
	assert_string_equal(stamp, "[    0.000000] ");
}

static void times(void **state)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} t[] = {
		{999, "[    0.000000] "},
		{1000, "[    0.000001] "},
		{999999999, "[    0.999999] "},
		{1000000000, "[    1.000000] "},
		{12345678901, "[   12.345678] "},
		{UINT64_C(99999999999999), "[99999.999999] "},
		{UINT64_C(100000000000000), "[100000.000000] "},
		{UINT64_MAX, "[18446744073.709551] "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct stamp s = {false};
		char stamp[STAMP_MAX];

		stamp_line(&s, bytes("x"), 1, t[i].ns, stamp);
		assert_string_equal(stamp, t[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
