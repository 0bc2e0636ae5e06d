/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/conf.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/affinity.h"
#include "vmm/conf_ini.h"
#include "vmm/conf_regex.h"
#include "vmm/conf_set.h"
#include "vmm/options.h"

/*
 * How it works: the words are walked twice. The first walk finds mistakes in
 * their form, --help and the name of the INI file; then the file is read; the
 * second walk sets the values, so that they win over the file.
 */

#define OPTIONS_MAX	96
#define MEMORY_DEFAULT	(512ull << 20)
#define MEMORY_LEAST	(16ull << 20)
#define RT_PRIORITY_MAX 99u /* of Linux */
/* The largest page of any host we run on: RAM is whole pages everywhere. */
#define MEMORY_GRAIN (64ull << 10)

/* Done, although words are left: --help and --version. */
#define STOP 1

struct cli {
	struct conf *c;
	struct err *e;
	int argc; /* from the command word on */
	char *const *argv;
	unsigned int n_ini[OPTION_LISTS_MAX];
};

/* @o is NULL for a word that is no option. 0, STOP or -errno. */
typedef int (*cli_fn)(struct cli *cli, const struct option_def *o,
		      const char *text);

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
}

static int unknown_option(struct cli *cli, const char *word)
{
	char name[ERR_NAME_MAX];
	size_t len = strcspn(word, "=");

	if (len >= sizeof(name))
		len = sizeof(name) - 1;
	memcpy(name, word, len);
	name[len] = '\0';
	return err_set(cli->e, -EINVAL, ERR_OPTION_UNKNOWN, name, NULL);
}

static int value_missing(struct cli *cli, const char *word,
			 const struct option_def *o)
{
	return err_set_num(cli->e, -EINVAL, ERR_OPTION_MISSING, word,
			   (uint64_t)o->type, 0);
}

static const struct option_def *find(const char *name, size_t len)
{
	unsigned int n;
	const struct option_def *table = option_table(&n);

	return option_find(table, n, name, len);
}

/* --- getopt_long -----------------------------------------------------------
 */

struct getopt_args {
	/* '-': hand out every word in order, ':': tell a missing value */
	char shorts[2 + 2 * OPTIONS_MAX + 1];
	struct option longs[OPTIONS_MAX + 1];
};

static int long_has_arg(const struct option_def *o)
{
	if (o->type == VALUE_NONE)
		return no_argument;
	return o->type == VALUE_BOOL ? optional_argument : required_argument;
}

static void getopt_args_make(struct getopt_args *a)
{
	unsigned int n, len = 2;
	const struct option_def *table = option_table(&n);

	memset(a, 0, sizeof(*a));
	a->shorts[0] = '-';
	a->shorts[1] = ':';
	for (unsigned int i = 0; i < n && i < OPTIONS_MAX; i++) {
		a->longs[i].name = table[i].name;
		a->longs[i].has_arg = long_has_arg(&table[i]);
		/* above any letter */
		a->longs[i].val = 256 + (int)i;
		if (!table[i].letter)
			continue;
		a->shorts[len++] = table[i].letter;
		if (a->longs[i].has_arg == required_argument)
			a->shorts[len++] = ':';
	}
}

static const struct option_def *by_value(int val)
{
	unsigned int n;
	const struct option_def *table = option_table(&n);

	for (unsigned int i = 0; i < n; i++) {
		if (val == 256 + (int)i || (val && val == table[i].letter))
			return &table[i];
	}
	return NULL;
}

/* -kernel, as other programs write it, would be read as -k with "ernel". */
static bool one_dash_long(const char *word)
{
	if (word[0] != '-' || word[1] == '-' || strlen(word) < 3)
		return false;
	return find(word + 1, strcspn(word + 1, "=")) != NULL;
}

/* getopt_long takes any clear beginning; then a new option breaks scripts. */
static bool abbreviated(const char *word, const struct option_def *o)
{
	size_t len;

	if (strncmp(word, "--", 2) != 0)
		return false;
	len = strcspn(word + 2, "=");
	return len != strlen(o->name) || memcmp(word + 2, o->name, len) != 0;
}

