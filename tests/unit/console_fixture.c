/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/console_fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static ssize_t sink(void *ctx, const uint8_t *buf, size_t len)
{
	struct console_fixture *f = ctx;

	if (f->closed)
		return -ENOTCONN;
	if (len > f->appetite)
		len = f->appetite;
	if (len > sizeof(f->got) - f->n_got)
		abort();
	memcpy(f->got + f->n_got, buf, len);
	f->n_got += len;
	return (ssize_t)len;
}

static const struct console_ops ops = {.sink = sink};

static void quit(void *ctx)
{
	(void)ctx;
	abort(); /* only stdio has an escape key */
}

int console_fixture_begin(void **state)
{
	struct console_fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/barge-console-XXXXXX");
	consoles_init(&f->cs);
	f->appetite = SIZE_MAX;
	*state = f;
	alarm(60); /* what hangs is killed, and that is a failure */
	return mkdtemp(f->dir) && loop_init(&f->loop) == 0 ? 0 : -1;
}

int console_fixture_end(void **state)
{
	struct console_fixture *f = *state;
	char command[128];
	int r;

	consoles_close(&f->cs);
	loop_fini(&f->loop);
	alarm(0);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	r = system(command);
	free(f);
	return r;
}

const char *console_path(struct console_fixture *f, const char *name)
{
	static char path[4][128];
	static unsigned int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", f->dir, name);
	return path[i];
}

struct conf_console console_at(struct console_fixture *f,
			       enum conf_console_kind kind, const char *name)
{
	struct conf_console w = {.kind = kind};

	strcpy(w.path, console_path(f, name));
	return w;
}

int console_begin(struct console_fixture *f, const struct conf_console *w)
{
	struct err e;
	int r = console_add(&f->cs, w, "test", &f->c, &e);

	if (r < 0)
		return r;
	console_connect(f->c, &ops, f);
	return consoles_start(&f->cs, &f->loop, quit, f);
}

void console_say(struct console_fixture *f, const char *text)
{
	console_write(f->c, (const uint8_t *)text, strlen(text));
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void console_run(struct console_fixture *f, int ms)
{
	int64_t until = now_ms() + ms;

	do {
		int may = consoles_poll(&f->cs);

		loop_once(&f->loop, may >= 0 && may < 5 ? may : 5);
		(void)consoles_poll(&f->cs);
	} while (now_ms() < until);
}

bool console_await(struct console_fixture *f, size_t n)
{
	for (unsigned int i = 0; i < 1000 && f->n_got < n; i++)
		console_run(f, 1);
	return f->n_got >= n;
}

bool console_got(struct console_fixture *f, const char *text)
{
	size_t len = strlen(text), n = f->n_got;

	f->n_got = 0;
	return n == len && memcmp(f->got, text, len) == 0;
}

void console_fill(uint8_t *buf, size_t len, uint64_t at)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)((at + i) * 2654435761u >> 13);
}

bool console_filled(const uint8_t *buf, size_t len, uint64_t at)
{
	uint8_t want[1024];

	for (size_t i = 0; i < len; i += sizeof(want)) {
		size_t n = len - i < sizeof(want) ? len - i : sizeof(want);

		console_fill(want, n, at + i);
		if (memcmp(buf + i, want, n) != 0)
			return false;
	}
	return true;
}

static size_t read_some(int fd, void *buf, size_t len, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n = poll(&p, 1, ms) > 0 ? read(fd, buf, len) : 0;

	return n > 0 ? (size_t)n : 0;
}

static size_t read_all(int fd, void *buf, size_t len, int ms)
{
	size_t n = 0, r;

	while (n < len && (r = read_some(fd, (char *)buf + n, len - n, ms)))
		n += r;
	return n;
}

size_t console_read(int fd, void *buf, size_t len)
{
	return read_all(fd, buf, len, 5000);
}

size_t console_read_quiet(int fd, void *buf, size_t len, int quiet_ms)
{
	return read_all(fd, buf, len, quiet_ms);
}
