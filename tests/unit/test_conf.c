/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/plan.h"
#include "vmm/conf.h"
#include "vmm/conf_console.h"
#include "vmm/options.h"

#define MIB	  (1ull << 20)
#define WORDS_MAX 80

/* One case: a fresh folder with vm.ini in it, the parsed result, the error. */
struct trial {
	char dir[32];
	char ini[48];
	struct conf c;
	struct err e;
};

static int trial_begin(void **state)
{
	struct trial *t = calloc(1, sizeof(*t));

	if (!t)
		return -1;
	strcpy(t->dir, "/tmp/barge-conf-XXXXXX");
	if (!mkdtemp(t->dir)) {
		free(t);
		return -1;
	}
	snprintf(t->ini, sizeof(t->ini), "%s/vm.ini", t->dir);
	*state = t;
	return 0;
}

static int trial_end(void **state)
{
	struct trial *t = *state;

	conf_fini(&t->c);
	unlink(t->ini);
	rmdir(t->dir);
	free(t);
	return 0;
}

static void put_ini(const struct trial *t, const char *text, size_t len)
{
	FILE *f = fopen(t->ini, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Parse "barge" and the words of @line, which single blanks separate. */
static int parse(struct trial *t, const char *line)
{
	char *argv[WORDS_MAX + 1] = {(char *)"barge"};
	char *copy = strdup(line), *rest = copy, *word;
	int argc = 1, ret;

	while (*line && (word = strsep(&rest, " ")) && argc < WORDS_MAX) {
		/* ~ stands for the empty word, INI for the file */
		if (strcmp(word, "~") == 0)
			word = (char *)"";
		argv[argc++] = strcmp(word, "INI") == 0 ? t->ini : word;
	}
	conf_fini(&t->c);
	memset(&t->e, 0, sizeof(t->e));
	ret = conf_parse(&t->c, argc, argv, &t->e);
	if (ret == 0)
		ret = conf_check(&t->c, &t->e);
	free(copy);
	assert_true(ret <= 0);
	assert_int_equal(ret == 0, t->e.what == ERR_NONE);
	return ret;
}

static int parse_ini(struct trial *t, const char *text)
{
	put_ini(t, text, strlen(text));
	return parse(t, "run INI -k k");
}

/* --- the command line ------------------------------------------------------
 */

static void defaults(void **state)
{
	struct trial *t = *state;

	assert_int_equal(parse(t, "run --kernel bzImage"), 0);
	assert_int_equal(t->c.command, COMMAND_RUN);
	assert_string_equal(t->c.kernel, "bzImage");
	assert_null(t->c.initrd);
	assert_null(t->c.cmdline);
	assert_null(t->c.ini);
	assert_int_equal(t->c.cpus, 1);
	assert_int_equal(t->c.memory, 512 * MIB);
	assert_int_equal(t->c.console.kind, CONSOLE_STDIO);
	assert_false(t->c.verbose);
	assert_int_equal(t->c.n_vfio, 0);
}

static void both_forms(void **state)
{
	struct trial *t = *state;

	assert_int_equal(
		parse(t, "plan --kernel=a=b --initrd i --cmdline "
			 "console=ttyS0,115200 -c4 -m 1G --console file:log -v "
			 "--vfio 01:00.0 --vfio=0001:AB:1f.7,msix=relocate,"
			 "on-error=ignore,request-timeout=0"),
		0);
	assert_int_equal(t->c.command, COMMAND_PLAN);
	assert_string_equal(t->c.kernel, "a=b");
	assert_string_equal(t->c.initrd, "i");
	assert_string_equal(t->c.cmdline, "console=ttyS0,115200");
	assert_int_equal(t->c.cpus, 4);
	assert_int_equal(t->c.memory, 1024 * MIB);
	assert_int_equal(t->c.console.kind, CONSOLE_FILE);
	assert_string_equal(t->c.console.path, "log");
	assert_true(t->c.verbose);
	assert_int_equal(t->c.n_vfio, 2);
	assert_string_equal(t->c.vfio[0].address, "0000:01:00.0");
	assert_int_equal(t->c.vfio[0].msix, MSIX_AUTO);
	assert_string_equal(t->c.vfio[1].address, "0001:ab:1f.7");
	assert_int_equal(t->c.vfio[1].msix, MSIX_RELOCATE);
	assert_int_equal(t->c.vfio[1].on_error, ON_ERROR_IGNORE);
	assert_int_equal(t->c.vfio[1].request_timeout, 0);
}

/* Run alone has --dump-fdt, and no file does. */
static void dump_fdt(void **state)
{
	struct trial *t = *state;

	assert_int_equal(parse(t, "run -k x"), 0);
	assert_null(t->c.dump_fdt);
	assert_int_equal(parse(t, "run -k x --dump-fdt a --dump-fdt=b.dtb"), 0);
	assert_string_equal(t->c.dump_fdt, "b.dtb");
	assert_int_equal(parse(t, "plan --dump-fdt b.dtb"), -EINVAL);
	assert_int_equal(t->e.what, ERR_OPTION_COMMAND);
	assert_int_equal(parse(t, "run -k x --dump-fdt="), -EINVAL);
	put_ini(t, "[vm]\ndump-fdt=b\n", 16);
	assert_int_equal(parse(t, "run INI -k x"), -ENOENT);
	assert_int_equal(t->e.what, ERR_INI_KEY);
}

/* The last list counts, whole. */
static void for_edge_boxes(void **state)
{
	static const char ini[] = "[vm]\ncpus = 2\ncpu-affinity = 2-3/4-5\n"
				  "rt-priority = 9\nhugepages = 1G\n"
				  "prefault = yes\npidfile = vm.pid\n"
				  "ready = guest\n";
	struct trial *t = *state;
	char text[64];

	assert_int_equal(parse(t, "run -k x"), 0);
	assert_null(t->c.cpu_affinity);
	assert_int_equal(t->c.rt_priority, 0);
	assert_int_equal(t->c.hugepages, 0);
	assert_false(t->c.prefault);
	assert_null(t->c.pidfile);
	assert_int_equal(t->c.ready, READY_START);
	put_ini(t, ini, sizeof(ini) - 1);
	assert_int_equal(parse(t, "run INI -k x"), 0);
	assert_string_equal(t->c.cpu_affinity, "2-3/4-5");
	assert_int_equal(t->c.rt_priority, 9);
	assert_int_equal(t->c.hugepages, 1024 * MIB);
	assert_true(t->c.prefault);
	assert_int_equal(t->c.ready, READY_GUEST);
	/* Beside the INI file, as all names in it. */
	snprintf(text, sizeof(text), "%s/vm.pid", t->dir);
	assert_string_equal(t->c.pidfile, text);
	assert_int_equal(parse(t, "run INI -k x --hugepages no --prefault=no "
				  "--rt-priority 0 --ready start "
				  "--pidfile p --cpu-affinity 1,0"),
			 0);
	assert_int_equal(t->c.hugepages, 0);
	assert_false(t->c.prefault);
	assert_string_equal(t->c.pidfile, "p");
	assert_string_equal(t->c.cpu_affinity, "1,0");
	assert_int_equal(t->c.ready, READY_START);
}

/* A host CPU, or a set of them, for each vCPU and for no others. */
static void affinity_for_each(void **state)
{
	struct trial *t = *state;

	assert_int_equal(parse(t, "run -k x -c 2 --cpu-affinity 0-2"), -EINVAL);
	assert_int_equal(t->e.what, ERR_AFFINITY_CPUS);
	assert_int_equal(t->e.num, 3);
	assert_int_equal(t->e.num2, 2);
	assert_int_equal(parse(t, "run -k x -c 2 --cpu-affinity 0-2/"),
			 -EINVAL);
	assert_int_equal(parse(t, "run -k x -c 2 --cpu-affinity 0-2/1"), 0);
	assert_int_equal(parse(t, "run -k x --cpu-affinity 0-2/"), 0);
	assert_int_equal(parse(t, "run -k x --cpu-affinity 1-0"), -EINVAL);
	assert_int_equal(t->e.what, ERR_OPTION_VALUE);
	assert_int_equal(parse(t, "run -k x --rt-priority 99"), 0);
	assert_int_equal(parse(t, "run -k x --rt-priority 100"), -ERANGE);
	assert_int_equal(t->e.what, ERR_RT_LARGE);
}

static void cpu_off(void **state)
{
	static const char ini[] = "[vm]\ncpu-off = pmu,sve\n";
	struct trial *t = *state;

	assert_int_equal(parse(t, "run -k x"), 0);
	assert_int_equal(t->c.cpu_off, 0);
	assert_int_equal(parse(t, "plan --cpu-off pmu,pauth --cpu-off=sve"), 0);
	assert_int_equal(t->c.cpu_off, PLAN_CPU_SVE);
	assert_int_equal(parse(t, "run -k x --cpu-off pmu;sve"), -EINVAL);
	assert_int_equal(t->e.what, ERR_OPTION_VALUE);
	assert_int_equal(t->e.num, VALUE_CPU_OFF);
	put_ini(t, ini, sizeof(ini) - 1);
	assert_int_equal(parse(t, "run INI -k x"), 0);
	assert_int_equal(t->c.cpu_off, PLAN_CPU_PMU | PLAN_CPU_SVE);
	assert_int_equal(parse(t, "run INI -k x --cpu-off none"), 0);
	assert_int_equal(t->c.cpu_off, 0);
}

/* Where a console goes, and that an earlier one leaves nothing behind. */
static void console_where(void **state)
{
	static const struct {
		const char *text;
		enum conf_console_kind kind;
		bool append;
		uint64_t max_size;
		const char *path;
	} w[] = {
		{"file:a,append=yes,max-size=2M", CONSOLE_FILE, true, 2 * MIB,
		 "a"},
		{"stdio", CONSOLE_STDIO, false, 0, ""},
		{"file:/x/b,max-size=1", CONSOLE_FILE, false, 1, "/x/b"},
		{"file:c,append=no", CONSOLE_FILE, false, 0, "c"},
		{"pty", CONSOLE_PTY, false, 0, ""},
		{"pty:link,1", CONSOLE_PTY, false, 0, "link,1"},
		{"none", CONSOLE_NONE, false, 0, ""},
		{"socket:a,append=yes", CONSOLE_SOCKET, false, 0,
		 "a,append=yes"},
	};
	struct conf_console c = {.kind = CONSOLE_STDIO};
	char beside[64];

	(void)state;
	for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++) {
		const char *base = w[i].path[0] == '/' ? "" : "dir/";

		assert_int_equal(conf_console_set(&c, w[i].text, NULL), 0);
		assert_int_equal(c.kind, w[i].kind);
		assert_int_equal(c.append, w[i].append);
		assert_int_equal(c.max_size, w[i].max_size);
		assert_string_equal(c.path, w[i].path);
		assert_int_equal(conf_console_set(&c, w[i].text, "dir/"), 0);
		snprintf(beside, sizeof(beside), "%s%s",
			 w[i].path[0] ? base : "", w[i].path);
		assert_string_equal(c.path, beside);
	}
	/* What is wrong changes nothing. */
	assert_int_equal(conf_console_set(&c, "file:b,max-size=0", NULL),
			 -EINVAL);
	assert_int_equal(c.kind, CONSOLE_SOCKET);
	assert_string_equal(c.path, "dir/a,append=yes");
}

static void later_wins(void **state)
{
	struct trial *t = *state;

	assert_int_equal(parse(t, "run -k a -k b -m 64M -m 32M -vvv "
				  "--verbose=no --console none --cmdline ~"),
			 0);
	assert_string_equal(t->c.kernel, "b");
	assert_int_equal(t->c.memory, 32 * MIB);
	assert_int_equal(t->c.console.kind, CONSOLE_NONE);
	assert_false(t->c.verbose);
	assert_string_equal(t->c.cmdline, "");
	assert_int_equal(parse(t, "run -vk b"), 0);
	assert_true(t->c.verbose);
	assert_string_equal(t->c.kernel, "b");
}

static void help_and_version(void **state)
{
	static const struct {
		const char *line;
		enum conf_command command;
	} good[] = {
		{"help", COMMAND_HELP},
		{"--help", COMMAND_HELP},
		{"-h", COMMAND_HELP},
		{"help run", COMMAND_HELP},
		{"run --help", COMMAND_HELP},
		{"plan -k x -h --wrong", COMMAND_HELP},
		{"--version", COMMAND_VERSION},
		{"-V", COMMAND_VERSION},
		{"run --version", COMMAND_VERSION},
	};
	struct trial *t = *state;
	char line[32];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse(t, good[i].line), 0);
		assert_int_equal(t->c.command, good[i].command);
	}
	for (const char *const *c = option_commands(); *c; c++) {
		snprintf(line, sizeof(line), "help %s", *c);
		assert_int_equal(parse(t, line), 0);
	}
}

