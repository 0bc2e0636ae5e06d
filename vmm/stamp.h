/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_STAMP_H
#define VMM_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Times before the lines of a text that comes in pieces. Pure. */

struct stamp {
	bool inside; /* a line has begun */
};

#define STAMP_MAX 32

/*
 * @len > 0 bytes begin at @buf: how many of them are of one line, its end
 * included. If it begins with them, its time is put into @text, which is
 * empty otherwise: "[   12.345678] ", seconds.
 */
size_t stamp_line(struct stamp *s, const uint8_t *buf, size_t len, uint64_t ns,
		  char text[STAMP_MAX]);

#endif
