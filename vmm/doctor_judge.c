// SPDX-License-Identifier: Apache-2.0
/*
 * What the facts about a host mean. Pure: a finding holds constant texts and
 * numbers; vmm/doctor_print.c makes sentences of them.
 */
#include <string.h>

#include "vmm/doctor.h"

#define DMESG_VFIO "look for its reason: sudo dmesg | grep -i vfio"

static struct doctor_finding *add(struct doctor_report *r,
				  enum doctor_level level, const char *check,
				  const char *text, const char *advice)
{
	struct doctor_finding *f = &r->finding[r->n];

	r->n += r->n + 1 < DOCTOR_FINDINGS_MAX;
	r->n_bad += level == DOCTOR_BAD;
	r->n_warn += level == DOCTOR_WARN;
	memset(f, 0, sizeof(*f));
	f->level = level;
	f->check = check;
	f->text = text;
	f->advice = advice;
	f->word = "";
	return f;
}

static void ok(struct doctor_report *r, const char *check, const char *text)
{
	(void)add(r, DOCTOR_OK, check, text, "");
}

static void warn(struct doctor_report *r, const char *check, const char *text,
		 const char *advice)
{
	(void)add(r, DOCTOR_WARN, check, text, advice);
}

static void bad(struct doctor_report *r, const char *check, const char *text,
		const char *advice)
{
	(void)add(r, DOCTOR_BAD, check, text, advice);
}

static bool on_x86(const struct doctor_facts *f)
{
	return f->host.arch == REACH_X86_64;
}

/* --- KVM and the processor ------------------------------------------------ */

/* Which interrupt controllers a guest of aarch64 can have. */
static void judge_gic(struct doctor_report *r, const struct kvm_facts *k)
{
	if (k->gic_v3 && k->its)
		ok(r, "kvm-gic", "guests get a GICv3 with ITS");
	else if (k->gic_v3)
		warn(r, "kvm-gic",
		     "KVM has a GICv3 without ITS: guests get no MSIs",
		     "boot a newer host kernel");
	else if (k->gic_v2)
		warn(r, "kvm-gic",
		     "this processor has no GICv3: guests get a GICv2, 8 vCPUs "
		     "at most, and MSIs by GICv2M",
		     "a matter of the hardware");
	else
		bad(r, "kvm-gic", "KVM has no interrupt controller for guests",
		    "look for its reason: sudo dmesg | grep -i -e kvm -e gic");
}

#define IPA_BITS_USUAL 40

static void judge_ipa(struct doctor_report *r, const struct kvm_facts *k)
{
	unsigned int bits = k->ipa_bits ? k->ipa_bits : IPA_BITS_USUAL;

	if (bits >= IPA_BITS_USUAL)
		add(r, DOCTOR_OK, "kvm-ipa",
		    "guest-physical addresses have up to %1 bits", "")
			->num = bits;
	else
		add(r, DOCTOR_WARN, "kvm-ipa",
		    "guest-physical addresses have %1 bits: there is little "
		    "room for large BARs beside RAM",
		    "a matter of the hardware; give less with --memory")
			->num = bits;
}

/* Few devices have such memory, so that it is no fault to lack this. */
static void judge_cacheable(struct doctor_report *r, const struct kvm_facts *k)
{
	if (k->cacheable == REACH_YES)
		ok(r, "kvm-pfnmap",
		   "a device's cacheable memory (NVIDIA Grace) is mapped as "
		   "such");
	else
		ok(r, "kvm-pfnmap",
		   "a device's cacheable memory (NVIDIA Grace) would be "
		   "uncached or trapped: that takes Linux 6.17, and a "
		   "processor with FWB and DIC");
}

static void judge_kvm_arm(struct doctor_report *r, const struct doctor_facts *f)
{
	judge_gic(r, &f->kvm_has);
	judge_ipa(r, &f->kvm_has);
	judge_cacheable(r, &f->kvm_has);
	if (!f->kvm_has.nisv)
		warn(r, "kvm-nisv",
		     "KVM does not hand over accesses it cannot decode",
		     "boot a host kernel from 5.5 on");
}

