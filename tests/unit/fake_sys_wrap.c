// SPDX-License-Identifier: Apache-2.0
/* What the linker calls in the place of system calls and of the heap. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fake_sys_impl.h"

/* No header knows them: only the linker calls them. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

static int fail(int code)
{
	errno = code;
	return -1;
}

/* --- opening and closing -------------------------------------------------- */

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
	char full[PATH_MAX];
	int fd;

	if (!fake_sys_is_on())
		return __real_openat(dir, path, flags, mode);
	if (fake_fault("open", NULL))
		return -1;
	if (!strncmp(path, "/dev/", 5)) {
		fd = fake_dev_open(path, flags);
		if (fd != -2 && fd >= 0 && !(flags & O_CLOEXEC))
			fake_sys_misuse("open of %s without O_CLOEXEC", path);
		if (fd != -2)
			return fd;
	}
	fd = __real_openat(dir, fake_path(path, full), flags, mode);
	return fake_fd_enter(fd, "open", flags & O_CLOEXEC);
}

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_at(AT_FDCWD, path, flags, mode);
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_at(dir, path, flags, mode);
}

/* What _FORTIFY_SOURCE makes of them. */
int __wrap___open_2(const char *path, int flags)
{
	return open_at(AT_FDCWD, path, flags, 0);
}

int __wrap___openat_2(int dir, const char *path, int flags)
{
	return open_at(dir, path, flags, 0);
}

int __wrap_close(int fd)
{
	struct fake_fd *f;

	if (!fake_sys_is_on())
		return __real_close(fd);
	f = fake_fd_used(fd, "close");
	f->open = false;
	if (f->ops && f->ops->close)
		f->ops->close(f->obj);
	return __real_close(fd);
}

int __wrap_epoll_create1(int flags)
{
	if (!fake_sys_is_on())
		return __real_epoll_create1(flags);
	if (fake_fault("epoll_create1", NULL))
		return -1;
	return fake_fd_enter(__real_epoll_create1(flags), "epoll",
			     flags & EPOLL_CLOEXEC);
}

int __wrap_eventfd(unsigned int n, int flags)
{
	int fd;

	if (!fake_sys_is_on())
		return __real_eventfd(n, flags);
	if (fake_fault("eventfd", NULL))
		return -1;
	fd = fake_fd_enter(__real_eventfd(n, flags), "eventfd",
			   flags & EFD_CLOEXEC);
	if (fd >= 0)
		fake_fds[fd].event = true;
	return fd;
}

/* --- input and output ------------------------------------------------------
 */

int __wrap_ioctl(int fd, unsigned long req, ...)
{
	const struct fake_fd *f;
	va_list ap;
	void *arg;
	int r;

	va_start(ap, req);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (!fake_sys_is_on())
		return __real_ioctl(fd, req, arg);
	f = fake_fd_used(fd, "ioctl");
	if (fake_fault("ioctl", f->obj))
		return -1;
	if (!f->ops)
		return __real_ioctl(fd, req, arg);
	if (!f->ops->ioctl)
		return fail(ENOTTY);
	r = f->ops->ioctl(f->obj, req, arg);
	return r < 0 ? fail(-r) : r;
}

ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t off)
{
	const struct fake_fd *f;
	ssize_t r;

	if (!fake_sys_is_on())
		return __real_pread(fd, buf, len, off);
	f = fake_fd_used(fd, "pread");
	if (fake_fault("pread", f->obj))
		return -1;
	len = fake_fault_short("pread", len);
	if (!f->ops)
		return __real_pread(fd, buf, len, off);
	if (!f->ops->read)
		return fail(EINVAL);
	r = f->ops->read(f->obj, buf, len, (uint64_t)off);
	return r < 0 ? fail((int)-r) : r;
}

ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t off)
{
	const struct fake_fd *f;
	ssize_t r;

	if (!fake_sys_is_on())
		return __real_pwrite(fd, buf, len, off);
	f = fake_fd_used(fd, "pwrite");
	if (fake_fault("pwrite", f->obj))
		return -1;
	if (!f->ops)
		return __real_pwrite(fd, buf, len, off);
	if (!f->ops->write)
		return fail(EINVAL);
	r = f->ops->write(f->obj, buf, len, (uint64_t)off);
	return r < 0 ? fail((int)-r) : r;
}

ssize_t __wrap_read(int fd, void *buf, size_t len)
{
	if (!fake_sys_is_on())
		return __real_read(fd, buf, len);
	/* The kernel finds nothing to refuse in the use of a counter. */
	if (fake_fd_used(fd, "read")->event)
		return __real_read(fd, buf, len);
	if (fake_fault("read", NULL))
		return -1;
	return __real_read(fd, buf, fake_fault_short("read", len));
}

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	if (!fake_sys_is_on())
		return __real_write(fd, buf, len);
	if (!fake_fd_used(fd, "write")->event && fake_fault("write", NULL))
		return -1;
	return __real_write(fd, buf, len);
}

