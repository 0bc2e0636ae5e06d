// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "arch-x86_64/layout.h"
#include "vmm/arch.h"

/*
 * Three pages that KVM on Intel needs for real mode, and its identity map
 * page, below the IOAPIC where nothing else is (kvm-api 4.38, 4.41).
 */
#define TSS_ADDR      0xfeffc000u
#define IDENTITY_ADDR 0xfeffb000u

#define PIC_PINS      8u

static int must(int r, const char *call, struct err *e)
{
	return r < 0 ? err_set(e, r, ERR_KVM_IOCTL, call, NULL) : 0;
}

/* asm/kvm.h of Linux 6.12 */
#define QUIRK_SLOT_ZAP_ALL (1u << 7)

/*
 * By default KVM drops all of a guest's second-level page tables when a memslot
 * goes, RAM's included, and a guest that only looks at a BAR pays for that with
 * a fault per page. It can do with dropping the slot's own.
 */
static int keep_page_tables(struct kvm *k, struct err *e)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DISABLE_QUIRKS2,
		.args = {QUIRK_SLOT_ZAP_ALL},
	};

	/* kvm-api 7.32: which ones there are */
	if (k->slot_zap_all ||
	    !(kvm_cap(k, KVM_CAP_DISABLE_QUIRKS2) & QUIRK_SLOT_ZAP_ALL))
		return 0;
	return must(kvm_ioctl(k->vm, KVM_ENABLE_CAP, &cap),
		    "KVM_CAP_DISABLE_QUIRKS2", e);
}

/* kvm-api 8.35; without it, only leaves of CPUID tell the guest of none. */
static int drop_pmu(struct kvm *k, const struct plan *plan, struct err *e)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_PMU_CAPABILITY,
		.args = {KVM_PMU_CAP_DISABLE},
	};

	if (!(plan->cpu_off & PLAN_CPU_PMU) ||
	    !(kvm_cap(k, KVM_CAP_PMU_CAPABILITY) & KVM_PMU_CAP_DISABLE))
		return 0;
	return must(kvm_ioctl(k->vm, KVM_ENABLE_CAP, &cap),
		    "KVM_CAP_PMU_CAPABILITY", e);
}

/* The routes that KVM_CREATE_IRQCHIP makes, spelt out: PICs and IOAPIC. */
static int base_routes(struct kvm *k, struct err *e)
{
	struct kvm_irq_routing_entry r[IOAPIC_PINS + 2 * PIC_PINS];
	unsigned int n = 0;

	memset(r, 0, sizeof(r));
	for (unsigned int i = 0; i < (unsigned int)IOAPIC_PINS + 2 * PIC_PINS;
	     i++, n++) {
		bool pic = i >= IOAPIC_PINS;
		unsigned int gsi = pic ? i - IOAPIC_PINS : i;

		r[n].gsi = gsi;
		r[n].type = KVM_IRQ_ROUTING_IRQCHIP;
		if (pic) {
			r[n].u.irqchip.irqchip =
				gsi < PIC_PINS ? KVM_IRQCHIP_PIC_MASTER
					       : KVM_IRQCHIP_PIC_SLAVE;
			r[n].u.irqchip.pin = gsi % PIC_PINS;
			continue;
		}
		r[n].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		/* ISA 0, the PIT, is wired to pin 2 as in every PC. */
		r[n].u.irqchip.pin = gsi == 0 ? 2 : gsi;
	}
	return kvm_set_base_routes(k, r, n, IOAPIC_PINS, e);
}

int arch_vm_create(struct kvm *k, const struct plan *plan, struct err *e)
{
	(void)plan; /* the second-level tables are as deep as the host's */
	return kvm_create_vm(k, 0, e);
}

int arch_vm_init(struct kvm *k, const struct plan *plan, struct err *e)
{
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	uint64_t identity = IDENTITY_ADDR;
	int r = keep_page_tables(k, e);

	if (r == 0)
		r = drop_pmu(k, plan, e);
	if (r < 0)
		return r;
	r = kvm_ioctl(k->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	if (r < 0)
		return must(r, "KVM_SET_IDENTITY_MAP_ADDR", e);
	r = kvm_ioctl(k->vm, KVM_SET_TSS_ADDR, (void *)(uintptr_t)TSS_ADDR);
	if (r < 0)
		return must(r, "KVM_SET_TSS_ADDR", e);
	r = kvm_ioctl(k->vm, KVM_CREATE_IRQCHIP, NULL);
	if (r < 0)
		return must(r, "KVM_CREATE_IRQCHIP", e);
	r = kvm_ioctl(k->vm, KVM_CREATE_PIT2, &pit);
	if (r < 0)
		return must(r, "KVM_CREATE_PIT2", e);
	return base_routes(k, e);
}

int arch_vm_ready(struct kvm *k, const struct plan *plan, struct err *e)
{
	(void)k; /* everything was there before the vCPUs */
	(void)plan;
	(void)e;
	return 0;
}

/* Port I/O: `count` items of `size` bytes, one after the other. */
static int port_io(struct kvm_run *run, const struct arch_sink *sink)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++) {
		if (run->io.direction == KVM_EXIT_IO_OUT)
			sink->write(sink->ctx, BUS_PIO, run->io.port, data,
				    run->io.size);
		else
			sink->read(sink->ctx, BUS_PIO, run->io.port, data,
				   run->io.size);
		data += run->io.size;
	}
	return 1;
}

int arch_vcpu_exit(struct vcpu *v, const struct arch_sink *sink)
{
	switch (v->run->exit_reason) {
	case KVM_EXIT_IO:
		return port_io(v->run, sink);
	case KVM_EXIT_HLT: /* only without an in-kernel APIC */
	case KVM_EXIT_SET_TPR:
	case KVM_EXIT_IOAPIC_EOI:
		return 1;
	default:
		return 0;
	}
}
