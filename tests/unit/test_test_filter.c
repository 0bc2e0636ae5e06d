/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/initramfs.h"
#include "vmm/test_filter.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BEGIN	 INITRAMFS_BEGIN
#define END	 INITRAMFS_END

/* clang-format off */
static const struct {
	const char *in;
	const char *out;
	unsigned int status;
	bool ended;
} cases[] = {
	{ "", "", 0, false },
	{ "noise\r\n\n", "", 0, false },
	{ "noise" BEGIN "out\n" END "0\n", "out\n", 0, true },
	{ "noise" BEGIN END "7\nmore\n", "", 7, true },
	{ BEGIN "a\n\n\nb" END "63\r\n", "a\n\n\nb", 63, true },
	/* a newline before a mark is not lost, nor one within what is none */
	{ "\n\n" BEGIN "\n\n\n" END "1\n", "\n\n\n", 1, true },
	{ BEGIN "x\n\036barge-\n\036barge-end 2\n", "x\n\036barge-", 2, true },
	{ BEGIN "x\n\036barge-fin\n" END "3\n", "x\n\036barge-fin\n", 3, true },
	{ "\n\036barge-\n\036barge-begin\ny" END "4\n", "y", 4, true },
	/* no end: what looked like its beginning is output */
	{ BEGIN "x\n\036barge-e", "x\n\036barge-e", 0, false },
	{ BEGIN "x\n", "x\n", 0, false },
	{ BEGIN "x" END "5", "x", 5, false },
	{ BEGIN "x" END "99999999999999999999\n", "x", 255, true },
	/* its own mark again is the command's affair */
	{ BEGIN "x" BEGIN "y" END "0\n" END "9\n", "x" BEGIN "y", 0, true },
};
/* clang-format on */

/* @in in pieces of @piece bytes; what came out is in @out. */
static struct test_filter run(const char *in, size_t piece, char *out)
{
	struct test_filter f = {0};
	size_t n = 0, len = strlen(in);

	for (size_t at = 0; at < len; at += piece) {
		size_t part = len - at < piece ? len - at : piece;
		char room[TEST_FILTER_OUT(64)];
		size_t got = test_filter(&f, in + at, part, room);

		assert_true(got <= TEST_FILTER_OUT(part));
		memcpy(out + n, room, got);
		n += got;
	}
	n += test_filter_end(&f, out + n);
	out[n] = '\0';
	return f;
}

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t piece = 1; piece <= 64; piece++) {
			char out[512];
			struct test_filter f = run(cases[i].in, piece, out);

			assert_string_equal(out, cases[i].out);
			assert_int_equal(f.status, cases[i].status);
			assert_int_equal(f.ended, cases[i].ended);
		}
	}
}

/* What begins a mark, many times over, needs no more room than is said. */
static void room(void **state)
{
	struct test_filter f = {0};
	char in[64], out[TEST_FILTER_OUT(64)];
	size_t n = 0, total = 0;

	(void)state;
	test_filter(&f, BEGIN, strlen(BEGIN), out);
	for (unsigned int i = 0; i < 1000; i++) {
		for (size_t j = 0; j < sizeof(in); j++)
			in[j] = "\n\036barge-en"[n++ % 10];
		total += test_filter(&f, in, sizeof(in), out);
	}
	total += test_filter_end(&f, out);
	assert_int_equal(total, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
