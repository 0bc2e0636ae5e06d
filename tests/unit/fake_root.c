// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/fake_root.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

const char *fake_root_make(void)
{
	snprintf(root, sizeof(root), "/tmp/barge-root-XXXXXX");
	must(mkdtemp(root) != NULL, "mkdtemp");
	return root;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void fake_root_remove(void)
{
	if (root[0])
		nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	root[0] = '\0';
}

/* The whole name, with the folders on the way made. */
static void full(char out[PATH_MAX], const char *path)
{
	char *slash;

	must(snprintf(out, PATH_MAX, "%s%s", root, path) < PATH_MAX, path);
	for (slash = strchr(out + strlen(root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(out, 0755);
		*slash = '/';
	}
}

void fake_root_bytes(const char *path, const void *bytes, size_t len)
{
	char name[PATH_MAX];
	int fd;

	full(name, path);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	must(fd >= 0, name);
	must(write(fd, bytes, len) == (ssize_t)len, name);
	close(fd);
}

void fake_root_put(const char *path, const char *text)
{
	fake_root_bytes(path, text, strlen(text));
}

void fake_root_link(const char *path, const char *target)
{
	char name[PATH_MAX];

	full(name, path);
	unlink(name);
	must(symlink(target, name) == 0, name);
}

void fake_root_folder(const char *path)
{
	char name[PATH_MAX];

	full(name, path);
	mkdir(name, 0755);
}

void fake_root_fifo(const char *path)
{
	char name[PATH_MAX];

	full(name, path);
	must(mkfifo(name, 0644) == 0, name);
}

void fake_root_unlink(const char *path)
{
	char name[PATH_MAX];

	full(name, path);
	unlink(name);
}

/* --- a PCI device --------------------------------------------------------- */

static void file_of(const struct fake_pci *p, const char *file,
		    const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", p->address,
		 file);
	fake_root_put(path, text);
}

static void link_of(const struct fake_pci *p, const char *file,
		    const char *target)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", p->address,
		 file);
	fake_root_link(path, target);
}

static void group_of(const struct fake_pci *p)
{
	char path[256], target[64];

	snprintf(target, sizeof(target), "../../../kernel/iommu_groups/%d",
		 p->group);
	link_of(p, "iommu_group", target);
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices/%s",
		 p->group, p->address);
	fake_root_put(path, "");
}

void fake_root_pci(const struct fake_pci *p)
{
	static const char bars[] =
		"0x00000000f0000000 0x00000000f0003fff 0x0000000000140204\n"
		"0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		"0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		"0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		"0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		"0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		"0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
	char text[64] = {0};
	char path[256];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config",
		 p->address);
	text[0x0e] = (char)p->header;
	fake_root_bytes(path, text, sizeof(text));
	file_of(p, "vendor", "0x8086\n");
	file_of(p, "device", "0x0953\n");
	snprintf(text, sizeof(text), "0x%06x\n", p->class);
	file_of(p, "class", text);
	file_of(p, "resource", bars);
	file_of(p, "driver_override", "(null)\n");
	if (p->reset)
		file_of(p, "reset_method", p->reset);
	if (p->driver) {
		snprintf(text, sizeof(text), "../../../bus/pci/drivers/%s",
			 p->driver);
		link_of(p, "driver", text);
	}
	if (p->group >= 0)
		group_of(p);
}
