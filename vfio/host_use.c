// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: /sys/class/block and /sys/class/net are links into the tree
 * of devices, and a disk or interface belongs to a PCI device when that path
 * goes through its address. From a disk it goes on to its partitions and to
 * what holds them (RAID, LVM, encryption), and each is looked up among mounts
 * and swap areas.
 */
#include "vfio/host_use.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio/sysfs.h"
#include "vfio/sysfs_text.h"

/* Disk, partition, RAID, encryption, volume group, volume; with some to spare.
 */
#define DEPTH_MAX 8

struct use {
	const char *root;
	const char *address;
	bool closely;
	unsigned int depth;
	char *buf; /* HOST_USE_SIZE */
	/* what is being looked for */
	const char *name;
	char dev[24];
};

/* Either ends the search; a mount says more than what holds a disk. */
#define FOUND 1
#define HELD  2

__attribute__((format(printf, 2, 3))) static int found(struct use *u,
						       const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(u->buf, HOST_USE_SIZE, fmt, args);
	va_end(args);
	sysfs_text_clean(u->buf);
	return FOUND;
}

/* Whether the link @path leads through the PCI device. */
static bool belongs(const struct use *u, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	return sysfs_text_component(target, u->address);
}

/* --- block devices -------------------------------------------------------- */

/* "/dev/sda2" is sda2; what device mapper makes is found by its number. */
static bool is_node(const char *source, const char *name)
{
	return strncmp(source, "/dev/", 5) == 0 &&
	       strcmp(source + 5, name) == 0;
}

static int mount_line(void *ctx, const char *line)
{
	struct use *u = ctx;
	struct sysfs_mount m;

	if (sysfs_text_mount(line, &m))
		return 0;
	/* btrfs has numbers of its own, but names its first device */
	if ((u->dev[0] && strcmp(m.dev, u->dev) == 0) ||
	    is_node(m.source, u->name))
		return found(u, "%s is mounted on %s", u->name, m.where);
	return 0;
}

static int swap_line(void *ctx, const char *line)
{
	struct use *u = ctx;
	char source[64];

	sysfs_text_field(line, 0, source, sizeof(source));
	if (is_node(source, u->name) || (strncmp(source, "/dev/dm-", 8) == 0 &&
					 strcmp(source + 5, u->name) == 0))
		return found(u, "%s is swap space", u->name);
	return 0;
}

static int mounts(struct use *u)
{
	static const char *const file[] = {"/proc/1/mountinfo",
					   "/proc/self/mountinfo"};
	char path[PATH_MAX];

	for (unsigned int i = 0; i < 2; i++) {
		sysfs_path(path, u->root, "%s", file[i]);
		if (sysfs_each_line(path, mount_line, u) == FOUND)
			return FOUND;
	}
	sysfs_path(path, u->root, "/proc/swaps");
	return sysfs_each_line(path, swap_line, u) == FOUND ? FOUND : 0;
}

/* What is mounted, or holds a device, cannot be opened exclusively. */
static int claimed(struct use *u)
{
	char path[PATH_MAX];
	int fd;

	if (!u->closely)
		return 0;
	sysfs_path(path, u->root, "/dev/%s", u->name);
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == EBUSY
			       ? found(u, "the kernel has claimed %s", u->name)
			       : 0;
	close(fd);
	return 0;
}

static int node(struct use *u, const char *name);

static int holder(void *ctx, const char *name)
{
	struct use *u = ctx;
	const char *held = u->name;

	if (node(u, name) == FOUND)
		return FOUND;
	(void)found(u, "%s is part of %s", held, name);
	return HELD;
}

/* One block device: a disk, a partition, or what holds one. */
static int node(struct use *u, const char *name)
{
	struct use below = *u;
	char path[PATH_MAX];
	int r;

	if (u->depth >= DEPTH_MAX)
		return 0;
	below.depth++;
	below.name = name;
	sysfs_path(path, u->root, "/sys/class/block/%s/dev", name);
	(void)sysfs_line(path, below.dev, sizeof(below.dev));
	r = mounts(&below);
	if (r != FOUND) {
		sysfs_path(path, u->root, "/sys/class/block/%s/holders", name);
		r = sysfs_each_name(path, holder, &below);
	}
	return r > 0 ? r : claimed(&below);
}

