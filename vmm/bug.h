/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_BUG_H
#define VMM_BUG_H

/*
 * A state that only a mistake in barge can produce: says where, restores the
 * terminal and ends with status 127. Never for what a guest or a host does.
 */
#define BUG_ON(cond)                                                           \
	do {                                                                   \
		if (__builtin_expect(!!(cond), 0))                             \
			bug(__FILE__, __LINE__, #cond);                        \
	} while (0)

void bug(const char *file, int line, const char *what)
	__attribute__((noreturn, cold));

#endif
