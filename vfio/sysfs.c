// SPDX-License-Identifier: Apache-2.0
#include "vfio/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfio/sysfs_text.h"

#define DEVICES "/sys/bus/pci/devices/"
#define GROUPS	"/sys/kernel/iommu_groups/"

/* include/linux/ioport.h, as printed in the sysfs file "resource" */
#define RES_IO	     0x00000100u
#define RES_MEM	     0x00000200u
#define RES_PREFETCH 0x00002000u
#define RES_MEM_64   0x00100000u
#define RES_UNSET    0x20000000u

#define LINE_SIZE    1024
/* A host full of containers has some thousand mounts. */
#define LINES_MAX 65536

/* --- files ---------------------------------------------------------------- */

void sysfs_path(char path[PATH_MAX], const char *root, const char *fmt, ...)
{
	size_t n = strnlen(root, PATH_MAX);
	va_list args;
	int r = -1;

	va_start(args, fmt);
	if (n < PATH_MAX) {
		memcpy(path, root, n);
		r = vsnprintf(path + n, PATH_MAX - n, fmt, args);
	}
	va_end(args);
	if (r < 0 || (size_t)r >= PATH_MAX - n)
		path[0] = '\0'; /* opens as ENOENT */
}

/* Regular files only: a FIFO would keep us waiting, a device would act. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

ssize_t sysfs_bytes(const char *path, void *buf, size_t size)
{
	int fd = open_file(path);
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return fd;
	while (done < size) {
		n = read(fd, (char *)buf + done, size - done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	n = n < 0 && !done ? -errno : (ssize_t)done;
	close(fd);
	return n;
}

int sysfs_string(const char *path, char *buf, size_t size)
{
	ssize_t n = sysfs_bytes(path, buf, size - 1);

	buf[n < 0 ? 0 : n] = '\0';
	return n < 0 ? (int)n : 0;
}

int sysfs_line(const char *path, char *buf, size_t size)
{
	int r = sysfs_string(path, buf, size);

	buf[strcspn(buf, "\n")] = '\0';
	sysfs_text_clean(buf);
	return r < 0 || buf[0] ? r : -ENODATA;
}

int sysfs_number(const char *path, unsigned int base, uint64_t *out)
{
	char line[64];
	int r = sysfs_line(path, line, sizeof(line));

	return r < 0 ? r : sysfs_text_number(line, base, out);
}

void sysfs_link(const char *path, char *buf, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *base;

	buf[0] = '\0';
	if (n <= 0)
		return;
	target[n] = '\0';
	base = strrchr(target, '/');
	snprintf(buf, size, "%s", base ? base + 1 : target);
	sysfs_text_clean(buf);
}

/* Whether the line that was cut is over. */
static bool skip_line(FILE *f, const char *line)
{
	int c = 0;

	if (strchr(line, '\n'))
		return true;
	for (unsigned int i = 0; i < 1u << 20 && c != '\n' && c != EOF; i++)
		c = fgetc(f);
	return c == '\n';
}

