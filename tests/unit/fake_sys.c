// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/fake_sys_impl.h"

/* Numbers below are left to the test; far enough below any usual limit. */
#define FD_FIRST 64
#define FD_LAST	 (FAKE_FD_KERNEL - 2)

static struct {
	bool on;
	unsigned int fds_before;
	int next_fd;
	int err_fd;  /* what is standard error while on, -1: off */
	int err_was; /* the real one */
	char said[4096];
	int (*open_dev)(const char *path, int flags);
	void (*unmapped)(uint64_t base, uint64_t len);
	uint64_t page; /* 0: the real one's */
	/* the fault */
	unsigned int calls;
	unsigned int nth;
	unsigned int reads;
	unsigned int short_nth;
	size_t short_len;
	int code;
	bool on_and_on;	    /* it does not stop */
	const void *vanish; /* file object that dies with it */
	const char *failed; /* in this call */
} sys = {.next_fd = FD_FIRST, .err_fd = -1};

struct fake_fd fake_fds[FAKE_FDS];

/* What a sanitizer has to say is not for our file. */
void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

static void reports_to(int fd)
{
	if (__sanitizer_set_report_fd)
		__sanitizer_set_report_fd((void *)(intptr_t)fd);
}

/* --- on and off ----------------------------------------------------------- */

static unsigned int fds_open(void)
{
	DIR *d = __real_opendir("/proc/self/fd");
	unsigned int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		__real_closedir(d);
	return n;
}

/* 2048 vectors want as many eventfds, if the limit can be raised. */
static void fds_many(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

void fake_sys_start(void)
{
	if (sys.on)
		fake_sys_misuse("fake_sys_start: it is on");
	memset(fake_fds, 0, sizeof(fake_fds));
	fake_map_forget();
	fake_heap_forget();
	fake_stream_forget();
	fake_sys_fail(0, 0);
	sys.calls = 0;
	fds_many();
	fflush(stderr);
	sys.err_was = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, FD_LAST + 1);
	sys.err_fd = memfd_create("stderr", MFD_CLOEXEC);
	if (sys.err_was < 0 || sys.err_fd < 0 ||
	    dup2(sys.err_fd, STDERR_FILENO) < 0)
		abort();
	reports_to(sys.err_was);
	sys.fds_before = fds_open();
	sys.on = true;
}

void fake_sys_stop(void)
{
	if (!sys.on)
		return;
	sys.on = false;
	(void)fake_sys_said();
	dup2(sys.err_was, STDERR_FILENO);
	reports_to(STDERR_FILENO);
	__real_close(sys.err_was);
	__real_close(sys.err_fd);
	sys.err_fd = -1;
}

bool fake_sys_is_on(void)
{
	return sys.on;
}

const char *fake_sys_said(void)
{
	ssize_t n;

	if (sys.err_fd < 0)
		return sys.said;
	n = __real_pread(sys.err_fd, sys.said, sizeof(sys.said) - 1, 0);
	sys.said[n > 0 ? n : 0] = '\0';
	return sys.said;
}

