/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <malloc.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/conf_regex.h"
#include "vmm/watch.h"

static struct conf c;
static struct watch *w;
static struct watch_result res;
static _Atomic int told; /* how often */
static _Atomic int told_what;

static void on_verdict(void *ctx, enum watch_verdict v)
{
	assert_ptr_equal(ctx, &c);
	atomic_store(&told_what, (int)v);
	atomic_fetch_add(&told, 1);
}

static int setup(void **state)
{
	(void)state;
	memset(&c, 0, sizeof(c));
	w = NULL;
	told = 0;
	told_what = 0;
	alarm(60); /* what hangs is killed, and that is a failure */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	alarm(0);
	conf_regex_fini(&c.expect);
	conf_regex_fini(&c.fail_on);
	conf_regex_fini(&c.until);
	return 0;
}

static void add(struct conf_regexes *r, const char *text)
{
	struct conf_from from = {.what = "--x"};
	struct err e;

	assert_int_equal(conf_regex_add(r, text, &from, &e), 0);
}

static void start(void)
{
	assert_int_equal(watch_start(&w, &c, on_verdict, &c), 0);
}

static void say_on(unsigned int console, const char *s)
{
	watch_feed(w, console, (const uint8_t *)s, strlen(s));
}

static void say(const char *s)
{
	say_on(0, s);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Wait for the verdict; how long it took. */
static uint64_t await(enum watch_verdict v)
{
	uint64_t from = now_ms();

	while (!told)
		(void)poll(NULL, 0, 1);
	assert_int_equal(told_what, v);
	return now_ms() - from;
}

static void assert_end(unsigned int met, enum watch_verdict v)
{
	watch_finish(w, &res);
	assert_int_equal(res.verdict, v);
	assert_int_equal(res.met, met);
	assert_int_equal(res.total, c.expect.n);
	assert_int_equal(res.unmet == NULL, met == c.expect.n);
	assert_int_equal(res.unseen, 0);
}

/* --- expectations ----------------------------------------------------------
 */

static void nothing_to_watch(void **state)
{
	(void)state;
	start();
	assert_null(w);
	say("x\n");
	assert_int_equal(watch_settle(w), WATCH_NONE);
	watch_finish(w, &res);
	assert_null(res.unmet);
	assert_int_equal(res.verdict, WATCH_NONE);
}

static const struct {
	const char *expect[4];
	const char *text;
	unsigned int met;
} orders[] = {
	{{"a", "b"}, "a\nb\n", 2},
	{{"a", "b"}, "b\na\n", 1},
	{{"a", "b"}, "b\na\nb\n", 2},
	{{"a", "b"}, "a b\n", 1}, /* one line, one expectation */
	{{"a", "b"}, "a b\nab\n", 2},
	{{"a", "a"}, "a\n", 1},
	{{"a", "a"}, "a\na", 2},
	{{"a", "a", "a"}, "aaa\naa\n", 2},
	{{"^$", "x"}, "\nx\n", 2},
	{{"^login: $"}, "hi\nlogin: ", 1},
	{{"^a.c$"}, "ab\n c", 0}, /* never across lines */
	{{"c"}, "", 0},
	{{"colou?r", "[[:digit:]]{3}"}, "color\n12\n123\n", 2},
	{{"^b$"}, "\033[1mb\033[0m\r\n", 1},
	{{"^a.b$"},
	 "a\xff"
	 "b\n",
	 1}, /* no UTF-8: one byte */
	{{"^ab$"}, "ab", 1},
	/* as they stand, not as a part of something */
	{{"a|^b", "a|^b"}, "xb\nbx\nxa\n", 2},
	{{"a$|b", "a$|b"}, "ax\nxa\nbx\n", 2},
	{{"a|", "|a"}, "x\n\n", 2},
	{{"\\)x", "[)]y"}, ")x\n)y\n", 2},
};

static void in_order(void **state)
{
	struct conf_from from = {.what = "--x"};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		conf_regex_fini(&c.expect);
		for (unsigned int j = 0; j < 4 && orders[i].expect[j]; j++)
			assert_int_equal(conf_regex_add(&c.expect,
							orders[i].expect[j],
							&from, &e),
					 0);
		start();
		say(orders[i].text);
		watch_finish(w, &res);
		if (res.met != orders[i].met)
			fail_msg("row %zu: met %u", i, res.met);
	}
}

