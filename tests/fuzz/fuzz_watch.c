/* SPDX-License-Identifier: Apache-2.0 */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz_in.h"
#include "vmm/conf_regex.h"
#include "vmm/watch_judge.h"
#include "vmm/watch_kernel.h"

/*
 * A regular expression and what a guest prints. However the output is cut, its
 * lines are the same and as long as they may be; the expression that is made of
 * the one given matches exactly the lines that one matches.
 */

#define LINES_MAX 65536
#define REGEX_LEN 24
#define SLOW_LEN  256 /* the one given may take quadratic time */

struct lines {
	size_t n;
	char text[LINES_MAX];
};

static struct lines whole, pieces;

static void keep(struct lines *all, const struct watch_line *l)
{
	REQUIRE(l->n <= WATCH_LINE_MAX && strlen(l->text) == l->n);
	REQUIRE(!memchr(l->text, '\n', l->n) && !memchr(l->text, '\r', l->n));
	REQUIRE(all->n + l->n + 1 <= LINES_MAX);
	memcpy(all->text + all->n, l->text, l->n);
	all->n += l->n;
	all->text[all->n++] = '\n';
}

static void take(struct lines *all, struct watch_line *l, const uint8_t *buf,
		 size_t len)
{
	while (len) {
		bool complete;
		size_t n = watch_line_take(l, buf, len, &complete);

		REQUIRE(n <= len && (complete || n == len));
		REQUIRE(n > 0 || complete);
		if (complete) {
			keep(all, l);
			watch_line_clear(l);
		}
		buf += n;
		len -= n;
	}
}

/* In pieces of so many bytes; 0: in one. */
static void cut(struct lines *all, const uint8_t *buf, size_t len, size_t size)
{
	static struct watch_line l;

	memset(&l, 0, sizeof(l));
	all->n = 0;
	for (size_t n; len; buf += n, len -= n) {
		n = size && size < len ? size : len;
		take(all, &l, buf, n);
	}
	keep(all, &l);
}

/* What it says of lines that are not whole, of a line's part, of the kernel. */
static void judge(struct watch_judge *j, const regex_t *plain, const char *line)
{
	for (int ends = 0; ends < 2; ends++) {
		bool met = false;
		bool want = regexec(plain, line, 0, NULL,
				    ends ? 0 : REG_NOTEOL) == 0;

		j->verdict = WATCH_NONE;
		j->met = 0;
		watch_judge_look(j, line, ends, &met);
		REQUIRE(met == want && j->met == want);
		REQUIRE((j->verdict == WATCH_UNTIL) == want ||
			j->verdict == WATCH_KERNEL);
	}
}

static void judge_lines(struct watch_judge *j, const regex_t *plain)
{
	char *at = whole.text;

	while (at < whole.text + whole.n) {
		char *end =
			memchr(at, '\n', whole.n - (size_t)(at - whole.text));

		*end = '\0';
		(void)watch_kernel_report(at);
		if (plain && end - at <= SLOW_LEN)
			judge(j, plain, at);
		at = end + 1;
	}
}

static void match(const char *text)
{
	static struct watch_judge j;
	struct conf_from from = {.what = "--expect"};
	struct conf c = {.kernel = NULL};
	struct err e;
	regex_t plain;

	memset(&j, 0, sizeof(j));
	if (conf_regex_add(&c.expect, text, &from, &e) < 0) {
		judge_lines(NULL, NULL);
		return;
	}
	REQUIRE(conf_regex_add(&c.until, text, &from, &e) == 0);
	REQUIRE(watch_judge_init(&j, &c) == 0);
	REQUIRE(regcomp(&plain, text, REG_EXTENDED | REG_NOSUB) == 0);
	judge_lines(&j, &plain);
	regfree(&plain);
	watch_judge_fini(&j);
	conf_regex_fini(&c.expect);
	conf_regex_fini(&c.until);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	char text[REGEX_LEN + 1] = "";
	size_t piece = 1 + fuzz_u8(&in) % 64;

	/* x{9}{9}{9}... would take all memory: that is the user's affair */
	for (size_t i = 0; i < REGEX_LEN && in.left; i++) {
		char b = (char)fuzz_u8(&in);

		if (b == '\n' || b == '\0')
			break;
		text[i] = b == '{' ? '(' : b;
	}
	if (in.left > LINES_MAX / 4)
		return 0;
	cut(&whole, in.data, in.left, 0);
	cut(&pieces, in.data, in.left, piece);
	REQUIRE(whole.n == pieces.n);
	REQUIRE(memcmp(whole.text, pieces.text, whole.n) == 0);
	match(text);
	return 0;
}
