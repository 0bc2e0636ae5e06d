/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's driver on one side, this machine's virtiofsd on the other, where
 * there is one that runs here.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/fuse.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio_fs.h"
#include "tests/unit/fake_ring.h"
#include "vmm/fs_daemon.h"

#define REQUESTS 1u /* queue */
/* Guest-physical: each request of a test has a place of its own. */
#define ASK(i)	  (FAKE_RING_DATA + (i)*0x4000u)
#define ANSWER(i) (ASK(i) + 0x2000u)
#define ROOM	  0x1000u

static unsigned int made, answered;

static struct fake_ring ring;
static struct conf conf;
static char dir[] = "/tmp/test_share.XXXXXX";

/* --- how virtiofsd is called ---------------------------------------------- */

static void assert_args(const struct fs_daemon_args *a, const char *expected)
{
	char text[512] = "";

	for (unsigned int i = 0; a->argv[i]; i++) {
		strcat(text, i ? " " : "");
		strcat(text, a->argv[i]);
	}
	assert_string_equal(text, expected);
}

static void arguments(void **state)
{
	static struct fs_daemon_args a;

	(void)state;
	fs_daemon_args(&a, FS_DAEMON_QEMU, "v", "/a,b\\c", 7,
		       FS_DAEMON_SANDBOX);
	assert_args(&a, "v --fd=7 -o source=/a\\,b\\\\c -o log_level=err "
			"-o sandbox=namespace");
	fs_daemon_args(&a, FS_DAEMON_QEMU, "v", "/a", 7,
		       FS_DAEMON_USER | FS_DAEMON_SANDBOX);
	assert_args(&a, "v --fd=7 -o source=/a -o log_level=err "
			"-o sandbox=namespace --rlimit-nofile=0");
	fs_daemon_args(&a, FS_DAEMON_RUST, "v", "/a,b", 9, FS_DAEMON_SANDBOX);
	assert_args(&a, "v --fd=9 --shared-dir /a,b --log-level error "
			"--sandbox namespace");
	fs_daemon_args(&a, FS_DAEMON_RUST, "v", "/a", 9, FS_DAEMON_USER);
	assert_args(&a, "v --fd=9 --shared-dir /a --log-level error "
			"--sandbox none --rlimit-nofile=0");
}

static void versions(void **state)
{
	(void)state;
	assert_int_equal(fs_daemon_kind("virtiofsd version 7.2.22 (Debian)\n"),
			 FS_DAEMON_QEMU);
	assert_int_equal(fs_daemon_kind("virtiofsd 1.13.2\n"), FS_DAEMON_RUST);
	/* the old one, to a user of whom it wants more than to be asked */
	assert_int_equal(fs_daemon_kind("setgroups() failed\n"),
			 FS_DAEMON_QEMU);
	assert_int_equal(fs_daemon_kind(""), FS_DAEMON_QEMU);
}

static void no_directory(void **state)
{
	struct fs_daemon d = {0};
	struct err e;

	(void)state;
	assert_int_equal(fs_daemon_start(&d, "/nonexistent/x", &e), -ENOENT);
	assert_int_equal(e.what, ERR_SHARE_DIR);
	assert_int_equal(fs_daemon_start(&d, "/dev/null", &e), -ENOTDIR);
	fs_daemon_stop(&d, -1);
}

/* --- the model ------------------------------------------------------------ */

static void configuration(void **state)
{
	struct virtio_fs fs = {.tag = "data"};
	struct virtio v = {.ops = &virtio_fs_ops, .host = &fs};

	(void)state;
	assert_int_equal(v.ops->cfg_read(&v, 0, 4), 0x61746164);
	assert_int_equal(v.ops->cfg_read(&v, 4, 8), 0);
	assert_int_equal(v.ops->cfg_read(&v, 36, 4), 1);
	assert_int_equal(v.ops->cfg_read(&v, 38, 8), 0);
	assert_int_equal(v.ops->cfg_read(&v, 40, 4), 0);
	assert_int_equal(v.ops->cfg_read(&v, 4000, 8), 0);
	/* one without an end */
	memset(fs.tag, 'x', VIRTIO_FS_TAG_MAX);
	assert_int_equal(v.ops->cfg_read(&v, 35, 1), 'x');
	assert_int_equal(v.ops->cfg_read(&v, 36, 1), 1);
}

