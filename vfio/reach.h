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
};

enum reach_iommu_kind {
	REACH_IOMMU_NONE, /* the device is behind none */
	REACH_IOMMU_INTEL,
	REACH_IOMMU_AMD,
	REACH_IOMMU_OTHER, /* an SMMU, virtio: it does not tell */
};

struct reach_iommu {
	enum reach_iommu_kind kind;
	uint64_t pages;	   /* bit n: pages of 2^n bytes; 0: unknown */
	unsigned int bits; /* of a DMA address, 0: unknown */
};

#endif
