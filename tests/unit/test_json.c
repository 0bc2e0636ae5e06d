// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdlib.h>

#include "tests/unit/well_formed.h"
#include "vmm/json.h"
#include "vmm/svg.h"

static char *text;
static size_t text_len;
static struct json j;

static int setup(void **state)
{
	(void)state;
	j = (struct json){.f = open_memstream(&text, &text_len)};
	return j.f ? 0 : -1;
}

static void written(const char *want)
{
	fclose(j.f);
	assert_string_equal(text, want);
	free(text);
}

static void commas(void **state)
{
	(void)state;
	json_object(&j, NULL);
	json_array(&j, "empty");
	json_array_end(&j);
	json_array(&j, "list");
	json_number(&j, NULL, 1);
	json_object(&j, NULL);
	json_object_end(&j);
	json_object(&j, NULL);
	json_bool(&j, "yes", true);
	json_bool(&j, "no", false);
	json_object_end(&j);
	json_array_end(&j);
	json_text(&j, "none", NULL);
	json_hex(&j, "max", UINT64_MAX);
	json_number(&j, "most", UINT64_MAX);
	json_object_end(&j);
	written("{\"empty\":[],\"list\":[1,{},{\"yes\":true,\"no\":false}],"
		"\"none\":null,\"max\":\"0xffffffffffffffff\","
		"\"most\":18446744073709551615}");
}

static void escapes(void **state)
{
	(void)state;
	json_array(&j, NULL);
	json_text(&j, NULL, "");
	json_text(&j, NULL, "a\"b\\c/d");
	json_text(&j, NULL, "\n\t\x1f\x7f");
	json_text(&j, NULL, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\xa2");
	/* C1 control, overlong, cut */
	json_text(&j, NULL, "\xc2\x9b");
	json_text(&j, NULL, "\xc0\x9bz");
	json_text(&j, NULL, "\xe2\x82");
	json_array_end(&j);
	written("[\"\",\"a\\\"b\\\\c/d\",\"\\u000a\\u0009\\u001f\\u007f\","
		"\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\xa2\","
		"\"\\ufffd\\ufffd\",\"\\ufffd\\ufffdz\",\"\\ufffd\\ufffd\"]");
}

static void keys_are_escaped(void **state)
{
	(void)state;
	json_object(&j, NULL);
	json_number(&j, "a\"", 0);
	json_object_end(&j);
	written("{\"a\\\"\":0}");
}

static void checker_of_json(void **state)
{
	(void)state;
	fclose(j.f);
	free(text);
	assert_true(json_well_formed("{\"a\":[1,\"x\\u00ff\",null]}\n"));
	assert_false(json_well_formed("{\"a\":[1,]}\n"));
	assert_false(json_well_formed("{\"a\" 1}\n"));
	assert_false(json_well_formed("[1][2]\n"));
	assert_false(json_well_formed("[\"\x01\"]\n"));
	assert_false(json_well_formed("[01]\n"));
	assert_false(json_well_formed("[\"a]\n"));
	assert_false(json_well_formed("[1]"));
}

static void svg_escapes(void **state)
{
	(void)state;
	svg_escape(j.f, "<a b=\"&\">\x01\x7f\xff\xc3\xbc\xef\xbf\xbf'");
	written("&lt;a b=&quot;&amp;&quot;&gt;\xef\xbf\xbd\xef\xbf\xbd"
		"\xef\xbf\xbd\xc3\xbc\xef\xbf\xbd'");
}

static void checker_of_xml(void **state)
{
	(void)state;
	fclose(j.f);
	free(text);
	assert_true(xml_well_formed("<?xml version=\"1.0\"?>\n<a b=\"c\"><d/>"
				    "x &amp; y</a>\n"));
	assert_false(xml_well_formed("<a></b>"));
	assert_false(xml_well_formed("<a>"));
	assert_false(xml_well_formed("</a>"));
	assert_false(xml_well_formed("<a/><b/>"));
	assert_false(xml_well_formed("<a>x & y</a>"));
	assert_false(xml_well_formed("<a b=c/>"));
	assert_false(xml_well_formed("<a b=\"<\"/>"));
	assert_false(xml_well_formed("<a>\x02</a>"));
	assert_false(xml_well_formed("x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(commas, setup),
		cmocka_unit_test_setup(escapes, setup),
		cmocka_unit_test_setup(keys_are_escaped, setup),
		cmocka_unit_test_setup(checker_of_json, setup),
		cmocka_unit_test_setup(svg_escapes, setup),
		cmocka_unit_test_setup(checker_of_xml, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
