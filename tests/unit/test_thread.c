// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/terminal.h"
#include "vmm/thread.h"

static void *mask_of(void *arg)
{
	pthread_sigmask(SIG_BLOCK, NULL, arg);
	return NULL;
}

/* Signals of the process pass it by, those of its own do not. */
static void mask(void **state)
{
	const struct thread_place anywhere = {0};
	sigset_t set;
	pthread_t t;

	(void)state;
	assert_int_equal(thread_start_at(&t, &anywhere, SIGUSR1, mask_of, &set),
			 0);
	pthread_join(t, NULL);
	assert_false(sigismember(&set, SIGUSR1));
	assert_true(sigismember(&set, SIGUSR2));
	assert_true(sigismember(&set, SIGTERM));
	assert_true(sigismember(&set, SIGINT));
	assert_false(sigismember(&set, SIGSEGV));
	assert_false(sigismember(&set, SIGBUS));
	assert_false(sigismember(&set, SIGABRT));
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	assert_false(sigismember(&set, SIGTERM));
}

struct nest {
	cpu_set_t outer, inner;
	int policy;
};

static void *inner_main(void *arg)
{
	struct nest *n = arg;

	sched_getaffinity(0, sizeof(n->inner), &n->inner);
	n->policy = sched_getscheduler(0);
	return NULL;
}

static void *outer_main(void *arg)
{
	struct sched_param sp = {.sched_priority = 1};
	struct nest *n = arg;
	pthread_t t;

	sched_getaffinity(0, sizeof(n->outer), &n->outer);
	/* where it is not allowed there is less to see */
	(void)sched_setscheduler(0, SCHED_FIFO, &sp);
	assert_int_equal(thread_start(&t, "inner", inner_main, n), 0);
	pthread_join(t, NULL);
	return NULL;
}

/* A vCPU has a CPU for itself: what it starts runs where main() does. */
static void home(void **state)
{
	struct thread_place one = {.pinned = true};
	cpu_set_t all;
	struct nest n;
	pthread_t t;
	int first = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_SET(first, &one.cpus);
	assert_int_equal(thread_start_at(&t, &one, 0, outer_main, &n), 0);
	pthread_join(t, NULL);
	assert_true(CPU_EQUAL(&n.outer, &one.cpus));
	assert_true(CPU_EQUAL(&n.inner, &all));
	assert_int_equal(n.policy, sched_getscheduler(0));
}

static void *name_of(void *arg)
{
	pause();
	return arg;
}

static void name(void **state)
{
	char got[16];
	pthread_t t;

	(void)state;
	assert_int_equal(thread_start(&t, "virtio-blk-pool", name_of, NULL), 0);
	assert_int_equal(pthread_getname_np(t, got, sizeof(got)), 0);
	assert_string_equal(got, "virtio-blk-pool");
	pthread_cancel(t);
	pthread_join(t, NULL);
}

static void *fault(void *arg)
{
	(void)arg;
	raise(SIGSEGV);
	return NULL;
}

/* A bug in any thread ends with 127 and a line, as one in main() does. */
static void bug_in_a_thread(void **state)
{
	int status = 0;
	pthread_t t;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		close(STDERR_FILENO);
		terminal_guard();
		(void)thread_start(&t, "fault", fault, NULL);
		pause();
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 127);
}

/* As nohup(1) and shells leave it. */
static void signals_that_are_ignored(void **state)
{
	static const int list[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
	sigset_t set;

	(void)state;
	signals_heeded(&set, list, 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_true(sigismember(&set, list[i]));
	assert_false(sigismember(&set, SIGUSR1));
	for (unsigned int i = 0; i < 4; i++)
		signal(list[i], SIG_IGN);
	signals_heeded(&set, list, 4);
	for (unsigned int i = 0; i < 4; i++) {
		signal(list[i], SIG_DFL);
		assert_int_equal(sigismember(&set, list[i]),
				 list[i] == SIGTERM || list[i] == SIGQUIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mask),
		cmocka_unit_test(home),
		cmocka_unit_test(name),
		cmocka_unit_test(bug_in_a_thread),
		cmocka_unit_test(signals_that_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