/* --kernel --memory 1G: the value was forgotten, not called "--memory". */
static bool value_forgotten(const char *word, const char *value)
{
	const char *equals = strchr(word, '=');

	if (!value || (equals && value == equals + 1))
		return false;
	return strncmp(value, "--", 2) == 0 &&
	       find(value + 2, strlen(value + 2)) != NULL;
}

static int getopt_complaint(struct cli *cli, const char *word)
{
	const struct option_def *o = NULL;
	const char *value = strchr(word, '=');
	size_t len = strcspn(word, "=");
	char name[ERR_NAME_MAX];
	int ret;

	if (strncmp(word, "--", 2) == 0)
		o = find(word + 2, len - 2);
	if (!o || o->type != VALUE_NONE || !value || len >= sizeof(name))
		return unknown_option(cli, word);
	memcpy(name, word, len);
	name[len] = '\0';
	ret = err_set(cli->e, -EINVAL, ERR_OPTION_VALUE, name, value + 1);
	cli->e->num = VALUE_NONE;
	return ret;
}

static int one_option(struct cli *cli, int val, const char *word, cli_fn fn)
{
	const struct option_def *o = by_value(val);

	if (val == 1)
		return fn(cli, NULL, optarg);
	if (val == ':')
		o = by_value(optopt);
	if (val == ':' && o)
		return value_missing(cli, word, o);
	if (!o)
		return getopt_complaint(cli, word);
	if (abbreviated(word, o))
		return unknown_option(cli, word);
	if (value_forgotten(word, optarg))
		return value_missing(cli, word, o);
	return fn(cli, o, optarg);
}

static int walk(struct cli *cli, cli_fn fn)
{
	struct getopt_args a;
	int ret = 0;

	getopt_args_make(&a);
	optind = 0; /* start anew (GNU getopt and musl) */
	opterr = 0; /* print nothing */
	while (ret == 0) {
		const char *word = cli->argv[optind ? optind : 1];
		int val;

		if (!word)
			return 0;
		if (one_dash_long(word))
			return unknown_option(cli, word);
		val = getopt_long(cli->argc, cli->argv, a.shorts, a.longs,
				  NULL);
		if (val == -1)
			break;
		ret = one_option(cli, val, word, fn);
	}
	/* what follows "--" */
	for (; ret == 0 && optind < cli->argc; optind++)
		ret = fn(cli, NULL, cli->argv[optind]);
	return ret;
}

/* --- the two walks ---------------------------------------------------------
 */

/* The first that has the option is named: see explain_meant(). */
static int wrong_command(struct cli *cli, const struct option_def *o)
{
	char name[ERR_NAME_MAX];
	int ret;

	snprintf(name, sizeof(name), "--%s", o->name);
	ret = err_set(cli->e, -EINVAL, ERR_OPTION_COMMAND, name,
		      option_commands()[cli->c->command]);
	cli->e->num = option_for(o);
	return ret;
}

static bool takes_addresses(enum conf_command command)
{
	return command == COMMAND_DEVICES || command == COMMAND_BIND ||
	       command == COMMAND_UNBIND;
}

static int add_address(struct conf *c, const char *text, struct err *e)
{
	char address[OPTION_ADDRESS_SIZE];

	if (option_address(text, address))
		return err_set(e, -EINVAL, ERR_VFIO_ADDRESS, text, NULL);
	for (unsigned int i = 0; i < c->n_addresses; i++) {
		if (strcmp(c->address[i], address) == 0)
			return 0;
	}
	if (c->n_addresses == CONF_ADDRESSES_MAX)
		return err_set_num(e, -EINVAL, ERR_ADDRESS_MANY, text,
				   CONF_ADDRESSES_MAX, 0);
	memcpy(c->address[c->n_addresses++], address, sizeof(address));
	return 0;
}

/* Another string for a list of owned ones. */
static int list_add(char ***list, unsigned int *n, char *text, struct err *e)
{
	char **more = text ? realloc(*list, (*n + 1) * sizeof(**list)) : NULL;

	if (!more) {
		free(text);
		return no_memory(e);
	}
	*list = more;
	more[(*n)++] = text;
	return 0;
}

/*
 * barge test: words that do not concern the suite are for each `barge run`,
 * in one piece.
 */
