/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/xml_check.h"
#include "vmm/test_filter.h"
#include "vmm/test_report.h"

/*
 * What a guest prints, as barge test sees it. Out of the filter comes the same
 * however the bytes were cut, and no more than came in; the JUnit report with
 * them in it is XML.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

/* @in in pieces that grow from @piece on; how much is in @out. */
static size_t filter(struct test_filter *f, const char *in, size_t len,
		     size_t piece, char *out)
{
	size_t n = 0;

	memset(f, 0, sizeof(*f));
	for (size_t at = 0; at < len; at += piece, piece += piece / 2) {
		size_t part = len - at < piece ? len - at : piece;
		size_t got = test_filter(f, in + at, part, out + n);

		must(got <= TEST_FILTER_OUT(part));
		n += got;
	}
	return n + test_filter_end(f, out + n);
}

static void check_filter(const char *in, size_t len)
{
	char *a = malloc(TEST_FILTER_OUT(len)),
	     *b = malloc(TEST_FILTER_OUT(len));
	struct test_filter f, g;
	size_t n;

	must(a && b);
	n = filter(&f, in, len, len + 1, a);
	must(n <= len);
	must(filter(&g, in, len, 1, b) == n && memcmp(a, b, n) == 0);
	must(f.status == g.status && f.ended == g.ended && f.status <= 255);
	free(a);
	free(b);
}

static void check_report(char *in, size_t len)
{
	static const struct conf conf;
	struct test_item t = {
		.name = (char *)"name",
		.verdict = TEST_FAILED,
		.tries = 1,
		.tail = in,
		.tail_len = len,
	};
	struct test_suite s = {.conf = &conf, .logs = "l", .n = 1, .item = &t};
	char *text = NULL;
	size_t text_len = 0;
	FILE *f = open_memstream(&text, &text_len);

	must(f != NULL);
	snprintf(t.why, sizeof(t.why), "%.*s", (int)(len < 99 ? len : 99), in);
	test_junit(f, &s);
	must(fclose(f) == 0);
	must(xml_check(text, text_len));
	free(text);
	f = open_memstream(&text, &text_len);
	must(f != NULL);
	test_report_line(f, &s, &t);
	must(fclose(f) == 0);
	for (size_t i = 0; i + 1 < text_len; i++)
		must((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *in = malloc(size + 1);

	if (!in)
		return 0;
	memcpy(in, data, size);
	check_filter(in, size);
	check_report(in, size);
	free(in);
	return 0;
}
