/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_WATCH_KERNEL_H
#define VMM_WATCH_KERNEL_H

#include <stdbool.h>

/*
 * Whether Linux, of either architecture, reports in this line that it is
 * broken: a panic, an oops, a bug, a lockup, a stall, a report of a sanitizer
 * or of lockdep. No plain warning, and nothing about a process that crashed or
 * was killed. Pure.
 */
bool watch_kernel_report(const char *line);

#endif
