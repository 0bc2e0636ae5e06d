// SPDX-License-Identifier: Apache-2.0
#include "vmm/notify_text.h"

#include <string.h>

/* What stands behind @name at the start of @line, or NULL. */
static const char *behind(const char *line, const char *name)
{
	size_t n = strlen(name);

	return strncmp(line, name, n) == 0 ? line + n : NULL;
}

static bool status_of(const char *s, unsigned int *out)
{
	unsigned int v = 0, n = 0;

	for (; s[n] >= '0' && s[n] <= '9' && n < 3; n++)
		v = v * 10 + (unsigned int)(s[n] - '0');
	*out = v;
	return n && !s[n] && v <= 255;
}

/* It is for terminals and for the service manager. */
static void make_plain(char *s)
{
	for (; *s; s++) {
		if (*s < ' ' || *s > '~')
			*s = '?';
	}
}

static enum notify_word word_of(struct notify_text *t)
{
	const char *value;

	make_plain(t->line);
	if (strcmp(t->line, "READY=1") == 0)
		return NOTIFY_READY;
	t->value = behind(t->line, "STATUS=");
	if (t->value)
		return NOTIFY_STATUS;
	value = behind(t->line, "EXIT_STATUS=");
	return value && status_of(value, &t->status) ? NOTIFY_EXIT
						     : NOTIFY_NOTHING;
}

enum notify_word notify_text_add(struct notify_text *t, char c)
{
	bool skip = t->skip;

	if (c != '\n') {
		t->skip |= t->n == NOTIFY_LINE_MAX;
		if (!t->skip)
			t->line[t->n++] = c ? c : '?';
		return NOTIFY_NOTHING;
	}
	t->line[t->n] = '\0';
	t->n = 0;
	t->skip = false;
	return skip ? NOTIFY_NOTHING : word_of(t);
}
