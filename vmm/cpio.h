/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CPIO_H
#define VMM_CPIO_H

#include <stddef.h>
#include <stdint.h>

/*
 * Archives of the form "newc", which Linux unpacks as initramfs
 * (linux-initramfs). Pure: bytes for the caller to write. An entry is its
 * header with the name, padding, the content, padding.
 */

#define CPIO_ALIGN    4u
#define CPIO_NAME_MAX 4096u /* NUL included; Linux skips longer ones */
#define CPIO_SIZE_MAX 0xffffffffull
#define CPIO_HEAD     110u /* before the name */
#define CPIO_HEAD_MAX (CPIO_HEAD + CPIO_NAME_MAX + CPIO_ALIGN)

/* Owner and group are root's. */
struct cpio_entry {
	const char *name; /* "bin/sh": no slash first, no "." or ".." in it */
	uint32_t mode;	  /* with the type, as in struct stat */
	uint32_t ino;	  /* another one for each entry */
	uint32_t mtime;
	uint64_t size;	/* of the content; of a symlink the target's length */
	uint32_t major; /* of a device node */
	uint32_t minor;
};

/*
 * Header, name and the padding behind it. Its length; 0: the name is empty,
 * absolute or too long, or the content is too large for the format.
 */
size_t cpio_head(char out[CPIO_HEAD_MAX], const struct cpio_entry *e);
/* What ends an archive. */
size_t cpio_trailer(char out[CPIO_HEAD_MAX]);
/* NULs that are due behind @size bytes of content. */
unsigned int cpio_padding(uint64_t size);

#endif