ssize_t __wrap___pread_chk(int fd, void *buf, size_t len, off_t off,
			   size_t room)
{
	if (len > room)
		abort();
	return __wrap_pread(fd, buf, len, off);
}

ssize_t __wrap___read_chk(int fd, void *buf, size_t len, size_t room)
{
	if (len > room)
		abort();
	return __wrap_read(fd, buf, len);
}

/* --- mappings ------------------------------------------------------------- */

long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE ? (long)fake_sys_page()
				    : __real_sysconf(name);
}

static uint64_t whole_pages(uint64_t len)
{
	uint64_t page = fake_sys_page();

	return (len + page - 1) & ~(page - 1);
}

static bool off_page(uint64_t v)
{
	return v % fake_sys_page() != 0;
}

/* Where a kernel with such pages would put it: at one, and in whole ones. */
static void *map_placed(size_t len, int prot, int flags, int fd, off_t off)
{
	uint64_t page = fake_sys_page();
	uint8_t *room =
		__real_mmap(NULL, len + page, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t skip;
	void *p;

	if (room == MAP_FAILED)
		return room;
	skip = -(uintptr_t)room & (page - 1);
	if (skip)
		__real_munmap(room, skip);
	__real_munmap(room + skip + len, page - skip);
	p = __real_mmap(room + skip, len, prot, flags | MAP_FIXED, fd, off);
	if (p == MAP_FAILED)
		__real_munmap(room + skip, len);
	return p;
}

/* A failed MAP_FIXED has thrown out what was there (linux mm/mmap.c). */
static void *map_failed(void *addr, size_t len, int flags)
{
	int code = errno;

	if (flags & MAP_FIXED)
		__real_mmap(addr, len, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				    MAP_FIXED,
			    -1, 0);
	errno = code;
	return MAP_FAILED;
}

/* Whether the file behind @fd lets itself be mapped so. */
static bool map_allowed(const struct fake_fd *f, size_t len, int prot,
			int flags, off_t off)
{
	int r = -ENODEV;

	if (!f->ops)
		return true;
	if (f->ops->mmap)
		r = f->ops->mmap(f->obj, len, prot, flags, (uint64_t)off);
	errno = -r;
	return r == 0;
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off)
{
	static struct fake_fd none;
	const struct fake_fd *f = &none;
	struct fake_mapping m = {.off = (uint64_t)off, .prot = prot};
	void *p;

	if (!fake_sys_is_on())
		return __real_mmap(addr, len, prot, flags, fd, off);
	if (!(flags & MAP_ANONYMOUS))
		f = fake_fd_used(fd, "mmap");
	/* Seen before anything is touched (linux mm/mmap.c). */
	if (!len || off_page((uint64_t)off) ||
	    (flags & MAP_FIXED && off_page((uintptr_t)addr))) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	if (fake_fault("mmap", f->obj) ||
	    !map_allowed(f, len, prot, flags, off))
		return map_failed(addr, len, flags);
	m.len = whole_pages(len);
	m.obj = f->obj;
	if (flags & MAP_FIXED) {
		fake_unmapped((uintptr_t)addr, m.len);
		fake_map_cut((uintptr_t)addr, m.len, "mmap with MAP_FIXED");
	}
	if (flags & MAP_FIXED)
		p = __real_mmap(addr, m.len, prot, flags, fd, off);
	else
		p = map_placed(m.len, prot, flags, fd, off);
	if (p == MAP_FAILED)
		p = map_failed(addr, m.len, flags);
	if (p == MAP_FAILED && !(flags & MAP_FIXED))
		return p;
	m.base = (uintptr_t)(p == MAP_FAILED ? addr : p);
	if (p == MAP_FAILED)
		m.obj = NULL; /* there is nothing, but it is still ours */
	fake_map_add(&m);
	return p;
}

int __wrap_munmap(void *addr, size_t len)
{
	if (!fake_sys_is_on())
		return __real_munmap(addr, len);
	if (!len || off_page((uintptr_t)addr))
		return fail(EINVAL);
	len = whole_pages(len);
	fake_unmapped((uintptr_t)addr, len);
	fake_map_cut((uintptr_t)addr, len, "munmap");
	return __real_munmap(addr, len);
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
	if (!fake_sys_is_on())
		return __real_madvise(addr, len, advice);
	if (!fake_sys_mapping((uintptr_t)addr))
		fake_sys_misuse("madvise of what is not mapped");
	if (fake_fault("madvise", NULL))
		return -1;
	if (off_page((uintptr_t)addr))
		return fail(EINVAL);
	return __real_madvise(addr, whole_pages(len), advice);
}

/* --- names ---------------------------------------------------------------- */

ssize_t __wrap_readlink(const char *path, char *buf, size_t len)
{
	char full[PATH_MAX];

	if (fake_sys_is_on() && fake_fault("readlink", NULL))
		return -1;
	return __real_readlink(fake_path(path, full), buf, len);
}

ssize_t __wrap___readlink_chk(const char *path, char *buf, size_t len,
			      size_t room)
{
	if (len > room)
		abort();
	return __wrap_readlink(path, buf, len);
}

int __wrap_access(const char *path, int mode)
{
	char full[PATH_MAX];

	if (fake_sys_is_on() && fake_fault("access", NULL))
		return -1;
	return __real_access(fake_path(path, full), mode);
}

int __wrap_stat(const char *path, struct stat *st)
{
	char full[PATH_MAX];

	if (fake_sys_is_on() && fake_fault("stat", NULL))
		return -1;
	return __real_stat(fake_path(path, full), st);
}

int __wrap_lstat(const char *path, struct stat *st)
{
	char full[PATH_MAX];

	if (fake_sys_is_on() && fake_fault("lstat", NULL))
		return -1;
	return __real_lstat(fake_path(path, full), st);
}

char *__wrap_realpath(const char *path, char *out)
{
	char full[PATH_MAX];
	size_t skip = strlen(fake_sys_root());
	char *p;

	if (fake_sys_is_on() && fake_fault("realpath", NULL))
		return NULL;
	p = __real_realpath(fake_path(path, full), out);
	if (p && !strncmp(p, fake_sys_root(), skip))
		memmove(p, p + skip, strlen(p + skip) + 1);
	return p;
}

int __wrap_fstat(int fd, struct stat *st)
{
	if (fake_sys_is_on()) {
		(void)fake_fd_used(fd, "fstat");
		if (fake_fault("fstat", NULL))
			return -1;
	}
	return __real_fstat(fd, st);
}

/* Its list is the C library's, and in no book; free() knows. */
int __wrap_scandir(const char *path, struct dirent ***list, fake_filter filter,
		   fake_order order)
{
	char full[PATH_MAX];

	if (fake_sys_is_on() && fake_fault("scandir", NULL))
		return -1;
	return __real_scandir(fake_path(path, full), list, filter, order);
}

/* --- streams -------------------------------------------------------------- */

DIR *__wrap_opendir(const char *path)
{
	char full[PATH_MAX];
	DIR *d;

	if (!fake_sys_is_on())
		return __real_opendir(path);
	if (fake_fault("opendir", NULL))
		return NULL;
	d = __real_opendir(fake_path(path, full));
	if (d)
		fake_stream_add(d, "a directory was left open");
	return d;
}

int __wrap_closedir(DIR *d)
{
	if (fake_sys_is_on())
		fake_stream_take(d, "closedir");
	return __real_closedir(d);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	char full[PATH_MAX];
	FILE *f;

	if (!fake_sys_is_on())
		return __real_fopen(path, mode);
	if (fake_fault("fopen", NULL))
		return NULL;
	/* What a fuzzer writes at its end is none of ours. */
	if (fake_path(path, full) != path && !strchr(mode, 'e'))
		fake_sys_misuse("fopen of %s without \"e\"", path);
	f = __real_fopen(fake_path(path, full), mode);
	if (f)
		fake_stream_add(f, "a stream was left open");
	return f;
}

/* From here on the file is the stream's. */
FILE *__wrap_fdopen(int fd, const char *mode)
{
	FILE *f;

	if (!fake_sys_is_on())
		return __real_fdopen(fd, mode);
	(void)fake_fd_used(fd, "fdopen");
	if (fake_fault("fdopen", NULL))
		return NULL;
	f = __real_fdopen(fd, mode);
	if (!f)
		return NULL;
	fake_fds[fd].open = false;
	fake_stream_add(f, "a stream was left open");
	return f;
}

int __wrap_fclose(FILE *f)
{
	if (fake_sys_is_on())
		fake_stream_take(f, "fclose");
	return __real_fclose(f);
}

/* --- heap ----------------------------------------------------------------- */

void *__wrap_malloc(size_t len)
{
	void *p;

	if (!fake_sys_is_on())
		return __real_malloc(len);
	if (fake_fault("malloc", NULL))
		return NULL;
	p = __real_malloc(len);
	fake_heap_add(p, len);
	return p;
}

void *__wrap_calloc(size_t n, size_t len)
{
	void *p;

	if (!fake_sys_is_on())
		return __real_calloc(n, len);
	if (fake_fault("calloc", NULL))
		return NULL;
	p = __real_calloc(n, len);
	fake_heap_add(p, n * len);
	return p;
}

void *__wrap_realloc(void *old, size_t len)
{
	void *p;

	if (!fake_sys_is_on())
		return __real_realloc(old, len);
	if (fake_fault("realloc", NULL))
		return NULL;
	(void)fake_heap_take(old);
	p = __real_realloc(old, len);
	fake_heap_add(p, len);
	return p;
}

/* Also of what the C library allocated, which is in no book. */
void __wrap_free(void *p)
{
	if (fake_sys_is_on())
		(void)fake_heap_take(p);
	__real_free(p);
}
