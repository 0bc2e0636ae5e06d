/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/conf_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/virtio_blk.h"
#include "vmm/affinity.h"
#include "vmm/conf_console.h"
#include "vmm/conf_regex.h"

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

static int set_machine(char **at, const char *text)
{
	if (strcmp(text, "x86_64") != 0 && strcmp(text, "aarch64") != 0)
		return -EINVAL;
	return take_string(at, strdup(text));
}

int conf_file(char at[CONF_PATH_MAX], const char *text, const char *base)
{
	int n;

	if (text[0] == '\0')
		return -EINVAL;
	if (text[0] == '/' || !base)
		base = "";
	n = snprintf(at, CONF_PATH_MAX, "%s%s", base, text);
	return n < 0 || n >= CONF_PATH_MAX ? -ENAMETOOLONG : 0;
}

static int set_word(char *at, const char *text)
{
	size_t size = strlen(text) + 1;

	if (size == 1 || size > CONF_WORD_MAX)
		return -EINVAL;
	memcpy(at, text, size);
	return 0;
}

static int set_line(char *at, const char *text)
{
	size_t size = strlen(text) + 1;

	if (size > CONF_LINE_MAX)
		return -EINVAL;
	memcpy(at, text, size);
	return 0;
}

/* It ends up in the guest's /dev/disk/by-id. */
static int set_serial(char *at, const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789._-");

	if (len == 0 || text[len] || len > VIRTIO_BLK_ID_LEN)
		return -EINVAL;
	memcpy(at, text, len + 1);
	return 0;
}

/* A file by the name of one of these words is meant by ./on. */
static int set_rom(struct conf_vfio *v, const char *text, const char *base)
{
	bool on;
	int ret;

	if (strcmp(text, "auto") == 0) {
		v->rom = ROM_AUTO;
		return 0;
	}
	if (option_bool(text, &on) == 0) {
		v->rom = on ? ROM_ON : ROM_OFF;
		return 0;
	}
	ret = conf_file(v->rom_file, text, base);
	if (ret == 0)
		v->rom = ROM_FILE;
	return ret;
}

static int set_affinity(char **at, const char *text)
{
	int n = affinity_vcpus(text);

	return n < 0 ? n : take_string(at, strdup(text));
}

/* What the names of network interfaces may be (dev_valid_name() of Linux). */
static bool tap_name_ok(const char *s)
{
	size_t len = strlen(s);

	return len > 0 && len < 16 && strcspn(s, "/:% \t\n") == len &&
	       strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static int set_net_kind(char *at, const char *text, const char *base)
{
	unsigned int fd;
	int ret = 0;

	if (strncmp(text, "tap:", 4) == 0)
		ret = tap_name_ok(text + 4) ? 0 : -EINVAL;
	else if (strncmp(text, "fd:", 3) == 0)
		ret = option_number(text + 3, &fd);
	else if (strncmp(text, "passt:", 6) == 0) {
		memcpy(at, text, 6);
		return conf_file(at + 6, text + 6, base);
	} else if (strcmp(text, "passt") != 0)
		ret = -EINVAL;
	if (ret == 0)
		memcpy(at, text, strlen(text) + 1);
	return ret;
}

static int set_range(unsigned int *at, const char *text, unsigned int least,
		     unsigned int most)
{
	unsigned int n;
	int ret = option_number(text, &n);

	if (ret)
		return ret;
	if (n < least || n > most)
		return -EINVAL;
	*at = n;
	return 0;
}

/* Keys of disks, networks, sockets and folders. */
static int set_device_value(enum value_type type, void *at, const char *text,
			    const char *base)
{
	switch (type) {
	case VALUE_CID:
		return option_cid(text, at);
	case VALUE_TAG:
		return strlen(text) > 36 ? -EINVAL : set_word(at, text);
	case VALUE_DISK_FORMAT:
		return option_disk_format(text, at);
	case VALUE_DISK_IO:
		return option_disk_io(text, at);
	case VALUE_DISK_QUEUES:
		return option_disk_queues(text, at);
	case VALUE_BLOCK_SIZE:
		return option_block_size(text, at);
	case VALUE_SERIAL:
		return set_serial(at, text);
	case VALUE_NET_KIND:
		return set_net_kind(at, text, base);
	case VALUE_MAC:
		return option_mac(text, at);
	case VALUE_PAIRS:
		return set_range(at, text, 1, 16);
	case VALUE_MTU:
		return set_range(at, text, 68, 65535);
	case VALUE_VHOST:
		return option_vhost(text, at);
	default: /* lists themselves, and keys of --what-if */
		return -EINVAL;
	}
}

/* How the guest is started, watched and ended. */
static int set_run_value(enum value_type type, void *at, const char *text,
			 const char *base)
{
	switch (type) {
	case VALUE_KERNEL_FORMAT:
		return option_kernel_format(text, at);
	case VALUE_STATUS:
		return option_status(text, at);
	case VALUE_MACHINE:
		return set_machine(at, text);
	case VALUE_AFFINITY:
		return set_affinity(at, text);
	case VALUE_READY:
		return option_ready(text, at);
	case VALUE_HUGEPAGES:
		return option_hugepages(text, at);
	case VALUE_SECONDS:
		return option_seconds(text, at);
	case VALUE_ON_REBOOT:
		return option_on_reboot(text, at);
	case VALUE_BALLOON:
		return option_balloon(text, at);
	case VALUE_WATCHDOG:
		return option_watchdog(text, at);
	default:
		return set_device_value(type, at, text, base);
	}
}

/* @obj is a struct conf, or the item of a list. */
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
		return conf_console_set(at, text, base);
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
	case VALUE_ADDRESS:
		return option_address(text, at);
	case VALUE_FILE:
		return conf_file(at, text, base);
	case VALUE_WORD:
		return set_word(at, text);
	case VALUE_LINE:
		return set_line(at, text);
	default:
		return set_run_value(o->type, at, text, base);
	}
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

