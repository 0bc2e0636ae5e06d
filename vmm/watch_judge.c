// SPDX-License-Identifier: Apache-2.0
#include "vmm/watch_judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/watch_kernel.h"

#define FLAGS (REG_EXTENDED | REG_NOSUB)

/*
 * How it works: glibc's regexec() tries each byte of a line as the beginning of
 * a match, which takes quadratic time, and its automaton grows by up to a state
 * of 2 KiB for each step and never shrinks. Lines come from a guest that may
 * know the expressions. So "^.*(RE)" is compiled, which matches the same lines
 * but has one beginning; and it is compiled anew now and then.
 */
#define SEEN_MAX (16u << 10)

/* Behind the set that begins at @s, or at the end: "[]x[:alpha:]]". */
static const char *skip_set(const char *s)
{
	s += s[1] == '^' ? 2 : 1;
	s += *s == ']';
	while (*s && *s != ']') {
		const char end[] = {s[1], ']', '\0'};
		const char *close = NULL;

		if (*s == '[' && s[1] && strchr(":.=", s[1]))
			close = strstr(s + 2, end);
		s = close ? close + 2 : s + 1;
	}
	return *s ? s + 1 : s;
}

/* "a**" and "a{2}+": with each of these glibc doubles its automaton. */
static bool repeats_twice(const char *s)
{
	if (*s == '{')
		s += strcspn(s, "}");
	else if (!strchr("*+?", *s))
		return false;
	return *s && s[1] && strchr("*+?{", s[1]);
}

/*
 * What glibc would take but POSIX does not define: NULL if there is no such
 * thing. A lone parenthesis would be another one in rule_add().
 */
static const char *not_posix(const char *s)
{
	unsigned int depth = 0;

	while (*s) {
		if (*s == '[') {
			s = skip_set(s);
			continue;
		}
		if (*s == '\\' && s[1] >= '1' && s[1] <= '9')
			return "Back references are not supported";
		if (*s == ')' && depth-- == 0)
			return "Unmatched )";
		if (repeats_twice(s))
			return "Invalid preceding regular expression";
		depth += *s == '(';
		s += *s == '\\' && s[1] ? 2 : 1;
	}
	return NULL;
}

int watch_regex_check(const char *text, char *why, size_t size)
{
	const char *fault = not_posix(text);
	regex_t r;
	int code;

	if (fault) {
		snprintf(why, size, "%s", fault);
		return -EINVAL;
	}
	code = regcomp(&r, text, FLAGS);
	if (code) {
		(void)regerror(code, &r, why, size);
		return -EINVAL;
	}
	regfree(&r);
	return 0;
}

static int rule_add(struct watch_rules *r, const char *text)
{
	char *source;

	if (asprintf(&source, "^.*(%s)", text) < 0)
		return -ENOMEM;
	/* It was checked: only memory can be missing. */
	if (regcomp(&r->at[r->n].regex, source, FLAGS)) {
		free(source);
		return -ENOMEM;
	}
	r->at[r->n++].source = source;
	return 0;
}

static int rules_init(struct watch_rules *r, const struct conf_regexes *text)
{
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < text->n; i++)
		ret = rule_add(r, text->at[i].text);
	return ret;
}

static void rules_fini(struct watch_rules *r)
{
	for (unsigned int i = 0; i < r->n; i++) {
		regfree(&r->at[i].regex);
		free(r->at[i].source);
	}
	r->n = 0;
}

int watch_judge_init(struct watch_judge *j, const struct conf *c)
{
	int r = rules_init(&j->expect, &c->expect);

	if (r == 0)
		r = rules_init(&j->fail_on, &c->fail_on);
	if (r == 0)
		r = rules_init(&j->until, &c->until);
	j->fail_on_oops = c->fail_on_oops;
	return r;
}

void watch_judge_fini(struct watch_judge *j)
{
	rules_fini(&j->expect);
	rules_fini(&j->fail_on);
	rules_fini(&j->until);
}

static void renew(struct watch_rules *r, unsigned int i)
{
	regex_t fresh;

	r->at[i].seen = 0;
	if (regcomp(&fresh, r->at[i].source, FLAGS))
		return; /* no memory for another one: the old one works, too */
	regfree(&r->at[i].regex);
	r->at[i].regex = fresh;
}

static bool matches(struct watch_rules *r, unsigned int i, const char *line,
		    bool whole)
{
	r->at[i].seen += strlen(line);
	if (r->at[i].seen > SEEN_MAX)
		renew(r, i);
	return regexec(&r->at[i].regex, line, 0, NULL,
		       whole ? 0 : REG_NOTEOL) == 0;
}

/* The first rule that the line matches, or r->n. */
static unsigned int any(struct watch_rules *r, const char *line, bool whole)
{
	unsigned int i = 0;

	while (i < r->n && !matches(r, i, line, whole))
		i++;
	return i;
}

static void decide(struct watch_judge *j, enum watch_verdict v, unsigned int by,
		   const char *line)
{
	j->verdict = v;
	j->by = by;
	snprintf(j->line, sizeof(j->line), "%s", line);
}

void watch_judge_look(struct watch_judge *j, const char *line, bool whole,
		      bool *met)
{
	unsigned int by;

	if (j->verdict != WATCH_NONE)
		return;
	by = any(&j->fail_on, line, whole);
	if (by < j->fail_on.n) {
		decide(j, WATCH_FAIL_ON, by, line);
		return;
	}
	/* Texts of the kernel are whole lines, and worth being shown so. */
	if (j->fail_on_oops && whole && watch_kernel_report(line)) {
		decide(j, WATCH_KERNEL, 0, line);
		return;
	}
	if (!*met && j->met < j->expect.n &&
	    matches(&j->expect, j->met, line, whole)) {
		j->met++;
		*met = true;
	}
	by = any(&j->until, line, whole);
	if (by < j->until.n)
		decide(j, WATCH_UNTIL, by, line);
}
