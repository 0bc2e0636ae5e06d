// SPDX-License-Identifier: Apache-2.0
#include "vfio/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices/"
#define GROUPS	"/sys/kernel/iommu_groups/"

/* include/linux/ioport.h, as printed in the sysfs file "resource" */
#define RES_IO	     0x00000100u
#define RES_MEM	     0x00000200u
#define RES_PREFETCH 0x00002000u
#define RES_MEM_64   0x00100000u
#define RES_UNSET    0x20000000u

static void path_of(char path[PATH_MAX], const char *address, const char *file)
{
	snprintf(path, PATH_MAX, DEVICES "%s/%s", address, file);
}

int sysfs_exists(const char *address, struct err *e)
{
	char path[PATH_MAX];

	path_of(path, address, "config");
	if (access(path, F_OK) == 0)
		return 0;
	return err_set(e, -ENODEV, ERR_PCI_NO_DEVICE, address, NULL);
}

/* Last component of a symbolic link; "" when there is no link. */
static void link_name(const char *path, char *buf, size_t size)
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
}

void sysfs_driver(const char *address, char *buf, size_t size)
{
	char path[PATH_MAX];

	path_of(path, address, "driver");
	link_name(path, buf, size);
}

bool sysfs_is_vf(const char *address)
{
	char path[PATH_MAX];

	path_of(path, address, "physfn"); /* linux-sysfs-pci */
	return access(path, F_OK) == 0;
}

int sysfs_group(const char *address, unsigned int *group, struct err *e)
{
	char path[PATH_MAX];
	char name[32];
	unsigned long n;
	char *end;

	path_of(path, address, "iommu_group");
	link_name(path, name, sizeof(name));
	n = strtoul(name, &end, 10);
	if (!name[0] || *end || n > UINT_MAX)
		return err_set(e, -ENOENT, ERR_VFIO_NO_IOMMU, address, NULL);
	*group = (unsigned int)n;
	return 0;
}

/* Drivers that the kernel accepts in an assigned group: they do no DMA. */
static bool harmless(const char *driver)
{
	return !driver[0] || strstr(driver, "vfio") ||
	       !strcmp(driver, "pci-stub") || !strcmp(driver, "pcieport");
}

void sysfs_group_blockers(unsigned int group, char *buf, size_t size)
{
	char path[PATH_MAX];
	size_t n = 0;
	struct dirent *ent;
	DIR *dir;

	buf[0] = '\0';
	snprintf(path, sizeof(path), GROUPS "%u/devices", group);
	dir = opendir(path);
	if (!dir)
		return;
	while ((ent = readdir(dir)) && n < size) {
		char driver[64];

		if (ent->d_name[0] == '.')
			continue;
		sysfs_driver(ent->d_name, driver, sizeof(driver));
		if (!harmless(driver))
			n += (size_t)snprintf(buf + n, size - n, "%s%s (%s)",
					      n ? ", " : "", ent->d_name,
					      driver);
	}
	closedir(dir);
}

/* The beginning of one of the device's files; "" when there is none. */
static void text_of(const char *address, const char *file, char *buf,
		    size_t size)
{
	char path[PATH_MAX];
	ssize_t n = -1;
	int fd;

	path_of(path, address, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, size - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = '\0';
}

/* A file with one number, such as "vendor": 0x10de. */
static bool number_of(const char *address, const char *file, unsigned long *v)
{
	char text[32];
	char *end;

	text_of(address, file, text, sizeof(text));
	*v = strtoul(text, &end, 0);
	return end != text;
}

/* A virtual function says ffff:ffff of itself (PCIe-5.0 9.3.4.1.1). */
static void identity_of_vf(const char *address, uint8_t *bytes)
{
	unsigned long vendor, device;

	if (!number_of(address, "vendor", &vendor) ||
	    !number_of(address, "device", &device))
		return;
	bytes[0] = (uint8_t)vendor;
	bytes[1] = (uint8_t)(vendor >> 8);
	bytes[2] = (uint8_t)device;
	bytes[3] = (uint8_t)(device >> 8);
}

size_t sysfs_config(const char *address, uint8_t bytes[PCI_CFG_SIZE])
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	memset(bytes, 0, PCI_CFG_SIZE);
	path_of(path, address, "config");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = pread(fd, bytes, PCI_CFG_SIZE, 0);
	close(fd);
	if (n >= 4 && memcmp(bytes, "\xff\xff\xff\xff", 4) == 0)
		identity_of_vf(address, bytes);
	return n < 0 ? 0 : (size_t)n;
}

/* linux-sysfs-pci: the methods in the order in which they are tried. */
void sysfs_reset_method(const char *address, char *buf, size_t size)
{
	text_of(address, "reset_method", buf, size);
	buf[strspn(buf, "abcdefghijklmnopqrstuvwxyz_")] = '\0';
}

static void shape_of(struct bar_shape *s, uint64_t start, uint64_t end,
		     uint64_t flags, uint64_t page)
{
	if (!(flags & (RES_IO | RES_MEM)) || end < start ||
	    (start == 0 && end == 0))
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

/* One line of "resource": start, end and flags, as 0x%016llx each. */
static bool resource_line(FILE *f, uint64_t v[3])
{
	char line[128];
	char *p = line;

	if (!fgets(line, sizeof(line), f))
		return false;
	for (unsigned int i = 0; i < 3; i++) {
		char *end;

		errno = 0;
		v[i] = strtoull(p, &end, 16);
		if (end == p || errno)
			return false;
		p = end;
	}
	return true;
}

int sysfs_bars(const char *address, struct bar_shape shape[PCI_BARS],
	       uint64_t page, struct err *e)
{
	char path[PATH_MAX];
	FILE *f;

	path_of(path, address, "resource");
	f = fopen(path, "re");
	if (!f)
		return err_set(e, -errno, ERR_PCI_SYSFS, path, NULL);
	memset(shape, 0, PCI_BARS * sizeof(shape[0]));
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		uint64_t v[3];

		if (!resource_line(f, v)) {
			fclose(f);
			return err_set(e, -EINVAL, ERR_PCI_SYSFS, path, NULL);
		}
		shape_of(&shape[i], v[0], v[1], v[2], page);
	}
	fclose(f);
	return 0;
}

uint64_t sysfs_rom(const char *address)
{
	char path[PATH_MAX];
	uint64_t v[3] = {0};
	bool ok = true;
	FILE *f;

	path_of(path, address, "resource");
	f = fopen(path, "re");
	if (!f)
		return 0;
	for (unsigned int i = 0; ok && i <= PCI_ROM_IDX; i++)
		ok = resource_line(f, v);
	fclose(f);
	if (!ok || !(v[2] & RES_MEM) || v[1] <= v[0])
		return 0;
	return v[1] - v[0] + 1;
}
