/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_root.h"
#include "vmm/conf.h"
#include "vmm/initramfs.h"

#define MIB	  (1ull << 20)
#define ENTRY_MAX 32

/* --- reading an archive, as Linux does (linux-initramfs) -------------------
 */

struct entry {
	char name[128];
	unsigned int mode;
	unsigned int ino;
	size_t size;
	const char *data;
};

struct archive {
	char *map;
	size_t len;
	unsigned int n;
	struct entry e[ENTRY_MAX];
};

static unsigned int field(const char *head, unsigned int i)
{
	char text[9] = "";

	memcpy(text, head + 6 + 8 * i, 8);
	assert_int_equal(strspn(text, "0123456789abcdef"), 8);
	return (unsigned int)strtoul(text, NULL, 16);
}

/* The entry at @at; where the next one is. */
static size_t entry_read(struct archive *a, size_t at)
{
	const char *head = a->map + at;
	struct entry *e = &a->e[a->n++];
	size_t name_len;

	assert_true(a->n < ENTRY_MAX && at % 4 == 0 && at + 110 < a->len);
	assert_memory_equal(head, "070701", 6);
	name_len = field(head, 11);
	assert_in_range(name_len, 2, sizeof(e->name));
	memcpy(e->name, head + 110, name_len);
	assert_int_equal(strlen(e->name), name_len - 1);
	e->ino = field(head, 0);
	e->mode = field(head, 1);
	assert_int_equal(field(head, 2), 0); /* root's */
	assert_int_equal(field(head, 3), 0);
	e->size = field(head, 6);
	at = (at + 110 + name_len + 3) & ~(size_t)3;
	e->data = a->map + at;
	at = (at + e->size + 3) & ~(size_t)3;
	assert_true(at <= a->len);
	return at;
}

static void archive_read(struct archive *a, int fd)
{
	size_t at = 0;
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	a->n = 0;
	a->len = (size_t)st.st_size;
	a->map = mmap(NULL, a->len, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(a->map, MAP_FAILED);
	do {
		at = entry_read(a, at);
	} while (strcmp(a->e[a->n - 1].name, "TRAILER!!!") != 0);
	assert_int_equal(at, a->len);
	a->n--;
	for (unsigned int i = 0; i < a->n; i++) {
		for (unsigned int j = 0; j < i; j++)
			assert_int_not_equal(a->e[i].ino, a->e[j].ino);
	}
}

static const struct entry *find(const struct archive *a, const char *name)
{
	for (unsigned int i = 0; i < a->n; i++) {
		if (strcmp(a->e[i].name, name) == 0)
			return &a->e[i];
	}
	fail_msg("no entry %s", name);
	return NULL;
}

static void assert_content(const struct archive *a, const char *name,
			   const char *text)
{
	const struct entry *e = find(a, name);

	assert_int_equal(e->size, strlen(text));
	assert_memory_equal(e->data, text, e->size);
}

/* --- cases -----------------------------------------------------------------
 */

static char root[PATH_MAX];
static struct conf conf;

static int begin(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "%s", fake_root_make());
	memset(&conf, 0, sizeof(conf));
	conf.root = root;
	conf.memory = 64 * MIB;
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_root_remove();
	return 0;
}

static void make(struct archive *a)
{
	struct err e = {.what = ERR_NONE};
	int fd = -1;

	assert_int_equal(initramfs_make(&conf, &fd, &e), 0);
	archive_read(a, fd);
	close(fd);
}

static void refused(enum err_what what, int code)
{
	struct err e = {.what = ERR_NONE};
	int fd = -1;

	assert_int_equal(initramfs_make(&conf, &fd, &e), code);
	assert_int_equal(e.what, what);
	assert_int_equal(fd, -1);
}

static void chmod_in(const char *name, mode_t mode)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s%s", root, name);
	assert_int_equal(chmod(path, mode), 0);
}

/* Everything there is, folders first, in the order of names. */
static void folder(void **state)
{
	static const char *const names[] = {"a",    "a/b",  "a/b/c", "empty",
					    "init", "pipe", "sh"};
	struct archive a;

	(void)state;
	fake_root_put("/init", "#!/sh\n");
	fake_root_put("/a/b/c", "12345");
	fake_root_put("/empty", "");
	fake_root_link("/sh", "a/b/../b/c");
	fake_root_fifo("/pipe");
	chmod_in("/init", 0755);
	chmod_in("/a/b", 01700);
	make(&a);
	assert_int_equal(a.n, 7);
	for (unsigned int i = 0; i < a.n; i++)
		assert_string_equal(a.e[i].name, names[i]);
	assert_content(&a, "a/b/c", "12345");
	assert_content(&a, "empty", "");
	assert_content(&a, "sh", "a/b/../b/c");
	assert_int_equal(find(&a, "sh")->mode & S_IFMT, S_IFLNK);
	assert_int_equal(find(&a, "pipe")->mode & S_IFMT, S_IFIFO);
	assert_int_equal(find(&a, "init")->mode, S_IFREG | 0755);
	assert_int_equal(find(&a, "a/b")->mode, S_IFDIR | 01700);
	munmap(a.map, a.len);
}

