// SPDX-License-Identifier: Apache-2.0
/*
 * Errors with any strings: what is recorded is a prefix, always terminated,
 * and the code is always a refusal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

/* @got, in a field of @room bytes, is as much of @want as fits. */
static void check_prefix(const char *got, size_t room, const char *want)
{
	size_t len = strnlen(got, room);
	size_t full = want ? strlen(want) : 0;

	must(len < room);
	must(len == (full < room ? full : room - 1));
	must(!want || memcmp(got, want, len) == 0);
}

static char *take(const uint8_t **data, size_t *size)
{
	size_t len = *size ? **data * 2u : 0;
	char *s;

	if (!len || len > *size - 1)
		return NULL;
	s = strndup((const char *)*data + 1, len);
	*data += len + 1;
	*size -= len + 1;
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = take(&data, &size);
	char *detail = take(&data, &size);
	int code = size ? -(int)data[0] : 0;
	struct err e;
	int r;

	memset(&e, 0xa5, sizeof(e));
	r = err_set(&e, code, ERR_RAM, name, detail);
	must(r == (code ? code : -EINVAL));
	must(e.code == code && e.what == ERR_RAM);
	check_prefix(e.name, sizeof(e.name), name);
	check_prefix(e.detail, sizeof(e.detail), detail);
	memset(&e, 0xa5, sizeof(e));
	must(err_set_num(&e, code, ERR_CPUS, name, 1, 2) == r);
	must(e.num == 1 && e.num2 == 2);
	check_prefix(e.name, sizeof(e.name), name);
	check_prefix(e.detail, sizeof(e.detail), NULL);
	free(name);
	free(detail);
	return 0;
}
