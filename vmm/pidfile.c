// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: the file is written and locked under a name of its own, then
 * renamed. Where one is there already, only who has locked that one may put
 * another in its place; so of two that start at once, one is refused.
 */
#include "vmm/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTENT_MAX 16
#define TRIES	    16 /* somebody else is faster each time */

void pidfile_init(struct pidfile *p, const char *path)
{
	p->path = path;
	p->fd = -1;
}

static int lock(int fd)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &l) < 0 ? -errno : 0;
}

/* The number in it, 0 if it is empty, -EEXIST if it is no pid file. */
static int content(int fd)
{
	char text[CONTENT_MAX + 1];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	char *end;
	long pid;

	if (n <= 0)
		return n < 0 ? -EEXIST : 0;
	text[n] = '\0';
	pid = strtol(text, &end, 10);
	if (end == text || pid <= 0 || pid > INT_MAX ||
	    (*end != '\0' && strcmp(end, "\n") != 0))
		return -EEXIST;
	return (int)pid;
}

static bool is_at(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(path, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int error(const struct pidfile *p, int code, int pid, struct err *e)
{
	return err_set_num(e, code, ERR_PIDFILE, p->path, (uint64_t)pid, 0);
}

/* A locked file that nobody else needs, -ENOENT without @e, or an error. */
static int old_take(const struct pidfile *p, struct err *e)
{
	int fd = open(p->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	int pid, r;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return error(p, -errno, 0, e);
	r = fstat(fd, &st) < 0 ? -errno : 0;
	pid = r == 0 && S_ISREG(st.st_mode) ? content(fd) : -EEXIST;
	if (pid < 0)
		r = error(p, pid, 0, e);
	else if (lock(fd) < 0)
		r = error(p, -EBUSY, pid, e);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static int own_make(const struct pidfile *p, char *name, struct err *e)
{
	char text[CONTENT_MAX];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	int fd;

	if (snprintf(name, PATH_MAX, "%s.%d", p->path, (int)getpid()) >=
	    PATH_MAX)
		return error(p, -ENAMETOOLONG, 0, e);
	unlink(name); /* of one that had our number and was killed */
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return error(p, -errno, 0, e);
	if (write(fd, text, (size_t)len) == len && lock(fd) == 0)
		return fd;
	len = error(p, errno ? -errno : -EIO, 0, e);
	close(fd);
	unlink(name);
	return len;
}

int pidfile_check(const struct pidfile *p, struct err *e)
{
	char name[PATH_MAX];
	int fd;

	if (!p->path)
		return 0;
	fd = old_take(p, e);
	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd >= 0)
		close(fd);
	fd = own_make(p, name, e);
	if (fd < 0)
		return fd;
	close(fd);
	unlink(name);
	return 0;
}

/* Some file systems do not know how to leave alone what is there. */
static int rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL && access(to, F_OK) < 0)
		return rename(from, to) < 0 ? -errno : 0;
	return errno == EINVAL ? -EEXIST : -errno;
}

/* -EAGAIN without @e: what was there is another file by now. */
static int replace(const struct pidfile *p, const char *name, struct err *e)
{
	int old = old_take(p, e);
	int r = 0;

	if (old < 0)
		return old == -ENOENT ? -EAGAIN : old;
	if (!is_at(old, p->path))
		r = -EAGAIN;
	else if (rename(name, p->path) < 0)
		r = error(p, -errno, 0, e);
	close(old);
	return r;
}

static int put(const struct pidfile *p, const char *name, struct err *e)
{
	int r = -EAGAIN;

	for (unsigned int i = 0; r == -EAGAIN && i < TRIES; i++) {
		r = rename_new(name, p->path);
		if (r == -EEXIST)
			r = replace(p, name, e);
		else if (r < 0)
			r = error(p, r, 0, e);
	}
	return r == -EAGAIN ? error(p, r, 0, e) : r;
}

int pidfile_write(struct pidfile *p, struct err *e)
{
	char name[PATH_MAX];
	int fd, r;

	if (!p->path || p->fd >= 0)
		return 0;
	fd = own_make(p, name, e);
	if (fd < 0)
		return fd;
	r = put(p, name, e);
	if (r == 0) {
		p->fd = fd;
		return 0;
	}
	close(fd);
	unlink(name);
	return r;
}

void pidfile_remove(struct pidfile *p)
{
	if (p->fd < 0)
		return;
	if (is_at(p->fd, p->path))
		unlink(p->path);
	close(p->fd);
	p->fd = -1;
}
