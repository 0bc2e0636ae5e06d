/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_SYS_H
#define TESTS_UNIT_FAKE_SYS_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * The system calls of the code under test: the linker's --wrap (see wrapped in
 * the Makefile) leads them here, so that the code itself needs no seam.
 *
 * How it works: while fake_sys is on, /sys and /dev are a directory of ours,
 * files may be objects of the test's with their own ioctl and mmap, every file,
 * mapping and block of heap is entered in a book, and any call that may fail
 * can be made to. What the kernel would refuse is refused; what it would not
 * even notice (the use or close of a file that is not open, an unmap of what
 * is not ours) ends the test by abort(). While it is off, calls go through.
 */

struct fake_file;

struct fake_file_ops {
	const char *name;
	/* Results are those of the kernel's functions: 0, >= 0 or -errno. */
	int (*ioctl)(void *obj, unsigned long req, void *arg);
	ssize_t (*read)(void *obj, void *buf, size_t len, uint64_t off);
	ssize_t (*write)(void *obj, const void *buf, size_t len, uint64_t off);
	/* 0 if the mapping is fine: then it is one of the file itself. */
	int (*mmap)(void *obj, uint64_t len, int prot, int flags, uint64_t off);
	void (*close)(void *obj);
};

/* --- on and off ----------------------------------------------------------- */

void fake_sys_start(void);
/* Off, whatever is still there; nothing is checked. */
void fake_sys_stop(void);
bool fake_sys_is_on(void);
/*
 * What was not given back since the start: the first thing that is found, or
 * NULL.
 */
const char *fake_sys_left(void);
/* What was written to standard error since the start; "" if nothing. */
const char *fake_sys_said(void);
/* End the test: something happened that nobody else would notice. */
__attribute__((noreturn, format(printf, 1, 2))) void
fake_sys_misuse(const char *fmt, ...);

/* --- pages ---------------------------------------------------------------- */

/*
 * Be a kernel whose pages have @page bytes, at least the real one's: sysconf()
 * says so, and mappings are made of them. 0: the real ones again.
 */
void fake_sys_set_page(uint64_t page);
uint64_t fake_sys_page(void);

/* --- faults --------------------------------------------------------------- */

/*
 * From now on the @nth fallible call (1: the next) fails with errno @code, if
 * that call can fail so; an allocation fails with ENOMEM. 0: none.
 */
void fake_sys_fail(unsigned int nth, int code);
/* The @nth fallible call and all after it. */
void fake_sys_fail_from(unsigned int nth, int code);
/* The @nth read of a file gives only @len bytes. */
void fake_sys_short(unsigned int nth, size_t len);
/* The @nth fallible call, and every call of file object @obj from then on. */
void fake_sys_vanish(unsigned int nth, const void *obj);
/* Whether a fault goes on, so that nothing can be given back by a call. */
bool fake_sys_fails_on(void);
/* Whether the fault has happened; and in which call, for a message. */
bool fake_sys_failed(void);
const char *fake_sys_failed_in(void);
/* Fallible calls since the start. */
unsigned int fake_sys_calls(void);
/* One more fallible call, of something that is no system call: -errno or 0. */
int fake_sys_call(const char *name);

/* --- for models of files ---------------------------------------------------
 */

/*
 * A file number that was not in use lately, for @obj; @backing is what poll()
 * and mmap() meet, is duplicated, and -1 for nothing special.
 */
int fake_sys_open(const struct fake_file_ops *ops, void *obj, int backing);
/* The object behind @fd; NULL if it is none of @ops. */
void *fake_sys_object(int fd, const struct fake_file_ops *ops);
/* Whether @fd is an eventfd that the code under test has open. */
bool fake_sys_is_eventfd(int fd);
/* -EACCES, a file, or -ENODEV for "not mine: look for a file". */
void fake_sys_set_dev(int (*open_dev)(const char *path, int flags));
/* Called before pages are unmapped or mapped over. */
void fake_sys_set_unmap(void (*unmapped)(uint64_t base, uint64_t len));

/* A mapping of the code under test. */
struct fake_mapping {
	uint64_t base;
	uint64_t len;
	void *obj;    /* of which file, NULL: anonymous or another one */
	uint64_t off; /* in it */
	int prot;
};
/* The mapping that holds @addr, or NULL. */
const struct fake_mapping *fake_sys_mapping(uint64_t addr);
/* Any mapping of @obj, or NULL. */
const struct fake_mapping *fake_sys_mapping_of(const void *obj);

/* --- a directory that is / for paths below /sys and /dev ------------------ */

/* Created when first asked for, removed at exit. */
const char *fake_sys_root(void);
/* Files of it, with all directories on the way: what was there is replaced. */
void fake_sys_file(const char *path, const void *bytes, size_t len);
void fake_sys_text(const char *path, const char *text);
void fake_sys_link(const char *path, const char *target);
void fake_sys_dir(const char *path);
void fake_sys_remove(const char *path);
/* How often any of it was changed: to know whether it is as it was. */
unsigned int fake_sys_changes(void);

#endif
