/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/conf_console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/conf_set.h"
#include "vmm/options.h"

/* One "key=value" of a file. */
static int set_key(struct conf_console *w, const char *word)
{
	if (strncmp(word, "append=", 7) == 0)
		return option_bool(word + 7, &w->append);
	if (strncmp(word, "max-size=", 9) == 0)
		return option_size(word + 9, &w->max_size);
	return -EINVAL;
}

/* PATH[,KEY=VALUE...]: a path with a comma cannot be said. */
static int read_file(struct conf_console *w, const char *text, const char *base)
{
	char *copy = strdup(text), *rest = copy, *word;
	int r;

	if (!copy)
		return -ENOMEM;
	r = conf_file(w->path, strsep(&rest, ","), base);
	while (r == 0 && (word = strsep(&rest, ",")))
		r = set_key(w, word);
	free(copy);
	return r;
}

static int read_where(struct conf_console *w, const char *text,
		      const char *base)
{
	if (strcmp(text, "stdio") == 0) {
		w->kind = CONSOLE_STDIO;
		return 0;
	}
	if (strcmp(text, "none") == 0) {
		w->kind = CONSOLE_NONE;
		return 0;
	}
	if (strncmp(text, "file:", 5) == 0) {
		w->kind = CONSOLE_FILE;
		return read_file(w, text + 5, base);
	}
	if (strncmp(text, "socket:", 7) == 0) {
		w->kind = CONSOLE_SOCKET;
		return conf_file(w->path, text + 7, base);
	}
	w->kind = CONSOLE_PTY;
	if (strncmp(text, "pty:", 4) == 0)
		return conf_file(w->path, text + 4, base);
	return strcmp(text, "pty") == 0 ? 0 : -EINVAL;
}

int conf_console_set(struct conf_console *w, const char *text, const char *base)
{
	struct conf_console is = {0};
	int r = read_where(&is, text, base);

	if (r == 0)
		*w = is;
	return r;
}