static void refusals(void **state)
{
	struct fuse_in_header in = {.unique = 0x123456789abcull};
	struct fuse_out_header out[2];
	struct virtq_chain c = {.n_out = 1, .out_len = sizeof(in)};

	(void)state;
	c.iov[0] = (struct iovec){&in, sizeof(in)};
	assert_int_equal(virtio_fs_refuse(&c, EIO), 0);
	c.n_in = 1;
	c.in_len = sizeof(out);
	c.iov[1] = (struct iovec){out, sizeof(out)};
	memset(out, 0xee, sizeof(out));
	assert_int_equal(virtio_fs_refuse(&c, EIO), sizeof(out[0]));
	assert_int_equal(out[0].len, sizeof(out[0]));
	assert_int_equal(out[0].error, -EIO);
	assert_int_equal(out[0].unique, in.unique);
	assert_int_equal(out[1].len, 0xeeeeeeee);
	c.in_len = c.iov[1].iov_len = 15;
	assert_int_equal(virtio_fs_refuse(&c, EIO), 0);
	c.in_len = c.iov[1].iov_len = 16;
	c.out_len = c.iov[0].iov_len = sizeof(in) - 1;
	assert_int_equal(virtio_fs_refuse(&c, EIO), 0);
}

/* --- all of it ------------------------------------------------------------ */

static int begin(void **state)
{
	struct err e;

	(void)state;
	memset(&ring, 0, sizeof(ring));
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	conf.n_share = 1;
	strcpy(conf.share[0].tag, "data");
	strcpy(conf.share[0].path, dir);
	made = 0;
	answered = 0;
	*state = &ring;
	if (fs_host_open(&ring.unit, &conf, 0, &e) < 0) {
		/* none, or one that is not allowed what it wants here */
		assert_true(e.what == ERR_SHARE_PROGRAM ||
			    e.what == ERR_SHARE_DAEMON);
		ring.unit.close(&ring.unit.v);
		rmdir(dir);
		*state = NULL;
		return 0;
	}
	fake_ring_init(&ring);
	ring.mem.region[0].fd = memfd_create("ram", 0);
	assert_int_equal(ftruncate(ring.mem.region[0].fd, FAKE_RING_RAM), 0);
	assert_ptr_equal(mmap(ring.ram, FAKE_RING_RAM, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, ring.mem.region[0].fd, 0),
			 ring.ram);
	fake_ring_up(&ring, VIRTIO_RING_FEATURES);
	assert_int_equal(ring.unit.v.host_ops->start(&ring.unit.v), 0);
	return 0;
}

