/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_HELP_H
#define VMM_HELP_H

#include <stdio.h>

/* 0, or -errno if @f could not be written. */
int help_print(FILE *f);
int help_version(FILE *f);

#endif
