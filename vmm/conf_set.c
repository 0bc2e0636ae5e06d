/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/conf_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Replace the owned string at @at by @text, which is taken over. */
static int take_string(char **at, char *text)
{
	if (!text)
		return -ENOMEM;
	free(*at);
	*at = text;
	return 0;
}

static int set_path(char **at, const char *text, const char *base)
{
	size_t len;
	char *path;

	if (text[0] == '\0')
		return -EINVAL;
	if (text[0] == '/' || !base)
		base = "";
	len = strlen(base) + strlen(text) + 1;
	if (len > CONF_PATH_MAX)
		return -ENAMETOOLONG;
	path = malloc(len);
	if (path)
		snprintf(path, len, "%s%s", base, text);
	return take_string(at, path);
}

static int set_console(struct conf *c, const char *text, const char *base)
{
	int ret;

	if (strcmp(text, "stdio") == 0) {
		c->console = CONSOLE_STDIO;
		return 0;
	}
	if (strcmp(text, "none") == 0) {
		c->console = CONSOLE_NONE;
		return 0;
	}
	if (strncmp(text, "file:", 5) != 0)
		return -EINVAL;
	ret = set_path(&c->console_file, text + 5, base);
	if (ret == 0)
		c->console = CONSOLE_FILE;
	return ret;
}

static int set_machine(char **at, const char *text)
{
	if (strcmp(text, "x86_64") != 0 && strcmp(text, "aarch64") != 0)
		return -EINVAL;
	return take_string(at, strdup(text));
}

/* A file by the name of one of these words is meant by ./on. */
static int set_rom(struct conf_vfio *v, const char *text, const char *base)
{
	bool on;
	int n;

	if (strcmp(text, "auto") == 0) {
		v->rom = ROM_AUTO;
		return 0;
	}
	if (option_bool(text, &on) == 0) {
		v->rom = on ? ROM_ON : ROM_OFF;
		return 0;
	}
	if (text[0] == '\0')
		return -EINVAL;
	if (text[0] == '/' || !base)
		base = "";
	n = snprintf(v->rom_file, sizeof(v->rom_file), "%s%s", base, text);
	if (n < 0 || (size_t)n >= sizeof(v->rom_file))
		return -ENAMETOOLONG;
	v->rom = ROM_FILE;
	return 0;
}

/* @obj is a struct conf, or a struct conf_vfio for a sub-key. */
static int set_value(void *obj, const struct option_def *o, const char *text,
		     const char *base)
{
	void *at = (char *)obj + o->offset;

	switch (o->type) {
	case VALUE_PATH:
		return set_path(at, text, base);
	case VALUE_TEXT:
		return take_string(at, strdup(text));
	case VALUE_NUMBER:
		return option_number(text, at);
	case VALUE_SIZE:
		return option_size(text, at);
	case VALUE_BOOL:
		return option_bool(text, at);
	case VALUE_CONSOLE:
		return set_console(obj, text, base);
	case VALUE_MSIX:
		return option_msix(text, at);
	case VALUE_ON_ERROR:
		return option_on_error(text, at);
	case VALUE_ROM:
		return set_rom(obj, text, base);
	case VALUE_BACKEND:
		return option_backend(text, at);
	case VALUE_P2P:
		return option_p2p(text, at);
	case VALUE_CPU_OFF:
		return option_cpu_off(text, at);
	case VALUE_STATUS:
		return option_status(text, at);
	case VALUE_MACHINE:
		return set_machine(at, text);
	case VALUE_ADDRESS:
		return option_address(text, at);
	case VALUE_NONE:
	case VALUE_VFIO:
	default: /* those of --what-if */
		break;
	}
	return -EINVAL;
}

static int value_error(int code, const struct option_def *o, const char *text,
		       const struct conf_from *from, struct err *e)
{
	int ret;

	if (code == -ENOMEM)
		return err_set(e, code, ERR_HOST_CALL, "malloc", NULL);
	if (o->type == VALUE_ADDRESS)
		return err_set(e, code, ERR_VFIO_ADDRESS, text, from->what);
	ret = err_set(e, code, ERR_OPTION_VALUE, from->what, text);
	e->num = (uint64_t)o->type;
	return ret;
}

int conf_set_vfio(struct conf_vfio *v, const struct option_def *o,
		  const char *text, const struct conf_from *from, struct err *e)
{
	int ret = set_value(v, o, text, from->base);

	return ret ? value_error(ret, o, text, from, e) : 0;
}

int conf_add_vfio(struct conf *c, const struct conf_vfio *v,
		  const struct conf_from *from, struct err *e)
{
	int ret;

	for (unsigned int i = 0; i < from->n_ini && i < c->n_vfio; i++) {
		if (strcmp(c->vfio[i].address, v->address) == 0) {
			c->vfio[i] = *v;
			return 0;
		}
	}
	if (c->n_vfio == CONF_VFIO_MAX) {
		ret = err_set(e, -E2BIG, ERR_OPTION_VALUE, from->what,
			      v->address);
		e->num = VALUE_VFIO;
		e->num2 = CONF_VFIO_MAX;
		return ret;
	}
	c->vfio[c->n_vfio++] = *v;
	return 0;
}

/* One "key=value" of --vfio; @word is cut in two. */
static int set_subkey(struct conf_vfio *v, char *word,
		      const struct conf_from *from, struct err *e)
{
	const struct option_def *table, *o;
	size_t len = strcspn(word, "=");
	char what[ERR_NAME_MAX];
	struct conf_from sub = {.what = what};
	unsigned int n;

	table = option_vfio_table(&n);
	/* The address has no key here: it comes first. */
	o = option_find(table + 1, n - 1, word, len);
	if (!o) {
		word[len] = '\0';
		return err_set(e, -EINVAL, ERR_OPTION_UNKNOWN, word,
			       from->what);
	}
	snprintf(what, sizeof(what), "%s %s", from->what, o->name);
	if (word[len] == '\0')
		return err_set_num(e, -EINVAL, ERR_OPTION_MISSING, what,
				   (uint64_t)o->type, 0);
	return conf_set_vfio(v, o, word + len + 1, &sub, e);
}

/* ADDRESS[,key=value...]; @text is cut into pieces. */
static int parse_vfio(struct conf_vfio *v, char *text,
		      const struct conf_from *from, struct err *e)
{
	char *rest = text, *word = strsep(&rest, ",");
	unsigned int n;
	int ret;

	ret = conf_set_vfio(v, option_vfio_table(&n), word, from, e);
	while (ret == 0 && (word = strsep(&rest, ",")))
		ret = set_subkey(v, word, from, e);
	return ret;
}

int conf_set(struct conf *c, const struct option_def *o, const char *text,
	     const struct conf_from *from, struct err *e)
{
	struct conf_vfio v = CONF_VFIO_DEFAULT;
	char *copy;
	int ret;

	if (o->type != VALUE_VFIO) {
		ret = set_value(c, o, text, from->base);
		return ret ? value_error(ret, o, text, from, e) : 0;
	}
	copy = strdup(text);
	if (!copy)
		return value_error(-ENOMEM, o, text, from, e);
	ret = parse_vfio(&v, copy, from, e);
	free(copy);
	return ret ? ret : conf_add_vfio(c, &v, from, e);
}
