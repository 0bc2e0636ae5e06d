/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_root.h"
#include "vmm/explain.h"
#include "vmm/test.h"
#include "vmm/test_find.h"

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define MIB	  (1ull << 20)
#define WORDS_MAX 12
#define VM	  "[vm]\nkernel = k\n"

/* A folder, and what `barge test` with paths in it makes of them. */
static const char *root;
static char line[WORDS_MAX][PATH_MAX];
static struct conf conf;
static struct test_suite suite;
static struct err err;

static int begin(void **state)
{
	(void)state;
	root = fake_root_make();
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_suite_fini(&suite);
	conf_fini(&conf);
	fake_root_remove();
	return 0;
}

/* @words: what stands behind "barge test"; one with a '/' first is in root. */
static int find(const char *words)
{
	char *argv[WORDS_MAX + 2] = {(char *)"barge", (char *)"test"};
	char copy[512], *rest = copy, *word;
	int argc = 2, r;

	test_suite_fini(&suite);
	conf_fini(&conf);
	memset(&err, 0, sizeof(err));
	snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strsep(&rest, " ")) && argc < WORDS_MAX) {
		snprintf(line[argc], PATH_MAX, "%s%s",
			 word[0] == '/' ? root : "", word);
		argv[argc] = line[argc];
		argc++;
	}
	r = conf_parse(&conf, argc, argv, &err);
	if (r == 0)
		r = conf_check(&conf, &err);
	return r ? r : test_find(&suite, &conf, &err);
}

static void refused(const char *words, enum err_what what, const char *name)
{
	char text[1024];

	if (find(words) >= 0)
		fail_msg("taken, for want of %s", name);
	assert_int_equal(err.what, what);
	assert_int_equal(explain_status(&err), 1);
	explain(&err, text, sizeof(text));
	if (!strstr(text, name))
		fail_msg("lacks %s: %s", name, text);
}

static void assert_names(const char *want)
{
	char got[256] = "";

	for (unsigned int i = 0; i < suite.n; i++) {
		strcat(got, suite.item[i].name);
		strcat(got, " ");
	}
	assert_string_equal(got, want);
}

static void folders(void **state)
{
	(void)state;
	fake_root_put("/t/b.ini", VM);
	fake_root_put("/t/a.ini", VM);
	fake_root_put("/t/.hidden.ini", "x");
	fake_root_put("/t/c.ini.txt", "x");
	fake_root_put("/t/.ini", "x");
	fake_root_put("/t/deep/d.ini", VM);
	fake_root_put("/single", VM "[test]\nname = aa\n");
	assert_int_equal(find("/t"), 0);
	assert_names("a b ");
	assert_int_equal(find("/t /t/deep /single"), 0);
	assert_names("a aa b d ");
}

static void defaults(void **state)
{
	const struct test_item *t;

	(void)state;
	fake_root_put("/a.ini", VM);
	assert_int_equal(find("/a.ini"), 0);
	t = &suite.item[0];
	assert_int_equal(t->want, 0);
	assert_int_equal(t->cpus, 1);
	assert_int_equal(t->memory, 512 * MIB + TEST_ALLOWANCE);
	assert_int_equal(t->limit_ms, 60000);
	assert_false(t->own_limit || t->xfail);
	assert_null(t->reason);
	assert_int_equal(t->verdict, TEST_WAITING);
}

static void every_key(void **state)
{
	const struct test_item *t;

	(void)state;
	fake_root_put("/a.ini", "[test]\nname = \"a #1\"\nstatus = 64+3\n"
				"init = x\nxfail = yes\nreason = bug\n"
				"root = r\nneeds = ./k\n" VM
				"cpus = 3\nmemory = 96M\ntimeout = 2.5\n");
	fake_root_put("/k", "");
	assert_int_equal(find("/a.ini"), 0);
	t = &suite.item[0];
	assert_string_equal(t->name, "a #1");
	assert_int_equal(t->want, 67);
	assert_int_equal(t->cpus, 3);
	assert_int_equal(t->memory, 96 * MIB + TEST_ALLOWANCE);
	assert_int_equal(t->limit_ms, 2500);
	assert_true(t->own_limit && t->xfail);
	assert_string_equal(t->reason, "bug");
}

/* A command that succeeds reports 0: 64. */
static void status_of_commands(void **state)
{
	(void)state;
	fake_root_put("/a.ini", VM "[test]\ninit = true\n");
	fake_root_put("/b.ini", VM "[test]\ninit = true\nstatus = 0\n");
	assert_int_equal(find("/a.ini /b.ini"), 0);
	assert_int_equal(suite.item[0].want, 64);
	assert_int_equal(suite.item[1].want, 0);
}

