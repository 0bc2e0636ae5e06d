// SPDX-License-Identifier: Apache-2.0
#include "vmm/blk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file_kind.h"

#define PAGE 4096u

/* --- what it is ----------------------------------------------------------- */

static const char *wrong_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a folder";
	case S_IFIFO:
		return "a pipe";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
		return "a character device";
	default:
		return "no ordinary file";
	}
}

static int refuse_kind(const struct conf_disk *d, mode_t mode, struct err *e)
{
	return err_set(e, -EINVAL, ERR_DISK_KIND, d->path, wrong_kind(mode));
}

/* Who was killed a moment ago may still be on its way out. */
#define PATIENCE 50 /* times 10 ms */

static int open_patiently(const char *path, int flags)
{
	int fd;

	for (unsigned int i = 0;; i++) {
		fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0 || errno != EBUSY || i == PATIENCE)
			return fd;
		usleep(10000);
	}
}

/*
 * O_NONBLOCK, as opening a pipe would wait for somebody at its other end.
 * O_EXCL means block devices: mounted ones cannot be had, nor can what another
 * one of us has.
 */
static int file_open(const struct conf_disk *d, struct err *e)
{
	int flags = d->readonly ? O_RDONLY : O_RDWR | O_EXCL;
	int fd = open_patiently(d->path, flags);
	int code = -errno;
	struct stat st;

	if (fd >= 0)
		return fd;
	if (stat(d->path, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISBLK(st.st_mode))
		return refuse_kind(d, st.st_mode, e);
	if (code == -EBUSY)
		return err_set(e, code, ERR_DISK_LOCKED, d->path, NULL);
	err_set(e, code, ERR_FILE_OPEN, d->path, "disk");
	e->num = !d->readonly && access(d->path, R_OK) == 0;
	return code;
}

static int measure_device(struct blk_file *f, unsigned int *logical)
{
	unsigned int physical = 0, optimal = 0;
	uint64_t bytes;
	int size;

	if (ioctl(f->fd, BLKGETSIZE64, &bytes) < 0 ||
	    ioctl(f->fd, BLKSSZGET, &size) < 0 || size < 512)
		return -errno;
	f->bytes = bytes;
	*logical = (unsigned int)size;
	(void)ioctl(f->fd, BLKPBSZGET, &physical);
	(void)ioctl(f->fd, BLKIOOPT, &optimal);
	f->physical_size = physical;
	f->optimal_size = optimal;
	return 0;
}

/* Size, and the smallest block that is possible. */
static int measure(struct blk_file *f, const struct conf_disk *d,
		   unsigned int *logical, struct err *e)
{
	struct stat st;
	int r = 0;

	*logical = 512;
	if (fstat(f->fd, &st) < 0)
		return err_set(e, -errno, ERR_FILE_OPEN, d->path, "disk");
	f->is_device = S_ISBLK(st.st_mode);
	if (!f->is_device && !S_ISREG(st.st_mode))
		return refuse_kind(d, st.st_mode, e);
	if (f->is_device) {
		r = measure_device(f, logical);
	} else {
		f->bytes = (uint64_t)st.st_size;
		f->physical_size = PAGE;
	}
	if (r < 0)
		return err_set(e, r, ERR_FILE_OPEN, d->path, "disk");
	if (!f->bytes)
		return err_set(e, -ENODATA, ERR_FILE_EMPTY, d->path, "disk");
	return 0;
}

/*
 * A raw disk is its guest's, which may write any header to it: what it looks
 * like never decides how it is read, only whether to ask its owner first, and
 * `format=raw` is the answer.
 */
static int refuse_format(const struct blk_file *f, const struct conf_disk *d,
			 struct err *e)
{
	uint8_t head[512];
	ssize_t n = d->raw ? 0 : pread(f->fd, head, sizeof(head), 0);
	const char *kind;

	if (n < 0)
		return err_set(e, -errno, ERR_FILE_READ, d->path, "disk");
	kind = file_kind_disk(head, (size_t)n);
	return kind ? err_set(e, -EINVAL, ERR_DISK_FORMAT, d->path, kind) : 0;
}

/* --- nobody else writes to it --------------------------------------------- */

/*
 * Where QEMU has its locks (docs of its file driver: bytes 100 and 200 plus
 * the number of a permission, 1 being to write), so that both see one another.
 */
#define QEMU_WRITES	     101
#define QEMU_NO_OTHER_WRITES 201

static int lock(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock l = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = len,
	};

	if (fcntl(fd, cmd, &l) < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return cmd == F_OFD_GETLK && l.l_type != F_UNLCK ? -EAGAIN : 0;
}

/* A writer locks all bytes, readers one of ours and one for QEMU to see. */
static int lock_file(const struct blk_file *f, bool readonly)
{
	int r;

	if (!readonly)
		return lock(f->fd, F_OFD_SETLK, F_WRLCK, 0, 0);
	r = lock(f->fd, F_OFD_SETLK, F_RDLCK, 0, 1);
	if (r == 0)
		r = lock(f->fd, F_OFD_SETLK, F_RDLCK, QEMU_NO_OTHER_WRITES, 1);
	if (r == 0)
		r = lock(f->fd, F_OFD_GETLK, F_WRLCK, QEMU_WRITES, 1);
	return r;
}

static int keep_others_away(struct blk_file *f, const struct conf_disk *d,
			    struct err *e)
{
	int r = lock_file(f, d->readonly);

	for (unsigned int i = 0; r == -EAGAIN && i < PATIENCE; i++) {
		usleep(10000);
		r = lock_file(f, d->readonly);
	}

	f->unlocked = r < 0 && r != -EAGAIN;
	if (r == 0 || f->unlocked)
		return 0;
	return err_set_num(e, -EAGAIN, ERR_DISK_LOCKED, d->path, !d->readonly,
			   0);
}

/* --- O_DIRECT ------------------------------------------------------------- */

/* Whether @len bytes can be read past the page cache. */
static int try_read(const struct blk_file *f, unsigned int len)
{
	void *buf = aligned_alloc(PAGE, PAGE);
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	n = pread(f->fd, buf, len, 0) < 0 ? -errno : 0;
	free(buf);
	return (int)n;
}

/* Where the kernel does not tell (before Linux 6.1), a read does. */
static int find_alignment(struct blk_file *f)
{
	struct statx x;

	f->mem_align = PAGE;
	f->len_align = 512;
	if (statx(f->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &x) == 0 &&
	    x.stx_mask & STATX_DIOALIGN) {
		f->mem_align = x.stx_dio_mem_align;
		f->len_align = x.stx_dio_offset_align;
		return f->mem_align && f->len_align ? 0 : -EINVAL;
	}
	if (try_read(f, 512) == 0)
		return 0;
	f->len_align = PAGE;
	return try_read(f, PAGE);
}

/* Sets the flags of every disk: its O_NONBLOCK has done its work. */
static int set_direct(struct blk_file *f, const struct conf_disk *d,
		      struct err *e)
{
	int r;

	f->mem_align = 1;
	f->len_align = 1;
	if (fcntl(f->fd, F_SETFL, d->direct ? O_DIRECT : 0) < 0)
		r = -errno;
	else
		r = d->direct ? find_alignment(f) : 0;
	return r < 0 ? err_set(e, r, ERR_DISK_DIRECT, d->path, NULL) : 0;
}

/* --- blocks --------------------------------------------------------------- */

/* Without its last bytes it would be another disk. */
static int refuse_size(const struct blk_file *f, const struct conf_disk *d,
		       unsigned int size, struct err *e)
{
	err_set(e, -EINVAL, ERR_DISK_SIZE, d->path,
		size == PAGE ? "4096" : "512");
	e->num = f->bytes;
	e->num2 = (f->bytes + size - 1) / size * size;
	return -EINVAL;
}

/* Through the page cache any size goes; the device's own is the best. */
static int set_blocks(struct blk_file *f, const struct conf_disk *d,
		      unsigned int logical, struct err *e)
{
	unsigned int size = logical > f->len_align ? logical : f->len_align;

	if (size > PAGE && f->len_align < PAGE)
		size = PAGE;
	if (d->block_size)
		size = d->block_size;
	if (size < f->len_align || size > PAGE)
		return err_set_num(e, -EINVAL, ERR_DISK_BLOCKS, d->path,
				   f->len_align, 0);
	if (f->bytes % size)
		return refuse_size(f, d, size, e);
	f->block_size = size;
	if (f->physical_size < size ||
	    f->physical_size & (f->physical_size - 1))
		f->physical_size = size;
	return 0;
}

int blk_file_open(struct blk_file *f, const struct conf_disk *d, struct err *e)
{
	unsigned int logical;
	int r;

	memset(f, 0, sizeof(*f));
	f->fd = -1;
	r = file_open(d, e);
	if (r < 0)
		return r;
	f->fd = r;
	r = measure(f, d, &logical, e);
	if (r == 0)
		r = refuse_format(f, d, e);
	if (r == 0)
		r = keep_others_away(f, d, e);
	if (r == 0)
		r = set_direct(f, d, e);
	if (r == 0)
		r = set_blocks(f, d, logical, e);
	if (r < 0)
		blk_file_close(f);
	return r;
}

/* The kernel may hold on to the file for a while: the lock goes now. */
void blk_file_close(struct blk_file *f)
{
	if (f->fd >= 0) {
		(void)lock(f->fd, F_OFD_SETLK, F_UNLCK, 0, 0);
		close(f->fd);
	}
	f->fd = -1;
}
