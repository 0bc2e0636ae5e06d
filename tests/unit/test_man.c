/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/conf.h"
#include "vmm/help.h"
#include "vmm/options.h"

/*
 * The option tables, both man pages and --help tell the same, both ways: the
 * lines that the tables call for are there, and no others of that form.
 */

#define LINES_MAX 3000
#define LINE_LEN  128

struct text {
	unsigned int n;
	char line[LINES_MAX][LINE_LEN];
};

static struct text page1, page5, help;

static int read_lines(struct text *t, FILE *f)
{
	t->n = 0;
	while (t->n < LINES_MAX && fgets(t->line[t->n], LINE_LEN, f)) {
		char *end = strchr(t->line[t->n], '\n');

		if (!end)
			return -1;
		*end = '\0';
		t->n++;
	}
	return 0;
}

/* The tree is where make runs, or four folders above the test's own. */
static int in_tree(const char *name, char path[PATH_MAX])
{
	char *slash;
	ssize_t n;

	snprintf(path, PATH_MAX, "%s", name);
	if (access(path, R_OK) == 0)
		return 0;
	n = readlink("/proc/self/exe", path, PATH_MAX - 64);
	if (n < 0)
		return -1;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -1;
	snprintf(slash, 64, "/../../../../%s", name);
	return access(path, R_OK);
}

static int read_page(struct text *t, const char *name)
{
	char path[PATH_MAX];
	FILE *f;
	int ret;

	if (in_tree(name, path))
		return -1;
	f = fopen(path, "r");
	if (!f)
		return -1;
	ret = read_lines(t, f);
	fclose(f);
	return ret;
}

static int read_help(struct text *t)
{
	FILE *f = tmpfile();
	int ret;

	if (!f || help_print(f))
		return -1;
	rewind(f);
	ret = read_lines(t, f);
	fclose(f);
	return ret;
}

static int read_all(void **state)
{
	(void)state;
	if (read_page(&page1, "man/barge.1") ||
	    read_page(&page5, "man/barge.ini.5") || read_help(&help))
		return -1;
	return 0;
}

static unsigned int count(const struct text *t, const char *line)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < t->n; i++)
		n += strcmp(t->line[i], line) == 0;
	return n;
}

/* Lines that begin with @begin and have @has in them. */
static unsigned int count_like(const struct text *t, const char *begin,
			       const char *has)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < t->n; i++)
		n += strncmp(t->line[i], begin, strlen(begin)) == 0 &&
		     strstr(t->line[i], has);
	return n;
}

static void assert_once(const struct text *t, const char *line)
{
	if (count(t, line) != 1)
		fail_msg("%u times: %s", count(t, line), line);
}

/* --- barge.1 ---------------------------------------------------------------
 */

static void option_item(char out[LINE_LEN], const struct option_def *o)
{
	char letter[16] = "";
	const char *value = o->type == VALUE_NONE   ? ""
			    : o->type == VALUE_BOOL ? " Ns Op = Ns Ar "
						    : " Ar ";

	if (o->letter)
		snprintf(letter, sizeof(letter), "Fl %c , ", o->letter);
	snprintf(out, LINE_LEN, ".It %sFl -%s%s%s", letter, o->name, value,
		 o->metavar ? o->metavar : "");
}

static void options_in_page(void **state)
{
	unsigned int n;
	const struct option_def *o = option_table(&n);
	char line[LINE_LEN];

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		option_item(line, &o[i]);
		assert_once(&page1, line);
	}
	assert_int_equal(count_like(&page1, ".It Fl ", ""), n);
}

/* Lines of @t equal to @line between the one that is @from and @until. */
static unsigned int count_between(const struct text *t, const char *from,
				  const char *until, const char *line)
{
	unsigned int n = 0;
	bool inside = false;

	for (unsigned int i = 0; i < t->n; i++) {
		if (inside && strncmp(t->line[i], until, strlen(until)) == 0)
			break;
		inside = inside || strcmp(t->line[i], from) == 0;
		n += inside && strcmp(t->line[i], line) == 0;
	}
	return n;
}

