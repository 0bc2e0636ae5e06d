// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/host_facts.h"
#include "vmm/test.h"
#include "vmm/test_child.h"
#include "vmm/test_judge.h"
#include "vmm/test_plan.h"
#include "vmm/test_report.h"
#include "vmm/thread.h"

/*
 * How it works: one thread. poll() waits for consoles of running children, for
 * signals (SIGCHLD is one), and for the next moment at which something is due.
 * What ended is judged; what fits the budget is started; and lines are printed
 * in the order of names, each as soon as those before it are known.
 */

#define JOBS_MAX      512u
#define PROGRESS_MS   250
#define SAME_EVENT_MS 250

struct runner {
	struct test_suite *s;
	struct err *e;
	struct test_need *need; /* of each item */
	struct test_budget budget;
	struct test_budget used;
	struct test_child *child; /* budget.jobs of them */
	struct pollfd *poll;	  /* the signals, then each child's console */
	int signal_fd;
	uint64_t signal_ms; /* when the last one came */
	bool progress;	    /* standard error is a terminal */
	unsigned int told;  /* so many items have their line */
	uint64_t start_ms;
	uint64_t shown_ms; /* when the progress was; 0: it is not on screen */
};

/* --- budgets ---------------------------------------------------------------
 */

static unsigned int processors(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
		return (unsigned int)CPU_COUNT(&set);
	return 1;
}

/* MemAvailable in bytes; UINT64_MAX where the kernel does not tell. */
static uint64_t available(void)
{
	char text[4096];
	const char *at;

	if (host_read("", "/proc/meminfo", text, sizeof(text)) < 0)
		return UINT64_MAX;
	at = strstr(text, "\nMemAvailable:");
	if (!at)
		return UINT64_MAX;
	return strtoull(at + strlen("\nMemAvailable:"), NULL, 10) * 1024;
}

/* Each has two files here, and while it is started a few more. */
static unsigned int jobs_max(void)
{
	struct rlimit l;
	rlim_t n;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return 1;
	n = l.rlim_cur > 64 ? (l.rlim_cur - 32) / 2 : 16;
	return n < JOBS_MAX ? (unsigned int)n : JOBS_MAX;
}

static void budget_make(struct runner *r)
{
	const struct conf_suite *a = &r->s->conf->suite;
	unsigned int cpus = processors();
	uint64_t memory = available();

	r->budget.jobs = a->jobs ? a->jobs : cpus;
	if (r->budget.jobs > jobs_max())
		r->budget.jobs = jobs_max();
	if (r->budget.jobs > r->s->n)
		r->budget.jobs = r->s->n;
	r->budget.cpus = a->cpus		 ? a->cpus
			 : r->budget.jobs > cpus ? r->budget.jobs
						 : cpus;
	r->budget.memory = a->memory ? a->memory : memory / 4 * 3;
}

/* --- what is told ----------------------------------------------------------
 */

static bool finished(const struct test_item *t)
{
	return t->verdict >= TEST_PASSED;
}

static void wipe_progress(struct runner *r)
{
	if (r->shown_ms)
		fputs("\r\033[K", stderr);
	r->shown_ms = 0;
}

static void show_progress(struct runner *r)
{
	uint64_t now = test_now_ms();
	struct test_sum sum = test_sum(r->s);
	unsigned int over = sum.passed + sum.failed + sum.skipped;

	if (!r->progress || now < r->shown_ms + PROGRESS_MS)
		return;
	r->shown_ms = now;
	fprintf(stderr, "\r\033[K[%u/%u] %u running, %u failed, %llu s", over,
		r->s->n, r->used.jobs, sum.failed,
		(unsigned long long)(now - r->start_ms) / 1000);
	for (unsigned int i = 0; i < r->budget.jobs; i++) {
		if (r->child[i].item) {
			fprintf(stderr, ": %.30s", r->child[i].item->name);
			break;
		}
	}
	fflush(stderr);
}

static void tell(struct runner *r)
{
	const struct test_suite *s = r->s;

	if (s->sink)
		return;
	wipe_progress(r);
	for (; r->told < s->n && finished(&s->item[r->told]); r->told++) {
		if (s->conf->suite.tap)
			test_tap_point(stdout, s, &s->item[r->told]);
		else
			test_report_line(stdout, s, &s->item[r->told]);
	}
	fflush(stdout);
}

/* --- one test ends ---------------------------------------------------------
 */

/* The last line that barge itself said on standard error. */
static void last_words(const struct test_suite *s, const struct test_item *t,
		       char *buf, size_t size)
{
	char path[CONF_PATH_MAX];
	char text[2048];
	char *line;
	int fd;
	ssize_t n;

	buf[0] = '\0';
	test_log_path(path, s, t, "stderr");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	if (lseek(fd, -(off_t)sizeof(text) + 1, SEEK_END) < 0)
		lseek(fd, 0, SEEK_SET);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	n = (ssize_t)strlen(text);
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		text[--n] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	/* one of --verbose is no reason */
	if (strncmp(line, "barge: ", 7) == 0 && !strstr(line, " ms  "))
		snprintf(buf, size, "%s", line + 7);
}