/* Wherever the text is cut, and whatever time passes there. */
static void cut_everywhere(void **state)
{
	static const char text[] = "xx\r\n\033[1mone\033[0m\n\ntwo login: ";
	const uint8_t *b = (const uint8_t *)text;
	const size_t n = sizeof(text) - 1;

	(void)state;
	add(&c.expect, "^xx$");
	add(&c.expect, "^one$");
	add(&c.expect, "^two login: $");
	for (size_t at = 0; at <= n; at++) {
		start();
		watch_feed(w, 0, b, at);
		if (at % 8 == 0)
			(void)poll(NULL, 0, 30);
		watch_feed(w, 0, b + at, n - at);
		assert_end(3, WATCH_NONE);
	}
}

/* What the guest says last counts, however soon the end comes. */
static void last_words(void **state)
{
	(void)state;
	add(&c.expect, "^bye$");
	for (int i = 0; i < 200; i++) {
		start();
		say("x\nbye");
		assert_end(1, WATCH_NONE);
	}
}

static void nul_bytes(void **state)
{
	(void)state;
	add(&c.expect, "^login:$");
	start();
	watch_feed(w, 0, (const uint8_t *)"\0lo\0gin:\0\n", 10);
	assert_end(1, WATCH_NONE);
}

/* Each console has lines of its own. */
static void consoles(void **state)
{
	(void)state;
	add(&c.expect, "^one two$");
	add(&c.expect, "^three$");
	add(&c.expect, "^four$");
	start();
	say_on(0, "one ");
	say_on(1, "three");
	say_on(WATCH_CONSOLES - 1, "fo");
	say_on(0, "two\n");
	say_on(1, "\n");
	say_on(WATCH_CONSOLES + 5, "ur\n");
	assert_end(3, WATCH_NONE);
}

/* A reboot ends lines, and leaves expectations as they are. */
static void settled(void **state)
{
	(void)state;
	add(&c.expect, "^one$");
	add(&c.expect, "^two$");
	add(&c.fail_on, "onetwo|bad");
	start();
	say("one");
	assert_int_equal(watch_settle(w), WATCH_NONE);
	say("two");
	assert_int_equal(watch_settle(w), WATCH_NONE);
	say("\033[1"); /* cut off by the reboot */
	assert_int_equal(watch_settle(w), WATCH_NONE);
	say("bad");
	assert_int_equal(watch_settle(w), WATCH_FAIL_ON);
	assert_end(2, WATCH_FAIL_ON);
}

/* --- verdicts --------------------------------------------------------------
 */

static void fails(void **state)
{
	(void)state;
	add(&c.expect, "bad");
	add(&c.fail_on, "nix");
	add(&c.fail_on, "^bad");
	add(&c.until, "bad");
	start();
	say("good\nnot bad\n");
	(void)await(WATCH_UNTIL);
	assert_end(1, WATCH_UNTIL);

	told = 0;
	start();
	say("bad \033[1mthing\n");
	(void)await(WATCH_FAIL_ON);
	say("good\nnot bad\n"); /* too late */
	assert_end(0, WATCH_FAIL_ON);
	assert_string_equal(res.line, "bad thing");
	assert_string_equal(res.by, "^bad");
	assert_int_equal(told, 1);
}

static void first_verdict_counts(void **state)
{
	(void)state;
	add(&c.expect, "late");
	add(&c.fail_on, "bad");
	add(&c.until, "done");
	start();
	say("done\nbad\nlate\n");
	assert_end(0, WATCH_UNTIL);
	start();
	say("bad\ndone\nlate\n");
	assert_end(0, WATCH_FAIL_ON);
}

