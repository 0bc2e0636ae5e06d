/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_FS_DAEMON_H
#define VMM_FS_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/err.h"

/* The distribution's virtiofsd, which serves a directory by vhost-user. */

enum fs_daemon_kind {
	FS_DAEMON_QEMU, /* the one in C that came with QEMU until 7.2 */
	FS_DAEMON_RUST,
};

/* It ends with these where it was not even started. */
#define FS_DAEMON_GROUPS       125 /* a user with groups */
#define FS_DAEMON_NO_NAMESPACE 126 /* there is no user namespace for it */

#define FS_DAEMON_ARGS	       16
#define FS_DAEMON_TEXT	       8400 /* a path with each byte escaped, and more */

struct fs_daemon_args {
	char *argv[FS_DAEMON_ARGS]; /* into the texts */
	char fd[32];
	char source[FS_DAEMON_TEXT];
};

#define FS_DAEMON_USER	  (1u << 0) /* started by somebody who is not root */
#define FS_DAEMON_SANDBOX (1u << 1) /* it can shut itself up */

/*
 * What it is called with: @program to serve @dir at the listening socket @fd.
 * @how: FS_DAEMON_USER, FS_DAEMON_SANDBOX.
 */
void fs_daemon_args(struct fs_daemon_args *a, enum fs_daemon_kind kind,
		    const char *program, const char *dir, int fd,
		    unsigned int how);
/* By what `virtiofsd --version` says first. */
enum fs_daemon_kind fs_daemon_kind(const char *version);

struct fs_daemon {
	pid_t pid; /* 0: none */
};

/*
 * Start it for the directory @dir. A socket with which vhost_user_open() works,
 * or -errno. It ends with that socket, and at the latest with barge.
 */
int fs_daemon_start(struct fs_daemon *d, const char *dir, struct err *e);
/* How it ended: an exit status, 128 + a signal, or -1: it has not. */
int fs_daemon_status(struct fs_daemon *d);
/*
 * Its end: asked for first, because the one in C grumbles about a socket that
 * is closed. @fd is what fs_daemon_start() returned, and is to be closed
 * afterwards; -1: it is. Idempotent.
 */
void fs_daemon_stop(struct fs_daemon *d, int fd);

#endif
