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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "vmm/console_host.h"
#include "vmm/terminal.h"

#define CTRL_A "\x01"

/* The machine around a console: the loop and a guest. */
static struct consoles cs;
static struct console *c;	  /* on stdio: see start() */
static struct console_host *side; /* its host side */
static struct loop loop;
static unsigned int quits;
static bool asleep;	/* the guest's device cannot be asked */
static size_t appetite; /* bytes that the guest takes at a time */
static size_t n_got;
static uint8_t got[4096];

static void quit(void *ctx)
{
	assert_ptr_equal(ctx, &loop);
	quits++;
}

static ssize_t sink(void *ctx, const uint8_t *buf, size_t len)
{
	assert_ptr_equal(ctx, &loop);
	assert_true(len > 0);
	if (asleep)
		return -EAGAIN;
	if (len > appetite)
		len = appetite;
	assert_true(len <= sizeof(got) - n_got);
	memcpy(got + n_got, buf, len);
	n_got += len;
	return (ssize_t)len;
}

static const struct console_ops ops = {.sink = sink};

static int setup(void **state)
{
	(void)state;
	quits = 0;
	n_got = 0;
	asleep = false;
	appetite = SIZE_MAX;
	consoles_init(&cs);
	c = NULL;
	cs.std_in = -1;
	cs.std_out = -1;
	if (loop_init(&loop) < 0)
		return -1;
	alarm(30); /* what hangs is killed, and that is a failure */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	consoles_close(&cs);
	loop_fini(&loop);
	alarm(0);
	return 0;
}

/* A port on stdio, which is @fd. */
static int begin(int fd)
{
	static const struct conf_console where = {.kind = CONSOLE_STDIO};
	struct err e;
	int r;

	cs.std_in = fd;
	r = console_add(&cs, &where, "serial", &c, &e);
	if (r < 0)
		return r;
	side = cs.std;
	console_connect(c, &ops, &loop);
	return consoles_start(&cs, &loop, quit, &loop);
}

static void start(int fd)
{
	assert_int_equal(begin(fd), 0);
}

static struct conf_console at(enum conf_console_kind kind, const char *path)
{
	struct conf_console w = {.kind = kind};

	snprintf(w.path, sizeof(w.path), "%s", path);
	return w;
}

static int add(const struct conf_console *where)
{
	struct err e;
	int r = console_add(&cs, where, "test", &c, &e);

	if (r == 0)
		console_connect(c, &ops, &loop);
	return r < 0 ? r : consoles_start(&cs, &loop, quit, &loop);
}

/* Whether the event loop has something to look at. */
static bool woken(void)
{
	struct epoll_event ev;

	return epoll_wait(loop.epoll, &ev, 1, 0) > 0;
}

/* The event loop as it runs, until it would sleep; for how long. */
static int run(void)
{
	int ms = consoles_poll(&cs);

	for (unsigned int i = 0; i < 200; i++) {
		if (ms != 0 && !woken())
			return ms;
		loop_once(&loop, ms);
		ms = consoles_poll(&cs);
	}
	fail_msg("the loop does not come to rest");
	return 0;
}

static void say(const char *s)
{
	console_write(c, (const uint8_t *)s, strlen(s));
}

/* A long text in which every place is different from its neighbours'. */
static void fill(uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(i * 2654435761u >> 13);
}

/* --- output: the rest is in test_output.c --- */

static void assert_file(const char *name, const char *want)
{
	char text[64];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	assert_int_equal(n, strlen(want));
	assert_memory_equal(text, want, strlen(want));
	close(fd);
}

static void console_in_a_file(void **state)
{
	char name[] = "/tmp/barge-console-XXXXXX";
	int fd = mkstemp(name);
	struct conf_console where = at(CONSOLE_FILE, name);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "of last time", 12), 12);
	assert_int_equal(add(&where), 0);
	assert_int_equal(cs.host[0]->in, -1);
	say("one\n");
	assert_int_equal(consoles_poll(&cs), -1);
	say("two\n");
	consoles_close(&cs);
	assert_file(name, "one\ntwo\n");
	/* Closed is closed: neither of these does anything. */
	console_write(c, (const uint8_t *)"three", 5);
	consoles_close(&cs);
	assert_file(name, "one\ntwo\n");
	close(fd);
	unlink(name);
}

