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
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "vmm/console.h"
#include "vmm/terminal.h"

#define CTRL_A "\x01"

/* The machine around a console: the loop, its wake-up, and a guest. */
static struct console c;
static struct loop loop;
static int wake_fd;
static _Atomic unsigned int wakes;
static unsigned int quits;
static size_t appetite; /* bytes that the guest takes at a time */
static size_t n_got;
static uint8_t got[4096];

static void wake(void *ctx)
{
	uint64_t one = 1;

	(void)ctx;
	atomic_fetch_add(&wakes, 1);
	if (write(wake_fd, &one, sizeof(one)) < 0)
		abort();
}

static void on_wake(void *ctx)
{
	uint64_t n;

	(void)ctx;
	if (read(wake_fd, &n, sizeof(n)) < 0)
		abort();
}

static void quit(void *ctx)
{
	(void)ctx;
	quits++;
}

static size_t sink(void *ctx, const uint8_t *buf, size_t len)
{
	(void)ctx;
	if (len > appetite)
		len = appetite;
	if (len > sizeof(got) - n_got)
		abort();
	memcpy(got + n_got, buf, len);
	n_got += len;
	return len;
}

static int setup(void **state)
{
	(void)state;
	memset(&c, 0, sizeof(c));
	atomic_store(&wakes, 0);
	quits = 0;
	n_got = 0;
	appetite = SIZE_MAX;
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	console_init(&c, wake, NULL);
	if (wake_fd < 0 || loop_init(&loop) < 0 ||
	    loop_add(&loop, wake_fd, on_wake, NULL) < 0)
		return -1;
	alarm(30); /* what hangs is killed, and that is a failure */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	console_close(&c);
	loop_fini(&loop);
	close(wake_fd);
	alarm(0);
	return 0;
}

static void start(void)
{
	assert_int_equal(console_start(&c, &loop, sink, quit), 0);
}

/* The event loop as it runs, until the console has nothing to do at once. */
static void run(void)
{
	int ms = console_poll(&c);

	for (unsigned int i = 0; i < 100; i++) {
		struct epoll_event ev;

		if (ms != 0 && epoll_wait(loop.epoll, &ev, 1, 0) == 0)
			return;
		loop_once(&loop, ms);
		ms = console_poll(&c);
	}
	fail_msg("the loop does not come to rest");
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void say(const char *s)
{
	console_write(&c, (const uint8_t *)s, strlen(s));
}

/* A long text in which every place is different from its neighbours'. */
static void fill(uint8_t *buf, size_t len, uint64_t at)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)((at + i) * 2654435761u >> 13);
}

static void assert_filled(const uint8_t *buf, size_t len, uint64_t at)
{
	uint8_t want[4096];

	for (size_t i = 0; i < len; i += sizeof(want)) {
		size_t n = len - i < sizeof(want) ? len - i : sizeof(want);

		fill(want, n, at + i);
		assert_memory_equal(buf + i, want, n);
	}
}

/* --- output --- */

static void output_is_written_by_the_loop(void **state)
{
	char text[64];
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	c.out = p[1];
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	say("hello ");
	say("world");
	assert_int_equal(read(p[0], text, sizeof(text)), -1);
	/* One wake-up is enough until the ring is empty again. */
	assert_int_equal(wakes, 1);
	assert_int_equal(console_poll(&c), -1);
	assert_int_equal(read(p[0], text, sizeof(text)), 11);
	assert_memory_equal(text, "hello world", 11);
	say("!");
	assert_int_equal(wakes, 2);
	console_close(&c);
	assert_int_equal(read(p[0], text, sizeof(text)), 1);
	console_init(&c, wake, NULL);
	close(p[0]);
	close(p[1]);
}

#define TOTAL (1u << 20)

struct stream {
	int fd;
	size_t piece;
	size_t n;
	bool same;
	_Atomic bool done;
};

