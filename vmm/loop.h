/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_LOOP_H
#define VMM_LOOP_H

#include <stdbool.h>

/* Up to two for each console, and some of the machine's own. */
#define LOOP_MAX 128

typedef void (*loop_fn)(void *ctx);

/* File descriptors to wait for, and who is called when one can be read. */
struct loop {
	int epoll; /* -1: none */
	unsigned int n;
	struct {
		int fd;
		unsigned int life; /* of this place: tells old events apart */
		loop_fn fn;
		void *ctx;
	} watch[LOOP_MAX];
};

int loop_init(struct loop *l);
void loop_fini(struct loop *l);
/* 0, -ENOSPC, or what epoll says: -EPERM for a regular file. */
int loop_add(struct loop *l, int fd, loop_fn fn, void *ctx);
void loop_remove(struct loop *l, int fd);
/* Wait for one round of events, at most @timeout_ms (-1: for ever). */
void loop_once(struct loop *l, int timeout_ms);

#endif
