// SPDX-License-Identifier: Apache-2.0
#include "vmm/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/terminal.h"

#define CTRL_A	 0x01
#define STALL_MS 100
#define BUSY_MS	 5

void console_init(struct console *c, void (*wake)(void *ctx), void *ctx)
{
	c->in = -1;
	c->out = -1;
	c->wake = wake;
	c->ctx = ctx;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->space, NULL);
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
	ssize_t took = c->n ? c->sink(c->ctx, c->buf, c->n) : 0;

	c->busy = took < 0;
	if (took <= 0)
		return;
	c->n -= (size_t)took;
	memmove(c->buf, c->buf + took, c->n);
}

/* Input can be read. Reads no more than the buffer has room for. */
static void readable(void *ctx)
{
	struct console *c = ctx;
	uint8_t in[CONSOLE_IN];
	ssize_t n;

	if (c->n == CONSOLE_IN) {
		unwatch(c); /* until the guest has taken some */
		return;
	}
	n = read(c->in, in, CONSOLE_IN - c->n);
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
		  ssize_t (*sink)(void *ctx, const uint8_t *buf, size_t len),
		  void (*quit)(void *ctx))
{
	c->loop = loop;
	c->sink = sink;
	c->quit = quit;
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

/* --- output ----------------------------------------------------------------
 */

/* Write one piece; false when the reader takes nothing for a while. */
static bool write_some(struct console *c, const uint8_t *buf, size_t len,
		       size_t *done)
{
	struct pollfd p = {.fd = c->out, .events = POLLOUT};
	ssize_t n;

	*done = len; /* of a closed reader: gone */
	if (poll(&p, 1, STALL_MS) == 0) {
		*done = 0;
		return false;
	}
	n = write(c->out, buf, len);
	if (n > 0)
		*done = (size_t)n;
	else if (n < 0 && (errno == EINTR || errno == EAGAIN))
		*done = 0;
	return true;
}

/* Whether bytes are left. The lock is not held while writing. */
static bool flush(struct console *c)
{
	uint64_t at;
	size_t len;
	size_t done;
	bool alive;

	pthread_mutex_lock(&c->lock);
	at = c->done % CONSOLE_OUT;
	len = (size_t)(c->put - c->done);
	pthread_mutex_unlock(&c->lock);
	if (len > CONSOLE_OUT - at)
		len = CONSOLE_OUT - at;
	if (!len)
		return false;
	alive = write_some(c, c->ring + at, len, &done);
	pthread_mutex_lock(&c->lock);
	c->done += done;
	c->stalled = !alive;
	pthread_cond_signal(&c->space);
	pthread_mutex_unlock(&c->lock);
	return alive;
}

/* Room for one more byte: waits a moment for a reader that is alive. */
static bool has_room(struct console *c)
{
	struct timespec t;

	if (c->put - c->done < CONSOLE_OUT)
		return true;
	if (c->stalled)
		return false;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec++;
	if (pthread_cond_timedwait(&c->space, &c->lock, &t))
		c->stalled = true;
	return c->put - c->done < CONSOLE_OUT;
}

void console_write(struct console *c, const uint8_t *buf, size_t len)
{
	bool idle;

	if (c->out < 0)
		return;
	pthread_mutex_lock(&c->lock);
	idle = c->put == c->done;
	for (size_t i = 0; i < len && has_room(c); i++)
		c->ring[c->put++ % CONSOLE_OUT] = buf[i];
	pthread_mutex_unlock(&c->lock);
	if (idle)
		c->wake(c->ctx);
}

int console_poll(struct console *c)
{
	bool stalled;

	while (c->out >= 0 && flush(c))
		;
	pthread_mutex_lock(&c->lock);
	stalled = c->put != c->done;
	pthread_mutex_unlock(&c->lock);
	if (c->unpolled && c->n < CONSOLE_IN)
		readable(c);
	if (!c->sink)
		return -1;
	offer(c);
	if (c->n < CONSOLE_IN)
		(void)watch(c);
	if (c->unpolled && c->n < CONSOLE_IN)
		return 0;
	if (c->busy)
		return BUSY_MS;
	return stalled ? STALL_MS : -1;
}

void console_close(struct console *c)
{
	terminal_restore();
	while (c->out >= 0 && flush(c))
		;
	unwatch(c);
	if (c->own_out && c->out >= 0)
		close(c->out);
	c->in = -1;
	c->out = -1;
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->space);
}
