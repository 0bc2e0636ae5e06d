/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_root.h"
#include "vmm/doctor.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define GIB	 (1ull << 30)

/* A host that lacks nothing. */
static struct doctor_facts sound(void)
{
	struct doctor_facts f = {
		.host = {.arch = REACH_X86_64,
			 .page = 4096,
			 .kernel_major = 6,
			 .kernel_minor = 19,
			 .thp = REACH_THP_MADVISE,
			 .cpu_1g = REACH_YES,
			 .guest_1g = REACH_YES},
		.release = "6.19.0-1-amd64",
		.cpu = CPU_INTEL,
		.cpu_virt = REACH_YES,
		.paging = REACH_YES,
		.kvm_has = {.slot_quirk = true},
		.groups = 12,
		.remapping = REACH_YES,
		.iommus = 2,
		.iommu_pages = 1u << 12 | 1u << 21 | 1u << 30,
		.iommu_bits = 48,
		.vfio_pci = MODULE_THERE,
		.type1 = MODULE_THERE,
		.iommufd = MODULE_THERE,
		.cdev = REACH_YES,
		.bound = 1,
		.memory = 4 * GIB,
		.memlock = UINT64_MAX,
		.available = 8 * GIB,
	};

	return f;
}

static const struct doctor_finding *find(const struct doctor_report *r,
					 const char *check)
{
	for (unsigned int i = 0; i < r->n; i++) {
		if (strcmp(r->finding[i].check, check) == 0)
			return &r->finding[i];
	}
	return NULL;
}

static void sound_host(void **state)
{
	struct doctor_facts f = sound();
	struct doctor_report r;

	(void)state;
	doctor_judge(&r, &f);
	for (unsigned int i = 0; i < r.n; i++) {
		if (r.finding[i].level != DOCTOR_OK)
			fail_msg("%s: %s", r.finding[i].check,
				 r.finding[i].text);
	}
	assert_int_equal(r.n_bad, 0);
	assert_int_equal(r.n_warn, 0);
	assert_true(r.n >= 12);
}

/* --- one thing wrong at a time -------------------------------------------- */

static void kvm_closed(struct doctor_facts *f)
{
	(void)err_set(&f->kvm, -EACCES, ERR_KVM_OPEN, "/dev/kvm", NULL);
}

static void no_quirk(struct doctor_facts *f)
{
	f->kvm_has.slot_quirk = false;
}

static void arm(struct doctor_facts *f)
{
	f->host.arch = REACH_AARCH64;
	f->host.page = 65536;
	f->host.cpu_1g = f->host.guest_1g = REACH_UNKNOWN;
	f->cpu = CPU_OTHER;
	f->cpu_virt = f->paging = REACH_UNKNOWN;
	f->iommu_pages = 0;
	f->iommu_bits = 0;
	f->kvm_has = (struct kvm_facts){.nisv = true,
					.gic_v3 = true,
					.its = true,
					.ipa_bits = 48,
					.cacheable = REACH_YES};
}

static void arm_no_nisv(struct doctor_facts *f)
{
	arm(f);
	f->kvm_has.nisv = false;
}

static void arm_no_kvm(struct doctor_facts *f)
{
	arm(f);
	kvm_closed(f);
	f->kvm_word_off = true;
}

static void arm_gic_v2(struct doctor_facts *f)
{
	arm(f);
	f->kvm_has.gic_v3 = f->kvm_has.its = false;
	f->kvm_has.gic_v2 = true;
}

static void arm_no_its(struct doctor_facts *f)
{
	arm(f);
	f->kvm_has.its = false;
}

static void arm_no_gic(struct doctor_facts *f)
{
	arm(f);
	f->kvm_has.gic_v3 = f->kvm_has.its = false;
}

static void arm_36_bits(struct doctor_facts *f)
{
	arm(f);
	f->kvm_has.ipa_bits = 36;
}

static void arm_not_apart(struct doctor_facts *f)
{
	arm(f);
	f->remapping = REACH_NO;
}

static void arm_unsafe(struct doctor_facts *f)
{
	arm(f);
	f->remapping = REACH_NO;
	f->unsafe_interrupts = true;
}

static void no_vmx(struct doctor_facts *f)
{
	f->cpu_virt = REACH_NO;
}

static void no_ept(struct doctor_facts *f)
{
	f->paging = REACH_NO;
}

static void no_1g(struct doctor_facts *f)
{
	f->host.guest_1g = REACH_NO;
}

