/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_TERMINAL_H
#define VMM_TERMINAL_H

#include <stdbool.h>

/*
 * The controlling terminal in raw mode. Terminal attributes outlive a process,
 * so they are restored on every way out: exit(), a fatal signal, a bug.
 */

/*
 * Whether our job has terminal @fd, or nobody's job can: otherwise reading it
 * or changing it would stop us.
 */
bool terminal_in_front(int fd);
/*
 * Raw mode on terminal @fd, which our job must have. May be called again when
 * another job changed it. 0 or -errno.
 */
int terminal_raw(int fd);
/* Put back what terminal_raw() found. Safe in a signal handler; idempotent. */
void terminal_restore(void);
/* From now on fatal signals restore the terminal and end with status 127. */
void terminal_guard(void);

#endif
