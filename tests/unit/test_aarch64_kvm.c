// SPDX-License-Identifier: Apache-2.0
/*
 * What barge asks of an aarch64 KVM, in which order, and what it says when
 * that KVM cannot: a KVM of our own answers the ioctls of this program.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "arch-aarch64/kernel.h"
#include "arch-aarch64/machine.h"
#include "vmm/explain.h"

enum fd { SYS = 1000, VM, GIC, ITS, VCPU };

static struct {
	bool no_v3, no_v2, no_its, no_nisv;
	int ipa;	   /* KVM_CAP_ARM_VM_IPA_SIZE */
	unsigned int lack; /* KVM_ARM_VCPU_* bits that KVM does not have */
	uint64_t mmfr0;
	unsigned long refuse; /* this ioctl fails */
	/* what was seen */
	unsigned long type;
	uint32_t features[4];
	uint32_t finalized;
	unsigned int gic_type;
	uint64_t addr[8]; /* by KVM_VGIC_*_ADDR_TYPE */
	uint32_t irqs;
	bool gic_init, its_init;
	unsigned int pmu_irq, pmu_init;
	unsigned int routes;
	bool nisv_on;
	bool abort_pending;
	char order[256];
} kvm;

static void saw(const char *what)
{
	strncat(kvm.order, what, sizeof(kvm.order) - strlen(kvm.order) - 1);
}

static int refuse_with(int code)
{
	errno = code;
	return -1;
}

static bool has(unsigned int feature)
{
	return !(kvm.lack >> feature & 1);
}

static int cap(long which)
{
	switch (which) {
	case KVM_CAP_ARM_VM_IPA_SIZE:
		return kvm.ipa;
	case KVM_CAP_ARM_NISV_TO_USER:
		return !kvm.no_nisv;
	case KVM_CAP_ARM_PSCI_0_2:
		return has(KVM_ARM_VCPU_PSCI_0_2);
	case KVM_CAP_ARM_PMU_V3:
		return has(KVM_ARM_VCPU_PMU_V3);
	case KVM_CAP_ARM_SVE:
		return has(KVM_ARM_VCPU_SVE);
	case KVM_CAP_ARM_PTRAUTH_ADDRESS:
		return has(KVM_ARM_VCPU_PTRAUTH_ADDRESS);
	case KVM_CAP_ARM_PTRAUTH_GENERIC:
		return has(KVM_ARM_VCPU_PTRAUTH_GENERIC);
	default:
		return 0;
	}
}

static int create_device(struct kvm_create_device *d)
{
	switch (d->type) {
	case KVM_DEV_TYPE_ARM_VGIC_V3:
	case KVM_DEV_TYPE_ARM_VGIC_V2:
		if (d->type == KVM_DEV_TYPE_ARM_VGIC_V3 ? kvm.no_v3 : kvm.no_v2)
			return refuse_with(ENODEV);
		kvm.gic_type = d->type;
		d->fd = GIC;
		saw("gic ");
		return 0;
	case KVM_DEV_TYPE_ARM_VGIC_ITS:
		if (kvm.no_its)
			return refuse_with(ENODEV);
		d->fd = ITS;
		saw("its ");
		return 0;
	default:
		return refuse_with(ENODEV);
	}
}

static int gic_attr(int fd, const struct kvm_device_attr *a)
{
	const void *value = (const void *)(uintptr_t)a->addr;

	switch (a->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		assert_true(a->attr < 8);
		memcpy(&kvm.addr[a->attr], value, sizeof(uint64_t));
		return 0;
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		memcpy(&kvm.irqs, value, sizeof(kvm.irqs));
		return 0;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		assert_int_equal(a->attr, KVM_DEV_ARM_VGIC_CTRL_INIT);
		saw(fd == GIC ? "gic-init " : "its-init ");
		*(fd == GIC ? &kvm.gic_init : &kvm.its_init) = true;
		return 0;
	default:
		return refuse_with(ENXIO);
	}
}

/* Before the GIC's start KVM answers ENODEV: virt/kvm/devices/vcpu.rst. */
static int pmu_attr(const struct kvm_device_attr *a)
{
	assert_int_equal(a->group, KVM_ARM_VCPU_PMU_V3_CTRL);
	if (!kvm.gic_init)
		return refuse_with(ENODEV);
	if (a->attr == KVM_ARM_VCPU_PMU_V3_IRQ)
		memcpy(&kvm.pmu_irq, (void *)(uintptr_t)a->addr, 4);
	else
		kvm.pmu_init++;
	return 0;
}

