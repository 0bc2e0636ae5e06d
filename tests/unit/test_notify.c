/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/notify.h"

static char name[64];
static int manager = -1;
static struct notify n;

static int listen_at(const char *at)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = strlen(at);

	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	memcpy(a.sun_path, at, len);
	if (at[0] == '@')
		a.sun_path[0] = '\0';
	setenv("NOTIFY_SOCKET", at, 1);
	return bind(manager, (struct sockaddr *)&a,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static int setup(void **state)
{
	(void)state;
	notify_init(&n);
	snprintf(name, sizeof(name), "@barge-test-%d", (int)getpid());
	return listen_at(name);
}

static int teardown(void **state)
{
	(void)state;
	notify_close(&n);
	close(manager);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

/* The next datagram; "" if there is none. */
static const char *heard(void)
{
	static char text[512];
	ssize_t len = recv(manager, text, sizeof(text) - 1, 0);

	text[len < 0 ? 0 : len] = '\0';
	return text;
}

static void from_start_to_end(void **state)
{
	(void)state;
	assert_int_equal(notify_open(&n, false), 0);
	assert_string_equal(heard(), "");
	notify_patience(&n, "Taking memory");
	assert_string_equal(
		heard(), "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=Taking memory");
	notify_started(&n);
	assert_string_equal(heard(), "READY=1\nSTATUS=The guest runs");
	notify_started(&n); /* again, after a reboot */
	assert_string_equal(heard(), "STATUS=The guest runs");
	notify_ready(&n); /* what the guest says does not matter then */
	assert_string_equal(heard(), "");
	notify_watchdog(&n);
	assert_string_equal(heard(), "WATCHDOG=1");
	notify_status(&n, "one\nREADY=1");
	assert_string_equal(heard(), "STATUS=one");
	notify_stopping(&n, "Asked to");
	assert_string_equal(heard(), "STOPPING=1\nSTATUS=Asked to");
	notify_exit(&n, 67);
	assert_string_equal(
		heard(),
		"STOPPING=1\nEXIT_STATUS=67\nSTATUS=Ended with status 67");
}

static void when_the_guest_says(void **state)
{
	(void)state;
	assert_int_equal(notify_open(&n, true), 0);
	notify_started(&n);
	assert_string_equal(heard(), "STATUS=The guest starts");
	notify_ready(&n);
	assert_string_equal(heard(), "READY=1\nSTATUS=The guest runs");
	notify_ready(&n);
	assert_string_equal(heard(), "");
	notify_started(&n);
	assert_string_equal(heard(), "STATUS=The guest runs");
}

static void by_path(void **state)
{
	char path[] = "/tmp/barge-notify-XXXXXX", at[64];

	(void)state;
	close(manager);
	assert_non_null(mkdtemp(path));
	snprintf(at, sizeof(at), "%s/notify", path);
	assert_int_equal(listen_at(at), 0);
	assert_int_equal(notify_open(&n, false), 0);
	notify_ready(&n);
	assert_string_equal(heard(), "READY=1\nSTATUS=The guest runs");
	/* A manager that was started anew is heard of all the same. */
	close(manager);
	unlink(at);
	notify_watchdog(&n);
	assert_int_equal(listen_at(at), 0);
	notify_watchdog(&n);
	assert_string_equal(heard(), "WATCHDOG=1");
	unlink(at);
	rmdir(path);
}

static void nobody_listens(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "1000000", 1);
	assert_int_equal(notify_open(&n, false), 0);
	assert_int_equal(n.fd, -1);
	assert_int_equal(n.watchdog_us, 0);
	notify_started(&n);
	notify_watchdog(&n);
	notify_exit(&n, 0);
	assert_string_equal(heard(), "");
}

/* A manager that does not read: the event loop goes on. */
static void nobody_reads(void **state)
{
	unsigned int got = 0;

	(void)state;
	assert_int_equal(notify_open(&n, false), 0);
	for (unsigned int i = 0; i < 5000; i++)
		notify_watchdog(&n);
	while (strcmp(heard(), "WATCHDOG=1") == 0)
		got++;
	assert_in_range(got, 1, 4999);
}

static void names(void **state)
{
	static const struct {
		const char *name;
		int code;
	} c[] = {
		{"vsock:2:1234", -EPROTONOSUPPORT},
		{"", -EPROTONOSUPPORT},
		{"relative", -EPROTONOSUPPORT},
		{"/", -EINVAL},
		{"@", -EINVAL},
	};
	char longest[120] = "/";

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		notify_init(&n);
		setenv("NOTIFY_SOCKET", c[i].name, 1);
		assert_int_equal(notify_open(&n, false), c[i].code);
		assert_int_equal(n.fd, -1);
		notify_ready(&n);
	}
	memset(longest + 1, 'x', 107);
	setenv("NOTIFY_SOCKET", longest, 1);
	assert_int_equal(notify_open(&n, false), -EINVAL);
	longest[107] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	assert_int_equal(notify_open(&n, false), 0);
}

static void watchdog(void **state)
{
	static const struct {
		const char *usec;
		int pid; /* 0: not said, 1: ours, 2: another's */
		uint64_t us;
	} c[] = {
		{"30000000", 0, 30000000},
		{"30000000", 1, 30000000},
		{"30000000", 2, 0},
		{NULL, 0, 0},
		{"0", 0, 0},
		{"-1", 0, 0},
		{"10s", 0, 0},
		{"99999999999999999999", 0, 0},
		{"", 1, 0},
	};
	char pid[16];

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		notify_init(&n);
		setenv("NOTIFY_SOCKET", name, 1);
		if (c[i].usec)
			setenv("WATCHDOG_USEC", c[i].usec, 1);
		snprintf(pid, sizeof(pid), "%d",
			 c[i].pid == 1 ? (int)getpid() : 1);
		if (c[i].pid)
			setenv("WATCHDOG_PID", pid, 1);
		assert_int_equal(notify_open(&n, false), 0);
		assert_int_equal(n.watchdog_us, c[i].us);
		/* no child of ours takes it for its own */
		assert_null(getenv("NOTIFY_SOCKET"));
		assert_null(getenv("WATCHDOG_USEC"));
		assert_null(getenv("WATCHDOG_PID"));
		assert_int_equal(fcntl(n.fd, F_GETFD), FD_CLOEXEC);
		notify_close(&n);
	}
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(from_start_to_end), test(when_the_guest_says),
		test(by_path),		 test(nobody_listens),
		test(nobody_reads),	 test(names),
		test(watchdog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