/* A vCPU that talks without a pause. */
static void *talk(void *arg)
{
	static uint8_t all[TOTAL];
	struct stream *s = arg;

	fill(all, TOTAL, 0);
	while (s->n < TOTAL) {
		size_t n = TOTAL - s->n < s->piece ? TOTAL - s->n : s->piece;

		console_write(&c, all + s->n, n);
		s->n += n;
	}
	atomic_store(&s->done, true);
	wake(NULL);
	return NULL;
}

static void *listen_all(void *arg)
{
	struct stream *s = arg;
	uint8_t buf[3000];
	uint8_t want[3000];
	ssize_t n;

	s->same = true;
	while ((n = read(s->fd, buf, sizeof(buf))) > 0) {
		fill(want, (size_t)n, s->n);
		s->same &= memcmp(buf, want, (size_t)n) == 0;
		s->n += (size_t)n;
	}
	return NULL;
}

/* All of it, in order, whatever the guest writes at a time. */
static void output_keeps_its_order(void **state)
{
	static const size_t pieces[] = {7, 1000, CONSOLE_OUT + 1, TOTAL};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct stream in = {.piece = pieces[i]};
		struct stream out = {0};
		pthread_t t[2];
		int p[2];

		assert_int_equal(pipe(p), 0);
		c.out = p[1];
		out.fd = p[0];
		pthread_create(&t[0], NULL, talk, &in);
		pthread_create(&t[1], NULL, listen_all, &out);
		while (!atomic_load(&in.done))
			loop_once(&loop, console_poll(&c));
		pthread_join(t[0], NULL);
		console_close(&c);
		close(p[1]);
		pthread_join(t[1], NULL);
		close(p[0]);
		console_init(&c, wake, NULL);
		assert_int_equal(out.n, TOTAL);
		assert_true(out.same);
	}
}

/* Until the pipe and the ring are full; then a little room in the pipe. */
static void fill_up(int p[2], uint8_t *all, size_t len)
{
	assert_int_equal(pipe(p), 0);
	assert_true(fcntl(p[1], F_SETPIPE_SZ, 65536) >= 65536);
	c.out = p[1];
	start();
	fill(all, len, 0);
	console_write(&c, all, CONSOLE_OUT);
	assert_int_equal(console_poll(&c), -1);
	console_write(&c, all + CONSOLE_OUT, CONSOLE_OUT);
	assert_true(console_poll(&c) > 0);
}

static size_t read_n(int fd, uint8_t *buf, size_t len)
{
	size_t n = 0;
	ssize_t r;

	while (n < len && (r = read(fd, buf + n, len - n)) > 0)
		n += (size_t)r;
	return n;
}

static void full_pipe_does_not_stop_the_loop(void **state)
{
	static uint8_t all[4 * CONSOLE_OUT];
	static uint8_t out[4 * CONSOLE_OUT];
	size_t n = 0;
	int p[2];

	(void)state;
	fill_up(p, all, sizeof(all));
	/* A reader that takes a little and stops again, over and over. */
	for (unsigned int i = 0; i < 4; i++) {
		n += read_n(p[0], out + n, 5000);
		assert_true(console_poll(&c) > 0);
	}
	while (n < 2 * CONSOLE_OUT) {
		size_t left = 2 * CONSOLE_OUT - n;

		n += read_n(p[0], out + n, left < 4096 ? left : 4096);
		(void)console_poll(&c);
	}
	assert_filled(out, n, 0);
	assert_int_equal(console_poll(&c), -1);
	close(p[0]);
	close(p[1]);
	c.out = -1;
}

/* The guest waits once, at most a moment; then its output is dropped. */
static void stalled_reader_does_not_stop_the_guest(void **state)
{
	static uint8_t all[4 * CONSOLE_OUT];
	static uint8_t out[4 * CONSOLE_OUT];
	uint64_t t;
	int p[2];

	(void)state;
	fill_up(p, all, sizeof(all));
	t = now_ms();
	for (unsigned int i = 0; i < 1000; i++)
		say("dropped");
	assert_true(now_ms() - t < 5000);
	assert_int_equal(read_n(p[0], out, CONSOLE_OUT), CONSOLE_OUT);
	(void)console_poll(&c);
	assert_int_equal(read_n(p[0], out + CONSOLE_OUT, CONSOLE_OUT),
			 CONSOLE_OUT);
	assert_filled(out, 2 * CONSOLE_OUT, 0);
	/* It reads again: nothing more is dropped. */
	say("back");
	assert_int_equal(console_poll(&c), -1);
	assert_int_equal(read_n(p[0], out, 4), 4);
	assert_memory_equal(out, "back", 4);
	close(p[0]);
	close(p[1]);
	c.out = -1;
}

