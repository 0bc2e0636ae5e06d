// SPDX-License-Identifier: Apache-2.0
/* Output into a file, which may be bounded: then PATH.1 has the bytes before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/console_host.h"

struct file {
	int fd;
	uint64_t size; /* of a bounded one */
	uint64_t max;  /* 0: unbounded */
	char *path;    /* these two only of a bounded one */
	char *older;
};

/* O_NONBLOCK: a FIFO without a reader is an error, no wait. */
static int file_open(const char *path, int flags)
{
	int fd = open(path,
		      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK |
			      flags,
		      0666);

	return fd < 0 ? -errno : fd;
}

/* That somebody took the file away is not in the way of a new one. */
static int rotate(struct file *f)
{
	int fd;

	if (rename(f->path, f->older) < 0 && errno != ENOENT)
		return -errno;
	fd = file_open(f->path, O_EXCL);
	if (fd < 0)
		return fd;
	close(f->fd);
	f->fd = fd;
	f->size = 0;
	return 0;
}

static ssize_t file_write(void *ctx, const uint8_t *buf, size_t len)
{
	struct file *f = ctx;
	ssize_t n;

	if (f->max && f->size >= f->max) {
		int r = rotate(f);

		if (r < 0)
			return r;
	}
	if (f->max && len > f->max - f->size)
		len = (size_t)(f->max - f->size);
	n = output_fd(&f->fd, buf, len);
	if (n > 0)
		f->size += (uint64_t)n;
	return n;
}

static void file_close(struct console_host *h)
{
	struct file *f = h->priv;

	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f->older);
	free(f);
}

/* Of a link, what it leads to is bounded. */
static int bound(struct file *f, const struct conf_console *w)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	f->path = realpath(w->path, NULL);
	if (!f->path)
		return -errno;
	if (asprintf(&f->older, "%s.1", f->path) < 0) {
		f->older = NULL;
		return -ENOMEM;
	}
	f->max = w->max_size;
	f->size = (uint64_t)st.st_size;
	/* What an earlier run left there is not of this one. */
	if (!w->append && unlink(f->older) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int console_open_file(struct console_host *h, const struct conf_console *w,
		      struct err *e)
{
	static const struct console_kind kind = {.close = file_close};
	struct file *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	h->kind = &kind;
	h->priv = f;
	h->to.write = file_write;
	h->to.ctx = f;
	f->fd = file_open(w->path, w->append ? 0 : O_TRUNC);
	r = f->fd < 0 ? f->fd : 0;
	if (r == 0 && w->max_size)
		r = bound(f, w);
	return r < 0 ? err_set(e, r, ERR_CONSOLE_OPEN, w->path, NULL) : 0;
}