struct wrong {
	const char *line;
	enum err_what what;
	const char *name;
	const char *detail;
};

/* clang-format off */
static const struct wrong wrongs[] = {
	{ "", ERR_COMMAND_UNKNOWN, "", "" },
	{ "start", ERR_COMMAND_UNKNOWN, "start", "" },
	{ "vm.ini", ERR_COMMAND_UNKNOWN, "vm.ini", "" },
	{ "--kernel x", ERR_COMMAND_UNKNOWN, "--kernel", "" },
	{ "help me", ERR_ARGUMENT_EXTRA, "me", "" },
	{ "--version 2", ERR_ARGUMENT_EXTRA, "2", "" },
	{ "run", ERR_NO_KERNEL, "", "" },
	{ "run --", ERR_NO_KERNEL, "", "" },
	{ "run --kernl x", ERR_OPTION_UNKNOWN, "--kernl", "" },
	{ "run --kern x", ERR_OPTION_UNKNOWN, "--kern", "" },
	{ "run --kern=x", ERR_OPTION_UNKNOWN, "--kern", "" },
	{ "run -kernel x", ERR_OPTION_UNKNOWN, "-kernel", "" },
	{ "run -initrd=x", ERR_OPTION_UNKNOWN, "-initrd", "" },
	{ "run -append x", ERR_OPTION_UNKNOWN, "-append", "" },
	{ "run -k x -vz", ERR_OPTION_UNKNOWN, "-vz", "" },
	{ "run -k x --=", ERR_OPTION_UNKNOWN, "--", "" },
	{ "run -k x --ver", ERR_OPTION_UNKNOWN, "--ver", "" },
	{ "run --kernel", ERR_OPTION_MISSING, "--kernel", "" },
	{ "run -vk", ERR_OPTION_MISSING, "-vk", "" },
	{ "run --kernel --memory 1G", ERR_OPTION_MISSING, "--kernel", "" },
	{ "run --help=me", ERR_OPTION_VALUE, "--help", "me" },
	{ "run -k x --verbose=2", ERR_OPTION_VALUE, "--verbose", "2" },
	{ "run -k ~", ERR_OPTION_VALUE, "--kernel", "" },
	{ "run -k x -i ~", ERR_OPTION_VALUE, "--initrd", "" },
	{ "run -k x -m 0", ERR_OPTION_VALUE, "--memory", "0" },
	{ "run -k x -m -1", ERR_OPTION_VALUE, "--memory", "-1" },
	{ "run -k x -m 99999999T", ERR_OPTION_VALUE, "--memory", "99999999T" },
	{ "run -k x -m 17000001", ERR_OPTION_VALUE, "--memory", "" },
	{ "run -k x -m 15M", ERR_MEMORY_SMALL, "", "" },
	{ "run -k x -c 0", ERR_CPUS, "", "" },
	{ "run -k x -c 256", ERR_CPUS, "", "" },
	{ "run -k x -c two", ERR_OPTION_VALUE, "--cpus", "two" },
	{ "run -k x -c 4294967297", ERR_OPTION_VALUE, "--cpus", "4294967297" },
	{ "run -k x --console tty", ERR_OPTION_VALUE, "--console", "tty" },
	{ "run -k x --console file:", ERR_OPTION_VALUE, "--console", "file:" },
	{ "run -k x --vfio 01:00.8", ERR_VFIO_ADDRESS, "01:00.8", "--vfio" },
	{ "run -k x --vfio ~", ERR_VFIO_ADDRESS, "", "--vfio" },
	{ "run -k x --vfio ,msix=auto", ERR_VFIO_ADDRESS, "", "--vfio" },
	{ "run -k x --vfio 01:00.0,", ERR_OPTION_UNKNOWN, "", "--vfio" },
	{ "run -k x --vfio 01:00.0,msx=auto", ERR_OPTION_UNKNOWN, "msx",
	  "--vfio" },
	{ "run -k x --vfio 01:00.0,address=02:00.0", ERR_OPTION_UNKNOWN,
	  "address", "--vfio" },
	{ "run -k x --vfio 01:00.0,msix", ERR_OPTION_MISSING, "--vfio msix",
	  "" },
	{ "run -k x --vfio 01:00.0,on-error=panic", ERR_OPTION_VALUE,
	  "--vfio on-error", "panic" },
	{ "run -k x --vfio 01:00.0,request-timeout=-1", ERR_OPTION_VALUE,
	  "--vfio request-timeout", "-1" },
	{ "run -k x --vfio 01:00.0,msix=no", ERR_OPTION_VALUE, "--vfio msix",
	  "no" },
	{ "run -k x --vfio 01:00.0 --vfio 0000:01:00.0,msix=auto",
	  ERR_VFIO_TWICE, "0000:01:00.0", "" },
	{ "run /nowhere/vm.ini", ERR_INI_OPEN, "/nowhere/vm.ini", "" },
	{ "run /tmp", ERR_INI_OPEN, "/tmp", "" },
	{ "run ~", ERR_INI_OPEN, "", "" },
	{ "run a.ini b.ini", ERR_ARGUMENT_EXTRA, "b.ini", "" },
	{ "run -k x -- a.ini --memory", ERR_ARGUMENT_EXTRA, "--memory", "" },
};
/* clang-format on */