static void closing_does_not_wait_for_a_stalled_reader(void **state)
{
	static uint8_t all[2 * CONSOLE_OUT];
	int p[2];

	(void)state;
	fill_up(p, all, sizeof(all));
	console_close(&c);
	console_init(&c, wake, NULL);
	close(p[0]);
	close(p[1]);
}

static void closed_reader(void **state)
{
	int p[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(p), 0);
	c.out = p[1];
	close(p[0]);
	for (unsigned int i = 0; i < 50000; i++) {
		say("nobody hears it");
		assert_int_equal(console_poll(&c), -1);
	}
	close(p[1]);
	c.out = -1;
}

static void full_terminal_does_not_stop_the_loop(void **state)
{
	static uint8_t all[CONSOLE_OUT];
	struct conf conf = {.console = CONSOLE_STDIO};
	struct err e;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave, saved;

	(void)state;
	if (master < 0 || grantpt(master) || unlockpt(master))
		skip();
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	memset(all, '\n', sizeof(all));
	/* No assertion while standard output is the terminal. */
	saved = dup(STDOUT_FILENO);
	dup2(slave, STDOUT_FILENO);
	console_open(&c, &conf, &e);
	for (unsigned int i = 0; i < 8; i++) {
		console_write(&c, all, sizeof(all));
		(void)console_poll(&c);
	}
	console_close(&c);
	dup2(saved, STDOUT_FILENO);
	console_init(&c, wake, NULL);
	/* The others who have the terminal still write to it as before. */
	assert_false(fcntl(slave, F_GETFL) & O_NONBLOCK);
	close(saved);
	close(slave);
	close(master);
}

/* --- where it goes --- */

static char *read_file(const char *name)
{
	static char text[64];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static void console_in_a_file(void **state)
{
	char name[] = "/tmp/barge-console-XXXXXX";
	struct conf conf = {.console = CONSOLE_FILE, .console_file = name};
	struct err e;
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "of last time", 12), 12);
	assert_int_equal(console_open(&c, &conf, &e), 0);
	assert_int_equal(c.in, -1);
	start();
	say("one\n");
	assert_int_equal(console_poll(&c), -1);
	say("two\n");
	console_close(&c);
	console_init(&c, wake, NULL);
	assert_string_equal(read_file(name), "one\ntwo\n");
	close(fd);
	unlink(name);
}

static void file_that_cannot_be_opened(void **state)
{
	char name[] = "/nonexistent/console";
	struct conf conf = {.console = CONSOLE_FILE, .console_file = name};
	struct err e;

	(void)state;
	assert_int_equal(console_open(&c, &conf, &e), -ENOENT);
	assert_int_equal(e.what, ERR_CONSOLE_OPEN);
	assert_string_equal(e.name, name);
	assert_int_equal(c.out, -1);
}

static void no_console(void **state)
{
	struct conf conf = {.console = CONSOLE_NONE};
	struct err e;

	(void)state;
	assert_int_equal(console_open(&c, &conf, &e), 0);
	start();
	for (unsigned int i = 0; i < 100000; i++)
		say("into the void");
	assert_int_equal(console_poll(&c), -1);
	assert_int_equal(wakes, 0);
}

/* --- input --- */

static void input_arrives(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	c.in = p[0];
	start();
	assert_int_equal(console_poll(&c), -1);
	assert_int_equal(write(p[1], "abc", 3), 3);
	run();
	assert_int_equal(n_got, 3);
	/* No terminal, no escape key. */
	assert_int_equal(write(p[1], CTRL_A "x" CTRL_A, 3), 3);
	run();
	assert_int_equal(n_got, 6);
	assert_memory_equal(got, "abc" CTRL_A "x" CTRL_A, 6);
	assert_int_equal(quits, 0);
	close(p[0]);
	close(p[1]);
}

