/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_OUTPUT_H
#define VMM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Bytes on their way out, written by a thread of their own: nobody else ever
 * waits for a pipe or a terminal. 64 KiB of them can be under way.
 *
 * Behind a reader that is slow, output_put() waits for room; but no longer
 * than a second, in sum, for each 4 KiB that the reader takes. When that is
 * used up, what does not fit is dropped and counted, and nobody waits, until
 * the reader has taken 4 KiB more.
 *
 * Where nobody reads at all (a socket without a client), nobody waits either:
 * the oldest bytes give way, and who comes gets the last 64 KiB.
 */
struct output;

/* Where it goes. */
struct output_to {
	/*
	 * On the output's thread: take some of @len bytes. How many; 0 after
	 * a moment (200 ms or less) in which none could be taken; -ENOTCONN if
	 * there is nobody to take them now; another -errno if these are lost:
	 * for -ENOSPC and -EDQUOT there may be room for the next, otherwise
	 * there will never be.
	 */
	ssize_t (*write)(void *ctx, const uint8_t *buf, size_t len);
	void *ctx;
	/* After -ENOTCONN ask again in so many ms; 0: at output_again(). */
	unsigned int again_ms;
};

/* What became of it. */
struct output_end {
	uint64_t dropped; /* bytes lost: no room, or an error */
	uint64_t unseen;  /* bytes that nobody was there to see */
	int error;	  /* -errno of the first write that failed, or 0 */
	bool stuck;	  /* in write(), for ever: its ctx has to stay */
};

/* -errno. */
int output_start(struct output **out, const struct output_to *to);
/* From any thread; may wait, see above. */
void output_put(struct output *o, const uint8_t *buf, size_t len);
/* Somebody came: from any thread. */
void output_again(struct output *o);
/* Nothing more will be put in. NULL is allowed, here and below. */
void output_stop(struct output *o);
/*
 * Wait until everything is written, or nobody is there to take it, or nothing
 * more was taken for 5 s. Who stops several outputs before the first of these
 * calls waits for all of them together.
 */
struct output_end output_finish(struct output *o);

/* struct output_to.write for file descriptor (int)@ctx, which may block. */
ssize_t output_fd(void *ctx, const uint8_t *buf, size_t len);
/* Wait for room in @fd, as long as a write() of struct output_to may. */
void output_wait_fd(int fd);

#endif
