/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/vcpu_place.h"

/* A CPU that this process has; two if there are. */
static int a_cpu(int skip)
{
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &set) && skip-- == 0)
			return i;
	}
	return -1;
}

struct seen {
	cpu_set_t cpus;
	int policy;
	int priority;
};

static void *look(void *arg)
{
	struct seen *s = arg;
	struct sched_param sp;

	sched_getaffinity(0, sizeof(s->cpus), &s->cpus);
	s->policy = sched_getscheduler(0);
	sched_getparam(0, &sp);
	s->priority = sp.sched_priority;
	return NULL;
}

/* What a vCPU's thread finds itself to be, in its first instruction. */
static struct seen started(const struct conf *c, unsigned int i)
{
	struct thread_place p;
	struct seen s = {.policy = -1};
	pthread_t t;

	vcpu_place(c, i, &p);
	if (thread_start_at(&t, &p, 0, look, &s) == 0)
		pthread_join(t, NULL);
	return s;
}

static void each_on_its_own(void **state)
{
	int a = a_cpu(0), b = a_cpu(1);
	struct conf c = {.cpus = 2};
	char text[64];
	cpu_set_t before, after;
	struct seen s;
	struct err e;

	(void)state;
	if (b < 0)
		skip();
	snprintf(text, sizeof(text), "%d/%d,%d", b, a, b);
	c.cpu_affinity = text;
	sched_getaffinity(0, sizeof(before), &before);
	assert_int_equal(vcpu_place_check(&c, &e), 0);
	s = started(&c, 0);
	assert_int_equal(CPU_COUNT(&s.cpus), 1);
	assert_true(CPU_ISSET(b, &s.cpus));
	s = started(&c, 1);
	assert_int_equal(CPU_COUNT(&s.cpus), 2);
	assert_true(CPU_ISSET(a, &s.cpus) && CPU_ISSET(b, &s.cpus));
	assert_int_equal(s.policy, SCHED_OTHER);
	/* We ourselves stay where we are. */
	sched_getaffinity(0, sizeof(after), &after);
	assert_true(CPU_EQUAL(&before, &after));
}

static void nothing_asked(void **state)
{
	struct conf c = {.cpus = 3};
	cpu_set_t mine;
	struct seen s;
	struct err e;

	(void)state;
	assert_int_equal(vcpu_place_check(&c, &e), 0);
	sched_getaffinity(0, sizeof(mine), &mine);
	s = started(&c, 2);
	assert_true(CPU_EQUAL(&s.cpus, &mine));
	assert_int_equal(s.policy, SCHED_OTHER);
}

/* The second vCPU's set has one CPU that there is, and one that is not. */
static void no_such_cpu(void **state)
{
	struct conf c = {.cpus = 2};
	struct err e = {0};
	char text[64];

	(void)state;
	snprintf(text, sizeof(text), "%d/%d,1023", a_cpu(0), a_cpu(0));
	c.cpu_affinity = text;
	assert_int_equal(vcpu_place_check(&c, &e), -ENODEV);
	assert_int_equal(e.what, ERR_AFFINITY);
	assert_int_equal(e.num, 1023);
	assert_true(strlen(e.detail) > 0);
	c.cpus = 1;
	assert_int_equal(vcpu_place_check(&c, &e), 0);
}

static void real_time(void **state)
{
	struct conf c = {.cpus = 1, .rt_priority = 7};
	struct seen s;
	struct err e;

	(void)state;
	if (vcpu_place_check(&c, &e) < 0) {
		assert_int_equal(e.what, ERR_RT_PRIORITY);
		skip(); /* who may not is told: see below */
	}
	s = started(&c, 0);
	assert_int_equal(s.policy, SCHED_FIFO);
	assert_int_equal(s.priority, 7);
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
}

static void real_time_refused(void **state)
{
	struct conf c = {.cpus = 1, .rt_priority = 7};
	struct rlimit none = {0, 0};
	struct err e = {0};
	int status = -1;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (setrlimit(RLIMIT_RTPRIO, &none) < 0 ||
		    (getuid() == 0 && setuid(65534) < 0))
			_exit(2);
		_exit(!(vcpu_place_check(&c, &e) == -EPERM &&
			e.what == ERR_RT_PRIORITY && e.num == 7));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_on_its_own),
		cmocka_unit_test(nothing_asked),
		cmocka_unit_test(no_such_cpu),
		cmocka_unit_test(real_time),
		cmocka_unit_test(real_time_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