/* Another program's view of it, where there is one. */
static void unpacked(void **state)
{
	char command[3 * PATH_MAX];
	struct err e = {.what = ERR_NONE};
	int fd = -1;

	(void)state;
	if (access("/bin/busybox", X_OK) || access("/usr/bin/diff", X_OK))
		skip();
	fake_root_put("/in/init", "begin");
	fake_root_put("/in/usr/lib/a", "aaa");
	fake_root_put("/in/usr/lib/b", "");
	fake_root_link("/in/usr/bin", "lib/a");
	fake_root_folder("/out");
	strcat(root, "/in");
	assert_int_equal(initramfs_make(&conf, &fd, &e), 0);
	/* the child has to have it */
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	fd = dup(fd);
	snprintf(command, sizeof(command),
		 "cd %s/../out && busybox cpio -i -d <&%d 2>/dev/null && "
		 "diff -r --no-dereference . %s",
		 root, fd, root);
	/* NOLINTNEXTLINE(cert-env33-c): paths of our own making */
	assert_int_equal(system(command), 0);
	close(fd);
}

static void wrong_folders(void **state)
{
	char file[PATH_MAX];

	(void)state;
	refused(ERR_ROOT_INIT, -ENOENT);
	conf.cmdline = (char *)"quiet rdinit=/bin/x";
	fake_root_put("/x", "x");
	{
		struct archive a;

		make(&a);
		assert_int_equal(a.n, 1);
		munmap(a.map, a.len);
	}
	conf.cmdline = NULL;
	snprintf(file, sizeof(file), "%.*s/x", PATH_MAX - 8, root);
	conf.root = file;
	refused(ERR_ROOT, -ENOTDIR);
	strcat(file, "y");
	refused(ERR_ROOT, -ENOENT);
}

/* What is larger than the guest is not read to its end. */
static void too_large(void **state)
{
	char path[PATH_MAX + 64];
	uint64_t size;

	(void)state;
	fake_root_put("/init", "");
	fake_root_put("/huge", "");
	snprintf(path, sizeof(path), "%s/huge", root);
	for (size = 63 * MIB; size <= 1ull << 40; size = size * 40) {
		assert_int_equal(truncate(path, (off_t)size), 0);
		if (size < 64 * MIB) {
			struct archive a;

			make(&a);
			assert_int_equal(find(&a, "huge")->size, size);
			munmap(a.map, a.len);
		} else {
			refused(ERR_ROOT_LARGE, -EFBIG);
		}
	}
	/* 4 GiB are too many for the format, whatever the memory */
	conf.memory = 1ull << 41;
	assert_int_equal(truncate(path, (off_t)1 << 32), 0);
	refused(ERR_ROOT, -EFBIG);
}

static void many_small(void **state)
{
	char name[32];

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "/init%u", i);
		fake_root_put(name, "0123456789");
	}
	conf.cmdline = (char *)"rdinit=/init0";
	/* names of 5 and of 6 characters; the trailer */
	conf.memory = 10 * (116 + 12) + 10 * (120 + 12) + 124;
	{
		struct archive a;

		make(&a);
		assert_int_equal(a.n, 20);
		munmap(a.map, a.len);
	}
	conf.memory--;
	refused(ERR_ROOT_LARGE, -EFBIG);
}

/* A command: with a folder and without. */
static void command(void **state)
{
	struct archive a;
	struct err e = {.what = ERR_NONE};
	int fd = -1;

	(void)state;
	conf.root = NULL;
	conf.init = (char *)"echo 'a b'; exit 3";
	if (initramfs_make(&conf, &fd, &e)) {
		assert_int_equal(e.what, ERR_BUSYBOX);
		skip();
	}
	archive_read(&a, fd);
	close(fd);
	assert_content(&a, ".barge/command", conf.init);
	assert_int_equal(find(&a, ".barge/init")->mode, S_IFREG | 0755);
	assert_true(find(&a, ".barge/busybox")->size > 100000);
	assert_int_equal(find(&a, ".barge/busybox")->mode & S_IXUSR, S_IXUSR);
	assert_int_equal(find(&a, "dev/console")->mode, S_IFCHR | 0600);
	assert_true(find(&a, "dev") < find(&a, "dev/console"));
	munmap(a.map, a.len);
	conf.root = root;
	fake_root_put("/hello", "");
	make(&a);
	(void)find(&a, "hello");
	assert_content(&a, ".barge/command", conf.init);
	munmap(a.map, a.len);
}

/* The script speaks of the marks that the filter looks for. */
static void marks(void **state)
{
	struct archive a;
	struct err e = {.what = ERR_NONE};
	const struct entry *script;
	int fd = -1;

	(void)state;
	conf.root = NULL;
	conf.init = (char *)"true";
	if (initramfs_make(&conf, &fd, &e))
		skip();
	archive_read(&a, fd);
	close(fd);
	script = find(&a, ".barge/init");
	assert_string_equal(INITRAMFS_BEGIN, "\n\036barge-begin\n");
	assert_string_equal(INITRAMFS_END, "\n\036barge-end ");
	assert_non_null(memmem(script->data, script->size,
			       "'\\n\\036barge-begin\\n'", 20));
	assert_non_null(memmem(script->data, script->size,
			       "'\\n\\036barge-end %s\\n'", 21));
	munmap(a.map, a.len);
}

static void cmdlines(void **state)
{
	static const struct {
		const char *init;
		const char *given;
		const char *want;
	} cases[] = {
		{NULL, NULL, ""},
		{NULL, "a b", "a b"},
		{"x", NULL, "rdinit=/.barge/init console=ttyS0 quiet panic=-1"},
		{"x", "console=hvc0 -- y",
		 "rdinit=/.barge/init console=hvc0 -- y"},
	};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		char *text;

		conf.init = (char *)cases[i].init;
		conf.cmdline = (char *)cases[i].given;
		text = initramfs_cmdline(&conf);
		assert_string_equal(text, cases[i].want);
		free(text);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(folder),	 CASE(unpacked),   CASE(wrong_folders),
		CASE(too_large), CASE(many_small), CASE(command),
		CASE(marks),	 CASE(cmdlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