static int vcpu_init(int fd, const struct kvm_vcpu_init *init)
{
	assert_false(kvm.gic_init);
	assert_int_equal(init->target, KVM_ARM_TARGET_GENERIC_V8);
	if (fd < VCPU + 4)
		kvm.features[fd - VCPU] = init->features[0];
	saw("vcpu ");
	return 0;
}

static int one_reg(const struct kvm_one_reg *r)
{
	if (r->id != ARM64_SYS_REG(3, 0, 0, 7, 0))
		return refuse_with(ENOENT);
	memcpy((void *)(uintptr_t)r->addr, &kvm.mmfr0, sizeof(kvm.mmfr0));
	return 0;
}

static int on_vcpu(int fd, unsigned long req, void *arg)
{
	switch (req) {
	case KVM_ARM_VCPU_INIT:
		return vcpu_init(fd, arg);
	case KVM_ARM_VCPU_FINALIZE:
		kvm.finalized = *(uint32_t *)arg;
		return 0;
	case KVM_SET_DEVICE_ATTR:
		return pmu_attr(arg);
	case KVM_GET_ONE_REG:
		return one_reg(arg);
	case KVM_SET_VCPU_EVENTS:
		kvm.abort_pending = ((struct kvm_vcpu_events *)arg)
					    ->exception.ext_dabt_pending;
		return 0;
	default:
		return refuse_with(EINVAL);
	}
}

static int on_vm(unsigned long req, void *arg)
{
	switch (req) {
	case KVM_CREATE_DEVICE:
		return create_device(arg);
	case KVM_ENABLE_CAP:
		kvm.nisv_on = ((struct kvm_enable_cap *)arg)->cap ==
			      KVM_CAP_ARM_NISV_TO_USER;
		return 0;
	case KVM_ARM_PREFERRED_TARGET:
		((struct kvm_vcpu_init *)arg)->target =
			KVM_ARM_TARGET_GENERIC_V8;
		return 0;
	case KVM_SET_GSI_ROUTING:
		/* the GIC's start would put its own in their place */
		assert_true(kvm.gic_init);
		kvm.routes = ((struct kvm_irq_routing *)arg)->nr;
		return 0;
	default:
		return refuse_with(EINVAL);
	}
}

int ioctl(int fd, unsigned long req, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, req);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (req == kvm.refuse)
		return refuse_with(EINVAL);
	if (req == KVM_CHECK_EXTENSION)
		return cap((long)(uintptr_t)arg);
	if (req == KVM_CREATE_VM) {
		kvm.type = (unsigned long)(uintptr_t)arg;
		return VM;
	}
	if (fd == VM)
		return on_vm(req, arg);
	if (fd == GIC || fd == ITS)
		return gic_attr(fd, arg);
	return on_vcpu(fd, req, arg);
}

/* --- a machine of that KVM ------------------------------------------------ */

struct machine {
	struct kvm k;
	struct plan plan;
	struct vcpu vcpu[16];
	struct err e;
};

static int setup(void **state)
{
	struct machine *t = calloc(1, sizeof(*t));

	memset(&kvm, 0, sizeof(kvm));
	kvm.ipa = 48;
	kvm.mmfr0 = 0x00100000; /* 4K, 16K and 64K */
	kvm_init(&t->k);
	t->k.sys = SYS;
	t->plan.cpus = 2;
	t->plan.n_ram = 1;
	t->plan.ram[0] = (struct span){RAM_BASE, 512ull << 20};
	*state = t;
	return 0;
}

/* The files are none of this process. */
static int teardown(void **state)
{
	struct machine *t = *state;

	free(t->k.arch_cache);
	free(t);
	return 0;
}

static int vcpus(struct machine *t)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < t->plan.cpus; i++) {
		t->vcpu[i] = (struct vcpu){.id = i, .fd = (int)(VCPU + i)};
		r = arch_vcpu_init(&t->k, &t->vcpu[i], &t->plan, &t->e);
	}
	return r;
}

static int build(struct machine *t)
{
	int r = arch_vm_create(&t->k, &t->plan, &t->e);

	if (r == 0)
		r = arch_vm_init(&t->k, &t->plan, &t->e);
	if (r == 0)
		r = vcpus(t);
	if (r == 0)
		r = arch_vm_ready(&t->k, &t->plan, &t->e);
	return r;
}

static void refused(struct machine *t, enum err_what what, int status)
{
	assert_true(build(t) < 0);
	assert_int_equal(t->e.what, what);
	assert_int_equal(explain_status(&t->e), status);
}

