/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_ARCH_H
#define VMM_ARCH_H

#include "core/device.h"
#include "core/err.h"
#include "core/gmem.h"
#include "core/plan.h"
#include "vmm/kvm.h"

/*
 * The whole contract between the machine and an architecture: exactly one
 * arch-* folder is linked. Nothing else of an architecture is visible.
 */

/* What the planner has to know of the architecture and the host. */
struct arch_layout {
	struct span conf1;  /* ports of configuration mechanism 1 */
	struct span ecam;   /* where the one bus of ECAM goes */
	struct span mem32;  /* free for 32-bit BARs */
	struct span mem64;  /* free for 64-bit BARs, above RAM */
	struct span hole;   /* in mem64, but not to be used; len 0: none */
	struct span io;	    /* free for I/O BARs */
	uint64_t io_mmio;   /* where port 0 is in memory; 0: real ports */
	uint64_t bar_align; /* least alignment of a memory BAR */
	unsigned int n_ram;
	struct span ram[PLAN_RAM_MAX];
};

/*
 * Pure: lay out @memory bytes of RAM for a guest with @phys_bits of physical
 * address. -errno and @e when that does not fit.
 */
int arch_layout_make(struct arch_layout *l, uint64_t memory,
		     unsigned int phys_bits, struct err *e);
/*
 * Physical address bits that a guest on this host can use. Where kvm_open()
 * failed: what is usual, or -errno.
 */
int arch_phys_bits(struct kvm *k, unsigned int *bits, struct err *e);

/*
 * Pure: the interrupt controller's number for INTx of a device in @slot of bus
 * 0; @pin 0 is INTA. Several devices may share one.
 */
unsigned int arch_intx_gsi(unsigned int slot, unsigned int pin);

/* Devices of this architecture, in the order they are created. */
const struct dev_place *arch_places(unsigned int *n);

/*
 * From nothing to a machine that can run, in this order: arch_vm_create(), RAM
 * is mapped, arch_vm_init(), each vCPU is created and arch_vcpu_init()ed,
 * arch_vm_ready(), devices, arch_start(). arch_load() runs beside all of them
 * but the last.
 */
/* kvm_create_vm() with as much guest-physical address as @plan needs. */
int arch_vm_create(struct kvm *k, const struct plan *plan, struct err *e);
/* What has to be there before vCPUs: interrupt controllers, timers. */
int arch_vm_init(struct kvm *k, const struct plan *plan, struct err *e);
int arch_vcpu_init(struct kvm *k, struct vcpu *v, const struct plan *plan,
		   struct err *e);
/* What has to wait for the last vCPU; interrupts can be routed afterwards. */
int arch_vm_ready(struct kvm *k, const struct plan *plan, struct err *e);

#define ARCH_MODULES_MAX 16

/* A file that the kernel finds in memory, with a line of text. */
struct arch_module {
	const char *name;
	int fd;
	const char *args; /* not NULL */
};

/* What to boot, and into what. */
struct arch_boot {
	const char *kernel_name;
	int kernel_fd;
	bool flat; /* the kernel has no header: code from its first byte on */
	const char *initrd_name; /* NULL: none */
	int initrd_fd;
	unsigned int n_modules; /* besides the initrd; multiboot only */
	struct arch_module module[ARCH_MODULES_MAX];
	const char *cmdline;  /* not NULL */
	const char *fdt_name; /* where a copy of the FDT goes; NULL: nowhere */
	int fdt_fd;
	const struct plan *plan;
	struct gmem *mem; /* not looked at by arch_boot_check() */
};

/* Where the first vCPU starts; each arch uses what it needs. */
struct arch_entry {
	uint64_t pc;
	uint64_t arg;	   /* boot_params, start_info or FDT */
	unsigned int mode; /* private to the arch */
	/* aarch64: for arch_start() to describe and to fill */
	struct span initrd; /* guest-physical; len 0: none */
	struct span fdt;    /* room for it, at arg */
};

/*
 * Whether arch_load() would succeed: what the kernel file is, and whether
 * everything fits into the plan's RAM. Needs the plan's RAM only.
 */
int arch_boot_check(const struct arch_boot *b, struct err *e);
/* Load kernel, initrd and command line into guest memory. */
int arch_load(const struct arch_boot *b, struct arch_entry *entry,
	      struct err *e);
/*
 * Describe the machine that KVM gave to the guest, and let @v, the first vCPU,
 * start there.
 */
int arch_start(struct kvm *k, struct vcpu *v, const struct arch_boot *b,
	       const struct arch_entry *entry, struct err *e);

/* What the machine does with a decoded access. */
struct arch_sink {
	void *ctx;
	void (*read)(void *ctx, enum bus_kind bus, uint64_t addr, void *data,
		     unsigned int len);
	void (*write)(void *ctx, enum bus_kind bus, uint64_t addr,
		      const void *data, unsigned int len);
	/* A line for whoever runs the VM: what the guest did. */
	void (*complain)(void *ctx, const char *text);
};

/*
 * Handle an exit that only this architecture has (port I/O, ...). 1: handled,
 * 0: not one of ours, -errno: KVM refused to go on.
 */
int arch_vcpu_exit(struct vcpu *v, const struct arch_sink *sink);

#endif
