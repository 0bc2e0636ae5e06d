/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_WATCH_LINE_H
#define VMM_WATCH_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_LINE_MAX 4096

/*
 * What one console prints, as the text of its lines: without escape sequences,
 * carriage returns and NUL bytes, all else as it came. A line that is longer
 * than WATCH_LINE_MAX is several. Pure. All zeros is an empty line.
 */
struct watch_line {
	unsigned int escape;  /* the state inside an escape sequence */
	unsigned int swallow; /* bytes of a control string so far */
	size_t n;
	char text[WATCH_LINE_MAX + 1]; /* ends with NUL */
};

/*
 * Take bytes up to the end of the line: returns how many, and whether the line
 * is complete. It then has to be cleared before the next call.
 */
size_t watch_line_take(struct watch_line *l, const uint8_t *buf, size_t len,
		       bool *complete);
void watch_line_clear(struct watch_line *l);

#endif
