/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/stamp.h"

#include <string.h>

#define WIDTH 5 /* of whole seconds, as the kernel's own log has it */

/* @v to the left of @end, with leading zeros or blanks; where it begins. */
static char *digits(char *end, uint64_t v, unsigned int width, char pad)
{
	unsigned int n = 0;

	for (; v || n == 0; n++, v /= 10)
		*--end = (char)('0' + v % 10);
	for (; n < width; n++)
		*--end = pad;
	return end;
}

static void write_time(char text[STAMP_MAX], uint64_t ns)
{
	char *end = text + STAMP_MAX, *at = end;

	*--at = '\0';
	*--at = ' ';
	*--at = ']';
	at = digits(at, ns / 1000 % 1000000, 6, '0');
	*--at = '.';
	at = digits(at, ns / 1000000000, WIDTH, ' ');
	*--at = '[';
	memmove(text, at, (size_t)(end - at));
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