/* Words of `barge run` go to each test, and win over the files. */
static void words(void **state)
{
	(void)state;
	fake_root_put("/a.ini", "[vm]\nmemory = 96M\n");
	assert_int_equal(
		find("-j 3 /a.ini --kernel k -m 128M --tap --timeout=7"), 0);
	assert_int_equal(suite.item[0].memory, 128 * MIB + TEST_ALLOWANCE);
	assert_int_equal(suite.item[0].limit_ms, 7000);
	assert_int_equal(conf.suite.jobs, 3);
	assert_true(conf.suite.tap);
	assert_int_equal(conf.suite.n_words, 3);
	assert_string_equal(conf.suite.word[0], "--kernel=k");
	assert_string_equal(conf.suite.word[1], "--memory=128M");
	assert_string_equal(conf.suite.word[2], "--timeout=7");
}

static void filters(void **state)
{
	(void)state;
	fake_root_put("/t/net-a.ini", VM);
	fake_root_put("/t/net-b.ini", VM);
	fake_root_put("/t/disk.ini", VM);
	assert_int_equal(find("/t --filter net-*"), 0);
	assert_names("net-a net-b ");
	assert_int_equal(find("/t --filter [!n]*"), 0);
	assert_names("disk ");
	refused("/t --filter gpu", ERR_TEST_FILTER, "gpu");
}

static void skips(void **state)
{
	static const struct {
		const char *text;
		bool skipped;
	} cases[] = {
		{"needs = ./there", false},
		{"needs = ./there, ,./there", false},
		{"needs = ./gone", true},
		{"needs = ./there,/gone", true},
		{"arch = x86_64", false},
		{"arch = aarch64", false},
	};
	struct utsname u;

	(void)state;
	uname(&u);
	fake_root_put("/there", "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool skipped = cases[i].skipped;
		char text[128];

		if (strncmp(cases[i].text, "arch", 4) == 0)
			skipped = strcmp(cases[i].text + 7, u.machine) != 0;
		snprintf(text, sizeof(text), VM "[test]\n%s\n", cases[i].text);
		fake_root_put("/a.ini", text);
		assert_int_equal(find("/a.ini"), 0);
		if ((suite.item[0].verdict == TEST_SKIPPED) != skipped)
			fail_msg("%s", cases[i].text);
		assert_true(!skipped || suite.item[0].why[0]);
	}
}

static void root_and_kvm(void **state)
{
	int kvm = access("/dev/kvm", R_OK | W_OK);

	(void)state;
	fake_root_put("/a.ini", VM "[test]\nneeds = root\n");
	fake_root_put("/b.ini", VM "[test]\nneeds = kvm\n");
	assert_int_equal(find("/a.ini /b.ini"), 0);
	assert_int_equal(suite.item[0].verdict,
			 geteuid() ? TEST_SKIPPED : TEST_WAITING);
	assert_int_equal(suite.item[1].verdict,
			 kvm ? TEST_SKIPPED : TEST_WAITING);
}

/* clang-format off */
static const struct {
	const char *text;
	enum err_what what;
	const char *name;
} wrong[] = {
	{ "[vm]\n", ERR_NO_KERNEL, "--kernel" },
	{ VM "[test]\nname = a/b\n", ERR_TEST_NAME, "a/b" },
	{ VM "[test]\nname = .a\n", ERR_TEST_NAME, ".a" },
	{ VM "[test]\nname = \"\"\n", ERR_TEST_NAME, "a test cannot" },
	{ VM "[test]\nname = a\033b\n", ERR_TEST_NAME, "\\x1b" },
	{ VM "[test]\nname = 123456789012345678901234567890123456789012345678901"
	  "234567890123456789012345678901\n", ERR_TEST_NAME, "80 characters" },
	{ VM "[test]\nneeds = kvm,gpu\n", ERR_TEST_NEEDS, "gpu" },
	{ VM "[test]\nstatus = 256\n", ERR_OPTION_VALUE, "256" },
	{ VM "[test]\nstatus = 64+\n", ERR_OPTION_VALUE, "64+3" },
	{ VM "[test]\nstatus = 200+56\n", ERR_OPTION_VALUE, "0 to 255" },
	{ VM "[test]\nstatus = ok\n", ERR_OPTION_VALUE, "status" },
	{ VM "[test]\narch = arm\n", ERR_OPTION_VALUE, "aarch64" },
	{ VM "[test]\nroot =\n", ERR_OPTION_VALUE, "root" },
	{ VM "[test]\nxfial = yes\n", ERR_INI_KEY, "xfail" },
	{ VM "[test]\nmemory = 4G\n", ERR_INI_KEY, "memory" },
	{ VM "[test]\nname = a\nname = b\n", ERR_INI_KEY, "twice" },
	{ VM "[test]\n[test]\n", ERR_INI_SECTION, "twice" },
	{ VM "[tests]\n", ERR_INI_SECTION, "[test]" },
	{ VM "initrd = i\n[test]\ninit = x\n", ERR_OPTION_BOTH, "--init" },
	{ VM "initrd = i\n[test]\nroot = x\n", ERR_OPTION_BOTH, "--root" },
};
/* clang-format on */