static void judge_kvm(struct doctor_report *r, const struct doctor_facts *f)
{
	if (!on_x86(f) && f->kvm.what != ERR_NONE && f->kvm_word_off) {
		bad(r, "kvm", "the host's kernel was told to do without KVM",
		    "take kvm-arm.mode=none from the kernel command line");
		return;
	}
	if (f->kvm.what != ERR_NONE) {
		add(r, DOCTOR_BAD, "kvm", "", "")->err = &f->kvm;
		return;
	}
	ok(r, "kvm", "/dev/kvm has all that barge needs");
	if (!on_x86(f))
		judge_kvm_arm(r, f);
	else if (!f->kvm_has.slot_quirk)
		warn(r, "kvm-slots",
		     "KVM forgets all of a guest's second-level tables when a "
		     "BAR moves",
		     "a kernel from 6.12 on lets barge turn that off");
}

static void judge_cpu(struct doctor_report *r, const struct doctor_facts *f)
{
	if (!on_x86(f))
		return;
	if (f->cpu_virt == REACH_NO)
		warn(r, "cpu",
		     "the processor shows neither VT-x nor AMD-V: without them "
		     "KVM is slow, or not there",
		     "turn them on in the firmware setup, or in a VM nested "
		     "virtualisation");
	else if (f->cpu_virt == REACH_YES)
		ok(r, "cpu", "the processor has hardware virtualisation");
	if (f->paging == REACH_NO)
		warn(r, "cpu-paging",
		     "KVM does without second-level page tables (EPT, NPT), "
		     "which is slow",
		     "remove ept=0 or npt=0 from KVM's module parameters");
	if (f->host.guest_1g == REACH_NO)
		warn(r, "cpu-1g",
		     "second-level page tables have no 1 GiB pages here; "
		     "2 MiB is the most",
		     "in a VM, let its processor have 1 GiB pages (pdpe1gb)");
	else if (f->host.guest_1g == REACH_YES)
		ok(r, "cpu-1g", "second-level page tables have 1 GiB pages");
}

/* --- the IOMMU ------------------------------------------------------------ */

static const char *iommu_advice(const struct doctor_facts *f)
{
	if (on_x86(f) && f->iommu_word_off)
		return "take the word that turns it off from the kernel "
		       "command line: cat /proc/cmdline";
	if (!on_x86(f))
		return "the firmware has to describe the SMMU: "
		       "sudo dmesg | grep -i smmu";
	if (f->cpu == CPU_INTEL)
		return "turn on VT-d in the firmware setup, and boot the host "
		       "with intel_iommu=on";
	if (f->cpu == CPU_AMD)
		return "turn on IOMMU (AMD-Vi) in the firmware setup; the "
		       "kernel then uses it by itself";
	return "turn it on in the firmware setup; on Intel also boot the host "
	       "with intel_iommu=on";
}

static void judge_remapping(struct doctor_report *r,
			    const struct doctor_facts *f)
{
	if (f->remapping == REACH_YES)
		ok(r, "remapping", "interrupts are remapped");
	if (f->remapping != REACH_NO)
		return;
	if (f->unsafe_interrupts)
		warn(r, "remapping",
		     "interrupts are not remapped, and VFIO was told to do "
		     "without: a guest can raise any interrupt of the host",
		     "turn interrupt remapping on in the firmware setup");
	else
		bad(r, "remapping",
		    "interrupts are not remapped, and so VFIO refuses devices",
		    "turn interrupt remapping on in the firmware setup, and "
		    "take nointremap from the kernel command line");
}

#define UNSAFE                                                                 \
	"if you trust your guests, take the risk: sudo sh -c 'echo 1 > "       \
	"/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts'"

