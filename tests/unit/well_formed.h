/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_WELL_FORMED_H
#define TESTS_UNIT_WELL_FORMED_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/*
 * Whether a text is one JSON value (RFC8259) or one XML document (XML-1.0, of
 * what is in our pictures: no DTD, no CDATA), for unit tests and fuzzers.
 */

static inline const char *json_skip_value(const char *s, unsigned int depth);

static inline bool wf_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

/* Behind the string at @s, or NULL. */
static inline const char *json_skip_string(const char *s)
{
	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if ((unsigned char)*s < ' ')
			return NULL;
		if (*s != '\\')
			continue;
		s++;
		if (!*s || !strchr("\"\\/bfnrtu", *s))
			return NULL;
		for (int i = 0; *s == 'u' && i < 4; i++) {
			if (!wf_hex(s[i + 1]))
				return NULL;
		}
	}
	return s + 1;
}

static inline const char *json_skip_number(const char *s)
{
	const char *from = s;

	s += strspn(s, "0123456789");
	if (s == from || (*from == '0' && s > from + 1))
		return NULL;
	return s;
}

/* [a,b] or {"a":b}: no blanks, as we write it. */
static inline const char *json_skip_list(const char *s, unsigned int depth)
{
	char close = *s == '{' ? '}' : ']';

	if (*++s == close)
		return s + 1;
	for (;;) {
		if (close == '}') {
			s = json_skip_string(s);
			if (!s || *s++ != ':')
				return NULL;
		}
		s = json_skip_value(s, depth + 1);
		if (!s)
			return NULL;
		if (*s == close)
			return s + 1;
		if (*s++ != ',')
			return NULL;
	}
}

static inline const char *json_skip_value(const char *s, unsigned int depth)
{
	static const char *const words[] = {"true", "false", "null"};

	if (depth > 32)
		return NULL;
	if (*s == '{' || *s == '[')
		return json_skip_list(s, depth);
	if (*s == '"')
		return json_skip_string(s);
	for (int i = 0; i < 3; i++) {
		if (strncmp(s, words[i], strlen(words[i])) == 0)
			return s + strlen(words[i]);
	}
	return json_skip_number(s);
}

/* One value and a line end. */
static inline bool json_well_formed(const char *s)
{
	s = json_skip_value(s, 0);
	return s && strcmp(s, "\n") == 0;
}

/* --- XML -------------------------------------------------------------------
 */

#define XML_DEPTH 16

static inline size_t xml_name_len(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789-_:");
}

static inline bool xml_char_ok(const char *s)
{
	static const char *const entities[] = {"&lt;", "&gt;", "&amp;",
					       "&quot;", "&apos;"};

	if ((unsigned char)*s < ' ' && *s != '\n' && *s != '\t')
		return false;
	if (*s == 0x7f)
		return false;
	for (int i = 0; *s == '&' && i < 5; i++) {
		if (strncmp(s, entities[i], strlen(entities[i])) == 0)
			return true;
	}
	return *s != '&' && *s != '<';
}

/* Behind the attributes, at ">" or "/>"; NULL: not like name="value". */
static inline const char *xml_skip_attributes(const char *s)
{
	while (*s == ' ') {
		size_t n = xml_name_len(++s);

		if (!n || s[n] != '=' || s[n + 1] != '"')
			return NULL;
		for (s += n + 2; *s != '"'; s++) {
			if (!*s || !xml_char_ok(s))
				return NULL;
		}
		s++;
	}
	return *s == '>' || strncmp(s, "/>", 2) == 0 ? s : NULL;
}

static inline bool xml_well_formed(const char *s)
{
	struct {
		const char *name;
		size_t len;
	} open[XML_DEPTH];
	unsigned int depth = 0, roots = 0;

	if (strncmp(s, "<?xml ", 6) == 0)
		s = strstr(s, "?>") ? strstr(s, "?>") + 2 : "";
	for (; *s; s++) {
		bool end = s[0] == '<' && s[1] == '/';
		const char *name = s + 1 + end;
		size_t len = xml_name_len(name);

		if (*s != '<') {
			if (!xml_char_ok(s) || (depth == 0 && *s != '\n'))
				return false;
			continue;
		}
		if (!len)
			return false;
		if (end) {
			if (!depth-- || name[len] != '>' ||
			    open[depth].len != len ||
			    memcmp(open[depth].name, name, len) != 0)
				return false;
			s = name + len;
			continue;
		}
		s = xml_skip_attributes(name + len);
		if (!s || depth == XML_DEPTH || (depth == 0 && roots++))
			return false;
		if (*s == '/') {
			s++;
			continue;
		}
		open[depth].name = name;
		open[depth++].len = len;
	}
	return depth == 0 && roots == 1;
}

#endif
