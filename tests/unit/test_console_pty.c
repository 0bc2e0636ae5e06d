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
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/console_fixture.h"

#define RING 65536u

/* A console with a pseudo-terminal of its own. */
static void begin(struct console_fixture *f)
{
	struct conf_console w = console_at(f, CONSOLE_PTY, "link");

	assert_int_equal(console_begin(f, &w), 0);
}

static int reader(struct console_fixture *f)
{
	int fd = open(console_path(f, "link"), O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void both_ways(void **state)
{
	struct console_fixture *f = *state;
	char text[16];
	int fd;

	begin(f);
	fd = reader(f);
	console_say(f, "login: ");
	assert_int_equal(console_read(fd, text, 7), 7);
	assert_memory_equal(text, "login: ", 7);
	/* Raw: what is typed is neither echoed nor kept until the line ends,
	 * and Ctrl-A is no escape key. */
	assert_int_equal(write(fd, "root\r\x03\x01x", 8), 8);
	assert_true(console_await(f, 8));
	assert_true(console_got(f, "root\r\x03\x01x"));
	assert_int_equal(console_read_quiet(fd, text, sizeof(text), 50), 0);
	close(fd);
}

static void readers_come_and_go(void **state)
{
	struct console_fixture *f = *state;
	char text[64];

	begin(f);
	console_say(f, "before, ");
	for (unsigned int i = 0; i < 3; i++) {
		struct termios t;
		int fd = reader(f);

		assert_int_equal(tcgetattr(fd, &t), 0);
		assert_false(t.c_lflag & (ICANON | ECHO));
		console_run(f, 600);
		console_say(f, "with.");
		assert_int_equal(console_read(fd, text, 13), 13);
		assert_memory_equal(text, "before, with.", 13);
		assert_int_equal(write(fd, "hi", 2), 2);
		assert_true(console_await(f, 2));
		assert_true(console_got(f, "hi"));
		/* Put right when it is gone. */
		t.c_lflag |= ICANON | ECHO;
		tcsetattr(fd, TCSANOW, &t);
		close(fd);
		console_run(f, 50);
		console_say(f, "before, ");
	}
}

/* Nobody is waited for, and the last 64 KiB are for whoever comes. */
static void nobody_reads(void **state)
{
	static uint8_t all[4 * RING], kept[2 * RING];
	struct console_fixture *f = *state;
	uint64_t t = now_ms();
	size_t n;
	int fd;

	begin(f);
	console_fill(all, sizeof(all), 0);
	for (size_t at = 0; at < sizeof(all); at += 1000)
		console_write(f->c, all + at,
			      sizeof(all) - at < 1000 ? sizeof(all) - at
						      : 1000);
	assert_true(now_ms() - t < 500);
	fd = reader(f);
	n = console_read_quiet(fd, kept, sizeof(kept), 1000);
	assert_int_equal(n, RING);
	assert_true(console_filled(kept, n, sizeof(all) - n));
	close(fd);
}

/* It has it open and does not read: a second of patience, then none. */
static void reader_that_does_not_read(void **state)
{
	static uint8_t all[4 * RING], kept[2 * RING];
	struct console_fixture *f = *state;
	uint64_t t;
	size_t n;
	int fd;

	begin(f);
	fd = reader(f);
	console_fill(all, sizeof(all), 0);
	t = now_ms();
	for (size_t at = 0; at < sizeof(all); at += RING)
		console_write(f->c, all + at, RING);
	assert_true(now_ms() - t < 2500);
	/* What was kept is the beginning. */
	n = console_read_quiet(fd, kept, sizeof(kept), 1000);
	assert_true(n >= RING && n < 2 * RING);
	assert_true(console_filled(kept, n, 0));
	close(fd);
}

struct late {
	int fd;
	size_t n;
	uint8_t buf[2 * RING];
};

static void *read_late(void *arg)
{
	struct late *l = arg;
	ssize_t n;

	(void)poll(NULL, 0, 300);
	while ((n = read(l->fd, l->buf + l->n, 1000)) > 0) {
		l->n += (size_t)n;
		(void)poll(NULL, 0, 2);
	}
	return NULL;
}

/* The kernel forgets what is in a pty's buffers when the master closes. */
static void nothing_lost_at_the_end(void **state)
{
	static uint8_t all[40000];
	static struct late l;
	struct console_fixture *f = *state;
	pthread_t t;

	begin(f);
	console_fill(all, sizeof(all), 0);
	l.fd = reader(f);
	pthread_create(&t, NULL, read_late, &l);
	console_write(f->c, all, sizeof(all));
	consoles_close(&f->cs);
	pthread_join(t, NULL);
	assert_int_equal(l.n, sizeof(all));
	assert_true(console_filled(l.buf, l.n, 0));
	close(l.fd);
}

/* Nor when somebody opened it just before. */
static void reader_of_the_last_moment(void **state)
{
	struct console_fixture *f = *state;
	static struct late l;
	pthread_t t;

	begin(f);
	console_say(f, "said to nobody");
	(void)poll(NULL, 0, 50);
	l.fd = reader(f);
	pthread_create(&t, NULL, read_late, &l);
	consoles_close(&f->cs);
	pthread_join(t, NULL);
	assert_int_equal(l.n, 14);
	close(l.fd);
}

static void end_without_a_reader(void **state)
{
	struct console_fixture *f = *state;
	uint64_t t;
	int fd;

	begin(f);
	console_say(f, "said to nobody");
	t = now_ms();
	consoles_close(&f->cs);
	assert_true(now_ms() - t < 1000);
	/* One that has it open and does not read: not for ever. */
	begin(f);
	fd = reader(f);
	console_say(f, "said to a deaf one");
	(void)poll(NULL, 0, 100);
	t = now_ms();
	consoles_close(&f->cs);
	assert_true(now_ms() - t < 4000);
	close(fd);
}

/* The guest takes little: the rest waits, in order. */
static void input_waits(void **state)
{
	static uint8_t all[3000];
	struct console_fixture *f = *state;
	int fd;

	begin(f);
	fd = reader(f);
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)('a' + i % 23);
	f->appetite = 0;
	assert_int_equal(write(fd, all, sizeof(all)), sizeof(all));
	console_run(f, 700);
	assert_int_equal(f->n_got, 0);
	for (unsigned int i = 0; i < 2000 && f->n_got < sizeof(all); i++) {
		f->appetite = i % 17;
		console_run(f, 1);
	}
	assert_int_equal(f->n_got, sizeof(all));
	assert_memory_equal(f->got, all, sizeof(all));
	close(fd);
}

static void link_comes_and_goes(void **state)
{
	struct console_fixture *f = *state;
	struct stat st;

	begin(f);
	assert_int_equal(lstat(console_path(f, "link"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(console_path(f, "link"), &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	consoles_close(&f->cs);
	assert_int_equal(lstat(console_path(f, "link"), &st), -1);
}

static void link_of_a_killed_run(void **state)
{
	struct console_fixture *f = *state;
	char to[64] = "";

	assert_int_equal(symlink("/dev/pts/999999", console_path(f, "link")),
			 0);
	begin(f);
	assert_true(readlink(console_path(f, "link"), to, sizeof(to)) > 0);
	assert_string_not_equal(to, "/dev/pts/999999");
	/* Another run has taken it over: it stays. */
	unlink(console_path(f, "link"));
	assert_int_equal(symlink("/dev/pts/999998", console_path(f, "link")),
			 0);
	consoles_close(&f->cs);
	assert_int_equal(readlink(console_path(f, "link"), to, sizeof(to)), 15);
}

static void link_that_is_something_else(void **state)
{
	struct console_fixture *f = *state;
	struct conf_console w = console_at(f, CONSOLE_PTY, "link");
	struct err e;

	assert_int_equal(symlink("/etc/passwd", w.path), 0);
	assert_int_equal(console_add(&f->cs, &w, "test", &f->c, &e), -EEXIST);
	assert_int_equal(e.what, ERR_CONSOLE_OPEN);
	assert_string_equal(e.name, w.path);
	assert_int_equal(unlink(w.path), 0);
	assert_int_equal(mkdir(w.path, 0700), 0);
	assert_int_equal(console_add(&f->cs, &w, "test", &f->c, &e), -EEXIST);
	rmdir(w.path);
}

#define test(t)                                                                \
	cmocka_unit_test_setup_teardown(t, console_fixture_begin,              \
					console_fixture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(both_ways),
		test(readers_come_and_go),
		test(nobody_reads),
		test(reader_that_does_not_read),
		test(nothing_lost_at_the_end),
		test(reader_of_the_last_moment),
		test(end_without_a_reader),
		test(input_waits),
		test(link_comes_and_goes),
		test(link_of_a_killed_run),
		test(link_that_is_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
