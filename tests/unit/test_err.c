/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/err.h"

static struct err dirty(void)
{
	struct err e;

	memset(&e, 0xa5, sizeof(e));
	return e;
}

static void records(void **state)
{
	struct err e = dirty();

	(void)state;
	assert_int_equal(
		err_set(&e, -ENOENT, ERR_FILE_OPEN, "vmlinuz", "kernel"),
		-ENOENT);
	assert_int_equal(e.code, -ENOENT);
	assert_int_equal(e.what, ERR_FILE_OPEN);
	assert_string_equal(e.name, "vmlinuz");
	assert_string_equal(e.detail, "kernel");
	assert_int_equal(e.num, 0);
	assert_int_equal(e.num2, 0);
}

static void records_numbers(void **state)
{
	struct err e = dirty();

	(void)state;
	assert_int_equal(err_set_num(&e, -ENOMEM, ERR_VFIO_DMA_MAP, NULL,
				     UINT64_MAX, 4096),
			 -ENOMEM);
	assert_int_equal(e.what, ERR_VFIO_DMA_MAP);
	assert_int_equal(e.num, UINT64_MAX);
	assert_int_equal(e.num2, 4096);
	assert_string_equal(e.name, "");
	assert_string_equal(e.detail, "");
}

static void no_call_failed(void **state)
{
	struct err e = dirty();

	(void)state;
	assert_int_equal(err_set(&e, 0, ERR_NO_KERNEL, NULL, NULL), -EINVAL);
	assert_int_equal(e.code, 0);
	assert_string_equal(e.name, "");
	assert_string_equal(e.detail, "");
	assert_int_equal(err_set_num(&e, 0, ERR_CPUS, "cpus", 9, 8), -EINVAL);
	assert_int_equal(e.code, 0);
	assert_string_equal(e.name, "cpus");
}

static void cuts(void **state)
{
	struct err e = dirty();
	char text[ERR_DETAIL_MAX + 10];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&e, -EIO, ERR_INI_SYNTAX, text, text);
	assert_int_equal(strlen(e.name), ERR_NAME_MAX - 1);
	assert_int_equal(strlen(e.detail), ERR_DETAIL_MAX - 1);
	/* Exactly what fits is not cut. */
	text[ERR_NAME_MAX - 1] = '\0';
	err_set(&e, -EIO, ERR_INI_SYNTAX, text, "");
	assert_string_equal(e.name, text);
	assert_string_equal(e.detail, "");
}

/* Recording once more about the same thing may pass what is in there. */
static void own_text(void **state)
{
	struct err e = dirty();

	(void)state;
	err_set(&e, -EIO, ERR_FILE_READ, "disk", "kernel");
	err_set(&e, -EIO, ERR_FILE_OPEN, e.name, e.detail);
	assert_string_equal(e.name, "disk");
	assert_string_equal(e.detail, "kernel");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(records_numbers),
		cmocka_unit_test(no_call_failed),
		cmocka_unit_test(cuts),
		cmocka_unit_test(own_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
