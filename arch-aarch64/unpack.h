/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_AARCH64_UNPACK_H
#define ARCH_AARCH64_UNPACK_H

#include "arch-aarch64/kernel.h"
#include "vmm/boot_file.h"

/* A packed (KERNEL_GZIP, KERNEL_ZSTD) part of a file. */
struct unpack {
	struct boot_file file;
	enum kernel_pack pack;
	struct span span; /* of the file */
};

/*
 * The first bytes of what is packed: as many as there are, but at most @size;
 * *len says how many. Reads no more of the file than that takes.
 */
int unpack_head(const struct unpack *u, void *buf, size_t size, size_t *len,
		struct err *e);
/*
 * All of it, straight to @buf; the rest of @size bytes becomes zero. No other
 * memory is used that would grow with the data. Several members (frames) are
 * one after the other, and what follows the last is ignored. -EFBIG, without an
 * error in @e, when there are more than @size bytes.
 */
int unpack_all(const struct unpack *u, void *buf, size_t size, size_t *len,
	       struct err *e);

#endif
