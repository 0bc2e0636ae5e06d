/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "vmm/watch_line.h"

static struct watch_line l;

/* The lines of a text, one behind the other, | where one is complete. */
static char lines[4 * WATCH_LINE_MAX];
static size_t n_lines;

static void put(const char *s, size_t n)
{
	assert_true(n_lines + n < sizeof(lines));
	memcpy(lines + n_lines, s, n);
	n_lines += n;
	lines[n_lines] = '\0';
}

static void feed(const char *s, size_t n)
{
	const uint8_t *at = (const uint8_t *)s;

	while (n) {
		bool complete;
		size_t took = watch_line_take(&l, at, n, &complete);

		assert_true(took <= n && (complete || took == n));
		assert_true(l.n <= WATCH_LINE_MAX);
		assert_int_equal(strlen(l.text), l.n);
		if (complete) {
			put(l.text, l.n);
			put("|", 1);
			watch_line_clear(&l);
		}
		at += took;
		n -= took;
	}
}

static void begin(void)
{
	memset(&l, 0, sizeof(l));
	n_lines = 0;
	lines[0] = '\0';
}

static const struct {
	const char *text;
	size_t len;
	const char *want;
} table[] = {
#define T(s, want)                                                             \
	{                                                                      \
		s, sizeof(s) - 1, want                                         \
	}
	T("", ""),
	T("a", "a"),
	T("a\n", "a|"),
	T("\n\n", "||"),
	T("one\r\ntwo\r\n", "one|two|"),
	T("10%\r20%\r", "10%20%"),
	T("a\0b\0\n\0", "ab|"),
	T("tab\tbell\a", "tab\tbell\a"),
	T("gr\xc3\xbc\xc3\x9f \xff\x80\x9b[1m\n",
	  "gr\xc3\xbc\xc3\x9f \xff\x80\x9b[1m|"),
	/* what systemd and dmesg colour */
	T("\033[0;32m  OK  \033[0m] Started\033[K\n", "  OK  ] Started|"),
	T("[\033[32m    1.0\033[0m] x", "[    1.0] x"),
	T("\033[?25l\033[2J\033[1;1Hmenu", "menu"),
	T("\033[>4;2m\033[38:5:1mx\033[ q", "x"),
	T("\033(B\033)0\033=\033>\0337x\0338\033c", "x"),
	T("\033%G\033#8x", "x"),
	T("\033]0;root@vm: /\007# ", "# "),
	T("\033]8;;http://x/\033\\link\033]8;;\033\\.", "link."),
	T("\033P1$r0m\033\\a\033_x\033\\b\033^y\033\\c\033Xz\033\\d", "abcd"),
	/* broken off */
	T("\033\033[1mx", "x"),
	T("\033[1\033[2mx", "x"),
	T("\033[1\nx", "|x"),
	T("\033]0;title\nx", "|x"),
	T("\033\nx", "|x"),
	T("\033[\x80y", "\x80y"),
	T("\033[1\ay", "\ay"),
	T("\033]0;a\033[1mb", "b"),
	T("\033", ""),
	T("\033[", ""),
#undef T
};

static void whole_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		begin();
		feed(table[i].text, table[i].len);
		put(l.text, l.n);
		if (strcmp(lines, table[i].want) != 0)
			fail_msg("row %zu: \"%s\"", i, lines);
	}
}

/* However a text is cut into two, and cut into bytes, it is the same. */
static void cut_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (size_t at = 0; at <= table[i].len; at++) {
			begin();
			feed(table[i].text, at);
			feed(table[i].text + at, table[i].len - at);
			put(l.text, l.n);
			assert_string_equal(lines, table[i].want);
		}
		begin();
		for (size_t at = 0; at < table[i].len; at++)
			feed(table[i].text + at, 1);
		put(l.text, l.n);
		assert_string_equal(lines, table[i].want);
	}
}

/* @n letters and an end of line: the lengths of the lines they become. */
static void assert_lengths(size_t n, size_t first, size_t second)
{
	static char text[3 * WATCH_LINE_MAX];
	char *bar;

	begin();
	memset(text, 'x', n);
	text[n] = '\n';
	feed(text, n + 1);
	bar = strchr(lines, '|');
	assert_non_null(bar);
	assert_int_equal(bar - lines, first);
	assert_int_equal(strlen(bar + 1), second ? second + 1 : 0);
	assert_int_equal(l.n, 0);
}

static void long_lines(void **state)
{
	(void)state;
	assert_lengths(WATCH_LINE_MAX - 1, WATCH_LINE_MAX - 1, 0);
	assert_lengths(WATCH_LINE_MAX, WATCH_LINE_MAX, 0);
	assert_lengths(WATCH_LINE_MAX + 1, WATCH_LINE_MAX, 1);
	assert_lengths(2 * WATCH_LINE_MAX - 1, WATCH_LINE_MAX,
		       WATCH_LINE_MAX - 1);
}

/* What is left out takes no room in a line. */
static void long_escapes(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 2 * WATCH_LINE_MAX; i++)
		feed("\033[1;31m\r", 8);
	feed("x\n", 2);
	assert_string_equal(lines, "x|");
}

/* A title without an end hides no more than 1 KiB of its line. */
static void endless_string(void **state)
{
	(void)state;
	begin();
	feed("\033]", 2);
	for (int i = 0; i < 2000; i++)
		feed("t", 1);
	feed("panic\n", 6);
	assert_int_equal(n_lines, 2000 - 1024 + 6);
	assert_non_null(strstr(lines, "tpanic|"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_texts),
		cmocka_unit_test(cut_everywhere),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(long_escapes),
		cmocka_unit_test(endless_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
