// SPDX-License-Identifier: Apache-2.0
/* sysfs and /dev of the devices of fake_host. */
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/fake_vfio_impl.h"

#define DEVICES "/sys/devices/pci0000:00/"
#define PATH	160

/* A line of "resource": start, end, flags (include/linux/ioport.h). */
static int resource_line(const struct fake_pci *p, unsigned int i, char *out,
			 size_t room)
{
	uint8_t low = p->cfg[PCI_BASE_ADDRESS_0 + 4 * i];
	uint64_t size = p->region[i].size;
	uint64_t at = p->region[i].start;
	uint64_t flags = low & 1 ? 0x40101 : 0x40200;

	if ((low & 7) == 4)
		flags |= 0x100000;
	if (!(low & 1) && low & 8)
		flags |= 0x2000;
	if (!size)
		return snprintf(out, room, "0x%016x 0x%016x 0x%016x\n", 0, 0,
				0);
	return snprintf(out, room, "0x%016llx 0x%016llx 0x%016llx\n",
			(unsigned long long)at,
			(unsigned long long)(at + size - 1),
			(unsigned long long)flags);
}

static void resources(const struct fake_pci *p, const char *path)
{
	char text[13 * 60];
	size_t n = 0;

	for (unsigned int i = 0; i < 6; i++)
		n += (size_t)resource_line(p, i, text + n, sizeof(text) - n);
	for (unsigned int i = 6; i < 13; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "0x%016x 0x%016x 0x%016x\n", 0, 0, 0);
	fake_sys_file(path, text, n);
}

static void number(const char *dir, const char *file, unsigned int v)
{
	char path[PATH];
	char text[16];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	snprintf(text, sizeof(text), "0x%0*x\n", v > 0xffff ? 6 : 4, v);
	fake_sys_text(path, text);
}

static void device_files(const struct fake_pci *p, const char *dir)
{
	char path[PATH];

	snprintf(path, sizeof(path), "%s/config", dir);
	fake_sys_file(path, p->cfg, p->cfg_size);
	snprintf(path, sizeof(path), "%s/resource", dir);
	resources(p, path);
	number(dir, "vendor", (unsigned int)fake_cfg_get(p, PCI_VENDOR_ID, 2));
	number(dir, "device", (unsigned int)fake_cfg_get(p, PCI_DEVICE_ID, 2));
	number(dir, "class",
	       (unsigned int)fake_cfg_get(p, PCI_CLASS_REVISION + 1, 3));
	snprintf(path, sizeof(path), "%s/reset_method", dir);
	fake_sys_text(path, !p->reset ? "" : p->flr ? "flr bus\n" : "pm\n");
	snprintf(path, sizeof(path), "%s/numa_node", dir);
	fake_sys_text(path, "-1\n");
}

/* Links as sysfs has them: relative. */
static void device_links(const struct fake_pci *p, const char *dir)
{
	char path[PATH];
	char to[PATH];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", p->address);
	snprintf(to, sizeof(to), "../../../devices/pci0000:00/%s", p->address);
	fake_sys_link(path, to);
	snprintf(path, sizeof(path), "%s/iommu_group", dir);
	snprintf(to, sizeof(to), "../../../kernel/iommu_groups/%u", p->group);
	fake_sys_link(path, to);
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%u/devices/%s",
		 p->group, p->address);
	snprintf(to, sizeof(to), "../../../../devices/pci0000:00/%s",
		 p->address);
	fake_sys_link(path, to);
	if (!p->driver[0])
		return;
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s", p->driver);
	fake_sys_dir(path);
	snprintf(path, sizeof(path), "%s/driver", dir);
	snprintf(to, sizeof(to), "../../../bus/pci/drivers/%s", p->driver);
	fake_sys_link(path, to);
}

static void device_nodes(const struct fake_pci *p, const char *dir)
{
	char path[PATH];

	if (!strstr(p->driver, "vfio"))
		return;
	snprintf(path, sizeof(path), "/dev/vfio/%u", p->group);
	fake_sys_text(path, "");
	if (!fake_host.iommufd)
		return;
	snprintf(path, sizeof(path), "%s/vfio-dev/vfio%u/dev", dir, p->cdev);
	fake_sys_text(path, "511:0\n");
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%u", p->cdev);
	fake_sys_text(path, "");
}

/* FNV-1a, to know what need not be written again. */
static uint64_t hash(uint64_t h, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x100000001b3;
	return h;
}

/* Who is there. */
static uint64_t hash_host(void)
{
	uint64_t h = hash(0xcbf29ce484222325, &fake_host.iommufd, 1);

	for (unsigned int i = 0; i < fake_host.n; i++) {
		const struct fake_pci *p = &fake_host.pci[i];

		h = hash(h, p->address, strlen(p->address) + 1);
		h = hash(h, &p->group, sizeof(p->group));
		h = hash(h, p->driver, strlen(p->driver) + 1);
	}
	return h;
}

/* What its files say. */
static uint64_t hash_device(const struct fake_pci *p)
{
	uint64_t h = hash(0xcbf29ce484222325, p->cfg, p->cfg_size);

	for (unsigned int b = 0; b < 6; b++)
		h = hash(h, &p->region[b].size, 8);
	return hash(hash(h, &p->reset, 1), &p->flr, 1);
}

static void host_tree(void)
{
	fake_sys_remove("/sys");
	fake_sys_remove("/dev");
	fake_sys_dir("/sys/bus/pci/devices");
	fake_sys_dir("/sys/kernel/iommu_groups");
	fake_sys_text("/sys/kernel/mm/transparent_hugepage/enabled",
		      "always [madvise] never\n");
	fake_sys_text("/dev/vfio/vfio", "");
	if (fake_host.iommufd)
		fake_sys_text("/dev/iommu", "");
}

void fake_tree_make(void)
{
	static unsigned int changes;
	static uint64_t made;
	static uint64_t made_device[FAKE_PCI_MAX];
	uint64_t want = hash_host();
	bool anew = made != want || changes != fake_sys_changes();

	if (anew)
		host_tree();
	for (unsigned int i = 0; i < fake_host.n; i++) {
		const struct fake_pci *p = &fake_host.pci[i];
		uint64_t h = hash_device(p);
		char dir[64];

		snprintf(dir, sizeof(dir), DEVICES "%s", p->address);
		if (anew || made_device[i] != h)
			device_files(p, dir);
		made_device[i] = h;
		if (!anew)
			continue;
		device_links(p, dir);
		device_nodes(p, dir);
	}
	made = want;
	changes = fake_sys_changes();
}
