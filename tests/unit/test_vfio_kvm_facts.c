/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fake_sys.h"
#include "vmm/kvm.h"
#include "vmm/kvm_facts.h"

/* What is asked of /dev/kvm, and what of a VM: as KVM of aarch64 answers. */

#define CACHEABLE 243 /* KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED */

static struct {
	int ipa_bits;
	int pfnmap; /* what the VM says of it */
	int quirks;
	int nisv;
	uint32_t device[3];	/* types there are */
	int no_vm;		/* KVM_CREATE_VM fails so */
	unsigned long type;	/* of the VM that was made */
	unsigned int vms, made; /* VMs, devices */
} has;

static int extension(bool vm, unsigned long cap)
{
	switch (cap) {
	case KVM_CAP_ARM_VM_IPA_SIZE:
		return has.ipa_bits;
	case KVM_CAP_ARM_NISV_TO_USER:
		return has.nisv;
	case KVM_CAP_DISABLE_QUIRKS2:
		return has.quirks;
	case CACHEABLE: /* arch/arm64/kvm/arm.c: of VMs only */
		return vm ? has.pfnmap : -EINVAL;
	default:
		return 1; /* what kvm_open() needs */
	}
}

static int vm_ioctl(void *obj, unsigned long req, void *arg)
{
	const struct kvm_create_device *d = arg;

	(void)obj;
	if (req == KVM_CHECK_EXTENSION)
		return extension(true, (unsigned long)arg);
	if (req != KVM_CREATE_DEVICE)
		return -ENOTTY;
	has.made += !(d->flags & KVM_CREATE_DEVICE_TEST);
	for (unsigned int i = 0; i < 3; i++) {
		if (d->type == has.device[i])
			return 0;
	}
	return -ENODEV;
}

static const struct fake_file_ops vm_ops = {.name = "vm", .ioctl = vm_ioctl};

static int kvm_dev_ioctl(void *obj, unsigned long req, void *arg)
{
	(void)obj;
	switch (req) {
	case KVM_GET_API_VERSION:
		return KVM_API_VERSION;
	case KVM_GET_VCPU_MMAP_SIZE:
		return 1 << 16;
	case KVM_CHECK_EXTENSION:
		return extension(false, (unsigned long)arg);
	case KVM_CREATE_VM:
		if (has.no_vm)
			return has.no_vm;
		has.type = (unsigned long)arg;
		has.vms++;
		return fake_sys_open(&vm_ops, &has, -1);
	default:
		return -ENOTTY;
	}
}

static const struct fake_file_ops dev_ops = {.name = "/dev/kvm",
					     .ioctl = kvm_dev_ioctl};

static int open_dev(const char *path, int flags)
{
	(void)flags;
	return strcmp(path, "/dev/kvm") == 0 ? fake_sys_open(&dev_ops, &has, -1)
					     : -ENOENT;
}

static int no_dev(const char *path, int flags)
{
	(void)path;
	(void)flags;
	return -ENOENT;
}

static int setup(void **state)
{
	(void)state;
	memset(&has, 0, sizeof(has));
	memset(has.device, 0xff, sizeof(has.device));
	fake_sys_set_dev(open_dev);
	fake_sys_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_sys_stop();
	fake_sys_set_dev(NULL);
	return 0;
}

/* A server: everything is there. */
static void server(void **state)
{
	struct kvm_facts f;
	struct err e;

	(void)state;
	has.ipa_bits = 48;
	has.nisv = 1;
	has.pfnmap = 1;
	has.device[0] = KVM_DEV_TYPE_ARM_VGIC_V3;
	has.device[1] = KVM_DEV_TYPE_ARM_VGIC_ITS;
	assert_int_equal(kvm_facts_read(&f, &e), 0);
	assert_int_equal(f.ipa_bits, 48);
	assert_true(f.nisv && f.gic_v3 && f.its);
	assert_false(f.gic_v2 || f.slot_quirk);
	assert_int_equal(f.cacheable, REACH_YES);
	assert_int_equal(has.type, 0);
	assert_int_equal(has.made, 0); /* only asked */
	assert_null(fake_sys_left());
}

/* A small one: 36 bits, for which a VM has to be asked, and a GICv2. */
static void board(void **state)
{
	struct kvm_facts f;
	struct err e;

	(void)state;
	has.ipa_bits = 36;
	has.device[0] = KVM_DEV_TYPE_ARM_VGIC_V2;
	has.quirks = 1 << 7;
	assert_int_equal(kvm_facts_read(&f, &e), 0);
	assert_int_equal(has.type, KVM_VM_TYPE_ARM_IPA_SIZE(36));
	assert_int_equal(f.ipa_bits, 36);
	assert_true(f.gic_v2 && f.slot_quirk);
	assert_false(f.gic_v3 || f.its || f.nisv);
	assert_int_equal(f.cacheable, REACH_NO);
	assert_null(fake_sys_left());
}

static void refused(void **state)
{
	struct kvm_facts f;
	struct err e;

	(void)state;
	has.pfnmap = 1;
	has.no_vm = -EBUSY;
	assert_int_equal(kvm_facts_read(&f, &e), -EBUSY);
	assert_int_equal(e.what, ERR_KVM_IOCTL);
	assert_int_equal(f.cacheable, REACH_UNKNOWN);
	fake_sys_set_dev(no_dev);
	assert_int_equal(kvm_facts_read(&f, &e), -ENOENT);
	assert_int_equal(e.what, ERR_KVM_OPEN);
	assert_int_equal(f.cacheable, REACH_UNKNOWN);
	assert_int_equal(f.ipa_bits, 0);
	fake_sys_fail(1, ENOMEM);
	assert_int_equal(kvm_facts_read(&f, &e), -ENOMEM);
	assert_null(fake_sys_left());
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(server), T(board), T(refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
