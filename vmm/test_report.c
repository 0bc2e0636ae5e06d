// SPDX-License-Identifier: Apache-2.0
#include "vmm/test_report.h"

#include <inttypes.h>
#include <string.h>

#include "vmm/test_child.h"
#include "vmm/utf8.h"

struct test_sum test_sum(const struct test_suite *s)
{
	struct test_sum sum = {0};

	for (unsigned int i = 0; i < s->n; i++) {
		const struct test_item *t = &s->item[i];

		sum.passed +=
			t->verdict == TEST_PASSED || t->verdict == TEST_XFAILED;
		sum.skipped += t->verdict == TEST_SKIPPED;
		sum.failed += t->verdict == TEST_FAILED;
		sum.refused += t->verdict == TEST_FAILED && t->refused;
	}
	return sum;
}

static bool ran(const struct test_item *t)
{
	return t->verdict != TEST_SKIPPED;
}

/* Foreign text on a terminal: what could steer it is shown as \xNN. */
static void put_plain(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		unsigned int n = *s >= ' ' && *s < 0x7f ? 1 : utf8_len(s);

		if (n == 0)
			fprintf(f, "\\x%02x", *s++);
		for (; n > 0; n--)
			fputc(*s++, f);
	}
}

/* --- lines -----------------------------------------------------------------
 */

static const char *word_of(const struct test_item *t)
{
	switch (t->verdict) {
	case TEST_PASSED:
	case TEST_XFAILED:
		return "ok";
	case TEST_SKIPPED:
		return "skip";
	default:
		return "FAIL";
	}
}

static void put_log(FILE *f, const struct test_suite *s,
		    const struct test_item *t)
{
	char path[CONF_PATH_MAX];

	if (t->verdict != TEST_FAILED || !ran(t) || !t->tries || !s->logs)
		return;
	test_log_path(path, s, t, "console");
	fputs("; log: ", f);
	put_plain(f, path);
}

void test_report_line(FILE *f, const struct test_suite *s,
		      const struct test_item *t)
{
	if (t->tries)
		fprintf(f, "%-4s %4.1fs ", word_of(t), (double)t->ms / 1000);
	else
		fprintf(f, "%-4s       ", word_of(t));
	put_plain(f, t->name);
	if (t->why[0])
		fputs("  ", f);
	put_plain(f, t->why);
	if (t->tries > 1)
		fprintf(f, " (try %u)", t->tries);
	put_log(f, s, t);
	fputc('\n', f);
}

void test_report_sum(FILE *f, const struct test_suite *s)
{
	struct test_sum sum = test_sum(s);

	fprintf(f, "%u passed, %u failed", sum.passed, sum.failed);
	if (sum.skipped)
		fprintf(f, ", %u skipped", sum.skipped);
	fputc('\n', f);
}

/* --- TAP -------------------------------------------------------------------
 */

/* tap-14, Escaping: a # would begin a directive. */
static void put_tap(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '#' || *text == '\\')
			fputc('\\', f);
		fputc((unsigned char)*text < ' ' ? ' ' : *text, f);
	}
}

