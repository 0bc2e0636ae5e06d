// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/host_facts.h"
#include "vmm/initramfs.h"
#include "vmm/test.h"
#include "vmm/test_filter.h"
#include "vmm/test_find.h"
#include "vmm/test_print.h"
#include "vmm/test_report.h"

#define LOGS_DEFAULT "barge-logs"

/* --- a suite ---------------------------------------------------------------
 */

/* Opened before anything runs: a wrong name must not cost an hour's report. */
static int junit_open(const struct conf *c, FILE **f, struct err *e)
{
	*f = NULL;
	if (!c->suite.junit)
		return 0;
	*f = fopen(c->suite.junit, "we");
	if (!*f)
		return err_set(e, -errno, ERR_FILE_WRITE, c->suite.junit, NULL);
	return 0;
}

static int junit_close(const struct test_suite *s, FILE *f, bool whole,
		       struct err *e)
{
	bool bad;

	if (!f)
		return 0;
	if (whole)
		test_junit(f, s);
	errno = 0;
	bad = ferror(f);
	bad = fclose(f) != 0 || bad;
	if (bad && whole)
		return err_set(e, errno ? -errno : -EIO, ERR_FILE_WRITE,
			       s->conf->suite.junit, NULL);
	return 0;
}

/* Names in /proc/self/fd. */
static unsigned int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n > 3 ? n - 3 : 0; /* ".", "..", and this folder */
}

/* --verbose: what the run cost barge test itself. */
static void tell_cost(const struct test_suite *s, unsigned int files)
{
	char text[4096];
	const char *at;

	if (!s->conf->verbose)
		return;
	if (host_read("", "/proc/self/status", text, sizeof(text)) < 0)
		text[0] = '\0';
	at = strstr(text, "VmHWM:");
	fprintf(stderr,
		"barge: %u tests in %.1f s; open files before %u, after %u; "
		"largest memory %lu KiB\n",
		s->n, (double)s->ms / 1000, files, open_files(),
		at ? strtoul(at + 6, NULL, 10) : 0);
}

static int suite_status(const struct test_suite *s)
{
	struct test_sum sum = test_sum(s);

	if (s->signal)
		return 128 + s->signal;
	if (!sum.failed)
		return 0;
	return sum.refused == sum.failed ? 2 : TEST_STATUS_BAD;
}

static int end_output(struct err *e)
{
	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_set(e, errno ? -errno : -EIO, ERR_FILE_WRITE,
			       "standard output", NULL);
	return 0;
}

static int run_suite(struct test_suite *s, struct err *e)
{
	unsigned int files = open_files();
	FILE *junit;
	int r = junit_open(s->conf, &junit, e), closed;

	if (r)
		return r;
	r = test_run(s, e);
	if (r == 0) {
		if (s->conf->suite.tap)
			fputs("# ", stdout);
		test_report_sum(stdout, s);
	}
	closed = junit_close(s, junit, r == 0, e);
	tell_cost(s, files);
	if (r == 0)
		r = closed;
	if (r == 0)
		r = end_output(e);
	return r ? r : suite_status(s);
}

static int suite(const struct conf *conf, struct err *e)
{
	struct test_suite s;
	int r = test_find(&s, conf, e);

	s.logs = conf->suite.logs ? conf->suite.logs : LOGS_DEFAULT;
	if (r == 0)
		r = run_suite(&s, e);
	test_suite_fini(&s);
	return r;
}

/* --- one command -----------------------------------------------------------
 */

struct printer {
	struct test_sink sink;
	struct test_print to_stdout;
	struct test_filter filter;
	char out[TEST_FILTER_OUT(65536)];
};

static void print(void *ctx, const char *buf, size_t len)
{
	struct printer *p = ctx;
	size_t n = test_filter(&p->filter, buf, len, p->out);

	test_print_put(&p->to_stdout, p->out, n);
}

static void print_rest(struct printer *p)
{
	size_t n = test_filter_end(&p->filter, p->out);

	test_print_put(&p->to_stdout, p->out, n);
	test_print_finish(&p->to_stdout);
}

/* The status of the command, or that of `barge run` where it has none. */
static int command_status(const struct test_item *t, const struct printer *p,
			  int signal)
{
	unsigned int status = p->filter.status;

	if (signal)
		return 128 + signal;
	if (p->filter.ended)
		return (int)(status < INITRAMFS_STATUS_MAX
				     ? status
				     : INITRAMFS_STATUS_MAX);
	if (t->status >= 64 &&
	    t->status < 127) /* it wrote the register itself */
		return t->status - 64;
	return t->status ? t->status : TEST_STATUS_BAD;
}

/* Why there is no output, or not all of it. */
static void tell_end(const struct test_item *t, const struct printer *p)
{
	if (p->filter.ended || (t->status >= 64 && t->status < 127))
		return;
	fflush(stdout);
	if (t->tail)
		fwrite(t->tail, 1, t->tail_len, stderr);
	fprintf(stderr, "\nbarge: the command did not end: %s\n", t->why);
}

static int run_command(struct test_suite *s, struct printer *p, struct err *e)
{
	int r;

	p->sink = (struct test_sink){print, p};
	s->sink = &p->sink;
	r = test_print_start(&p->to_stdout, stdout);
	if (r)
		return err_set(e, r, ERR_HOST_CALL, "pthread_create", NULL);
	r = test_run(s, e);
	print_rest(p);
	if (r)
		return r;
	r = end_output(e);
	if (r)
		return r;
	tell_end(&s->item[0], p);
	return command_status(&s->item[0], p, s->signal);
}

/* What makes sense for a suite only. */
static int check_command(const struct conf *c, struct err *e)
{
	const char *name = c->suite.tap	      ? "--tap"
			   : c->suite.junit   ? "--junit"
			   : c->suite.filter  ? "--filter"
			   : c->suite.retries ? "--retries"
					      : NULL;

	if (name)
		return err_set(e, -EINVAL, ERR_OPTION_BOTH, name, "--init");
	return 0;
}

static int command(const struct conf *conf, struct err *e)
{
	struct printer *p = calloc(1, sizeof(*p));
	struct test_suite s = {.conf = conf, .logs = conf->suite.logs, .n = 1};
	struct conf c;
	int r;

	s.item = calloc(1, sizeof(*s.item));
	if (s.item)
		s.item->name = strdup("init");
	if (!p || !s.item || !s.item->name) {
		free(p);
		test_suite_fini(&s);
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	}
	r = test_conf(&c, NULL, conf, e);
	if (r == 0)
		r = test_item_fill(s.item, &c, e);
	conf_fini(&c);
	if (r == 0)
		r = run_command(&s, p, e);
	free(p);
	test_suite_fini(&s);
	return r;
}

int test_cmd(const struct conf *conf, struct err *e)
{
	int r;

	if (conf->suite.n_paths)
		return suite(conf, e);
	r = check_command(conf, e);
	return r ? r : command(conf, e);
}
