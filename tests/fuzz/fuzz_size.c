/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/options.h"

/*
 * Values: sizes, numbers, PCI addresses, and the search for what was meant.
 * A size that is taken means what its digits and its letter say, worked out
 * here in another way; an address comes back as itself.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

static unsigned __int128 value_of(const char *s)
{
	unsigned __int128 v = 0;

	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (unsigned int)(*s - '0');
		if (v >> 100)
			return v;
	}
	if (*s && strchr("kKmMgGtT", *s))
		v <<= 10;
	if (*s && strchr("mMgGtT", *s))
		v <<= 10;
	if (*s && strchr("gGtT", *s))
		v <<= 10;
	if (*s && strchr("tT", *s))
		v <<= 10;
	return v;
}

static void check_size(const char *s)
{
	uint64_t v = 1;
	int ret = option_size(s, &v);

	if (ret == 0) {
		must(v != 0);
		must(value_of(s) == v);
		must(s[0] >= '0' && s[0] <= '9');
		must(s[strspn(s, "0123456789kKmMgGtTiIbB")] == '\0');
	} else {
		must(ret == -EINVAL || ret == -ERANGE);
		must(v == 1);
	}
	if (ret == -ERANGE)
		must(value_of(s) > UINT64_MAX);
}

static void check_number(const char *s)
{
	unsigned int v = 1;
	int ret = option_number(s, &v);

	if (ret == 0)
		must(value_of(s) == v);
	if (ret == -ERANGE)
		must(value_of(s) > UINT32_MAX);
}

static void check_address(const char *s)
{
	char a[OPTION_ADDRESS_SIZE], b[OPTION_ADDRESS_SIZE];

	if (option_address(s, a))
		return;
	must(strlen(a) >= 12 && strlen(a) < sizeof(a));
	must(a[strspn(a, "0123456789abcdef:.")] == '\0');
	must(option_address(a, b) == 0);
	must(strcmp(a, b) == 0);
	/* Only the domain may be written in another way: 01:00.0 stays. */
	must(strlen(s) >= 7);
	must(strcasecmp(a + strlen(a) - 7, s + strlen(s) - 7) == 0);
}

static void check_near(const char *s)
{
	unsigned int n;
	const struct option_def *table = option_table(&n);
	const struct option_def *o = option_near(table, n, s);

	must(!o || (o >= table && o < table + n));
	(void)option_near_word(option_commands(), s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	if (!s)
		return 0;
	memcpy(s, data, size);
	s[size] = '\0';
	check_size(s);
	check_number(s);
	check_address(s);
	check_near(s);
	free(s);
	return 0;
}
