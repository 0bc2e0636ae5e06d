/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_root.h"
#include "vfio/bind.h"
#include "vfio/host_use.h"
#include "vfio/sysfs.h"

#define A	"0000:01:00.0"
#define B	"0000:01:00.1"
#define DEVICES "/sys/bus/pci/devices/"
#define TREE	"../../devices/pci0000:00/0000:00:01.0/"

/*
 * What the kernel does with what is written: "unbind" takes the driver away,
 * "drivers_probe" gives the one that driver_override names, or else `own`.
 */
static const char *root;
static const char *own;	     /* driver that would take it, or NULL */
static const char *fails;    /* writes to a path that ends so fail */
static bool vfio_refuses;    /* vfio-pci does not take the device */
static unsigned int n_write; /* so many writes there were */

static bool ends(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void set_driver(const char *address, const char *driver)
{
	char path[128], target[96];

	snprintf(path, sizeof(path), DEVICES "%s/driver", address);
	snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s",
		 driver ? driver : "");
	if (driver)
		fake_root_link(path, target);
	else
		fake_root_unlink(path);
}

static void kernel_probe(const char *address)
{
	char path[PATH_MAX], name[64];

	sysfs_driver_at(root, address, name, sizeof(name));
	if (name[0])
		return;
	sysfs_path(path, root, DEVICES "%s/driver_override", address);
	(void)sysfs_line(path, name, sizeof(name));
	if (strcmp(name, "vfio-pci") != 0)
		set_driver(address, own);
	else if (!vfio_refuses)
		set_driver(address, "vfio-pci");
}

static int kernel(const struct bind_host *h, const char *path, const char *text)
{
	char address[16];
	const char *at = strstr(path, "/devices/");

	assert_ptr_equal(h->root, root);
	n_write++;
	if (fails && ends(path, fails))
		return -EINVAL;
	if (ends(path, "/drivers_probe")) {
		kernel_probe(text);
		return 0;
	}
	assert_non_null(at);
	snprintf(address, sizeof(address), "%.12s", at + 9);
	if (ends(path, "/driver/unbind")) {
		assert_string_equal(text, address);
		set_driver(address, NULL);
		return 0;
	}
	assert_true(ends(path, "/driver_override"));
	fake_root_put(path + strlen(root), text);
	return 0;
}

static struct bind_host host;

static int setup(void **state)
{
	static const struct fake_pci p = {A, 0x010802, "nvme", 12, 0, NULL};

	(void)state;
	root = fake_root_make();
	host = (struct bind_host){root, kernel, false};
	own = "nvme";
	fails = NULL;
	vfio_refuses = false;
	n_write = 0;
	fake_root_pci(&p);
	fake_root_folder("/sys/bus/pci/drivers/vfio-pci");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_root_remove();
	return 0;
}

static void assert_driver(const char *address, const char *want)
{
	char driver[64];

	sysfs_driver_at(root, address, driver, sizeof(driver));
	assert_string_equal(driver, want);
}

static void assert_override(const char *want)
{
	char path[PATH_MAX], name[64];

	sysfs_path(path, root, DEVICES A "/driver_override");
	(void)sysfs_line(path, name, sizeof(name));
	assert_string_equal(name, want);
}

/* --- there and back ------------------------------------------------------- */

static void there_and_back(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(bind_check(&host, A, &e), 0);
	assert_int_equal(n_write, 0);
	assert_int_equal(bind_take(&host, A, &e), 1);
	assert_driver(A, "vfio-pci");
	n_write = 0;
	/* once more changes nothing */
	assert_int_equal(bind_check(&host, A, &e), 0);
	assert_int_equal(bind_take(&host, A, &e), 0);
	assert_int_equal(n_write, 0);
	assert_int_equal(bind_give_check(&host, A, &e), 0);
	assert_int_equal(bind_give(&host, A, &e), 1);
	assert_driver(A, "nvme");
	assert_override("");
	n_write = 0;
	assert_int_equal(bind_give_check(&host, A, &e), 0);
	assert_int_equal(bind_give(&host, A, &e), 0);
	assert_int_equal(n_write, 0);
}

static void without_a_driver(void **state)
{
	struct err e;

	(void)state;
	set_driver(A, NULL);
	own = NULL;
	assert_int_equal(bind_check(&host, A, &e), 0);
	assert_int_equal(bind_take(&host, A, &e), 1);
	assert_driver(A, "vfio-pci");
	assert_int_equal(bind_give(&host, A, &e), 1);
	assert_driver(A, "");
	/* as when a VM held its group: later it gets one */
	own = "nvme";
	assert_int_equal(bind_give_check(&host, A, &e), 0);
	assert_int_equal(bind_give(&host, A, &e), 1);
	assert_driver(A, "nvme");
}