static void wrong_lines(void **state)
{
	struct trial *t = *state;

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *w = &wrongs[i];

		if (parse(t, w->line) == 0)
			fail_msg("taken: %s", w->line);
		if (t->e.what != w->what || strcmp(t->e.name, w->name) != 0 ||
		    strcmp(t->e.detail, w->detail) != 0)
			fail_msg("%s: %d %s %s", w->line, t->e.what, t->e.name,
				 t->e.detail);
	}
}

/* Addresses: canonical, each once, before or behind options. */
static void addresses_of_bind(void **state)
{
	struct trial *t = *state;
	char line[2048] = "bind --";

	assert_int_equal(parse(t, "bind 01:00.0 --force 0000:01:00.0 02:00.1"),
			 0);
	assert_int_equal(t->c.command, COMMAND_BIND);
	assert_int_equal(t->c.n_addresses, 2);
	assert_string_equal(t->c.address[0], "0000:01:00.0");
	assert_string_equal(t->c.address[1], "0000:02:00.1");
	assert_true(t->c.force);
	assert_int_equal(parse(t, "devices"), 0);
	assert_int_equal(parse(t, "devices --json AB:00.0"), 0);
	assert_string_equal(t->c.address[0], "0000:ab:00.0");
	assert_true(t->c.json);
	assert_int_equal(parse(t, "unbind"), -EINVAL);
	assert_int_equal(t->e.what, ERR_ADDRESS_NONE);
	assert_string_equal(t->e.name, "unbind");
	assert_int_equal(parse(t, "bind vm.ini"), -EINVAL);
	assert_int_equal(t->e.what, ERR_VFIO_ADDRESS);
	for (unsigned int i = 0; i < CONF_ADDRESSES_MAX; i++) {
		size_t n = strlen(line);

		snprintf(line + n, sizeof(line) - n, " %02x:00.0", i);
	}
	assert_int_equal(parse(t, line), 0);
	assert_int_equal(t->c.n_addresses, CONF_ADDRESSES_MAX);
	strcat(line, " ff:00.0");
	assert_int_equal(parse(t, line), -EINVAL);
	assert_int_equal(t->e.what, ERR_ADDRESS_MANY);
}

