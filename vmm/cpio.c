// SPDX-License-Identifier: Apache-2.0
#include "vmm/cpio.h"

#include <string.h>

#define TRAILER "TRAILER!!!"

unsigned int cpio_padding(uint64_t size)
{
	return (unsigned int)(-size & (CPIO_ALIGN - 1));
}

/* linux-initramfs: each field is eight hexadecimal digits. */
static char *put_field(char *at, uint32_t v)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned int i = 0; i < 8; i++)
		*at++ = digits[v >> (28 - 4 * i) & 0xf];
	return at;
}

static size_t put_head(char *out, const struct cpio_entry *e, size_t len)
{
	static const char magic[] = {'0', '7', '0', '7', '0', '1'};
	const uint32_t fields[] = {
		e->ino,	  e->mode,	     0, /* user */
		0,				/* group */
		1, /* links: names of one file are packed as files */
		e->mtime, (uint32_t)e->size, 0, /* device that it is on, with
						   the inode: no links */
		0,	  e->major,	     e->minor, (uint32_t)(len + 1),
		0, /* checksum: none in this format */
	};
	char *at = out;
	size_t n;

	memcpy(at, magic, sizeof(magic));
	at += sizeof(magic);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		at = put_field(at, fields[i]);
	memcpy(at, e->name, len + 1);
	n = CPIO_HEAD + len + 1;
	memset(out + n, 0, cpio_padding(n));
	return n + cpio_padding(n);
}

size_t cpio_head(char out[CPIO_HEAD_MAX], const struct cpio_entry *e)
{
	size_t len = strnlen(e->name, CPIO_NAME_MAX);

	if (len == 0 || len == CPIO_NAME_MAX || e->name[0] == '/' ||
	    e->size > CPIO_SIZE_MAX)
		return 0;
	/* A file of this name would be taken for the end. */
	if (strcmp(e->name, TRAILER) == 0)
		return 0;
	return put_head(out, e, len);
}

size_t cpio_trailer(char out[CPIO_HEAD_MAX])
{
	const struct cpio_entry end = {.name = TRAILER};

	return put_head(out, &end, sizeof(TRAILER) - 1);
}
