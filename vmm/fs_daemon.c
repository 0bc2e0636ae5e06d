// SPDX-License-Identifier: Apache-2.0
#include "vmm/fs_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/unix_socket.h"

/* What a program that could not be started ends with, as in a shell. */
#define NOT_STARTED 127
#define VERSION_MS  5000
#define END_MS	    3000

/* --- how it is called ----------------------------------------------------- */

enum fs_daemon_kind fs_daemon_kind(const char *version)
{
	static const char begin[] = "virtiofsd ";
	const size_t n = sizeof(begin) - 1;

	/* The other one says "virtiofsd version", or that it may not run. */
	if (strncmp(version, begin, n) == 0 && version[n] >= '0' &&
	    version[n] <= '9')
		return FS_DAEMON_RUST;
	return FS_DAEMON_QEMU;
}

/* "source=DIR" of the old one's -o, where a comma ends the value. */
static void put_source(char *out, size_t size, const char *dir)
{
	size_t n = (size_t)snprintf(out, size, "source=");

	for (; *dir && n + 3 < size; dir++) {
		if (*dir == ',' || *dir == '\\')
			out[n++] = '\\';
		out[n++] = *dir;
	}
	out[n] = '\0';
}

/* argv is not const in execv(), for historical reasons alone. */
static char *word(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void args_qemu(struct fs_daemon_args *a, const char *dir, bool user)
{
	const char *const args[] = {"-o",
				    a->source,
				    "-o",
				    "log_level=err",
				    "-o",
				    "sandbox=namespace",
				    user ? "--rlimit-nofile=0" : NULL};

	put_source(a->source, sizeof(a->source), dir);
	for (unsigned int i = 0; i < 7; i++)
		a->argv[2 + i] = word(args[i]);
}

static void args_rust(struct fs_daemon_args *a, const char *dir, bool user,
		      bool sandbox)
{
	const char *const args[] = {"--shared-dir",
				    a->source,
				    "--log-level",
				    "error",
				    "--sandbox",
				    sandbox ? "namespace" : "none",
				    user ? "--rlimit-nofile=0" : NULL};

	snprintf(a->source, sizeof(a->source), "%s", dir);
	for (unsigned int i = 0; i < 7; i++)
		a->argv[2 + i] = word(args[i]);
}

void fs_daemon_args(struct fs_daemon_args *a, enum fs_daemon_kind kind,
		    const char *program, const char *dir, int fd,
		    unsigned int how)
{
	bool user = how & FS_DAEMON_USER;

	memset(a, 0, sizeof(*a));
	snprintf(a->fd, sizeof(a->fd), "--fd=%d", fd);
	a->argv[0] = word(program);
	a->argv[1] = a->fd;
	if (kind == FS_DAEMON_QEMU)
		args_qemu(a, dir, user);
	else
		args_rust(a, dir, user, how & FS_DAEMON_SANDBOX);
}

/* --- which one there is --------------------------------------------------- */

static const char *find_program(void)
{
	static const char *const places[] = {
		"/usr/local/libexec/virtiofsd", "/usr/libexec/virtiofsd",
		"/usr/lib/virtiofsd",		"/usr/lib/qemu/virtiofsd",
		"/usr/bin/virtiofsd",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return NULL;
}

/* All of a child's streams are @out, or nothing. */
static void streams(int in, int out, int err)
{
	int null = open("/dev/null", O_RDWR);

	dup2(in < 0 ? null : in, STDIN_FILENO);
	dup2(out < 0 ? null : out, STDOUT_FILENO);
	if (err >= 0)
		dup2(err, STDERR_FILENO);
}

static void read_text(int fd, char *out, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n = 0;

	if (poll(&p, 1, VERSION_MS) > 0)
		n = read(fd, out, size - 1);
	out[n > 0 ? n : 0] = '\0';
}

static int ask_kind(const char *program, enum fs_daemon_kind *kind)
{
	char *const argv[] = {word(program), word("--version"), NULL};
	char text[128] = "";
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		streams(-1, fd[1], fd[1]);
		execv(program, argv);
		_exit(NOT_STARTED);
	}
	close(fd[1]);
	if (pid > 0) {
		read_text(fd[0], text, sizeof(text));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		*kind = fs_daemon_kind(text);
	}
	close(fd[0]);
	return pid < 0 ? -EAGAIN : 0;
}

/* --- start ---------------------------------------------------------------- */

static int put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/*
 * Sandboxes take a root, of a user namespace at least (user_namespaces(7)): the
 * guest's root then is the user who started barge, and all others are nobody.
 */
static bool become_root(uid_t uid, gid_t gid)
{
	char uids[64], gids[64];

	snprintf(uids, sizeof(uids), "0 %u 1", (unsigned int)uid);
	snprintf(gids, sizeof(gids), "0 %u 1", (unsigned int)gid);
	return unshare(CLONE_NEWUSER) == 0 &&
	       put_file("/proc/self/setgroups", "deny") == 0 &&
	       put_file("/proc/self/uid_map", uids) == 0 &&
	       put_file("/proc/self/gid_map", gids) == 0;
}

/* In the child. */
static void become_daemon(const char *program, enum fs_daemon_kind kind,
			  const char *dir, int listener)
{
	static struct fs_daemon_args a;
	uid_t uid = geteuid();
	bool user = uid != 0;
	bool root = !user || become_root(uid, getegid());
	sigset_t none;

	if (!root && kind == FS_DAEMON_QEMU)
		_exit(FS_DAEMON_NO_NAMESPACE);
	/* It would drop them, which only a real root may. */
	if (user && kind == FS_DAEMON_QEMU && getgroups(0, NULL) > 0)
		_exit(FS_DAEMON_GROUPS);
	/* Keys that end barge are not for it, but barge's end is. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	streams(-1, -1, -1);
	fcntl(listener, F_SETFD, 0);
	fs_daemon_args(&a, kind, program, dir, listener,
		       (user ? FS_DAEMON_USER : 0) |
			       (root ? FS_DAEMON_SANDBOX : 0));
	execv(program, a.argv);
	_exit(NOT_STARTED);
}

/*
 * A listening socket, and the one connection that will ever be made to it: its
 * name, in a folder that nobody else enters, is gone before it is served.
 */
static int meeting(struct unix_listener *l, int *fd)
{
	const char *tmp = getenv("TMPDIR");
	char dir[UNIX_PATH_MAX], path[UNIX_PATH_MAX + 8];
	int r;

	l->fd = -1;
	/* A long name would not do for a socket. */
	if (!tmp || !tmp[0] || strlen(tmp) > UNIX_PATH_MAX / 2)
		tmp = "/tmp";
	snprintf(dir, sizeof(dir), "%s/barge-share.XXXXXX", tmp);
	if (!mkdtemp(dir))
		return -errno;
	snprintf(path, sizeof(path), "%s/socket", dir);
	r = unix_listen(l, path);
	if (r == 0) {
		*fd = unix_connect(path);
		r = *fd < 0 ? *fd : 0;
	}
	unlink(path);
	l->bound = false;
	rmdir(dir);
	if (r < 0)
		unix_listener_close(l);
	return r;
}

static int check_dir(const char *dir, struct err *e)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return err_set(e, -errno, ERR_SHARE_DIR, dir, NULL);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, ERR_SHARE_DIR, dir, NULL);
	return access(dir, R_OK | X_OK) < 0
		       ? err_set(e, -errno, ERR_SHARE_DIR, dir, NULL)
		       : 0;
}