/* The guest that the host is examined for. */
static void memory_of_doctor(void **state)
{
	struct trial *t = *state;

	assert_int_equal(parse(t, "doctor --memory 4G --json"), 0);
	assert_int_equal(t->c.memory, 4ull << 30);
	put_ini(t, "[vm]\nmemory=8G\nkernel=x\n", 24);
	assert_int_equal(parse(t, "doctor INI"), 0);
	assert_int_equal(t->c.memory, 8ull << 30);
	assert_int_equal(parse(t, "doctor --memory 1M"), -ERANGE);
	assert_int_equal(parse(t, "doctor --kernel x"), -EINVAL);
	assert_int_equal(t->e.what, ERR_OPTION_COMMAND);
}

/* What only plan can do is refused by run, wherever the words stand. */
static void options_of_plan(void **state)
{
	static const char *const words[] = {"--json", "--json=no",
					    "--svg x.svg", "--what-if x"};
	struct trial *t = *state;
	char line[64];

	for (unsigned int i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), "run -k x %s", words[i]);
		assert_int_equal(parse(t, line), -EINVAL);
		assert_int_equal(t->e.what, ERR_OPTION_COMMAND);
		assert_true(t->e.num & 1u << COMMAND_PLAN);
		assert_string_equal(t->e.detail, "run");
		snprintf(line, sizeof(line), "plan %s", words[i]);
		assert_int_equal(parse(t, line), 0);
	}
	assert_string_equal(t->c.what_if, "x");
	assert_int_equal(parse(t, "plan --json --svg a --svg b"), 0);
	assert_true(t->c.json);
	assert_string_equal(t->c.svg, "b");
	put_ini(t, "[vm]\n", 5);
	assert_int_equal(parse(t, "plan INI --what-if x"), -EINVAL);
	assert_int_equal(t->e.what, ERR_OPTION_BOTH);
	assert_int_equal(parse(t, "plan --what-if x --vfio 01:00.0"), -EINVAL);
	assert_int_equal(t->e.what, ERR_OPTION_BOTH);
	put_ini(t, "[vm]\njson=yes\n", 14);
	assert_int_equal(parse(t, "plan INI"), -ENOENT);
	assert_int_equal(t->e.what, ERR_INI_KEY);
}

