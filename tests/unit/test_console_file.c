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
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/console_fixture.h"

/* Consoles in files, bounded ones above all. */

static void put_file(struct console_fixture *f, const char *name,
		     const char *text)
{
	FILE *file = fopen(console_path(f, name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static size_t get_file(struct console_fixture *f, const char *name, void *buf,
		       size_t len)
{
	int fd = open(console_path(f, name), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, len);

	assert_true(n >= 0);
	close(fd);
	return (size_t)n;
}

static void assert_file(struct console_fixture *f, const char *name,
			const char *want)
{
	char text[4096];

	assert_int_equal(get_file(f, name, text, sizeof(text)), strlen(want));
	assert_memory_equal(text, want, strlen(want));
}

static void assert_none(struct console_fixture *f, const char *name)
{
	assert_int_equal(access(console_path(f, name), F_OK), -1);
}

/* A file of at most @max bytes; what is said is on its way, not written. */
static void begin(struct console_fixture *f, uint64_t max, bool append)
{
	struct conf_console w = console_at(f, CONSOLE_FILE, "log");

	w.max_size = max;
	w.append = append;
	assert_int_equal(console_begin(f, &w), 0);
}

static void emptied_first(void **state)
{
	struct console_fixture *f = *state;

	put_file(f, "log", "of last time");
	begin(f, 0, false);
	console_say(f, "one\n");
	consoles_close(&f->cs);
	assert_file(f, "log", "one\n");
}

static void appended(void **state)
{
	struct console_fixture *f = *state;

	put_file(f, "log", "of last time\n");
	put_file(f, "log.1", "not ours\n");
	begin(f, 0, true);
	console_say(f, "one\n");
	consoles_close(&f->cs);
	assert_file(f, "log", "of last time\none\n");
	assert_file(f, "log.1", "not ours\n");
}

/* Around the boundary: nothing moves before there is a byte too many. */
static void rotated_at_the_boundary(void **state)
{
	static const struct {
		const char *said, *older, *log;
	} t[] = {
		{"1234567", NULL, "1234567"},
		{"12345678", NULL, "12345678"},
		{"123456789", "12345678", "9"},
		{"1234567890abcdef", "12345678", "90abcdef"},
		{"1234567890abcdefg", "90abcdef", "g"},
	};
	struct console_fixture *f = *state;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		begin(f, 8, false);
		console_say(f, t[i].said);
		consoles_close(&f->cs);
		assert_file(f, "log", t[i].log);
		if (t[i].older)
			assert_file(f, "log.1", t[i].older);
		else
			assert_none(f, "log.1");
	}
}

static void one_byte_at_a_time(void **state)
{
	struct console_fixture *f = *state;

	begin(f, 1, false);
	for (const char *s = "hello"; *s; s++)
		console_write(f->c, (const uint8_t *)s, 1);
	consoles_close(&f->cs);
	assert_file(f, "log.1", "l");
	assert_file(f, "log", "o");
}

/* Much more than fits: the end of it is there, in order, without a hole. */
static void last_bytes_are_kept(void **state)
{
	static uint8_t all[1 << 20], kept[200000];
	struct console_fixture *f = *state;
	size_t max = 65536 + 123, n;

	console_fill(all, sizeof(all), 0);
	begin(f, max, false);
	for (size_t at = 0; at < sizeof(all); at += 1u << 16)
		console_write(f->c, all + at, 1u << 16);
	consoles_close(&f->cs);
	n = get_file(f, "log.1", kept, sizeof(kept));
	assert_int_equal(n, max);
	n += get_file(f, "log", kept + n, sizeof(kept) - n);
	assert_int_equal(n, max + sizeof(all) % max);
	assert_true(console_filled(kept, n, sizeof(all) - n));
}

/* What the file had counts; one that is full already is put away first. */
static void appended_and_bounded(void **state)
{
	struct console_fixture *f = *state;

	put_file(f, "log", "12345");
	put_file(f, "log.1", "before");
	begin(f, 8, true);
	console_say(f, "678");
	consoles_close(&f->cs);
	assert_file(f, "log", "12345678");
	assert_file(f, "log.1", "before");
	begin(f, 8, true);
	console_say(f, "9");
	consoles_close(&f->cs);
	assert_file(f, "log.1", "12345678");
	assert_file(f, "log", "9");
	put_file(f, "log", "longer than it may be");
	begin(f, 8, true);
	console_say(f, "0");
	consoles_close(&f->cs);
	assert_file(f, "log.1", "longer than it may be");
	assert_file(f, "log", "0");
}

/* The older piece is of this run, or there is none. */
static void older_piece_goes(void **state)
{
	struct console_fixture *f = *state;

	put_file(f, "log.1", "of last time");
	begin(f, 8, false);
	assert_none(f, "log.1");
	consoles_close(&f->cs);
	put_file(f, "log.1", "not ours");
	begin(f, 0, false);
	consoles_close(&f->cs);
	assert_file(f, "log.1", "not ours");
}

/* The link stays one; what it leads to is what is renamed. */
static void through_a_link(void **state)
{
	struct console_fixture *f = *state;
	struct stat st;

	assert_int_equal(symlink("real", console_path(f, "log")), 0);
	begin(f, 4, false);
	console_say(f, "1234567");
	consoles_close(&f->cs);
	assert_int_equal(lstat(console_path(f, "log"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_file(f, "real.1", "1234");
	assert_file(f, "real", "567");
	assert_none(f, "log.1");
}

/* Somebody took the file away, or put another one there. */
static void file_is_taken_away(void **state)
{
	struct console_fixture *f = *state;

	begin(f, 4, false);
	assert_int_equal(unlink(console_path(f, "log")), 0);
	console_say(f, "1234567");
	consoles_close(&f->cs);
	assert_none(f, "log.1");
	assert_file(f, "log", "567");
}

static void what_cannot_be_bounded(void **state)
{
	struct console_fixture *f = *state;
	struct conf_console w = {.kind = CONSOLE_FILE, .max_size = 4096};
	struct err e;

	strcpy(w.path, "/dev/null");
	assert_int_equal(console_add(&f->cs, &w, "test", &f->c, &e), -ENOTSUP);
	assert_int_equal(e.what, ERR_CONSOLE_OPEN);
	w.max_size = 0;
	assert_int_equal(console_begin(f, &w), 0);
}

static void no_place_for_two(void **state)
{
	struct console_fixture *f = *state;
	struct conf_console w = console_at(f, CONSOLE_FILE, "log");
	struct err e;

	assert_int_equal(console_begin(f, &w), 0);
	assert_int_equal(console_add(&f->cs, &w, "test", &f->c, &e), -EBUSY);
	assert_int_equal(e.what, ERR_CONSOLE_OPEN);
}

/* The rotation that fails: what was written before stays, and it is told. */
static void folder_is_gone(void **state)
{
	struct console_fixture *f = *state;

	begin(f, 4, false);
	assert_int_equal(unlink(console_path(f, "log")), 0);
	assert_int_equal(rmdir(f->dir), 0);
	console_say(f, "12345678");
	/* No wait, no crash. */
	consoles_close(&f->cs);
	assert_int_equal(mkdir(f->dir, 0700), 0);
}

#define test(t)                                                                \
	cmocka_unit_test_setup_teardown(t, console_fixture_begin,              \
					console_fixture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(emptied_first),	       test(appended),
		test(rotated_at_the_boundary), test(one_byte_at_a_time),
		test(last_bytes_are_kept),     test(appended_and_bounded),
		test(older_piece_goes),	       test(through_a_link),
		test(file_is_taken_away),      test(what_cannot_be_bounded),
		test(no_place_for_two),	       test(folder_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
