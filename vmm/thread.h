/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_THREAD_H
#define VMM_THREAD_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

/* Where and how a thread runs; all zero: as the one that starts it. */
struct thread_place {
	bool pinned;
	cpu_set_t cpus;	 /* if pinned */
	int rt_priority; /* 1 to 99: SCHED_FIFO; 0: not real-time */
};

/*
 * A thread that takes no signal but @signo (0: none at all) and those of its
 * own mistakes: signals of the process are the main thread's. Its stack is
 * small. 0 or -errno.
 */
int thread_start(pthread_t *t, int signo, void *(*fn)(void *arg), void *arg);
/* The same, at @place from its first instruction on. */
int thread_start_at(pthread_t *t, const struct thread_place *place, int signo,
		    void *(*fn)(void *arg), void *arg);

#endif
