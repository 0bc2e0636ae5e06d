// SPDX-License-Identifier: Apache-2.0
/*
 * What a shell cannot do for tests/service/run:
 *   tool listen SOCKET     be a service manager: one line for each datagram,
 *                          MILLISECONDS TEXT, with | for a line's end
 *   tool freeze TID SECS   stop this one thread for so long
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int listen_at(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[4096];

	if (fd < 0 || len >= sizeof(a.sun_path))
		return 1;
	memcpy(a.sun_path, name, len);
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	len += offsetof(struct sockaddr_un, sun_path);
	if (bind(fd, (struct sockaddr *)&a, (socklen_t)len) < 0)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("0 listening");
	for (;;) {
		ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

		if (n < 0)
			return 1;
		text[n] = '\0';
		for (char *c = text; (c = strchr(c, '\n')); c++)
			*c = '|';
		printf("%ld %s\n", now_ms(), text);
	}
}

static int freeze(pid_t tid, unsigned int seconds)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 ||
	    waitpid(tid, &status, __WALL) != tid)
		return 77; /* not allowed here */
	/* Signals that come meanwhile have to be handed on. */
	sleep(seconds);
	return ptrace(PTRACE_DETACH, tid, NULL, NULL) < 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "listen") == 0)
		return listen_at(argv[2]);
	if (argc == 4 && strcmp(argv[1], "freeze") == 0)
		return freeze(atoi(argv[2]), (unsigned int)atoi(argv[3]));
	fprintf(stderr, "usage: tool listen SOCKET | freeze TID SECONDS\n");
	return 2;
}
