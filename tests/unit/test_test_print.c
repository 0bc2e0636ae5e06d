/* SPDX-License-Identifier: Apache-2.0 */
/* Output for a reader who is slow, or gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/test_print.h"

#define PIECES 4000u
#define BYTES  1000u

static struct test_print p;
static FILE *to;
static int from;

static int set_up(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	from = ends[0];
	to = fdopen(ends[1], "w");
	assert_non_null(to);
	assert_int_equal(test_print_start(&p, to), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_print_finish(&p);
	fclose(to);
	if (from >= 0)
		close(from);
	return 0;
}

static void put_all(void)
{
	char text[BYTES];

	for (unsigned int i = 0; i < PIECES; i++) {
		memset(text, 'a' + (int)(i % 26), sizeof(text));
		test_print_put(&p, text, sizeof(text));
	}
}

static void *reader(void *arg)
{
	static char all[PIECES * BYTES + 1];
	size_t *len = arg;
	ssize_t n;

	while ((n = read(from, all + *len, sizeof(all) - *len)) > 0)
		*len += (size_t)n;
	for (size_t i = 0; i < *len; i++) {
		if (all[i] != 'a' + (int)(i / BYTES % 26))
			*len = i;
	}
	return NULL;
}

/* Far more than a pipe holds: who has it does not wait, and all of it comes. */
static void slow(void **state)
{
	struct timespec a, b;
	size_t len = 0;
	pthread_t t;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &a);
	put_all();
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(b.tv_sec - a.tv_sec < 30);
	assert_int_equal(pthread_create(&t, NULL, reader, &len), 0);
	test_print_finish(&p);
	fclose(to);
	pthread_join(t, NULL);
	assert_int_equal(len, PIECES * BYTES);
	to = fopen("/dev/null", "w");
	assert_non_null(to);
}

static void gone(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	close(from);
	from = -1;
	put_all();
	test_print_finish(&p);
	assert_true(ferror(to));
}

static void nothing(void **state)
{
	(void)state;
	test_print_put(&p, "", 0);
	test_print_finish(&p);
	test_print_finish(&p);
	assert_false(ferror(to));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slow),
		TEST(gone),
		TEST(nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