int fs_daemon_start(struct fs_daemon *d, const char *dir, struct err *e)
{
	const char *program = find_program();
	struct unix_listener l = {.fd = -1};
	enum fs_daemon_kind kind = FS_DAEMON_QEMU;
	int fd = -1, r = check_dir(dir, e);

	if (r < 0)
		return r;
	if (!program)
		return err_set(e, -ENOENT, ERR_SHARE_PROGRAM, dir, NULL);
	r = ask_kind(program, &kind);
	if (r == 0)
		r = meeting(&l, &fd);
	if (r < 0)
		return err_set(e, r, ERR_SHARE_PROGRAM, dir, program);
	d->pid = fork();
	if (d->pid == 0)
		become_daemon(program, kind, dir, l.fd);
	unix_listener_close(&l);
	if (d->pid > 0)
		return fd;
	d->pid = 0;
	close(fd);
	return err_set(e, -EAGAIN, ERR_SHARE_PROGRAM, dir, program);
}

/* --- its end -------------------------------------------------------------- */

static int decode(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

int fs_daemon_status(struct fs_daemon *d)
{
	int status;

	if (d->pid <= 0 || waitpid(d->pid, &status, WNOHANG) != d->pid)
		return -1;
	d->pid = 0;
	return decode(status);
}

static bool gone_within(struct fs_daemon *d, int ms)
{
	for (; d->pid && ms > 0; ms -= 10) {
		if (fs_daemon_status(d) >= 0)
			break;
		poll(NULL, 0, 10);
	}
	return !d->pid;
}

/* The one in C is two processes, of which the second holds the socket. */
static void await_close(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	if (fd >= 0)
		poll(&p, 1, END_MS);
}

void fs_daemon_stop(struct fs_daemon *d, int fd)
{
	pid_t group = d->pid;

	if (!d->pid)
		return;
	kill(d->pid, SIGTERM);
	await_close(fd);
	if (gone_within(d, END_MS))
		return;
	kill(-group, SIGKILL);
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
	d->pid = 0;
}
