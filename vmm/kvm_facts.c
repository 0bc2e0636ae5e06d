// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/kvm.h"

/*
 * What linux/kvm.h of Debian 12 (Linux 6.1) lacks; see vfio/uapi_compat.h.
 * Linux 6.17, for VMs only.
 */
#ifndef KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED
#define KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED 243
#endif

/* asm/kvm.h of Linux 6.12: KVM_X86_QUIRK_SLOT_ZAP_ALL */
#define QUIRK_SLOT_ZAP_ALL (1 << 7)
/* kvm-api 4.2: what a VM of type 0 has on aarch64 */
#define IPA_BITS_DEFAULT 40

/* kvm-api 4.79: whether KVM has such a device, without making one. */
static bool has_device(const struct kvm *k, uint32_t type)
{
	struct kvm_create_device d = {.type = type,
				      .flags = KVM_CREATE_DEVICE_TEST};

	return kvm_ioctl(k->vm, KVM_CREATE_DEVICE, &d) == 0;
}

/* Some processors have fewer bits than type 0 stands for. */
static unsigned long vm_type(unsigned int ipa_bits)
{
	if (ipa_bits && ipa_bits < IPA_BITS_DEFAULT)
		return KVM_VM_TYPE_ARM_IPA_SIZE(ipa_bits);
	return 0;
}

static void ask(struct kvm_facts *f, const struct kvm *k)
{
	f->slot_quirk =
		kvm_cap(k, KVM_CAP_DISABLE_QUIRKS2) & QUIRK_SLOT_ZAP_ALL;
	f->nisv = kvm_cap(k, KVM_CAP_ARM_NISV_TO_USER) > 0;
	f->gic_v3 = has_device(k, KVM_DEV_TYPE_ARM_VGIC_V3);
	f->gic_v2 = has_device(k, KVM_DEV_TYPE_ARM_VGIC_V2);
	f->its = has_device(k, KVM_DEV_TYPE_ARM_VGIC_ITS);
	f->cacheable = kvm_cap(k, KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED) > 0
			       ? REACH_YES
			       : REACH_NO;
}

static int open_and_ask(struct kvm_facts *f, struct kvm *k, struct err *e)
{
	int r = kvm_open(k, e);

	if (r < 0)
		return r;
	r = kvm_cap(k, KVM_CAP_ARM_VM_IPA_SIZE);
	f->ipa_bits = r > 0 ? (unsigned int)r : 0;
	r = kvm_create_vm(k, vm_type(f->ipa_bits), e);
	if (r == 0)
		ask(f, k);
	return r;
}

int kvm_facts_read(struct kvm_facts *f, struct err *e)
{
	struct kvm *k = malloc(sizeof(*k));
	int r;

	memset(f, 0, sizeof(*f));
	if (!k)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	kvm_init(k);
	r = open_and_ask(f, k, e);
	kvm_close(k);
	free(k);
	return r;
}
