/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CONF_INI_H
#define VMM_CONF_INI_H

#include "vmm/conf.h"

/* Read the file c->ini into @c: 0, or -errno with @e set. Prints nothing. */
int conf_ini_load(struct conf *c, struct err *e);

#endif
