// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: linux-sysfs-pci. driver_override says which driver alone may
 * have the device, "unbind" takes it from the one it has, and "drivers_probe"
 * lets the kernel look for one again. An empty driver_override is none.
 */
#include "vfio/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vfio/host_use.h"
#include "vfio/sysfs.h"

#define PCI    "/sys/bus/pci/"
#define DEVICE PCI "devices/%s/"
#define NONE   "\n"

int bind_write(const struct bind_host *h, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t n;

	(void)h;
	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	n = n < 0 ? -errno : n < (ssize_t)len ? -EIO : 0;
	close(fd);
	return (int)n;
}

/* --- what both need ------------------------------------------------------- */

static int write_file(const struct bind_host *h, const char *path,
		      const char *text, struct err *e)
{
	int r = h->write(h, path, text);

	return r < 0 ? err_set(e, r, ERR_BIND_WRITE, path + strlen(h->root),
			       text)
		     : 0;
}

static int set_override(const struct bind_host *h, const char *address,
			const char *driver, struct err *e)
{
	char path[PATH_MAX];

	sysfs_path(path, h->root, DEVICE "driver_override", address);
	return write_file(h, path, driver, e);
}

static int take_driver(const struct bind_host *h, const char *address,
		       struct err *e)
{
	char driver[64];
	char path[PATH_MAX];

	sysfs_driver_at(h->root, address, driver, sizeof(driver));
	if (!driver[0])
		return 0;
	sysfs_path(path, h->root, DEVICE "driver/unbind", address);
	return write_file(h, path, address, e);
}

/* Also fails when a driver was found that cannot work with the device. */
static int probe(const struct bind_host *h, const char *address)
{
	char path[PATH_MAX];

	sysfs_path(path, h->root, PCI "drivers_probe");
	return h->write(h, path, address);
}

/* To be allowed to write is to be root, unless a container hides sysfs. */
static int may_write(const struct bind_host *h, const char *address,
		     struct err *e)
{
	char path[PATH_MAX];

	sysfs_path(path, h->root, DEVICE "driver_override", address);
	if (access(path, W_OK) == 0)
		return 0;
	return err_set(e, -errno, ERR_BIND_WRITE, path + strlen(h->root),
		       address);
}

static bool bound(const struct bind_host *h, const char *address)
{
	char driver[64];

	sysfs_driver_at(h->root, address, driver, sizeof(driver));
	return sysfs_is_vfio(driver);
}

/* --- bind ----------------------------------------------------------------- */

static int check_kind(const struct bind_host *h, const char *address,
		      struct err *e)
{
	uint8_t bytes[PCI_CFG_SIZE];
	size_t n = sysfs_config_at(h->root, address, bytes);

	if (n > PCI_HEADER_TYPE && (bytes[PCI_HEADER_TYPE] & 0x7f))
		return err_set_num(e, -EINVAL, ERR_VFIO_HEADER, address,
				   bytes[PCI_HEADER_TYPE] & 0x7f, 0);
	return 0;
}

static int check_module(const struct bind_host *h, const char *address,
			struct err *e)
{
	char path[PATH_MAX];

	sysfs_path(path, h->root, PCI "drivers/vfio-pci");
	if (access(path, F_OK) == 0)
		return 0;
	return err_set(e, -ENOENT, ERR_BIND_DRIVER, address, NULL);
}

static int check_use(const struct bind_host *h, const char *address,
		     struct err *e)
{
	char use[HOST_USE_SIZE];

	if (h->force)
		return 0;
	host_use(h->root, address, true, use);
	if (!use[0])
		return 0;
	return err_set(e, -EBUSY, ERR_BIND_HOST, address, use);
}

int bind_check(const struct bind_host *h, const char *address, struct err *e)
{
	unsigned int group;
	int r = sysfs_exists_at(h->root, address, e);

	if (r == 0)
		r = check_kind(h, address, e);
	if (r == 0)
		r = sysfs_group_at(h->root, address, &group, e);
	if (r < 0 || bound(h, address))
		return r;
	r = may_write(h, address, e);
	if (r == 0)
		r = check_module(h, address, e);
	return r ? r : check_use(h, address, e);
}

int bind_take(const struct bind_host *h, const char *address, struct err *e)
{
	struct err ignored;
	int r;

	if (bound(h, address))
		return 0;
	r = set_override(h, address, "vfio-pci", e);
	if (r < 0)
		return r;
	r = take_driver(h, address, e);
	if (r == 0) {
		r = probe(h, address);
		if (bound(h, address))
			return 1;
		r = err_set(e, r ? r : -ENODEV, ERR_BIND_REFUSED, address,
			    NULL);
	}
	/* Rather with its own driver than with none. */
	(void)set_override(h, address, NONE, &ignored);
	(void)probe(h, address);
	return r;
}

/* --- unbind --------------------------------------------------------------- */

static int check_user(const struct bind_host *h, const char *address,
		      struct err *e)
{
	char user[HOST_USE_SIZE];
	unsigned int group;
	struct err ignored;
	long id = -1;

	if (h->force)
		return 0;
	if (sysfs_group_at(h->root, address, &group, &ignored) == 0)
		id = (long)group;
	host_use_vfio(h->root, address, id, true, user);
	if (!user[0])
		return 0;
	return err_set(e, -EBUSY, ERR_BIND_VM, address, user);
}

/* What an earlier bind, of ours or by hand, left there. */
static bool overridden(const struct bind_host *h, const char *address)
{
	char path[PATH_MAX];
	char name[64];

	sysfs_path(path, h->root, DEVICE "driver_override", address);
	return sysfs_line(path, name, sizeof(name)) == 0 && sysfs_is_vfio(name);
}

/*
 * Whether there is anything to do: also when it has no driver, because it could
 * not get one as long as a VM held its group.
 */
static bool to_give(const struct bind_host *h, const char *address)
{
	char driver[64];

	sysfs_driver_at(h->root, address, driver, sizeof(driver));
	return !driver[0] || sysfs_is_vfio(driver) || overridden(h, address);
}

int bind_give_check(const struct bind_host *h, const char *address,
		    struct err *e)
{
	int r = sysfs_exists_at(h->root, address, e);

	if (r < 0 || !to_give(h, address))
		return r;
	r = may_write(h, address, e);
	return r || !bound(h, address) ? r : check_user(h, address, e);
}

int bind_give(const struct bind_host *h, const char *address, struct err *e)
{
	char driver[64];
	int r;

	if (!to_give(h, address))
		return 0;
	r = set_override(h, address, NONE, e);
	if (r == 0 && bound(h, address))
		r = take_driver(h, address, e);
	if (r < 0)
		return r;
	sysfs_driver_at(h->root, address, driver, sizeof(driver));
	if (!driver[0])
		(void)probe(h, address);
	if (bound(h, address))
		return err_set(e, -EBUSY, ERR_BIND_REFUSED, address, NULL);
	return 1;
}
