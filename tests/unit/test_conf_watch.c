/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/conf.h"
#include "vmm/explain.h"

/* What is asked of a boot test: on the command line, in a file, in both. */

static struct conf c;
static struct err e;
static char ini[48];

static int setup(void **state)
{
	int fd;

	(void)state;
	strcpy(ini, "/tmp/barge-conf-XXXXXX");
	fd = mkstemp(ini);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	conf_fini(&c);
	unlink(ini);
	return 0;
}

/* The words of @line; $ is the INI file, which holds @file. */
static int parse(const char *file, const char *line)
{
	char *argv[80] = {(char *)"barge", (char *)"run", (char *)"-kk"};
	char *copy = strdup(line), *rest = copy, *word;
	FILE *f = fopen(ini, "w");
	int argc = 3, ret;

	assert_non_null(f);
	fputs(file, f);
	fclose(f);
	while (*line && (word = strsep(&rest, " ")) && argc < 79)
		argv[argc++] = strcmp(word, "$") == 0 ? ini : word;
	conf_fini(&c);
	memset(&e, 0, sizeof(e));
	ret = conf_parse(&c, argc, argv, &e);
	free(copy);
	return ret;
}

static void assert_list(const struct conf_regexes *r, const char *want)
{
	char got[256] = "";

	for (unsigned int i = 0; i < r->n; i++) {
		strcat(got, r->at[i].text);
		strcat(got, " ");
	}
	assert_string_equal(got, want);
}

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(parse("", ""), 0);
	assert_int_equal(c.timeout_ms, 0);
	assert_int_equal(c.expect.n + c.fail_on.n + c.until.n, 0);
	assert_false(c.fail_on_oops);
	assert_int_equal(c.on_reboot, REBOOT_EXIT);
}

static void in_the_order_given(void **state)
{
	(void)state;
	assert_int_equal(parse("", "--expect b --fail-on x --expect a "
				   "--until=u --expect b --fail-on-oops "
				   "--on-reboot restart --timeout 2.25"),
			 0);
	assert_list(&c.expect, "b a b ");
	assert_list(&c.fail_on, "x ");
	assert_list(&c.until, "u ");
	assert_true(c.fail_on_oops);
	assert_int_equal(c.on_reboot, REBOOT_RESTART);
	assert_int_equal(c.timeout_ms, 2250);
}

static void in_the_order_of_numbers(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm]\nexpect.10 = d\nexpect.9=c\n"
			       "fail-on.1 = y\nexpect = a\nuntil.3=u\n"
			       "EXPECT.2 = b\nfail-on=x\ntimeout = 0.5\n"
			       "fail-on-oops = yes\non-reboot = restart\n",
			       "$"),
			 0);
	assert_list(&c.expect, "a b c d ");
	assert_list(&c.fail_on, "x y ");
	assert_list(&c.until, "u ");
	assert_int_equal(c.timeout_ms, 500);
}

/* Each list by itself. */
static void line_wins_over_file(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm]\nexpect=a\nexpect.1=b\nfail-on=x\n",
			       "--expect c $ --expect d"),
			 0);
	assert_list(&c.expect, "c d ");
	assert_list(&c.fail_on, "x ");
}

static void quoted_in_a_file(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm]\nexpect = \"a; b #1\"\n"
			       "expect.1 = 'say \"x\\.y\"$'\n",
			       "$"),
			 0);
	assert_list(&c.expect, "a; b #1 say \"x\\.y\"$ ");
}

static void seconds(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{"0", 0},	   {"0.0", 0},
		{"1", 1000},	   {"0.5", 500},
		{"0.05", 50},	   {"0.005", 5},
		{"12.250", 12250}, {"4294967295", 4294967295000},
	};
	static const char *const bad[] = {
		"",    "-1",   ".5",  "1.",	    "1.0000", "1s",
		"1e3", "0x10", "1,5", "4294967296", "1 ",     "nan",
	};
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "--timeout=%s", good[i].text);
		assert_int_equal(parse("", line), 0);
		assert_int_equal(c.timeout_ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "[vm]\ntimeout = \"%s\"\n",
			 bad[i]);
		assert_true(parse(line, "$") < 0);
		assert_int_equal(e.what, ERR_OPTION_VALUE);
		assert_int_equal(explain_status(&e), 1);
	}
}

static void assert_refused(const char *file, const char *line,
			   enum err_what what, const char *has)
{
	char text[1024];

