/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_WORKER_H
#define VMM_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "vmm/loop.h"

/*
 * A thread with an event loop of its own, for the host side of a device. It
 * lives from worker_start() to worker_stop(): what it watches is added before,
 * or by itself.
 */
struct worker {
	struct loop loop;
	pthread_t thread;
	bool started;
	_Atomic bool stop;
	int stop_fd; /* eventfd */
};

/* -errno, and nothing to undo. */
int worker_init(struct worker *w);
/* @name: as of thread_start() */
int worker_start(struct worker *w, const char *name);
/* The thread is gone when it returns. Idempotent; from another thread. */
void worker_stop(struct worker *w);
/* Idempotent, and right for a zeroed worker that was never made. */
void worker_fini(struct worker *w);

#endif
