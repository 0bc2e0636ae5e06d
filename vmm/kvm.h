/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/hv.h"
#include "core/span.h"

/* RAM, and what 16 devices of 64 slices each can use. */
#define KVM_SLOTS_MAX	  1040
#define KVM_ROUTES_MAX	  4096
#define KVM_ARCH_DEVS_MAX 2

struct kvm_route {
	bool used; /* taken */
	bool live; /* part of the table KVM has, or gets next */
	bool was_live;
	struct kvm_irq_routing_entry entry;
	struct kvm_irq_routing_entry was; /* in the table KVM has */
};

/* /dev/kvm, one VM, its memslots and interrupt routes. */
struct kvm {
	struct hv hv; /* first: hv_ops are given &kvm->hv */
	int sys;      /* /dev/kvm, -1: not open */
	int vm;	      /* -1: not created */
	int vfio;     /* KVM_DEV_TYPE_VFIO, -1: not created */
	/* Devices that the arch creates, for kvm_close() to close; -1: none */
	int arch_dev[KVM_ARCH_DEVS_MAX];
	size_t run_size;
	unsigned int n_slots; /* how many KVM has, at most KVM_SLOTS_MAX */
	bool slot_used[KVM_SLOTS_MAX];
	/*
	 * Asked for: removing a memslot drops the page tables of all others,
	 * where the architecture has the choice.
	 */
	bool slot_zap_all;
	bool msi_devid; /* routes carry a device id (ITS) */
	/* GICv2M: an MSI's data is an INTID in here. len 0: there is none */
	struct span msi_spi;
	uint32_t irq_line_base;	  /* added to a line's number for KVM */
	unsigned int n_gsi;	  /* numbers KVM takes: below this */
	unsigned int routes;	  /* highest `route` ever used, plus one */
	unsigned int base_routes; /* entries of the irqchip, set once */
	unsigned int first_msi;	  /* lowest number for MSI routes */
	bool routes_dirty;	  /* KVM has not seen the last change */
	struct kvm_route route[KVM_ROUTES_MAX];
	void *arch_cache; /* heap; filled by the arch, freed by kvm_close() */
};

struct vcpu {
	unsigned int id;
	int fd; /* -1: none */
	struct kvm_run *run;
};

void kvm_init(struct kvm *k);
int kvm_open(struct kvm *k, struct err *e);
/* @type: kvm-api 4.2, the machine type. */
int kvm_create_vm(struct kvm *k, unsigned long type, struct err *e);
/* Accepts any half-open state. */
void kvm_close(struct kvm *k);
/* Value of KVM_CHECK_EXTENSION: 0 when absent. */
int kvm_cap(const struct kvm *k, int cap);
/* ioctl on the VM (or on /dev/kvm before there is one): 0 or more, -errno. */
int kvm_ioctl(int fd, unsigned long req, void *arg);
/*
 * Set the irqchip's own @n routes; the arch calls it once. MSI routes take
 * numbers from @first_msi on.
 */
int kvm_set_base_routes(struct kvm *k, const struct kvm_irq_routing_entry *r,
			unsigned int n, unsigned int first_msi, struct err *e);
/* Set interrupt line @gsi of the in-kernel irqchip. */
int kvm_irq_line(struct kvm *k, unsigned int gsi, bool level);

int vcpu_create(struct kvm *k, struct vcpu *v, unsigned int id, struct err *e);
void vcpu_destroy(struct kvm *k, struct vcpu *v);

#endif
