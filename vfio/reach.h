/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_REACH_H
#define VFIO_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "vfio/bar_plan.h"

/*
 * The page size that each slice of a BAR can reach in the host's page tables,
 * in EPT, NPT or stage 2, and in the IOMMU; why it is not more; and what would
 * change that. Pure: everything it knows of the host is told to it, by
 * vmm/host_facts.c or by a file.
 */

enum reach_arch {
	REACH_X86_64,
	REACH_AARCH64,
};

enum reach_thp {
	REACH_THP_ABSENT, /* a kernel without CONFIG_TRANSPARENT_HUGEPAGE */
	REACH_THP_NEVER,
	REACH_THP_MADVISE,
	REACH_THP_ALWAYS,
};

/* What may be not to be found out. */
enum reach_fact {
	REACH_UNKNOWN,
	REACH_NO,
	REACH_YES,
};

struct reach_host {
	enum reach_arch arch;
	uint64_t page;		   /* of the host: 4096, 16384 or 65536 */
	unsigned int kernel_major; /* Linux, 0: unknown */
	unsigned int kernel_minor;
	enum reach_thp thp;
	bool thp_denied;	  /* PR_SET_THP_DISABLE of this process */
	enum reach_fact cpu_1g;	  /* x86_64: the processor's own tables */
	enum reach_fact guest_1g; /* x86_64: EPT or NPT */
	/* aarch64: KVM maps cacheable memory of a device as such */
	enum reach_fact cacheable;
};

enum reach_iommu_kind {
	REACH_IOMMU_NONE, /* the device is behind none */
	REACH_IOMMU_INTEL,
	REACH_IOMMU_AMD,
	REACH_IOMMU_OTHER, /* an SMMU, virtio: sysfs does not tell */
};

struct reach_iommu {
	enum reach_iommu_kind kind;
	uint64_t pages;	   /* bit n: pages of 2^n bytes; 0: unknown */
	unsigned int bits; /* of a DMA address, 0: unknown */
};

/* Whether BARs are in the IOMMU, so that devices reach one another's. */
enum reach_p2p {
	REACH_P2P_ON,
	REACH_P2P_IOMMUFD, /* on, by iommufd, which was asked for */
	REACH_P2P_OFF,	   /* not asked for */
	REACH_P2P_ALONE,   /* no other device is there */
};

enum reach_table {
	REACH_HOST,  /* page tables of barge */
	REACH_GUEST, /* EPT, NPT or stage 2 */
	REACH_IOMMU,
	REACH_TABLES,
};

/* Why pages are no larger, or why there are none. */
enum reach_why {
	REACH_BEST,	 /* all in the largest pages there are */
	REACH_BAR_SMALL, /* all in the largest that fit into the BAR */
	REACH_CUT_END,	 /* the BAR's memory does not end at such a page */
	REACH_CUT_AREA,	 /* the kernel lets only parts of the BAR be mapped */
	REACH_CUT_QUIRK, /* some registers are left out, see vfio/quirk.c */
	REACH_CUT_MSIX,	 /* the MSI-X table's host pages are left out */
	REACH_THP_IS_NEVER,
	REACH_THP_IS_ABSENT,
	REACH_THP_IS_DENIED, /* PR_SET_THP_DISABLE */
	REACH_KERNEL_OLD,
	REACH_CPU_NO_1G,
	REACH_EPT_NO_1G,
	REACH_P2P_IS_OFF,
	REACH_P2P_IS_ALONE,
	REACH_P2P_IS_OLD, /* iommufd of an old kernel */
	REACH_NO_IOMMU,
	REACH_IOMMU_SILENT, /* sysfs does not tell its page sizes */
	REACH_IOMMU_SMALL,  /* it has no larger pages */
	REACH_IOMMU_NARROW, /* its addresses do not reach the BAR */
	/* BAR_TRAP */
	REACH_TRAP_IO,
	REACH_TRAP_HUGE,   /* larger than vfio-pci's regions can be */
	REACH_TRAP_KERNEL, /* the kernel does not let the BAR be mapped */
	REACH_TRAP_AREA,   /* ... this part of the BAR */
	REACH_TRAP_MSIX,
	REACH_TRAP_QUIRK,
	REACH_TRAP_END, /* the rest of a host page */
	/* BAR_VIRTUAL */
	REACH_VIRTUAL_MSIX,
	REACH_VIRTUAL_PAST, /* past the end of the device's memory */
	REACH_WHY_MAX,
};

struct reach {
	uint64_t page; /* largest page of the slice, 0: none */
	enum reach_why why;
};

/* A device, as it is and as it is planned. Nothing here is owned. */
struct reach_dev {
	const struct reach_host *host;
	const struct reach_iommu *iommu;
	enum reach_p2p p2p;
	const struct bar_shape *shape; /* PCI_BARS of them */
	const struct msix_shape *msix;
	const struct dev_plan *plan;
	bool movable;	      /* msix=auto would have more mapped */
	const uint64_t *addr; /* guest-physical, of each BAR; NULL: unknown */
};

/* Block sizes of a table in bytes, largest first, 0 behind the last. */
void reach_blocks(const struct reach_host *h, enum reach_table t,
		  uint64_t block[3]);
/* What slice @slice of BAR @bar reaches; both have to be there. */
void reach_slice(const struct reach_dev *d, unsigned int bar,
		 unsigned int slice, struct reach out[REACH_TABLES]);
/*
 * Entries that all MAP slices of a BAR take in table @t, by reach_blocks();
 * for REACH_IOMMU none where the BAR is not in it or that is unknown.
 */
void reach_leaves(const struct reach_dev *d, unsigned int bar,
		  enum reach_table t, struct bar_leaves *out);

/*
 * Pieces of a MAP slice that table @t has in one page size each, in order.
 * At most 5: small pages, larger, largest, larger, small. Returns how many.
 */
struct reach_run {
	uint64_t off;
	uint64_t len;
	uint64_t page;
};
#define REACH_RUNS_MAX 5
unsigned int reach_runs(const struct reach_dev *d, unsigned int bar,
			unsigned int slice, enum reach_table t,
			struct reach_run run[REACH_RUNS_MAX]);

/* A word for programs ("thp-never") and a clause for people; static. */
const char *reach_why_word(enum reach_why why);
const char *reach_why_text(enum reach_why why);
/* What to do about it, one sentence, or NULL when there is nothing. */
const char *reach_advice(const struct reach_dev *d, enum reach_why why);

#endif
