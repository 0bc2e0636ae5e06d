/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include "core/pci_cfg.h"
#include "core/span.h"

/* The computed machine: plain data, printed by `barge plan`, obeyed by run. */

#define PLAN_RAM_MAX 2
#define PLAN_PCI_MAX 31 /* a bus has 32 slots, one is the host bridge's */
#define PLAN_BARS    (PCI_BARS + 1) /* the last is the ROM: PCI_ROM_IDX */

/* Parts of a processor that can be kept from the guest. */
#define PLAN_CPU_PMU   (1u << 0) /* counters of events */
#define PLAN_CPU_SVE   (1u << 1) /* aarch64: scalable vectors */
#define PLAN_CPU_PAUTH (1u << 2) /* aarch64: signed pointers */

struct plan_bar {
	enum pci_bar_kind kind;
	bool prefetch;
	uint64_t size;	/* of the virtual BAR, a power of two */
	uint64_t align; /* guest-physical alignment wanted, >= size */
	uint64_t addr;	/* where it was placed */
	bool no_dma;	/* where the IOMMU reaches nothing: for the CPU only */
};

struct plan_pci {
	char name[16]; /* the host's address of a passed-through device */
	bool vf;       /* an SR-IOV virtual function: no part of its slot */
	uint8_t devfn;
	uint8_t intx_pin;      /* 1 to 4: INTA to INTD, 0: no INTx */
	unsigned int intx_gsi; /* where it ends, if it has a pin */
	struct plan_bar bar[PLAN_BARS];
};

struct plan {
	unsigned int cpus;
	unsigned int n_ram;
	struct span ram[PLAN_RAM_MAX]; /* guest-physical, ascending */
	uint64_t bar_align;	       /* least alignment of a memory BAR */
	struct span conf1; /* ports of configuration mechanism 1, or len 0 */
	struct span ecam;  /* one bus: 1 MiB */
	/* PCI windows; len 0 when nothing needs one. */
	struct span mem32;
	struct span mem64;
	struct span io;
	uint64_t io_mmio;     /* where port 0 is in memory; 0: real ports */
	unsigned int cpu_off; /* PLAN_CPU_*: not for the guest */
	uint64_t hugepages;   /* bytes of one that RAM is made of; 0: no such */
	unsigned int n_pci;
	struct plan_pci pci[PLAN_PCI_MAX];
};

#endif
