// SPDX-License-Identifier: Apache-2.0
/* What barge doctor asks the host: files below /proc, /sys, /dev, and KVM. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio/sysfs.h"
#include "vfio/sysfs_text.h"
#include "vmm/doctor.h"
#include "vmm/host_facts.h"
#include "vmm/kvm.h"

/* linux/capability.h: CAP_IPC_LOCK */
#define IPC_LOCK_BIT 14

#define FOUND	     1

/* --- KVM and the processor ------------------------------------------------ */

static void ask_kvm(struct doctor_facts *f)
{
	if (kvm_facts_read(&f->kvm_has, &f->kvm) == 0)
		f->kvm.what = ERR_NONE;
	f->host.cacheable = f->kvm_has.cacheable;
}

/* A module parameter that is Y or N, or 1 or 0. */
static enum reach_fact parameter(const char *root, const char *path)
{
	char text[8];

	if (host_read(root, path, text, sizeof(text)) <= 0)
		return REACH_UNKNOWN;
	return text[0] == 'Y' || text[0] == '1' ? REACH_YES : REACH_NO;
}

static void ask_cpu(struct doctor_facts *f, const char *root)
{
	enum reach_fact vmx = host_cpu_flag(root, "flags", "vmx");
	enum reach_fact svm = host_cpu_flag(root, "flags", "svm");

	if (host_cpu_flag(root, "vendor_id", "GenuineIntel") == REACH_YES)
		f->cpu = CPU_INTEL;
	if (host_cpu_flag(root, "vendor_id", "AuthenticAMD") == REACH_YES)
		f->cpu = CPU_AMD;
	f->cpu_virt = vmx == REACH_YES ? vmx : svm;
	f->paging = parameter(root, "/sys/module/kvm_intel/parameters/ept");
	if (f->paging == REACH_UNKNOWN)
		f->paging =
			parameter(root, "/sys/module/kvm_amd/parameters/npt");
}

/* --- the IOMMU ------------------------------------------------------------ */

static int count(void *ctx, const char *name)
{
	unsigned int *n = ctx;

	(void)name;
	++*n;
	return 0;
}

struct asking {
	struct doctor_facts *f;
	const char *root;
	const char *word;
};

static int iommu(void *ctx, const char *name)
{
	const struct asking *a = ctx;
	struct doctor_facts *f = a->f;
	struct reach_iommu io;

	host_facts_iommu_named(&io, a->root, name);
	f->iommus++;
	if (io.bits && (!f->iommu_bits || io.bits < f->iommu_bits))
		f->iommu_bits = io.bits;
	if (io.pages)
		f->iommu_pages =
			f->iommu_pages ? f->iommu_pages & io.pages : io.pages;
	return 0;
}

/*
 * The x86 chips behind which a remapper stands are called IR-something. On
 * aarch64 an ITS tells devices apart, a GICv2M does not; before Linux 6.11 the
 * chip of its MSIs was just called MSI.
 */
static enum reach_fact apart(const char *chip)
{
	if (strncmp(chip, "IR-", 3) == 0 || strncmp(chip, "ITS-", 4) == 0)
		return REACH_YES;
	if (strcmp(chip, "IO-APIC") == 0 || strncmp(chip, "PCI-MSI", 7) == 0 ||
	    strncmp(chip, "GICv2m", 6) == 0 || strcmp(chip, "MSI") == 0)
		return REACH_NO;
	return REACH_UNKNOWN;
}

static int irq(void *ctx, const char *name)
{
	const struct asking *a = ctx;
	char path[PATH_MAX];
	char chip[32];

	sysfs_path(path, a->root, "/sys/kernel/irq/%s/chip_name", name);
	if (sysfs_line(path, chip, sizeof(chip)) < 0)
		return 0;
	if (apart(chip) != REACH_UNKNOWN)
		a->f->remapping = apart(chip);
	return a->f->remapping == REACH_YES ? FOUND : 0;
}

/* Whether a word of the kernel's command line is one of @n. */
static bool told(const char *root, const char *const *words, unsigned int n)
{
	char line[4096];
	char word[64];

	(void)host_read(root, "/proc/cmdline", line, sizeof(line));
	for (unsigned int i = 0;; i++) {
		sysfs_text_field(line, i, word, sizeof(word));
		if (!word[0])
			return false;
		for (unsigned int k = 0; k < n; k++) {
			if (strcmp(word, words[k]) == 0)
				return true;
		}
	}
}

