/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_X86_64_MULTIBOOT_H
#define ARCH_X86_64_MULTIBOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch-x86_64/kernel.h"
#include "core/plan.h"

/*
 * Multiboot, version 1 (multiboot-0.6.96): the header by which a kernel is
 * known, and the information that it is handed. Pure.
 */

#define MULTIBOOT_HEAD	8192	   /* the header lies in these bytes */
#define MULTIBOOT_MAGIC 0x2badb002 /* in EAX at entry */
#define MULTIBOOT_LOW	0x1000ULL  /* nothing goes lower: page 0 stays empty */

struct multiboot_header {
	uint32_t off; /* of the header in the file */
	bool addr;    /* the address fields count, and not those of an ELF */
	uint32_t header_addr;
	uint32_t load_addr;
	uint32_t load_end; /* 0: the end of the file */
	uint32_t bss_end;  /* 0: none */
	uint32_t entry;
};

/*
 * Look for the header in the first @len bytes of a file. 1: found, 0: none, or
 * with *why a static text -ENOEXEC (it wants what we have not) or -EBADMSG.
 */
int multiboot_find(struct multiboot_header *h, const uint8_t *head, size_t len,
		   const char **why);
/*
 * What the address fields say is loaded, of a file of @file_size bytes. 0 or
 * -EBADMSG and *why; whether it lies in the file and in RAM is not looked at.
 */
int multiboot_seg(const struct multiboot_header *h, uint64_t file_size,
		  struct kernel_seg *s, const char **why);

#define MULTIBOOT_MODULES_MAX 17

struct multiboot_module {
	struct span span; /* guest-physical, below 4 GiB */
	const char *args;
};

struct multiboot_info {
	const struct plan *plan;
	const char *cmdline;
	unsigned int n_modules;
	struct multiboot_module module[MULTIBOOT_MODULES_MAX];
};

/* A descriptor table as of BOOT_GDT_LIMIT comes first, then the information. */
#define MULTIBOOT_GDT_LEN 32

/* Bytes that multiboot_write() writes, at most. */
uint64_t multiboot_size(const struct multiboot_info *info);
/*
 * The lowest place for @len bytes, below 1 MiB or behind the kernel, that
 * overlaps none of its segments. A multiple of 4096.
 */
uint64_t multiboot_place(const struct kernel *k, uint64_t len);
/*
 * Write everything to @buf, which has multiboot_size() bytes and is at @gpa in
 * the guest. Returns the address of the information, for EBX.
 */
uint64_t multiboot_write(uint8_t *buf, uint64_t gpa,
			 const struct multiboot_info *info);

#endif
