/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "arch-x86_64/multiboot.h"

/*
 * Any address fields and any ELF around a multiboot header whose checksum is
 * right: fuzz_x86_64_kernel would have to guess it. The first byte says where
 * the header is, the next four are its flags.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

static void put(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void check(const struct kernel *k, uint64_t size)
{
	unsigned int i, inside = 0;

	must(k->kind == KERNEL_MULTIBOOT && k->n_seg >= 1);
	for (i = 0; i < k->n_seg; i++) {
		const struct kernel_seg *s = &k->seg[i];

		must(s->memsz > 0 && s->filesz <= s->memsz);
		must(s->gpa >= MULTIBOOT_LOW && s->gpa + s->memsz <= k->end);
		must(!s->filesz ||
		     (s->off <= size && s->filesz <= size - s->off));
		inside |= k->entry >= s->gpa && k->entry - s->gpa < s->memsz;
	}
	must(inside);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[2 * MULTIBOOT_HEAD];
	const char *why = NULL;
	uint32_t off, flags;
	struct kernel k;
	size_t len;
	int r;

	if (size < 5)
		return 0;
	off = *data * 4u;
	memcpy(&flags, data + 1, sizeof(flags));
	data += 5;
	size -= 5;
	if (size > sizeof(file))
		size = sizeof(file);
	if (size < off + 12)
		return 0;
	memcpy(file, data, size);
	put(file + off, 0x1badb002);
	put(file + off + 4, flags);
	put(file + off + 8, 0u - 0x1badb002u - flags);
	len = size < KERNEL_HEAD ? size : KERNEL_HEAD;
	r = kernel_parse(&k, file, len, size, &why);
	must(r == 0 || why);
	if (r == 0 && k.kind != KERNEL_BZIMAGE)
		check(&k, size);
	return 0;
}
