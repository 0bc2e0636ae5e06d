/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/conf_ini.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/conf_set.h"
#include "vmm/ini.h"
#include "vmm/options.h"

/* What vmm/ini.c walks through: [vm], [test], and a section for each device. */

struct reader {
	struct conf *c;
	char base[CONF_PATH_MAX];
	bool reads; /* not: checks only */
	/* the section */
	bool is_test;
	uint64_t keys_seen; /* by index in its table */
	/* those with a number, which follow one another */
	unsigned int n_numbered;
	struct {
		const struct option_def *o;
		unsigned int number;
	} numbered[3 * CONF_REGEX_MAX];
	struct conf_item item; /* item.list NULL: [vm] or [test] */
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
	r->is_test = false;
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

/*
 * In the first walk already, when no value is read yet: of what a test has by
 * default, the file may say otherwise, be it further up.
 */
static void conf_is_test(struct conf *c)
{
	if (!c->test.given)
		c->fail_on_oops = true;
	c->test.given = true;
}

static int reader_section(struct ini *ini, void *ctx, const char *name)
{
	struct reader *r = ctx;

	const struct option_list *list = option_list_section(name);

	r->is_test = strcmp(name, "test") == 0;
	if (r->is_test)
		conf_is_test(r->c);
	if (strcmp(name, "vm") != 0 && !r->is_test &&
	    (!list || !label_ok(strchr(name, '.') + 1)))
		return ini_error(ini, -EINVAL, ERR_INI_SECTION, name);
	r->keys_seen = 0;
	r->n_numbered = 0;
	r->item.list = NULL;
	if (!list)
		return 0;
	if (r->sections[option_list_index(list)]++ == list->max)
		return ini_error(ini, -E2BIG, ERR_INI_SECTION, name);
	conf_item_init(&r->item, list);
	return 0;
}

/* One key of the section that was read. */
struct key {
	const char *name;
	const struct option_def *o;
	uint64_t bit; /* in keys_seen; 0: it has a number */
	unsigned int number;
};

static int set_key(struct ini *ini, struct reader *r, const struct key *k)
{
	char what[ERR_NAME_MAX];
	struct conf_from from = {.what = what,
				 .base = r->base,
				 .ini = true,
				 .number = k->number};
	const char *value;
	int ret = ini_value(ini, k->name, &value);

	r->reads = value != NULL;
	if (!value)
		return ret;
	ini_place(ini, ini_line(ini), k->name, what);
	if (r->item.list)
		return conf_set_item(&r->item, k->o, value, &from,
				     ini_err(ini));
	return conf_set(r->c, k->o, value, &from, ini_err(ini));
}

static const struct option_def *key_table(const struct reader *r,
					  unsigned int *n)
{
	if (r->is_test)
		return option_test_table(n);
	if (!r->item.list)
		return option_table(n);
	*n = r->item.list->n;
	return r->item.list->table;
}

/* Of "expect.12" the length of the name, and the number; else all of it. */
static size_t split_number(const char *key, unsigned int *number)
{
	size_t len = strcspn(key, ".");

	*number = 0;
	if (!key[len] || key[len + 1] == '0' ||
	    option_number(key + len + 1, number))
		return strlen(key);
	return len;
}

static bool find_key(const struct reader *r, struct key *k)
{
	unsigned int n;
	const struct option_def *table = key_table(r, &n);
	size_t len = split_number(k->name, &k->number);

	k->o = option_find(table, n, k->name, len);
	if (!k->o || !k->o->in_ini)
		return false;
	k->bit = k->number ? 0 : UINT64_C(1) << (k->o - table);
	return !k->number || k->o->type == VALUE_REGEX;
}

/* Note that the key is there: -EEXIST if it was before. */
static int note_key(struct reader *r, const struct key *k)
{
	const unsigned int most = sizeof(r->numbered) / sizeof(r->numbered[0]);

	if (r->keys_seen & k->bit)
		return -EEXIST;
	r->keys_seen |= k->bit;
	if (k->bit)
		return 0;
	for (unsigned int i = 0; i < r->n_numbered; i++) {
		if (r->numbered[i].o == k->o &&
		    r->numbered[i].number == k->number)
			return -EEXIST;
	}
	/* With so many, one list is too long, which is found elsewhere. */
	if (r->n_numbered == most)
		return 0;
	r->numbered[r->n_numbered].o = k->o;
	r->numbered[r->n_numbered++].number = k->number;
	return 0;
}

static int reader_key(struct ini *ini, void *ctx, const char *key)
{
	struct reader *r = ctx;
	struct key k = {.name = key};
	char detail[ERR_DETAIL_MAX];

	snprintf(detail, sizeof(detail), "%s:%s", ini_section(ini), key);
	if (!find_key(r, &k))
		return ini_error(ini, -ENOENT, ERR_INI_KEY, detail);
	if (note_key(r, &k))
		return ini_error(ini, -EEXIST, ERR_INI_KEY, detail);
	return set_key(ini, r, &k);
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
