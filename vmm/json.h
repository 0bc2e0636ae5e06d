/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_JSON_H
#define VMM_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Writes JSON (RFC8259), without blanks, to a stream; whether that could be
 * written is for ferror() to say. @key is NULL inside an array and for the
 * outermost value. Objects and arrays have to be ended in order.
 */
struct json {
	FILE *f;
	bool comma; /* one is due before the next value */
};

void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);
/*
 * A string; NULL gives null. Bytes that are not UTF-8, and control characters
 * beyond ASCII, are replaced by U+FFFD.
 */
void json_text(struct json *j, const char *key, const char *text);
/* "0x1f", a string: JSON's numbers are not exact beyond 2^53. */
void json_hex(struct json *j, const char *key, uint64_t v);
void json_number(struct json *j, const char *key, uint64_t v);
void json_bool(struct json *j, const char *key, bool v);

#endif