static void no_iommu(struct doctor_facts *f)
{
	f->groups = 0;
}

static void iommu_off_amd(struct doctor_facts *f)
{
	f->groups = 0;
	f->cpu = CPU_AMD;
}

static void iommu_told_off(struct doctor_facts *f)
{
	f->groups = 0;
	f->iommu_word_off = true;
}

static void no_smmu(struct doctor_facts *f)
{
	arm(f);
	f->groups = 0;
	f->iommu_word_off = true; /* a word of x86, without any meaning */
}

static void no_remapping(struct doctor_facts *f)
{
	f->remapping = REACH_NO;
}

static void unsafe(struct doctor_facts *f)
{
	f->remapping = REACH_NO;
	f->unsafe_interrupts = true;
}

static void narrow_iommu(struct doctor_facts *f)
{
	f->iommu_bits = 39;
}

static void small_iommu_pages(struct doctor_facts *f)
{
	f->iommu_pages = 1u << 12 | 1u << 21;
}

static void vfio_unloaded(struct doctor_facts *f)
{
	f->vfio_pci = MODULE_LOADABLE;
	f->dev_vfio = -ENOENT;
	f->type1 = MODULE_LOADABLE;
}

static void vfio_missing(struct doctor_facts *f)
{
	f->vfio_pci = MODULE_MISSING;
}

static void vfio_closed(struct doctor_facts *f)
{
	f->dev_vfio = -EACCES;
}

static void no_backend(struct doctor_facts *f)
{
	f->type1 = MODULE_MISSING;
	f->dev_iommu = -ENOENT;
	f->iommufd = MODULE_MISSING;
}

static void iommufd_closed(struct doctor_facts *f)
{
	f->dev_iommu = -EACCES;
}

static void none_bound(struct doctor_facts *f)
{
	f->bound = 0;
}

static void device_closed(struct doctor_facts *f)
{
	f->bound = 3;
	f->closed = 2;
}

static void kernel_6_18(struct doctor_facts *f)
{
	f->host.kernel_minor = 18;
}

static void thp_never(struct doctor_facts *f)
{
	f->host.thp = REACH_THP_NEVER;
}

static void thp_absent(struct doctor_facts *f)
{
	f->host.thp = REACH_THP_ABSENT;
}

static void thp_denied(struct doctor_facts *f)
{
	f->host.thp_denied = true;
}

static void memlock_low(struct doctor_facts *f)
{
	f->memlock = 4 * GIB - 1;
}

static void memory_low(struct doctor_facts *f)
{
	f->available = 4 * GIB - 1;
}

struct trouble {
	void (*make)(struct doctor_facts *f);
	const char *check;
	enum doctor_level level;
	const char *says; /* somewhere in what is printed */
};

static const struct trouble troubles[] = {
	{kvm_closed, "kvm", DOCTOR_BAD, "usermod -aG kvm"},
	{no_quirk, "kvm-slots", DOCTOR_WARN, "6.12"},
	{arm_no_nisv, "kvm-nisv", DOCTOR_WARN, "5.5"},
	{arm_no_kvm, "kvm", DOCTOR_BAD, "kvm-arm.mode=none"},
	{arm_gic_v2, "kvm-gic", DOCTOR_WARN, "8 vCPUs at most"},
	{arm_no_its, "kvm-gic", DOCTOR_WARN, "no MSIs"},
	{arm_no_gic, "kvm-gic", DOCTOR_BAD, "dmesg"},
	{arm_36_bits, "kvm-ipa", DOCTOR_WARN, "36 bits"},
	{arm_not_apart, "remapping", DOCTOR_BAD, "allow_unsafe_interrupts"},
	{arm_unsafe, "remapping", DOCTOR_WARN, "any interrupt"},
	{no_vmx, "cpu", DOCTOR_WARN, "firmware"},
	{no_ept, "cpu-paging", DOCTOR_WARN, "ept=0"},
	{no_1g, "cpu-1g", DOCTOR_WARN, "2 MiB"},
	{no_iommu, "iommu", DOCTOR_BAD, "intel_iommu=on"},
	{iommu_off_amd, "iommu", DOCTOR_BAD, "AMD-Vi"},
	{iommu_told_off, "iommu", DOCTOR_BAD, "cat /proc/cmdline"},
	{no_smmu, "iommu", DOCTOR_BAD, "grep -i smmu"},
	{no_remapping, "remapping", DOCTOR_BAD, "nointremap"},
	{unsafe, "remapping", DOCTOR_WARN, "any interrupt"},
	{narrow_iommu, "iommu-width", DOCTOR_WARN, "39 bits"},
	{small_iommu_pages, "iommu-pages", DOCTOR_WARN, "no 1 GiB pages"},
	{vfio_unloaded, "vfio-pci", DOCTOR_WARN, "sudo modprobe vfio-pci"},
	{vfio_missing, "vfio-pci", DOCTOR_BAD, "CONFIG_VFIO_PCI"},
	{vfio_closed, "type1", DOCTOR_WARN, "chmod a+rw /dev/vfio/vfio"},
	{no_backend, "vfio", DOCTOR_BAD, "neither by type1 nor by iommufd"},
	{iommufd_closed, "iommufd", DOCTOR_WARN, "chown $USER /dev/iommu"},
	{none_bound, "devices", DOCTOR_WARN, "barge devices"},
	{device_closed, "devices", DOCTOR_WARN, "2 of the 3 devices"},
	{kernel_6_18, "kernel", DOCTOR_WARN, "dma-buf"},
	{thp_never, "thp", DOCTOR_WARN,
	 "echo madvise | sudo tee "
	 "/sys/kernel/mm/transparent_hugepage/enabled"},
	{thp_absent, "thp", DOCTOR_WARN, "CONFIG_TRANSPARENT_HUGEPAGE"},
	{thp_denied, "thp", DOCTOR_WARN, "PR_SET_THP_DISABLE"},
	{memlock_low, "memlock", DOCTOR_BAD,
	 "ulimit -l 4194304 (systemd: LimitMEMLOCK=4194304K)"},
	{memory_low, "memory", DOCTOR_BAD, "3.9G is available"},
};