static void too_many_devices(void **state)
{
	struct trial *t = *state;
	char line[1024] = "run -k x";

	for (unsigned int i = 0; i < CONF_VFIO_MAX; i++) {
		size_t n = strlen(line);

		snprintf(line + n, sizeof(line) - n, " --vfio 01:%02x.0", i);
	}
	assert_int_equal(parse(t, line), 0);
	assert_int_equal(t->c.n_vfio, CONF_VFIO_MAX);
	strcat(line, " --vfio 02:00.0");
	assert_int_equal(parse(t, line), -E2BIG);
	assert_int_equal(t->e.what, ERR_OPTION_VALUE);
	assert_string_equal(t->e.detail, "0000:02:00.0");
	assert_int_equal(t->e.num2, CONF_VFIO_MAX);
}

static void long_path(void **state)
{
	struct trial *t = *state;
	char *line = malloc(CONF_PATH_MAX + 16);

	assert_non_null(line);
	strcpy(line, "run -k ");
	memset(line + 7, 'x', CONF_PATH_MAX - 1);
	line[7 + CONF_PATH_MAX - 1] = '\0';
	assert_int_equal(parse(t, line), 0);
	strcat(line, "y");
	assert_int_equal(parse(t, line), -ENAMETOOLONG);
	assert_int_equal(t->e.what, ERR_OPTION_VALUE);
	free(line);
}

/* conf_check() also guards what did not come from conf_parse(). */
static void check_alone(void **state)
{
	struct err e = {.what = ERR_NONE};
	struct conf c = {.command = COMMAND_PLAN,
			 .cpus = CONF_CPUS_MAX,
			 .memory = 16 * MIB};

	(void)state;
	assert_int_equal(conf_check(&c, &e), 0);
	c.cpus = CONF_CPUS_MAX + 1;
	assert_int_equal(conf_check(&c, &e), -ERANGE);
	assert_int_equal(e.num, CONF_CPUS_MAX + 1);
	assert_int_equal(e.num2, CONF_CPUS_MAX);
	c.cpus = 1;
	c.memory = 16 * MIB - 65536;
	assert_int_equal(conf_check(&c, &e), -ERANGE);
	assert_int_equal(e.what, ERR_MEMORY_SMALL);
	assert_int_equal(e.num2, 16 * MIB);
	c.memory = 16 * MIB + 65536;
	assert_int_equal(conf_check(&c, &e), 0);
	c.memory += 4096;
	assert_int_equal(conf_check(&c, &e), -EDOM);
	c.command = COMMAND_HELP;
	assert_int_equal(conf_check(&c, &e), 0);
}

/* --- the INI file ----------------------------------------------------------
 */

static void ini_whole(void **state)
{
	struct trial *t = *state;
	char want[64];

	put_ini(t,
#define TEXT                                                                   \
	"; a comment\n# another\n\n"                                           \
	"[VM]\nKernel = bzImage\ninitrd=/boot/initrd   ; why\n"                \
	"cmdline = \"console=ttyS0; quiet # x\"\ncpus = 3\r\n"                 \
	"memory = 1GiB\nconsole = file:log/c\nverbose = yes\n"                 \
	"[vfio.Disk]\nmsix = inplace\naddress = 01:00.0\n"                     \
	"[vfio.net-2]\naddress = '0002:03:04.5'"
		TEXT, sizeof(TEXT) - 1);
	assert_int_equal(parse(t, "run INI"), 0);
	snprintf(want, sizeof(want), "%s/bzImage", t->dir);
	assert_string_equal(t->c.kernel, want);
	assert_string_equal(t->c.initrd, "/boot/initrd");
	assert_string_equal(t->c.cmdline, "console=ttyS0; quiet # x");
	assert_int_equal(t->c.cpus, 3);
	assert_int_equal(t->c.memory, 1024 * MIB);
	assert_int_equal(t->c.console.kind, CONSOLE_FILE);
	snprintf(want, sizeof(want), "%s/log/c", t->dir);
	assert_string_equal(t->c.console.path, want);
	assert_true(t->c.verbose);
	assert_int_equal(t->c.n_vfio, 2);
	assert_string_equal(t->c.vfio[0].address, "0000:01:00.0");
	assert_int_equal(t->c.vfio[0].msix, MSIX_INPLACE);
	assert_int_equal(t->c.vfio[0].on_error, ON_ERROR_STOP);
	assert_int_equal(t->c.vfio[0].request_timeout, 10);
	assert_string_equal(t->c.vfio[1].address, "0002:03:04.5");
	assert_int_equal(t->c.vfio[1].msix, MSIX_AUTO);
}