static void file_that_cannot_be_opened(void **state)
{
	char name[] = "/nonexistent/console";
	struct conf_console where = at(CONSOLE_FILE, name);
	struct err e;

	(void)state;
	assert_int_equal(console_add(&cs, &where, "test", &c, &e), -ENOENT);
	assert_int_equal(e.what, ERR_CONSOLE_OPEN);
	assert_string_equal(e.name, name);
	assert_int_equal(cs.n, 0);
}

/* open(2) would wait for a reader that may never come. */
static void fifo_without_a_reader(void **state)
{
	char dir[] = "/tmp/barge-console-XXXXXX";
	char name[64];
	struct conf_console where;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(name, sizeof(name), "%s/fifo", dir);
	where = at(CONSOLE_FILE, name);
	assert_int_equal(mkfifo(name, 0600), 0);
	assert_int_equal(console_add(&cs, &where, "test", &c, &e), -ENXIO);
	assert_int_equal(e.what, ERR_CONSOLE_OPEN);
	unlink(name);
	rmdir(dir);
}

static void no_console(void **state)
{
	struct conf_console where = {.kind = CONSOLE_NONE};

	(void)state;
	assert_int_equal(add(&where), 0);
	say("into the void");
	assert_int_equal(consoles_poll(&cs), -1);
}

/* --- input --- */

static void input_arrives(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	start(p[0]);
	assert_int_equal(run(), -1);
	assert_int_equal(write(p[1], "abc", 3), 3);
	assert_true(woken());
	assert_int_equal(run(), -1);
	assert_int_equal(n_got, 3);
	/* No terminal, no escape key. */
	assert_int_equal(write(p[1], CTRL_A "x" CTRL_A, 3), 3);
	assert_int_equal(run(), -1);
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
	fill(all, sizeof(all));
	appetite = 0;
	start(p[0]);
	assert_int_equal(write(p[1], all, sizeof(all)), sizeof(all));
	assert_int_equal(run(), -1);
	/* What is here is one buffer; the rest waits in the pipe, unwatched. */
	assert_int_equal(n_got, 0);
	assert_int_equal(side->n, CONSOLE_IN);
	assert_false(woken());
	appetite = 1;
	assert_int_equal(consoles_poll(&cs), -1);
	assert_int_equal(n_got, 1);
	assert_true(woken());
	for (unsigned int i = 0; i < 1000; i++) {
		appetite = i % 17;
		(void)consoles_poll(&cs);
		loop_once(&loop, 0);
	}
	assert_int_equal(n_got, sizeof(all));
	assert_memory_equal(got, all, sizeof(all));
	close(p[0]);
	close(p[1]);
}

/* A vCPU is in the device: asked again soon, and nothing is lost. */
static void input_waits_for_the_device(void **state)
{
	int p[2], ms;

	(void)state;
	assert_int_equal(pipe(p), 0);
	asleep = true;
	start(p[0]);
	assert_int_equal(write(p[1], "abc", 3), 3);
	ms = run();
	assert_true(ms > 0 && ms <= 50);
	assert_true(consoles_poll(&cs) > 0);
	asleep = false;
	assert_int_equal(run(), -1);
	assert_int_equal(n_got, 3);
	assert_memory_equal(got, "abc", 3);
	close(p[0]);
	close(p[1]);
}

static void end_of_input_is_not_the_end(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	appetite = 0;
	start(p[0]);
	assert_int_equal(write(p[1], "bye", 3), 3);
	close(p[1]);
	assert_int_equal(run(), -1);
	assert_int_equal(side->in, -1);
	assert_int_equal(n_got, 0);
	assert_false(woken());
	/* The guest may take its time for what came before the end. */
	appetite = 2;
	(void)consoles_poll(&cs);
	assert_int_equal(consoles_poll(&cs), -1);
	assert_int_equal(n_got, 3);
	assert_memory_equal(got, "bye", 3);
	close(p[0]);
}