static void keep_tail(struct test_item *t, const struct test_child *c)
{
	size_t len = c->tail_len < TEST_TAIL_MAX ? c->tail_len : TEST_TAIL_MAX;

	free(t->tail);
	t->tail = malloc(len + 1);
	t->tail_len = t->tail ? len : 0;
	if (t->tail)
		memcpy(t->tail, c->tail + c->tail_len - len, len);
}

/* The logs of a try that is made again: NAME.console becomes NAME.1.console. */
static void rename_log(const struct test_suite *s, const struct test_item *t,
		       const char *suffix)
{
	char from[CONF_PATH_MAX], to[CONF_PATH_MAX], with[32];

	snprintf(with, sizeof(with), "%u.%s", t->tries, suffix);
	test_log_path(from, s, t, suffix);
	test_log_path(to, s, t, with);
	(void)rename(from, to);
}

static bool again(struct runner *r, struct test_item *t)
{
	const struct test_suite *s = r->s;

	if (t->verdict != TEST_FAILED || s->signal ||
	    t->tries > s->conf->suite.retries)
		return false;
	if (s->logs) {
		rename_log(s, t, "console");
		rename_log(s, t, "stderr");
	}
	t->verdict = TEST_WAITING;
	r->need[t - s->item].waiting = true;
	return true;
}

static void judge(struct runner *r, struct test_child *c, int status)
{
	struct test_item *t = c->item;
	char said[TEST_WHY_MAX] = "";
	struct test_end end = {
		.status = status, .overdue = c->overdue, .said = said};

	t->status = status;
	t->ms = test_now_ms() - c->start_ms;
	if (r->s->logs && !r->s->sink)
		last_words(r->s, t, said, sizeof(said));
	t->verdict = test_judge(t, &end, t->why);
	t->refused = t->verdict == TEST_FAILED && status == 2 && !c->overdue;
	if (r->s->signal && c->asked) {
		/* be it that the guest took the button for a good end */
		t->verdict = TEST_FAILED;
		snprintf(t->why, sizeof(t->why), "interrupted");
	}
	if (t->verdict == TEST_FAILED)
		keep_tail(t, c);
}

static void on_over(struct runner *r, struct test_child *c, int status)
{
	struct test_item *t = c->item;
	const struct test_need *need = &r->need[t - r->s->item];

	r->used.jobs--;
	r->used.cpus -= need->cpus;
	r->used.memory -= need->memory;
	judge(r, c, status);
	c->item = NULL;
	if (!again(r, t))
		tell(r);
}

/* --- one starts ------------------------------------------------------------
 */

static struct test_child *free_slot(struct runner *r)
{
	unsigned int i = 0;

	while (r->child[i].item)
		i++;
	return &r->child[i];
}

static int start_one(struct runner *r, unsigned int i)
{
	struct test_item *t = &r->s->item[i];
	struct test_need *need = &r->need[i];
	int ret = test_child_start(free_slot(r), r->s, t, r->e);

	if (ret)
		return ret;
	need->waiting = false;
	t->verdict = TEST_RUNNING;
	t->tries++;
	r->used.jobs++;
	r->used.cpus += need->cpus;
	r->used.memory += need->memory;
	return 0;
}

static int start_some(struct runner *r)
{
	int i, ret = 0;

	while (ret == 0 && !r->s->signal &&
	       (i = test_next(r->need, r->s->n, &r->budget, &r->used)) >= 0)
		ret = start_one(r, (unsigned int)i);
	return ret;
}

/* --- events ----------------------------------------------------------------
 */

static void ask_all(struct runner *r, bool hard)
{
	for (unsigned int i = 0; i < r->budget.jobs; i++) {
		if (r->child[i].item)
			test_child_ask(&r->child[i], hard);
	}
}

