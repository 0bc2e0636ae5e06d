// SPDX-License-Identifier: Apache-2.0
#include "vmm/affinity.h"

#include <errno.h>
#include <stdbool.h>

static int number(const char **s, unsigned int *out)
{
	unsigned int v = 0;

	*out = 0;
	if (**s < '0' || **s > '9')
		return -EINVAL;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		v = v * 10 + (unsigned int)(**s - '0');
		if (v >= CPU_SETSIZE)
			return -ERANGE;
	}
	*out = v;
	return 0;
}

/* "3" or "3-5", and the comma behind it if one more follows. */
static int item(const char **s, unsigned int *first, unsigned int *last)
{
	int r = number(s, first);

	*last = *first;
	if (r == 0 && **s == '-') {
		(*s)++;
		r = number(s, last);
	}
	if (r < 0)
		return r;
	if (*last < *first)
		return -EINVAL;
	if (**s == ',') {
		(*s)++;
		return **s >= '0' && **s <= '9' ? 0 : -EINVAL;
	}
	return **s == '\0' || **s == '/' ? 0 : -EINVAL;
}

/* From @first to @last: all, or the @only-th of them if that is not < 0. */
static void add(cpu_set_t *set, unsigned int first, unsigned int last, int only)
{
	for (unsigned int c = first; c <= last; c++) {
		if (only < 0 || c - first == (unsigned int)only)
			CPU_SET(c, set);
	}
}

/* The set at *s, or only its CPU number @only; returns how many it has. */
static int set_read(const char **s, int only, cpu_set_t *set)
{
	unsigned int first = 0, last = 0;
	int n = 0;

	CPU_ZERO(set);
	do {
		int r = item(s, &first, &last);

		if (r < 0)
			return r;
		/* in this item, past it, or before it */
		if (only < 0 || only >= n)
			add(set, first, last, only < 0 ? -1 : only - n);
		n += (int)(last - first) + 1;
		/* CPUs may be there more than once: their number is not bound
		 */
		if (n > 4 * CPU_SETSIZE)
			return -ERANGE;
	} while (**s && **s != '/');
	return n;
}

static bool has_slash(const char *s)
{
	while (*s && *s != '/')
		s++;
	return *s == '/';
}

int affinity_vcpus(const char *text)
{
	bool sets = has_slash(text);
	cpu_set_t set;
	int n = 0;

	do {
		int r = set_read(&text, -1, &set);

		if (r < 0)
			return r;
		n += sets ? 1 : r;
		if (*text == '/')
			text++;
	} while (*text);
	return n;
}

void affinity_of(const char *text, unsigned int i, cpu_set_t *set)
{
	bool sets = has_slash(text);

	if (!sets)
		(void)set_read(&text, (int)i, set);
	for (unsigned int k = 0; sets && k <= i; k++) {
		(void)set_read(&text, -1, set);
		if (*text == '/')
			text++;
	}
}

int affinity_set(const char *text, cpu_set_t *set)
{
	int n = set_read(&text, -1, set);

	if (n < 0)
		return n;
	return *text ? -EINVAL : 0;
}
