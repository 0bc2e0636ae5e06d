// SPDX-License-Identifier: Apache-2.0
#include "vmm/loop.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

int loop_init(struct loop *l)
{
	l->n = 0;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	return l->epoll < 0 ? -errno : 0;
}

void loop_fini(struct loop *l)
{
	if (l->epoll >= 0)
		close(l->epoll);
	l->epoll = -1;
	l->n = 0;
}

int loop_add(struct loop *l, int fd, loop_fn fn, void *ctx)
{
	struct epoll_event ev = {.events = EPOLLIN};
	unsigned int w = 0;

	while (w < l->n && l->watch[w].fd >= 0)
		w++;
	if (w == LOOP_MAX)
		return -ENOSPC;
	if (w == l->n)
		l->watch[w].life = 0;
	ev.data.u64 = (uint64_t)++l->watch[w].life << 32 | w;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	l->watch[w].fd = fd;
	l->watch[w].fn = fn;
	l->watch[w].ctx = ctx;
	if (w == l->n)
		l->n++;
	return 0;
}

void loop_remove(struct loop *l, int fd)
{
	for (unsigned int i = 0; i < l->n; i++) {
		if (l->watch[i].fd != fd)
			continue;
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
		l->watch[i].fd = -1;
		return;
	}
}

void loop_once(struct loop *l, int timeout_ms)
{
	struct epoll_event ev[LOOP_MAX];
	int n = epoll_wait(l->epoll, ev, LOOP_MAX, timeout_ms);

	for (int i = 0; i < n; i++) {
		unsigned int w = (uint32_t)ev[i].data.u64;

		/* Since the events came, another may have taken the place. */
		if (l->watch[w].fd >= 0 &&
		    l->watch[w].life == ev[i].data.u64 >> 32)
			l->watch[w].fn(l->watch[w].ctx);
	}
}
