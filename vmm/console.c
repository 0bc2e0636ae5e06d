// SPDX-License-Identifier: Apache-2.0
#include "vmm/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/console_host.h"
#include "vmm/terminal.h"

void consoles_init(struct consoles *cs)
{
	memset(cs, 0, sizeof(*cs));
	cs->std_in = STDIN_FILENO;
	cs->std_out = STDOUT_FILENO;
}

/* --- stdio ---------------------------------------------------------------- */

static bool stdio_present(struct console_host *h)
{
	return !h->tty || terminal_in_front(h->in);
}

static int stdio_start(struct console_host *h)
{
	h->tty = h->in >= 0 && isatty(h->in);
	return 0;
}

static void stdio_close(struct console_host *h)
{
	free(h->priv);
}

static const struct console_kind stdio_kind = {
	.present = stdio_present,
	.start = stdio_start,
	.close = stdio_close,
};

static int open_stdio(struct consoles *cs, struct console_host *h,
		      struct err *e)
{
	int *out = malloc(sizeof(*out));

	if (!out)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	*out = cs->std_out;
	h->kind = &stdio_kind;
	h->priv = out;
	h->in = cs->std_in;
	if (*out >= 0)
		h->to.write = output_fd;
	h->to.ctx = out;
	cs->std = h;
	return 0;
}

/* --- open ----------------------------------------------------------------- */

static int open_kind(struct consoles *cs, struct console_host *h,
		     const struct conf_console *w, struct err *e)
{
	switch (w->kind) {
	case CONSOLE_STDIO:
		return open_stdio(cs, h, e);
	case CONSOLE_FILE:
		return console_open_file(h, w, e);
	case CONSOLE_PTY:
		return console_open_pty(h, w, e);
	case CONSOLE_SOCKET:
		return console_open_socket(h, w, e);
	case CONSOLE_NONE:
		break;
	}
	return err_set(e, -EINVAL, ERR_CONSOLE_OPEN, w->path, NULL);
}

static void host_free(struct console_host *h)
{
	if (h->kind && h->kind->close)
		h->kind->close(h);
	free(h->path);
	free(h);
}

static int host_open(struct consoles *cs, const struct conf_console *w,
		     struct console_host *h, struct err *e)
{
	int r;

	h->in = -1;
	h->where = w->kind;
	if (w->path[0]) {
		h->path = strdup(w->path);
		if (!h->path)
			return err_set(e, -ENOMEM, ERR_HOST_CALL, "strdup",
				       NULL);
	}
	r = open_kind(cs, h, w, e);
	if (r < 0 || !h->to.write)
		return r;
	r = output_start(&h->output, &h->to);
	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "pthread_create", NULL);
	return 0;
}

/* Two that write to one file, or listen at one place, would spoil it. */
static bool path_taken(const struct consoles *cs, const struct conf_console *w)
{
	for (unsigned int i = 0; w->path[0] && i < cs->n_hosts; i++) {
		if (cs->host[i]->path &&
		    strcmp(cs->host[i]->path, w->path) == 0)
			return true;
	}
	return false;
}

static int host_find(struct consoles *cs, const struct conf_console *w,
		     struct console_host **out, struct err *e)
{
	struct console_host *h;
	int r;

	*out = cs->std;
	if (w->kind == CONSOLE_NONE)
		*out = NULL;
	if (w->kind == CONSOLE_NONE || (w->kind == CONSOLE_STDIO && cs->std))
		return 0;
	if (path_taken(cs, w))
		return err_set(e, -EBUSY, ERR_CONSOLE_OPEN, w->path, NULL);
	h = calloc(1, sizeof(*h));
	if (!h)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	r = host_open(cs, w, h, e);
	if (r < 0) {
		if (cs->std == h)
			cs->std = NULL;
		host_free(h);
		return r;
	}
	cs->host[cs->n_hosts++] = h;
	*out = h;
	return 0;
}