static int add_word(struct conf *c, const struct option_def *o,
		    const char *text, struct err *e)
{
	struct conf_suite *s = &c->suite;
	char *word = NULL;

	if (!(option_for(o) >> COMMAND_RUN & 1))
		return 0;
	if (asprintf(&word, "--%s%s%s", o->name, text ? "=" : "",
		     text ? text : "") < 0)
		word = NULL;
	return list_add(&s->word, &s->n_words, word, e);
}

static int look(struct cli *cli, const struct option_def *o, const char *text)
{
	struct conf *c = cli->c;

	if (o && o->type == VALUE_NONE) {
		c->command = o->letter == 'h' ? COMMAND_HELP : COMMAND_VERSION;
		return STOP;
	}
	if (o && !(option_for(o) >> c->command & 1))
		return wrong_command(cli, o);
	if (o && c->command == COMMAND_TEST)
		return add_word(c, o, text, cli->e);
	if (o)
		return 0;
	if (c->command == COMMAND_TEST)
		return list_add(&c->suite.path, &c->suite.n_paths, strdup(text),
				cli->e);
	if (takes_addresses(c->command))
		return add_address(c, text, cli->e);
	if (c->ini)
		return err_set(cli->e, -EINVAL, ERR_ARGUMENT_EXTRA, text, NULL);
	c->ini = strdup(text);
	return c->ini ? 0 : no_memory(cli->e);
}

static int set(struct cli *cli, const struct option_def *o, const char *text)
{
	char what[ERR_NAME_MAX] = "--";
	struct conf_from from = {.what = what, .n_ini = cli->n_ini};

	if (!o)
		return 0;
	strncat(what, o->name, sizeof(what) - 3);
	return conf_set(cli->c, o, text ? text : "yes", &from, cli->e);
}

static int parse_words(struct cli *cli)
{
	int ret = walk(cli, look);

	if (ret == 0 && cli->c->ini)
		ret = conf_ini_load(cli->c, cli->e);
	if (ret)
		return ret;
	for (unsigned int i = 0; i < OPTION_LISTS_MAX; i++)
		cli->n_ini[i] = conf_items(cli->c, i);
	return walk(cli, set);
}

/* --- commands --------------------------------------------------------------
 */

static int find_command(const char *word)
{
	static const struct {
		const char *word;
		enum conf_command command;
	} table[] = {
		{"run", COMMAND_RUN},		{"plan", COMMAND_PLAN},
		{"devices", COMMAND_DEVICES},	{"doctor", COMMAND_DOCTOR},
		{"bind", COMMAND_BIND},		{"unbind", COMMAND_UNBIND},
		{"test", COMMAND_TEST},		{"help", COMMAND_HELP},
		{"--help", COMMAND_HELP},	{"-h", COMMAND_HELP},
		{"--version", COMMAND_VERSION}, {"-V", COMMAND_VERSION},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(word, table[i].word) == 0)
			return (int)table[i].command;
	}
	return -EINVAL;
}

/* help and --version take nothing; `help run` is what people type. */
static int check_no_words(const struct cli *cli)
{
	const struct conf *c = cli->c;

	if (cli->argc > 1 && c->command == COMMAND_HELP &&
	    find_command(cli->argv[1]) >= 0)
		return 0;
	if (cli->argc > 1)
		return err_set(cli->e, -E2BIG, ERR_ARGUMENT_EXTRA, cli->argv[1],
			       NULL);
	return 0;
}

int conf_parse(struct conf *c, int argc, char *const argv[], struct err *e)
{
	struct cli cli = {.c = c, .e = e, .argc = argc - 1, .argv = argv + 1};
	int command, ret;

	memset(c, 0, sizeof(*c));
	c->cpus = 1;
	c->hvc.kind = CONSOLE_NONE;
	c->memory = MEMORY_DEFAULT;
	c->test.status = CONF_STATUS_DEFAULT;
	if (argc < 2)
		return err_set(e, -EINVAL, ERR_COMMAND_UNKNOWN, "", NULL);
	command = find_command(argv[1]);
	if (command < 0)
		return err_set(e, command, ERR_COMMAND_UNKNOWN, argv[1], NULL);
	c->command = (enum conf_command)command;
	if (command == COMMAND_HELP || command == COMMAND_VERSION)
		return check_no_words(&cli);
	ret = parse_words(&cli);
	return ret == STOP ? 0 : ret;
}

/* --- check -----------------------------------------------------------------
 */