int conf_set_item(struct conf_item *item, const struct option_def *o,
		  const char *text, const struct conf_from *from, struct err *e)
{
	int ret = set_value(item->bytes, o, text, from->base);

	return ret ? value_error(ret, o, text, from, e) : 0;
}

void conf_item_init(struct conf_item *item, const struct option_list *list)
{
	item->list = list;
	memset(item->bytes, 0, sizeof(item->bytes));
	if (list->defaults)
		memcpy(item->bytes, list->defaults, list->size);
}

static unsigned int *count_at(struct conf *c, const struct option_list *l)
{
	return (unsigned int *)(void *)((char *)c + l->count);
}

unsigned int conf_items(const struct conf *c, unsigned int i)
{
	const struct option_list *l = option_list(i);

	return l ? *count_at((struct conf *)(uintptr_t)c, l) : 0;
}

/* The item of the INI file with the same first key, or NULL. */
static char *same_in_file(struct conf *c, const struct conf_item *item,
			  const struct conf_from *from)
{
	const struct option_list *l = item->list;
	unsigned int ini = from->n_ini ? from->n_ini[option_list_index(l)] : 0;
	size_t key = l->table[0].offset;
	char *at = (char *)c + l->items;

	for (unsigned int i = 0; i < ini && i < *count_at(c, l); i++) {
		if (strcmp(at + key, item->bytes + key) == 0)
			return at;
		at += l->size;
	}
	return NULL;
}

int conf_add_item(struct conf *c, const struct conf_item *item,
		  const struct conf_from *from, struct err *e)
{
	const struct option_list *l = item->list;
	unsigned int *n = count_at(c, l);
	const char *first = item->bytes + l->table[0].offset;
	char *at = same_in_file(c, item, from);

	if (at) {
		memcpy(at, item->bytes, l->size);
		return 0;
	}
	if (*n == l->max) {
		err_set(e, -E2BIG, ERR_OPTION_VALUE, from->what, first);
		e->num = (uint64_t)l->type;
		e->num2 = l->max;
		return -E2BIG;
	}
	memcpy((char *)c + l->items + *n * l->size, item->bytes, l->size);
	(*n)++;
	return 0;
}

/* One "key=value" of a list's option; @word is cut in two. */
static int set_subkey(struct conf_item *item, char *word,
		      const struct conf_from *from, struct err *e)
{
	const struct option_def *o;
	size_t len = strcspn(word, "=");
	char what[ERR_NAME_MAX];
	struct conf_from sub = {.what = what};

	/* The first has no key here: it comes first. */
	o = option_find(item->list->table + 1, item->list->n - 1, word, len);
	if (!o) {
		word[len] = '\0';
		return err_set(e, -EINVAL, ERR_OPTION_UNKNOWN, word,
			       from->what);
	}
	snprintf(what, sizeof(what), "%s %s", from->what, o->name);
	if (word[len] == '\0')
		return err_set_num(e, -EINVAL, ERR_OPTION_MISSING, what,
				   (uint64_t)o->type, 0);
	return conf_set_item(item, o, word + len + 1, &sub, e);
}

/*
 * FIRST[,key=value...]; @text is cut into pieces. Keys that are not given stay
 * as the INI file has them.
 */
static int parse_item(struct conf *c, struct conf_item *item, char *text,
		      const struct conf_from *from, struct err *e)
{
	char *rest = text, *word = strsep(&rest, ",");
	int ret = conf_set_item(item, item->list->table, word, from, e);
	const char *file = ret ? NULL : same_in_file(c, item, from);

	if (file)
		memcpy(item->bytes, file, item->list->size);
	while (ret == 0 && (word = strsep(&rest, ",")))
		ret = set_subkey(item, word, from, e);
	return ret;
}

int conf_set(struct conf *c, const struct option_def *o, const char *text,
	     const struct conf_from *from, struct err *e)
{
	const struct option_list *list = option_list_of(o->type);
	struct conf_item item;
	char *copy;
	int ret;

	if (o->type == VALUE_REGEX)
		return conf_regex_add((void *)((char *)c + o->offset), text,
				      from, e);
	if (!list) {
		ret = set_value(c, o, text, from->base);
		return ret ? value_error(ret, o, text, from, e) : 0;
	}
	copy = strdup(text);
	if (!copy)
		return value_error(-ENOMEM, o, text, from, e);
	conf_item_init(&item, list);
	ret = parse_item(c, &item, copy, from, e);
	free(copy);
	return ret ? ret : conf_add_item(c, &item, from, e);
}
