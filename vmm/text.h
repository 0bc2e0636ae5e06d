/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_TEXT_H
#define VMM_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Text for people: widths, lines and sizes. */

#define TEXT_WIDTH 80

/*
 * Print @text, broken at blanks into lines of TEXT_WIDTH, from column @at on,
 * where the first line stands already; the others are indented to there. A word
 * that is longer stays whole. Ends with a newline.
 */
void text_wrap(FILE *f, const char *text, unsigned int at);
/* "512M", "23.3G": cut, not rounded. */
#define TEXT_SIZE 16
void text_size(char out[TEXT_SIZE], uint64_t bytes);

#endif
