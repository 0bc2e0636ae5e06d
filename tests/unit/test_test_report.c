/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/xml_check.h"
#include "vmm/test_report.h"

#define ESC "\033]0;x\a"

static struct conf conf;
static struct test_item items[5];
static struct test_suite suite;

static int begin(void **state)
{
	static const struct test_item fresh[5] = {
		{.name = (char *)"boot",
		 .file = (char *)"ci/boot.ini",
		 .want = 64,
		 .status = 64,
		 .verdict = TEST_PASSED,
		 .tries = 1,
		 .ms = 1234},
		{.name = (char *)"gpu #1",
		 .file = (char *)"g.ini",
		 .status = -1,
		 .verdict = TEST_SKIPPED,
		 .why = "there is no VFIO"},
		{.name = (char *)"net",
		 .file = (char *)"ci/<net>.ini",
		 .status = 3,
		 .verdict = TEST_FAILED,
		 .tries = 2,
		 .ms = 61000,
		 .why = "status 3 \"" ESC "\" & more"},
		{.name = (char *)"quirk",
		 .file = (char *)"q.ini",
		 .status = 4,
		 .verdict = TEST_XFAILED,
		 .xfail = true,
		 .reason = (char *)"bug #5",
		 .tries = 1,
		 .ms = 7,
		 .why = "expected failure: status 4"},
		{.name = (char *)"\303\244",
		 .file = (char *)"\303\244.ini",
		 .status = 2,
		 .verdict = TEST_FAILED,
		 .refused = true,
		 .tries = 1,
		 .why = "status 2"},
	};

	(void)state;
	memcpy(items, fresh, sizeof(items));
	suite = (struct test_suite){.conf = &conf,
				    .logs = "logs",
				    .n = 5,
				    .item = items,
				    .ms = 62500};
	return 0;
}

static char *text;
static size_t text_len;

static FILE *open_text(void)
{
	FILE *f = open_memstream(&text, &text_len);

	assert_non_null(f);
	return f;
}

static void assert_text(FILE *f, const char *want)
{
	assert_int_equal(fclose(f), 0);
	assert_string_equal(text, want);
	free(text);
}

static void lines(void **state)
{
	FILE *f = open_text();

	(void)state;
	for (unsigned int i = 0; i < suite.n; i++)
		test_report_line(f, &suite, &items[i]);
	test_report_sum(f, &suite);
	assert_text(f, "ok    1.2s boot\n"
		       "skip       gpu #1  there is no VFIO\n"
		       "FAIL 61.0s net  status 3 \"\\x1b]0;x\\x07\" & more "
		       "(try 2); log: logs/net.console\n"
		       "ok    0.0s quirk  expected failure: status 4\n"
		       "FAIL  0.0s \303\244  status 2; log: "
		       "logs/\303\244.console\n"
		       "2 passed, 2 failed, 1 skipped\n");
}

static void sums(void **state)
{
	struct test_sum sum = test_sum(&suite);
	FILE *f;

	(void)state;
	assert_int_equal(sum.passed, 2);
	assert_int_equal(sum.failed, 2);
	assert_int_equal(sum.skipped, 1);
	assert_int_equal(sum.refused, 1);
	suite.n = 1;
	f = open_text();
	test_report_sum(f, &suite);
	assert_text(f, "1 passed, 0 failed\n");
}

/* tap-14: plan, points, directives, YAML blocks two blanks in. */
static void tap(void **state)
{
	FILE *f = open_text();

	(void)state;
	items[2].tail = (char *)"a\n\001\"";
	items[2].tail_len = 4;
	test_tap_begin(f, &suite);
	for (unsigned int i = 0; i < suite.n; i++)
		test_tap_point(f, &suite, &items[i]);
	assert_text(f, "TAP version 14\n"
		       "1..5\n"
		       "ok 1 - boot\n"
		       "ok 2 - gpu \\#1 # SKIP there is no VFIO\n"
		       "not ok 3 - net\n"
		       "  ---\n"
		       "  message: \"status 3 \\\"\\x1b]0;x\\x07\\\" & more\"\n"
		       "  status: 3\n"
		       "  expected: 0\n"
		       "  duration_ms: 61000\n"
		       "  log: \"logs/net.console\"\n"
		       "  console: \"a\\n\\x01\\\"\"\n"
		       "  ...\n"
		       "not ok 4 - quirk # TODO bug \\#5\n"
		       "  ---\n"
		       "  message: \"expected failure: status 4\"\n"
		       "  status: 4\n"
		       "  expected: 0\n"
		       "  duration_ms: 7\n"
		       "  log: \"logs/quirk.console\"\n"
		       "  ...\n"
		       "not ok 5 - \303\244\n"
		       "  ---\n"
		       "  message: \"status 2\"\n"
		       "  status: 2\n"
		       "  expected: 0\n"
		       "  duration_ms: 0\n"
		       "  log: \"logs/\\xc3\\xa4.console\"\n"
		       "  ...\n");
}

