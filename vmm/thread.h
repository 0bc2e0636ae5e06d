/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_THREAD_H
#define VMM_THREAD_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* Where and how a thread runs; all zero: as the one that starts it. */
struct thread_place {
	bool pinned;
	cpu_set_t cpus;	 /* if pinned */
	int rt_priority; /* 1 to 99: SCHED_FIFO; 0: not asked for */
	bool rt_dropped; /* not real-time, even if who starts it is */
};

/*
 * A thread at @place from its first instruction on. It takes no signal but
 * @signo (0: none at all) and those of its own mistakes: signals of the process
 * are the main thread's. Its stack is small. 0 or -errno.
 */
int thread_start_at(pthread_t *t, const struct thread_place *place, int signo,
		    void *(*fn)(void *arg), void *arg);
/*
 * The same for a thread that runs where the main thread does and takes no
 * signal: a vCPU that starts one may have a CPU and a priority of its own.
 * @name, of at most 15 characters, is what ps and top show.
 */
int thread_start(pthread_t *t, const char *name, void *(*fn)(void *arg),
		 void *arg);

/*
 * Those of the @n signals in @list that are to be heeded, in @set: not SIGHUP
 * and SIGINT where whoever started us had them ignored, as nohup(1) and shells
 * do. A signalfd would take them all the same.
 */
void signals_heeded(sigset_t *set, const int *list, size_t n);

#endif
