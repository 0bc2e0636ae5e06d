/* SPDX-License-Identifier: Apache-2.0 */
#include "core/err.h"

#include <errno.h>
#include <stddef.h>

static void copy_cut(char *dst, size_t size, const char *src)
{
	size_t i = 0;

	for (; src != NULL && src[i] != '\0' && i + 1 < size; i++)
		dst[i] = src[i];
	dst[i] = '\0';
}

static int record(struct err *e, int code, enum err_what what)
{
	e->code = code;
	e->what = what;
	e->num = 0;
	e->num2 = 0;
	return code != 0 ? code : -EINVAL;
}

int err_set(struct err *e, int code, enum err_what what, const char *name,
	    const char *detail)
{
	copy_cut(e->name, sizeof(e->name), name);
	copy_cut(e->detail, sizeof(e->detail), detail);
	return record(e, code, what);
}

int err_set_num(struct err *e, int code, enum err_what what, const char *name,
		uint64_t num, uint64_t num2)
{
	int r = err_set(e, code, what, name, NULL);

	e->num = num;
	e->num2 = num2;
	return r;
}
