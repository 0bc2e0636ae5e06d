// SPDX-License-Identifier: Apache-2.0
#include "vfio/sysfs_text.h"

#include <errno.h>
#include <string.h>

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The value of a digit of up to base 16, or 16. */
static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A' + 10);
	return 16;
}

/* @min to @max lower-case hex digits, then @end; moves *s behind that. */
static bool address_field(const char **s, unsigned int min, unsigned int max,
			  char end)
{
	unsigned int n = 0;

	for (; n < max && digit(**s) < 16 && !(**s >= 'A' && **s <= 'F'); n++)
		(*s)++;
	if (n < min || **s != end)
		return false;
	if (end)
		(*s)++;
	return true;
}

bool sysfs_text_address(const char *s)
{
	const char *device;

	if (!address_field(&s, 4, 6, ':') || !address_field(&s, 2, 2, ':'))
		return false;
	device = s;
	if (!address_field(&s, 2, 2, '.') || !address_field(&s, 1, 1, '\0'))
		return false;
	return digit(device[0]) < 2 && digit(device[3]) < 8;
}

bool sysfs_text_component(const char *path, const char *word)
{
	size_t len = strlen(word);

	while (*path) {
		size_t n = 0;

		while (path[n] && path[n] != '/')
			n++;
		if (n == len && memcmp(path, word, n) == 0)
			return n != 0;
		path += n + (path[n] == '/');
	}
	return false;
}

/* Digits at *s; moves *s behind them. */
static int number_at(const char **s, unsigned int base, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;

	if (base == 16 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	if (digit(*p) >= base)
		return -EINVAL;
	for (; digit(*p) < base; p++) {
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit(*p), &v))
			return -EINVAL;
	}
	*s = p;
	*out = v;
	return 0;
}

int sysfs_text_number(const char *s, unsigned int base, uint64_t *out)
{
	uint64_t v;

	if (number_at(&s, base, &v))
		return -EINVAL;
	while (blank(*s))
		s++;
	if (*s)
		return -EINVAL;
	*out = v;
	return 0;
}

int sysfs_text_resource(const char **s, uint64_t v[3])
{
	const char *p = *s;

	for (unsigned int i = 0; i < 3; i++) {
		while (*p == ' ')
			p++;
		if (number_at(&p, 16, &v[i]))
			return -EINVAL;
	}
	if (*p && *p != '\n')
		return -EINVAL;
	*s = p + (*p == '\n');
	return 0;
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

void sysfs_text_words(char *s)
{
	char *to = s;

	for (char *from = s; *from;) {
		size_t n = 0;
		bool good = true;

		while (blank(*from))
			from++;
		for (; from[n] && !blank(from[n]); n++)
			good = good && name_char(from[n]);
		if (good && n) {
			if (to != s)
				*to++ = ' ';
			memmove(to, from, n);
			to += n;
		}
		from += n;
	}
	*to = '\0';
}

void sysfs_text_clean(char *s)
{
	for (; *s; s++) {
		if (*s < ' ' || *s > '~')
			*s = '?';
	}
}

static void copy_cut(char *out, size_t size, const char *from, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(out, from, len);
	out[len] = '\0';
}

void sysfs_text_field(const char *line, unsigned int nth, char *out,
		      size_t size)
{
	out[0] = '\0';
	for (unsigned int i = 0; *line; i++) {
		size_t n = 0;

		while (blank(*line))
			line++;
		while (line[n] && !blank(line[n]))
			n++;
		if (i == nth) {
			copy_cut(out, size, line, n);
			return;
		}
		line += n;
	}
}

/* A blank in a name is \040 in mountinfo. In place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && digit(s[1]) < 4 && digit(s[2]) < 8 &&
		    digit(s[3]) < 8) {
			unsigned int c = digit(s[1]) << 6 | digit(s[2]) << 3 |
					 digit(s[3]);

			*to++ = c ? (char)c : '?';
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

int sysfs_text_mount(const char *line, struct sysfs_mount *m)
{
	char word[4];
	unsigned int i = 6;

	sysfs_text_field(line, 2, m->dev, sizeof(m->dev));
	sysfs_text_field(line, 4, m->where, sizeof(m->where));
	/* any number of optional fields, then "-" */
	do {
		sysfs_text_field(line, i++, word, sizeof(word));
	} while (word[0] && strcmp(word, "-") != 0 && i < 64);
	sysfs_text_field(line, i + 1, m->source, sizeof(m->source));
	unescape(m->where);
	unescape(m->source);
	return m->dev[0] && m->where[0] && strcmp(word, "-") == 0 ? 0 : -EINVAL;
}