/* A list's keys follow its option. */
static void subkeys_in_page(void **state)
{
	unsigned int n, keys = 0;
	const struct option_def *options = option_table(&n);
	char item[LINE_LEN], line[LINE_LEN];

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		const struct option_list *l = option_list_of(options[i].type);

		option_item(item, &options[i]);
		for (unsigned int k = 1; l && k < l->n; k++, keys++) {
			snprintf(line, sizeof(line), ".It Cm %s Ns = Ns Ar %s",
				 l->table[k].name, l->table[k].metavar);
			if (count_between(&page1, item, ".It Fl", line) != 1)
				fail_msg("not once: %s", line);
		}
	}
	assert_int_equal(count_like(&page1, ".It Cm ", " Ns = Ns "), keys);
}

static void commands_in_page(void **state)
{
	const char *const *c = option_commands();
	char line[LINE_LEN];

	(void)state;
	for (; *c; c++) {
		snprintf(line, sizeof(line), ".It Cm %s", *c);
		assert_once(&page1, line);
		snprintf(line, sizeof(line), ".Cm %s", *c);
		assert_true(count(&page1, line) >= 1);
		snprintf(line, sizeof(line), " barge %s", *c);
		assert_true(count_like(&help, "", line) >= 1);
	}
}

/* --- barge.ini.5 -----------------------------------------------------------
 */

/* The keys between the lines @from and @until. */
static unsigned int assert_keys(const struct option_def *o, unsigned int n,
				const char *from, const char *until)
{
	unsigned int keys = 0;
	char line[LINE_LEN];

	for (unsigned int i = 0; i < n; i++) {
		if (!o[i].in_ini)
			continue;
		snprintf(line, sizeof(line), ".It Cm %s No = Ar %s", o[i].name,
			 o[i].metavar);
		if (count_between(&page5, from, until, line) != 1)
			fail_msg("not once after %s: %s", from, line);
		keys++;
	}
	return keys;
}

static void keys_in_page(void **state)
{
	unsigned int n, keys;
	const struct option_def *o = option_table(&n);
	char from[LINE_LEN];

	(void)state;
	keys = assert_keys(o, n, ".Sh THE VM SECTION", ".Sh");
	o = option_test_table(&n);
	keys += assert_keys(o, n, ".Sh THE TEST SECTION", ".Sh");
	for (unsigned int i = 0; option_list(i); i++) {
		const struct option_list *l = option_list(i);

		snprintf(from, sizeof(from), ".Ql [%s.LABEL] .", l->name);
		keys += assert_keys(l->table, l->n, from, ".El");
	}
	assert_int_equal(count_like(&page5, ".It Cm ", " No = Ar "), keys);
}

/* --- help ------------------------------------------------------------------
 */

/* The option's line of --help, and nothing but known options there. */
static void options_in_help(void **state)
{
	unsigned int n, found = 0;
	const struct option_def *o = option_table(&n);
	char begin[LINE_LEN], letter[8];

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		snprintf(letter, sizeof(letter), o[i].letter ? "-%c, " : "    ",
			 o[i].letter);
		snprintf(begin, sizeof(begin), "  %s--%s", letter, o[i].name);
		if (count_like(&help, begin, o[i].help) != 1)
			fail_msg("not in --help: %s", begin);
	}
	found = count_like(&help, "  -", "--") +
		count_like(&help, "      --", "");
	assert_int_equal(found, n);
	for (unsigned int k = 0; option_list(k); k++) {
		const struct option_list *l = option_list(k);

		o = l->table;
		for (unsigned int i = 1; i < l->n; i++) {
			snprintf(begin, sizeof(begin), "  %s=%s ", o[i].name,
				 o[i].metavar);
			assert_true(count_like(&help, begin, o[i].help) >= 1);
		}
	}
}

