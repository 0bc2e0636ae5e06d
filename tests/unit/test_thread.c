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
	sigset_t set;
	pthread_t t;

	(void)state;
	assert_int_equal(thread_start(&t, SIGUSR1, mask_of, &set), 0);
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
		(void)thread_start(&t, 0, fault, NULL);
		pause();
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 127);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mask),
		cmocka_unit_test(bug_in_a_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