static char *printed(const struct doctor_report *r, bool json)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(doctor_print(f, r, json), 0);
	fclose(f);
	return text;
}

/* Lines and the blanks that begin them do not matter. */
static char *joined(char *text)
{
	char *to = text;

	for (char *s = text; *s; s++) {
		char c = *s == '\n' ? ' ' : *s;

		if (c == ' ' && to != text && to[-1] == ' ')
			continue;
		*to++ = c;
	}
	*to = '\0';
	return text;
}

/* A host of aarch64: nothing is wrong, and nothing is said of x86. */
static void sound_arm_host(void **state)
{
	static const char *const foreign[] = {"Intel", "AMD",	 "VT-",
					      "EPT",   "intel",	 "kvm_intel",
					      "1 GiB", "pdpe1gb"};
	struct doctor_facts f = sound();
	struct doctor_report r;
	char *text;

	(void)state;
	arm(&f);
	doctor_judge(&r, &f);
	assert_int_equal(r.n_bad, 0);
	assert_int_equal(r.n_warn, 0);
	text = joined(printed(&r, false));
	for (size_t i = 0; i < COUNT(foreign); i++) {
		if (strstr(text, foreign[i]))
			fail_msg("%s in: %s", foreign[i], text);
	}
	assert_non_null(strstr(text, "GICv3 with ITS"));
	assert_non_null(strstr(text, "up to 48 bits"));
	assert_non_null(strstr(text, "is mapped as such"));
	assert_non_null(strstr(text, "keeps devices' interrupts apart"));
	assert_non_null(strstr(text, "told by VFIO alone"));
	free(text);
	/* an old KVM has 40 bits; the lack of few devices' need is no fault */
	f.kvm_has.ipa_bits = 0;
	f.kvm_has.cacheable = REACH_NO;
	doctor_judge(&r, &f);
	assert_int_equal(r.n_warn, 0);
	text = joined(printed(&r, false));
	assert_non_null(strstr(text, "up to 40 bits"));
	assert_non_null(strstr(text, "Linux 6.17"));
	free(text);
}

static bool level_found(const struct doctor_report *r, const struct trouble *t)
{
	for (unsigned int i = 0; i < r->n; i++) {
		if (strcmp(r->finding[i].check, t->check) == 0 &&
		    r->finding[i].level == t->level)
			return true;
	}
	return false;
}

static void one_trouble(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(troubles); i++) {
		const struct trouble *t = &troubles[i];
		struct doctor_facts f = sound();
		struct doctor_report r;
		char *text;

		t->make(&f);
		doctor_judge(&r, &f);
		if (!level_found(&r, t))
			fail_msg("trouble %zu: %s", i, t->check);
		assert_true((r.n_bad != 0) == (t->level == DOCTOR_BAD));
		text = joined(printed(&r, false));
		if (!strstr(text, t->says))
			fail_msg("trouble %zu: %s", i, text);
		free(text);
	}
}