/* driver_override was set by hand, the driver is still the host's. */
static void half_bound(void **state)
{
	struct err e;

	(void)state;
	fake_root_put(DEVICES A "/driver_override", "vfio-pci\n");
	assert_int_equal(bind_give_check(&host, A, &e), 0);
	assert_int_equal(bind_give(&host, A, &e), 1);
	assert_driver(A, "nvme");
	assert_override("");
}

static void variant_driver(void **state)
{
	struct err e;

	(void)state;
	set_driver(A, "mlx5_vfio_pci");
	assert_int_equal(bind_take(&host, A, &e), 0);
	assert_driver(A, "mlx5_vfio_pci");
	assert_int_equal(bind_give(&host, A, &e), 1);
	assert_driver(A, "nvme");
}

/* --- refusals ------------------------------------------------------------- */

static void refused(int code, enum err_what what)
{
	struct err e = {0};

	assert_int_equal(bind_check(&host, A, &e), code);
	assert_int_equal(e.what, what);
	assert_int_equal(n_write, 0);
	assert_driver(A, "nvme");
}

static void refusals(void **state)
{
	static const char bridge[] = "12345678901234\x01";
	struct err e;

	(void)state;
	assert_int_equal(bind_check(&host, "0000:09:00.0", &e), -ENODEV);
	assert_int_equal(e.what, ERR_PCI_NO_DEVICE);
	assert_int_equal(bind_give_check(&host, "0000:09:00.0", &e), -ENODEV);

	fake_root_bytes(DEVICES A "/config", bridge, sizeof(bridge));
	refused(-EINVAL, ERR_VFIO_HEADER);
	fake_root_bytes(DEVICES A "/config", "", 0);

	fake_root_unlink(DEVICES A "/iommu_group");
	refused(-ENOENT, ERR_VFIO_NO_IOMMU);
	fake_root_link(DEVICES A "/iommu_group", "../12");

	fake_root_unlink(DEVICES A "/driver_override");
	refused(-ENOENT, ERR_BIND_WRITE);
	fake_root_put(DEVICES A "/driver_override", "");
	assert_int_equal(bind_check(&host, A, &e), 0);
}

static void module_missing(void **state)
{
	char path[PATH_MAX];

	(void)state;
	sysfs_path(path, root, "/sys/bus/pci/drivers/vfio-pci");
	assert_int_equal(rmdir(path), 0);
	refused(-ENOENT, ERR_BIND_DRIVER);
}

/* The device keeps its driver whatever write fails. */
static void kernel_refuses(void **state)
{
	static const char *const where[] = {"/driver_override",
					    "/driver/unbind", "/drivers_probe"};
	struct err e;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		fails = where[i];
		assert_int_equal(bind_take(&host, A, &e), -EINVAL);
		assert_int_equal(e.what, ERR_BIND_WRITE);
		assert_true(ends(e.name, where[i]));
		assert_int_equal(strncmp(e.name, "/sys/bus/pci/", 13), 0);
		fails = NULL;
		assert_driver(A, "nvme");
	}
	fails = where[2];
	assert_int_equal(bind_take(&host, A, &e), -EINVAL);
	assert_int_equal(e.what, ERR_BIND_REFUSED);
	assert_override("");
}

static void vfio_pci_refuses(void **state)
{
	struct err e;

	(void)state;
	vfio_refuses = true;
	assert_int_equal(bind_take(&host, A, &e), -ENODEV);
	assert_int_equal(e.what, ERR_BIND_REFUSED);
	assert_driver(A, "nvme");
	assert_override("");
}

/* --- used by the host ----------------------------------------------------- */

static void disk(const char *name, const char *dev)
{
	char path[128], target[128];

	snprintf(target, sizeof(target), TREE A "/nvme/nvme0/%s", name);
	snprintf(path, sizeof(path), "/sys/class/block/%s", name);
	fake_root_link(path, target);
	/* the link leads to /sys/devices */
	snprintf(path, sizeof(path),
		 "/sys/devices/pci0000:00/0000:00:01.0/" A "/nvme/nvme0/%s/dev",
		 name);
	fake_root_put(path, dev);
}

#define DISK0 "/sys/devices/pci0000:00/0000:00:01.0/" A "/nvme/nvme0/"

