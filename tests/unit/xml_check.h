/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_XML_CHECK_H
#define TESTS_UNIT_XML_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "vmm/utf8.h"

/*
 * Whether a text is well-formed XML (XML-1.0) of the small kind that we write:
 * one root, elements, attributes in double quotes, decimal references; no
 * comments, no CDATA.
 */

#define XML_DEPTH 16

struct xml {
	const char *at;
	const char *end;
	unsigned int depth;
	const char *open[XML_DEPTH];
	size_t len[XML_DEPTH];
	unsigned int roots;
};

static inline size_t xml_name(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end &&
	       ((s[n] >= 'a' && s[n] <= 'z') || (n && s[n] == '-')))
		n++;
	return n;
}

static inline bool xml_reference(struct xml *x)
{
	if (x->end - x->at < 4 || x->at[1] != '#')
		return false;
	for (x->at += 2; x->at < x->end && *x->at != ';'; x->at++) {
		if (*x->at < '0' || *x->at > '9')
			return false;
	}
	return x->at < x->end && *x->at++ == ';';
}

/* One character of text, moved behind. */
static inline bool xml_text(struct xml *x)
{
	unsigned char c = (unsigned char)*x->at;
	char four[5] = "";
	size_t left = (size_t)(x->end - x->at);
	unsigned int n;

	if (c == '&')
		return xml_reference(x);
	if (c == '<' || (left > 2 && memcmp(x->at, "]]>", 3) == 0))
		return false;
	if (c == '\n' || c == '\t' || c == '\r' || (c >= ' ' && c < 0x7f)) {
		x->at++;
		return true;
	}
	memcpy(four, x->at, left < 4 ? left : 4);
	n = utf8_len((unsigned char *)four);
	if (n == 3 && (memcmp(four, "\357\277\276", 3) == 0 ||
		       memcmp(four, "\357\277\277", 3) == 0))
		return false;
	x->at += n;
	return n != 0;
}

static inline bool xml_attribute(struct xml *x)
{
	size_t n = xml_name(x->at, x->end);

	x->at += n;
	if (n == 0 || x->end - x->at < 3 || x->at[0] != '=' || x->at[1] != '"')
		return false;
	for (x->at += 2; x->at < x->end && *x->at != '"';) {
		if (!xml_text(x))
			return false;
	}
	return x->at < x->end && *x->at++ == '"';
}

static inline bool xml_close(struct xml *x)
{
	size_t n;

	x->at += 2;
	n = xml_name(x->at, x->end);
	if (x->depth == 0 || n != x->len[x->depth - 1] ||
	    memcmp(x->at, x->open[x->depth - 1], n) != 0)
		return false;
	x->depth--;
	x->at += n;
	return x->at < x->end && *x->at++ == '>';
}

static inline bool xml_open(struct xml *x)
{
	const char *name = ++x->at;
	size_t n = xml_name(name, x->end);

	if (n == 0 || x->depth == XML_DEPTH || (x->depth == 0 && x->roots++))
		return false;
	for (x->at += n; x->at < x->end && *x->at == ' ';) {
		x->at++;
		if (!xml_attribute(x))
			return false;
	}
	if (x->end - x->at >= 2 && memcmp(x->at, "/>", 2) == 0) {
		x->at += 2;
		return true;
	}
	x->open[x->depth] = name;
	x->len[x->depth++] = n;
	return x->at < x->end && *x->at++ == '>';
}

static inline bool xml_step(struct xml *x)
{
	if (*x->at == '<')
		return x->end - x->at > 1 && x->at[1] == '/' ? xml_close(x)
							     : xml_open(x);
	if (x->depth == 0)
		return *x->at++ == '\n';
	return xml_text(x);
}

static inline bool xml_check(const char *text, size_t len)
{
	struct xml x = {.at = text, .end = text + len};
	const char *head = len > 5 && memcmp(text, "<?xml", 5) == 0
				   ? memchr(text, '>', len)
				   : NULL;

	if (head)
		x.at = head + 1;
	while (x.at < x.end) {
		if (!xml_step(&x))
			return false;
	}
	return x.depth == 0 && x.roots == 1;
}

#endif