int sysfs_each_line(const char *path, int (*fn)(void *ctx, const char *line),
		    void *ctx)
{
	int fd = open_file(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[LINE_SIZE];
	int r = 0;

	if (!f) {
		r = fd < 0 ? fd : -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	for (unsigned int i = 0; i < LINES_MAX && r == 0; i++) {
		if (!fgets(line, sizeof(line), f))
			break;
		r = fn(ctx, line);
		if (!skip_line(f, line))
			break;
	}
	fclose(f);
	return r;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int sysfs_each_name(const char *path, int (*fn)(void *ctx, const char *name),
		    void *ctx)
{
	struct dirent **list = NULL;
	int n = scandir(path, &list, visible, alphasort);
	int r = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		if (r == 0 && i < SYSFS_NAMES_MAX)
			r = fn(ctx, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return r;
}

/* --- a PCI device --------------------------------------------------------- */

int sysfs_exists_at(const char *root, const char *address, struct err *e)
{
	char path[PATH_MAX];

	sysfs_path(path, root, DEVICES "%s/config", address);
	if (access(path, F_OK) == 0)
		return 0;
	return err_set(e, -ENODEV, ERR_PCI_NO_DEVICE, address, NULL);
}

int sysfs_exists(const char *address, struct err *e)
{
	return sysfs_exists_at("", address, e);
}

void sysfs_driver_at(const char *root, const char *address, char *buf,
		     size_t size)
{
	char path[PATH_MAX];

	sysfs_path(path, root, DEVICES "%s/driver", address);
	sysfs_link(path, buf, size);
}

void sysfs_driver(const char *address, char *buf, size_t size)
{
	sysfs_driver_at("", address, buf, size);
}

bool sysfs_is_vf(const char *address)
{
	char path[PATH_MAX];

	sysfs_path(path, "", DEVICES "%s/physfn",
		   address); /* linux-sysfs-pci */
	return access(path, F_OK) == 0;
}

int sysfs_group_at(const char *root, const char *address, unsigned int *group,
		   struct err *e)
{
	char path[PATH_MAX];
	char name[32];
	uint64_t n;

	sysfs_path(path, root, DEVICES "%s/iommu_group", address);
	sysfs_link(path, name, sizeof(name));
	if (sysfs_text_number(name, 10, &n) || n > UINT_MAX)
		return err_set(e, -ENOENT, ERR_VFIO_NO_IOMMU, address, NULL);
	*group = (unsigned int)n;
	return 0;
}

int sysfs_cdev(const char *address, char *buf, size_t size)
{
	char path[PATH_MAX];
	int r = -ENOENT;
	struct dirent *ent;
	DIR *dir;

	sysfs_path(path, "", DEVICES "%s/vfio-dev", address);
	dir = opendir(path);
	if (!dir)
		return -ENOENT;
	while (r < 0 && (ent = readdir(dir))) {
		int n;

		if (strncmp(ent->d_name, "vfio", 4) != 0)
			continue;
		n = snprintf(buf, size, "/dev/vfio/devices/%s", ent->d_name);
		if (n > 0 && (size_t)n < size)
			r = 0;
	}
	closedir(dir);
	return r;
}

int sysfs_group(const char *address, unsigned int *group, struct err *e)
{
	return sysfs_group_at("", address, group, e);
}

bool sysfs_is_vfio(const char *driver)
{
	return strstr(driver, "vfio") != NULL;
}

bool sysfs_harmless(const char *driver)
{
	return !driver[0] || sysfs_is_vfio(driver) ||
	       !strcmp(driver, "pci-stub") || !strcmp(driver, "pcieport");
}

struct blockers {
	const char *root;
	char *buf;
	size_t size;
	size_t n;
};

static int blocker(void *ctx, const char *name)
{
	struct blockers *b = ctx;
	char driver[64];

	sysfs_driver_at(b->root, name, driver, sizeof(driver));
	if (!sysfs_harmless(driver))
		b->n += (size_t)snprintf(b->buf + b->n, b->size - b->n,
					 "%s%s (%s)", b->n ? ", " : "", name,
					 driver);
	return b->n < b->size ? 0 : 1;
}

void sysfs_group_blockers_at(const char *root, unsigned int group, char *buf,
			     size_t size)
{
	struct blockers b = {root, buf, size, 0};
	char path[PATH_MAX];

	buf[0] = '\0';
	sysfs_path(path, root, GROUPS "%u/devices", group);
	(void)sysfs_each_name(path, blocker, &b);
}

void sysfs_group_blockers(unsigned int group, char *buf, size_t size)
{
	sysfs_group_blockers_at("", group, buf, size);
}

static uint64_t number_of(const char *root, const char *address,
			  const char *file)
{
	char path[PATH_MAX];
	uint64_t v = 0xffff;

	sysfs_path(path, root, DEVICES "%s/%s", address, file);
	(void)sysfs_number(path, 16, &v);
	return v;
}

/* A virtual function says ffff:ffff of itself (PCIe-5.0 9.3.4.1.1). */
static void identity_of_vf(const char *root, const char *address,
			   uint8_t *bytes)
{
	uint64_t vendor = number_of(root, address, "vendor");
	uint64_t device = number_of(root, address, "device");

	bytes[0] = (uint8_t)vendor;
	bytes[1] = (uint8_t)(vendor >> 8);
	bytes[2] = (uint8_t)device;
	bytes[3] = (uint8_t)(device >> 8);
}

size_t sysfs_config_at(const char *root, const char *address,
		       uint8_t bytes[PCI_CFG_SIZE])
{
	char path[PATH_MAX];
	ssize_t n;

	memset(bytes, 0, PCI_CFG_SIZE);
	sysfs_path(path, root, DEVICES "%s/config", address);
	n = sysfs_bytes(path, bytes, PCI_CFG_SIZE);
	if (n >= 4 && memcmp(bytes, "\xff\xff\xff\xff", 4) == 0)
		identity_of_vf(root, address, bytes);
	return n < 0 ? 0 : (size_t)n;
}

size_t sysfs_config(const char *address, uint8_t bytes[PCI_CFG_SIZE])
{
	return sysfs_config_at("", address, bytes);
}

/* linux-sysfs-pci: the methods in the order in which they are tried. */
void sysfs_reset_method(const char *address, char *buf, size_t size)
{
	char path[PATH_MAX];

	sysfs_path(path, "", DEVICES "%s/reset_method", address);
	(void)sysfs_line(path, buf, size);
	buf[strspn(buf, "abcdefghijklmnopqrstuvwxyz_")] = '\0';
}

static void shape_of(struct bar_shape *s, const uint64_t v[3], uint64_t page)
{
	uint64_t start = v[0], end = v[1], flags = v[2];

	if (!(flags & (RES_IO | RES_MEM)) || end < start ||
	    (start == 0 && end == 0) || end - start == UINT64_MAX)
		return;
	s->size = end - start + 1;
	s->prefetch = flags & RES_PREFETCH;
	if (flags & RES_IO) {
		s->kind = PCI_BAR_IO;
		return;
	}
	s->kind = flags & RES_MEM_64 ? PCI_BAR_MEM64 : PCI_BAR_MEM32;
	/* vfio-pci's own conditions; see vfio_pci_probe_mmaps() in Linux */
	s->mappable = !(flags & RES_UNSET) && start % page == 0;
	s->msix_mappable = s->mappable;
}

/* ... of which one is that nothing else is in the page of a small BAR. */
static void pages_shared(struct bar_shape shape[PCI_BARS],
			 const uint64_t start[PCI_BARS], uint64_t page)
{
	for (unsigned int i = 0; i < PCI_BARS * PCI_BARS; i++) {
		struct bar_shape *s = &shape[i / PCI_BARS];
		const struct bar_shape *o = &shape[i % PCI_BARS];

		if (s == o || s->size >= page || !o->size ||
		    o->kind == PCI_BAR_IO ||
		    start[i / PCI_BARS] / page != start[i % PCI_BARS] / page)
			continue;
		s->mappable = false;
		s->msix_mappable = false;
	}
}

int sysfs_bars_at(const char *root, const char *address,
		  struct bar_shape shape[PCI_BARS], uint64_t page,
		  struct err *e)
{
	char path[PATH_MAX];
	/* 57 bytes a line, and there are lines for a ROM, bridges and VFs */
	char text[LINE_SIZE];
	uint64_t start[PCI_BARS];
	const char *s = text;
	int r;

	memset(shape, 0, PCI_BARS * sizeof(shape[0]));
	sysfs_path(path, root, DEVICES "%s/resource", address);
	r = sysfs_string(path, text, sizeof(text));
	if (r < 0)
		return err_set(e, r, ERR_PCI_SYSFS, path, NULL);
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		uint64_t v[3];

		if (sysfs_text_resource(&s, v))
			return err_set(e, -EINVAL, ERR_PCI_SYSFS, path, NULL);
		shape_of(&shape[i], v, page);
		start[i] = v[0];
	}
	pages_shared(shape, start, page);
	return 0;
}

int sysfs_bars(const char *address, struct bar_shape shape[PCI_BARS],
	       uint64_t page, struct err *e)
{
	return sysfs_bars_at("", address, shape, page, e);
}

uint64_t sysfs_rom(const char *address)
{
	char path[PATH_MAX];
	char text[LINE_SIZE];
	const char *s = text;
	uint64_t v[3] = {0};

	sysfs_path(path, "", DEVICES "%s/resource", address);
	if (sysfs_string(path, text, sizeof(text)) < 0)
		return 0;
	for (unsigned int i = 0; i <= PCI_ROM_IDX; i++) {
		if (sysfs_text_resource(&s, v))
			return 0;
	}
	return v[2] & RES_MEM && v[1] > v[0] ? v[1] - v[0] + 1 : 0;
}