static void old_kernel(void **state)
{
	struct doctor_facts f = sound();
	struct doctor_report r;
	char *text;

	(void)state;
	f.host.kernel_major = 5;
	f.host.kernel_minor = 10;
	doctor_judge(&r, &f);
	assert_int_equal(r.n_warn, 6);
	text = joined(printed(&r, false));
	assert_non_null(strstr(text, "Linux 5.10 maps BARs in the smallest "
				     "pages only; 6.12 has huge ones"));
	assert_non_null(strstr(text, "6 things could be better."));
	free(text);
	/* 6.6 has what came with 6.5 and 5.15 */
	f.host.kernel_major = 6;
	f.host.kernel_minor = 6;
	doctor_judge(&r, &f);
	assert_int_equal(r.n_warn, 4);
	f.host.kernel_major = 0; /* unknown */
	doctor_judge(&r, &f);
	assert_int_equal(r.n_warn, 0);
	f.host.kernel_major = 7;
	doctor_judge(&r, &f);
	assert_int_equal(r.n_warn, 0);
}

/* THP: both ways that give huge pages are fine. */
static void thp_fine(void **state)
{
	struct doctor_facts f = sound();
	struct doctor_report r;

	(void)state;
	f.host.thp = REACH_THP_ALWAYS;
	doctor_judge(&r, &f);
	assert_int_equal(find(&r, "thp")->level, DOCTOR_OK);
}

/* Since Linux 7.2 only RAM depends on the policy. */
static void thp_off(void **state)
{
	static const struct {
		unsigned int major, minor;
		const char *says;
	} t[] = {
		{7, 1, "so RAM and BARs get small pages"},
		{7, 2, "so RAM gets small pages"},
		{8, 0, "so RAM gets small pages"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct doctor_facts f = sound();
		struct doctor_report r;
		char *text;

		f.host.kernel_major = t[i].major;
		f.host.kernel_minor = t[i].minor;
		f.host.thp = REACH_THP_NEVER;
		doctor_judge(&r, &f);
		text = joined(printed(&r, false));
		assert_non_null(strstr(text, t[i].says));
		free(text);
	}
}

/* Just enough is enough. */
static void just_enough(void **state)
{
	struct doctor_facts f = sound();
	struct doctor_report r;

	(void)state;
	f.memlock = f.memory;
	f.available = f.memory;
	doctor_judge(&r, &f);
	assert_int_equal(r.n_bad, 0);
}

/* Everything wrong at once still fits. */
static void everything(void **state)
{
	struct doctor_facts f = sound();
	struct doctor_report r;
	char *text;

	(void)state;
	for (size_t i = 0; i < COUNT(troubles); i++)
		troubles[i].make(&f);
	f.host.arch = REACH_X86_64;
	f.host.kernel_major = 1;
	f.huge_1g = GIB;
	snprintf(f.lockdown, sizeof(f.lockdown), "integrity");
	doctor_judge(&r, &f);
	assert_true(r.n < DOCTOR_FINDINGS_MAX - 8);
	assert_true(r.n_bad >= 4);
	text = printed(&r, false);
	assert_null(strchr(text, '%'));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		/* a command stands in one piece, whatever its length */
		if (strlen(line) > 80 && strncmp(line, "          ", 10) != 0)
			fail_msg("too wide: %s", line);
	}
	free(text);
}

static void for_programs(void **state)
{
	struct doctor_facts f = sound();
	struct doctor_report r;
	char *text;

	(void)state;
	f.groups = 0;
	doctor_judge(&r, &f);
	text = printed(&r, true);
	assert_int_equal(strncmp(text, "{\"status\":\"bad\",\"checks\":[", 26),
			 0);
	assert_non_null(strstr(
		text, "{\"check\":\"iommu\",\"level\":\"bad\",\"text\":\"the "
		      "IOMMU is off or absent: no device is in an IOMMU "
		      "group\",\"advice\":\"turn on VT-d in the firmware "
		      "setup, and boot the host with intel_iommu=on\"}"));
	assert_non_null(strstr(text, "\"advice\":null}"));
	assert_string_equal(text + strlen(text) - 3, "]}\n");
	free(text);
}

/* --- gathering ------------------------------------------------------------ */

static const char *root;

static int setup(void **state)
{
	(void)state;
	root = fake_root_make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_root_remove();
	return 0;
}

