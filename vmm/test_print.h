/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_TEST_PRINT_H
#define VMM_TEST_PRINT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Text on its way to a reader who may be slow: a thread waits for them, so that
 * whoever has the text does not.
 */
struct test_print {
	FILE *to; /* borrowed */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	pthread_cond_t less;
	char *text;
	size_t len;
	size_t room;
	bool end;
};

/* -errno, and nothing to undo. */
int test_print_start(struct test_print *p, FILE *to);
/*
 * Waits only where a great deal is on its way already, or there is no memory
 * for it.
 */
void test_print_put(struct test_print *p, const char *text, size_t len);
/* All of it is written, or ferror() says that it is not. Idempotent. */
void test_print_finish(struct test_print *p);

#endif
