// SPDX-License-Identifier: Apache-2.0
#include "vmm/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "vmm/terminal.h"

#define CTRL_A 0x01
#define STALL_MS 100

void console_init(struct console *c)
{
	memset(c, 0, sizeof(*c));
	c->in = -1;
	c->out = -1;
}

int console_open(struct console *c, const struct conf *conf, struct err *e)
{
	switch (conf->console) {
	case CONSOLE_STDIO:
		c->in = STDIN_FILENO;
		c->out = STDOUT_FILENO;
		break;
	case CONSOLE_FILE:
		c->out = open(conf->console_file,
			      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (c->out < 0)
			return err_set(e, -errno, ERR_CONSOLE_OPEN,
				       conf->console_file, NULL);
		c->own_out = true;
		break;
	case CONSOLE_NONE:
		break;
	}
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
		c->quit(c->ctx);
		return false;
	}
	return true;
}

static void take(struct console *c, const uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!c->tty || key(c, buf[i]))
			c->buf[c->n++] = buf[i];
	}
}

static void unwatch(struct console *c)
{
	if (c->watching)
		loop_remove(c->loop, c->in);
	c->watching = false;
}

static void offer(struct console *c)
{
	size_t took = c->n ? c->sink(c->ctx, c->buf, c->n) : 0;

	c->n -= took;
	memmove(c->buf, c->buf + took, c->n);
}

/* Input can be read. Reads no more than the buffer has room for. */
static void readable(void *ctx)
{
	struct console *c = ctx;
	uint8_t in[CONSOLE_BUF];
	ssize_t n;

	if (c->n == CONSOLE_BUF) {
		unwatch(c); /* until the guest has taken some */
		return;
	}
	n = read(c->in, in, CONSOLE_BUF - c->n);
	if (n > 0) {
		take(c, in, (size_t)n);
		offer(c);
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
		  size_t (*sink)(void *ctx, const uint8_t *buf, size_t len),
		  void (*quit)(void *ctx), void *ctx)
{
	c->loop = loop;
	c->sink = sink;
	c->quit = quit;
	c->ctx = ctx;
	if (c->in < 0)
		return 0;
	c->tty = isatty(c->in);
	if (c->tty) {
		int r = terminal_raw(c->in);

		if (r < 0)
			return r;
	}
	return watch(c);
}

int console_poll(struct console *c)
{
	if (c->unpolled && c->n < CONSOLE_BUF)
		readable(c);
	offer(c);
	if (c->n < CONSOLE_BUF)
		(void)watch(c);
	return c->unpolled && c->n < CONSOLE_BUF ? 0 : -1;
}

void console_write(struct console *c, const uint8_t *buf, size_t len)
{
	while (len && c->out >= 0) {
		ssize_t n = write(c->out, buf, len);
		struct pollfd p = { .fd = c->out, .events = POLLOUT };

		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			/* A reader that stalls loses output, not the guest. */
			if (poll(&p, 1, STALL_MS) <= 0)
				return;
		} else if (n < 0 && errno != EINTR) {
			if (errno == EPIPE)
				c->out = -1;
			return;
		}
	}
}

void console_close(struct console *c)
{
	terminal_restore();
	unwatch(c);
	if (c->own_out && c->out >= 0)
		close(c->out);
	console_init(c);
}
