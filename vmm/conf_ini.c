/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/conf_ini.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/conf_set.h"
#include "vmm/ini.h"
#include "vmm/options.h"

/* What vmm/ini.c walks through: [vm], and a section for each device. */

struct reader {
	struct conf *c;
	char base[CONF_PATH_MAX];
	bool reads; /* not: checks only */
	/* the section */
	uint64_t keys_seen;    /* by index in its table */
	struct conf_item item; /* item.list NULL: it is [vm] */
	/* and how many there were of each list */
	unsigned int sections[OPTION_LISTS_MAX];
};

static bool label_ok(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.-");

	return len > 0 && s[len] == '\0';
}

static void reader_begin(void *ctx)
{
	struct reader *r = ctx;

	r->item.list = NULL;
	memset(r->sections, 0, sizeof(r->sections));
}

/* What is due when a section ends: a device needs its first key. */
static int reader_end(struct ini *ini, void *ctx)
{
	struct reader *r = ctx;
	const struct option_list *list = r->item.list;
	char what[INI_NAME_MAX + 16];
	struct conf_from from = {.what = what};
	char detail[INI_NAME_MAX + 32];

	int ret;

	if (!list)
		return 0;
	if (!(r->keys_seen & 1)) {
		snprintf(detail, sizeof(detail), "%s:%s", ini_section(ini),
			 list->table[0].name);
		return ini_error(ini, -ENODATA, ERR_INI_KEY, detail);
	}
	snprintf(what, sizeof(what), "[%s.LABEL]", list->name);
	ret = r->reads ? conf_add_item(r->c, &r->item, &from, ini_err(ini)) : 0;
	r->item.list = NULL;
	return ret;
}

static int reader_section(struct ini *ini, void *ctx, const char *name)
{
	struct reader *r = ctx;

	const struct option_list *list = option_list_section(name);

	if (strcmp(name, "vm") != 0 &&
	    (!list || !label_ok(strchr(name, '.') + 1)))
		return ini_error(ini, -EINVAL, ERR_INI_SECTION, name);
	r->keys_seen = 0;
	r->item.list = NULL;
	if (!list)
		return 0;
	if (r->sections[option_list_index(list)]++ == list->max)
		return ini_error(ini, -E2BIG, ERR_INI_SECTION, name);
	conf_item_init(&r->item, list);
	return 0;
}

static int set_key(struct ini *ini, struct reader *r,
		   const struct option_def *o)
{
	char what[ERR_NAME_MAX];
	struct conf_from from = {.what = what, .base = r->base};
	const char *value;
	int ret = ini_value(ini, o->name, &value);

	r->reads = value != NULL;
	if (!value)
		return ret;
	ini_place(ini, ini_line(ini), o->name, what);
	if (r->item.list)
		return conf_set_item(&r->item, o, value, &from, ini_err(ini));
	return conf_set(r->c, o, value, &from, ini_err(ini));
}

static int reader_key(struct ini *ini, void *ctx, const char *key)
{
	struct reader *r = ctx;
	const struct option_list *list = r->item.list;
	const struct option_def *table, *o;
	char detail[ERR_DETAIL_MAX];
	unsigned int n;
	uint64_t bit;

	snprintf(detail, sizeof(detail), "%s:%s", ini_section(ini), key);
	table = option_table(&n);
	if (list) {
		table = list->table;
		n = list->n;
	}
	o = option_find(table, n, key, strlen(key));
	if (!o || !o->in_ini)
		return ini_error(ini, -ENOENT, ERR_INI_KEY, detail);
	bit = UINT64_C(1) << (o - table);
	if (r->keys_seen & bit)
		return ini_error(ini, -EEXIST, ERR_INI_KEY, detail);
	r->keys_seen |= bit;
	return set_key(ini, r, o);
}

static void base_make(struct reader *r)
{
	const char *slash = strrchr(r->c->ini, '/');
	size_t len = slash ? (size_t)(slash - r->c->ini) + 1 : 0;

	/* A longer one cannot be opened: PATH_MAX is the same 4096. */
	if (len >= sizeof(r->base))
		len = 0;
	memcpy(r->base, r->c->ini, len);
	r->base[len] = '\0';
}

int conf_ini_load(struct conf *c, struct err *e)
{
	static const struct ini_grammar grammar = {
		.kind = INI_VM,
		.sections = INI_SECTIONS_MAX,
		.begin = reader_begin,
		.section = reader_section,
		.key = reader_key,
		.section_end = reader_end,
	};
	struct reader r = {.c = c};

	base_make(&r);
	return ini_load(c->ini, &grammar, &r, e);
}
