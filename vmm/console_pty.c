// SPDX-License-Identifier: Apache-2.0
/*
 * A pseudo-terminal of our own. The master's POLLHUP says that nobody has the
 * other end open; there is no event for somebody opening it, so that is looked
 * for now and then. What was written stays in the kernel's buffers until
 * somebody reads it, but not beyond the master.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/console_host.h"

#define AGAIN_MS  500
#define DRAIN_MS  10
#define DRAIN_MAX 100 /* times DRAIN_MS without anything being read */

struct pty {
	int master;
	bool attended;
	char name[64]; /* /dev/pts/N */
	char *link;    /* made by us */
};

static bool somebody(const struct pty *p)
{
	struct pollfd f = {.fd = p->master, .events = POLLIN};

	return poll(&f, 1, 0) >= 0 && !(f.revents & POLLHUP);
}

/* Setting the master's mode sets that of the other end. */
static int set_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

/* Who comes next finds it as the first one did. */
static bool pty_present(struct console_host *h)
{
	struct pty *p = h->priv;
	bool before = p->attended;

	p->attended = somebody(p);
	if (before && !p->attended)
		(void)set_raw(p->master);
	return p->attended;
}

static void pty_ended(struct console_host *h)
{
	h->away = true;
}

static ssize_t pty_write(void *ctx, const uint8_t *buf, size_t len)
{
	const struct pty *p = ctx;
	ssize_t n;

	if (!somebody(p))
		return -ENOTCONN;
	n = output_fd((void *)&p->master, buf, len);
	return n == -EIO ? -ENOTCONN : n;
}

static int waiting(int slave)
{
	int n = 0;

	return ioctl(slave, TIOCINQ, &n) < 0 ? 0 : n;
}

/* The kernel forgets what was not read when the master closes. */
static void drain(const struct pty *p)
{
	int slave, n, before = 0;
	unsigned int idle = 0, empty = 0;

	if (!somebody(p))
		return;
	slave = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return;
	/* Empty twice: the kernel may be moving bytes there just now. */
	while (empty < 2 && idle < DRAIN_MAX) {
		(void)poll(NULL, 0, DRAIN_MS);
		n = waiting(slave);
		empty = n ? 0 : empty + 1;
		idle = n == before ? idle + 1 : 0;
		before = n;
	}
	close(slave);
}

static bool link_is_ours(const struct pty *p)
{
	char to[sizeof(p->name)];
	ssize_t n = readlink(p->link, to, sizeof(to));

	return n == (ssize_t)strlen(p->name) &&
	       memcmp(to, p->name, (size_t)n) == 0;
}

static void pty_close(struct console_host *h)
{
	struct pty *p = h->priv;

	if (!p)
		return;
	if (p->master >= 0)
		drain(p);
	/* Who sees the end finds the link gone. */
	if (p->link && link_is_ours(p))
		unlink(p->link);
	if (p->master >= 0)
		close(p->master);
	free(p->link);
	free(p);
}

/* A link to a pseudo-terminal is one that an earlier run could not remove. */
static int make_link(struct pty *p, const char *path)
{
	char to[16];
	ssize_t n = readlink(path, to, sizeof(to));

	if (n > 9 && memcmp(to, "/dev/pts/", 9) == 0)
		unlink(path);
	if (symlink(p->name, path) < 0)
		return -errno;
	p->link = strdup(path);
	return p->link ? 0 : -ENOMEM;
}

static int open_pair(struct pty *p)
{
	int slave, r;

	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (p->master < 0 || grantpt(p->master) < 0 || unlockpt(p->master) < 0)
		return -errno;
	r = ptsname_r(p->master, p->name, sizeof(p->name));
	if (r)
		return -r;
	/* Without a first one that goes, there is no POLLHUP. */
	slave = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	r = set_raw(slave);
	close(slave);
	return r;
}

int console_open_pty(struct console_host *h, const struct conf_console *w,
		     struct err *e)
{
	static const struct console_kind kind = {
		.present = pty_present,
		.ended = pty_ended,
		.close = pty_close,
	};
	struct pty *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	h->kind = &kind;
	h->priv = p;
	h->to.write = pty_write;
	h->to.ctx = p;
	h->to.again_ms = AGAIN_MS;
	r = open_pair(p);
	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "posix_openpt", NULL);
	h->in = p->master;
	r = w->path[0] ? make_link(p, w->path) : 0;
	return r < 0 ? err_set(e, r, ERR_CONSOLE_OPEN, w->path, NULL) : 0;
}

void console_pty_say(const struct console_host *h, const char *name)
{
	const struct pty *p = h->priv;

	fprintf(stderr, "barge: the console %s is at %s\n", name, p->name);
}