static void null_as_input(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	start(fd);
	assert_int_equal(run(), -1);
	assert_int_equal(side->in, -1);
	assert_int_equal(n_got, 0);
	close(fd);
}

static void file_as_input(void **state)
{
	FILE *f = tmpfile();
	uint8_t all[3000];

	(void)state;
	assert_non_null(f);
	fill(all, sizeof(all));
	assert_int_equal(fwrite(all, 1, sizeof(all), f), sizeof(all));
	rewind(f);
	appetite = 0;
	start(fileno(f));
	/* Not read ahead of the guest, and no spinning for it. */
	assert_int_equal(run(), -1);
	assert_int_equal(side->n, CONSOLE_IN);
	for (unsigned int i = 0; i < 100; i++) {
		appetite = 30;
		(void)run();
	}
	assert_int_equal(n_got, sizeof(all));
	assert_memory_equal(got, all, sizeof(all));
	assert_int_equal(side->in, -1);
	assert_int_equal(consoles_poll(&cs), -1);
	fclose(f);
}

/* --- terminals --- */

struct pty {
	int master;
	int slave;
};

static int open_slave(int master, int flags)
{
	char name[64];

	return ptsname_r(master, name, sizeof(name)) == 0
		       ? open(name, flags | O_RDWR | O_CLOEXEC)
		       : -1;
}

/* Canonical, with echo, as a shell leaves it. */
static void open_pty(struct pty *p)
{
	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->master < 0 || grantpt(p->master) || unlockpt(p->master))
		skip();
	p->slave = open_slave(p->master, O_NOCTTY);
	assert_true(p->slave >= 0);
}

static void close_pty(struct pty *p)
{
	close(p->master);
	close(p->slave);
}

static bool is_raw(int fd)
{
	struct termios t;

	return tcgetattr(fd, &t) == 0 &&
	       !(t.c_lflag & (ICANON | ECHO | ISIG)) && !(t.c_iflag & ICRNL) &&
	       (t.c_oflag & OPOST);
}

/* Keys on their way through the terminal: until they have arrived. */
static bool press(int master, int slave, const char *keys)
{
	struct pollfd in = {.fd = slave, .events = POLLIN};
	ssize_t len = (ssize_t)strlen(keys);

	return write(master, keys, (size_t)len) == len &&
	       poll(&in, 1, 5000) == 1;
}

