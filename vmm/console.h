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
#include "vmm/stamp.h"

/*
 * The consoles of a VM. A struct console is one port of the guest: the serial
 * port, hvc0, or a named port of virtio-console. Behind it is a host side:
 * stdio, a file, a pty or a socket. Each port has a host side of its own, but
 * for stdio, which any number of ports share: there is one standard output,
 * and all they write goes there.
 *
 * From the port to the host: console_write(), from any thread, with as many
 * bytes at once as there are. Behind a slow reader it may wait (vmm/output.h
 * says how long at most); therefore not on the event loop's thread. Nothing is
 * written before console_add(), and nothing after consoles_close(), for which
 * every thread of the guest side has come to its end.
 *
 * From the host to the port: console_connect() says who takes it. The event
 * loop then hands input over by `sink`. What the guest does not take waits
 * here: CONSOLE_IN bytes, and the rest at its source. When a guest that took
 * less than all has room again, its device makes the event loop look around,
 * from any thread (struct dev_env.input_ready, which is vm_wake()); the loop
 * asks each port again after every round.
 *
 * Input of stdio goes to one port: the one added last of those whose guest
 * side takes input, which is asked each time. So does hvc0 take over from the
 * serial port as soon as the guest opens it.
 */

/* The serial port, hvc0 and 32 named ports. */
#define CONSOLES_MAX 34
#define CONSOLE_IN   1024

struct console_ops {
	/*
	 * On the event loop's thread, which must not be kept waiting: bytes
	 * for the guest. How many it took, 0 if it has no room; -EAGAIN if it
	 * cannot be asked just now (asked again in some ms), -ENOTCONN if
	 * nobody in the guest takes input here (asked again after a wake-up).
	 */
	ssize_t (*sink)(void *ctx, const uint8_t *buf, size_t len);
};

struct console_host;

struct console {
	const char *name;	   /* borrowed: "serial", "hvc0" */
	struct console_host *host; /* borrowed; NULL: none */
	struct console *below;	   /* on stdio: who was added before */
	const struct console_ops *ops;
	void *ctx;
	bool stamps;
	uint64_t start_ns;
	pthread_mutex_t lock; /* of `stamp` */
	struct stamp stamp;
};

struct consoles {
	int std_in;	   /* what stdio is: 0 and 1; -1: none */
	int std_out;	   /* read by the console_add() that is first */
	bool stamps;	   /* as set before console_add() */
	uint64_t start_ns; /* CLOCK_MONOTONIC, where stamps count from */
	unsigned int n;
	struct console port[CONSOLES_MAX];
	unsigned int n_hosts;
	struct console_host *host[CONSOLES_MAX]; /* heap, owned */
	struct console_host *std;		 /* one of these, or NULL */
};

void consoles_init(struct consoles *cs);
/*
 * Make a port and open its host side, which begins to take output; prints the
 * name of a pty. @name is kept. *out stays valid until consoles_close().
 */
int console_add(struct consoles *cs, const struct conf_console *where,
		const char *name, struct console **out, struct err *e);
/* Who takes input; before it, input waits. The event loop's thread. */
void console_connect(struct console *c, const struct console_ops *ops,
		     void *ctx);
/* From any thread; may wait. */
void console_write(struct console *c, const uint8_t *buf, size_t len);

/* These four are the event loop's thread's. */

/*
 * Begin to take input: raw mode, watched by @loop. @quit is called when Ctrl-A
 * x was typed. -errno.
 */
int consoles_start(struct consoles *cs, struct loop *loop,
		   void (*quit)(void *ctx), void *ctx);
/* Offer waiting input again. How long the loop may sleep: -1 or ms. */
int consoles_poll(struct consoles *cs);
/* The process was stopped and continues: the terminal may have changed. */
void consoles_resume(struct consoles *cs);
/*
 * Write out the rest, restore the terminal, say what was lost, take away
 * sockets and links; idempotent.
 */
void consoles_close(struct consoles *cs);

#endif