static void line_wins_over_file(void **state)
{
	static const char text[] = "[vm]\nkernel = a\nmemory = 64M\ncpus = 2\n"
				   "verbose = yes\n[vfio.d]\n"
				   "address = 01:00.0\nmsix = inplace\n"
				   "request-timeout = 7\n";
	struct trial *t = *state;

	put_ini(t, text, sizeof(text) - 1);
	assert_int_equal(parse(t, "run -m 128M INI --verbose=no -k b "
				  "--vfio 01:00.0,msix=relocate"),
			 0);
	assert_string_equal(t->c.kernel, "b");
	assert_int_equal(t->c.memory, 128 * MIB);
	assert_int_equal(t->c.cpus, 2);
	assert_false(t->c.verbose);
	assert_int_equal(t->c.n_vfio, 1);
	assert_int_equal(t->c.vfio[0].msix, MSIX_RELOCATE);
	/* what the line does not say is as the file has it */
	assert_int_equal(t->c.vfio[0].request_timeout, 7);
}

static void ini_empty(void **state)
{
	struct trial *t = *state;

	assert_int_equal(parse_ini(t, ""), 0);
	assert_int_equal(parse_ini(t, "\n\n  \n;x\n"), 0);
	assert_int_equal(parse_ini(t, "[vm]\n"), 0);
	assert_int_equal(parse_ini(t, "[vm]"), 0);
	assert_int_equal(t->c.memory, 512 * MIB);
}

static void ini_joined_lines(void **state)
{
	struct trial *t = *state;

	assert_int_equal(parse_ini(t, "[vm]\ncmdline = a \\\nb \\\n  c\n"
				      "cpus = 5\n"),
			 0);
	assert_int_equal(t->c.cpus, 5);
	assert_non_null(strstr(t->c.cmdline, "a"));
	assert_non_null(strstr(t->c.cmdline, "  c"));
}

struct wrong_ini {
	const char *text;
	enum err_what what;
	int code;
	unsigned int line; /* 0: not told in num */
	const char *detail;
};

/* clang-format off */
static const struct wrong_ini wrong_inis[] = {
	{ "[vm]\nkernel\n", ERR_INI_SYNTAX, EINVAL, 2, "kernel" },
	{ "[vm]\n = 3\n", ERR_INI_SYNTAX, EINVAL, 2, "= 3" },
	{ "[vm]\n\n[vfio.x\n", ERR_INI_SYNTAX, EINVAL, 3, "[vfio.x" },
	{ "[vm] ; x\n", ERR_INI_SYNTAX, EINVAL, 1, "[vm] ; x" },
	{ "[vm]]\n", ERR_INI_SYNTAX, EINVAL, 1, "[vm]]" },
	{ "[vm]\nkernel = \"a\" b\n", ERR_INI_SYNTAX, EINVAL, 2,
	  "kernel = \"a\" b" },
	{ "[vm]\nkernel = \"a\n", ERR_INI_SYNTAX, EINVAL, 2, "kernel = \"a" },
	{ "[vm]\ncmdline = a;b\n", ERR_INI_SYNTAX, EINVAL, 2,
	  "cmdline = a;b" },
	{ "[vm]\ncmdline = a \"b #c\"\n", ERR_INI_SYNTAX, EINVAL, 2,
	  "cmdline = a \"b #c\"" },
	{ "x", ERR_INI_SYNTAX, EINVAL, 1, "x" },
	{ "[]\n", ERR_INI_SECTION, EINVAL, 1, "" },
	{ "[vmm]\n", ERR_INI_SECTION, EINVAL, 1, "vmm" },
	{ "[vfio]\n", ERR_INI_SECTION, EINVAL, 1, "vfio" },
	{ "[vfio.]\n", ERR_INI_SECTION, EINVAL, 1, "vfio." },
	{ "[vfio.a:b]\n", ERR_INI_SECTION, EINVAL, 1, "vfio.a:b" },
	{ "[vfio.012345678901234567890123456789012345]\n", ERR_INI_SECTION,
	  ENAMETOOLONG, 1, "vfio.012345678901234567890123456789012345" },
	{ "kernel = x\n", ERR_INI_SECTION, ENOENT, 1, "kernel" },
	{ "[vm]\n[VM]\n", ERR_INI_SECTION, EEXIST, 2, "vm" },
	{ "[vfio.a]\naddress=01:00.0\n[vfio.A]\n", ERR_INI_SECTION, EEXIST, 3,
	  "vfio.a" },
	{ "[vm]\nmemroy = 1G\n", ERR_INI_KEY, ENOENT, 2, "vm:memroy" },
	{ "[vm]\nvfio = 01:00.0\n", ERR_INI_KEY, ENOENT, 2, "vm:vfio" },
	{ "[vm]\nhelp = 1\n", ERR_INI_KEY, ENOENT, 2, "vm:help" },
	{ "[vm]\nbase = 1\n", ERR_INI_KEY, ENOENT, 2, "vm:base" },
	{ "[vfio.a]\nmemory = 1G\n", ERR_INI_KEY, ENOENT, 2, "vfio.a:memory" },
	{ "[vm]\ncpus=1\nCPUS=1\n", ERR_INI_KEY, EEXIST, 3, "vm:cpus" },
	{ "[vfio.a]\nmsix=auto\n", ERR_INI_KEY, ENODATA, 2,
	  "vfio.a:address" },
	{ "[vfio.a]\n[vm]\n", ERR_INI_KEY, ENODATA, 2, "vfio.a:address" },
	{ "[vm]\ncpus=0x4\n", ERR_OPTION_VALUE, EINVAL, 0, "0x4" },
	{ "[vm]\ncpus=\n", ERR_OPTION_VALUE, EINVAL, 0, "" },
	{ "[vm]\nkernel=\"\"\n", ERR_OPTION_VALUE, EINVAL, 0, "" },
	{ "[vm]\nverbose=perhaps\n", ERR_OPTION_VALUE, EINVAL, 0, "perhaps" },
	{ "[vfio.a]\naddress=01:00.0\nmsix=x\n", ERR_OPTION_VALUE, EINVAL, 0,
	  "x" },
};
/* clang-format on */