int console_add(struct consoles *cs, const struct conf_console *where,
		const char *name, struct console **out, struct err *e)
{
	struct console_host *h;
	struct console *c;
	int r;

	if (cs->n == CONSOLES_MAX)
		return err_set(e, -ENOSPC, ERR_CONSOLE_OPEN, name, NULL);
	r = host_find(cs, where, &h, e);
	if (r < 0)
		return r;
	c = &cs->port[cs->n++];
	memset(c, 0, sizeof(*c));
	c->name = name;
	c->host = h;
	c->stamps = cs->stamps;
	c->start_ns = cs->start_ns;
	pthread_mutex_init(&c->lock, NULL);
	if (h) {
		c->below = h->top;
		h->top = c;
	}
	if (h && h->where == CONSOLE_PTY)
		console_pty_say(h, name);
	*out = c;
	return 0;
}

void console_connect(struct console *c, const struct console_ops *ops,
		     void *ctx)
{
	c->ops = ops;
	c->ctx = ctx;
}

/* --- output --------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The time is that of the call, however long room is waited for. */
static void write_stamped(struct console *c, const uint8_t *buf, size_t len)
{
	uint64_t ns = now_ns() - c->start_ns;
	char text[STAMP_MAX];

	while (len) {
		size_t n = stamp_line(&c->stamp, buf, len, ns, text);

		if (text[0])
			output_put(c->host->output, (const uint8_t *)text,
				   strlen(text));
		output_put(c->host->output, buf, n);
		buf += n;
		len -= n;
	}
}

void console_write(struct console *c, const uint8_t *buf, size_t len)
{
	if (!c->host || !c->host->output)
		return;
	if (!c->stamps) {
		output_put(c->host->output, buf, len);
		return;
	}
	pthread_mutex_lock(&c->lock);
	write_stamped(c, buf, len);
	pthread_mutex_unlock(&c->lock);
}

/* --- the event loop's ----------------------------------------------------- */

int consoles_start(struct consoles *cs, struct loop *loop,
		   void (*quit)(void *ctx), void *ctx)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < cs->n_hosts; i++) {
		struct console_host *h = cs->host[i];

		h->loop = loop;
		h->quit = quit;
		h->quit_ctx = ctx;
		if (h->kind->start)
			r = h->kind->start(h);
		if (r == 0)
			r = console_in_start(h);
	}
	return r;
}

int consoles_poll(struct consoles *cs)
{
	int least = -1;

	for (unsigned int i = 0; i < cs->n_hosts; i++) {
		int ms = console_in_poll(cs->host[i]);

		if (least < 0 || (ms >= 0 && ms < least))
			least = ms;
	}
	return least;
}

void consoles_resume(struct consoles *cs)
{
	for (unsigned int i = 0; i < cs->n_hosts; i++)
		console_in_resume(cs->host[i]);
}

static void tell(const struct console_host *h, const struct output_end *end)
{
	unsigned long long n = end->dropped;
	const char *name = h->top->name;

	if (end->error)
		fprintf(stderr,
			"barge: output of the console %s could not be written, "
			"%llu bytes: %s\n",
			name, n, strerror(-end->error));
	else if (n)
		fprintf(stderr,
			"barge: %llu bytes of the console %s were lost: "
			"nobody read them\n",
			n, name);
}

static void host_stop(struct console_host *h)
{
	console_in_unwatch(h);
	if (h->loop && h->kind->stop)
		h->kind->stop(h);
	output_stop(h->output);
}

static void host_close(struct console_host *h)
{
	struct output_end end = output_finish(h->output);

	tell(h, &end);
	if (!end.stuck) /* its thread still has a hand on it */
		host_free(h);
}

void consoles_close(struct consoles *cs)
{
	terminal_restore();
	for (unsigned int i = 0; i < cs->n_hosts; i++)
		host_stop(cs->host[i]);
	for (unsigned int i = 0; i < cs->n_hosts; i++)
		host_close(cs->host[i]);
	for (unsigned int i = 0; i < cs->n; i++) {
		cs->port[i].host = NULL;
		pthread_mutex_destroy(&cs->port[i].lock);
	}
	cs->n = 0;
	cs->n_hosts = 0;
	cs->std = NULL;
}