static int partition(void *ctx, const char *name)
{
	struct use *u = ctx;
	char path[PATH_MAX];

	if (strncmp(name, u->name, strlen(u->name)) != 0)
		return 0;
	sysfs_path(path, u->root, "/sys/class/block/%s/partition", name);
	if (access(path, F_OK) != 0)
		return 0;
	return node(u, name);
}

static int disk(struct use *u, const char *name)
{
	struct use below = *u;
	char path[PATH_MAX];
	int r;

	below.name = name;
	sysfs_path(path, u->root, "/sys/class/block/%s", name);
	r = sysfs_each_name(path, partition, &below);
	return r > 0 ? r : node(u, name);
}

/*
 * A path of a multipath NVMe namespace, nvme0c1n1, is hidden; the disk nvme0n1
 * that people mount belongs to no PCI device.
 */
static int nvme_head(struct use *u, const char *name)
{
	static const char digits[] = "0123456789";
	char head[48];
	size_t subsystem, controller;

	if (strncmp(name, "nvme", 4) != 0)
		return 0;
	subsystem = 4 + strspn(name + 4, digits);
	if (name[subsystem] != 'c')
		return 0;
	controller = subsystem + 1 + strspn(name + subsystem + 1, digits);
	if (name[controller] != 'n')
		return 0;
	snprintf(head, sizeof(head), "%.*s%s", (int)subsystem, name,
		 name + controller);
	return disk(u, head);
}

static int block(void *ctx, const char *name)
{
	struct use *u = ctx;
	char path[PATH_MAX];
	int r;

	sysfs_path(path, u->root, "/sys/class/block/%s", name);
	if (!belongs(u, path))
		return 0;
	r = nvme_head(u, name);
	return r > 0 ? r : disk(u, name);
}

/* --- network interfaces --------------------------------------------------- */

static int route_line(void *ctx, const char *line)
{
	struct use *u = ctx;
	char name[IFNAMSIZ + 1];

	sysfs_text_field(line, 0, name, sizeof(name));
	return strcmp(name, u->name) == 0 ? FOUND : 0;
}

/* Address, index, length, scope (0: global), flags, name */
static int inet6_line(void *ctx, const char *line)
{
	struct use *u = ctx;
	char name[IFNAMSIZ + 1];
	char scope[4];

	sysfs_text_field(line, 3, scope, sizeof(scope));
	sysfs_text_field(line, 5, name, sizeof(name));
	return strcmp(scope, "00") == 0 && strcmp(name, u->name) == 0 ? FOUND
								      : 0;
}

/* An interface with an address has a route, the one to its own network. */
static bool has_address(struct use *u)
{
	char path[PATH_MAX];

	sysfs_path(path, u->root, "/proc/net/route");
	if (sysfs_each_line(path, route_line, u) == FOUND)
		return true;
	sysfs_path(path, u->root, "/proc/net/if_inet6");
	return sysfs_each_line(path, inet6_line, u) == FOUND;
}

static int net(void *ctx, const char *name)
{
	struct use *u = ctx;
	struct use below = *u;
	char path[PATH_MAX];
	uint64_t flags = 0;

	sysfs_path(path, u->root, "/sys/class/net/%s", name);
	if (!belongs(u, path))
		return 0;
	sysfs_path(path, u->root, "/sys/class/net/%s/flags", name);
	if (sysfs_number(path, 16, &flags) || !(flags & IFF_UP))
		return 0;
	below.name = name;
	if (has_address(&below))
		return found(u, "network interface %s is up and has an address",
			     name);
	sysfs_path(path, u->root, "/sys/class/net/%s/master", name);
	sysfs_link(path, below.dev, sizeof(below.dev));
	if (below.dev[0])
		return found(u, "network interface %s is up and part of %s",
			     name, below.dev);
	return 0;
}

/* --- programs ------------------------------------------------------------- */

struct opener {
	const char *root;
	const char *node; /* "/dev/vfio/12" */
	const char *pid;
	char *buf; /* "barge (1234)" */
};