static void input_waits_for_the_guest(void **state)
{
	uint8_t all[3000];
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	fill(all, sizeof(all), 0);
	c.in = p[0];
	appetite = 0;
	start();
	assert_int_equal(write(p[1], all, sizeof(all)), sizeof(all));
	run();
	/* What is here is one buffer; the rest waits in the pipe, unwatched. */
	assert_int_equal(n_got, 0);
	assert_int_equal(c.n, CONSOLE_IN);
	assert_false(c.watching);
	appetite = 1;
	assert_int_equal(console_poll(&c), -1);
	assert_int_equal(n_got, 1);
	assert_true(c.watching);
	for (unsigned int i = 0; i < 1000; i++) {
		appetite = i % 17;
		(void)console_poll(&c);
		loop_once(&loop, 0);
	}
	assert_int_equal(n_got, sizeof(all));
	assert_memory_equal(got, all, sizeof(all));
	close(p[0]);
	close(p[1]);
}

static void end_of_input_is_not_the_end(void **state)
{
	int p[2], out[2];
	char text[8];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(out), 0);
	c.in = p[0];
	c.out = out[1];
	appetite = 0;
	start();
	assert_int_equal(write(p[1], "bye", 3), 3);
	close(p[1]);
	run();
	assert_int_equal(c.in, -1);
	assert_int_equal(n_got, 0);
	/* The guest may take its time for what came before the end. */
	appetite = 2;
	(void)console_poll(&c);
	assert_int_equal(console_poll(&c), -1);
	assert_int_equal(n_got, 3);
	assert_memory_equal(got, "bye", 3);
	say("on");
	(void)console_poll(&c);
	assert_int_equal(read(out[0], text, sizeof(text)), 2);
	close(p[0]);
	close(out[0]);
	close(out[1]);
	c.out = -1;
}

static void null_as_input(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	c.in = fd;
	start();
	run();
	assert_int_equal(c.in, -1);
	assert_int_equal(console_poll(&c), -1);
	assert_int_equal(n_got, 0);
	close(fd);
}

static void file_as_input(void **state)
{
	FILE *f = tmpfile();
	uint8_t all[1000];

	(void)state;
	assert_non_null(f);
	fill(all, sizeof(all), 0);
	assert_int_equal(fwrite(all, 1, sizeof(all), f), sizeof(all));
	rewind(f);
	c.in = fileno(f);
	appetite = 0;
	start();
	run();
	/* Not read ahead of the guest, and no spinning for it. */
	assert_int_equal(c.n, CONSOLE_IN);
	assert_int_equal(console_poll(&c), -1);
	for (unsigned int i = 0; i < 100; i++) {
		appetite = 30;
		run();
	}
	assert_int_equal(n_got, sizeof(all));
	assert_memory_equal(got, all, sizeof(all));
	assert_int_equal(c.in, -1);
	assert_int_equal(console_poll(&c), -1);
	fclose(f);
}

/* --- terminals --- */

struct pty {
	int master;
	int slave;
};

