// SPDX-License-Identifier: Apache-2.0
#include "vmm/thread.h"

#include <unistd.h>

#define STACK_BYTES (256u << 10)

/*
 * What a mistake of our own raises is not for another thread to take, and the
 * kernel ends a process that blocks it, without a word: terminal_guard() has
 * one.
 */
static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

static int attr_place(pthread_attr_t *attr, const struct thread_place *p)
{
	struct sched_param sp = {.sched_priority = p->rt_priority};
	int r = 0;

	if (p->pinned)
		r = pthread_attr_setaffinity_np(attr, sizeof(p->cpus),
						&p->cpus);
	if (r || (!p->rt_priority && !p->rt_dropped))
		return r;
	pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	r = pthread_attr_setschedpolicy(attr, p->rt_priority ? SCHED_FIFO
							     : SCHED_OTHER);
	return r ? r : pthread_attr_setschedparam(attr, &sp);
}

int thread_start_at(pthread_t *t, const struct thread_place *place, int signo,
		    void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attr;
	sigset_t mask;
	sigset_t old;
	int r;

	sigfillset(&mask);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&mask, faults[i]);
	if (signo)
		sigdelset(&mask, signo);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	r = attr_place(&attr, place);
	/* The new thread inherits the mask from its first instruction on. */
	pthread_sigmask(SIG_SETMASK, &mask, &old);
	if (r == 0)
		r = pthread_create(t, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}

/* Those of the main thread, if they differ from the caller's. */
static void home_policy(struct thread_place *p)
{
	struct sched_param sp = {0};
	int policy = sched_getscheduler(getpid());

	p->rt_dropped =
		policy == SCHED_OTHER && sched_getscheduler(0) == SCHED_FIFO;
	if (policy == SCHED_FIFO && sched_getparam(getpid(), &sp) == 0)
		p->rt_priority = sp.sched_priority;
}

int thread_start(pthread_t *t, const char *name, void *(*fn)(void *arg),
		 void *arg)
{
	struct thread_place p = {0};
	int r;

	p.pinned = sched_getaffinity(getpid(), sizeof(p.cpus), &p.cpus) == 0;
	home_policy(&p);
	r = thread_start_at(t, &p, 0, fn, arg);
	if (r == 0)
		pthread_setname_np(*t, name);
	return r;
}

static bool ignored(int signo)
{
	struct sigaction a;

	return sigaction(signo, NULL, &a) == 0 && a.sa_handler == SIG_IGN;
}

void signals_heeded(sigset_t *set, const int *list, size_t n)
{
	sigemptyset(set);
	for (size_t i = 0; i < n; i++) {
		if ((list[i] != SIGHUP && list[i] != SIGINT) ||
		    !ignored(list[i]))
			sigaddset(set, list[i]);
	}
}
