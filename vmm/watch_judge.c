// SPDX-License-Identifier: Apache-2.0
#include "vmm/watch_judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/watch_kernel.h"

#define FLAGS (REG_EXTENDED | REG_NOSUB)

/* A backslash and a digit, but not a backslash that is escaped itself. */
static bool refers_back(const char *text)
{
	bool in_set = false;

	for (; *text; text++) {
		if (in_set) {
			in_set = *text != ']';
		} else if (*text == '[') {
			in_set = true;
			text += text[1] == '^';
			text += text[1] == ']';
		} else if (*text == '\\' && text[1]) {
			text++;
			if (*text >= '1' && *text <= '9')
				return true;
		}
	}
	return false;
}

int watch_regex_check(const char *text, char *why, size_t size)
{
	regex_t r;
	int code;

	if (refers_back(text)) {
		snprintf(why, size, "Back references are not supported");
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

static int rules_init(struct watch_rules *r, const struct conf_regexes *text)
{
	r->text = text;
	for (; r->n < text->n; r->n++) {
		/* They were checked: only memory can be missing. */
		if (regcomp(&r->regex[r->n], text->at[r->n].text, FLAGS))
			return -ENOMEM;
	}
	return 0;
}

static void rules_fini(struct watch_rules *r)
{
	for (unsigned int i = 0; i < r->n; i++)
		regfree(&r->regex[i]);
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

static bool matches(const struct watch_rules *r, unsigned int i,
		    const char *line, bool whole)
{
	return regexec(&r->regex[i], line, 0, NULL, whole ? 0 : REG_NOTEOL) ==
	       0;
}

/* The first rule that the line matches, or NULL. */
static const char *any(const struct watch_rules *r, const char *line,
		       bool whole)
{
	for (unsigned int i = 0; i < r->n; i++) {
		if (matches(r, i, line, whole))
			return r->text->at[i].text;
	}
	return NULL;
}

static void decide(struct watch_judge *j, enum watch_verdict v, const char *by,
		   const char *line)
{
	j->verdict = v;
	j->by = by;
	snprintf(j->line, sizeof(j->line), "%s", line);
}

void watch_judge_look(struct watch_judge *j, const char *line, bool whole,
		      bool *met)
{
	const char *by;

	if (j->verdict != WATCH_NONE)
		return;
	by = any(&j->fail_on, line, whole);
	if (by) {
		decide(j, WATCH_FAIL_ON, by, line);
		return;
	}
	/* Texts of the kernel are whole lines, and worth being shown so. */
	if (j->fail_on_oops && whole && watch_kernel_report(line)) {
		decide(j, WATCH_KERNEL, NULL, line);
		return;
	}
	if (!*met && j->met < j->expect.n &&
	    matches(&j->expect, j->met, line, whole)) {
		j->met++;
		*met = true;
	}
	by = any(&j->until, line, whole);
	if (by)
		decide(j, WATCH_UNTIL, by, line);
}