static void nothing_there(void **state)
{
	struct doctor_facts f;
	struct doctor_report r;

	(void)state;
	doctor_gather(&f, root, GIB);
	assert_int_equal(f.memory, GIB);
	assert_int_equal(f.groups, 0);
	assert_int_equal(f.remapping, REACH_UNKNOWN);
	assert_int_equal(f.vfio_pci, MODULE_UNKNOWN);
	assert_int_equal(f.dev_vfio, -ENOENT);
	assert_int_equal(f.cdev, REACH_UNKNOWN);
	assert_int_equal(f.available, 0);
	doctor_judge(&r, &f);
	assert_non_null(find(&r, "iommu"));
}

static void a_host(void)
{
	static const struct fake_pci p[] = {
		{"0000:01:00.0", 0x010802, "vfio-pci", 12, 0, NULL},
		{"0000:02:00.0", 0x020000, "r8169", 13, 0, NULL},
	};

	fake_root_pci(&p[0]);
	fake_root_pci(&p[1]);
	fake_root_put("/proc/sys/kernel/osrelease", "6.12.1-test\n");
	fake_root_put("/proc/cpuinfo", "processor : 0\n"
				       "vendor_id\t: AuthenticAMD\n"
				       "flags\t\t: fpu svm pdpe1gb\n");
	fake_root_put("/proc/cmdline", "quiet iommu=pt\n");
	fake_root_put("/sys/module/kvm_amd/parameters/npt", "1\n");
	fake_root_put("/sys/class/iommu/ivhd0/amd-iommu/cap", "25bf32\n");
	fake_root_put("/sys/kernel/irq/0/chip_name", "IO-APIC\n");
	fake_root_put("/sys/kernel/irq/24/chip_name", "IR-PCI-MSI-0\n");
	fake_root_put("/sys/module/vfio_pci/refcnt", "1\n");
	fake_root_put("/lib/modules/6.12.1-test/modules.builtin",
		      "kernel/drivers/vfio/vfio_iommu_type1.ko\n");
	fake_root_put("/lib/modules/6.12.1-test/modules.dep",
		      "kernel/x/notiommufd.ko.xz:\n"
		      "kernel/drivers/iommu/iommufd/iommufd.ko.xz: a b\n");
	fake_root_put("/boot/config-6.12.1-test",
		      "# CONFIG_VFIO_DEVICE_CDEV is not set\n");
	fake_root_put("/dev/vfio/vfio", "");
	fake_root_put("/proc/self/limits",
		      "Limit  Soft  Hard  Units\n"
		      "Max locked memory         8388608   8388608   bytes\n");
	fake_root_put("/proc/self/status", "CapEff:\t0000000000000000\n");
	fake_root_put("/proc/meminfo", "MemTotal: 9 kB\n"
				       "MemAvailable:   2097152 kB\n");
	fake_root_put("/sys/kernel/mm/hugepages/hugepages-2048kB/"
		      "free_hugepages",
		      "3\n");
	fake_root_put("/sys/kernel/security/lockdown",
		      "none [integrity] confidentiality\n");
}

static void sound_files(void **state)
{
	struct doctor_facts f;

	(void)state;
	a_host();
	doctor_gather(&f, root, GIB);
	assert_string_equal(f.release, "6.12.1-test");
	assert_int_equal(f.host.kernel_minor, 12);
	assert_int_equal(f.cpu, CPU_AMD);
	assert_int_equal(f.paging, REACH_YES);
	assert_int_equal(f.groups, 2);
	assert_int_equal(f.iommus, 1);
	assert_true(f.iommu_pages & GIB);
	assert_false(f.iommu_word_off);
	assert_int_equal(f.remapping, REACH_YES);
	assert_int_equal(f.vfio_pci, MODULE_THERE);
	assert_int_equal(f.type1, MODULE_THERE);
	assert_int_equal(f.iommufd, MODULE_LOADABLE);
	assert_int_equal(f.dev_vfio, 0);
	assert_int_equal(f.dev_iommu, -ENOENT);
	assert_int_equal(f.cdev, REACH_NO);
	assert_int_equal(f.bound, 1);
	assert_int_equal(f.memlock, 8 << 20);
	assert_int_equal(f.available, 2 * GIB);
	assert_int_equal(f.huge_2m, 6 << 20);
	assert_string_equal(f.lockdown, "integrity");
}