/* The first asks the guests, each further one with more force. */
static void on_signals(struct runner *r)
{
	struct signalfd_siginfo si;

	while (read(r->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			continue;
		/* timeout(1) sends its own twice */
		if ((int)si.ssi_signo == r->s->signal &&
		    test_now_ms() - r->signal_ms < SAME_EVENT_MS)
			continue;
		ask_all(r, r->s->signal != 0);
		r->s->signal = (int)si.ssi_signo;
		r->signal_ms = test_now_ms();
	}
}

static void on_due(struct test_child *c, uint64_t now)
{
	if (now < c->due_ms)
		return;
	/* A guest that does not end in time is asked for nothing more. */
	c->overdue = c->overdue || c->asked == 0;
	test_child_ask(c, c->overdue);
}

static void look_at_children(struct runner *r)
{
	uint64_t now = test_now_ms();
	int status;

	for (unsigned int i = 0; i < r->budget.jobs; i++) {
		struct test_child *c = &r->child[i];

		if (!c->item)
			continue;
		test_child_read(c);
		if (test_child_over(c, &status))
			on_over(r, c, status);
		else
			on_due(c, now);
	}
}

static int wait_ms(const struct runner *r)
{
	uint64_t now = test_now_ms(), least = 60000;

	for (unsigned int i = 0; i < r->budget.jobs; i++) {
		const struct test_child *c = &r->child[i];
		uint64_t left = c->due_ms > now ? c->due_ms - now : 0;

		if (c->item && left < least)
			least = left;
	}
	if (r->progress && least > PROGRESS_MS)
		least = PROGRESS_MS;
	return (int)least + 1;
}

static void wait_for_events(struct runner *r)
{
	r->poll[0] = (struct pollfd){.fd = r->signal_fd, .events = POLLIN};
	for (unsigned int i = 0; i < r->budget.jobs; i++)
		r->poll[i + 1] = (struct pollfd){
			.fd = r->child[i].item ? r->child[i].fd : -1,
			.events = POLLIN,
		};
	(void)poll(r->poll, r->budget.jobs + 1, wait_ms(r));
	on_signals(r);
}

/* --- the whole -------------------------------------------------------------
 */

static int logs_make(const struct test_suite *s, struct err *e)
{
	if (!s->logs || mkdir(s->logs, 0777) == 0 || errno == EEXIST)
		return 0;
	return err_set(e, -errno, ERR_FILE_WRITE, s->logs, NULL);
}

static int signals_open(struct runner *r, sigset_t *before)
{
	static const int caught[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT};
	sigset_t set;

	signals_heeded(&set, caught, sizeof(caught) / sizeof(caught[0]));
	sigprocmask(SIG_BLOCK, &set, before);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signal_fd < 0)
		return err_set(r->e, -errno, ERR_HOST_CALL, "signalfd", NULL);
	return 0;
}

static int runner_make(struct runner *r)
{
	const struct test_suite *s = r->s;

	budget_make(r);
	r->progress = !s->sink && isatty(STDERR_FILENO);
	r->need = calloc(s->n, sizeof(*r->need));
	r->child = calloc(r->budget.jobs, sizeof(*r->child));
	r->poll = calloc(r->budget.jobs + 1, sizeof(*r->poll));
	if (!r->need || !r->child || !r->poll)
		return err_set(r->e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	for (unsigned int i = 0; i < s->n; i++) {
		const struct test_item *t = &s->item[i];

		r->need[i] = (struct test_need){
			.waiting = t->verdict == TEST_WAITING,
			.cpus = t->cpus,
			.memory = t->memory,
		};
	}
	return logs_make(s, r->e);
}

static bool waits(const struct runner *r)
{
	for (unsigned int i = 0; i < r->s->n; i++) {
		if (r->need[i].waiting)
			return true;
	}
	return false;
}

static int run_all(struct runner *r)
{
	int ret = 0;

	while (r->used.jobs || (waits(r) && !r->s->signal && ret == 0)) {
		if (ret == 0)
			ret = start_some(r);
		if (ret) /* nothing more can be started: end what runs */
			ask_all(r, true);
		show_progress(r);
		wait_for_events(r);
		look_at_children(r);
	}
	return ret;
}

/* What an interruption kept from running. */
static void skip_rest(struct test_suite *s)
{
	for (unsigned int i = 0; i < s->n; i++) {
		struct test_item *t = &s->item[i];

		if (t->verdict != TEST_WAITING)
			continue;
		if (t->tries) { /* and was to be tried again */
			t->verdict = TEST_FAILED;
			continue;
		}
		t->verdict = TEST_SKIPPED;
		snprintf(t->why, sizeof(t->why), "not started");
	}
}

static int runner_go(struct runner *r)
{
	int ret = runner_make(r);

	if (ret)
		return ret;
	if (r->s->conf->suite.tap && !r->s->sink)
		test_tap_begin(stdout, r->s);
	tell(r);
	ret = run_all(r);
	if (ret == 0)
		skip_rest(r->s);
	tell(r);
	return ret;
}

int test_run(struct test_suite *s, struct err *e)
{
	struct runner r = {.s = s, .e = e, .signal_fd = -1};
	sigset_t before;
	int ret = signals_open(&r, &before);

	r.start_ms = test_now_ms();
	if (ret == 0)
		ret = runner_go(&r);
	s->ms = test_now_ms() - r.start_ms;
	if (r.signal_fd >= 0)
		close(r.signal_fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	free(r.need);
	free(r.child);
	free(r.poll);
	return ret;
}
