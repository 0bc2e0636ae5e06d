/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_HUGETLB_H
#define VMM_HUGETLB_H

#include <stdint.h>

#include "core/err.h"

/*
 * Huge pages that the host has set aside (hugetlbfs). @page is the size of
 * one in bytes, a power of two.
 */

/* What mmap() and memfd_create() have to be told to take such pages. */
int hugetlb_mmap_flags(uint64_t page);
unsigned int hugetlb_memfd_flags(uint64_t page);

/*
 * Whether the host's pool could give @bytes now. Every path begins with @root:
 * "" for the host, a folder with the same files for a test. -ENOENT: there are
 * no pages of that size. -ENOMEM: not as many; how many it takes is told.
 */
int hugetlb_check(const char *root, uint64_t page, uint64_t bytes,
		  struct err *e);

#endif