static int opened(void *ctx, const char *name)
{
	struct opener *o = ctx;
	char path[PATH_MAX];
	char target[64];
	char comm[32];
	ssize_t n;

	sysfs_path(path, o->root, "/proc/%s/fd/%s", o->pid, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return 0;
	target[n] = '\0';
	if (strcmp(target, o->node) != 0)
		return 0;
	sysfs_path(path, o->root, "/proc/%s/comm", o->pid);
	(void)sysfs_line(path, comm, sizeof(comm));
	snprintf(o->buf, HOST_USE_SIZE, "%s (%.16s)",
		 comm[0] ? comm : "a program", o->pid);
	return FOUND;
}

static int process(void *ctx, const char *name)
{
	struct opener *o = ctx;
	char path[PATH_MAX];

	if (name[strspn(name, "0123456789")])
		return 0;
	o->pid = name;
	sysfs_path(path, o->root, "/proc/%s/fd", name);
	return sysfs_each_name(path, opened, o) == FOUND ? FOUND : 0;
}

/* Who has @device_node open: only root is told of everybody. */
static bool opened_by(const char *root, const char *device_node,
		      char buf[HOST_USE_SIZE])
{
	struct opener o = {root, device_node, NULL, buf};
	char path[PATH_MAX];

	sysfs_path(path, root, "/proc");
	return sysfs_each_name(path, process, &o) == FOUND;
}

static int drm(void *ctx, const char *name)
{
	struct use *u = ctx;
	char device_node[64];
	char who[HOST_USE_SIZE];

	/* card0, renderD128; card0-HDMI-A-1 is a connector */
	if (strchr(name, '-'))
		return 0;
	snprintf(device_node, sizeof(device_node), "/dev/dri/%.32s", name);
	if (opened_by(u->root, device_node, who))
		return found(u, "%.64s has %s open", who, device_node);
	return 0;
}

/* --- all ------------------------------------------------------------------ */

static int display(struct use *u)
{
	char path[PATH_MAX];
	uint64_t boot = 0;

	sysfs_path(path, u->root, "/sys/bus/pci/devices/%s/boot_vga",
		   u->address);
	if (sysfs_number(path, 10, &boot) == 0 && boot == 1)
		return found(u, "it is the display the host started on");
	if (!u->closely)
		return 0;
	sysfs_path(path, u->root, "/sys/bus/pci/devices/%s/drm", u->address);
	return sysfs_each_name(path, drm, u);
}

void host_use(const char *root, const char *address, bool closely,
	      char buf[HOST_USE_SIZE])
{
	struct use u = {.root = root,
			.address = address,
			.closely = closely,
			.name = "",
			.buf = buf};
	char path[PATH_MAX];

	buf[0] = '\0';
	sysfs_path(path, root, "/sys/class/block");
	if (sysfs_each_name(path, block, &u) > 0)
		return;
	sysfs_path(path, root, "/sys/class/net");
	if (sysfs_each_name(path, net, &u) > 0)
		return;
	(void)display(&u);
}

static int cdev(void *ctx, const char *name)
{
	struct opener *o = ctx;
	char device_node[64];

	snprintf(device_node, sizeof(device_node), "/dev/vfio/devices/%.32s",
		 name);
	return opened_by(o->root, device_node, o->buf) ? FOUND : 0;
}

/* linux/vfio.h: a group has one user, any further open is EBUSY. */
static void group_user(const char *root, long group, bool closely,
		       char buf[HOST_USE_SIZE])
{
	char path[PATH_MAX];
	char device_node[64];
	int fd;

	snprintf(device_node, sizeof(device_node), "/dev/vfio/%ld", group);
	if (opened_by(root, device_node, buf) || !closely)
		return;
	sysfs_path(path, root, "%s", device_node);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		close(fd);
	else if (errno == EBUSY)
		snprintf(buf, HOST_USE_SIZE, "another program");
}

void host_use_vfio(const char *root, const char *address, long group,
		   bool closely, char buf[HOST_USE_SIZE])
{
	struct opener o = {root, "", NULL, buf};
	char path[PATH_MAX];

	buf[0] = '\0';
	sysfs_path(path, root, "/sys/bus/pci/devices/%s/vfio-dev", address);
	if (sysfs_each_name(path, cdev, &o) == FOUND || group < 0)
		return;
	group_user(root, group, closely, buf);
}
