// SPDX-License-Identifier: Apache-2.0
/* A directory that stands for /: what code under test finds in /sys and /dev.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake_sys_impl.h"

static char root[64];
static pid_t owner;
static unsigned int changes;

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void fake_sys_root_remove(void)
{
	if (root[0] && getpid() == owner)
		nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fake_sys_root(void)
{
	const char *tmp = getenv("TMPDIR");

	if (root[0])
		return root;
	snprintf(root, sizeof(root), "%s/barge-test-XXXXXX",
		 tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	if (!mkdtemp(root))
		abort();
	owner = getpid();
	atexit(fake_sys_root_remove);
	return root;
}

/* @path is in our tree now, with every directory on the way to it. */
static void way_to(const char *path, char full[PATH_MAX])
{
	size_t start = strlen(fake_sys_root());

	changes++;
	snprintf(full, PATH_MAX, "%s%s", fake_sys_root(), path);
	for (char *p = strchr(full + start + 1, '/'); p;
	     p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(full, 0777) < 0 && errno != EEXIST)
			abort();
		*p = '/';
	}
}

void fake_sys_file(const char *path, const void *bytes, size_t len)
{
	char full[PATH_MAX];
	int fd;

	way_to(path, full);
	/* A new one: ext4 writes to disk at once what was truncated. */
	unlink(full);
	fd = __real_open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 || __real_write(fd, bytes, len) != (ssize_t)len)
		abort();
	__real_close(fd);
}

void fake_sys_text(const char *path, const char *text)
{
	fake_sys_file(path, text, strlen(text));
}

void fake_sys_link(const char *path, const char *target)
{
	char full[PATH_MAX];

	way_to(path, full);
	unlink(full);
	if (symlink(target, full) < 0)
		abort();
}

void fake_sys_dir(const char *path)
{
	char full[PATH_MAX];

	way_to(path, full);
	if (mkdir(full, 0777) < 0 && errno != EEXIST)
		abort();
}

void fake_sys_remove(const char *path)
{
	char full[PATH_MAX];

	changes++;
	snprintf(full, sizeof(full), "%s%s", fake_sys_root(), path);
	nftw(full, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

unsigned int fake_sys_changes(void)
{
	return changes;
}

const char *fake_path(const char *path, char buf[PATH_MAX])
{
	if (!fake_sys_is_on() ||
	    (strncmp(path, "/sys/", 5) != 0 && strncmp(path, "/dev/", 5) != 0))
		return path;
	snprintf(buf, PATH_MAX, "%s%s", fake_sys_root(), path);
	return buf;
}
