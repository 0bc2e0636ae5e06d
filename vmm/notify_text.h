/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_NOTIFY_TEXT_H
#define VMM_NOTIFY_TEXT_H

#include <stdbool.h>

/*
 * What systemd in a guest says at its vmm.notify_socket (systemd(1),
 * sd_notify(3)): lines of NAME=VALUE, whose last one may lack its end. Comes
 * from the guest, in whatever pieces. Pure.
 */

#define NOTIFY_LINE_MAX 255u /* longer ones are passed over */

enum notify_word {
	NOTIFY_NOTHING,
	NOTIFY_READY,  /* READY=1 */
	NOTIFY_STATUS, /* STATUS=..., in `value` */
	NOTIFY_EXIT,   /* EXIT_STATUS=..., in `status` */
};

struct notify_text {
	char line[NOTIFY_LINE_MAX + 1];
	unsigned int n;
	bool skip; /* this line is too long */
	const char *value;
	unsigned int status; /* 0 to 255 */
};

/* The next character; at the end of it all, a newline. What it completed. */
enum notify_word notify_text_add(struct notify_text *t, char c);

#endif