/* YAML in double quotes: escapes as JSON has them, bytes apart. */
static void put_quoted(FILE *f, const char *text, size_t len)
{
	fputc('"', f);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", f);
		else if (c < ' ' || c >= 0x7f)
			fprintf(f, "\\x%02x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void put_yaml(FILE *f, const struct test_suite *s,
		     const struct test_item *t)
{
	char path[CONF_PATH_MAX];

	fprintf(f, "  ---\n  message: ");
	put_quoted(f, t->why, strlen(t->why));
	fprintf(f,
		"\n  status: %d\n  expected: %u\n  duration_ms: %" PRIu64 "\n",
		t->status, t->want, t->ms);
	if (s->logs) {
		test_log_path(path, s, t, "console");
		fputs("  log: ", f);
		put_quoted(f, path, strlen(path));
		fputc('\n', f);
	}
	if (t->tail) {
		fputs("  console: ", f);
		put_quoted(f, t->tail, t->tail_len);
		fputc('\n', f);
	}
	fputs("  ...\n", f);
}

void test_tap_begin(FILE *f, const struct test_suite *s)
{
	fprintf(f, "TAP version 14\n1..%u\n", s->n);
}

void test_tap_point(FILE *f, const struct test_suite *s,
		    const struct test_item *t)
{
	bool bad = t->verdict == TEST_FAILED || t->verdict == TEST_XFAILED;

	fprintf(f, "%s %u - ", bad ? "not ok" : "ok",
		(unsigned int)(t - s->item) + 1);
	put_tap(f, t->name);
	/* TAP's own words: TODO is a test that is expected to fail. */
	if (t->verdict == TEST_SKIPPED || t->verdict == TEST_XFAILED) {
		fprintf(f, " # %s ",
			t->verdict == TEST_SKIPPED ? "SKIP" : "TODO");
		put_tap(f, t->verdict == TEST_XFAILED && t->reason ? t->reason
								   : t->why);
	}
	fputc('\n', f);
	if (bad)
		put_yaml(f, s, t);
}

/* --- JUnit -----------------------------------------------------------------
 */

static bool xml_char(const char *s, unsigned int n)
{
	/* U+FFFE and U+FFFF are characters of UTF-8, but not of XML */
	return n && strcmp(s, "\357\277\276") != 0 &&
	       strcmp(s, "\357\277\277") != 0;
}

/*
 * XML-1.0 2.2: most control characters have no form in XML, not even escaped.
 * They are left out; a byte that is no UTF-8 becomes U+FFFD.
 */
static void put_xml(FILE *f, const char *text, size_t len)
{
	char one[5];

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		size_t left = len - i < 4 ? len - i : 4;
		unsigned int n;

		if (c == '<' || c == '&' || c == '>' || c == '"') {
			fprintf(f, "&#%u;", c);
		} else if (c == '\n' || c == '\t' || (c >= ' ' && c < 0x7f)) {
			fputc(c, f);
		} else if (c >= 0x80) {
			memcpy(one, text + i, left);
			one[left] = '\0';
			n = utf8_len((const unsigned char *)one);
			one[n] = '\0';
			fputs(xml_char(one, n) ? one : "\357\277\275", f);
			i += n ? n - 1 : 0;
		}
	}
}

static void put_attribute(FILE *f, const char *name, const char *text)
{
	fprintf(f, " %s=\"", name);
	put_xml(f, text, strlen(text));
	fputc('"', f);
}

static void put_seconds(FILE *f, uint64_t ms)
{
	fprintf(f, " time=\"%" PRIu64 ".%03u\"", ms / 1000,
		(unsigned int)(ms % 1000));
}

static void put_failure(FILE *f, const struct test_item *t)
{
	fputs("<failure", f);
	put_attribute(f, "message", t->why);
	fputc('>', f);
	if (t->tail)
		put_xml(f, t->tail, t->tail_len);
	fputs("</failure>", f);
}

static void put_case(FILE *f, const struct test_item *t)
{
	fputs("<testcase", f);
	put_attribute(f, "name", t->name);
	put_attribute(f, "classname", "barge");
	if (t->file)
		put_attribute(f, "file", t->file);
	put_seconds(f, t->ms);
	fputc('>', f);
	if (t->verdict == TEST_FAILED)
		put_failure(f, t);
	if (t->verdict == TEST_SKIPPED) {
		fputs("<skipped", f);
		put_attribute(f, "message", t->why);
		fputs("/>", f);
	}
	if (t->verdict == TEST_XFAILED) {
		fputs("<system-out>", f);
		put_xml(f, t->why, strlen(t->why));
		fputs("</system-out>", f);
	}
	fputs("</testcase>\n", f);
}

static void put_counts(FILE *f, const struct test_suite *s)
{
	struct test_sum sum = test_sum(s);

	fprintf(f, " tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"%u\"",
		s->n, sum.failed, sum.skipped);
	put_seconds(f, s->ms);
}

void test_junit(FILE *f, const struct test_suite *s)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", f);
	put_counts(f, s);
	fputs(">\n<testsuite name=\"barge test\"", f);
	put_counts(f, s);
	fputs(">\n", f);
	for (unsigned int i = 0; i < s->n; i++)
		put_case(f, &s->item[i]);
	fputs("</testsuite>\n</testsuites>\n", f);
}
