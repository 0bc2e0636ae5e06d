/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_EXPLAIN_TABLE_H
#define VMM_EXPLAIN_TABLE_H

#include "core/err.h"

/*
 * The text for @e, never NULL; vmm/explain.c fills in what stands behind each
 * '%' of it:
 *
 *   n name   d detail   q detail in quotes   e the errno in words
 *   1 num    2 num2     x num in hex         m, M num, num2 as sizes
 *   u num as a size, up to whole M           K num + num2 in KiB
 *   s what was probably meant                v what num, a value_type, takes
 *   g, k section and key of a detail "section:key"
 *   A the PCI addresses in the detail        b the kernels barge boots here
 */
const char *explain_text(const struct err *e);
/* What was probably meant ("kernel"), or NULL. */
const char *explain_meant(const struct err *e);

#endif
