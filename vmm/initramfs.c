// SPDX-License-Identifier: Apache-2.0
#include "vmm/initramfs.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "vmm/cpio.h"

#define BARGE ".barge"
#define OURS  "/" BARGE
/* Its beginning is for a guest that says nothing, and ends when it panics. */
#define QUIET "console=ttyS0 quiet panic=-1"

/*
 * /.barge/init. The terminal is left raw, so that what the command prints
 * arrives as it was; stty waits for what was printed before it sets anything,
 * as the exit device ends the machine at once. The addresses are those of the
 * exit device.
 */
static const char init_script[] =
	"#!" OURS "/busybox sh\n"
	"b=" OURS "/busybox\n"
	"$b mkdir -p /dev /proc /sys /tmp /run /root /bin\n"
	"[ -c /dev/ttyS0 ] || $b mount -t devtmpfs dev /dev\n"
	"[ -e /proc/self ] || $b mount -t proc proc /proc\n"
	"[ -e /sys/kernel ] || $b mount -t sysfs sys /sys\n"
	"[ -e /bin/sh ] || $b --install -s /bin 2>/dev/null\n"
	"tty=/dev/console\n"
	"[ ! -c /dev/ttyS0 ] || tty=/dev/ttyS0\n"
	"export HOME=/root TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:"
	"/usr/sbin:/usr/bin:/sbin:/bin\n"
	"exec </dev/null >$tty 2>&1\n"
	"$b stty raw -echo <$tty\n"
	"cd /root\n"
	"printf '\\n\\036barge-begin\\n'\n"
	"$b setsid /bin/sh " OURS "/command\n"
	"status=$?\n"
	"printf '\\n\\036barge-end %s\\n' $status\n"
	"[ $status -le 63 ] || status=63\n"
	"$b stty cooked <$tty\n"
	"[ -c /dev/mem ] || $b mknod /dev/mem c 1 1\n"
	"case $($b uname -m) in\n"
	"x86_64) $b devmem 0xfe000000 32 $status ;;\n"
	"aarch64) $b devmem 0x9040000 32 $status ;;\n"
	"esac\n"
	"$b poweroff -f\n";

struct packer {
	const struct conf *c;
	struct err *e;
	int fd;
	uint32_t ino;
	uint64_t used; /* bytes; at most the guest's memory */
	/* the folder, a slash, and what is packed now, as one path */
	char path[PATH_MAX];
	size_t base; /* of the folder and the slash */
};

static int failed(struct packer *p, int code, const char *name)
{
	return err_set(p->e, code, ERR_ROOT, name, NULL);
}

/* --- bytes -----------------------------------------------------------------
 */