/* A prompt is seen soon; its end only when nothing came for a while. */
static void prompts(void **state)
{
	(void)state;
	add(&c.until, "^login: ");
	start();
	say("login: ");
	assert_true(await(WATCH_UNTIL) < 900);
	assert_end(0, WATCH_UNTIL);

	conf_regex_fini(&c.until);
	add(&c.until, "^login: $");
	told = 0;
	start();
	say("login: ");
	assert_true(await(WATCH_UNTIL) >= 900);
	assert_end(0, WATCH_UNTIL);
}

/* The end of a line that goes on is no end. */
static void no_end_yet(void **state)
{
	(void)state;
	add(&c.fail_on, "o$");
	start();
	say("foo");
	(void)poll(NULL, 0, 200);
	say("bar\n");
	assert_end(0, WATCH_NONE);
}

/* A line that met an expectation unfinished does not meet the next one. */
static void prompt_meets_once(void **state)
{
	(void)state;
	add(&c.expect, "login");
	add(&c.expect, "root");
	start();
	say("login: ");
	(void)poll(NULL, 0, 200);
	say("root\n");
	assert_end(1, WATCH_NONE);
}

/* An oops has its time to be printed: until the guest is quiet. */
static void oops_lingers(void **state)
{
	uint64_t from = now_ms();

	(void)state;
	c.fail_on_oops = true;
	start();
	say("[    1.0] Kernel panic - not syncing: x\n");
	for (int i = 0; i < 8; i++) {
		say("[    1.0] Call trace:\n");
		(void)poll(NULL, 0, 100);
	}
	(void)await(WATCH_KERNEL);
	assert_true(now_ms() - from >= 1200);
	assert_end(0, WATCH_KERNEL);
	assert_string_equal(res.line,
			    "[    1.0] Kernel panic - not syncing: x");
	assert_null(res.by);

	/* whoever ends by itself is not waited for */
	told = 0;
	from = now_ms();
	start();
	say("[    1.0] Kernel panic - not syncing: x\n");
	assert_int_equal(watch_settle(w), WATCH_KERNEL);
	assert_end(0, WATCH_KERNEL);
	assert_int_equal(told, 0);
	assert_true(now_ms() - from < 400);
}

static void oops_ends_anyway(void **state)
{
	uint64_t from = now_ms();

	(void)state;
	c.fail_on_oops = true;
	start();
	say("BUG: x\n");
	while (!told && now_ms() - from < 20000) {
		say("and so on\n");
		(void)poll(NULL, 0, 50);
	}
	assert_in_range(now_ms() - from, 4900, 15000);
	assert_end(0, WATCH_KERNEL);
}

static void oops_only_if_asked(void **state)
{
	(void)state;
	add(&c.expect, "panic");
	start();
	say("Kernel panic - not syncing: x\n");
	assert_end(1, WATCH_NONE);
}

/* --- much of it ------------------------------------------------------------
 */

/* Nothing is lost on the way, and the last line is seen. */
static void many_lines(void **state)
{
	char line[64];

	(void)state;
	add(&c.expect, "^line 0 ");
	add(&c.expect, "^line 99999 ");
	add(&c.expect, "^last$");
	start();
	for (int i = 0; i < 100000; i++) {
		snprintf(line, sizeof(line), "line %d of many\n", i);
		say(line);
	}
	say("last");
	assert_end(3, WATCH_NONE);
}

/* Lines that give the automaton a new state for nearly each byte. */
static void hostile_line(char *line, size_t n)
{
	static unsigned int random = 1;

	for (size_t k = 0; k < n; k++) {
		random = random * 1103515245 + 12345;
		line[k] = random >> 20 & 1 ? 'a' : 'b';
	}
	line[n] = '\0';
}

#define HOSTILE "(a|b)*a(a|b){14}c"

/* (Sanitizers count no memory: there it always holds.) */
static void bounded_memory(void **state)
{
	static struct watch_judge j;
	char line[1025];
	size_t most = 0;
	bool met = false;

	(void)state;
	add(&c.expect, HOSTILE);
	assert_int_equal(watch_judge_init(&j, &c), 0);
	for (unsigned int i = 0; i < 100; i++) {
		hostile_line(line, 1024);
		watch_judge_look(&j, line, true, &met);
		if (mallinfo2().uordblks > most)
			most = mallinfo2().uordblks;
	}
	watch_judge_fini(&j);
	assert_false(met);
	if (most >= 64u << 20)
		fail_msg("%zu bytes", most);
}