static int check_memory(const struct conf *c, struct err *e)
{
	if (c->memory < MEMORY_LEAST)
		return err_set_num(e, -ERANGE, ERR_MEMORY_SMALL, NULL,
				   c->memory, MEMORY_LEAST);
	if (c->memory % MEMORY_GRAIN == 0)
		return 0;
	return err_set_num(e, -EDOM, ERR_OPTION_VALUE, "--memory", VALUE_SIZE,
			   c->memory);
}

static int check_threads(const struct conf *c, struct err *e)
{
	int n = c->cpu_affinity ? affinity_vcpus(c->cpu_affinity) : 0;

	if (c->cpu_affinity && n != (int)c->cpus)
		return err_set_num(e, -EINVAL, ERR_AFFINITY_CPUS, NULL,
				   (uint64_t)n, c->cpus);
	if (c->rt_priority > RT_PRIORITY_MAX)
		return err_set_num(e, -ERANGE, ERR_RT_LARGE, NULL,
				   c->rt_priority, 0);
	return 0;
}

/* --what-if needs no machine: what describes one would be passed over. */
static int check_what_if(const struct conf *c, struct err *e)
{
	if (!c->what_if)
		return 0;
	if (c->ini)
		return err_set(e, -EINVAL, ERR_OPTION_BOTH, "--what-if",
			       c->ini);
	if (c->n_vfio)
		return err_set(e, -EINVAL, ERR_OPTION_BOTH, "--what-if",
			       "--vfio");
	return 0;
}

static int check_vfio(const struct conf *c, struct err *e)
{
	for (unsigned int i = 0; i < c->n_vfio; i++) {
		for (unsigned int j = 0; j < i; j++) {
			if (strcmp(c->vfio[i].address, c->vfio[j].address) == 0)
				return err_set(e, -EEXIST, ERR_VFIO_TWICE,
					       c->vfio[i].address, NULL);
		}
	}
	return 0;
}

static int check_shares(const struct conf *c, struct err *e)
{
	for (unsigned int i = 0; i < c->n_share; i++) {
		const struct conf_share *w = &c->share[i];

		if (!w->path[0] == !w->socket[0])
			return err_set_num(e, -EINVAL, ERR_SHARE_WHERE, w->tag,
					   w->path[0] != 0, 0);
		for (unsigned int j = 0; j < i; j++) {
			if (strcmp(c->share[j].tag, w->tag) == 0)
				return err_set(e, -EEXIST, ERR_SHARE_TWICE,
					       w->tag, NULL);
		}
	}
	return 0;
}

/* An initramfs comes from one place. */
static int check_initramfs(const struct conf *c, struct err *e)
{
	if (c->initrd && c->init)
		return err_set(e, -EINVAL, ERR_OPTION_BOTH, "--initrd",
			       "--init");
	if (c->initrd && c->root)
		return err_set(e, -EINVAL, ERR_OPTION_BOTH, "--initrd",
			       "--root");
	return 0;
}

/* The tests of a suite are checked one by one. */
static int check_suite(const struct conf *c, struct err *e)
{
	const struct conf_suite *s = &c->suite;

	if (s->n_paths && c->init)
		return err_set(e, -EINVAL, ERR_OPTION_BOTH, s->path[0],
			       "--init");
	if (!s->n_paths && !c->init)
		return err_set(e, -EINVAL, ERR_TEST_NONE, NULL, NULL);
	return 0;
}

/* Only a tap that barge opens itself has several queues, and the kernel's help.
 */
static int check_net_kind(const struct conf_net *n, struct err *e)
{
	bool tap = strncmp(n->kind, "tap:", 4) == 0;
	bool passt = strncmp(n->kind, "passt", 5) == 0;

	if (n->queues > 1 && !tap)
		return err_set(e, -EINVAL, ERR_NET_KEY, n->kind, "queues");
	if (n->vhost == VHOST_ON && passt)
		return err_set(e, -EINVAL, ERR_NET_KEY, n->kind, "vhost");
	return 0;
}

static int check_net(const struct conf *c, struct err *e)
{
	for (unsigned int i = 0; i < c->n_net; i++) {
		int ret = check_net_kind(&c->net[i], e);

		if (ret)
			return ret;
		for (unsigned int j = 0; j < i; j++) {
			if (strcmp(c->net[i].kind, "passt") != 0 &&
			    strcmp(c->net[i].kind, c->net[j].kind) == 0)
				return err_set(e, -EEXIST, ERR_NET_TWICE,
					       c->net[i].kind, NULL);
		}
	}
	return 0;
}

