/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_DOCTOR_H
#define VMM_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/err.h"
#include "vfio/reach.h"
#include "vmm/conf.h"
#include "vmm/kvm_facts.h"

/*
 * Whether this host can run a VM with passed-through devices, how well, and
 * what to change. Three steps: doctor_gather() asks the host, doctor_judge()
 * thinks (pure), doctor_print() tells.
 */

enum doctor_module {
	MODULE_UNKNOWN,
	MODULE_MISSING,	 /* this kernel was built without it */
	MODULE_LOADABLE, /* modprobe finds it */
	MODULE_THERE,	 /* loaded or built in */
};

enum doctor_cpu {
	CPU_OTHER,
	CPU_INTEL,
	CPU_AMD,
};

struct doctor_facts {
	struct reach_host host;
	char release[64]; /* "6.1.0-17-amd64" */
	/* KVM */
	struct err kvm; /* what ERR_NONE: opened, with all that is needed */
	struct kvm_facts kvm_has;
	bool kvm_word_off; /* aarch64: the kernel was told to do without */
	enum doctor_cpu cpu;
	enum reach_fact cpu_virt; /* x86_64: VT-x or AMD-V */
	enum reach_fact paging;	  /* x86_64: KVM uses EPT or NPT */
	/* IOMMU */
	unsigned int groups;
	bool iommu_word_off; /* the kernel was told to leave it off */
	/* x86_64: interrupts are remapped; aarch64: an ITS is between */
	enum reach_fact remapping;
	bool unsafe_interrupts; /* VFIO was told to do without */
	unsigned int iommus;
	uint64_t iommu_pages;	 /* sizes that all IOMMUs have, 0: unknown */
	unsigned int iommu_bits; /* of the narrowest, 0: unknown */
	/* VFIO */
	enum doctor_module vfio_pci;
	enum doctor_module type1;
	enum doctor_module iommufd;
	int dev_vfio;  /* /dev/vfio/vfio: 0 or -errno */
	int dev_iommu; /* /dev/iommu */
	enum reach_fact cdev;
	unsigned int bound;  /* devices bound to vfio-pci */
	unsigned int closed; /* of these, those whose file may not be opened */
	/* memory */
	uint64_t memory;    /* bytes that the guest shall have */
	uint64_t memlock;   /* UINT64_MAX: no limit */
	uint64_t available; /* 0: unknown */
	uint64_t huge_2m;   /* bytes of free hugetlb pages */
	uint64_t huge_1g;
	char lockdown[24];
};

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN, /* works, but worse than it could */
	DOCTOR_BAD,  /* no VM with passthrough can run */
};

struct doctor_finding {
	enum doctor_level level;
	const char *check; /* a word for programs: "iommu" */
	/*
	 * What was found, and what to change ("" if nothing). In both
	 * %s stands for word, %1 and %2 for num and num2, %m and %M for them
	 * as sizes, %K for num in KiB. Not read when err is there.
	 */
	const char *text;
	const char *advice;
	const char *word;
	uint64_t num;
	uint64_t num2;
	const struct err *err; /* NULL, or both texts are explain()'s */
};

#define DOCTOR_FINDINGS_MAX 48

struct doctor_report {
	unsigned int n;
	unsigned int n_bad;
	unsigned int n_warn;
	struct doctor_finding finding[DOCTOR_FINDINGS_MAX];
};

/* @r points into @f and lives as long. */
void doctor_judge(struct doctor_report *r, const struct doctor_facts *f);

/* @root as in vfio/sysfs.h; KVM is asked only when it is "". */
void doctor_gather(struct doctor_facts *f, const char *root, uint64_t memory);

/* 0, or -errno if @out could not be written. */
int doctor_print(FILE *out, const struct doctor_report *r, bool json);

/* barge doctor: 0, or -errno with @e set: ERR_DOCTOR when something is bad. */
int doctor_run(const struct conf *c, struct err *e);

#endif
