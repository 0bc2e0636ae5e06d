/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CONF_REGEX_H
#define VMM_CONF_REGEX_H

#include "vmm/conf_set.h"

/*
 * Add a regular expression that was checked. Those of an INI file are in the
 * order of their numbers; the first of the command line puts all of those
 * aside, and each further one goes to the end. ERR_REGEX, ERR_REGEX_MANY.
 */
int conf_regex_add(struct conf_regexes *r, const char *text,
		   const struct conf_from *from, struct err *e);
void conf_regex_fini(struct conf_regexes *r);

#endif
