/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CONSOLE_HOST_H
#define VMM_CONSOLE_HOST_H

#include "vmm/console.h"
#include "vmm/output.h"

/*
 * The host side of consoles, between vmm/console*.c only. Input waits in `buf`
 * until the guest takes it. On a terminal Ctrl-A is the escape key: Ctrl-A x
 * ends the VM, Ctrl-A Ctrl-A sends one Ctrl-A; it is read even when the guest
 * takes nothing, so that the escape key always works: what does not fit is
 * dropped. From everywhere else no more is read than there is room for.
 */
struct console_host;

/* What a kind of host side does in its own way; each may be NULL. */
struct console_kind {
	/* Whether `in` may be read now; if not, it is asked again soon. */
	bool (*present)(struct console_host *h);
	/* `in`, not watched any more, is at its end or failed. */
	void (*ended)(struct console_host *h);
	/* There is an event loop now (`loop`): 0 or -errno. */
	int (*start)(struct console_host *h);
	/* The event loop goes: before the rest of the output is written. */
	void (*stop)(struct console_host *h);
	/* All is written. Free priv, take away what was made. */
	void (*close)(struct console_host *h);
};

struct console_host {
	const struct console_kind *kind;
	enum conf_console_kind where;
	char *path;	     /* owned copy; NULL: none */
	void *priv;	     /* the kind's own */
	struct console *top; /* the port added last */
	struct output *output;
	struct output_to to; /* set by console_open_*(); no write: no output */
	/* input: vmm/console_in.c */
	int in;	       /* -1: none, or at its end */
	bool tty;      /* `in` is the terminal of stdio */
	bool away;     /* nobody is at `in`, or another job has it now */
	bool escaped;  /* Ctrl-A was the last key */
	bool watching; /* `in` is in the loop */
	bool unpolled; /* `in` cannot be waited for: always ready */
	bool busy;     /* the guest's device could not be asked */
	size_t n;      /* bytes waiting for the guest */
	uint8_t buf[CONSOLE_IN];
	struct loop *loop;
	void (*quit)(void *ctx);
	void *quit_ctx;
};

/* Each fills in what it needs of a cleared @h. 0 or -errno with @e set. */
int console_open_file(struct console_host *h, const struct conf_console *w,
		      struct err *e);
int console_open_pty(struct console_host *h, const struct conf_console *w,
		     struct err *e);
int console_open_socket(struct console_host *h, const struct conf_console *w,
			struct err *e);

/* Where it is: one line on standard error. */
void console_pty_say(const struct console_host *h, const char *name);

/* Look after `in` from now on: -errno. */
int console_in_start(struct console_host *h);
/* As consoles_poll() and consoles_resume(). */
int console_in_poll(struct console_host *h);
void console_in_resume(struct console_host *h);
void console_in_unwatch(struct console_host *h);

#endif