static int put(struct packer *p, const void *data, size_t len)
{
	const char *at = data;

	if (len > p->c->memory - p->used)
		return err_set_num(p->e, -EFBIG, ERR_ROOT_LARGE,
				   p->c->root ? p->c->root : "busybox",
				   p->c->memory, 0);
	p->used += len;
	while (len) {
		ssize_t n = write(p->fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(p->e, n < 0 ? -errno : -EIO,
				       ERR_HOST_CALL, "write", NULL);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int put_padding(struct packer *p, uint64_t size)
{
	static const char zeros[CPIO_ALIGN];

	return put(p, zeros, cpio_padding(size));
}

static int put_head(struct packer *p, struct cpio_entry *entry)
{
	char head[CPIO_HEAD_MAX];
	size_t len;

	entry->ino = ++p->ino;
	len = cpio_head(head, entry);
	if (!len)
		return failed(
			p, entry->size > CPIO_SIZE_MAX ? -EFBIG : -ENAMETOOLONG,
			entry->name);
	return put(p, head, len);
}

/* An entry whose content is in memory. */
static int put_text(struct packer *p, const char *name, uint32_t mode,
		    const char *text, size_t len)
{
	struct cpio_entry entry = {.name = name, .mode = mode, .size = len};
	int r = put_head(p, &entry);

	if (r == 0)
		r = put(p, text, len);
	return r ? r : put_padding(p, len);
}

/* Exactly @size bytes of @fd. */
static int put_content(struct packer *p, int fd, uint64_t size,
		       const char *name)
{
	char buf[16384];

	for (uint64_t left = size; left;) {
		size_t want = left < sizeof(buf) ? (size_t)left : sizeof(buf);
		ssize_t n = read(fd, buf, want);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return failed(p, n < 0 ? -errno : -ENODATA, name);
		r = put(p, buf, (size_t)n);
		if (r)
			return r;
		left -= (uint64_t)n;
	}
	return put_padding(p, size);
}

/* The file that @fd is, under @name in the archive. */
static int put_fd(struct packer *p, int fd, const char *name, const char *path)
{
	struct cpio_entry entry = {.name = name};
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return failed(p, -errno, path);
	if (!S_ISREG(st.st_mode)) /* it was a moment ago */
		return failed(p, -EBUSY, path);
	entry.mode = st.st_mode;
	entry.mtime = (uint32_t)st.st_mtime;
	entry.size = (uint64_t)st.st_size;
	if (entry.size > p->c->memory - p->used)
		return err_set_num(p->e, -EFBIG, ERR_ROOT_LARGE,
				   p->c->root ? p->c->root : path, p->c->memory,
				   0);
	r = put_head(p, &entry);
	return r ? r : put_content(p, fd, entry.size, path);
}

/* --- a folder --------------------------------------------------------------
 */

static const char *name_of(const struct packer *p)
{
	return p->path + p->base;
}

static int pack_file(struct packer *p)
{
	/* O_NONBLOCK: it may have become a FIFO, which nobody waits for. */
	int fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r;

	if (fd < 0)
		return failed(p, -errno, p->path);
	r = put_fd(p, fd, name_of(p), p->path);
	close(fd);
	return r;
}

static int pack_link(struct packer *p, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlink(p->path, target, sizeof(target));

	if (n < 0)
		return failed(p, -errno, p->path);
	return put_text(p, name_of(p), st->st_mode, target, (size_t)n);
}

static int pack_node(struct packer *p, const struct stat *st)
{
	struct cpio_entry entry = {
		.name = name_of(p),
		.mode = st->st_mode,
		.mtime = (uint32_t)st->st_mtime,
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
	};

	return put_head(p, &entry);
}

static int pack_folder(struct packer *p);

static int pack_one(struct packer *p)
{
	struct stat st;
	int r;

	if (lstat(p->path, &st) < 0)
		return failed(p, -errno, p->path);
	if (S_ISREG(st.st_mode))
		return pack_file(p);
	if (S_ISLNK(st.st_mode))
		return pack_link(p, &st);
	r = pack_node(p, &st);
	return r || !S_ISDIR(st.st_mode) ? r : pack_folder(p);
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The entry @name of the folder at p->path, which has @len bytes. */
static int pack_entry(struct packer *p, size_t len, const char *name)
{
	size_t n = strlen(name);
	int r;

	if (is_dots(name))
		return 0;
	if (len + n + 2 > sizeof(p->path))
		return failed(p, -ENAMETOOLONG, name);
	if (p->path[len - 1] != '/')
		p->path[len++] = '/';
	memcpy(p->path + len, name, n + 1);
	r = pack_one(p);
	p->path[len] = '\0';
	return r;
}

/*
 * What is in the folder at p->path, in the order of names: the same folder
 * makes the same archive.
 */
static int pack_folder(struct packer *p)
{
	struct dirent **list;
	size_t len = strlen(p->path);
	int n = scandir(p->path, &list, NULL, alphasort);
	int r = n < 0 ? failed(p, -errno, p->path) : 0;

	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = pack_entry(p, len, list[i]->d_name);
		p->path[len] = '\0';
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return r;
}

/* A kernel without a program to start would say so too late. */
static int check_init(struct packer *p)
{
	const char *cmdline = p->c->cmdline ? p->c->cmdline : "";
	char path[PATH_MAX];
	struct stat st;

	if (p->c->init || strstr(cmdline, "rdinit="))
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%sinit", p->path) >=
	    sizeof(path))
		return failed(p, -ENAMETOOLONG, p->c->root);
	if (lstat(path, &st) < 0)
		return err_set(p->e, -ENOENT, ERR_ROOT_INIT, p->c->root, NULL);
	return 0;
}

static int pack_root(struct packer *p)
{
	struct stat st;
	int n, r;

	if (!p->c->root)
		return 0;
	if (stat(p->c->root, &st) < 0)
		return failed(p, -errno, p->c->root);
	if (!S_ISDIR(st.st_mode))
		return failed(p, -ENOTDIR, p->c->root);
	n = snprintf(p->path, sizeof(p->path), "%s/", p->c->root);
	if (n < 0 || (size_t)n >= sizeof(p->path))
		return failed(p, -ENAMETOOLONG, p->c->root);
	p->base = (size_t)n;
	r = check_init(p);
	return r ? r : pack_folder(p);
}

/* --- a command -------------------------------------------------------------
 */

/* Whether a program needs no interpreter, and so no library. */
static bool is_static(int fd)
{
	Elf64_Ehdr h;
	Elf64_Phdr ph;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h) ||
	    memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_phentsize != sizeof(ph))
		return false;
	for (unsigned int i = 0; i < h.e_phnum; i++) {
		off_t at = (off_t)(h.e_phoff + i * sizeof(ph));

		if (at < 0 || pread(fd, &ph, sizeof(ph), at) != sizeof(ph) ||
		    ph.p_type == PT_INTERP)
			return false;
	}
	return true;
}

static int busybox_open(void)
{
	static const char *const names[] = {
		"/bin/busybox", "/usr/bin/busybox", "/sbin/busybox",
		"/usr/sbin/busybox", "/bin/busybox.static"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = open(names[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);

		if (fd < 0)
			continue;
		if (is_static(fd))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

static int pack_busybox(struct packer *p)
{
	int fd = busybox_open();
	int r;

	if (fd < 0)
		return err_set(p->e, fd, ERR_BUSYBOX, NULL, NULL);
	r = put_fd(p, fd, BARGE "/busybox", "busybox");
	close(fd);
	return r;
}

/* Folders come before what is in them; those of --root win over ours. */
static int pack_command(struct packer *p)
{
	struct cpio_entry dev = {.name = "dev", .mode = S_IFDIR | 0755};
	struct cpio_entry ours = {.name = BARGE, .mode = S_IFDIR | 0755};
	struct cpio_entry console = {
		.name = "dev/console",
		.mode = S_IFCHR | 0600,
		.major = 5,
		.minor = 1,
	};
	int r;

	if (!p->c->init)
		return 0;
	r = put_head(p, &ours);
	if (r == 0)
		r = pack_busybox(p);
	if (r == 0)
		r = put_text(p, BARGE "/init", S_IFREG | 0755, init_script,
			     sizeof(init_script) - 1);
	if (r == 0)
		r = put_text(p, BARGE "/command", S_IFREG | 0644, p->c->init,
			     strlen(p->c->init));
	/* A kernel opens it before init mounts anything. */
	if (r == 0 && !p->c->root)
		r = put_head(p, &dev);
	if (r == 0 && !p->c->root)
		r = put_head(p, &console);
	return r;
}

/* --- the whole -------------------------------------------------------------
 */

bool initramfs_wanted(const struct conf *c)
{
	return c->init || c->root;
}

static int pack(struct packer *p)
{
	char end[CPIO_HEAD_MAX];
	int r = pack_root(p);

	if (r == 0)
		r = pack_command(p);
	if (r == 0)
		r = put(p, end, cpio_trailer(end));
	return r;
}

int initramfs_make(const struct conf *c, int *fd, struct err *e)
{
	struct packer p = {.c = c, .e = e};
	int r;

	p.fd = memfd_create("initramfs", MFD_CLOEXEC);
	if (p.fd < 0)
		return err_set(e, -errno, ERR_HOST_CALL, "memfd_create", NULL);
	r = pack(&p);
	if (r) {
		close(p.fd);
		return r;
	}
	*fd = p.fd;
	return 0;
}

char *initramfs_cmdline(const struct conf *c)
{
	const char *given = c->cmdline ? c->cmdline : c->init ? QUIET : "";
	char *text;

	if (asprintf(&text, "%s%s", c->init ? "rdinit=" OURS "/init " : "",
		     given) < 0)
		return NULL;
	return text;
}
