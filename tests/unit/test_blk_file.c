// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/blk_file.h"
#include "vmm/explain.h"

static char dir[32];
static struct conf_disk d;
static struct err e;
static struct blk_file f;

static const char *in_dir(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* An image of @size bytes that begins with @head. */
static void image(const char *name, off_t size, const char *head, size_t len)
{
	int fd = open(in_dir(name), O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	if (len)
		assert_int_equal(pwrite(fd, head, len, 0), len);
	close(fd);
	d = (struct conf_disk)CONF_DISK_DEFAULT;
	strcpy(d.path, in_dir(name));
}

static int try_open(void)
{
	memset(&e, 0, sizeof(e));
	return blk_file_open(&f, &d, &e);
}

static void refused(enum err_what what)
{
	assert_true(try_open() < 0);
	assert_int_equal(f.fd, -1);
	assert_int_equal(e.what, what);
}

/* What is said of the last refusal has @text. */
static void said(const char *text)
{
	char buf[1024];

	explain(&e, buf, sizeof(buf));
	if (!strstr(buf, text))
		fail_msg("no \"%s\" in: %s", text, buf);
}

static void ordinary(void **state)
{
	(void)state;
	image("a", 1 << 20, NULL, 0);
	assert_int_equal(try_open(), 0);
	assert_int_equal(f.bytes, 1 << 20);
	assert_int_equal(f.block_size, 512);
	assert_false(f.is_device);
	assert_false(f.unlocked);
	assert_int_equal(fcntl(f.fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE),
			 O_RDWR);
	blk_file_close(&f);
	d.readonly = true;
	d.block_size = 4096;
	assert_int_equal(try_open(), 0);
	assert_int_equal(f.block_size, 4096);
	assert_int_equal(fcntl(f.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	blk_file_close(&f);
}

static void sizes(void **state)
{
	(void)state;
	image("odd", 1000, NULL, 0);
	refused(ERR_DISK_SIZE);
	said("truncate -s 1024 ");
	image("empty", 0, NULL, 0);
	refused(ERR_FILE_EMPTY);
	image("b", 512 * 9, NULL, 0);
	assert_int_equal(try_open(), 0);
	blk_file_close(&f);
	d.block_size = 4096;
	refused(ERR_DISK_SIZE);
	said("truncate -s 8192 ");
}

static void no_images(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	image("x", 512, NULL, 0);
	for (unsigned int readonly = 0; readonly < 2; readonly++) {
		d.readonly = readonly;
		strcpy(d.path, dir);
		refused(ERR_DISK_KIND);
		said("is a folder");
		strcpy(d.path, "/dev/null");
		refused(ERR_DISK_KIND);
		strcpy(d.path, in_dir("pipe"));
		unlink(d.path);
		assert_int_equal(mkfifo(d.path, 0600), 0);
		refused(ERR_DISK_KIND);
		said("is a pipe");
		strcpy(d.path, in_dir("none"));
		refused(ERR_FILE_OPEN);
	}
	strcpy(at.sun_path, in_dir("socket"));
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
	strcpy(d.path, at.sun_path);
	refused(ERR_DISK_KIND);
	said("is a socket");
	close(s);
}

static void formats(void **state)
{
	static const struct {
		const char *head;
		size_t len;
		const char *name;
	} all[] = {
		{"QFI\xfb\0\0\0\3", 8, "a qcow2 image"},
		{"QED", 4, "a QED image"},
		{"KDMV", 4, "a VMDK image"},
		{"# Disk DescriptorFile\n", 22, "description of a VMDK"},
		{"vhdxfile", 8, "a VHDX image"},
		{"conectix", 8, "a VHD image"},
		{"WithoutFreeSpace", 16, "a Parallels image"},
		{"WithouFreSpacExt", 16, "a Parallels image"},
	};
	char vdi[68] = "<<< Oracle VM VirtualBox Disk Image >>>\n";

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		image("f", 1 << 20, all[i].head, all[i].len);
		refused(ERR_DISK_FORMAT);
		said(all[i].name);
		said("qemu-img convert -O raw ");
		said("format=raw");
	}
	memcpy(vdi + 64, "\x7f\x10\xda\xbe", 4);
	image("f", 1 << 20, vdi, sizeof(vdi));
	refused(ERR_DISK_FORMAT);
	/* the guest wrote it, or encrypts its disk: its owner's word counts */
	d.raw = true;
	assert_int_equal(try_open(), 0);
	assert_int_equal(f.bytes, 1 << 20);
	blk_file_close(&f);
	image("f", 1 << 20, "LUKS\xba\xbe\0\2", 8);
	assert_int_equal(try_open(), 0);
	blk_file_close(&f);
}

/* Another opens it as @readonly says; what becomes of it. */
static int another(bool readonly)
{
	struct conf_disk c = d;
	struct blk_file g;
	int r;

	c.readonly = readonly;
	r = blk_file_open(&g, &c, &e);
	if (r == 0)
		blk_file_close(&g);
	return r;
}

static void locks(void **state)
{
	(void)state;
	image("l", 1 << 20, NULL, 0);
	assert_int_equal(try_open(), 0);
	assert_int_equal(another(false), -EAGAIN);
	assert_int_equal(e.what, ERR_DISK_LOCKED);
	said("fuser -v ");
	assert_int_equal(another(true), -EAGAIN);
	said("is being written by another program");
	blk_file_close(&f);
	d.readonly = true;
	assert_int_equal(try_open(), 0);
	assert_int_equal(another(true), 0);
	assert_int_equal(another(false), -EAGAIN);
	said("readonly=yes");
	blk_file_close(&f);
	assert_int_equal(another(false), 0);
}

/* Somebody who was killed gives it back a moment later. */
static void lock_is_late(void **state)
{
	struct timespec a, b;
	pid_t pid;
	int ready[2];
	char c;

	(void)state;
	image("l", 1 << 20, NULL, 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (try_open() == 0 && write(ready[1], "x", 1) == 1)
			usleep(150000);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(try_open(), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(b.tv_sec > a.tv_sec || b.tv_nsec - a.tv_nsec > 50000000);
	blk_file_close(&f);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
}

/* QEMU's locks: byte 100 + n, I use it; byte 200 + n, nobody else may. */
static void qemu_lock(int fd, short type, off_t byte, int expect)
{
	struct flock l = {.l_type = type,
			  .l_whence = SEEK_SET,
			  .l_start = byte,
			  .l_len = 1};

	assert_int_equal(fcntl(fd, F_OFD_SETLK, &l) < 0 ? errno : 0, expect);
}

static bool qemu_sees(int fd, off_t byte)
{
	struct flock l = {.l_type = F_WRLCK,
			  .l_whence = SEEK_SET,
			  .l_start = byte,
			  .l_len = 1};

	assert_int_equal(fcntl(fd, F_OFD_GETLK, &l), 0);
	return l.l_type != F_UNLCK;
}

static void locks_of_qemu(void **state)
{
	int fd;

	(void)state;
	image("q", 1 << 20, NULL, 0);
	fd = open(d.path, O_RDWR);
	/* it writes: nobody else may have it */
	qemu_lock(fd, F_RDLCK, 101, 0);
	assert_int_equal(another(false), -EAGAIN);
	assert_int_equal(another(true), -EAGAIN);
	/* it reads, and wants no writer */
	qemu_lock(fd, F_UNLCK, 101, 0);
	qemu_lock(fd, F_RDLCK, 100, 0);
	qemu_lock(fd, F_RDLCK, 201, 0);
	assert_int_equal(another(false), -EAGAIN);
	assert_int_equal(another(true), 0);
	qemu_lock(fd, F_UNLCK, 100, 0);
	qemu_lock(fd, F_UNLCK, 201, 0);
	/* and what it makes of ours */
	assert_int_equal(try_open(), 0);
	qemu_lock(fd, F_RDLCK, 100, EAGAIN);
	blk_file_close(&f);
	d.readonly = true;
	assert_int_equal(try_open(), 0);
	qemu_lock(fd, F_RDLCK, 100, 0);
	assert_true(qemu_sees(fd, 201));
	assert_false(qemu_sees(fd, 101));
	blk_file_close(&f);
	close(fd);
}

static void permissions(void **state)
{
	(void)state;
	if (geteuid() == 0)
		skip();
	image("p", 1 << 20, NULL, 0);
	chmod(d.path, 0400);
	refused(ERR_FILE_OPEN);
	said("readonly=yes");
}

/* What the kernel lets us read past the page cache, we read. */
static void direct(void **state)
{
	void *buf = aligned_alloc(4096, 8192);

	(void)state;
	image("d", 1 << 20, NULL, 0);
	d.direct = true;
	if (try_open() < 0) {
		assert_int_equal(e.what, ERR_DISK_DIRECT);
		free(buf);
		skip();
	}
	assert_true(fcntl(f.fd, F_GETFL) & O_DIRECT);
	assert_true(f.len_align <= f.block_size);
	assert_int_equal(pread(f.fd, buf, f.len_align, f.len_align),
			 f.len_align);
	blk_file_close(&f);
	free(buf);
	strcpy(d.path, "/proc/version");
	d.readonly = true;
	assert_true(try_open() < 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/barge-file-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = {"a", "odd",	 "empty",  "b",
					    "x", "pipe", "socket", "f",
					    "l", "q",	 "p",	   "d"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_dir(names[i]));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary),	 cmocka_unit_test(sizes),
		cmocka_unit_test(no_images),	 cmocka_unit_test(formats),
		cmocka_unit_test(locks),	 cmocka_unit_test(lock_is_late),
		cmocka_unit_test(locks_of_qemu), cmocka_unit_test(permissions),
		cmocka_unit_test(direct),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
