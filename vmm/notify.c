// SPDX-License-Identifier: Apache-2.0
#include "vmm/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define TEXT_MAX 256

void notify_init(struct notify *n)
{
	memset(n, 0, sizeof(*n));
	n->fd = -1;
}

/* A path, or with '@' in place of the first byte an abstract name. */
static int address(struct notify *n, const char *name)
{
	size_t len = strlen(name);

	if (name[0] != '/' && name[0] != '@')
		return -EPROTONOSUPPORT;
	if (len < 2 || len >= sizeof(n->to.sun_path))
		return -EINVAL;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, name, len + 1);
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (name[0] == '@')
		n->to.sun_path[0] = '\0';
	else
		n->to_len++;
	return 0;
}

static uint64_t number(const char *s)
{
	char *end;
	unsigned long long v;

	if (!s || *s < '0' || *s > '9')
		return 0;
	errno = 0;
	v = strtoull(s, &end, 10);
	return errno || *end ? 0 : v;
}

/* In another process's environment WATCHDOG_PID is not us. */
static uint64_t watchdog(void)
{
	const char *pid = getenv("WATCHDOG_PID");

	if (pid && number(pid) != (uint64_t)getpid())
		return 0;
	return number(getenv("WATCHDOG_USEC"));
}

static int socket_open(struct notify *n)
{
	/* A manager that does not read keeps us from nothing for long. */
	const struct timeval second = {.tv_sec = 1};

	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		return -errno;
	(void)setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &second,
			 sizeof(second));
	return 0;
}

int notify_open(struct notify *n, bool by_guest)
{
	const char *name = getenv("NOTIFY_SOCKET");
	int r = 0;

	n->by_guest = by_guest;
	if (name) {
		n->watchdog_us = watchdog();
		r = address(n, name);
		if (r == 0)
			r = socket_open(n);
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return r;
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

static void say(const struct notify *n, int flags, const char *text)
{
	if (n->fd >= 0 &&
	    sendto(n->fd, text, strlen(text), flags | MSG_NOSIGNAL,
		   (const struct sockaddr *)&n->to, n->to_len) < 0)
		return; /* there is nobody else to tell */
}

/* @more, then a line for people. */
static void say_status(const struct notify *n, int flags, const char *more,
		       const char *text)
{
	char out[TEXT_MAX];

	snprintf(out, sizeof(out), "%sSTATUS=%.*s", more,
		 (int)strcspn(text, "\n"), text);
	say(n, flags, out);
}

void notify_ready(struct notify *n)
{
	if (!atomic_exchange(&n->ready, true))
		say_status(n, 0, "READY=1\n", "The guest runs");
}

void notify_started(struct notify *n)
{
	if (atomic_load(&n->ready))
		notify_status(n, "The guest runs");
	else if (n->by_guest)
		notify_status(n, "The guest starts");
	else
		notify_ready(n);
}

void notify_status(struct notify *n, const char *text)
{
	say_status(n, MSG_DONTWAIT, "", text);
}

void notify_patience(struct notify *n, const char *text)
{
	say_status(n, MSG_DONTWAIT, "EXTEND_TIMEOUT_USEC=30000000\n", text);
}

void notify_stopping(struct notify *n, const char *text)
{
	say_status(n, 0, "STOPPING=1\n", text);
}

void notify_watchdog(struct notify *n)
{
	say(n, MSG_DONTWAIT, "WATCHDOG=1");
}

void notify_exit(struct notify *n, int status)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text),
		 "STOPPING=1\nEXIT_STATUS=%d\nSTATUS=Ended with status %d",
		 status, status);
	say(n, 0, text);
}
