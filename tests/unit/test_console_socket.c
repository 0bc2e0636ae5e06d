/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/console_fixture.h"

#define RING 65536u

/* A console with a socket that clients come to. */
static int begin(struct console_fixture *f)
{
	struct conf_console w = console_at(f, CONSOLE_SOCKET, "sock");

	return console_begin(f, &w);
}

static struct sockaddr_un address(struct console_fixture *f)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strcpy(a.sun_path, console_path(f, "sock"));
	return a;
}

static int client(struct console_fixture *f)
{
	struct sockaddr_un a = address(f);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	console_run(f, 20);
	return fd;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void assert_reads(int fd, const char *want)
{
	char text[128];

	assert_int_equal(console_read(fd, text, strlen(want)), strlen(want));
	assert_memory_equal(text, want, strlen(want));
}

static void both_ways(void **state)
{
	struct console_fixture *f = *state;
	int fd;

	assert_int_equal(begin(f), 0);
	fd = client(f);
	console_say(f, "login: ");
	assert_reads(fd, "login: ");
	assert_int_equal(write(fd, "root\n\x01x", 7), 7);
	assert_true(console_await(f, 7));
	assert_true(console_got(f, "root\n\x01x"));
	close(fd);
}

static void only_for_this_user(void **state)
{
	struct console_fixture *f = *state;
	struct stat st;

	assert_int_equal(begin(f), 0);
	assert_int_equal(stat(console_path(f, "sock"), &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	consoles_close(&f->cs);
	assert_int_equal(stat(console_path(f, "sock"), &st), -1);
}

static void clients_come_and_go(void **state)
{
	struct console_fixture *f = *state;

	assert_int_equal(begin(f), 0);
	console_say(f, "before, ");
	for (unsigned int i = 0; i < 20; i++) {
		int fd = client(f);

		assert_reads(fd, "before, ");
		console_say(f, "with.");
		assert_reads(fd, "with.");
		assert_int_equal(write(fd, "hi", 2), 2);
		assert_true(console_await(f, 2));
		assert_true(console_got(f, "hi"));
		close(fd);
		/* Sometimes the next one is there before it is noticed. */
		if (i % 2)
			console_run(f, 10);
		console_say(f, "before, ");
	}
}

/* Nobody is waited for, and the last 64 KiB are for whoever comes. */
static void late_client(void **state)
{
	static uint8_t all[4 * RING], kept[2 * RING];
	struct console_fixture *f = *state;
	uint64_t t = now_ms();
	size_t n;
	int fd;

	assert_int_equal(begin(f), 0);
	console_fill(all, sizeof(all), 0);
	console_write(f->c, all, 1000);
	console_run(f, 20);
	console_write(f->c, all + 1000, sizeof(all) - 1001);
	console_write(f->c, all + sizeof(all) - 1, 1);
	assert_true(now_ms() - t < 500);
	fd = client(f);
	n = console_read_quiet(fd, kept, sizeof(kept), 300);
	assert_int_equal(n, RING);
	assert_true(console_filled(kept, n, sizeof(all) - n));
	close(fd);
}

static void second_client_is_turned_away(void **state)
{
	struct console_fixture *f = *state;
	char text[128];
	int one, two;
	size_t n;

	assert_int_equal(begin(f), 0);
	one = client(f);
	two = client(f);
	n = console_read(two, text, sizeof(text));
	assert_true(n > 0 && n < sizeof(text));
	text[n] = '\0';
	assert_non_null(strstr(text, "another client"));
	/* That was all it gets; the first one is not disturbed. */
	console_say(f, "for one");
	assert_reads(one, "for one");
	assert_int_equal(read(two, text, sizeof(text)), 0);
	close(one);
	close(two);
	/* Afterwards it is welcome. */
	two = client(f);
	console_say(f, "for two");
	assert_reads(two, "for two");
	close(two);
}

/* echo reboot | socat - UNIX:...: what it sends is done, it still reads. */
static void half_closed_client(void **state)
{
	struct console_fixture *f = *state;
	int fd, next;

	assert_int_equal(begin(f), 0);
	fd = client(f);
	assert_int_equal(write(fd, "reboot\n", 7), 7);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_true(console_await(f, 7));
	console_run(f, 20);
	console_say(f, "rebooting");
	assert_reads(fd, "rebooting");
	close(fd);
	next = client(f);
	console_say(f, "next");
	assert_reads(next, "next");
	assert_int_equal(write(next, "!", 1), 1);
	assert_true(console_await(f, 8));
	close(next);
}

/* Its input is not lost when it leaves before the guest takes it. */
static void client_leaves_its_input(void **state)
{
	static uint8_t all[5000];
	struct console_fixture *f = *state;
	int fd;

	assert_int_equal(begin(f), 0);
	memset(all, 'x', sizeof(all));
	f->appetite = 0;
	fd = client(f);
	assert_int_equal(write(fd, all, sizeof(all)), sizeof(all));
	close(fd);
	console_run(f, 20);
	assert_int_equal(f->n_got, 0);
	f->appetite = 100;
	assert_true(console_await(f, sizeof(all)));
	/* And then there is room for another one. */
	fd = client(f);
	console_say(f, "hello");
	assert_reads(fd, "hello");
	close(fd);
}

/* It is connected and does not read: a second of patience, then none. */
static void client_that_does_not_read(void **state)
{
	static uint8_t all[16 * RING], kept[16 * RING];
	struct console_fixture *f = *state;
	uint64_t t;
	size_t n;
	int fd;

	assert_int_equal(begin(f), 0);
	fd = client(f);
	console_fill(all, sizeof(all), 0);
	t = now_ms();
	for (size_t at = 0; at < sizeof(all); at += RING)
		console_write(f->c, all + at, RING);
	assert_true(now_ms() - t < 2500);
	/* What was kept is the beginning. */
	n = console_read_quiet(fd, kept, sizeof(kept), 500);
	assert_true(n >= RING && n < sizeof(all));
	assert_true(console_filled(kept, n, 0));
	/* It has read: it is waited for again. */
	console_write(f->c, all, RING);
	assert_int_equal(console_read_quiet(fd, kept, sizeof(kept), 500), RING);
	close(fd);
}

struct late {
	int fd;
	size_t n;
	int last; /* what the last read returned */
	uint8_t buf[2 * RING];
};

static void *read_late(void *arg)
{
	struct late *l = arg;
	ssize_t n;

	(void)poll(NULL, 0, 300);
	while ((n = read(l->fd, l->buf + l->n, 1000)) > 0)
		l->n += (size_t)n;
	l->last = (int)n;
	return NULL;
}

/* And what it sent that nobody took is no error to it. */
static void nothing_lost_at_the_end(void **state)
{
	static uint8_t all[RING];
	static struct late l;
	struct console_fixture *f = *state;
	pthread_t t;

	assert_int_equal(begin(f), 0);
	f->appetite = 0;
	l.fd = client(f);
	assert_int_equal(write(l.fd, all, 20000), 20000);
	console_fill(all, sizeof(all), 0);
	pthread_create(&t, NULL, read_late, &l);
	console_write(f->c, all, sizeof(all));
	consoles_close(&f->cs);
	pthread_join(t, NULL);
	assert_int_equal(l.n, sizeof(all));
	assert_true(console_filled(l.buf, l.n, 0));
	assert_int_equal(l.last, 0);
	close(l.fd);
}

static void end_without_a_client(void **state)
{
	struct console_fixture *f = *state;
	uint64_t t;

	assert_int_equal(begin(f), 0);
	console_say(f, "said to nobody");
	t = now_ms();
	consoles_close(&f->cs);
	assert_true(now_ms() - t < 1000);
}

/* --- the place ------------------------------------------------------------ */

static int listener(struct console_fixture *f, int type)
{
	struct sockaddr_un a = address(f);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	if (type != SOCK_DGRAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void stale_socket_is_replaced(void **state)
{
	struct console_fixture *f = *state;
	int fd;

	close(listener(f, SOCK_STREAM));
	assert_int_equal(begin(f), 0);
	fd = client(f);
	console_say(f, "here");
	assert_reads(fd, "here");
	close(fd);
}

/* Nor is it disturbed: nobody ever connects. */
static void live_socket_is_refused(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	struct console_fixture *f = *state;

	for (size_t i = 0; i < 3; i++) {
		int fd = listener(f, types[i]);
		struct pollfd p = {.fd = fd, .events = POLLIN};

		assert_int_equal(begin(f), -EADDRINUSE);
		assert_int_equal(poll(&p, 1, 0), 0);
		assert_int_equal(access(console_path(f, "sock"), F_OK), 0);
		close(fd);
		unlink(console_path(f, "sock"));
	}
}

static void something_else_is_refused(void **state)
{
	struct console_fixture *f = *state;
	int fd = open(console_path(f, "sock"), O_CREAT | O_WRONLY | O_CLOEXEC,
		      0600);

	close(fd);
	assert_int_equal(begin(f), -EEXIST);
	assert_int_equal(access(console_path(f, "sock"), F_OK), 0);
}

static void name_too_long(void **state)
{
	struct console_fixture *f = *state;
	char name[101];
	struct conf_console w;
	struct err e;

	memset(name, 'x', sizeof(name));
	name[100] = '\0';
	w = console_at(f, CONSOLE_SOCKET, name);
	assert_int_equal(console_add(&f->cs, &w, "test", &f->c, &e),
			 -ENAMETOOLONG);
	assert_int_equal(e.what, ERR_CONSOLE_OPEN);
	/* Nothing that was not ours was closed: not standard input either. */
	assert_true(fcntl(0, F_GETFD) >= 0);
	name[107 - strlen(f->dir) - 1] = '\0'; /* as long as it may be */
	w = console_at(f, CONSOLE_SOCKET, name);
	assert_int_equal(strlen(w.path), 107);
	assert_int_equal(console_begin(f, &w), 0);
}

/* Somebody else's by now: it stays. */
static void place_was_taken_over(void **state)
{
	struct console_fixture *f = *state;
	int fd;

	assert_int_equal(begin(f), 0);
	unlink(console_path(f, "sock"));
	fd = listener(f, SOCK_STREAM);
	consoles_close(&f->cs);
	assert_int_equal(access(console_path(f, "sock"), F_OK), 0);
	close(fd);
}

/* The lowest descriptor that is free. */
static int lowest(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

static unsigned int n_open(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Nothing of a client stays, whatever it did last and whoever noticed. */
static void no_descriptor_is_lost(void **state)
{
	struct console_fixture *f = *state;
	unsigned int before = n_open();

	assert_int_equal(begin(f), 0);
	for (unsigned int i = 0; i < 40; i++) {
		int fd = client(f);

		if (i & 1) {
			console_say(f, "hello");
			assert_reads(fd, "hello");
		}
		if (i & 2) {
			shutdown(fd, SHUT_WR);
			console_run(f, 5);
		}
		close(fd);
		if (i & 4)
			console_run(f, 5);
		if (i & 8)
			console_say(f, "hello");
		if (i & 8)
			console_run(f, 5);
		fd = client(f);
		if (i & 8)
			assert_reads(fd, "hello");
		close(fd);
	}
	consoles_close(&f->cs);
	assert_int_equal(n_open(), before);
}

/* The loop must not spin when no client can be taken. */
static void no_descriptors_left(void **state)
{
	struct console_fixture *f = *state;
	struct rlimit old, none;
	struct sockaddr_un a = address(f);
	int fd;
	char c;

	assert_int_equal(begin(f), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = (rlim_t)lowest();
	setrlimit(RLIMIT_NOFILE, &none);
	console_run(f, 20);
	setrlimit(RLIMIT_NOFILE, &old);
	/* It is closed; the next one is welcome. */
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), 0);
	close(fd);
	fd = client(f);
	console_say(f, "here");
	assert_reads(fd, "here");
	close(fd);
}

/* A wave of clients while the guest writes: no deadlock, no lost descriptor. */
static void *come_and_go(void *arg)
{
	struct console_fixture *f = arg;
	struct sockaddr_un a = address(f);
	char buf[4096];

	for (unsigned int i = 0; i < 300; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && i % 3)
			while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
				continue;
		close(fd);
	}
	return NULL;
}

static void *write_on(void *arg)
{
	struct console_fixture *f = arg;
	static const uint8_t line[100] = "a line";

	for (unsigned int i = 0; i < 20000; i++)
		console_write(f->c, line, sizeof(line));
	return NULL;
}

static void many_clients(void **state)
{
	struct console_fixture *f = *state;
	unsigned int before = n_open();
	pthread_t t[2];

	assert_int_equal(begin(f), 0);
	pthread_create(&t[0], NULL, come_and_go, f);
	pthread_create(&t[1], NULL, write_on, f);
	for (unsigned int i = 0; i < 2; i++)
		while (pthread_tryjoin_np(t[i], NULL) == EBUSY)
			console_run(f, 1);
	consoles_close(&f->cs);
	assert_int_equal(n_open(), before);
}

#define test(t)                                                                \
	cmocka_unit_test_setup_teardown(t, console_fixture_begin,              \
					console_fixture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(both_ways),
		test(only_for_this_user),
		test(clients_come_and_go),
		test(late_client),
		test(second_client_is_turned_away),
		test(half_closed_client),
		test(client_leaves_its_input),
		test(client_that_does_not_read),
		test(nothing_lost_at_the_end),
		test(end_without_a_client),
		test(stale_socket_is_replaced),
		test(live_socket_is_refused),
		test(something_else_is_refused),
		test(name_too_long),
		test(place_was_taken_over),
		test(no_descriptor_is_lost),
		test(no_descriptors_left),
		test(many_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
