/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_OUTPUT_H
#define VMM_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Bytes on their way to a file descriptor, written by a thread of their own:
 * nobody else ever waits for a pipe or a terminal. A vCPU waits a moment when
 * 64 KiB are under way and the reader is alive; behind a reader that takes
 * nothing, output is dropped and counted.
 */
struct output;

/* What became of it. */
struct output_end {
	uint64_t dropped; /* bytes */
	int error;	  /* -errno of the first write that failed, or 0 */
};

/* @fd stays the caller's. -errno. */
int output_start(struct output **out, int fd);
/* From any thread. */
void output_put(struct output *o, const uint8_t *buf, size_t len);
/*
 * Wait until everything is written, or nothing more was for 5 s. NULL is
 * allowed.
 */
struct output_end output_finish(struct output *o);

#endif
