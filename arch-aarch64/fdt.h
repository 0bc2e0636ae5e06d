/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_AARCH64_FDT_H
#define ARCH_AARCH64_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/plan.h"
#include "core/span.h"
#include "vmm/arch.h"

/*
 * The description of the machine that an aarch64 guest is given: a flattened
 * device tree (DT-0.4), with the bindings of linux-bindings.
 */

/*
 * What Linux keeps of a command line; it cuts a longer one without a word
 * (COMMAND_LINE_SIZE of arm64, NUL not counted).
 */
#define FDT_CMDLINE_MAX 2047
/* Enough for CONF_CPUS_MAX processors and the longest command line. */
#define FDT_SPACE 0x10000

enum fdt_gic {
	FDT_GIC_V3,
	FDT_GIC_V2,
};

/* Filled in by arch_start(): it knows what KVM gave. */
struct fdt_spec {
	const struct plan *plan; /* as obeyed: CPUs, RAM, windows */
	const char *cmdline;	 /* not NULL */
	struct span initrd;	 /* guest-physical; len 0: none */
	uint8_t kaslr_seed[8];	 /* from getrandom(); all zero: none */
	uint8_t rng_seed[32];	 /* likewise */
	enum fdt_gic gic; /* which one KVM made, at layout.h's addresses */
	bool msi;	  /* FDT_GIC_V3: the ITS, FDT_GIC_V2: the GICv2M */
	bool pmu;	  /* vCPUs have one, its interrupt is PMU_PPI */
	uint32_t psci;	  /* KVM_REG_ARM_PSCI_VERSION: 0x00002, 0x10001 */
};

/*
 * Write the tree of @s into @buf. 0, or -ENOSPC when it does not fit into
 * @size bytes; nothing is written beyond them. fdt_totalsize(@buf) says how
 * long it became. Pure apart from libfdt.
 */
int fdt_build(void *buf, size_t size, const struct fdt_spec *s);

/*
 * Write a copy of the finished @fdt to the file of @b, if it names one
 * (--dump-fdt). -errno and ERR_FILE_WRITE when that fails.
 */
int fdt_dump(const struct arch_boot *b, const void *fdt, struct err *e);

#endif
