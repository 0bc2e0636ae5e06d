/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/err.h"
#include "vmm/conf.h"
#include "vmm/loop.h"
#include "vmm/output.h"

#define CONSOLE_IN 256

/* What the console needs of the machine; ctx is passed back untouched. */
struct console_ops {
	/* Bytes for the guest: how many it took, or -EAGAIN (ask again soon).
	 */
	ssize_t (*sink)(void *ctx, const uint8_t *buf, size_t len);
	/* Ctrl-A x was typed. */
	void (*quit)(void *ctx);
};

/*
 * The host side of the serial console. Output is another thread's business
 * (vmm/output.h). Input waits here until the guest takes it; on a terminal
 * Ctrl-A is the escape key: Ctrl-A x ends the VM, Ctrl-A Ctrl-A sends one
 * Ctrl-A. A terminal is read even when the guest takes nothing, so that the
 * escape key always works: what does not fit is dropped. The event loop's
 * thread calls everything but console_write().
 */
struct console {
	int in;	       /* -1: none, or at its end */
	int out;       /* -1: none */
	bool own_out;  /* close it */
	bool tty;      /* `in` is a terminal */
	bool away;     /* ... and another job has it now */
	bool escaped;  /* Ctrl-A was the last key */
	bool watching; /* `in` is in the loop */
	bool unpolled; /* `in` cannot be waited for: always ready */
	bool busy;     /* the guest's device could not be asked */
	size_t n;      /* bytes waiting for the guest */
	uint8_t buf[CONSOLE_IN];
	struct output *output;
	struct loop *loop;
	const struct console_ops *ops;
	void *ctx;
};

void console_init(struct console *c);
/* Open and begin to take output. */
int console_open(struct console *c, const struct conf *conf, struct err *e);
/* Begin to take input: raw mode, watched by @loop. -errno. */
int console_start(struct console *c, struct loop *loop,
		  const struct console_ops *ops, void *ctx);
/* Offer waiting input again. How long the loop may sleep: -1 or ms. */
int console_poll(struct console *c);
/* The process was stopped and continues: the terminal may have changed. */
void console_resume(struct console *c);
/* From any thread. */
void console_write(struct console *c, const uint8_t *buf, size_t len);
/* Restore the terminal, write out the rest, say what was lost; idempotent. */
void console_close(struct console *c);

#endif
