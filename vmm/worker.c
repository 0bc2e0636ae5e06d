// SPDX-License-Identifier: Apache-2.0
#include "vmm/worker.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/thread.h"

static void on_stop(void *ctx)
{
	struct worker *w = ctx;
	uint64_t n;

	if (read(w->stop_fd, &n, sizeof(n)) < 0)
		return; /* w->stop says what is to be done */
}

int worker_init(struct worker *w)
{
	int r;

	memset(w, 0, sizeof(*w));
	w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->stop_fd < 0)
		return -errno;
	r = loop_init(&w->loop);
	if (r == 0) {
		r = loop_add(&w->loop, w->stop_fd, on_stop, w);
		if (r < 0)
			loop_fini(&w->loop);
	}
	if (r < 0) {
		close(w->stop_fd);
		memset(w, 0, sizeof(*w));
	}
	return r;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&w->stop))
		loop_once(&w->loop, -1);
	/* what the driver notified of before the stop, after the last look */
	loop_once(&w->loop, 0);
	return NULL;
}

int worker_start(struct worker *w, const char *name)
{
	int r;

	atomic_store(&w->stop, false);
	r = thread_start(&w->thread, name, worker_main, w);
	w->started = r == 0;
	return r;
}

void worker_stop(struct worker *w)
{
	uint64_t one = 1;

	if (!w->started)
		return;
	atomic_store(&w->stop, true);
	if (write(w->stop_fd, &one, sizeof(one)) < 0) {
		/* The counter is full: that wakes it as well. */
	}
	pthread_join(w->thread, NULL);
	w->started = false;
}

void worker_fini(struct worker *w)
{
	worker_stop(w);
	if (w->stop_fd > 0) {
		loop_fini(&w->loop);
		close(w->stop_fd);
	}
	memset(w, 0, sizeof(*w));
}