static int check_ports(const struct conf *c, struct err *e)
{
	for (unsigned int i = 0; i < c->n_port; i++) {
		for (unsigned int j = 0; j < i; j++) {
			if (strcmp(c->port[i].name, c->port[j].name) == 0)
				return err_set(e, -EEXIST, ERR_PORT_TWICE,
					       c->port[i].name, NULL);
		}
	}
	return 0;
}

static int check_disks(const struct conf *c, struct err *e)
{
	for (unsigned int i = 0; i < c->n_disk; i++) {
		const struct conf_disk *d = &c->disk[i];

		for (unsigned int j = 0; j < i; j++) {
			if (strcmp(d->path, c->disk[j].path) == 0 &&
			    !(d->readonly && c->disk[j].readonly))
				return err_set(e, -EEXIST, ERR_DISK_TWICE,
					       d->path, NULL);
		}
	}
	return 0;
}

/* Memory that stays taken whatever the guest gives back. */
static int check_balloon(const struct conf *c, struct err *e)
{
	const char *pins = c->n_vfio	  ? "--vfio"
			   : c->hugepages ? "--hugepages"
			   : c->prefault  ? "--prefault"
					  : NULL;

	if (!c->balloon.wanted)
		return 0;
	if (pins)
		return err_set(e, -EINVAL, ERR_BALLOON_PINNED, pins, NULL);
	if (c->balloon.size >= c->memory)
		return err_set_num(e, -ERANGE, ERR_BALLOON_LARGE, NULL,
				   c->balloon.size, c->memory);
	return 0;
}

int conf_check(const struct conf *c, struct err *e)
{
	int ret;

	if ((c->command == COMMAND_BIND || c->command == COMMAND_UNBIND) &&
	    !c->n_addresses)
		return err_set(e, -EINVAL, ERR_ADDRESS_NONE,
			       option_commands()[c->command], NULL);
	if (c->command == COMMAND_DOCTOR)
		return check_memory(c, e);
	if (c->command == COMMAND_TEST)
		return check_suite(c, e);
	if (c->command != COMMAND_RUN && c->command != COMMAND_PLAN)
		return 0;
	if (c->command == COMMAND_RUN && !c->kernel)
		return err_set(e, -EINVAL, ERR_NO_KERNEL, NULL, NULL);
	if (c->cpus < 1 || c->cpus > CONF_CPUS_MAX)
		return err_set_num(e, -ERANGE, ERR_CPUS, NULL, c->cpus,
				   CONF_CPUS_MAX);
	ret = check_memory(c, e);
	if (ret == 0)
		ret = check_threads(c, e);
	if (ret == 0)
		ret = check_what_if(c, e);
	if (ret == 0)
		ret = check_shares(c, e);
	if (ret == 0)
		ret = check_initramfs(c, e);
	if (ret == 0)
		ret = check_net(c, e);
	if (ret == 0)
		ret = check_ports(c, e);
	if (ret == 0)
		ret = check_disks(c, e);
	if (ret == 0)
		ret = check_balloon(c, e);
	return ret ? ret : check_vfio(c, e);
}

static void list_free(char **list, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void suite_fini(struct conf *c)
{
	struct conf_suite *s = &c->suite;

	free(c->test.name);
	free(c->test.reason);
	free(c->test.arch);
	free(c->test.needs);
	free(s->junit);
	free(s->logs);
	free(s->filter);
	list_free(s->path, s->n_paths);
	list_free(s->word, s->n_words);
}

void conf_fini(struct conf *c)
{
	free(c->ini);
	free(c->kernel);
	free(c->initrd);
	free(c->cmdline);
	free(c->init);
	free(c->root);
	suite_fini(c);
	free(c->cpu_affinity);
	free(c->pidfile);
	free(c->svg);
	free(c->dump_fdt);
	free(c->what_if);
	conf_regex_fini(&c->expect);
	conf_regex_fini(&c->fail_on);
	conf_regex_fini(&c->until);
	memset(c, 0, sizeof(*c));
}
