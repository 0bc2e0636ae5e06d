// SPDX-License-Identifier: Apache-2.0
#include "vmm/json.h"

#include <inttypes.h>

#include "vmm/utf8.h"

static void put_string(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	putc('"', f);
	while (*s) {
		unsigned int n = utf8_len(s);

		if (n) {
			fwrite(s, 1, n, f);
		} else if (*s == '"' || *s == '\\') {
			fprintf(f, "\\%c", *s);
		} else if (*s < ' ' || *s == 0x7f) {
			fprintf(f, "\\u%04x", *s);
		} else if (*s > 0x7f) {
			fputs("\\ufffd", f);
		} else {
			putc(*s, f);
		}
		s += n ? n : 1;
	}
	putc('"', f);
}

static void put_key(struct json *j, const char *key)
{
	if (j->comma)
		putc(',', j->f);
	j->comma = true;
	if (!key)
		return;
	put_string(j->f, key);
	putc(':', j->f);
}

static void open_with(struct json *j, const char *key, char c)
{
	put_key(j, key);
	putc(c, j->f);
	j->comma = false;
}

static void close_with(struct json *j, char c)
{
	putc(c, j->f);
	j->comma = true;
}

void json_object(struct json *j, const char *key)
{
	open_with(j, key, '{');
}

void json_object_end(struct json *j)
{
	close_with(j, '}');
}

void json_array(struct json *j, const char *key)
{
	open_with(j, key, '[');
}

void json_array_end(struct json *j)
{
	close_with(j, ']');
}

void json_text(struct json *j, const char *key, const char *text)
{
	put_key(j, key);
	if (text)
		put_string(j->f, text);
	else
		fputs("null", j->f);
}

void json_hex(struct json *j, const char *key, uint64_t v)
{
	put_key(j, key);
	fprintf(j->f, "\"0x%" PRIx64 "\"", v);
}

void json_number(struct json *j, const char *key, uint64_t v)
{
	put_key(j, key);
	fprintf(j->f, "%" PRIu64, v);
}

void json_bool(struct json *j, const char *key, bool v)
{
	put_key(j, key);
	fputs(v ? "true" : "false", j->f);
}
