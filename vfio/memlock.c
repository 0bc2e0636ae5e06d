// SPDX-License-Identifier: Apache-2.0
#include "vfio/memlock.h"

#include <linux/capability.h>
#include <string.h>

/*
 * How the kernel counts: type1 adds what it pins to the locked memory of the
 * process (VmLck) and compares with the soft limit; iommufd does so with what
 * all processes of the user pinned, which nobody is told. Both let pass who has
 * CAP_IPC_LOCK.
 */

/* The first character behind @key at the start of a line of @text, or NULL. */
static const char *line_value(const char *text, const char *end,
			      const char *key)
{
	size_t n = strlen(key);

	while (text && (size_t)(end - text) > n) {
		if (memcmp(text, key, n) == 0)
			return text + n;
		text = memchr(text, '\n', (size_t)(end - text));
		if (text)
			text++;
	}
	return NULL;
}

static int digit(char c, unsigned int base)
{
	int v = -1;

	if (c >= '0' && c <= '9')
		v = c - '0';
	else if (c >= 'a' && c <= 'f')
		v = c - 'a' + 10;
	return v < (int)base ? v : -1;
}

/* A number behind blanks, and what ends it; false if there is none. */
static bool number(const char *s, const char *end, unsigned int base,
		   uint64_t *out)
{
	bool any = false;
	uint64_t v = 0;

	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	for (; s < end && digit(*s, base) >= 0; s++, any = true) {
		if (v > (UINT64_MAX - 15) / base)
			return false;
		v = v * base + (uint64_t)digit(*s, base);
	}
	*out = v;
	return any;
}

void memlock_read(struct memlock *m, const char *text, size_t len)
{
	const char *end = text + len;
	const char *s = line_value(text, end, "VmLck:");
	uint64_t v;

	if (s && number(s, end, 10, &v) && v <= UINT64_MAX >> 10)
		m->locked = v << 10; /* KiB */
	s = line_value(text, end, "CapEff:");
	if (s && number(s, end, 16, &v))
		m->unlimited = v >> CAP_IPC_LOCK & 1;
}

enum memlock_verdict memlock_check(const struct memlock *m, uint64_t need)
{
	uint64_t sum = need + m->locked;

	if (m->unlimited)
		return MEMLOCK_OK;
	if (sum < need)
		sum = UINT64_MAX;
	/* RLIM_INFINITY is all ones, which nothing passes. */
	if (sum <= m->soft)
		return MEMLOCK_OK;
	return sum <= m->hard ? MEMLOCK_RAISE : MEMLOCK_SHORT;
}