static void type(struct pty *p, const char *keys)
{
	assert_true(press(p->master, p->slave, keys));
	assert_int_equal(run(), -1);
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
	start(p.slave);
	assert_true(side->tty);
	type(&p, "plain x\r");
	assert_typed("plain x\r");
	type(&p, "a" CTRL_A CTRL_A "b");
	assert_typed("a" CTRL_A "b");
	type(&p, "a" CTRL_A "c");
	assert_typed("ac");
	/* The escape outlives a read; control characters are keys. */
	type(&p, "1" CTRL_A);
	assert_typed("1");
	type(&p, CTRL_A "\x03\x1a");
	assert_typed(CTRL_A "\x03\x1a");
	assert_int_equal(quits, 0);
	type(&p, "a" CTRL_A "x");
	type(&p, "b");
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

/* However much was typed before: what does not fit is dropped. */
static void escape_from_a_dead_guest(void **state)
{
	struct pty p;

	(void)state;
	open_pty(&p);
	appetite = 0;
	start(p.slave);
	for (unsigned int i = 0; i < 100; i++)
		type(&p, "is anybody there? ");
	assert_int_equal(side->n, CONSOLE_IN);
	type(&p, CTRL_A "x");
	assert_int_equal(quits, 1);
	assert_int_equal(n_got, 0);
	close_pty(&p);
}

/* Not of our session, such as a serial line: all the same a terminal. */
static void terminal_of_nobody(void **state)
{
	struct termios before, after;
	struct pty p;

	(void)state;
	memset(&before, 0, sizeof(before));
	memset(&after, 0, sizeof(after));
	open_pty(&p);
	assert_int_equal(tcgetattr(p.slave, &before), 0);
	start(p.slave);
	assert_true(is_raw(p.slave));
	type(&p, "key");
	assert_typed("key");
	consoles_close(&cs);
	assert_int_equal(tcgetattr(p.slave, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	close_pty(&p);
}

static void terminal_hangs_up(void **state)
{
	struct pty p;

	(void)state;
	open_pty(&p);
	start(p.slave);
	type(&p, "last");
	close(p.master);
	assert_int_equal(run(), -1);
	assert_int_equal(side->in, -1);
	assert_typed("last");
	close(p.slave);
}

/* --- in a session of its own, whose terminal it is --- */

/* These run in a child: what is broken is told on standard error. */
#define must(cond)                                                             \
	do {                                                                   \
		if (!(cond)) {                                                 \
			fprintf(stderr, "line %d: %s\n", __LINE__, #cond);     \
			_exit(1);                                              \
		}                                                              \
	} while (0)

static void in_a_session(int (*fn)(int master, int fd))
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int status = -1;
	pid_t pid;

	if (master < 0 || grantpt(master) || unlockpt(master))
		skip();
	pid = fork();
	if (pid == 0) {
		int fd;

		setsid();
		fd = open_slave(master, 0);
		must(fd >= 0 && ioctl(fd, TIOCSCTTY, 0) == 0);
		alarm(20);
		_exit(fn(master, fd));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(master);
}

static bool same_mode(int fd, const struct termios *want)
{
	struct termios t;

	memset(&t, 0, sizeof(t));
	return tcgetattr(fd, &t) == 0 && memcmp(&t, want, sizeof(t)) == 0;
}

static int comes_and_goes(int master, int fd)
{
	struct termios before;

	(void)master;
	memset(&before, 0, sizeof(before));
	tcgetattr(fd, &before);
	must(begin(fd) == 0);
	must(is_raw(fd));
	consoles_close(&cs);
	must(same_mode(fd, &before));
	/* On every way out, also if it is taken twice. */
	must(terminal_raw(fd) == 0 && is_raw(fd));
	must(terminal_raw(fd) == 0 && is_raw(fd));
	terminal_restore();
	terminal_restore();
	must(same_mode(fd, &before));
	return 0;
}

static void raw_mode_comes_and_goes(void **state)
{
	(void)state;
	in_a_session(comes_and_goes);
}

/* The shell takes the terminal away (Ctrl-Z, bg) and gives it back (fg). */
static int job_control(int master, int fd)
{
	struct termios before;
	pid_t shell;
	int ms;

	memset(&before, 0, sizeof(before));
	tcgetattr(fd, &before);
	shell = fork();
	if (shell == 0) {
		pause();
		_exit(0);
	}
	must(setpgid(shell, shell) == 0);
	must(begin(fd) == 0);
	must(tcsetpgrp(fd, shell) == 0);
	/* What is typed now is for the shell; reading it would stop us. */
	must(press(master, fd, "ls\n"));
	ms = run();
	must(ms > 0 && n_got == 0 && !woken());
	signal(SIGTTOU, SIG_IGN); /* only for this test's own calls */
	must(tcsetattr(fd, TCSANOW, &before) == 0);
	must(consoles_poll(&cs) == ms && !is_raw(fd));
	must(tcsetpgrp(fd, getpgrp()) == 0);
	must(tcflush(fd, TCIFLUSH) == 0);
	signal(SIGTTOU, SIG_DFL);
	must(run() == -1 && is_raw(fd));
	must(press(master, fd, "key"));
	must(run() == -1 && n_got == 3 && memcmp(got, "key", 3) == 0);
	consoles_close(&cs);
	must(same_mode(fd, &before));
	kill(shell, SIGKILL);
	return 0;
}

static void terminal_goes_to_another_job(void **state)
{
	(void)state;
	in_a_session(job_control);
}

/* barge & : another job has the terminal from the beginning. */
static int in_background(int master, int fd)
{
	pid_t job = fork();
	int status;

	(void)master;
	if (job == 0) {
		setpgid(0, 0);
		must(begin(fd) == 0);
		must(!is_raw(fd));
		must(run() > 0);
		consoles_close(&cs);
		must(!is_raw(fd));
		_exit(0);
	}
	must(waitpid(job, &status, WUNTRACED) == job);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return 0;
}

static void started_in_the_background(void **state)
{
	(void)state;
	in_a_session(in_background);
}

/* --- several at once ------------------------------------------------------ */

struct port {
	struct console *c;
	bool closed;
	size_t n;
	char got[64];
};

static ssize_t port_sink(void *ctx, const uint8_t *buf, size_t len)
{
	struct port *p = ctx;

	if (p->closed)
		return -ENOTCONN;
	memcpy(p->got + p->n, buf, len);
	p->n += len;
	return (ssize_t)len;
}

static void add_port(struct port *p, const struct conf_console *where,
		     const char *name)
{
	static const struct console_ops port_ops = {.sink = port_sink};
	struct err e;

	memset(p, 0, sizeof(*p));
	assert_int_equal(console_add(&cs, where, name, &p->c, &e), 0);
	console_connect(p->c, &port_ops, p);
}

static void assert_port(struct port *p, const char *want)
{
	assert_int_equal(p->n, strlen(want));
	assert_memory_equal(p->got, want, strlen(want));
	p->n = 0;
}

static void put_in(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(run(), -1);
}

static void stdio_of_several(void **state)
{
	static const struct conf_console where = {.kind = CONSOLE_STDIO};
	static const struct conf_console none = {.kind = CONSOLE_NONE};
	struct port serial, dead, hvc, log;
	int pin[2], pout[2];
	char text[64];

	(void)state;
	assert_int_equal(pipe(pin), 0);
	assert_int_equal(pipe(pout), 0);
	cs.std_in = pin[0];
	cs.std_out = pout[1];
	add_port(&serial, &where, "serial");
	add_port(&dead, &none, "dead");
	add_port(&hvc, &where, "hvc0");
	add_port(&log, &where, "log");
	console_connect(log.c, NULL, NULL); /* output only */
	hvc.closed = true;
	assert_int_equal(consoles_start(&cs, &loop, quit, &loop), 0);
	/* The last one that takes input gets it, asked each time. */
	put_in(pin[1], "one");
	assert_port(&serial, "one");
	hvc.closed = false;
	put_in(pin[1], "two");
	assert_port(&hvc, "two");
	hvc.closed = true;
	put_in(pin[1], "three");
	assert_port(&serial, "three");
	/* Nobody does: it waits for the wake-up, and not in a busy loop. */
	serial.closed = true;
	put_in(pin[1], "four");
	assert_port(&serial, "");
	hvc.closed = false;
	assert_int_equal(run(), -1);
	assert_port(&hvc, "four");
	assert_port(&dead, "");
	/* All output comes out there, in the order it was made. */
	console_write(serial.c, (const uint8_t *)"a", 1);
	console_write(hvc.c, (const uint8_t *)"b", 1);
	console_write(dead.c, (const uint8_t *)"c", 1);
	console_write(log.c, (const uint8_t *)"d", 1);
	console_write(serial.c, (const uint8_t *)"e", 1);
	consoles_close(&cs);
	assert_int_equal(read(pout[0], text, sizeof(text)), 4);
	assert_memory_equal(text, "abde", 4);
	for (unsigned int i = 0; i < 2; i++) {
		close(pin[i]);
		close(pout[i]);
	}
}

/* Each to its own place; what waits for one is not another's. */
static void each_its_own(void **state)
{
	static char dir[] = "/tmp/barge-console-XXXXXX";
	struct conf_console where;
	struct port port[CONSOLES_MAX];
	char name[64];
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (unsigned int i = 0; i < CONSOLES_MAX; i++) {
		snprintf(name, sizeof(name), "%s/%u", dir, i);
		where = at(i % 2 ? CONSOLE_SOCKET : CONSOLE_FILE, name);
		add_port(&port[i], &where, "port");
	}
	snprintf(name, sizeof(name), "%s/more", dir);
	where = at(CONSOLE_FILE, name);
	assert_int_equal(console_add(&cs, &where, "port", &c, &e), -ENOSPC);
	assert_int_equal(consoles_start(&cs, &loop, quit, &loop), 0);
	assert_int_equal(run(), -1);
	for (unsigned int i = 0; i < CONSOLES_MAX; i++)
		console_write(port[i].c, (const uint8_t *)&"abcdefghij"[i % 10],
			      1);
	consoles_close(&cs);
	for (unsigned int i = 0; i < CONSOLES_MAX; i++) {
		char want[2] = {"abcdefghij"[i % 10], '\0'};

		snprintf(name, sizeof(name), "%s/%u", dir, i);
		if (i % 2 == 0)
			assert_file(name, want);
		unlink(name);
	}
	assert_int_equal(rmdir(dir), 0);
}

/* --- time stamps: the rest is in test_stamp.c ----------------------------- */

/* Seconds of the stamp that @text has to begin with. */
static double stamp_at(const char *text)
{
	unsigned int s, us;
	int n = 0;

	assert_int_equal(sscanf(text, "[%5u.%6u] %n", &s, &us, &n), 2);
	assert_int_equal(n, 15);
	return s + us * 1e-6;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void stamps(void **state)
{
	static const struct conf_console where = {.kind = CONSOLE_STDIO};
	struct port serial, hvc;
	int pout[2];
	char text[256], *two, *three;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(pout), 0);
	cs.std_out = pout[1];
	cs.stamps = true;
	cs.start_ns = now_ns() - UINT64_C(12000000000);
	add_port(&serial, &where, "serial");
	console_write(serial.c, (const uint8_t *)"one", 3);
	(void)poll(NULL, 0, 100);
	console_write(serial.c, (const uint8_t *)" and a half\ntwo\n\nth", 19);
	/* Another port has lines of its own. */
	add_port(&hvc, &where, "hvc0");
	console_write(hvc.c, (const uint8_t *)"x", 1);
	console_write(serial.c, (const uint8_t *)"ree", 3);
	consoles_close(&cs);
	n = read(pout[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_true(stamp_at(text) >= 12 && stamp_at(text) < 30);
	assert_memory_equal(text + 15, "one and a half\n", 15);
	two = text + 30;
	/* The time is that of the line's first byte. */
	assert_true(stamp_at(two) >= stamp_at(text) + 0.1);
	assert_memory_equal(two + 15, "two\n", 4);
	assert_memory_equal(two + 34, "\n", 1);
	three = two + 35;
	assert_true(stamp_at(three) >= stamp_at(two));
	assert_memory_equal(three + 15, "th", 2);
	assert_true(stamp_at(three + 17) >= stamp_at(three));
	assert_string_equal(three + 32, "xree");
	close(pout[0]);
	close(pout[1]);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(console_in_a_file),
		test(file_that_cannot_be_opened),
		test(fifo_without_a_reader),
		test(no_console),
		test(input_arrives),
		test(input_waits_for_the_guest),
		test(input_waits_for_the_device),
		test(end_of_input_is_not_the_end),
		test(null_as_input),
		test(file_as_input),
		test(escape_key),
		test(escape_from_a_dead_guest),
		test(terminal_of_nobody),
		test(terminal_hangs_up),
		test(raw_mode_comes_and_goes),
		test(terminal_goes_to_another_job),
		test(started_in_the_background),
		test(stdio_of_several),
		test(each_its_own),
		test(stamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
