// SPDX-License-Identifier: Apache-2.0
#include "vmm/svg.h"

#include <stdbool.h>

#include "vmm/utf8.h"

/* Of a monospaced font: a little less than two thirds of its size. */
#define CHAR_WIDTH 7.0

static const char *entity(unsigned char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	default:
		return NULL;
	}
}

/*
 * Of the control characters only tab and line ends are characters of XML, and
 * U+FFFE and U+FFFF are none (XML-1.0 2.2). @n: utf8_len().
 */
static bool is_char(const unsigned char *s, unsigned int n)
{
	if (n == 0)
		return *s >= ' ' && *s < 0x7f;
	return n != 3 || s[0] != 0xef || s[1] != 0xbf || s[2] < 0xbe;
}

void svg_escape(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		unsigned int n = utf8_len(s);
		unsigned int len = n ? n : 1;

		if (!is_char(s, n))
			fputs("\xef\xbf\xbd", f);
		else if (entity(*s))
			fputs(entity(*s), f);
		else
			fwrite(s, 1, len, f);
		s += len;
	}
}

void svg_rect(FILE *f, struct svg_box b, const char *class, const char *title)
{
	fprintf(f,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
		"class=\"%s\"",
		b.x, b.y, b.w, b.h, class);
	if (!title) {
		fputs("/>\n", f);
		return;
	}
	fputs("><title>", f);
	svg_escape(f, title);
	fputs("</title></rect>\n", f);
}

void svg_text(FILE *f, double x, double y, const char *class, const char *text)
{
	fprintf(f, "<text x=\"%.1f\" y=\"%.1f\"", x, y);
	if (class)
		fprintf(f, " class=\"%s\"", class);
	putc('>', f);
	svg_escape(f, text);
	fputs("</text>\n", f);
}

void svg_line(FILE *f, double x1, double y1, double x2, double y2)
{
	fprintf(f, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
		x1, y1, x2, y2);
}

double svg_text_width(const char *text)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n * CHAR_WIDTH;
}
