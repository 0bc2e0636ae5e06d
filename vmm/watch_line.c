// SPDX-License-Identifier: Apache-2.0
#include "vmm/watch_line.h"

#define ESC 0x1b
#define BEL 0x07

/* A title is short; what never ends must not hide the rest of the line. */
#define STRING_MAX 1024

/* ECMA-48 5.3 to 5.6 */
enum {
	PLAIN,
	BEGUN,	    /* ESC */
	CONTROL,    /* ESC [: up to a byte from @ on */
	OTHER,	    /* ESC and intermediate bytes: up to a byte from 0 on */
	STRING,	    /* ESC ] and the like: up to BEL or ESC \ */
	STRING_END, /* ESC in a string */
};

static unsigned int begun(struct watch_line *l, uint8_t c)
{
	switch (c) {
	case '[':
		return CONTROL;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		l->swallow = 0;
		return STRING;
	default:
		return c < 0x30 ? OTHER : PLAIN;
	}
}

static unsigned int in_string(struct watch_line *l, uint8_t c)
{
	if (c == BEL || ++l->swallow >= STRING_MAX)
		return PLAIN;
	return c == ESC ? STRING_END : STRING;
}

/* Whether @c belongs to an escape sequence. */
static bool in_escape(struct watch_line *l, uint8_t c)
{
	unsigned int was = l->escape;

	if (was == STRING) {
		l->escape = in_string(l, c);
		return true;
	}
	if (c == ESC) {
		l->escape = BEGUN;
		return true;
	}
	l->escape = PLAIN;
	if (was == PLAIN || c < 0x20 || c > 0x7e)
		return false; /* what cannot be in a sequence breaks it off */
	if (was == BEGUN || (was == STRING_END && c != '\\'))
		l->escape = begun(l, c);
	else if (was == CONTROL && c < 0x40)
		l->escape = CONTROL;
	else if (was == OTHER && c < 0x30)
		l->escape = OTHER;
	return true;
}

/* One byte: false when it has to wait for another line. */
static bool take_byte(struct watch_line *l, uint8_t c)
{
	if (in_escape(l, c) || c == '\r' || c == '\0')
		return true;
	if (l->n == WATCH_LINE_MAX)
		return false;
	l->text[l->n++] = (char)c;
	return true;
}

size_t watch_line_take(struct watch_line *l, const uint8_t *buf, size_t len,
		       bool *complete)
{
	size_t i = 0;

	*complete = false;
	for (; i < len && buf[i] != '\n'; i++) {
		if (!take_byte(l, buf[i])) {
			*complete = true;
			break;
		}
	}
	l->text[l->n] = '\0';
	if (*complete || i == len)
		return i;
	l->escape = PLAIN;
	*complete = true;
	return i + 1;
}

void watch_line_clear(struct watch_line *l)
{
	l->n = 0;
	l->text[0] = '\0';
}