	assert_true(parse(file, line) < 0);
	explain(&e, text, sizeof(text));
	if (e.what != what || !strstr(text, has))
		fail_msg("%s: %s", line, text);
	assert_int_equal(explain_status(&e), 1);
}

static void refused(void **state)
{
	(void)state;
	assert_refused("", "--expect (", ERR_REGEX,
		       "--expect is no regular expression: Unmatched ( or \\(");
	assert_refused("", "--fail-on a{2,1}", ERR_REGEX, "--fail-on is no");
	assert_refused("", "--until [[:nix:]]", ERR_REGEX, "--until is no");
	assert_refused("", "--expect (a)\\1", ERR_REGEX, "Back references");
	assert_refused("", "--expect=", ERR_REGEX, "empty");
	assert_refused("", "--expect", ERR_OPTION_MISSING, "--expect lacks");
	assert_refused("", "--on-reboot halt", ERR_OPTION_VALUE,
		       "exit or restart");
	assert_refused("[vm]\n\nexpect.2=*a[\n", "$", ERR_REGEX,
		       ":3: expect.2");
	assert_refused("[vm]\nexpect.2=a\nexpect.2=b\n", "$", ERR_INI_KEY,
		       "expect.2");
	assert_refused("[vm]\nexpect=a\nexpect=b\n", "$", ERR_INI_KEY,
		       "expect");
	assert_refused("[vm]\nexpect.=a\n", "$", ERR_INI_KEY, "expect.");
	assert_refused("[vm]\nexpect.0=a\n", "$", ERR_INI_KEY, "expect.0");
	assert_refused("[vm]\nexpect.01=a\n", "$", ERR_INI_KEY, "expect.01");
	assert_refused("[vm]\nexpect.x=a\n", "$", ERR_INI_KEY, "expect.x");
	assert_refused("[vm]\nexpect.99999999999=a\n", "$", ERR_INI_KEY,
		       "expect.99999999999");
	assert_refused("[vm]\nmemory.1=64M\n", "$", ERR_INI_KEY, "memory.1");
}

/* What POSIX does not define is refused, and nothing that looks like it. */
static void only_posix(void **state)
{
	static const char *const good[] = {
		"a\\\\1",   "[\\1]",	 "[]\\1]", "[^]\\1]x",	   "\\)",
		"[)]",	    "[])]",	 "[^])]",  "[[:alpha:])]", "[[.).]]",
		"[[=)=]x]", "(a)(b(c))", "[*+]+",  "}+",	   "a{2}b*",
		"[{]}*",    "\\*\\+*",	 "(a*)*",  "()",	   "\\(\\)",
	};
	static const char *const bad[] = {
		"(a)\\1", "(a)[]b]\\1",	  ")",	     "a)b", "(a))",  "[a])",
		"\\()",	  "[[:alpha:]])", "a**",     "a+?", "a{2}+", "a*{2}",
		"*",	  "a|+b",	  "\\\\\\1", "[a",  "\\",
	};
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "--expect %s", good[i]);
		if (parse("", line) < 0)
			fail_msg("refused: %s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "--expect %s", bad[i]);
		if (parse("", line) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e.what, ERR_REGEX);
	}
}

static void too_many(void **state)
{
	char line[2048] = "";
	char file[2048] = "[vm]\n";

	(void)state;
	for (unsigned int i = 0; i < CONF_REGEX_MAX; i++) {
		sprintf(line + strlen(line), "--expect=x%u ", i);
		sprintf(file + strlen(file), "until.%u = u%u\n", 100 - i, i);
	}
	strcat(line, "$");
	assert_int_equal(parse(file, line), 0);
	assert_int_equal(c.expect.n, CONF_REGEX_MAX);
	assert_int_equal(c.until.n, CONF_REGEX_MAX);
	assert_string_equal(c.until.at[0].text, "u31");
	assert_refused(file, strcat(line, " --expect y"), ERR_REGEX_MANY,
		       "--expect is one too many");
	assert_refused(strcat(file, "until = z\n"), "$", ERR_REGEX_MANY,
		       "until is one too many");
}

#define TRIAL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRIAL(defaults),
		TRIAL(in_the_order_given),
		TRIAL(in_the_order_of_numbers),
		TRIAL(line_wins_over_file),
		TRIAL(quoted_in_a_file),
		TRIAL(seconds),
		TRIAL(refused),
		TRIAL(only_posix),
		TRIAL(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