static void gicv3(void **state)
{
	struct machine *t = *state;

	assert_int_equal(build(t), 0);
	assert_string_equal(kvm.order, "gic its vcpu vcpu gic-init its-init ");
	assert_int_equal(kvm.gic_type, KVM_DEV_TYPE_ARM_VGIC_V3);
	assert_int_equal(kvm.addr[KVM_VGIC_V3_ADDR_TYPE_DIST], GICD_ADDR);
	assert_int_equal(kvm.addr[KVM_VGIC_V3_ADDR_TYPE_REDIST], GICR_ADDR);
	assert_int_equal(kvm.addr[KVM_VGIC_ITS_ADDR_TYPE], ITS_ADDR);
	assert_int_equal(kvm.irqs, 32 + SPI_COUNT);
	assert_int_equal(kvm.routes, SPI_COUNT);
	assert_int_equal(t->k.first_msi, MSI_GSI_FIRST);
	assert_true(t->k.msi_devid);
	assert_int_equal(t->k.msi_spi.len, 0);
	assert_int_equal(t->k.irq_line_base, 0x01000020);
	assert_true(kvm.nisv_on);
}

static void no_its(void **state)
{
	struct machine *t = *state;

	kvm.no_its = true;
	kvm.no_nisv = true;
	assert_int_equal(build(t), 0);
	assert_false(t->k.msi_devid);
	assert_false(kvm.its_init);
	assert_false(kvm.nisv_on);
}

static void gicv2(void **state)
{
	struct machine *t = *state;

	kvm.no_v3 = true;
	t->plan.cpus = 8;
	assert_int_equal(build(t), 0);
	assert_int_equal(kvm.gic_type, KVM_DEV_TYPE_ARM_VGIC_V2);
	assert_int_equal(kvm.addr[KVM_VGIC_V2_ADDR_TYPE_DIST], GICD_ADDR);
	assert_int_equal(kvm.addr[KVM_VGIC_V2_ADDR_TYPE_CPU], GICC_ADDR);
	assert_false(t->k.msi_devid);
	assert_int_equal(t->k.msi_spi.base, 32 + V2M_SPI_FIRST);
	assert_int_equal(t->k.msi_spi.len, V2M_SPI_COUNT);
	assert_null(strstr(kvm.order, "its"));
	assert_int_equal(kvm.irqs, 32 + V2_SPI_COUNT);
	assert_int_equal(kvm.routes, V2_SPI_COUNT);
	assert_int_equal(t->k.first_msi, MSI_GSI_FIRST);
}

static void gicv2_has_8(void **state)
{
	struct machine *t = *state;

	kvm.no_v3 = true;
	t->plan.cpus = 9;
	refused(t, ERR_CPUS, 1);
	assert_int_equal(t->e.num2, 8);
}

static void no_gic(void **state)
{
	kvm.no_v3 = true;
	kvm.no_v2 = true;
	refused(*state, ERR_KVM_CAP, 2);
}

static void gic_refused(void **state)
{
	kvm.refuse = KVM_CREATE_DEVICE;
	refused(*state, ERR_KVM_IOCTL, 2);
}

static void attr_refused(void **state)
{
	kvm.refuse = KVM_SET_DEVICE_ATTR;
	refused(*state, ERR_KVM_IOCTL, 2);
}

static void ipa(void **state)
{
	struct machine *t = *state;

	assert_int_equal(arch_vm_create(&t->k, &t->plan, &t->e), 0);
	assert_int_equal(kvm.type, 40);
	/* a window that ends above 1 TiB takes more */
	t->plan.mem64 = (struct span){1ull << 41, 1ull << 30};
	assert_int_equal(arch_vm_create(&t->k, &t->plan, &t->e), 0);
	assert_int_equal(kvm.type, 42);
	/* never more than there is */
	kvm.ipa = 36;
	t->plan.mem64.len = 0;
	assert_int_equal(arch_vm_create(&t->k, &t->plan, &t->e), 0);
	assert_int_equal(kvm.type, 36);
	/* an old KVM is not asked for any */
	kvm.ipa = 0;
	assert_int_equal(arch_vm_create(&t->k, &t->plan, &t->e), 0);
	assert_int_equal(kvm.type, 0);
}

static void ipa_refused(void **state)
{
	kvm.refuse = KVM_CREATE_VM;
	refused(*state, ERR_KVM_IOCTL, 2);
}

