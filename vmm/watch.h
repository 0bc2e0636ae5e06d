/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_WATCH_H
#define VMM_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/watch_judge.h"

#define WATCH_CONSOLES 32 /* what is beyond shares the last one's lines */

/*
 * What the guest's consoles print, held against the regular expressions of
 * --expect, --fail-on and --until by a thread of its own: whoever brings output
 * never waits for it. A regular expression may take its time: if output comes
 * faster for long, what does not fit into memory is counted instead.
 *
 * The end of a line that is not whole yet counts as an end only when nothing
 * more came for a second; the rest of it is looked at after 20 ms.
 */
struct watch;

struct watch_result {
	enum watch_verdict verdict;
	const char *by;	    /* borrowed of conf: WATCH_FAIL_ON's, else NULL */
	unsigned int met;   /* so many expectations, of ... */
	unsigned int total; /* ... these */
	const char *unmet;  /* borrowed of conf: the next one, or NULL */
	uint64_t unseen;    /* bytes that were never looked at */
	char line[WATCH_LINE_MAX + 1]; /* the verdict's */
};

/* Called by the watching thread, once, when there is a verdict. */
typedef void (*watch_fn)(void *ctx, enum watch_verdict v);

/*
 * *out is NULL if @c wants nothing to be watched; all functions take that.
 * -errno.
 */
int watch_start(struct watch **out, const struct conf *c, watch_fn fn,
		void *ctx);
/* Output of console number @console; from any thread. */
void watch_feed(struct watch *w, unsigned int console, const uint8_t *buf,
		size_t len);
/*
 * The guest stands still: complete the lines it left, look at all there is, and
 * say what is known. Waits 10 s at most.
 */
enum watch_verdict watch_settle(struct watch *w);
/* The same for the last time; @w is gone then. */
void watch_finish(struct watch *w, struct watch_result *r);

#endif
