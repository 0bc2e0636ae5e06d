// SPDX-License-Identifier: Apache-2.0
/*
 * sock: both ends of sockets between guest and host, for L1 and L2. ADDRESS is
 * vsock:CID:PORT, unix:PATH, or at:PATH:PORT, which is a port of the guest's by
 * the Unix socket of --vsock.
 *
 *   sock echo ADDRESS COUNT     says "listening"; gives so many clients back
 *                               what they send, several at once
 *   sock send ADDRESS BYTES     sends, ends its side, and compares what comes
 *                               back: "ok SUM"
 *   sock sink ADDRESS BYTES     takes a client slowly: "ok SUM"
 *   sock pour ADDRESS BYTES     sends and closes: "ok SUM"
 *   sock many ADDRESS COUNT     so many connections at once, a line through
 *                               each of them: "ok COUNT", or how far it came
 *   sock say ADDRESS TEXT       sends the text
 *   sock refused ADDRESS        "ok" if nobody is there
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define PIECE 65536

static void die(const char *what)
{
	printf("sock: %s: %s\n", what, strerror(errno));
	exit(1);
}

static socklen_t address(const char *text, struct sockaddr_storage *s,
			 unsigned int *at)
{
	struct sockaddr_vm *v = (void *)s;
	struct sockaddr_un *u = (void *)s;
	long long cid;

	memset(s, 0, sizeof(*s));
	*at = 0;
	if (sscanf(text, "vsock:%lld:%u", &cid, &v->svm_port) == 2) {
		v->svm_family = AF_VSOCK;
		v->svm_cid = (unsigned int)cid;
		return sizeof(*v);
	}
	u->sun_family = AF_UNIX;
	if (sscanf(text, "at:%100[^:]:%u", u->sun_path, at) == 2 ||
	    sscanf(text, "unix:%100s", u->sun_path) == 1)
		return sizeof(*u);
	die(text);
	return 0;
}

/* The answer, byte by byte: what follows is the other side's. */
static int greet(int fd, unsigned int port)
{
	char c = 0, first = 0;

	dprintf(fd, "CONNECT %u\n", port);
	while (c != '\n') {
		if (read(fd, &c, 1) != 1)
			return -1;
		first = first ? first : c;
	}
	return first == 'O' ? 0 : -1;
}

static int dial(const char *text)
{
	struct sockaddr_storage s;
	unsigned int at;
	socklen_t len = address(text, &s, &at);
	int fd = socket(s.ss_family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	if (connect(fd, (void *)&s, len) < 0 || (at && greet(fd, at) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int dial_or_die(const char *text)
{
	int fd = dial(text);

	if (fd < 0)
		die(text);
	return fd;
}

static int hear(const char *text)
{
	struct sockaddr_storage s;
	unsigned int at;
	socklen_t len = address(text, &s, &at);
	int fd = socket(s.ss_family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (void *)&s, len) < 0 || listen(fd, 300) < 0)
		die(text);
	printf("listening\n");
	fflush(stdout);
	return fd;
}

/* Byte @i of what is sent. */
static uint8_t pattern(uint64_t i)
{
	return (uint8_t)((i * 0x9e3779b97f4a7c15ull) >> 56);
}

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	while (n--)
		s = (s ^ *p++) * 16777619u;
	return s;
}

static size_t make(uint8_t *buf, uint64_t from, uint64_t end)
{
	size_t n = end - from < PIECE ? end - from : PIECE;

	for (size_t i = 0; i < n; i++)
		buf[i] = pattern(from + i);
	return n;
}

static void echo_one(int fd)
{
	static uint8_t buf[PIECE];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t off = 0; off < n;) {
			ssize_t w = write(fd, buf + off, (size_t)(n - off));

			if (w <= 0)
				exit(1);
			off += w;
		}
	}
	exit(0);
}

static void do_echo(const char *where, uint64_t count)
{
	int listener = hear(where), status, bad = 0;

	for (uint64_t i = 0; i < count; i++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		if (fork() == 0)
			echo_one(fd);
		close(fd);
	}
	while (wait(&status) > 0)
		bad += status != 0;
	printf("ok %d\n", bad);
}

