/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/stamp.h"

#include <string.h>

#define WIDTH 5 /* of whole seconds, as the kernel's own log has it */

/* @v before place @at, with leading zeros or blanks; where it begins. */
static size_t digits(char *text, size_t at, uint64_t v, unsigned int width,
		     char pad)
{
	unsigned int n = 0;

	for (; v || n == 0; n++, v /= 10)
		text[--at] = (char)('0' + v % 10);
	for (; n < width; n++)
		text[--at] = pad;
	return at;
}

/* From the right, as the width of the seconds is not known. */
static void write_time(char text[STAMP_MAX], uint64_t ns)
{
	char t[STAMP_MAX] = "";
	size_t at = STAMP_MAX - 1;

	t[--at] = ' ';
	t[--at] = ']';
	at = digits(t, at, ns / 1000 % 1000000, 6, '0');
	t[--at] = '.';
	at = digits(t, at, ns / 1000000000, WIDTH, ' ');
	t[--at] = '[';
	memcpy(text, t + at, STAMP_MAX - at);
}

size_t stamp_line(struct stamp *s, const uint8_t *buf, size_t len, uint64_t ns,
		  char text[STAMP_MAX])
{
	const uint8_t *end = memchr(buf, '\n', len);

	text[0] = '\0';
	if (!s->inside)
		write_time(text, ns);
	s->inside = !end;
	return end ? (size_t)(end - buf) + 1 : len;
}
