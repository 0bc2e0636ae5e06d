// SPDX-License-Identifier: Apache-2.0
/* From the host to the guest: the input of one host side. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vmm/console_host.h"
#include "vmm/terminal.h"

#define CTRL_A	0x01
#define BUSY_MS 5
#define AWAY_MS 500

/* Take one key of a terminal: whether it goes on to the guest. */
static bool key(struct console_host *h, uint8_t k)
{
	if (!h->escaped) {
		h->escaped = k == CTRL_A;
		return !h->escaped;
	}
	h->escaped = false;
	if (k == 'x' || k == 'X') {
		h->quit(h->quit_ctx);
		return false;
	}
	return true;
}

static void take(struct console_host *h, const uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((!h->tty || key(h, buf[i])) && h->n < CONSOLE_IN)
			h->buf[h->n++] = buf[i];
	}
}

void console_in_unwatch(struct console_host *h)
{
	if (h->watching)
		loop_remove(h->loop, h->in);
	h->watching = false;
}

static bool present(struct console_host *h)
{
	return !h->kind->present || h->kind->present(h);
}

static void ended(struct console_host *h)
{
	console_in_unwatch(h);
	h->unpolled = false;
	if (h->kind->ended)
		h->kind->ended(h);
	else
		h->in = -1; /* the guest runs on */
}

static void readable(void *ctx)
{
	struct console_host *h = ctx;
	uint8_t in[CONSOLE_IN];
	size_t room = h->tty ? CONSOLE_IN : CONSOLE_IN - h->n;
	ssize_t n;

	h->away = !present(h);
	if (h->away || !room) {
		console_in_unwatch(h); /* console_in_poll() looks again */
		return;
	}
	n = read(h->in, in, room);
	if (n > 0)
		take(h, in, (size_t)n);
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		ended(h);
}

static int watch(struct console_host *h)
{
	int r;

	if (h->in < 0 || h->watching || h->unpolled)
		return 0;
	r = loop_add(h->loop, h->in, readable, h);
	h->watching = r == 0;
	/* epoll refuses regular files: they are always ready */
	h->unpolled = r == -EPERM;
	return r == -EPERM ? 0 : r;
}

int console_in_start(struct console_host *h)
{
	int r = 0;

	if (h->in < 0)
		return 0;
	h->away = !present(h);
	if (h->away)
		return 0;
	if (h->tty)
		r = terminal_raw(h->in);
	return r < 0 ? r : watch(h);
}

void console_in_resume(struct console_host *h)
{
	if (h->in < 0 || !present(h))
		return;
	h->away = false;
	if (h->tty)
		(void)terminal_raw(h->in);
	(void)watch(h);
}

/* The port added last of those that take input. */
static ssize_t sink(const struct console_host *h)
{
	ssize_t took = -ENOTCONN;

	for (const struct console *c = h->top; c && took == -ENOTCONN;
	     c = c->below) {
		if (c->ops)
			took = c->ops->sink(c->ctx, h->buf, h->n);
	}
	return took;
}

static void offer(struct console_host *h)
{
	ssize_t took = h->n ? sink(h) : 0;

	h->busy = took == -EAGAIN;
	if (took <= 0)
		return;
	h->n -= (size_t)took;
	memmove(h->buf, h->buf + took, h->n);
}

int console_in_poll(struct console_host *h)
{
	bool ready = h->unpolled && h->n < CONSOLE_IN;

	if (ready)
		readable(h);
	if (h->away)
		console_in_resume(h);
	offer(h);
	if (h->n < CONSOLE_IN && !h->away)
		(void)watch(h);
	if (h->unpolled && h->n < CONSOLE_IN)
		return 0;
	if (h->busy)
		return BUSY_MS;
	return h->away ? AWAY_MS : -1;
}
