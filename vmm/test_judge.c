// SPDX-License-Identifier: Apache-2.0
#include "vmm/test_judge.h"

#include <string.h>

struct out {
	char *buf;
	size_t len;
};

static void put(struct out *o, const char *s)
{
	while (*s && o->len < TEST_WHY_MAX - 1)
		o->buf[o->len++] = *s++;
	o->buf[o->len] = '\0';
}

static void put_number(struct out *o, unsigned int v)
{
	char digits[12];
	unsigned int at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	put(o, digits + at);
}

const char *test_status_text(int status)
{
	static const char *const texts[] = {
		[0] = "the guest powered off",
		[1] = "barge refused the configuration",
		[2] = "the host refused",
		[3] = "the guest crashed",
		[4] = "the guest panicked",
		[5] = "the guest asked for a reboot",
		[6] = "its time was over",
		[7] = "an expectation on the console failed",
	};

	if (status >= 0 && status < (int)(sizeof(texts) / sizeof(texts[0])))
		return texts[status];
	if (status == 127)
		return "the guest reported 63, or a bug in barge";
	if (status > 128)
		return "ended by a signal";
	return NULL;
}

static void put_status(struct out *o, int status)
{
	const char *text = test_status_text(status);

	put(o, "status ");
	put_number(o, (unsigned int)status);
	if (status >= 64 && status < 127) {
		put(o, " (the guest reported ");
		put_number(o, (unsigned int)status - 64);
		put(o, ")");
	} else if (text) {
		put(o, " (");
		put(o, text);
		put(o, ")");
	}
}

static void put_difference(struct out *o, const struct test_item *t,
			   const struct test_end *end)
{
	if (end->overdue) {
		put(o, "it did not end at its time limit and was killed");
	} else {
		put_status(o, end->status);
		put(o, " instead of ");
		put_number(o, t->want);
	}
	if (end->said && end->said[0]) {
		put(o, ": ");
		put(o, end->said);
	}
}

/* What is barge's or the host's doing is no failure that anyone can expect. */
static bool of_guest(const struct test_end *end)
{
	return end->overdue || end->status == 0 ||
	       (end->status >= 3 && end->status < 127);
}

enum test_verdict test_judge(const struct test_item *t,
			     const struct test_end *end, char why[TEST_WHY_MAX])
{
	bool as_wanted = !end->overdue && end->status == (int)t->want;
	struct out o = {.buf = why};

	why[0] = '\0';
	if (!t->xfail && as_wanted)
		return TEST_PASSED;
	if (!t->xfail || (!as_wanted && !of_guest(end))) {
		put_difference(&o, t, end);
		return TEST_FAILED;
	}
	if (as_wanted) {
		put(&o, "it passed, although it was expected to fail");
	} else {
		put(&o, "expected failure: ");
		put_difference(&o, t, end);
	}
	if (t->reason) {
		put(&o, "; reason given: ");
		put(&o, t->reason);
	}
	return as_wanted ? TEST_FAILED : TEST_XFAILED;
}
