/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/err.h"
#include "vmm/conf.h"
#include "vmm/loop.h"

#define CONSOLE_IN  256
#define CONSOLE_OUT 65536u

/*
 * The host side of the serial console. A vCPU only leaves its output in a ring
 * and wakes the event loop, which writes whatever has gathered: a slow reader
 * costs large writes, not a slow guest. Input waits here until the guest takes
 * it. On a terminal Ctrl-A is the escape key: Ctrl-A x ends the VM, Ctrl-A
 * Ctrl-A sends one Ctrl-A.
 */
struct console {
	int in;	       /* -1: none */
	int out;       /* -1: none */
	bool own_out;  /* close it */
	bool tty;      /* `in` is a terminal in raw mode */
	bool escaped;  /* Ctrl-A was the last key */
	bool watching; /* `in` is in the loop */
	bool unpolled; /* `in` cannot be waited for: always ready */
	bool busy;     /* the guest's device could not be asked */
	size_t n;      /* bytes waiting for the guest */
	uint8_t buf[CONSOLE_IN];
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t space; /* `done` moved on */
	uint64_t put;	      /* bytes ever put into the ring */
	uint64_t done;	      /* bytes ever written out */
	bool stalled;	      /* the reader takes nothing: drop, do not wait */
	uint8_t ring[CONSOLE_OUT];
	struct loop *loop;
	ssize_t (*sink)(void *ctx, const uint8_t *buf, size_t len);
	void (*quit)(void *ctx);
	void (*wake)(void *ctx); /* make the loop call console_poll() */
	void *ctx;
};

void console_init(struct console *c, void (*wake)(void *ctx), void *ctx);
int console_open(struct console *c, const struct conf *conf, struct err *e);
/*
 * Begin to take input: raw mode, watched by @loop; @sink gets the bytes and
 * returns how many it took or -EAGAIN (try again soon), @quit is called for
 * Ctrl-A x.
 */
int console_start(struct console *c, struct loop *loop,
		  ssize_t (*sink)(void *ctx, const uint8_t *buf, size_t len),
		  void (*quit)(void *ctx));
/*
 * Write out what has gathered and offer waiting input again. How long the loop
 * may sleep: -1 or ms.
 */
int console_poll(struct console *c);
/* From any thread: waits for the reader at most a moment, then drops. */
void console_write(struct console *c, const uint8_t *buf, size_t len);
/* Writes out the rest first. */
void console_close(struct console *c);

#endif