/* What interrupt remapping is on x86, an ITS is on aarch64. */
static void judge_its(struct doctor_report *r, const struct doctor_facts *f)
{
	if (f->remapping == REACH_YES)
		ok(r, "remapping", "an ITS keeps devices' interrupts apart");
	if (f->remapping != REACH_NO)
		return;
	if (f->unsafe_interrupts)
		warn(r, "remapping",
		     "no ITS keeps devices' interrupts apart, and VFIO was "
		     "told "
		     "to do without: a guest can raise any interrupt of the "
		     "host",
		     "a matter of the hardware");
	else
		bad(r, "remapping",
		    "no ITS keeps devices' interrupts apart, and so VFIO "
		    "refuses devices",
		    UNSAFE);
}

static void judge_iommu_pages(struct doctor_report *r,
			      const struct doctor_facts *f)
{
	if (f->iommu_bits && f->iommu_bits < 48)
		add(r, DOCTOR_WARN, "iommu-width",
		    "the narrowest IOMMU takes addresses of %1 bits: guests "
		    "that need more cannot run, and BARs are placed below",
		    "a matter of the hardware; in a VM give it aw-bits=48")
			->num = f->iommu_bits;
	if (!f->iommu_pages && !on_x86(f))
		ok(r, "iommu-pages",
		   "what pages the SMMU has is told by VFIO alone, of an open "
		   "device");
	if (!f->iommu_pages)
		return;
	if (f->iommu_pages & 1u << 30)
		ok(r, "iommu-pages", "the IOMMU has 1 GiB pages");
	else
		warn(r, "iommu-pages",
		     "the IOMMU has no 1 GiB pages: DMA looks up more entries",
		     "a matter of the hardware");
}

static void judge_iommu(struct doctor_report *r, const struct doctor_facts *f)
{
	if (!f->groups) {
		bad(r, "iommu",
		    "the IOMMU is off or absent: no device is in "
		    "an IOMMU group",
		    iommu_advice(f));
		return;
	}
	add(r, DOCTOR_OK, "iommu", "the IOMMU is on, with %1 groups", "")->num =
		f->groups;
	judge_iommu_pages(r, f);
	if (on_x86(f))
		judge_remapping(r, f);
	else
		judge_its(r, f);
}

/* --- VFIO ----------------------------------------------------------------- */

static void judge_vfio_pci(struct doctor_report *r,
			   const struct doctor_facts *f)
{
	switch (f->vfio_pci) {
	case MODULE_THERE:
		ok(r, "vfio-pci", "the driver vfio-pci is loaded");
		break;
	case MODULE_LOADABLE:
	case MODULE_UNKNOWN:
		warn(r, "vfio-pci", "the driver vfio-pci is not loaded",
		     "load it: sudo modprobe vfio-pci");
		break;
	case MODULE_MISSING:
		bad(r, "vfio-pci", "this kernel has no driver vfio-pci",
		    "boot one with CONFIG_VFIO_PCI");
		break;
	}
}

/* Whether the backend will work once what can be loaded is loaded. */
static bool type1_works(const struct doctor_facts *f)
{
	return f->type1 != MODULE_MISSING &&
	       (f->dev_vfio == 0 || f->vfio_pci != MODULE_THERE);
}

static bool iommufd_works(const struct doctor_facts *f)
{
	return f->dev_iommu == 0 && f->cdev != REACH_NO;
}

static void judge_type1(struct doctor_report *r, const struct doctor_facts *f)
{
	if (f->type1 == MODULE_MISSING)
		warn(r, "type1", "this kernel has no vfio_iommu_type1",
		     "iommufd does as well");
	else if (f->dev_vfio == 0)
		ok(r, "type1", "/dev/vfio/vfio can be opened");
	else if (f->vfio_pci != MODULE_THERE)
		warn(r, "type1", "/dev/vfio/vfio is not there yet",
		     "it comes with: sudo modprobe vfio-pci");
	else
		warn(r, "type1", "/dev/vfio/vfio cannot be opened",
		     "let everybody open it: sudo chmod a+rw /dev/vfio/vfio");
}