static void raw(int fd)
{
	struct termios t;

	assert_int_equal(tcgetattr(fd, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(fd, TCSANOW, &t), 0);
}

static void open_pty(struct pty *p)
{
	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->master < 0 || grantpt(p->master) || unlockpt(p->master))
		skip();
	p->slave = open(ptsname(p->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(p->slave >= 0);
	raw(p->slave);
}

static void close_pty(struct pty *p)
{
	close(p->master);
	close(p->slave);
}

static void type(struct pty *p, const char *keys)
{
	struct pollfd in = {.fd = p->slave, .events = POLLIN};
	size_t len = strlen(keys);

	assert_int_equal(write(p->master, keys, len), len);
	assert_int_equal(poll(&in, 1, 5000), 1);
	run();
}

static void assert_typed(const char *want)
{
	assert_int_equal(n_got, strlen(want));
	assert_memory_equal(got, want, strlen(want));
	n_got = 0;
}

static void escape_key(void **state)
{
	struct pty p;

	(void)state;
	open_pty(&p);
	c.in = p.slave;
	start();
	assert_true(c.tty);
	type(&p, "plain x");
	assert_typed("plain x");
	type(&p, "a" CTRL_A CTRL_A "b");
	assert_typed("a" CTRL_A "b");
	type(&p, "a" CTRL_A "c");
	assert_typed("ac");
	/* The escape outlives a read; control characters are keys. */
	type(&p, "1" CTRL_A);
	assert_typed("1");
	type(&p, CTRL_A "\x03");
	assert_typed(CTRL_A "\x03");
	assert_int_equal(quits, 0);
	type(&p, "a" CTRL_A "x"
		 "b");
	assert_typed("ab");
	assert_int_equal(quits, 1);
	type(&p, CTRL_A);
	type(&p, "X");
	assert_int_equal(quits, 2);
	assert_typed("");
	type(&p, "x");
	assert_int_equal(quits, 2);
	close_pty(&p);
}

/* The escape works although the guest takes nothing. */
static void escape_from_a_dead_guest(void **state)
{
	struct pty p;

	(void)state;
	open_pty(&p);
	c.in = p.slave;
	appetite = 0;
	start();
	type(&p, "is anybody there? " CTRL_A "x");
	assert_int_equal(quits, 1);
	close_pty(&p);
}

static bool is_raw(int fd)
{
	struct termios t;

	return tcgetattr(fd, &t) == 0 &&
	       !(t.c_lflag & (ICANON | ECHO | ISIG)) && (t.c_oflag & OPOST);
}

/* In a session of its own, whose terminal this is. 0, or where it failed. */
static int own_terminal(const char *name)
{
	struct termios before, after;
	int fd;

	setsid();
	fd = open(name, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		return 1;
	memset(&before, 0, sizeof(before));
	memset(&after, 0, sizeof(after));
	tcgetattr(fd, &before);
	c.in = fd;
	if (console_start(&c, &loop, sink, quit) < 0 || !is_raw(fd))
		return 2;
	console_close(&c);
	tcgetattr(fd, &after);
	if (memcmp(&before, &after, sizeof(before)) != 0)
		return 3;
	/* On every way out, also if it is taken twice. */
	if (terminal_raw(fd) < 0 || !is_raw(fd))
		return 4;
	terminal_restore();
	terminal_restore();
	tcgetattr(fd, &after);
	return memcmp(&before, &after, sizeof(before)) ? 5 : 0;
}

static void raw_mode_comes_and_goes(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int status = -1;
	pid_t pid;

	(void)state;
	if (master < 0 || grantpt(master) || unlockpt(master))
		skip();
	pid = fork();
	if (pid == 0)
		_exit(own_terminal(ptsname(master)));
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(master);
}

/* A terminal that is somebody else's is left as it is. */
static void foreign_terminal_is_left_alone(void **state)
{
	struct termios t;
	struct pty p;

	(void)state;
	open_pty(&p);
	assert_int_equal(tcgetattr(p.slave, &t), 0);
	t.c_lflag |= ICANON | ECHO;
	assert_int_equal(tcsetattr(p.slave, TCSANOW, &t), 0);
	c.in = p.slave;
	start();
	assert_int_equal(tcgetattr(p.slave, &t), 0);
	assert_true(t.c_lflag & ICANON);
	close_pty(&p);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(output_is_written_by_the_loop),
		test(output_keeps_its_order),
		test(full_pipe_does_not_stop_the_loop),
		test(stalled_reader_does_not_stop_the_guest),
		test(closing_does_not_wait_for_a_stalled_reader),
		test(closed_reader),
		test(full_terminal_does_not_stop_the_loop),
		test(console_in_a_file),
		test(file_that_cannot_be_opened),
		test(no_console),
		test(input_arrives),
		test(input_waits_for_the_guest),
		test(end_of_input_is_not_the_end),
		test(null_as_input),
		test(file_as_input),
		test(escape_key),
		test(escape_from_a_dead_guest),
		test(raw_mode_comes_and_goes),
		test(foreign_terminal_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
