// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "vmm/test.h"
#include "vmm/test_find.h"

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
}

/* --- conditions ------------------------------------------------------------
 */

static void skip(struct test_item *t, const char *why, const char *what)
{
	if (t->verdict == TEST_SKIPPED)
		return;
	t->verdict = TEST_SKIPPED;
	snprintf(t->why, sizeof(t->why), "%s%s", why, what);
}

static bool can_open(const char *name)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* One word of needs; false: it is not known. */
static bool need(struct test_item *t, const char *word, const char *file)
{
	const char *slash = strrchr(file, '/');
	int base = slash ? (int)(slash - file) + 1 : 0;
	char path[CONF_PATH_MAX];

	if (strcmp(word, "kvm") == 0) {
		if (!can_open("/dev/kvm"))
			skip(t, "/dev/kvm cannot be opened", "");
	} else if (strcmp(word, "vfio") == 0) {
		if (access("/dev/vfio/vfio", F_OK) &&
		    access("/dev/iommu", F_OK))
			skip(t, "there is no VFIO", "");
	} else if (strcmp(word, "root") == 0) {
		if (geteuid() != 0)
			skip(t, "it needs root", "");
	} else if (strchr(word, '/')) {
		snprintf(path, sizeof(path), "%.*s%s",
			 word[0] == '/' ? 0 : base, file, word);
		if (access(path, F_OK))
			skip(t, "there is no ", word);
	} else {
		return false;
	}
	return true;
}

static int check_needs(struct test_item *t, const struct conf *c, struct err *e)
{
	char *copy, *rest, *word;
	bool known = true;

	if (!c->test.needs)
		return 0;
	copy = strdup(c->test.needs);
	if (!copy)
		return no_memory(e);
	rest = copy;
	while (known && (word = strsep(&rest, ", \t")))
		known = !word[0] || need(t, word, t->file);
	if (!known)
		err_set(e, -EINVAL, ERR_TEST_NEEDS, t->file, word);
	free(copy);
	return known ? 0 : -EINVAL;
}

static int check_conditions(struct test_item *t, const struct conf *c,
			    struct err *e)
{
	struct utsname u;

	if (c->test.arch && uname(&u) == 0 &&
	    strcmp(u.machine, c->test.arch) != 0)
		skip(t, "it is for ", c->test.arch);
	return check_needs(t, c, e);
}

/* --- one file --------------------------------------------------------------
 */

/* Becomes a file name, and stands in reports. */
static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > TEST_NAME_MAX || name[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c < ' ' || c == 0x7f || c == '/')
			return false;
	}
	return true;
}

/* What the name of the file says: without folder and ".ini". */
static char *stem_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;
	size_t len = strlen(base);

	if (len > 4 && strcmp(base + len - 4, ".ini") == 0)
		len -= 4;
	return strndup(base, len);
}

static int item_name(struct test_item *t, const struct conf *c, struct err *e)
{
	t->name = c->test.name ? strdup(c->test.name) : stem_of(t->file);
	if (!t->name)
		return no_memory(e);
	if (!name_ok(t->name))
		return err_set(e, -EINVAL, ERR_TEST_NAME, t->file, t->name);
	return 0;
}

/* A command that succeeds reports 0, which is 64. */
static unsigned int wanted(const struct conf *c)
{
	if (c->test.status != CONF_STATUS_DEFAULT)
		return c->test.status;
	return c->init ? 64 : 0;
}

int test_item_fill(struct test_item *t, const struct conf *c, struct err *e)
{
	t->want = wanted(c);
	t->cpus = c->cpus;
	t->memory = c->memory + TEST_ALLOWANCE;
	if (t->memory < c->memory)
		t->memory = UINT64_MAX;
	t->xfail = c->test.xfail;
	t->status = -1;
	t->has_section = c->test.given;
	t->own_limit = c->timeout_ms != 0;
	t->limit_ms = t->own_limit ? c->timeout_ms : TEST_LIMIT_S * 1000ull;
	if (!c->test.reason)
		return 0;
	t->reason = strdup(c->test.reason);
	return t->reason ? 0 : no_memory(e);
}

/* What `barge run` will make of the file and the options. */
int test_conf(struct conf *c, const char *file, const struct conf *suite,
	      struct err *e)
{
	unsigned int n = suite->suite.n_words, argc = 0;
	char **argv = calloc(n + 5, sizeof(*argv));
	int r;

