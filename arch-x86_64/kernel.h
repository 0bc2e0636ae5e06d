/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_X86_64_KERNEL_H
#define ARCH_X86_64_KERNEL_H

#include <asm/bootparam.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/*
 * What a kernel file is and where its parts go. Pure: works on the first bytes
 * of the file and trusts none of them.
 */

#define KERNEL_HEAD	 8192 /* bytes of the file that kernel_parse() wants */
#define KERNEL_SEGS_MAX	 16
#define KERNEL_NOTES_MAX 4

enum kernel_kind {
	KERNEL_BZIMAGE,
	KERNEL_ELF64,	/* entered in long mode with a zero page */
	KERNEL_ELF_PVH, /* entered in 32-bit mode with a start_info */
	KERNEL_MULTIBOOT,
};

/* File bytes [off, off + filesz) go to gpa; zeroes fill up to memsz. */
struct kernel_seg {
	uint64_t off;
	uint64_t gpa;
	uint64_t filesz;
	uint64_t memsz;
};

struct kernel_notes {
	struct span file; /* offset, length */
	uint64_t align;	  /* of names and descriptors: 4 or 8 */
};

/*
 * Segments are disjoint, inside the file, and inside [LOAD_MIN, RAM_LOW_MAX)
 * or, of a multiboot kernel, [MULTIBOOT_LOW, LOW_RAM_END); entry lies in one of
 * them.
 */
struct kernel {
	enum kernel_kind kind;
	uint64_t entry;
	uint64_t end;	      /* of the highest segment */
	uint64_t cmdline_max; /* characters, without the NUL */
	uint64_t initrd_last; /* highest address that an initrd may use */
	unsigned int n_seg;
	struct kernel_seg seg[KERNEL_SEGS_MAX];
	unsigned int n_notes;
	struct kernel_notes notes[KERNEL_NOTES_MAX];
	struct setup_header hdr; /* bzImage: as in the file, else zero */
};

/*
 * @head: the first @len bytes of a file of @file_size bytes; @len is
 * KERNEL_HEAD or, if that is less, the whole file. 0, or with *why a static
 * text: -ENOEXEC, not a kernel for this machine (why: what it is), -EBADMSG, a
 * kernel that cannot be right (why: what is wrong).
 */
int kernel_parse(struct kernel *k, const uint8_t *head, size_t len,
		 uint64_t file_size, const char **why);
/*
 * Look into the bytes of a note segment for the PVH entry and, if there is
 * one, choose it. 0 (found or not) or -EBADMSG and *why.
 */
int kernel_use_notes(struct kernel *k, const uint8_t *notes, size_t len,
		     uint64_t align, const char **why);

#endif
