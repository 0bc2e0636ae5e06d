/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_BOOT_FILE_H
#define VMM_BOOT_FILE_H

#include "vmm/arch.h"

/*
 * Kernel and initrd as the files they are: what the loaders of all
 * architectures do alike.
 */
struct boot_file {
	const char *name;
	const char *role;
	int fd;
};

struct boot_file boot_file_kernel(const struct arch_boot *b);
struct boot_file boot_file_initrd(const struct arch_boot *b);
struct boot_file boot_file_module(const struct arch_boot *b, unsigned int i);
/* ERR_NO_MODULES if there are any: for a kernel that takes none. */
int boot_file_no_modules(const struct arch_boot *b, struct err *e);

/* A regular file that is not empty, or ERR_FILE_READ, ERR_FILE_EMPTY. */
int boot_file_size(struct boot_file f, uint64_t *size, struct err *e);
/*
 * Exactly @len bytes from @off, or ERR_FILE_READ; -ENODATA when the file ends
 * before.
 */
int boot_file_read(struct boot_file f, void *buf, uint64_t len, uint64_t off,
		   struct err *e);
/*
 * Turn what a parser says into an error: -ENOEXEC is ERR_KERNEL_FORMAT and any
 * other code ERR_KERNEL_BAD.
 */
int boot_file_bad_kernel(struct boot_file f, int code, const char *why,
			 struct err *e);

#endif
