/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_TEST_FILTER_H
#define VMM_TEST_FILTER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Pure: what a command printed, out of all that is on the console. It stands
 * between two marks (vmm/initramfs.h), which may arrive in pieces.
 */
struct test_filter {
	unsigned int stage; /* before, within, in the status, behind */
	size_t matched;	    /* bytes of the mark seen last */
	unsigned int status;
	bool ended; /* the status is known */
};

#define TEST_FILTER_OUT(len) ((len) + 32)

/*
 * Take @len bytes of the console; what of them and of earlier ones is the
 * command's goes to @out, which has room for TEST_FILTER_OUT(len). How many.
 */
size_t test_filter(struct test_filter *f, const char *in, size_t len,
		   char *out);
/* The console ends: what looked like the beginning of a mark was none. */
size_t test_filter_end(struct test_filter *f, char *out);

#endif
