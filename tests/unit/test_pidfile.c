/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/pidfile.h"

static char dir[32];
static char path[64];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/barge-pid-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/vm.pid", dir);
	return 0;
}

/* Nothing may be left but what @state, a test's own end, removed. */
static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void put(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int pid_in_file(void)
{
	FILE *f = fopen(path, "r");
	int pid = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d\n", &pid) != 1 || fgetc(f) != EOF)
		pid = -1;
	fclose(f);
	return pid;
}

static void refused(int code, uint64_t pid)
{
	struct pidfile p;
	struct err e = {0};

	for (int write = 0; write < 2; write++) {
		pidfile_init(&p, path);
		assert_int_equal(write ? pidfile_write(&p, &e)
				       : pidfile_check(&p, &e),
				 code);
		assert_int_equal(e.what, ERR_PIDFILE);
		assert_string_equal(e.name, path);
		assert_int_equal(e.num, pid);
		pidfile_remove(&p);
	}
}

static void comes_and_goes(void **state)
{
	struct pidfile p;
	struct err e;
	struct stat st;

	(void)state;
	pidfile_init(&p, path);
	assert_int_equal(pidfile_check(&p, &e), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(pidfile_write(&p, &e), 0);
	assert_int_equal(pid_in_file(), getpid());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0022, 0);
	assert_int_equal(fcntl(p.fd, F_GETFD), FD_CLOEXEC);
	/* a second guest of the same process: it is ours already */
	assert_int_equal(pidfile_write(&p, &e), 0);
	pidfile_remove(&p);
	assert_int_equal(access(path, F_OK), -1);
	pidfile_remove(&p);
}

static void none_is_wanted(void **state)
{
	struct pidfile p;
	struct err e;

	(void)state;
	pidfile_init(&p, NULL);
	assert_int_equal(pidfile_check(&p, &e), 0);
	assert_int_equal(pidfile_write(&p, &e), 0);
	pidfile_remove(&p);
}

/* A lock counts, even of a number that is free again, and no number does. */
static void one_that_lives(void **state)
{
	struct pidfile p;
	struct err e;

	(void)state;
	pidfile_init(&p, path);
	assert_int_equal(pidfile_write(&p, &e), 0);
	refused(-EBUSY, (uint64_t)getpid());
	assert_int_equal(pid_in_file(), getpid());
	pidfile_remove(&p);
}

static void one_that_was_killed(void **state)
{
	static const char *const left[] = {"1\n", "", "2147483647", "12345\n"};
	struct pidfile p;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		put(left[i]);
		pidfile_init(&p, path);
		assert_int_equal(pidfile_check(&p, &e), 0);
		assert_int_equal(pidfile_write(&p, &e), 0);
		assert_int_equal(pid_in_file(), getpid());
		pidfile_remove(&p);
	}
}

static void no_pid_file(void **state)
{
	static const char *const other[] = {
		"[vm]\n",      "-1\n",
		"0\n",	       "12 13\n",
		"12\n\n",      "12vm",
		"\n",	       "0x12\n",
		"99999999999", "12345678901234567890",
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		FILE *f;

		put(other[i]);
		refused(-EEXIST, 0);
		f = fopen(path, "r");
		assert_non_null(f);
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		fclose(f);
		assert_string_equal(text, other[i]);
	}
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	refused(-ELOOP, 0);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(-EEXIST, 0);
}

/* What somebody else put there meanwhile stays. */
static void no_longer_ours(void **state)
{
	struct pidfile p;
	struct err e;

	(void)state;
	pidfile_init(&p, path);
	assert_int_equal(pidfile_write(&p, &e), 0);
	unlink(path);
	put("77\n");
	pidfile_remove(&p);
	assert_int_equal(pid_in_file(), 77);
}

static void no_folder(void **state)
{
	struct pidfile p;
	struct err e;

	(void)state;
	pidfile_init(&p, "/nonexistent/vm.pid");
	assert_int_equal(pidfile_check(&p, &e), -ENOENT);
	assert_int_equal(e.what, ERR_PIDFILE);
}

#define RACERS 8

/* Each tries when the pipe closes, and holds until the other one does. */
static void racer(int go, int end, int out)
{
	struct pidfile p;
	struct err e;
	char c;

	pidfile_init(&p, path);
	(void)!read(go, &c, 1);
	c = pidfile_write(&p, &e) == 0 ? 'w' : e.code == -EBUSY ? 'b' : 'x';
	(void)!write(out, &c, 1);
	(void)!read(end, &c, 1);
	_exit(0);
}

/* Of several that start at once, over what one left behind, one wins. */
static void race(void **state)
{
	int go[2], end[2], out[2];
	unsigned int won = 0, busy = 0;
	char c;

	(void)state;
	for (unsigned int round = 0; round < 200; round++) {
		won = busy = 0;
		if (round % 2)
			put("1\n");
		else
			unlink(path);
		assert_int_equal(pipe(go) | pipe(end) | pipe(out), 0);
		for (unsigned int i = 0; i < RACERS; i++) {
			if (fork() == 0) {
				close(go[1]);
				close(end[1]);
				racer(go[0], end[0], out[1]);
			}
		}
		close(go[1]);
		for (unsigned int i = 0; i < RACERS; i++) {
			assert_int_equal(read(out[0], &c, 1), 1);
			won += c == 'w';
			busy += c == 'b';
		}
		assert_true(pid_in_file() > 1);
		close(end[1]);
		while (wait(NULL) > 0)
			;
		close(go[0]);
		close(end[0]);
		close(out[0]);
		close(out[1]);
		assert_int_equal(won, 1);
		assert_int_equal(busy, RACERS - 1);
	}
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(comes_and_goes), test(none_is_wanted),
		test(one_that_lives), test(one_that_was_killed),
		test(no_pid_file),    test(no_longer_ours),
		test(no_folder),      test(race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
