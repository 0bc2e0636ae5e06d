/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_GUEST_NOTIFY_H
#define VMM_GUEST_NOTIFY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "vmm/notify_text.h"

/*
 * What systemd in the guest tells of itself (vmm.notify_socket): connections of
 * the guest's to one port of the host, by vsock(7) or handed over by
 * vmm/vsock_unix.c. They are read in the event loop.
 */

#define GUEST_NOTIFY_STREAMS 8
#define GUEST_NOTIFY_PORT    0x62617267u /* where we may choose */

struct vm;

struct guest_notify {
	int epoll;    /* -1: nobody listens */
	int listener; /* AF_VSOCK; -1: streams are handed over */
	unsigned int port;
	uint64_t cid;	      /* of our guest: others are turned away */
	_Atomic int status;   /* EXIT_STATUS; 0: well, or none */
	pthread_mutex_t lock; /* of the streams */
	struct {
		int fd; /* -1: none */
		struct notify_text text;
	} stream[GUEST_NOTIFY_STREAMS];
};

void guest_notify_init(struct guest_notify *g);
/* @kernel: the guest's sockets are vsock(7). Idempotent. */
int guest_notify_open(struct guest_notify *g, bool kernel, struct err *e);
void guest_notify_close(struct guest_notify *g);
/*
 * A non-blocking socket at which what the guest says is heard, or -errno. From
 * any thread.
 */
int guest_notify_stream(struct guest_notify *g);
/* Hear what has come; when g->epoll can be read. @ctx is the vm. */
void guest_notify_hear(void *ctx);
/* The guest stands still: hear what it said before that. */
void guest_notify_last(struct vm *vm);
/*
 * The kernel command line @given with, in front of it, the credential that
 * names the port; to be freed. NULL: no memory.
 */
char *guest_notify_cmdline(const struct guest_notify *g, const char *given);

#endif
