/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_NOTIFY_H
#define VMM_NOTIFY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/*
 * What a service manager is told (sd_notify(3)): datagrams of NAME=VALUE lines
 * to the socket that the environment names. Where nobody listens nothing is
 * sent; what cannot be sent is lost. From any thread.
 */
struct notify {
	int fd; /* -1: nobody listens */
	struct sockaddr_un to;
	socklen_t to_len;
	bool by_guest;	      /* it is the guest who says that it is ready */
	_Atomic bool ready;   /* said */
	uint64_t watchdog_us; /* 0: nobody waits for signs of life */
};

void notify_init(struct notify *n);
/*
 * Take what concerns us from the environment, so that no child of ours finds
 * it. 0, or -errno: the environment names a socket that cannot be used.
 */
int notify_open(struct notify *n, bool by_guest);
void notify_close(struct notify *n);

/* READY=1, unless it was said; the guest's word where that is waited for. */
void notify_ready(struct notify *n);
/* The vCPUs run: ready, unless that is the guest's to say. */
void notify_started(struct notify *n);
/* One line for people. */
void notify_status(struct notify *n, const char *text);
/* It is not up yet but works on it: not too late for another 30 s. */
void notify_patience(struct notify *n, const char *text);
void notify_stopping(struct notify *n, const char *text);
void notify_watchdog(struct notify *n);
/* The last word: the exit status. */
void notify_exit(struct notify *n, int status);

#endif
