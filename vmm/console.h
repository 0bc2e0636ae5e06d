/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "vmm/conf.h"
#include "vmm/loop.h"

#define CONSOLE_BUF 256

/*
 * The host side of the serial console. Output goes out at once, input waits
 * here until the guest takes it. On a terminal Ctrl-A is the escape key:
 * Ctrl-A x ends the VM, Ctrl-A Ctrl-A sends one Ctrl-A.
 */
struct console {
	int in;  /* -1: none */
	int out; /* -1: none */
	bool own_out;  /* close it */
	bool tty;      /* `in` is a terminal in raw mode */
	bool escaped;  /* Ctrl-A was the last key */
	bool watching; /* `in` is in the loop */
	bool unpolled; /* `in` cannot be waited for: always ready */
	size_t n;      /* bytes waiting for the guest */
	uint8_t buf[CONSOLE_BUF];
	struct loop *loop;
	size_t (*sink)(void *ctx, const uint8_t *buf, size_t len);
	void (*quit)(void *ctx);
	void *ctx;
};

void console_init(struct console *c);
int console_open(struct console *c, const struct conf *conf, struct err *e);
/*
 * Begin to take input: raw mode, watched by @loop; @sink gets the bytes and
 * returns how many it took, @quit is called for Ctrl-A x.
 */
int console_start(struct console *c, struct loop *loop,
		  size_t (*sink)(void *ctx, const uint8_t *buf, size_t len),
		  void (*quit)(void *ctx), void *ctx);
/* Offer waiting input again. How long the loop may sleep: -1 or ms. */
int console_poll(struct console *c);
/* From any thread that holds the device's mutex. */
void console_write(struct console *c, const uint8_t *buf, size_t len);
void console_close(struct console *c);

#endif
