// SPDX-License-Identifier: Apache-2.0
#include "vmm/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

_Static_assert(sizeof(((struct sockaddr_un *)NULL)->sun_path) == UNIX_PATH_MAX,
	       "sun_path");

static int address(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(a->sun_path))
		return -ENAMETOOLONG;
	memcpy(a->sun_path, path, strlen(path));
	return 0;
}

/*
 * Asked by a datagram socket: where somebody listens, that is the wrong kind
 * (EPROTOTYPE) and disturbs nobody.
 */
static int clear_place(const struct sockaddr_un *a)
{
	struct stat st;
	int fd, r;

	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 ? -errno
								    : 0;
	close(fd);
	if (r == 0 || r == -EPROTOTYPE)
		return -EADDRINUSE;
	if (r != -ECONNREFUSED)
		return r;
	return unlink(a->sun_path) < 0 ? -errno : 0;
}

/* unix(7): the mode that the socket has before bind() becomes the file's. */
static int bind_at(struct unix_listener *l, const struct sockaddr_un *a)
{
	struct stat st;

	if (fchmod(l->fd, 0600) < 0 ||
	    bind(l->fd, (const struct sockaddr *)a, sizeof(*a)) < 0)
		return -errno;
	if (lstat(a->sun_path, &st) == 0) {
		l->bound = true;
		l->dev = st.st_dev;
		l->ino = st.st_ino;
	}
	return listen(l->fd, BACKLOG) < 0 ? -errno : 0;
}

int unix_listen(struct unix_listener *l, const char *path)
{
	struct sockaddr_un a;
	int r = address(&a, path);

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	if (r < 0)
		return r;
	memcpy(l->path, a.sun_path, sizeof(l->path));
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return -errno;
	r = clear_place(&a);
	return r < 0 ? r : bind_at(l, &a);
}

void unix_listener_close(struct unix_listener *l)
{
	struct stat st;

	if (l->bound && lstat(l->path, &st) == 0 && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
	memset(l, 0, sizeof(*l));
	l->fd = -1;
}

int unix_connect(const char *path)
{
	struct sockaddr_un a;
	int r = address(&a, path);
	int fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}