static void wrong_files(void **state)
{
	struct trial *t = *state;

	for (size_t i = 0; i < sizeof(wrong_inis) / sizeof(wrong_inis[0]);
	     i++) {
		const struct wrong_ini *w = &wrong_inis[i];

		if (parse_ini(t, w->text) != -w->code)
			fail_msg("taken, or another errno: %s", w->text);
		if (t->e.what != w->what || strcmp(t->e.detail, w->detail))
			fail_msg("%s: %d %s", w->text, t->e.what, t->e.detail);
		if (w->line && t->e.num != w->line)
			fail_msg("%s: line %d", w->text, (int)t->e.num);
		if (strncmp(t->e.name, t->ini, strlen(t->ini)) != 0)
			fail_msg("%s: names %s", w->text, t->e.name);
	}
}

static void ini_value_is_placed(void **state)
{
	struct trial *t = *state;
	char want[80];

	assert_int_equal(parse_ini(t, "[vm]\n\nmemory = lots\n"), -EINVAL);
	snprintf(want, sizeof(want), "%s:3: memory", t->ini);
	assert_string_equal(t->e.name, want);
	assert_int_equal(t->e.num, VALUE_SIZE);
	assert_int_equal(parse_ini(t, "[vfio.a]\naddress = here\n"), -EINVAL);
	snprintf(want, sizeof(want), "%s:2: address", t->ini);
	assert_int_equal(t->e.what, ERR_VFIO_ADDRESS);
	assert_string_equal(t->e.name, "here");
	assert_string_equal(t->e.detail, want);
}

/* The longest line that is taken arrives whole; one byte more is refused. */
static void ini_long_lines(void **state)
{
	struct trial *t = *state;
	char text[1200] = "[vm]\ncmdline=";
	const size_t head = strlen(text), most = 1022 - strlen("cmdline=");

	memset(text + head, 'x', most);
	text[head + most] = '\0';
	assert_int_equal(parse_ini(t, text), 0);
	assert_int_equal(strlen(t->c.cmdline), most);
	strcat(text, "\ncpus = 7\n");
	assert_int_equal(parse_ini(t, text), 0);
	assert_int_equal(strlen(t->c.cmdline), most);
	assert_int_equal(t->c.cpus, 7);
	text[head + most] = 'x';
	text[head + most + 1] = '\n';
	assert_int_equal(parse_ini(t, text), -E2BIG);
	assert_int_equal(t->e.what, ERR_INI_SYNTAX);
	assert_int_equal(t->e.num, 2);
	/* Joined lines share the room. */
	text[head + 500] = '\\';
	text[head + 501] = '\n';
	text[head + most + 1] = 'x';
	assert_int_equal(parse_ini(t, text), -E2BIG);
	assert_int_equal(t->e.num, 3);
}

static void ini_strange_files(void **state)
{
	static const char elf[] = "\177ELF\2\1\1\0\0\0";
	struct trial *t = *state;
	size_t big = 300 << 10;
	char *text = malloc(big);

	assert_non_null(text);
	put_ini(t, elf, sizeof(elf));
	assert_int_equal(parse(t, "run INI"), -EILSEQ);
	assert_int_equal(t->e.what, ERR_INI_SYNTAX);
	memset(text, '\n', big);
	put_ini(t, text, big);
	assert_int_equal(parse(t, "run INI"), -EFBIG);
	assert_int_equal(t->e.what, ERR_INI_OPEN);
	free(text);
}

static void ini_too_many_devices(void **state)
{
	struct trial *t = *state;
	char text[2048] = "";

	for (unsigned int i = 0; i <= CONF_VFIO_MAX; i++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n,
			 "[vfio.d%u]\naddress=01:%02x.0\n", i, i);
		if (i == CONF_VFIO_MAX - 1) {
			assert_int_equal(parse_ini(t, text), 0);
			assert_int_equal(t->c.n_vfio, CONF_VFIO_MAX);
		}
	}
	assert_int_equal(parse_ini(t, text), -E2BIG);
}

/* A word, or else the name of a file. */
static void rom_key(void **state)
{
	static const struct {
		const char *text;
		enum rom_policy rom;
	} words[] = {
		{"auto", ROM_AUTO}, {"on", ROM_ON},	   {"Yes", ROM_ON},
		{"off", ROM_OFF},   {"./off", ROM_FILE},   {"/r/on", ROM_FILE},
		{"no", ROM_OFF},    {"a b.rom", ROM_FILE},
	};
	struct trial *t = *state;
	char text[CONF_PATH_MAX + 64];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(text, sizeof(text),
			 "[vfio.a]\naddress=01:00.0\nrom = %s\n",
			 words[i].text);
		assert_int_equal(parse_ini(t, text), 0);
		assert_int_equal(t->c.vfio[0].rom, words[i].rom);
	}
	/* Beside the INI file, as all names in it. */
	snprintf(text, sizeof(text), "%s/a b.rom", t->dir);
	assert_string_equal(t->c.vfio[0].rom_file, text);
	assert_int_equal(parse(t, "run -k x --vfio 01:00.0,rom=v.rom"), 0);
	assert_int_equal(t->c.vfio[0].rom, ROM_FILE);
	assert_string_equal(t->c.vfio[0].rom_file, "v.rom");
	assert_int_equal(parse(t, "run -k x --vfio 01:00.0"), 0);
	assert_int_equal(t->c.vfio[0].rom, ROM_AUTO);
	assert_int_equal(parse(t, "run -k x --vfio 01:00.0,rom="), -EINVAL);
	snprintf(text, sizeof(text), "[vfio.a]\naddress=01:00.0\nrom=%0*d\n",
		 CONF_PATH_MAX, 1);
	assert_int_not_equal(parse_ini(t, text), 0);
}

