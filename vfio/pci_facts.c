// SPDX-License-Identifier: Apache-2.0
#include "vfio/pci_facts.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio/sysfs.h"

static uint32_t number_of(const char *root, const char *address,
			  const char *file, uint64_t most)
{
	char path[PATH_MAX];
	uint64_t v = 0;

	sysfs_path(path, root, "/sys/bus/pci/devices/%s/%s", address, file);
	if (sysfs_number(path, 16, &v) || v > most)
		return 0;
	return (uint32_t)v;
}

/* linux-sysfs-pci: the methods in the order in which they are tried */
static void reset_of(struct pci_facts *f, const char *root)
{
	char path[PATH_MAX];
	int r;

	sysfs_path(path, root, "/sys/bus/pci/devices/%s/reset_method",
		   f->address);
	r = sysfs_line(path, f->reset, sizeof(f->reset));
	f->reset_told = r == 0 || r == -ENODATA;
	sysfs_text_words(f->reset);
	if (f->reset_told)
		return;
	/* the file is there, or "reset" is, when the kernel knows a way */
	sysfs_path(path, root, "/sys/bus/pci/devices/%s/reset", f->address);
	if (access(path, F_OK) == 0)
		snprintf(f->reset, sizeof(f->reset), "unnamed");
}

/* The first 64 bytes are readable for everybody. */
static uint8_t header_of(const char *root, const char *address)
{
	uint8_t bytes[PCI_CFG_SIZE];

	if (sysfs_config_at(root, address, bytes) <= PCI_HEADER_TYPE)
		return 0;
	return bytes[PCI_HEADER_TYPE] & 0x7f;
}

void pci_facts_read(struct pci_facts *f, const char *root, const char *address)
{
	unsigned int group;
	struct err e;

	memset(f, 0, sizeof(*f));
	snprintf(f->address, sizeof(f->address), "%s", address);
	f->vendor = (uint16_t)number_of(root, address, "vendor", UINT16_MAX);
	f->device = (uint16_t)number_of(root, address, "device", UINT16_MAX);
	f->class = number_of(root, address, "class", 0xffffff);
	f->header = header_of(root, address);
	sysfs_driver_at(root, address, f->driver, sizeof(f->driver));
	f->group = -1;
	if (sysfs_group_at(root, address, &group, &e) == 0)
		f->group = (long)group;
	reset_of(f, root);
	(void)sysfs_bars_at(root, address, f->bar,
			    (uint64_t)sysconf(_SC_PAGESIZE), &e);
	/* A bridge is on the way to all that is behind it. */
	if (f->header == 0 && !sysfs_is_vfio(f->driver))
		host_use(root, address, false, f->use);
	if (sysfs_is_vfio(f->driver))
		host_use_vfio(root, address, f->group, false, f->user);
}

struct list {
	const char *root;
	struct pci_facts *facts;
	unsigned int n;
	unsigned int room;
};

static int add(void *ctx, const char *name)
{
	struct list *l = ctx;

	if (!sysfs_text_address(name))
		return 0;
	if (l->n == l->room) {
		unsigned int room = l->room ? 2 * l->room : 32;
		void *more = realloc(l->facts, room * sizeof(l->facts[0]));

		if (!more)
			return -ENOMEM;
		l->facts = more;
		l->room = room;
	}
	pci_facts_read(&l->facts[l->n++], l->root, name);
	return 0;
}

int pci_facts_read_all(struct pci_facts **list, const char *root)
{
	struct list l = {.root = root};
	char path[PATH_MAX];
	int r;

	sysfs_path(path, root, "/sys/bus/pci/devices");
	r = sysfs_each_name(path, add, &l);
	if (r < 0) {
		free(l.facts);
		return r;
	}
	*list = l.facts;
	return (int)l.n;
}