void fake_sys_misuse(const char *fmt, ...)
{
	va_list ap;

	if (sys.on)
		dup2(sys.err_was, STDERR_FILENO);
	sys.on = false; /* whoever handles SIGABRT has no part in this */
	fprintf(stderr, "misuse: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (sys.failed)
		fprintf(stderr, " (after %s had failed)", sys.failed);
	fprintf(stderr, "\n");
	fake_sys_root_remove(); /* abort() does not run what exit() does */
	abort();
}

const char *fake_sys_left(void)
{
	static char text[128];
	const char *what = fake_map_left();
	unsigned int n;

	for (int i = 0; i < FAKE_FDS; i++) {
		if (!fake_fds[i].open)
			continue;
		snprintf(text, sizeof(text), "file %d was left: %s", i,
			 fake_fds[i].what);
		return text;
	}
	if (!what)
		what = fake_heap_left();
	if (!what)
		what = fake_stream_left();
	if (what)
		return what;
	n = fds_open();
	if (n == sys.fds_before)
		return NULL;
	snprintf(text, sizeof(text), "%d files more than before",
		 (int)n - (int)sys.fds_before);
	return text;
}

/* --- pages ---------------------------------------------------------------- */

void fake_sys_set_page(uint64_t page)
{
	if (page % (uint64_t)__real_sysconf(_SC_PAGESIZE))
		fake_sys_misuse("pages of %#llx bytes cannot be had here",
				(unsigned long long)page);
	sys.page = page;
}

uint64_t fake_sys_page(void)
{
	return sys.page ? sys.page : (uint64_t)__real_sysconf(_SC_PAGESIZE);
}

/* --- faults --------------------------------------------------------------- */

void fake_sys_fail(unsigned int nth, int code)
{
	sys.nth = nth ? sys.calls + nth : 0;
	sys.code = code;
	sys.vanish = NULL;
	sys.on_and_on = false;
	sys.failed = NULL;
	sys.short_nth = 0;
	sys.reads = 0;
}

void fake_sys_fail_from(unsigned int nth, int code)
{
	fake_sys_fail(nth, code);
	sys.on_and_on = true;
}

bool fake_sys_fails_on(void)
{
	return sys.failed && sys.on_and_on;
}

void fake_sys_vanish(unsigned int nth, const void *obj)
{
	fake_sys_fail(nth, ENODEV);
	sys.vanish = obj;
}

void fake_sys_short(unsigned int nth, size_t len)
{
	fake_sys_fail(0, 0);
	sys.short_nth = nth;
	sys.short_len = len;
}

bool fake_sys_failed(void)
{
	return sys.failed != NULL;
}

const char *fake_sys_failed_in(void)
{
	return sys.failed ? sys.failed : "nothing";
}

unsigned int fake_sys_calls(void)
{
	return sys.calls;
}

bool fake_fault(const char *call, const void *obj)
{
	bool hit = ++sys.calls == sys.nth;

	if (hit)
		sys.failed = call;
	if (sys.on_and_on)
		hit = sys.failed != NULL;
	if (sys.vanish) {
		/* The first call does not fail unless it is the device's. */
		hit = sys.failed && obj == sys.vanish;
	}
	if (hit)
		errno = strstr(call, "alloc") ? ENOMEM : sys.code;
	return hit;
}

size_t fake_fault_short(const char *call, size_t len)
{
	if (!sys.short_nth || ++sys.reads != sys.short_nth)
		return len;
	sys.failed = call;
	return len < sys.short_len ? len : sys.short_len;
}

int fake_sys_call(const char *name)
{
	return fake_fault(name, NULL) ? -errno : 0;
}

/* --- files ---------------------------------------------------------------- */

int fake_fd_enter(int fd, const char *what, bool cloexec)
{
	int at;

	if (fd < 0)
		return -1;
	if (!cloexec)
		fake_sys_misuse("%s: without O_CLOEXEC", what);
	at = fcntl(fd, F_DUPFD_CLOEXEC, sys.next_fd);
	if (at < 0 || at >= FD_LAST) {
		sys.next_fd = FD_FIRST;
		if (at >= 0)
			__real_close(at);
		at = fcntl(fd, F_DUPFD_CLOEXEC, sys.next_fd);
	}
	__real_close(fd);
	if (at < 0 || at >= FD_LAST)
		fake_sys_misuse("%s: too many files", what);
	sys.next_fd = at + 1;
	fake_fds[at] = (struct fake_fd){.open = true, .what = what};
	return at;
}

struct fake_fd *fake_fd_used(int fd, const char *call)
{
	static struct fake_fd other;

	if (fd >= 0 && fd < FAKE_FDS && fake_fds[fd].open)
		return &fake_fds[fd];
	/* The test's own, or from a call that is not wrapped. */
	if (fd < 0 || fcntl(fd, F_GETFD) < 0)
		fake_sys_misuse("%s of file %d, which is not open", call, fd);
	other = (struct fake_fd){.what = "a file of the test"};
	return &other;
}

int fake_sys_open(const struct fake_file_ops *ops, void *obj, int backing)
{
	int fd = backing >= 0 ? fcntl(backing, F_DUPFD_CLOEXEC, 0)
			      : __real_open("/dev/null", O_RDWR | O_CLOEXEC);

	fd = fake_fd_enter(fd, ops->name, true);
	if (fd < 0)
		abort();
	fake_fds[fd].ops = ops;
	fake_fds[fd].obj = obj;
	return fd;
}

void *fake_sys_object(int fd, const struct fake_file_ops *ops)
{
	if (fd < 0 || fd >= FAKE_FDS || !fake_fds[fd].open ||
	    fake_fds[fd].ops != ops)
		return NULL;
	return fake_fds[fd].obj;
}

bool fake_sys_is_eventfd(int fd)
{
	return fd >= 0 && fd < FAKE_FDS && fake_fds[fd].open &&
	       fake_fds[fd].event;
}

void fake_sys_set_dev(int (*open_dev)(const char *path, int flags))
{
	sys.open_dev = open_dev;
}

void fake_sys_set_unmap(void (*unmapped)(uint64_t base, uint64_t len))
{
	sys.unmapped = unmapped;
}

void fake_unmapped(uint64_t base, uint64_t len)
{
	if (sys.unmapped)
		sys.unmapped(base, len);
}

int fake_dev_open(const char *path, int flags)
{
	int fd = sys.open_dev ? sys.open_dev(path, flags) : -ENODEV;

	if (fd >= 0)
		return fd;
	if (fd == -ENODEV)
		return -2;
	errno = -fd;
	return -1;
}
