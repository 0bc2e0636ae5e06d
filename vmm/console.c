// SPDX-License-Identifier: Apache-2.0
#include "vmm/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/terminal.h"

#define CTRL_A	0x01
#define BUSY_MS 5
#define AWAY_MS 500

void console_init(struct console *c)
{
	memset(c, 0, sizeof(*c));
	c->in = -1;
	c->out = -1;
}

int console_open(struct console *c, const struct conf *conf, struct err *e)
{
	int r;

	switch (conf->console) {
	case CONSOLE_STDIO:
		c->in = STDIN_FILENO;
		c->out = STDOUT_FILENO;
		break;
	case CONSOLE_FILE:
		/* O_NONBLOCK: a FIFO without a reader is an error, no wait. */
		c->out = open(conf->console_file,
			      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
				      O_NONBLOCK,
			      0666);
		if (c->out < 0)
			return err_set(e, -errno, ERR_CONSOLE_OPEN,
				       conf->console_file, NULL);
		c->own_out = true;
		break;
	case CONSOLE_NONE:
		return 0;
	}
	r = output_start(&c->output, c->out);
	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "pthread_create", NULL);
	return 0;
}

/* Take one key of a terminal: whether it goes on to the guest. */
static bool key(struct console *c, uint8_t k)
{
	if (!c->escaped) {
		c->escaped = k == CTRL_A;
		return !c->escaped;
	}
	c->escaped = false;
	if (k == 'x' || k == 'X') {
		c->ops->quit(c->ctx);
		return false;
	}
	return true;
}

static void take(struct console *c, const uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((!c->tty || key(c, buf[i])) && c->n < CONSOLE_IN)
			c->buf[c->n++] = buf[i];
	}
}

static void unwatch(struct console *c)
{
	if (c->watching)
		loop_remove(c->loop, c->in);
	c->watching = false;
}

static bool in_front(struct console *c)
{
	return !c->tty || terminal_in_front(c->in);
}

static void readable(void *ctx)
{
	struct console *c = ctx;
	uint8_t in[CONSOLE_IN];
	size_t room = c->tty ? CONSOLE_IN : CONSOLE_IN - c->n;
	ssize_t n;

	c->away = !in_front(c);
	if (c->away || !room) {
		unwatch(c); /* console_poll() looks again */
		return;
	}
	n = read(c->in, in, room);
	if (n > 0) {
		take(c, in, (size_t)n);
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		unwatch(c);
		c->unpolled = false;
		c->in = -1; /* end of input: the guest runs on */
	}
}

static int watch(struct console *c)
{
	int r;

	if (c->in < 0 || c->watching || c->unpolled)
		return 0;
	r = loop_add(c->loop, c->in, readable, c);
	c->watching = r == 0;
	/* epoll refuses regular files: they are always ready */
	c->unpolled = r == -EPERM;
	return r == -EPERM ? 0 : r;
}

int console_start(struct console *c, struct loop *loop,
		  const struct console_ops *ops, void *ctx)
{
	int r = 0;

	c->loop = loop;
	c->ops = ops;
	c->ctx = ctx;
	if (c->in < 0)
		return 0;
	c->tty = isatty(c->in);
	c->away = !in_front(c);
	if (c->away)
		return 0;
	if (c->tty)
		r = terminal_raw(c->in);
	return r < 0 ? r : watch(c);
}

void console_resume(struct console *c)
{
	if (c->in < 0 || !c->tty || !in_front(c))
		return;
	c->away = false;
	(void)terminal_raw(c->in);
	(void)watch(c);
}

static void offer(struct console *c)
{
	ssize_t took = c->n ? c->ops->sink(c->ctx, c->buf, c->n) : 0;

	c->busy = took < 0;
	if (took <= 0)
		return;
	c->n -= (size_t)took;
	memmove(c->buf, c->buf + took, c->n);
}

int console_poll(struct console *c)
{
	bool ready = c->unpolled && c->n < CONSOLE_IN;

	if (ready)
		readable(c);
	if (c->away)
		console_resume(c);
	offer(c);
	if (c->n < CONSOLE_IN && !c->away)
		(void)watch(c);
	if (c->unpolled && c->n < CONSOLE_IN)
		return 0;
	if (c->busy)
		return BUSY_MS;
	return c->away ? AWAY_MS : -1;
}

void console_write(struct console *c, const uint8_t *buf, size_t len)
{
	if (c->output)
		output_put(c->output, buf, len);
}

void console_close(struct console *c)
{
	struct output_end end;

	terminal_restore();
	end = output_finish(c->output);
	if (end.error)
		fprintf(stderr,
			"barge: console output could not be written: %s\n",
			strerror(-end.error));
	else if (end.dropped)
		fprintf(stderr,
			"barge: %llu bytes of console output were lost: "
			"nobody read them\n",
			(unsigned long long)end.dropped);
	unwatch(c);
	if (c->own_out)
		close(c->out);
	console_init(c);
}
