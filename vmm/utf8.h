/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_UTF8_H
#define VMM_UTF8_H

/*
 * Length of the UTF-8 sequence at @s, 2 to 4; 0 if it is none, one byte, or a
 * control character (U+0080 to U+009F). Reads no further than a NUL.
 */
unsigned int utf8_len(const unsigned char *s);

#endif