static void other_files(void **state)
{
	struct doctor_facts f;

	(void)state;
	a_host();
	fake_root_put("/proc/cmdline", "amd_iommu=off quiet");
	fake_root_put("/sys/kernel/irq/24/chip_name", "PCI-MSI\n");
	fake_root_put("/sys/module/vfio_iommu_type1/parameters/"
		      "allow_unsafe_interrupts",
		      "Y\n");
	fake_root_put("/proc/self/status", "CapEff:\t000001ffffffffff\n");
	fake_root_put("/sys/class/vfio-dev/vfio0/dev", "511:0\n");
	fake_root_put("/lib/modules/6.12.1-test/modules.dep", "");
	/* 39 bits, 2 MiB but no 1 GiB pages: the least of all counts */
	fake_root_put("/sys/class/iommu/vtd0/intel-iommu/cap", "400260200\n");
	doctor_gather(&f, root, GIB);
	assert_true(f.iommu_word_off);
	assert_int_equal(f.remapping, REACH_NO);
	assert_true(f.unsafe_interrupts);
	assert_true(f.memlock == UINT64_MAX);
	assert_int_equal(f.cdev, REACH_YES);
	assert_int_equal(f.iommufd, MODULE_MISSING);
	assert_int_equal(f.iommus, 2);
	assert_int_equal(f.iommu_bits, 39);
	assert_int_equal(f.iommu_pages, 1u << 12 | 1u << 21);
}

/* What keeps devices' interrupts apart on aarch64, by the names of chips. */
static void arm_chips(void **state)
{
	static const struct {
		const char *chip;
		enum reach_fact apart;
	} t[] = {
		{"ITS-MSI\n", REACH_YES},
		{"ITS-PCI-MSIX-0000:01:00.0\n", REACH_YES},
		{"GICv2m-PCI-MSI-0000:01:00.0\n", REACH_NO},
		{"MSI\n", REACH_NO},
		{"GICv3\n", REACH_UNKNOWN},
	};
	struct doctor_facts f;

	(void)state;
	fake_root_put("/proc/cmdline", "quiet kvm-arm.mode=none\n");
	fake_root_put("/sys/kernel/irq/1/chip_name", "GICv3\n");
	fake_root_put("/sys/class/iommu/smmu3.0x0000000009050000/uevent", "");
	for (size_t i = 0; i < COUNT(t); i++) {
		fake_root_put("/sys/kernel/irq/40/chip_name", t[i].chip);
		doctor_gather(&f, root, GIB);
		assert_int_equal(f.remapping, t[i].apart);
		assert_int_equal(f.iommus, 1);
		assert_int_equal(f.iommu_pages, 0);
		assert_true(f.kvm_word_off);
		assert_false(f.iommu_word_off);
	}
}

static void hostile_files(void **state)
{
	static char big[300000];
	struct doctor_facts f;
	struct doctor_report r;
	char *text;

	(void)state;
	a_host();
	memset(big, 0x1b, sizeof(big));
	fake_root_bytes("/proc/meminfo", big, sizeof(big));
	fake_root_bytes("/proc/self/limits", big, sizeof(big));
	fake_root_bytes("/proc/cmdline", big, sizeof(big));
	fake_root_bytes("/proc/cpuinfo", big, sizeof(big));
	fake_root_bytes("/proc/sys/kernel/osrelease", big, sizeof(big));
	fake_root_bytes("/sys/kernel/security/lockdown", big, sizeof(big));
	fake_root_put("/sys/kernel/security/lockdown", "[\033[2J]");
	fake_root_put("/sys/kernel/mm/hugepages/hugepages-2048kB/"
		      "free_hugepages",
		      "18446744073709551615\n");
	fake_root_link("/sys/kernel/irq/24/chip_name", "chip_name");
	fake_root_link("/sys/class/iommu/ivhd1", "ivhd1");
	doctor_gather(&f, root, GIB);
	doctor_judge(&r, &f);
	text = printed(&r, false);
	assert_null(strchr(text, 0x1b));
	free(text);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_host),
		cmocka_unit_test(sound_arm_host),
		cmocka_unit_test(one_trouble),
		cmocka_unit_test(old_kernel),
		cmocka_unit_test(thp_fine),
		cmocka_unit_test(thp_off),
		cmocka_unit_test(just_enough),
		cmocka_unit_test(everything),
		cmocka_unit_test(for_programs),
		CASE(nothing_there),
		CASE(sound_files),
		CASE(other_files),
		CASE(arm_chips),
		CASE(hostile_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
