/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_HOST_FACTS_H
#define VMM_HOST_FACTS_H

#include <stddef.h>

#include "vfio/reach.h"

/*
 * What the host says of itself, in /proc and /sys. Every path begins with
 * @root: "" for the host, a folder with the same files for a test. What is
 * absent or garbled is unknown, never an error.
 */

/* Everything of struct reach_host: kernel, THP, page size, processor. */
void host_facts_read(struct reach_host *h, const char *root);
/* The IOMMU that the PCI device @address is behind: its kind, pages, width. */
void host_facts_iommu(struct reach_iommu *io, const char *root,
		      const char *address);
/* The IOMMU called @name in /sys/class/iommu ("dmar0", "ivhd0", ...). */
void host_facts_iommu_named(struct reach_iommu *io, const char *root,
			    const char *name);

/*
 * Addresses that DMA of the PCI device @address cannot have, by what the kernel
 * says of its group: @n of them are in @out, which has room for @max. Returns
 * how many there are then; none is there twice.
 */
unsigned int host_facts_reserved(struct span *out, unsigned int n,
				 unsigned int max, const char *root,
				 const char *address);

/*
 * The beginning of a file, as a string without blanks at its end, cut to what
 * fits. Its length, or -errno (and "").
 */
int host_read(const char *root, const char *path, char *buf, size_t size);
/*
 * The word in brackets ("always [madvise] never") of a file; "" if there is
 * none.
 */
void host_choice(const char *root, const char *path, char *buf, size_t size);
/* Whether one line "@key : ..." of /proc/cpuinfo has the word @word. */
enum reach_fact host_cpu_flag(const char *root, const char *key,
			      const char *word);

#endif
