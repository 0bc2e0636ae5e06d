/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_EXPLAIN_H
#define VMM_EXPLAIN_H

#include <stddef.h>

#include "core/err.h"

/*
 * Turn @e into one sentence that names the thing, and one of advice on what to
 * do. Writes at most @size bytes, NUL included; no newline at the end.
 */
void explain(const struct err *e, char *buf, size_t size);
/* Foreign text, so that it cannot steer a terminal: "a\x1b[2Jb". */
void explain_escape(const char *text, char *buf, size_t size);
/* The exit status of barge for @e: 1 or 2 (docs/architecture.md). */
int explain_status(const struct err *e);

#endif
