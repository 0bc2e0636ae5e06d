/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_INI_H
#define VMM_INI_H

#include <stdbool.h>

#include "core/err.h"

/*
 * A careful walk through an INI file: what iniparser would pass over is
 * refused, and errors name the line. What sections and keys there are is the
 * reader's to say, see struct ini_grammar.
 */

#define INI_NAME_MAX	 40 /* of a section, NUL included */
#define INI_SECTIONS_MAX 64

/* Which file it is: num2 of ERR_INI_*, for vmm/explain_table.c. */
enum ini_kind {
	INI_VM,
	INI_WHAT_IF,
};

struct ini;

/*
 * The file is walked twice. The first time only checks; then there is no
 * value yet, and ini_value() says so by NULL. Names are lower case. Each
 * function returns 0, or what ini_error() returned.
 */
struct ini_grammar {
	enum ini_kind kind;
	unsigned int sections; /* that many at most, <= INI_SECTIONS_MAX */
	void (*begin)(void *ctx);
	/* "[name]", for the first time. */
	int (*section)(struct ini *ini, void *ctx, const char *name);
	/* "key = value" in a section; whether it is known and for the first
	 * time here is to be found out. */
	int (*key)(struct ini *ini, void *ctx, const char *key);
	/* The section's last line is over. */
	int (*section_end)(struct ini *ini, void *ctx);
};

/* 0, or -errno with @e set. Prints nothing. */
int ini_load(const char *file, const struct ini_grammar *g, void *ctx,
	     struct err *e);

/* Record ERR_INI_* of this file and the line just read. */
int ini_error(struct ini *ini, int code, enum err_what what,
	      const char *detail);
/* The same with another line. */
int ini_error_at(struct ini *ini, unsigned int line, int code,
		 enum err_what what, const char *detail);
struct err *ini_err(struct ini *ini);
/* The line just read, from 1; the section it is in. */
unsigned int ini_line(const struct ini *ini);
const char *ini_section(const struct ini *ini);
/*
 * The value of @key, whose line was just read: 0, *value being NULL while the
 * walk only checks.
 */
int ini_value(struct ini *ini, const char *key, const char **value);
/* "vm.ini:7: memory"; of a long file name only the end. */
void ini_place(const struct ini *ini, unsigned int line, const char *key,
	       char out[ERR_NAME_MAX]);

#endif