static void judge_iommufd(struct doctor_report *r, const struct doctor_facts *f)
{
	if (iommufd_works(f) && f->cdev == REACH_YES)
		ok(r, "iommufd",
		   "/dev/iommu can be opened, and devices have files of "
		   "their own");
	else if (f->iommufd == MODULE_MISSING)
		ok(r, "iommufd",
		   "this kernel has no iommufd (CONFIG_IOMMUFD, from 6.2 on); "
		   "type1 does as well");
	else if (f->cdev == REACH_NO)
		ok(r, "iommufd",
		   "this kernel has no files of single devices "
		   "(CONFIG_VFIO_DEVICE_CDEV, from 6.6 on), which iommufd "
		   "needs; type1 does as well");
	else if (f->dev_iommu == 0)
		ok(r, "iommufd", "/dev/iommu can be opened");
	else if (f->iommufd == MODULE_THERE)
		warn(r, "iommufd", "/dev/iommu cannot be opened",
		     "for iommu=iommufd make it yours: "
		     "sudo chown $USER /dev/iommu");
	else
		add(r, DOCTOR_OK, "iommufd",
		    "iommufd is not loaded; type1 does as well",
		    "to use it nevertheless: sudo modprobe iommufd");
}

static void judge_devices(struct doctor_report *r, const struct doctor_facts *f)
{
	if (!f->bound) {
		warn(r, "devices", "no device is bound to vfio-pci yet",
		     "see which there are: barge devices");
		return;
	}
	if (f->closed) {
		struct doctor_finding *x =
			add(r, DOCTOR_WARN, "devices",
			    "%1 of the %2 devices bound to vfio-pci may not "
			    "be opened by you",
			    "make them yours: sudo chown $USER /dev/vfio/*");
		x->num = f->closed;
		x->num2 = f->bound;
		return;
	}
	add(r, DOCTOR_OK, "devices", "devices bound to vfio-pci: %1", "")->num =
		f->bound;
}

static void judge_vfio(struct doctor_report *r, const struct doctor_facts *f)
{
	judge_vfio_pci(r, f);
	judge_type1(r, f);
	judge_iommufd(r, f);
	if (!type1_works(f) && !iommufd_works(f))
		bad(r, "vfio",
		    "VFIO can be used neither by type1 nor by iommufd",
		    DMESG_VFIO);
	judge_devices(r, f);
}

/* --- the kernel ----------------------------------------------------------- */

struct version {
	unsigned int major;
	unsigned int minor;
	const char *text;
};

/* The Linux that brought it; distributors may have added it to older ones. */
static const struct version versions[] = {
	{5, 15,
	 "Linux %1.%2 does not tell how a device is reset; 5.15 "
	 "does"},
	{6, 5,
	 "Linux %1.%2 makes all MSI-X vectors anew when one is "
	 "added; 6.5 adds one"},
	{6, 12,
	 "Linux %1.%2 maps BARs in the smallest pages only; "
	 "6.12 has huge ones"},
	{6, 13,
	 "Linux %1.%2 has no IOMMU_IOAS_MAP_FILE, which maps RAM "
	 "by its file; 6.13 has"},
	{6, 15,
	 "Linux %1.%2 maps BARs for DMA page by page with type1; "
	 "6.15 takes whole blocks"},
	{6, 19,
	 "Linux %1.%2 exports no BAR as dma-buf, which "
	 "peer-to-peer DMA by iommufd needs; 6.19 does"},
};

static void judge_kernel(struct doctor_report *r, const struct doctor_facts *f)
{
	unsigned int major = f->host.kernel_major, minor = f->host.kernel_minor;

	if (f->release[0])
		add(r, DOCTOR_OK, "kernel", "the kernel is Linux %s", "")
			->word = f->release;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		const struct version *v = &versions[i];
		struct doctor_finding *x;

		if (!major || major > v->major ||
		    (major == v->major && minor >= v->minor))
			continue;
		x = add(r, DOCTOR_WARN, "kernel", v->text,
			"boot a newer kernel, if that matters to you");
		x->num = major;
		x->num2 = minor;
	}
	if (f->lockdown[0] && strcmp(f->lockdown, "none") != 0)
		add(r, DOCTOR_OK, "lockdown",
		    "the kernel is locked down (%s), which VFIO does not mind",
		    "")
			->word = f->lockdown;
}