static void junit(void **state)
{
	FILE *f = open_text();

	(void)state;
	items[2].tail = (char *)"panic <here>\r\n\tx\0y\377z]]>";
	items[2].tail_len = 24;
	test_junit(f, &suite);
	assert_text(
		f,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuites tests=\"5\" failures=\"2\" errors=\"0\" "
		"skipped=\"1\" time=\"62.500\">\n"
		"<testsuite name=\"barge test\" tests=\"5\" failures=\"2\" "
		"errors=\"0\" skipped=\"1\" time=\"62.500\">\n"
		"<testcase name=\"boot\" classname=\"barge\" "
		"file=\"ci/boot.ini\" time=\"1.234\"></testcase>\n"
		"<testcase name=\"gpu #1\" classname=\"barge\" file=\"g.ini\" "
		"time=\"0.000\"><skipped message=\"there is no "
		"VFIO\"/></testcase>\n"
		"<testcase name=\"net\" classname=\"barge\" "
		"file=\"ci/&#60;net&#62;.ini\" time=\"61.000\">"
		"<failure message=\"status 3 &#34;]0;x&#34; &#38; more\">"
		"panic &#60;here&#62;\n\txy\357\277\275z]]&#62;</failure>"
		"</testcase>\n"
		"<testcase name=\"quirk\" classname=\"barge\" file=\"q.ini\" "
		"time=\"0.007\"><system-out>expected failure: status "
		"4</system-out></testcase>\n"
		"<testcase name=\"\303\244\" classname=\"barge\" "
		"file=\"\303\244.ini\" time=\"0.000\">"
		"<failure message=\"status 2\"></failure></testcase>\n"
		"</testsuite>\n</testsuites>\n");
}

/* Whatever a console says, the XML is XML. */
static void junit_is_xml(void **state)
{
	char tail[600];

	(void)state;
	srandom(1);
	items[2].tail = tail;
	for (unsigned int round = 0; round < 500; round++) {
		FILE *f = open_text();

		items[2].tail_len = (size_t)random() % sizeof(tail);
		for (size_t i = 0; i < items[2].tail_len; i++)
			tail[i] =
				(char)(random() % 2
					       ? random()
					       : "<&>]\"\357\277\276"[random() %
								      8]);
		test_junit(f, &suite);
		assert_int_equal(fclose(f), 0);
		if (!xml_check(text, text_len))
			fail_msg("no XML: %s", text);
		free(text);
	}
}

/* Another parser agrees, where there is one. */
static void junit_is_read(void **state)
{
	char tail[256], path[] = "/tmp/barge-junit-XXXXXX", command[256];
	int fd, status;
	FILE *f;

	(void)state;
	/* NOLINTNEXTLINE(cert-env33-c) */
	if (system("python3 -c 'import xml.etree.ElementTree' 2>/dev/null"))
		skip();
	for (unsigned int i = 0; i < sizeof(tail); i++)
		tail[i] = (char)i;
	items[2].tail = tail;
	items[2].tail_len = sizeof(tail);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	test_junit(f, &suite);
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command),
		 "python3 -c 'import xml.etree.ElementTree as t, sys; "
		 "r = t.parse(\"%s\").getroot(); "
		 "sys.exit(len(r.findall(\".//testcase\")) != 5 or "
		 "len(r.findall(\".//failure\")) != 2)'",
		 path);
	/* NOLINTNEXTLINE(cert-env33-c) */
	status = system(command);
	unlink(path);
	assert_int_equal(status, 0);
}

/* The little check is a check. */
static void check_checks(void **state)
{
	static const char *const bad[] = {
		"",
		"<a>",
		"<a></b>",
		"<a/></a>",
		"<a x=1/>",
		"<a>&x;</a>",
		"<a>\001</a>",
		"<a>\377</a>",
		"<a b=\"<\"/>",
		"<a/>x",
		"<a>]]></a>",
		"<a>\357\277\277</a>",
		"<a/><b/>",
	};
	static const char *const good[] = {"<a/>", "<a b=\"c\">&#60;<d/></a>\n",
					   "<?xml version=\"1.0\"?>\n<a></a>"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (xml_check(bad[i], strlen(bad[i])))
			fail_msg("taken: %s", bad[i]);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!xml_check(good[i], strlen(good[i])))
			fail_msg("refused: %s", good[i]);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		CASE(lines),	    CASE(sums),		CASE(tap),
		CASE(junit),	    CASE(junit_is_xml), CASE(junit_is_read),
		CASE(check_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
