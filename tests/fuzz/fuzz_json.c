// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/well_formed.h"
#include "vmm/json.h"
#include "vmm/svg.h"

/* Any bytes, as a key and a value of JSON and as text and tooltip of SVG. */

static char *text;
static size_t len;

static void written(FILE *f, bool (*good)(const char *))
{
	fclose(f);
	REQUIRE(strlen(text) == len);
	REQUIRE(good(text));
	free(text);
}

static void as_json(const char *s)
{
	struct json j = {.f = open_memstream(&text, &len)};

	if (!j.f)
		return;
	json_object(&j, NULL);
	json_text(&j, s, s);
	json_array(&j, "a");
	json_text(&j, NULL, s);
	json_hex(&j, NULL, 1);
	json_array_end(&j);
	json_object_end(&j);
	putc('\n', j.f);
	written(j.f, json_well_formed);
}

static void as_svg(const char *s)
{
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return;
	fputs("<svg>", f);
	svg_text(f, 0, 0, NULL, s);
	svg_rect(f, (struct svg_box){0, 0, 1, 1}, "p", s);
	fputs("</svg>\n", f);
	REQUIRE(svg_text_width(s) >= 0);
	written(f, xml_well_formed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	if (!s)
		return 0;
	memcpy(s, data, size);
	s[size] = '\0';
	as_json(s);
	as_svg(s);
	free(s);
	return 0;
}