	memset(c, 0, sizeof(*c));
	if (!argv)
		return no_memory(e);
	argv[argc++] = (char *)"barge";
	argv[argc++] = (char *)"run";
	for (unsigned int i = 0; i < n; i++)
		argv[argc++] = suite->suite.word[i];
	if (file) { /* which may be called like an option */
		argv[argc++] = (char *)"--";
		argv[argc++] = (char *)file;
	}
	r = conf_parse(c, (int)argc, argv, e);
	if (r == 0)
		r = conf_check(c, e);
	free(argv);
	return r;
}

static int item_read(struct test_item *t, const struct conf *suite,
		     struct err *e)
{
	struct conf c;
	int r = test_conf(&c, t->file, suite, e);

	if (r == 0)
		r = item_name(t, &c, e);
	if (r == 0)
		r = test_item_fill(t, &c, e);
	if (r == 0)
		r = check_conditions(t, &c, e);
	conf_fini(&c);
	return r;
}

/* --- all of them -----------------------------------------------------------
 */

/* @file is taken over, whatever comes of it. */
static int add(struct test_suite *s, char *file, struct err *e)
{
	struct test_item *more = NULL;

	if (file)
		more = realloc(s->item, (s->n + 1) * sizeof(*more));
	if (!more) {
		free(file);
		return no_memory(e);
	}
	s->item = more;
	more += s->n++;
	memset(more, 0, sizeof(*more));
	more->file = file;
	return item_read(more, s->conf, e);
}

static int is_ini(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 4 &&
	       strcmp(d->d_name + len - 4, ".ini") == 0;
}

/*
 * What is in folders of it is no test: a folder to be packed may stand beside
 * the tests, and have INI files of its own.
 */
static int add_folder(struct test_suite *s, const char *dir, struct err *e)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_ini, alphasort);
	int r = 0;

	if (n < 0)
		return err_set(e, -errno, ERR_INI_OPEN, dir, NULL);
	for (int i = 0; i < n; i++) {
		char *file = NULL;

		if (r == 0 &&
		    asprintf(&file, "%s/%s", dir, list[i]->d_name) < 0)
			file = NULL;
		if (r == 0)
			r = add(s, file, e);
		free(list[i]);
	}
	free(list);
	if (n == 0)
		return err_set(e, -ENOENT, ERR_TEST_NONE, dir, NULL);
	return r;
}

static int add_path(struct test_suite *s, const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder(s, path, e);
	return add(s, strdup(path), e);
}

static void item_fini(struct test_item *t)
{
	free(t->name);
	free(t->file);
	free(t->reason);
	free(t->tail);
}

static void keep(struct test_suite *s, const char *pattern)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->n; i++) {
		if (fnmatch(pattern, s->item[i].name, 0) == 0)
			s->item[n++] = s->item[i];
		else
			item_fini(&s->item[i]);
	}
	s->n = n;
}

static int by_name(const void *a, const void *b)
{
	const struct test_item *x = a, *y = b;

	int r = strcmp(x->name, y->name);

	return r ? r : strcmp(x->file, y->file);
}

/* Two of one name would write the same logs. */
static int check_names(const struct test_suite *s, struct err *e)
{
	for (unsigned int i = 1; i < s->n; i++) {
		const struct test_item *t = &s->item[i];

		if (strcmp(t->name, t[-1].name) == 0)
			return err_set(e, -EEXIST, ERR_TEST_TWICE, t->name,
				       t->file);
	}
	return 0;
}

int test_find(struct test_suite *s, const struct conf *conf, struct err *e)
{
	const struct conf_suite *a = &conf->suite;
	int r = 0;

	memset(s, 0, sizeof(*s));
	s->conf = conf;
	for (unsigned int i = 0; r == 0 && i < a->n_paths; i++)
		r = add_path(s, a->path[i], e);
	if (r)
		return r;
	qsort(s->item, s->n, sizeof(*s->item), by_name);
	r = check_names(s, e);
	if (r)
		return r;
	if (a->filter)
		keep(s, a->filter);
	if (s->n == 0)
		return err_set(e, -ENOENT, ERR_TEST_FILTER, a->filter, NULL);
	return 0;
}

void test_suite_fini(struct test_suite *s)
{
	for (unsigned int i = 0; i < s->n; i++)
		item_fini(&s->item[i]);
	free(s->item);
	memset(s, 0, sizeof(*s));
}
