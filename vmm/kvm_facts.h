/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_KVM_FACTS_H
#define VMM_KVM_FACTS_H

#include <stdbool.h>

#include "core/err.h"
#include "vfio/reach.h"

/* What KVM says of itself and of its processor, to plan and doctor. */
struct kvm_facts {
	bool slot_quirk; /* x86_64: KVM_X86_QUIRK_SLOT_ZAP_ALL */
	/* aarch64 */
	bool nisv;	  /* KVM_CAP_ARM_NISV_TO_USER */
	bool gic_v3, its; /* interrupt controllers for guests */
	bool gic_v2;
	unsigned int ipa_bits; /* most that a guest can have, 0: unknown */
	/* Device memory that is cacheable is mapped as such. */
	enum reach_fact cacheable;
};

/*
 * Asks /dev/kvm, and a VM that is made for it and goes again. What could not
 * be asked is as if KVM had said no, and cacheable is unknown; -errno and @e
 * then say why.
 */
int kvm_facts_read(struct kvm_facts *f, struct err *e);

#endif
