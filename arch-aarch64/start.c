// SPDX-License-Identifier: Apache-2.0
/* The last steps before the guest: its description, and its first registers. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "arch-aarch64/fdt.h"
#include "arch-aarch64/kernel.h"
#include "arch-aarch64/machine.h"

/* Arm-ARM D19.2.64 */
#define ID_AA64MMFR0 ARM64_SYS_REG(3, 0, 0, 7, 0)
#define TGRAN16_AT   20
#define TGRAN64_AT   24
#define TGRAN4_AT    28

#define PSCI_0_2     0x2u

#define CORE_REG(name)                                                         \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE |                 \
	 KVM_REG_ARM_CORE_REG(regs.name))

/* Fields of the register say by different numbers that a size is missing. */
static bool has_pages(uint64_t mmfr0, enum kernel_pages pages)
{
	switch (pages) {
	case KERNEL_PAGES_4K:
		return (mmfr0 >> TGRAN4_AT & 15) < 8;
	case KERNEL_PAGES_16K:
		return (mmfr0 >> TGRAN16_AT & 15) != 0;
	case KERNEL_PAGES_64K:
		return (mmfr0 >> TGRAN64_AT & 15) != 15;
	case KERNEL_PAGES_ANY:
		break;
	}
	return true;
}

static int check_pages(const struct vcpu *v, const struct arch_boot *b,
		       enum kernel_pages pages, struct err *e)
{
	static const uint64_t bytes[] = {
		[KERNEL_PAGES_4K] = 4096,
		[KERNEL_PAGES_16K] = 16384,
		[KERNEL_PAGES_64K] = 65536,
	};
	uint64_t mmfr0 = 0;
	struct kvm_one_reg reg = {ID_AA64MMFR0, (uintptr_t)&mmfr0};

	/* Where KVM does not tell, the guest finds out. */
	if (kvm_ioctl(v->fd, KVM_GET_ONE_REG, &reg) < 0 ||
	    has_pages(mmfr0, pages))
		return 0;
	return err_set_num(e, -ENOEXEC, ERR_KERNEL_PAGES, b->kernel_name,
			   bytes[pages], 0);
}

static int set_reg(const struct vcpu *v, uint64_t id, uint64_t value,
		   struct err *e)
{
	struct kvm_one_reg reg = {id, (uintptr_t)&value};
	int r = kvm_ioctl(v->fd, KVM_SET_ONE_REG, &reg);

	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_SET_ONE_REG", NULL);
	return 0;
}

static uint32_t psci_version(const struct vcpu *v)
{
	uint64_t version = 0;
	struct kvm_one_reg reg = {KVM_REG_ARM_PSCI_VERSION,
				  (uintptr_t)&version};

	if (kvm_ioctl(v->fd, KVM_GET_ONE_REG, &reg) < 0)
		return PSCI_0_2;
	return (uint32_t)version;
}

/* Without randomness the guest boots, too: a seed of zeroes is none. */
static void seed(void *buf, size_t len)
{
	if (getrandom(buf, len, GRND_NONBLOCK) != (ssize_t)len)
		memset(buf, 0, len);
}

static int describe(const struct arm_machine *m, const struct vcpu *v,
		    const struct arch_boot *b, const struct arch_entry *entry,
		    struct err *e)
{
	struct fdt_spec s = {
		.plan = b->plan,
		.cmdline = b->cmdline,
		.initrd = entry->initrd,
		.gic = m->gic_v2 ? FDT_GIC_V2 : FDT_GIC_V3,
		.msi = m->gic_v2 || m->its,
		.pmu = m->pmu,
		.psci = psci_version(v),
	};
	/* libfdt clears all that it is given. */
	uint64_t len = entry->fdt.len < FDT_SPACE ? entry->fdt.len : FDT_SPACE;
	void *fdt = gmem_at(b->mem, entry->fdt.base, len);
	int r;

	seed(s.kaslr_seed, sizeof(s.kaslr_seed));
	seed(s.rng_seed, sizeof(s.rng_seed));
	r = fdt ? fdt_build(fdt, len, &s) : -EFAULT;
	if (r < 0)
		return err_set_num(e, r, ERR_FDT_SPACE, NULL, len, 0);
	return fdt_dump(b, fdt, e);
}

int arch_start(struct kvm *k, struct vcpu *v, const struct arch_boot *b,
	       const struct arch_entry *entry, struct err *e)
{
	int r = check_pages(v, b, (enum kernel_pages)entry->mode, e);

	if (r == 0)
		r = describe(arm_machine_of(k), v, b, entry, e);
	/* The rest is as KVM made it: EL1, interrupts masked, x1 to x3 0. */
	if (r == 0)
		r = set_reg(v, CORE_REG(pc), entry->pc, e);
	if (r == 0)
		r = set_reg(v, CORE_REG(regs[0]), entry->arg, e);
	return r;
}
