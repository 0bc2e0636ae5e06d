// SPDX-License-Identifier: Apache-2.0
#include "vmm/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/bug.h"

/* The one global of its kind: a signal handler has nothing else to reach. */
static struct {
	volatile sig_atomic_t raw;
	int fd;
	struct termios saved;
} term;

bool terminal_in_front(int fd)
{
	pid_t job = tcgetpgrp(fd);

	/* None: not our session's terminal, or it has hung up. */
	return job < 0 || job == getpgrp();
}

void terminal_restore(void)
{
	if (!term.raw)
		return;
	term.raw = 0;
	/* In the background this would stop us: the shell restores then. */
	if (terminal_in_front(term.fd))
		tcsetattr(term.fd, TCSANOW, &term.saved);
}

int terminal_raw(int fd)
{
	struct termios t;

	if (!term.raw && tcgetattr(fd, &term.saved) < 0)
		return -errno;
	t = term.saved;
	cfmakeraw(&t);
	t.c_oflag |= OPOST; /* our own messages keep their line ends */
	term.fd = fd;
	term.raw = 1;
	if (tcsetattr(fd, TCSANOW, &t) < 0)
		return -errno;
	return 0;
}

static void say(const char *s)
{
	if (write(STDERR_FILENO, s, strlen(s)) < 0)
		return;
}

static void fatal(int sig)
{
	terminal_restore();
	say("barge: a bug in barge: signal ");
	say(sig == SIGBUS    ? "SIGBUS"
	    : sig == SIGFPE  ? "SIGFPE"
	    : sig == SIGILL  ? "SIGILL"
	    : sig == SIGSEGV ? "SIGSEGV"
			     : "SIGABRT");
	say(". Please report it with the command line and `barge "
	    "--version`.\n");
	_exit(127);
}

void terminal_guard(void)
{
	static const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	struct sigaction sa = {.sa_handler = fatal, .sa_flags = SA_RESETHAND};

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaction(sigs[i], &sa, NULL);
	atexit(terminal_restore);
}

void bug(const char *file, int line, const char *what)
{
	terminal_restore();
	fprintf(stderr,
		"barge: a bug in barge: %s:%d: %s. Please report it with the "
		"command line and `barge --version`.\n",
		file, line, what);
	_exit(127);
}
