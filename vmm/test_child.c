// SPDX-License-Identifier: Apache-2.0
#include "vmm/test_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a guest that never stops printing leaves of itself. */
#define LOG_MAX (16u << 20)
/* barge run ends at its limit by itself; that long is waited for it. */
#define GRACE_MS 10000u
/* Between two ways of asking. */
#define PATIENCE_MS 3000u

uint64_t test_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- logs ------------------------------------------------------------------
 */

void test_log_path(char out[CONF_PATH_MAX], const struct test_suite *s,
		   const struct test_item *t, const char *suffix)
{
	snprintf(out, CONF_PATH_MAX, "%s/%s.%s", s->logs, t->name, suffix);
}

static int log_open(const struct test_suite *s, const struct test_item *t,
		    const char *suffix, struct err *e)
{
	char path[CONF_PATH_MAX];
	int fd;

	test_log_path(path, s, t, suffix);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY,
		  0666);
	if (fd < 0)
		return err_set(e, -errno, ERR_FILE_WRITE, path, NULL);
	return fd;
}

/* A full disk costs the log, not the test. */
static void log_put(struct test_child *c, const char *buf, size_t len)
{
	static const char more[] = "\n[barge test: the rest was not kept]\n";

	if (c->log_fd < 0 || c->logged > LOG_MAX)
		return;
	c->logged += len;
	if (c->logged > LOG_MAX) {
		buf = more;
		len = sizeof(more) - 1;
	}
	while (len) {
		ssize_t n = write(c->log_fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		buf += n;
		len -= (size_t)n;
	}
}

/* The last TEST_TAIL_MAX bytes, at least, are at the end of c->tail. */
static void tail_put(struct test_child *c, const char *buf, size_t len)
{
	if (len > TEST_TAIL_MAX) {
		buf += len - TEST_TAIL_MAX;
		len = TEST_TAIL_MAX;
	}
	if (c->tail_len + len > sizeof(c->tail)) {
		memmove(c->tail, c->tail + c->tail_len - TEST_TAIL_MAX,
			TEST_TAIL_MAX);
		c->tail_len = TEST_TAIL_MAX;
	}
	memcpy(c->tail + c->tail_len, buf, len);
	c->tail_len += len;
}

/* --- start -----------------------------------------------------------------
 */

struct files {
	int console; /* the child's end */
	int error;   /* -1: ours */
	pid_t parent;
};

static void move(int from, int to)
{
	if (from >= 0 && from != to)
		dup2(from, to);
}

/* In the child: never returns. */
static void become(char *const argv[], const struct files *f)
{
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Whoever should have been noticed to die may be dead by now. */
	if (getppid() != f->parent)
		_exit(127);
	move(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	move(f->console, STDOUT_FILENO);
	move(f->error, STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL); /* what we ask it by */
	signal(SIGQUIT, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", argv);
	_exit(126);
}

#define STRING_OF(x) #x
#define STRING(x)    STRING_OF(x)

/* The words of `barge run`; to be freed, what they point to not. */
static char **words_of(const struct test_suite *s, const struct test_item *t)
{
	const struct conf_suite *a = &s->conf->suite;
	char **argv = calloc(a->n_words + 10, sizeof(*argv));
	unsigned int n = 0;

	if (!argv)
		return NULL;
	argv[n++] = (char *)"barge";
	argv[n++] = (char *)"run";
	/* Those with a section [test] have it, or say that they do not. */
	if (!t->has_section)
		argv[n++] = (char *)"--fail-on-oops=yes";
	for (unsigned int i = 0; i < a->n_words; i++)
		argv[n++] = a->word[i];
	if (!t->own_limit)
		argv[n++] = (char *)"--timeout=" STRING(TEST_LIMIT_S);
	if (s->sink) /* the output is to be what the command prints */
		argv[n++] = (char *)"--timestamps=no";
	if (t->file) {
		argv[n++] = (char *)"--";
		argv[n++] = t->file;
	}
	return argv;
}

static int start(struct test_child *c, char *const argv[], struct files *f,
		 struct err *e)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_set(e, -errno, ERR_HOST_CALL, "pipe2", NULL);
	f->console = pipes[1];
	f->parent = getpid();
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	c->pid = fork();
	if (c->pid == 0)
		become(argv, f);
	close(pipes[1]);
	if (c->pid < 0) {
		close(pipes[0]);
		return err_set(e, -errno, ERR_HOST_CALL, "fork", NULL);
	}
	/* Here as well as there: whoever comes first. */
	setpgid(c->pid, c->pid);
	c->fd = pipes[0];
	return 0;
}

static int logs_open(struct test_child *c, const struct test_suite *s,
		     struct files *f, struct err *e)
{
	if (!s->logs)
		return 0;
	c->log_fd = log_open(s, c->item, "console", e);
	if (c->log_fd < 0)
		return c->log_fd;
	if (s->sink) /* what barge says is the caller's */
		return 0;
	f->error = log_open(s, c->item, "stderr", e);
	return f->error < 0 ? f->error : 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int test_child_start(struct test_child *c, const struct test_suite *s,
		     struct test_item *item, struct err *e)
{
	struct files f = {.console = -1, .error = -1};
	char **argv = words_of(s, item);
	int r;

	if (!argv)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	memset(c, 0, sizeof(*c));
	c->item = item;
	c->sink = s->sink;
	c->fd = -1;
	c->log_fd = -1;
	r = logs_open(c, s, &f, e);
	if (r == 0)
		r = start(c, argv, &f, e);
	close_fd(&f.error);
	free(argv);
	if (r) {
		close_fd(&c->log_fd);
		c->item = NULL;
		return r;
	}
	c->start_ms = test_now_ms();
	c->due_ms = c->start_ms + item->limit_ms + GRACE_MS;
	return 0;
}

/* --- while it runs ---------------------------------------------------------
 */

void test_child_read(struct test_child *c)
{
	char buf[65536];
	ssize_t n;

	while (c->fd >= 0) {
		n = read(c->fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_fd(&c->fd);
			return;
		}
		log_put(c, buf, (size_t)n);
		tail_put(c, buf, (size_t)n);
		if (c->sink)
			c->sink->put(c->sink->ctx, buf, (size_t)n);
	}
}

bool test_child_over(struct test_child *c, int *status)
{
	siginfo_t si = {0};
	int wait_status;

	/*
	 * Looked at first, taken afterwards: until then nobody else can have
	 * its number, which is also that of the group.
	 */
	if (waitid(P_PID, (id_t)c->pid, &si, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    si.si_pid == 0)
		return false;
	kill(-c->pid, SIGKILL);
	waitpid(c->pid, &wait_status, 0);
	test_child_read(c);
	close_fd(&c->fd);
	close_fd(&c->log_fd);
	*status = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status)
					   : WEXITSTATUS(wait_status);
	return true;
}

void test_child_ask(struct test_child *c, bool hard)
{
	static const int signals[] = {SIGTERM, SIGQUIT, SIGKILL};

	if (hard && c->asked == 0)
		c->asked = 1;
	kill(-c->pid, signals[c->asked < 2 ? c->asked : 2]);
	c->asked++;
	c->due_ms = test_now_ms() + PATIENCE_MS;
}