static uint64_t send_some(int fd, uint64_t sent, uint64_t end)
{
	static uint8_t buf[PIECE];
	ssize_t n = send(fd, buf, make(buf, sent, end),
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		die("send");
	if (n > 0)
		sent += (uint64_t)n;
	if (sent == end)
		shutdown(fd, SHUT_WR);
	return sent;
}

static void do_send(const char *where, uint64_t end)
{
	uint64_t sent = 0, got = 0;
	uint32_t s = 2166136261u;
	uint8_t buf[PIECE];
	int fd = dial_or_die(where);

	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		ssize_t n;

		if (sent < end)
			p.events |= POLLOUT;
		poll(&p, 1, -1);
		if (p.revents & POLLOUT && sent < end)
			sent = send_some(fd, sent, end);
		if (!(p.revents & (POLLIN | POLLHUP)))
			continue;
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n < 0)
			die("recv");
		if (n == 0)
			break;
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] != pattern(got + (uint64_t)i)) {
				printf("wrong byte at %llu\n",
				       (unsigned long long)got);
				exit(1);
			}
		}
		got += (uint64_t)n;
		s = sum(s, buf, (size_t)n);
	}
	if (got != end) {
		printf("%llu of %llu came back\n", (unsigned long long)got,
		       (unsigned long long)end);
		exit(1);
	}
	printf("ok %08x\n", s);
}

static void do_sink(const char *where, uint64_t end)
{
	uint32_t s = 2166136261u;
	uint64_t got = 0;
	uint8_t buf[PIECE];
	int fd = accept(hear(where), NULL, NULL);
	ssize_t n;

	/* long after the other side has written and closed */
	sleep(2);
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		s = sum(s, buf, (size_t)n);
		got += (uint64_t)n;
	}
	if (got != end)
		printf("%llu bytes came\n", (unsigned long long)got);
	else
		printf("ok %08x\n", s);
}

static void do_pour(const char *where, uint64_t end)
{
	uint32_t s = 2166136261u;
	uint8_t buf[PIECE];
	int fd = dial_or_die(where);

	for (uint64_t done = 0; done < end;) {
		size_t n = make(buf, done, end);

		s = sum(s, buf, n);
		for (size_t off = 0; off < n;) {
			ssize_t w = write(fd, buf + off, n - off);

			if (w <= 0)
				die("write");
			off += (size_t)w;
		}
		done += n;
	}
	close(fd);
	printf("ok %08x\n", s);
}

static void do_many(const char *where, uint64_t count)
{
	int fd[1024];
	uint64_t i;
	char c;

	for (i = 0; i < count && i < 1024; i++) {
		fd[i] = dial(where);
		if (fd[i] < 0)
			break;
	}
	if (i < count) {
		printf("%llu of %llu\n", (unsigned long long)i,
		       (unsigned long long)count);
		exit(1);
	}
	for (i = 0; i < count; i++) {
		if (write(fd[i], &i, 1) != 1)
			die("write");
	}
	for (i = 0; i < count; i++) {
		if (read(fd[i], &c, 1) != 1 || c != (char)i)
			die("read");
	}
	printf("ok %llu\n", (unsigned long long)count);
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;

	setlinebuf(stdout);
	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "echo") == 0) {
		do_echo(argv[2], n);
	} else if (strcmp(argv[1], "send") == 0) {
		do_send(argv[2], n);
	} else if (strcmp(argv[1], "sink") == 0) {
		do_sink(argv[2], n);
	} else if (strcmp(argv[1], "pour") == 0) {
		do_pour(argv[2], n);
	} else if (strcmp(argv[1], "many") == 0) {
		do_many(argv[2], n);
	} else if (strcmp(argv[1], "say") == 0 && argc > 3) {
		dprintf(dial_or_die(argv[2]), "%s", argv[3]);
	} else if (strcmp(argv[1], "refused") == 0) {
		printf(dial(argv[2]) < 0 ? "ok\n" : "somebody is there\n");
	} else {
		return 2;
	}
	return 0;
}