#define BIT(feature) (1u << (feature))
#define PAUTH                                                                  \
	(BIT(KVM_ARM_VCPU_PTRAUTH_ADDRESS) | BIT(KVM_ARM_VCPU_PTRAUTH_GENERIC))

static void all_features(void **state)
{
	uint32_t all = BIT(KVM_ARM_VCPU_PSCI_0_2) | BIT(KVM_ARM_VCPU_PMU_V3) |
		       BIT(KVM_ARM_VCPU_SVE) | PAUTH;

	assert_int_equal(build(*state), 0);
	assert_int_equal(kvm.features[0], all);
	assert_int_equal(kvm.features[1], all | BIT(KVM_ARM_VCPU_POWER_OFF));
	assert_int_equal(kvm.finalized, KVM_ARM_VCPU_SVE);
	assert_int_equal(kvm.pmu_irq, 16 + PMU_PPI);
	assert_int_equal(kvm.pmu_init, 2);
}

static void features_off(void **state)
{
	struct machine *t = *state;

	t->plan.cpu_off = PLAN_CPU_PMU | PLAN_CPU_SVE | PLAN_CPU_PAUTH;
	assert_int_equal(build(t), 0);
	assert_int_equal(kvm.features[0], BIT(KVM_ARM_VCPU_PSCI_0_2));
	assert_int_equal(kvm.finalized, 0);
	assert_int_equal(kvm.pmu_init, 0);
}

static void features_missing(void **state)
{
	/* half of the signed pointers is none */
	kvm.lack = BIT(KVM_ARM_VCPU_PMU_V3) | BIT(KVM_ARM_VCPU_SVE) |
		   BIT(KVM_ARM_VCPU_PTRAUTH_GENERIC);
	assert_int_equal(build(*state), 0);
	assert_int_equal(kvm.features[0], BIT(KVM_ARM_VCPU_PSCI_0_2));
}

static void pages(void **state)
{
	static const struct {
		enum kernel_pages pages;
		uint64_t lacking; /* ID_AA64MMFR0_EL1 */
		uint64_t bytes;
	} cases[] = {
		{KERNEL_PAGES_4K, 0xf0100000, 4096},
		{KERNEL_PAGES_16K, 0x00000000, 16384},
		{KERNEL_PAGES_64K, 0x0f100000, 65536},
	};
	struct machine *t = *state;
	struct arch_boot b = {.kernel_name = "Image", .mem = &(struct gmem){0}};

	assert_int_equal(build(t), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arch_entry entry = {.mode = cases[i].pages};

		b.plan = &t->plan;
		kvm.mmfr0 = cases[i].lacking;
		assert_true(arch_start(&t->k, t->vcpu, &b, &entry, &t->e) < 0);
		assert_int_equal(t->e.what, ERR_KERNEL_PAGES);
		assert_int_equal(t->e.num, cases[i].bytes);
		assert_int_equal(explain_status(&t->e), 1);
		/* with all sizes it gets as far as the memory that is missing
		 */
		kvm.mmfr0 = 0x00100000;
		assert_true(arch_start(&t->k, t->vcpu, &b, &entry, &t->e) < 0);
		assert_int_equal(t->e.what, ERR_FDT_SPACE);
	}
}

static char complaint[128];

static void complain(void *ctx, const char *text)
{
	(void)ctx;
	strncpy(complaint, text, sizeof(complaint) - 1);
}

static void undecoded(void **state)
{
	struct kvm_run run = {.exit_reason = KVM_EXIT_ARM_NISV};
	struct vcpu v = {.id = 3, .fd = VCPU + 3, .run = &run};
	struct arch_sink sink = {.complain = complain};

	(void)state;
	run.arm_nisv.fault_ipa = 0x12345678;
	assert_int_equal(arch_vcpu_exit(&v, &sink), 1);
	assert_true(kvm.abort_pending);
	assert_non_null(strstr(complaint, "vCPU 3"));
	assert_non_null(strstr(complaint, "0x12345678"));
	kvm.refuse = KVM_SET_VCPU_EVENTS;
	assert_int_equal(arch_vcpu_exit(&v, &sink), -EINVAL);
	run.exit_reason = KVM_EXIT_HYPERCALL;
	assert_int_equal(arch_vcpu_exit(&v, &sink), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(gicv3),	 T(no_its),	  T(gicv2),
		T(gicv2_has_8),	 T(no_gic),	  T(gic_refused),
		T(attr_refused), T(ipa),	  T(ipa_refused),
		T(all_features), T(features_off), T(features_missing),
		T(pages),	 T(undecoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
