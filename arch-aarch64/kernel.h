/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_AARCH64_KERNEL_H
#define ARCH_AARCH64_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/*
 * What a kernel file is, and what the header of an arm64 Image wants. Pure:
 * works on first bytes and trusts none of them.
 */

#define KERNEL_HEAD                                                            \
	4096 /* bytes that kernel_find() and kernel_parse() want               \
	      */
/* Farthest end of a kernel from the start of RAM; nobody's is as large. */
#define KERNEL_REACH_MAX (1ULL << 30)

enum kernel_pack {
	KERNEL_PLAIN,
	KERNEL_GZIP,
	KERNEL_ZSTD,
};

/* Where in its file an Image is, and how it is packed. */
struct kernel_file {
	enum kernel_pack pack;
	struct span span; /* offset, length; inside the file */
};

/*
 * @head: the first @len bytes of a file of @file_size bytes; @len is
 * KERNEL_HEAD or, if that is less, the whole file. 0, or with *why a static
 * text: -ENOEXEC, not a kernel for this machine (why: what it is), -EBADMSG, a
 * kernel that cannot be right (why: what is wrong).
 */
int kernel_find(struct kernel_file *f, const uint8_t *head, size_t len,
		uint64_t file_size, const char **why);

/* arch_entry.mode: the page size that a kernel was built for. */
enum kernel_pages {
	KERNEL_PAGES_ANY, /* it does not say */
	KERNEL_PAGES_4K,
	KERNEL_PAGES_16K,
	KERNEL_PAGES_64K,
};

struct kernel {
	uint64_t text_offset; /* from a multiple of KERNEL_ALIGN; 4-aligned */
	uint64_t image_size;  /* memory to leave to it from there; not 0 */
	uint64_t file_min;    /* bytes that are in the file if it is whole */
	enum kernel_pages pages;
};

#define KERNEL_ALIGN (2ULL << 20)

/*
 * A flat image of @file_size bytes: no header, so nothing is known of it. It is
 * put where Linux was before it said where, and its bss is not counted. 0 or
 * -EBADMSG and *why.
 */
#define KERNEL_FLAT_OFFSET 0x80000
int kernel_flat(struct kernel *k, uint64_t file_size, const char **why);

/*
 * @head: the first @len bytes of an Image, unpacked; @len is KERNEL_HEAD or
 * the whole of it. It needs at most KERNEL_REACH_MAX,
 * text_offset included.
 * Returns as kernel_find() does.
 */
int kernel_parse(struct kernel *k, const uint8_t *head, size_t len,
		 const char **why);

#endif
