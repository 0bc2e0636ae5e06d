/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_THREAD_H
#define VMM_THREAD_H

#include <pthread.h>

/*
 * A thread that takes no signal but @signo (0: none at all) and those of its
 * own mistakes: signals of the process are the main thread's. Its stack is
 * small. 0 or -errno.
 */
int thread_start(pthread_t *t, int signo, void *(*fn)(void *arg), void *arg);

#endif