static void wrong_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		fake_root_put("/a.ini", wrong[i].text);
		refused("/a.ini", wrong[i].what, wrong[i].name);
	}
}

static void wrong_words(void **state)
{
	(void)state;
	fake_root_put("/t/a.ini", VM);
	fake_root_put("/u/a.ini", VM);
	fake_root_folder("/empty");
	refused("--tap", ERR_TEST_NONE, "lacks its tests");
	refused("/empty", ERR_TEST_NONE, "empty");
	refused("/gone.ini", ERR_INI_OPEN, "gone.ini");
	refused("/t /u", ERR_TEST_TWICE, "/u/a.ini");
	refused("/t /t/a.ini", ERR_TEST_TWICE, "two tests are called a");
	refused("/t --init x", ERR_OPTION_BOTH, "--init");
	refused("/t --console stdio", ERR_OPTION_COMMAND, "barge run");
	refused("/t --pidfile x", ERR_OPTION_COMMAND, "barge run");
	refused("/t --dump-fdt x", ERR_OPTION_COMMAND, "barge run");
	refused("/t --json", ERR_OPTION_COMMAND, "--json");
	refused("/t --jobs x", ERR_OPTION_VALUE, "--jobs");
}

/* A test fails on an oops, unless it says otherwise: before or behind. */
static void oops(void **state)
{
	static const struct {
		const char *text;
		const char *word;
		bool on;
	} cases[] = {
		{VM, NULL, false},
		{VM "[test]\n", NULL, true},
		{"[test]\nname = x\n" VM, NULL, true},
		{VM "fail-on-oops = no\n[test]\n", NULL, false},
		{"[test]\n" VM "fail-on-oops = no\n", NULL, false},
		{VM "fail-on-oops = yes\n", NULL, true},
		{VM "[test]\n", "--fail-on-oops=no", false},
	};
	char path[PATH_MAX];

	(void)state;
	snprintf(path, sizeof(path), "%s/a.ini", root);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf c, s = {.command = COMMAND_TEST};
		char *word = (char *)cases[i].word;

		s.suite.word = &word;
		s.suite.n_words = word != NULL;
		fake_root_put("/a.ini", cases[i].text);
		assert_int_equal(test_conf(&c, path, &s, &err), 0);
		if (c.fail_on_oops != cases[i].on)
			fail_msg("%s", cases[i].text);
		conf_fini(&c);
	}
}

/* The tree is where make runs, or four folders above this program. */
static void examples(void **state)
{
	char path[PATH_MAX] = "examples/ci";
	struct conf s = {.command = COMMAND_TEST};
	char *word = (char *)"--kernel=k", *paths = path;
	unsigned int xfails = 0;
	ssize_t n;

	(void)state;
	if (access(path, R_OK)) {
		n = readlink("/proc/self/exe", path, PATH_MAX - 64);
		assert_true(n > 0);
		path[n] = '\0';
		snprintf(strrchr(path, '/'), 64, "/../../../../examples/ci");
	}
	s.suite.path = &paths;
	s.suite.n_paths = 1;
	s.suite.word = &word;
	s.suite.n_words = 1;
	assert_int_equal(test_find(&suite, &s, &err), 0);
	assert_names("boot cpus panic root status ");
	for (unsigned int i = 0; i < suite.n; i++)
		xfails += suite.item[i].xfail;
	assert_int_equal(xfails, 1);
}

/* A file may have a name like that of an option. */
static void name_like_an_option(void **state)
{
	struct conf c, s = {.command = COMMAND_TEST};
	char before[PATH_MAX];

	(void)state;
	fake_root_put("/--help", VM);
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(root), 0);
	assert_int_equal(test_conf(&c, "--help", &s, &err), 0);
	assert_string_equal(c.kernel, "k");
	conf_fini(&c);
	assert_int_equal(chdir(before), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(folders),
		CASE(defaults),
		CASE(every_key),
		CASE(words),
		CASE(filters),
		CASE(skips),
		CASE(root_and_kvm),
		CASE(wrong_files),
		CASE(wrong_words),
		CASE(oops),
		CASE(name_like_an_option),
		CASE(status_of_commands),
		CASE(examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
