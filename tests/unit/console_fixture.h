/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CONSOLE_FIXTURE_H
#define TESTS_UNIT_CONSOLE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/console.h"

/* A console, the event loop it is in, and a guest that takes input. */

struct console_fixture {
	struct consoles cs;
	struct console *c; /* the one added last */
	struct loop loop;
	char dir[64];	 /* a folder of our own */
	bool closed;	 /* the guest does not listen */
	size_t appetite; /* bytes that the guest takes at a time */
	size_t n_got;
	uint8_t got[8192];
};

/* Setup and teardown of cmocka: *state is the fixture. */
int console_fixture_begin(void **state);
int console_fixture_end(void **state);

/* "NAME" in the folder; the text stays until the fourth call from then. */
const char *console_path(struct console_fixture *f, const char *name);
/* What a console at NAME in the folder is connected to. */
struct conf_console console_at(struct console_fixture *f,
			       enum conf_console_kind kind, const char *name);
/* Add it, and let its input in: 0 or -errno. */
int console_begin(struct console_fixture *f, const struct conf_console *w);
void console_say(struct console_fixture *f, const char *text);
/* The event loop as it runs, for at least @ms. */
void console_run(struct console_fixture *f, int ms);
/* Run until the guest has @n bytes, for 5 s at most; whether it has. */
bool console_await(struct console_fixture *f, size_t n);
/* Whether the guest got exactly @text since the last time. */
bool console_got(struct console_fixture *f, const char *text);

/* A long text in which every place is different from its neighbours'. */
void console_fill(uint8_t *buf, size_t len, uint64_t at);
bool console_filled(const uint8_t *buf, size_t len, uint64_t at);
/* Up to @len bytes from @fd, 5 s at most for each piece: how many. */
size_t console_read(int fd, void *buf, size_t len);
/* All that is in @fd until @quiet_ms pass without more, or its end. */
size_t console_read_quiet(int fd, void *buf, size_t len, int quiet_ms);

#endif