static int end(void **state)
{
	if (!*state)
		return 0;
	ring.unit.v.host_ops->stop(&ring.unit.v);
	ring.unit.close(&ring.unit.v);
	close(ring.mem.region[0].fd);
	fake_ring_fini(&ring);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static void make_request(uint32_t opcode, const void *arg, uint32_t len,
			 uint64_t unique)
{
	struct fuse_in_header in = {
		.len = (uint32_t)sizeof(in) + len,
		.opcode = opcode,
		.unique = unique,
		.nodeid = FUSE_ROOT_ID,
	};

	memcpy(ring.ram + ASK(made), &in, sizeof(in));
	memcpy(ring.ram + ASK(made) + sizeof(in), arg, len);
	fake_ring_add(&ring, REQUESTS, ASK(made), in.len, false, false);
	fake_ring_add(&ring, REQUESTS, ANSWER(made), ROOM, true, true);
	made++;
}

static struct fuse_out_header answer(void)
{
	struct fuse_out_header out;
	uint32_t used;

	if (!fake_ring_used(&ring, REQUESTS, &used))
		fail_msg("no answer");
	memcpy(&out, ring.ram + ANSWER(answered++), sizeof(out));
	assert_int_equal(used, out.len);
	return out;
}

static void ask_init(void)
{
	struct fuse_init_in init = {.major = FUSE_KERNEL_VERSION,
				    .minor = 31,
				    .max_readahead = 4096};
	struct fuse_out_header out;

	make_request(FUSE_INIT, &init, sizeof(init), 1);
	fake_ring_notify(&ring, REQUESTS);
	out = answer();
	assert_int_equal(out.error, 0);
	assert_int_equal(out.unique, 1);
	assert_true(out.len > sizeof(out));
}

/* One of virtiofsd's: the first child that there is. */
static void kill_children(void)
{
	char path[64], text[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	for (char *p = text; *p >= '0' && *p <= '9'; p++)
		assert_int_equal(kill(-(pid_t)strtol(p, &p, 10), SIGKILL), 0);
}

static void requests_are_answered(void **state)
{
	struct fuse_getattr_in getattr = {.getattr_flags = 0};
	struct fuse_out_header out;

	if (!*state)
		skip();
	ask_init();
	make_request(FUSE_GETATTR, &getattr, sizeof(getattr), 2);
	fake_ring_notify(&ring, REQUESTS);
	out = answer();
	assert_int_equal(out.error, 0);
	assert_int_equal(out.unique, 2);
}

static void driver_comes_back(void **state)
{
	if (!*state)
		skip();
	ask_init();
	ring.unit.v.host_ops->stop(&ring.unit.v);
	fake_ring_down(&ring);
	fake_ring_up(&ring, VIRTIO_RING_FEATURES);
	assert_int_equal(ring.unit.v.host_ops->start(&ring.unit.v), 0);
	ask_init();
}

/* Requests that nobody will carry out, before and after, get an I/O error. */
static void it_is_killed(void **state)
{
	struct virtio *v = &ring.unit.v;
	struct fuse_getattr_in getattr = {.getattr_flags = 0};
	struct fuse_out_header out;

	if (!*state)
		skip();
	ask_init();
	/* it is never told of this one */
	make_request(FUSE_GETATTR, &getattr, sizeof(getattr), 2);
	kill_children();
	out = answer();
	assert_int_equal(out.error, -EIO);
	assert_int_equal(out.unique, 2);
	make_request(FUSE_GETATTR, &getattr, sizeof(getattr), 3);
	fake_ring_notify(&ring, REQUESTS);
	out = answer();
	assert_int_equal(out.error, -EIO);
	assert_int_equal(out.unique, 3);
	for (int ms = 0; ms < 5000 && !(atomic_load(&v->status) &
					VIRTIO_CONFIG_S_NEEDS_RESET);
	     ms++)
		poll(NULL, 0, 1);
	assert_true(atomic_load(&v->status) & VIRTIO_CONFIG_S_NEEDS_RESET);
	/* what was answered before stays as it was */
	memcpy(&out, ring.ram + ANSWER(0), sizeof(out));
	assert_int_equal(out.error, 0);
	/* a driver that starts anew finds it gone, and need not wait for it */
	for (unsigned int i = 0; i < 2; i++) {
		v->host_ops->stop(v);
		fake_ring_down(&ring);
		fake_ring_up(&ring, VIRTIO_RING_FEATURES);
		assert_int_equal(v->host_ops->start(v), 0);
		make_request(FUSE_GETATTR, &getattr, sizeof(getattr), 4);
		fake_ring_notify(&ring, REQUESTS);
		out = answer();
		assert_int_equal(out.error, -EIO);
		assert_int_equal(out.unique, 4);
	}
}

#define TRIAL(t) cmocka_unit_test_setup_teardown(t, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments),	cmocka_unit_test(versions),
		cmocka_unit_test(no_directory), cmocka_unit_test(configuration),
		cmocka_unit_test(refusals),	TRIAL(requests_are_answered),
		TRIAL(driver_comes_back),	TRIAL(it_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