static void help_fits_a_terminal(void **state)
{
	(void)state;
	assert_in_range(help.n, 20, 160);
	for (unsigned int i = 0; i < help.n; i++) {
		if (strlen(help.line[i]) > 79)
			fail_msg("too wide: %s", help.line[i]);
	}
}

/* Index of the line behind @heading. */
static unsigned int behind(const struct text *t, const char *heading)
{
	unsigned int i = 0;

	while (i < t->n && strcmp(t->line[i], heading) != 0)
		i++;
	if (i == t->n)
		fail_msg("no line %s", heading);
	return i + 1;
}

static void exit_statuses(void **state)
{
	unsigned int i = behind(&help, "Exit status:");
	unsigned int j = behind(&page1, ".Sh EXIT STATUS");
	unsigned int same = 0;

	(void)state;
	for (; i < help.n; i++, same++) {
		char want[LINE_LEN];

		snprintf(want, sizeof(want), ".It %.*s",
			 (int)strcspn(help.line[i] + 2, " "), help.line[i] + 2);
		while (j < page1.n && strncmp(page1.line[j], ".It ", 4) != 0)
			j++;
		assert_true(j < page1.n);
		assert_string_equal(page1.line[j++], want);
	}
	assert_true(same >= 8);
	while (strncmp(page1.line[j], ".Sh ", 4) != 0)
		assert_true(strncmp(page1.line[j++], ".It ", 4) != 0);
}

static void version(void **state)
{
	char line[LINE_LEN] = "";
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	assert_int_equal(help_version(f), 0);
	rewind(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	assert_int_equal(strncmp(line, "barge ", 6), 0);
	assert_true(strlen(line) > 8);
	/* A full disk is not passed over. */
	f = fopen("/dev/full", "w");
	if (f) {
		assert_true(help_print(f) < 0);
		fclose(f);
	}
}

/* The file that @name is, as @word has it read; @c is filled in. */
static void parse_example(const char *name, bool what_if, struct conf *c)
{
	char path[PATH_MAX], local[300];
	char *run[] = {(char *)"barge", (char *)"run", path, NULL};
	char *plan[] = {(char *)"barge", (char *)"plan", (char *)"--what-if",
			path, NULL};
	struct err e = {.what = ERR_NONE};

	snprintf(local, sizeof(local), "examples/%s", name);
	assert_int_equal(in_tree(local, path), 0);
	if (conf_parse(c, what_if ? 4 : 3, what_if ? plan : run, &e) ||
	    conf_check(c, &e))
		fail_msg("%s: error %d, %s %s", name, (int)e.what, e.name,
			 e.detail);
}

/* All in the folder, and the least that there are. */
static void examples(void **state)
{
	char path[PATH_MAX];
	unsigned int n = 0, devices = 0;
	struct dirent *d;
	struct conf c;
	DIR *dir;

	(void)state;
	assert_int_equal(in_tree("examples", path), 0);
	dir = opendir(path);
	assert_non_null(dir);
	while ((d = readdir(dir))) {
		size_t len = strlen(d->d_name);

		if (len < 5 || strcmp(d->d_name + len - 4, ".ini") != 0)
			continue;
		parse_example(d->d_name, strncmp(d->d_name, "what-if", 7) == 0,
			      &c);
		n++;
		devices += c.n_vfio;
		conf_fini(&c);
	}
	closedir(dir);
	assert_true(n >= 5);
	assert_int_equal(devices, 3); /* nvme.ini, gpu.ini */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_in_page),
		cmocka_unit_test(subkeys_in_page),
		cmocka_unit_test(commands_in_page),
		cmocka_unit_test(keys_in_page),
		cmocka_unit_test(options_in_help),
		cmocka_unit_test(help_fits_a_terminal),
		cmocka_unit_test(exit_statuses),
		cmocka_unit_test(version),
		cmocka_unit_test(examples),
	};

	return cmocka_run_group_tests(tests, read_all, NULL);
}
