/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CONF_SET_H
#define VMM_CONF_SET_H

#include "vmm/conf.h"
#include "vmm/options.h"

/* How one value gets into struct conf: shared by command line and INI file. */

struct conf_from {
	const char *what; /* to be named in an error: "--memory" */
	const char *base; /* folder that relative paths start at, or NULL */
	/* how many items of each list came from the INI file; NULL: none */
	const unsigned int *n_ini;
	bool ini;	     /* it comes from the INI file */
	unsigned int number; /* there, of "expect.3" it is 3 */
};

/* A name of a file, relative to @base if there is one. -errno. */
int conf_file(char at[CONF_PATH_MAX], const char *text, const char *base);

/* One item of a list, made of its defaults. */
struct conf_item {
	const struct option_list *list;
	_Alignas(max_align_t) char bytes[OPTION_ITEM_MAX];
};

void conf_item_init(struct conf_item *item, const struct option_list *list);
/* Set option @o of @c to @text. */
int conf_set(struct conf *c, const struct option_def *o, const char *text,
	     const struct conf_from *from, struct err *e);
/* Set key @o of @item to @text. */
int conf_set_item(struct conf_item *item, const struct option_def *o,
		  const char *text, const struct conf_from *from,
		  struct err *e);
/*
 * Add an item to its list. One of the INI file (from->n_ini) with the same
 * first key is replaced: conf_set() began with that one's keys. That one is
 * there twice otherwise is conf_check()'s business.
 */
int conf_add_item(struct conf *c, const struct conf_item *item,
		  const struct conf_from *from, struct err *e);
/* How many items of the @i-th list @c has. */
unsigned int conf_items(const struct conf *c, unsigned int i);

#endif