static void part(const char *name, const char *dev)
{
	char path[160];

	snprintf(path, sizeof(path), DISK0 "nvme0n1/%s/partition", name);
	fake_root_put(path, "1\n");
	snprintf(path, sizeof(path), "/sys/class/block/%s/dev", name);
	fake_root_put(path, dev);
	snprintf(path, sizeof(path), "/sys/class/block/%s/partition", name);
	fake_root_put(path, "1\n");
}

static void assert_use(const char *want)
{
	char use[HOST_USE_SIZE];
	struct err e;

	host_use(root, A, false, use);
	assert_string_equal(use, want);
	if (want[0]) {
		refused(-EBUSY, ERR_BIND_HOST);
		host.force = true;
	}
	assert_int_equal(bind_check(&host, A, &e), 0);
	host.force = false;
}

static void mounted_disk(void **state)
{
	(void)state;
	disk("nvme0n1", "259:0\n");
	assert_use("");
	fake_root_put("/proc/self/mountinfo",
		      "garbage\n1 1 8:1 / /other rw - ext4 /dev/sda1 rw\n"
		      "2 1 259:0 / /mnt rw - ext4 /dev/x rw\n");
	assert_use("nvme0n1 is mounted on /mnt");
}

static void mounted_partition(void **state)
{
	(void)state;
	disk("nvme0n1", "259:0\n");
	part("nvme0n1p2", "259:2\n");
	assert_use("");
	fake_root_put("/proc/1/mountinfo",
		      "2 1 259:2 / / rw shared:1 - ext4 /dev/root rw\n");
	assert_use("nvme0n1p2 is mounted on /");
}

/* btrfs: the number is its own */
static void mounted_by_name(void **state)
{
	(void)state;
	disk("nvme0n1", "259:0\n");
	fake_root_put("/proc/self/mountinfo",
		      "2 1 0:33 / /a\\033b rw - btrfs /dev/nvme0n1 rw\n");
	assert_use("nvme0n1 is mounted on /a?b");
}

static void swap_space(void **state)
{
	(void)state;
	disk("nvme0n1", "259:0\n");
	part("nvme0n1p3", "259:3\n");
	fake_root_put("/proc/swaps", "Filename Type Size Used Priority\n"
				     "/dev/nvme0n1p3 partition 8 0 -2\n");
	assert_use("nvme0n1p3 is swap space");
}

static void held(void **state)
{
	(void)state;
	disk("nvme0n1", "259:0\n");
	part("nvme0n1p1", "259:1\n");
	fake_root_put("/sys/class/block/nvme0n1p1/holders/dm-3", "");
	assert_use("nvme0n1p1 is part of dm-3");
	fake_root_put("/sys/class/block/dm-3/dev", "253:3\n");
	fake_root_put("/proc/self/mountinfo",
		      "2 1 253:3 / /home rw - xfs /dev/mapper/v-home rw\n");
	assert_use("dm-3 is mounted on /home");
}

/* What holds itself, as no kernel tells. */
static void held_in_a_circle(void **state)
{
	(void)state;
	disk("nvme0n1", "259:0\n");
	fake_root_put("/sys/class/block/md0/holders/md1", "");
	fake_root_put("/sys/class/block/md1/holders/md0", "");
	fake_root_put(DISK0 "nvme0n1/holders/md0", "");
	assert_use("nvme0n1 is part of md0");
}

static void multipath(void **state)
{
	(void)state;
	disk("nvme3c0n2", "259:9\n");
	fake_root_put("/sys/class/block/nvme3n2/dev", "259:0\n");
	assert_use("");
	fake_root_put("/proc/self/mountinfo",
		      "2 1 259:0 / /data rw - ext4 /dev/nvme3n2 rw\n");
	assert_use("nvme3n2 is mounted on /data");
}

static void network(void **state)
{
	(void)state;
	fake_root_link("/sys/class/net/lo", "../../devices/virtual/net/lo");
	fake_root_link("/sys/class/net/eth0", TREE A "/net/eth0");
	fake_root_put("/sys/devices/pci0000:00/0000:00:01.0/" A
		      "/net/eth0/flags",
		      "0x1002\n");
	fake_root_put("/proc/net/route", "Iface\tDestination\n"
					 "eth0\t00000000\n");
	assert_use(""); /* down */
	fake_root_put("/sys/class/net/eth0/flags", "0x1003\n");
	assert_use("network interface eth0 is up and has an address");
	fake_root_put("/proc/net/route", "Iface\tDestination\n"
					 "eth01\t00000000\n");
	assert_use("");
	fake_root_put("/proc/net/if_inet6", "fe800000 02 40 20 80     eth0\n");
	assert_use(""); /* every interface has a link-local one */
	fake_root_put("/proc/net/if_inet6", "20010db8 02 40 00 80     eth0\n");
	assert_use("network interface eth0 is up and has an address");
	fake_root_unlink("/proc/net/if_inet6");
	fake_root_link("/sys/class/net/eth0/master", "../br0");
	assert_use("network interface eth0 is up and part of br0");
}

