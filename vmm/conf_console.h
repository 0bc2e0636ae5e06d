/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CONF_CONSOLE_H
#define VMM_CONF_CONSOLE_H

#include "vmm/conf.h"

/*
 * Read what a console is connected to: stdio, none,
 * file:PATH[,append=BOOL][,max-size=SIZE], pty[:LINK] or socket:PATH; paths
 * are relative to @base as for conf_file(). 0, or -errno with *w untouched.
 */
int conf_console_set(struct conf_console *w, const char *text,
		     const char *base);

#endif
