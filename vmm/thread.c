// SPDX-License-Identifier: Apache-2.0
#include "vmm/thread.h"

#include <signal.h>
#include <stddef.h>

#define STACK_BYTES (256u << 10)

/*
 * What a mistake of our own raises is not for another thread to take, and the
 * kernel ends a process that blocks it, without a word: terminal_guard() has
 * one.
 */
static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

int thread_start(pthread_t *t, int signo, void *(*fn)(void *arg), void *arg)
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
	/* The new thread inherits the mask from its first instruction on. */
	pthread_sigmask(SIG_SETMASK, &mask, &old);
	r = pthread_create(t, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}