static void boot_display(void **state)
{
	(void)state;
	fake_root_put(DEVICES A "/boot_vga", "0\n");
	assert_use("");
	fake_root_put(DEVICES A "/boot_vga", "1\n");
	assert_use("it is the display the host started on");
}

static void display_in_use(void **state)
{
	char use[HOST_USE_SIZE];

	(void)state;
	fake_root_folder(DEVICES A "/drm/card0-HDMI-A-1");
	fake_root_folder(DEVICES A "/drm/card0");
	fake_root_put("/proc/77/comm", "Xorg\n");
	fake_root_link("/proc/77/fd/5", "/dev/dri/card1");
	host_use(root, A, true, use);
	assert_string_equal(use, "");
	fake_root_link("/proc/77/fd/6", "/dev/dri/card0");
	host_use(root, A, true, use);
	assert_string_equal(use, "Xorg (77) has /dev/dri/card0 open");
	/* only bind looks that closely */
	host_use(root, A, false, use);
	assert_string_equal(use, "");
}

/* --- used by a VM --------------------------------------------------------- */

static void assert_user(const char *want)
{
	char user[HOST_USE_SIZE];
	struct err e = {0};

	host_use_vfio(root, A, 12, true, user);
	assert_string_equal(user, want);
	assert_int_equal(bind_give_check(&host, A, &e), want[0] ? -EBUSY : 0);
	if (want[0])
		assert_int_equal(e.what, ERR_BIND_VM);
	host.force = true;
	assert_int_equal(bind_give_check(&host, A, &e), 0);
	host.force = false;
}

static void used_by_a_vm(void **state)
{
	(void)state;
	set_driver(A, "vfio-pci");
	fake_root_put("/dev/vfio/12", "");
	assert_user("");
	fake_root_put("/proc/1234/comm", "barge\n");
	fake_root_link("/proc/1234/fd/3", "/dev/vfio/1");
	fake_root_link("/proc/1234/fd/4", "socket:[12]");
	fake_root_folder("/proc/self/fd");
	assert_user("");
	fake_root_link("/proc/1234/fd/9", "/dev/vfio/12");
	assert_user("barge (1234)");
	fake_root_unlink("/proc/1234/fd/9");
	assert_user("");
	/* by its own file */
	fake_root_folder(DEVICES A "/vfio-dev/vfio7");
	fake_root_link("/proc/1234/fd/9", "/dev/vfio/devices/vfio7");
	assert_user("barge (1234)");
	fake_root_unlink("/proc/1234/comm");
	assert_user("a program (1234)");
}

static void real_writes(void **state)
{
	struct bind_host h = {root, bind_write, false};
	char path[PATH_MAX], text[32];

	(void)state;
	sysfs_path(path, root, DEVICES A "/driver_override");
	assert_int_equal(bind_write(&h, path, "vfio-pci"), 0);
	assert_int_equal(sysfs_string(path, text, sizeof(text)), 0);
	/* sysfs does not truncate, and neither do we */
	assert_int_equal(strncmp(text, "vfio-pci", 6), 0);
	sysfs_path(path, root, "/none");
	assert_int_equal(bind_write(&h, path, "x"), -ENOENT);
	if (access("/dev/full", W_OK) == 0)
		assert_int_equal(bind_write(&h, "/dev/full", "x"), -ENOSPC);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(there_and_back),
		CASE(without_a_driver),
		CASE(half_bound),
		CASE(variant_driver),
		CASE(refusals),
		CASE(module_missing),
		CASE(kernel_refuses),
		CASE(vfio_pci_refuses),
		CASE(mounted_disk),
		CASE(mounted_partition),
		CASE(mounted_by_name),
		CASE(swap_space),
		CASE(held),
		CASE(held_in_a_circle),
		CASE(multipath),
		CASE(network),
		CASE(boot_display),
		CASE(display_in_use),
		CASE(used_by_a_vm),
		CASE(real_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