static void ask_words(struct doctor_facts *f, const char *root)
{
	static const char *const iommu_off[] = {"iommu=off", "intel_iommu=off",
						"amd_iommu=off"};
	static const char *const kvm_off[] = {"kvm-arm.mode=none"};

	f->iommu_word_off = told(root, iommu_off, 3);
	f->kvm_word_off = told(root, kvm_off, 1);
}

static void ask_iommu(struct doctor_facts *f, const char *root)
{
	struct asking a = {f, root, NULL};
	char path[PATH_MAX];

	sysfs_path(path, root, "/sys/kernel/iommu_groups");
	(void)sysfs_each_name(path, count, &f->groups);
	sysfs_path(path, root, "/sys/class/iommu");
	(void)sysfs_each_name(path, iommu, &a);
	sysfs_path(path, root, "/sys/kernel/irq");
	(void)sysfs_each_name(path, irq, &a);
	f->unsafe_interrupts =
		parameter(root, "/sys/module/vfio_iommu_type1/parameters/"
				"allow_unsafe_interrupts") == REACH_YES ||
		parameter(root, "/sys/module/iommufd/parameters/"
				"allow_unsafe_interrupts") == REACH_YES;
}

/* --- modules and files ---------------------------------------------------- */

/* "kernel/drivers/vfio/pci/vfio-pci.ko.xz: ..." is word "vfio-pci". */
static int module_line(void *ctx, const char *line)
{
	const struct asking *a = ctx;
	size_t len = strcspn(line, ":\n");
	size_t base = len;

	while (base && line[base - 1] != '/')
		base--;
	line += base;
	len -= base;
	if (len < strlen(a->word) + 3 ||
	    strncmp(line, a->word, strlen(a->word)) != 0)
		return 0;
	line += strlen(a->word);
	return strncmp(line, ".ko", 3) == 0 ? FOUND : 0;
}

static enum doctor_module module(struct doctor_facts *f, const char *root,
				 const char *name, const char *loaded)
{
	struct asking a = {f, root, name};
	char path[PATH_MAX];
	int r;

	sysfs_path(path, root, "/sys/module/%s", loaded);
	if (access(path, F_OK) == 0)
		return MODULE_THERE;
	sysfs_path(path, root, "/lib/modules/%s/modules.builtin", f->release);
	if (sysfs_each_line(path, module_line, &a) == FOUND)
		return MODULE_THERE;
	sysfs_path(path, root, "/lib/modules/%s/modules.dep", f->release);
	r = sysfs_each_line(path, module_line, &a);
	if (r < 0)
		return MODULE_UNKNOWN;
	return r == FOUND ? MODULE_LOADABLE : MODULE_MISSING;
}

static int may_open(const char *root, const char *name)
{
	char path[PATH_MAX];

	sysfs_path(path, root, "%s", name);
	return access(path, R_OK | W_OK) == 0 ? 0 : -errno;
}

static int has_file(void *ctx, const char *name)
{
	const struct asking *a = ctx;
	char path[PATH_MAX];

	sysfs_path(path, a->root, "/sys/class/vfio-dev/%s/dev", name);
	a->f->cdev = access(path, F_OK) == 0 ? REACH_YES : REACH_NO;
	return FOUND;
}

static int config_line(void *ctx, const char *line)
{
	const struct asking *a = ctx;

	return strncmp(line, a->word, strlen(a->word)) == 0 ? FOUND : 0;
}

/* A device that has no file of its own says it best, if there is one. */
static void ask_cdev(struct doctor_facts *f, const char *root)
{
	struct asking a = {f, root, "CONFIG_VFIO_DEVICE_CDEV=y"};
	char path[PATH_MAX];
	int r;

	sysfs_path(path, root, "/sys/class/vfio-dev");
	if (sysfs_each_name(path, has_file, &a) == FOUND)
		return;
	sysfs_path(path, root, "/boot/config-%s", f->release);
	r = sysfs_each_line(path, config_line, &a);
	if (r >= 0)
		f->cdev = r == FOUND ? REACH_YES : REACH_NO;
}

