/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_UNIX_SOCKET_H
#define VMM_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

/* Unix stream sockets with a name (unix(7)). */

#define UNIX_PATH_MAX 108u /* of sockaddr_un.sun_path */

struct unix_listener {
	int fd; /* -1: none */
	bool bound;
	dev_t dev; /* what bind() made */
	ino_t ino;
	char path[UNIX_PATH_MAX];
};

/*
 * Listen at @path, for the owner alone. A socket there that nobody listens at
 * any more is taken away first. -errno: unix_listener_close() is due.
 * -EEXIST: something else is there; -EADDRINUSE: somebody listens.
 */
int unix_listen(struct unix_listener *l, const char *path);
/* Take the name away, unless another one has taken it since. */
void unix_listener_close(struct unix_listener *l);
/* A connection that never blocks, or -errno; -EAGAIN: too many wait there. */
int unix_connect(const char *path);

#endif