/* --- memory --------------------------------------------------------------- */

/* Since Linux 7.2 the policy does not count for device memory. */
static bool bars_follow_policy(const struct doctor_facts *f)
{
	return f->host.kernel_major < 7 ||
	       (f->host.kernel_major == 7 && f->host.kernel_minor < 2);
}

static void judge_thp(struct doctor_report *r, const struct doctor_facts *f)
{
	static const char madvise[] =
		"allow them where they are asked for: echo madvise | sudo tee "
		"/sys/kernel/mm/transparent_hugepage/enabled";

	const char *what =
		bars_follow_policy(f) ? "RAM and BARs get" : "RAM gets";

	switch (f->host.thp) {
	case REACH_THP_ALWAYS:
	case REACH_THP_MADVISE:
		if (f->host.thp_denied)
			add(r, DOCTOR_WARN, "thp",
			    "transparent huge pages are denied to this "
			    "process, so %s small pages",
			    "start barge from a shell or unit without "
			    "PR_SET_THP_DISABLE")
				->word = what;
		else
			ok(r, "thp", "transparent huge pages are allowed");
		break;
	case REACH_THP_NEVER:
		add(r, DOCTOR_WARN, "thp",
		    "transparent huge pages are off, so %s small pages",
		    madvise)
			->word = what;
		break;
	case REACH_THP_ABSENT:
		warn(r, "thp",
		     "this kernel has no transparent huge pages, so RAM and "
		     "BARs get small pages",
		     "boot one with CONFIG_TRANSPARENT_HUGEPAGE");
		break;
	}
}

static void judge_memlock(struct doctor_report *r, const struct doctor_facts *f)
{
	struct doctor_finding *x;

	if (f->memlock >= f->memory) {
		x = add(r, DOCTOR_OK, "memlock",
			"%m of guest memory may be locked for DMA", "");
		x->num = f->memory;
		return;
	}
	x = add(r, DOCTOR_BAD, "memlock",
		"a guest with %m of memory and a device needs all of it "
		"locked, and %M may be (RLIMIT_MEMLOCK)",
		"allow it: ulimit -l %K (systemd: LimitMEMLOCK=%KK), or give "
		"barge CAP_IPC_LOCK");
	x->num = f->memory;
	x->num2 = f->memlock;
}

static void judge_available(struct doctor_report *r,
			    const struct doctor_facts *f)
{
	struct doctor_finding *x;

	if (!f->available)
		return;
	if (f->available >= f->memory)
		x = add(r, DOCTOR_OK, "memory", "%M of memory is available",
			"");
	else
		x = add(r, DOCTOR_BAD, "memory",
			"a guest with %m of memory does not fit: %M is "
			"available",
			"give less with --memory, or make room: free -h");
	x->num = f->memory;
	x->num2 = f->available;
}

static void judge_hugetlb(struct doctor_report *r, const struct doctor_facts *f)
{
	struct doctor_finding *x;

	if (!f->huge_2m && !f->huge_1g)
		return;
	x = add(r, DOCTOR_OK, "hugetlb",
		"reserved huge pages that are free: %m in 2 MiB, %M in 1 GiB; "
		"barge does not use them",
		"");
	x->num = f->huge_2m;
	x->num2 = f->huge_1g;
}

void doctor_judge(struct doctor_report *r, const struct doctor_facts *f)
{
	r->n = 0;
	r->n_bad = 0;
	r->n_warn = 0;
	judge_kvm(r, f);
	judge_cpu(r, f);
	judge_iommu(r, f);
	judge_vfio(r, f);
	judge_thp(r, f);
	judge_memlock(r, f);
	judge_available(r, f);
	judge_hugetlb(r, f);
	judge_kernel(r, f);
}
