/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_TEST_CHILD_H
#define VMM_TEST_CHILD_H

#include <sys/types.h>

#include "vmm/test.h"

/*
 * One `barge run` in a process group of its own. The kernel kills it when
 * `barge test` is no more, however that ended.
 */
struct test_child {
	struct test_item *item; /* NULL: the slot is free */
	const struct test_sink *sink;
	pid_t pid;
	int fd; /* the console; -1: it was closed */
	int log_fd;
	uint64_t logged; /* bytes */
	uint64_t start_ms;
	uint64_t due_ms;    /* when something has to be done about it */
	unsigned int asked; /* how often it was asked to end */
	bool overdue;
	size_t tail_len;
	char tail[2 * TEST_TAIL_MAX];
};

uint64_t test_now_ms(void); /* CLOCK_MONOTONIC */

/* Start @item. -errno with @e set: nothing runs, nothing is open. */
int test_child_start(struct test_child *c, const struct test_suite *s,
		     struct test_item *item, struct err *e);
/* Take what is on the console, without waiting. */
void test_child_read(struct test_child *c);
/*
 * Whether it ended; then its exit status, 128 + the signal for one that was
 * killed. What it left behind in its group is killed, its files are closed.
 */
bool test_child_over(struct test_child *c, int *status);
/*
 * Ask it to end, the next time a bit more firmly: power button (left out when
 * @hard), the VM's end, SIGKILL.
 */
void test_child_ask(struct test_child *c, bool hard);
/* DIR/NAME.SUFFIX of a test's logs. */
void test_log_path(char out[CONF_PATH_MAX], const struct test_suite *s,
		   const struct test_item *t, const char *suffix);

#endif
