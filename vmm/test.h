/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_TEST_H
#define VMM_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "vmm/conf.h"

/*
 * `barge test`. A test is an INI file that `barge run` boots as a process of
 * its own, by which it is judged: its exit status, and nothing else.
 *
 * test_find.c     INI files -> struct test_suite
 * test_plan.c     pure: what to start next
 * test_child.c    one `barge run` and its console
 * test_run.c      all of them, and the signals
 * test_judge.c    pure: exit status -> how it went
 * test_report.c   lines, TAP, JUnit XML
 * test_filter.c   pure: a command's output out of a console
 * test_cmd.c      barge test
 */

#define TEST_NAME_MAX 80
#define TEST_TAIL_MAX 4096
#define TEST_WHY_MAX  512
#define TEST_LIMIT_S  60 /* of a test that says nothing about it */
/* What barge and KVM need beside a guest's memory. */
#define TEST_ALLOWANCE	(32ull << 20)
#define TEST_STATUS_BAD 7

enum test_verdict {
	TEST_WAITING,
	TEST_RUNNING,
	TEST_PASSED,
	TEST_XFAILED, /* failed, as was expected */
	TEST_FAILED,
	TEST_SKIPPED,
};

struct test_item {
	/* what was asked */
	char *name;
	char *file;   /* NULL: all is in the options */
	char *reason; /* of xfail; may be NULL */
	bool xfail;
	bool has_section;  /* [test] */
	bool own_limit;	   /* there is a timeout */
	unsigned int want; /* exit status */
	unsigned int cpus;
	uint64_t memory; /* bytes, TEST_ALLOWANCE included */
	uint64_t limit_ms;
	/* how it went */
	enum test_verdict verdict;
	bool refused; /* by the host: it says nothing about the guest */
	unsigned int tries;
	int status; /* as a shell has it; -1: none */
	uint64_t ms;
	char why[TEST_WHY_MAX];
	char *tail; /* of the console of what failed; may be NULL */
	size_t tail_len;
};

/* Whoever wants the bytes of a console as they come. */
struct test_sink {
	void (*put)(void *ctx, const char *buf, size_t len);
	void *ctx;
};

struct test_suite {
	const struct conf *conf;
	const char *logs; /* NULL: none are kept */
	unsigned int n;
	struct test_item *item; /* in the order of names */
	/* instead of lines: for one guest whose output is the caller's */
	const struct test_sink *sink;
	uint64_t ms; /* all of it */
	int signal;  /* that ended it early; 0: none */
};

/* Find the tests of conf->suite.path and read their files. -errno and @e. */
int test_find(struct test_suite *s, const struct conf *conf, struct err *e);
void test_suite_fini(struct test_suite *s);

/* Run them. What goes wrong with one is its verdict, not an error. */
int test_run(struct test_suite *s, struct err *e);

/* `barge test`: the exit status, or -errno with @e set. */
int test_cmd(const struct conf *conf, struct err *e);

#endif
