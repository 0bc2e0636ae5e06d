/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CONF_SET_H
#define VMM_CONF_SET_H

#include "vmm/conf.h"
#include "vmm/options.h"

/* How one value gets into struct conf: shared by command line and INI file. */

struct conf_from {
	const char *what;    /* to be named in an error: "--memory" */
	const char *base;    /* folder that relative paths start at, or NULL */
	unsigned int n_ini;  /* so many of conf.vfio came from the INI file */
	bool ini;	     /* it comes from the INI file */
	unsigned int number; /* there, of "expect.3" it is 3 */
};

/* Set option @o of @c to @text. */
int conf_set(struct conf *c, const struct option_def *o, const char *text,
	     const struct conf_from *from, struct err *e);
/* Set sub-key @o of @v to @text. */
int conf_set_vfio(struct conf_vfio *v, const struct option_def *o,
		  const char *text, const struct conf_from *from,
		  struct err *e);
/*
 * Add a device. One of the INI file (from->n_ini) with the same address is
 * replaced: the command line wins. That an address is there twice otherwise is
 * conf_check()'s business.
 */
int conf_add_vfio(struct conf *c, const struct conf_vfio *v,
		  const struct conf_from *from, struct err *e);

#endif
