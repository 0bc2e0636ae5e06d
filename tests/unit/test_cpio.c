/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/cpio.h"

static char head[CPIO_HEAD_MAX];

/* linux-initramfs, field by field. */
static void golden(void **state)
{
	const struct cpio_entry e = {
		.name = "dev/tty",
		.mode = 0020666,
		.ino = 0x1a2,
		.mtime = 0x65000001,
		.size = 0,
		.major = 5,
		.minor = 0x10,
	};
	static const char want[] = "070701"
				   "000001a2"
				   "000021b6"
				   "00000000"
				   "00000000"
				   "00000001"
				   "65000001"
				   "00000000"
				   "00000000"
				   "00000000"
				   "00000005"
				   "00000010"
				   "00000008"
				   "00000000"
				   "dev/tty\0\0";

	(void)state;
	/* 110 + 8 = 118: two more to a multiple of 4 */
	assert_int_equal(cpio_head(head, &e), 120);
	assert_memory_equal(head, want, 120);
}

static void sizes(void **state)
{
	struct cpio_entry e = {.name = "x", .size = CPIO_SIZE_MAX};

	(void)state;
	assert_int_equal(cpio_head(head, &e), 112);
	assert_memory_equal(head + 54, "ffffffff", 8);
	e.size++;
	assert_int_equal(cpio_head(head, &e), 0);
	assert_int_equal(cpio_padding(0), 0);
	assert_int_equal(cpio_padding(1), 3);
	assert_int_equal(cpio_padding(3), 1);
	assert_int_equal(cpio_padding(4), 0);
	assert_int_equal(cpio_padding(UINT64_MAX), 1);
}

static void names(void **state)
{
	static char name[CPIO_NAME_MAX + 1];
	struct cpio_entry e = {.name = name};

	(void)state;
	assert_int_equal(cpio_head(head, &e), 0);
	strcpy(name, "/etc");
	assert_int_equal(cpio_head(head, &e), 0);
	/* This one would end the archive. */
	strcpy(name, "TRAILER!!!");
	assert_int_equal(cpio_head(head, &e), 0);
	strcpy(name, "TRAILER!!!.txt");
	assert_int_equal(cpio_head(head, &e), 128);
	memset(name, 'n', CPIO_NAME_MAX);
	assert_int_equal(cpio_head(head, &e), 0);
	name[CPIO_NAME_MAX - 1] = '\0';
	assert_int_equal(cpio_head(head, &e), 110 + CPIO_NAME_MAX + 2);
	assert_memory_equal(head + 94, "00001000", 8);
}

static void trailer(void **state)
{
	(void)state;
	assert_int_equal(cpio_trailer(head), 124);
	assert_string_equal(head + 110, "TRAILER!!!");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(sizes),
		cmocka_unit_test(names),
		cmocka_unit_test(trailer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
