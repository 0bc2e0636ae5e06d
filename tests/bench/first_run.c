// SPDX-License-Identifier: Apache-2.0
/*
 * first_run COMMAND...: prints the milliseconds from exec of COMMAND to its
 * first KVM_RUN, and kills it there.
 *
 * How it works: a seccomp filter, installed before exec, stops the process at
 * ioctl(KVM_RUN) and at no other system call, so that what is measured hardly
 * notices. Threads and children are followed: which of them runs a vCPU is the
 * command's own affair.
 *
 * Status: 0 measured, 1 usage or no ptrace, 2 COMMAND ended without KVM_RUN.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_AT_MOST 120

#define LOAD(field)                                                            \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip)                                                    \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int give_up(const char *what)
{
	fprintf(stderr, "first_run: %s: %s\n", what, strerror(errno));
	return 1;
}

/* On a little-endian machine the low half of args[1] is where args[1] is. */
static int stop_at_kvm_run(void)
{
	struct sock_filter code[] = {
		LOAD(nr),
		UNLESS(SYS_ioctl, 3),
		LOAD(args[1]),
		UNLESS(KVM_RUN, 1),
		RETURN(SECCOMP_RET_TRACE),
		RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void child(char **command)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(give_up("PTRACE_TRACEME"));
	raise(SIGSTOP);
	if (stop_at_kvm_run() < 0)
		_exit(give_up("seccomp"));
	execvp(command[0], command);
	_exit(give_up(command[0]));
}

/* The signal to hand on for a stop; those that ptrace itself made stay here. */
static int signal_of(int status)
{
	int sig = WSTOPSIG(status);

	return status >> 16 || sig == SIGSTOP || sig == SIGTRAP ? 0 : sig;
}

/* Lets all run on until one stops at KVM_RUN: 0, or 2 if @pid ends before. */
static int await_kvm_run(pid_t pid)
{
	pid_t who;
	int status;

	for (;;) {
		who = waitpid(-1, &status, __WALL);
		if (who < 0)
			return 2;
		if (!WIFSTOPPED(status)) {
			if (who == pid)
				return 2;
			continue;
		}
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
			return 0;
		ptrace(PTRACE_CONT, who, NULL, (long)signal_of(status));
	}
}

static void end_all(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0)
		;
}

int main(int argc, char **argv)
{
	const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP |
			     PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	double start, end;
	int status, r;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: first_run COMMAND...\n");
		return 1;
	}
	pid = fork();
	if (pid < 0)
		return give_up("fork");
	if (pid == 0)
		child(argv + 1);
	if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, options) < 0)
		return give_up("ptrace");
	alarm(SECONDS_AT_MOST);
	start = now_ms();
	ptrace(PTRACE_CONT, pid, NULL, 0L);
	r = await_kvm_run(pid);
	end = now_ms();
	end_all(pid);
	if (r == 0)
		printf("%.3f\n", end - start);
	return r;
}
