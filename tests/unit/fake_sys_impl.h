/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_SYS_IMPL_H
#define TESTS_UNIT_FAKE_SYS_IMPL_H

#include <limits.h>

#include "tests/unit/fake_sys.h"

/* Between fake_sys*.c only: the books, and the calls as they really are. */

#define FAKE_FDS       1024
#define FAKE_FD_KERNEL 902 /* from here on: held by models */

struct fake_fd {
	bool open;
	bool event;
	const char *what;
	const struct fake_file_ops *ops;
	void *obj;
};

extern struct fake_fd fake_fds[FAKE_FDS];

/* Give @fd a number of its own and enter it; -1 (errno) stays -1. */
int fake_fd_enter(int fd, const char *what, bool cloexec);
/* The entry of an open file; ends the test if @fd is none. */
struct fake_fd *fake_fd_used(int fd, const char *call);

void fake_map_add(const struct fake_mapping *m);
/* [base, base + len) must be ours; it is taken out of the book. */
void fake_map_cut(uint64_t base, uint64_t len, const char *call);
const char *fake_map_left(void);
void fake_map_forget(void);

void fake_heap_add(void *p, size_t len);
bool fake_heap_take(void *p);
const char *fake_heap_left(void);
void fake_heap_forget(void);

/* Streams and directories: FILE and DIR. */
void fake_stream_add(void *p, const char *what);
void fake_stream_take(void *p, const char *call);
const char *fake_stream_left(void);
void fake_stream_forget(void);

/* Whether this call is to fail: then errno is set. */
bool fake_fault(const char *call, const void *obj);
/* How many bytes a read of @len may give. */
size_t fake_fault_short(const char *call, size_t len);

/* @path, or where in our tree it is. */
const char *fake_path(const char *path, char buf[PATH_MAX]);
void fake_sys_root_remove(void);
/* A file of /dev: a number, -1 and errno, or -2: not a special one. */
int fake_dev_open(const char *path, int flags);
void fake_unmapped(uint64_t base, uint64_t len);

long __real_sysconf(int name);
int __real_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);
int __real_close(int fd);
int __real_ioctl(int fd, unsigned long req, ...);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off);
int __real_munmap(void *addr, size_t len);
int __real_madvise(void *addr, size_t len, int advice);
ssize_t __real_pread(int fd, void *buf, size_t len, off_t off);
ssize_t __real_pwrite(int fd, const void *buf, size_t len, off_t off);
ssize_t __real_read(int fd, void *buf, size_t len);
ssize_t __real_write(int fd, const void *buf, size_t len);
int __real_epoll_create1(int flags);
int __real_eventfd(unsigned int n, int flags);
ssize_t __real_readlink(const char *path, char *buf, size_t len);
int __real_access(const char *path, int mode);
int __real_stat(const char *path, struct stat *st);
int __real_lstat(const char *path, struct stat *st);
char *__real_realpath(const char *path, char *out);
DIR *__real_opendir(const char *path);
int __real_closedir(DIR *d);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__real_fdopen(int fd, const char *mode);
int __real_fclose(FILE *f);
int __real_fstat(int fd, struct stat *st);
typedef int (*fake_filter)(const struct dirent *);
typedef int (*fake_order)(const struct dirent **, const struct dirent **);
int __real_scandir(const char *path, struct dirent ***list, fake_filter filter,
		   fake_order order);
void *__real_malloc(size_t len);
void *__real_calloc(size_t n, size_t len);
void *__real_realloc(void *p, size_t len);
void __real_free(void *p);

#endif