/* A long line does not take quadratic time. */
static void linear_time(void **state)
{
	static char line[WATCH_LINE_MAX + 1];
	uint64_t from = now_ms();

	(void)state;
	memset(line, 'a', WATCH_LINE_MAX);
	add(&c.expect, "[[:alpha:]]+ login:");
	start();
	for (unsigned int i = 0; i < 1000; i++)
		say(line);
	assert_end(0, WATCH_NONE);
	/* quadratic: above 20 s; UNIT_SHORT: an emulator is slow */
	assert_true(now_ms() - from < (getenv("UNIT_SHORT") ? 20000 : 4000));
}

/* @lines of them, as fast as can be: the longest that one took, in ms. */
static uint64_t pour(unsigned int lines)
{
	static char line[64][WATCH_LINE_MAX + 1];
	uint64_t most = 0;

	for (unsigned int i = 0; i < 64; i++)
		hostile_line(line[i], WATCH_LINE_MAX);
	for (unsigned int i = 0; i < lines; i++) {
		uint64_t from = now_ms();

		say(line[i % 64]);
		if (now_ms() - from > most)
			most = now_ms() - from;
	}
	return most;
}

/*
 * Who brings lines is not kept waiting, and what does not fit is counted. Of 64
 * MiB, up to 16 MiB wait, and as much may be with the thread.
 */
static void bounded_queue(void **state)
{
	(void)state;
	if (getenv("UNIT_SHORT"))
		skip();
	for (unsigned int i = 0; i < CONF_REGEX_MAX; i++)
		add(&c.fail_on, "x[ab]*y");
	start();
	assert_true(pour((64u << 20) / WATCH_LINE_MAX) < 1000);
	watch_finish(w, &res);
	assert_true(res.unseen > 16u << 20);
	assert_int_equal(res.verdict, WATCH_NONE);
}

/* Two consoles in turn, byte by byte: what is bounded is the memory it takes.
 */
static void bounded_pieces(void **state)
{
	uint8_t byte = 'a';

	(void)state;
	if (getenv("UNIT_SHORT"))
		skip();
	for (unsigned int i = 0; i < CONF_REGEX_MAX; i++)
		add(&c.fail_on, "x[ab]*y");
	start();
	assert_true(pour((1u << 20) / WATCH_LINE_MAX) < 1000);
	for (unsigned int i = 0; i < 100000; i++)
		watch_feed(w, i % 2, &byte, 1);
	watch_finish(w, &res);
	assert_true(res.unseen > 50000);
}

/* An expression that takes long is not waited for at the end. */
static void slow_regex(void **state)
{
	uint64_t from;

	(void)state;
	if (getenv("UNIT_SHORT"))
		skip();
	for (unsigned int i = 0; i < 8; i++)
		add(&c.fail_on, HOSTILE);
	start();
	assert_true(pour((16u << 20) / WATCH_LINE_MAX) < 1000);
	from = now_ms();
	watch_finish(w, &res);
	assert_in_range(now_ms() - from, 0, 15000);
	assert_true(res.unseen > 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_to_watch),
		CASE(in_order),
		CASE(cut_everywhere),
		CASE(last_words),
		CASE(nul_bytes),
		CASE(consoles),
		CASE(settled),
		CASE(fails),
		CASE(first_verdict_counts),
		CASE(prompts),
		CASE(no_end_yet),
		CASE(prompt_meets_once),
		CASE(oops_lingers),
		CASE(oops_ends_anyway),
		CASE(oops_only_if_asked),
		CASE(many_lines),
		CASE(bounded_memory),
		CASE(linear_time),
		CASE(bounded_queue),
		CASE(bounded_pieces),
		/* the last: its thread may go on */
		CASE(slow_regex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