static void modules(void **state)
{
	struct trial *t = *state;
	char path[CONF_PATH_MAX];

	assert_int_equal(parse(t, "run -k x --module a --module b,args=c=d"),
			 0);
	assert_int_equal(t->c.n_module, 2);
	assert_string_equal(t->c.module[0].file, "a");
	assert_string_equal(t->c.module[0].args, "");
	assert_string_equal(t->c.module[1].file, "b");
	assert_string_equal(t->c.module[1].args, "c=d");
	assert_int_equal(parse_ini(t, "[module.m]\nfile = f\n"
				      "args = \"one, two\"\n"),
			 0);
	assert_int_equal(t->c.n_module, 1);
	snprintf(path, sizeof(path), "%s/f", t->dir);
	assert_string_equal(t->c.module[0].file, path);
	assert_string_equal(t->c.module[0].args, "one, two");
	assert_int_equal(parse(t, "run -k x --module b,arg=c"), -EINVAL);
}

/* Every key of the tables can be set from a file. */
static void ini_every_key(void **state)
{
	static const char *const sample[] = {
		[VALUE_PATH] = "f",
		[VALUE_TEXT] = "t",
		[VALUE_NUMBER] = "2",
		[VALUE_SIZE] = "64M",
		[VALUE_BOOL] = "yes",
		[VALUE_CONSOLE] = "none",
		[VALUE_MSIX] = "inplace",
		[VALUE_ON_ERROR] = "ignore",
		[VALUE_ADDRESS] = "01:00.0",
		[VALUE_P2P] = "on",
		[VALUE_BACKEND] = "iommufd",
		[VALUE_ROM] = "off",
		[VALUE_CPU_OFF] = "pmu",
		[VALUE_HUGEPAGES] = "2M",
		[VALUE_READY] = "guest",
		[VALUE_AFFINITY] = "0",
		[VALUE_SECONDS] = "1.5",
		[VALUE_REGEX] = "a|b",
		[VALUE_ON_REBOOT] = "restart",
		[VALUE_BALLOON] = "64M",
		[VALUE_WATCHDOG] = "fail",
		[VALUE_KERNEL_FORMAT] = "flat",
		[VALUE_FILE] = "x",
		[VALUE_WORD] = "x",
		[VALUE_CID] = "auto",
		[VALUE_TAG] = "x",
		[VALUE_DISK_FORMAT] = "raw",
		[VALUE_DISK_IO] = "threads",
		[VALUE_DISK_QUEUES] = "2",
		[VALUE_BLOCK_SIZE] = "4096",
		[VALUE_SERIAL] = "x",
		[VALUE_LINE] = "a b",
		[VALUE_MAC] = "52:54:00:12:34:56",
		[VALUE_PAIRS] = "2",
		[VALUE_MTU] = "9000",
		[VALUE_VHOST] = "off",
	};
	struct trial *t = *state;
	unsigned int n;
	const struct option_def *o = option_table(&n);
	char text[128];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "[vm]\n%s = %s\n", o[i].name,
			 o[i].in_ini ? sample[o[i].type] : "x");
		assert_int_equal(parse_ini(t, text) == 0, o[i].in_ini);
	}
	for (unsigned int k = 0; option_list(k); k++) {
		const struct option_list *l = option_list(k);

		for (unsigned int i = 1; i < l->n; i++) {
			snprintf(text, sizeof(text), "[%s.a]\n%s=%s\n%s = %s\n",
				 l->name, l->table[0].name, l->example,
				 l->table[i].name, sample[l->table[i].type]);
			assert_int_equal(parse_ini(t, text), 0);
		}
	}
}

#define TRIAL(f) cmocka_unit_test_setup_teardown(f, trial_begin, trial_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRIAL(defaults),
		TRIAL(both_forms),
		TRIAL(console_where),
		TRIAL(later_wins),
		TRIAL(dump_fdt),
		TRIAL(for_edge_boxes),
		TRIAL(affinity_for_each),
		TRIAL(cpu_off),
		TRIAL(help_and_version),
		TRIAL(wrong_lines),
		TRIAL(options_of_plan),
		TRIAL(addresses_of_bind),
		TRIAL(memory_of_doctor),
		TRIAL(too_many_devices),
		TRIAL(long_path),
		cmocka_unit_test(check_alone),
		TRIAL(ini_whole),
		TRIAL(line_wins_over_file),
		TRIAL(ini_empty),
		TRIAL(ini_joined_lines),
		TRIAL(wrong_files),
		TRIAL(ini_value_is_placed),
		TRIAL(ini_long_lines),
		TRIAL(ini_strange_files),
		TRIAL(ini_too_many_devices),
		TRIAL(rom_key),
		TRIAL(modules),
		TRIAL(ini_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