static int device(void *ctx, const char *name)
{
	const struct asking *a = ctx;
	unsigned int group;
	char node[64];
	char driver[64];
	struct err e;

	sysfs_driver_at(a->root, name, driver, sizeof(driver));
	if (!sysfs_is_vfio(driver))
		return 0;
	a->f->bound++;
	if (sysfs_group_at(a->root, name, &group, &e) < 0)
		return 0;
	snprintf(node, sizeof(node), "/dev/vfio/%u", group);
	if (may_open(a->root, node) == -EACCES)
		a->f->closed++;
	return 0;
}

static void ask_vfio(struct doctor_facts *f, const char *root)
{
	struct asking a = {f, root, NULL};
	char path[PATH_MAX];

	f->vfio_pci = module(f, root, "vfio-pci", "vfio_pci");
	f->type1 = module(f, root, "vfio_iommu_type1", "vfio_iommu_type1");
	f->iommufd = module(f, root, "iommufd", "iommufd");
	f->dev_vfio = may_open(root, "/dev/vfio/vfio");
	f->dev_iommu = may_open(root, "/dev/iommu");
	ask_cdev(f, root);
	sysfs_path(path, root, "/sys/bus/pci/devices");
	(void)sysfs_each_name(path, device, &a);
}

/* --- memory --------------------------------------------------------------- */

/* "Max locked memory       8388608              8388608              bytes" */
static int limit_line(void *ctx, const char *line)
{
	struct doctor_facts *f = ctx;
	char soft[32];

	if (strncmp(line, "Max locked memory ", 18) != 0)
		return 0;
	sysfs_text_field(line, 3, soft, sizeof(soft));
	if (sysfs_text_number(soft, 10, &f->memlock))
		f->memlock = UINT64_MAX;
	return FOUND;
}

static int status_line(void *ctx, const char *line)
{
	struct doctor_facts *f = ctx;
	char mask[32];
	uint64_t caps;

	if (strncmp(line, "CapEff:", 7) != 0)
		return 0;
	sysfs_text_field(line, 1, mask, sizeof(mask));
	if (sysfs_text_number(mask, 16, &caps) == 0 && caps >> IPC_LOCK_BIT & 1)
		f->memlock = UINT64_MAX;
	return FOUND;
}

static int meminfo_line(void *ctx, const char *line)
{
	struct doctor_facts *f = ctx;
	char number[32];
	uint64_t kib;

	if (strncmp(line, "MemAvailable:", 13) != 0)
		return 0;
	sysfs_text_field(line, 1, number, sizeof(number));
	if (sysfs_text_number(number, 10, &kib) == 0 && kib < UINT64_MAX >> 10)
		f->available = kib << 10;
	return FOUND;
}

static uint64_t free_pages(const char *root, const char *name, unsigned int bit)
{
	char path[PATH_MAX];
	uint64_t n = 0;

	sysfs_path(path, root,
		   "/sys/kernel/mm/hugepages/hugepages-%s/free_hugepages",
		   name);
	(void)sysfs_number(path, 10, &n);
	return n < UINT64_MAX >> bit ? n << bit : 0;
}

static void ask_memory(struct doctor_facts *f, const char *root)
{
	char path[PATH_MAX];

	f->memlock = UINT64_MAX;
	sysfs_path(path, root, "/proc/self/limits");
	(void)sysfs_each_line(path, limit_line, f);
	sysfs_path(path, root, "/proc/self/status");
	(void)sysfs_each_line(path, status_line, f);
	sysfs_path(path, root, "/proc/meminfo");
	(void)sysfs_each_line(path, meminfo_line, f);
	f->huge_2m = free_pages(root, "2048kB", 21);
	f->huge_1g = free_pages(root, "1048576kB", 30);
}

void doctor_gather(struct doctor_facts *f, const char *root, uint64_t memory)
{
	memset(f, 0, sizeof(*f));
	f->memory = memory;
	host_facts_read(&f->host, root);
	(void)host_read(root, "/proc/sys/kernel/osrelease", f->release,
			sizeof(f->release));
	sysfs_text_clean(f->release);
	if (!root[0])
		ask_kvm(f);
	ask_cpu(f, root);
	ask_words(f, root);
	ask_iommu(f, root);
	ask_vfio(f, root);
	ask_memory(f, root);
	host_choice(root, "/sys/kernel/security/lockdown", f->lockdown,
		    sizeof(f->lockdown));
	sysfs_text_clean(f->lockdown);
}
