/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "arch-aarch64/kernel.h"
#include "tests/fuzz/input.h"

/*
 * Any bytes as a kernel file: what kernel_find() and kernel_parse() accept
 * keeps the promises of kernel.h, and what they refuse has a name.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(int r, const char *why)
{
	must(r == 0 || r == -ENOEXEC || r == -EBADMSG);
	must(r == 0 || (why && *why && strlen(why) < 100));
}

static void find(const uint8_t *data, size_t len, uint64_t file_size)
{
	struct kernel_file f;
	const char *why = NULL;
	int r = kernel_find(&f, data, len, file_size, &why);

	check_answer(r, why);
	if (r)
		return;
	must(f.pack == KERNEL_PLAIN || f.pack == KERNEL_GZIP ||
	     f.pack == KERNEL_ZSTD);
	must(span_holds((struct span){0, file_size}, f.span.base, f.span.len));
	/* only what is wrapped is a part of its file */
	must(f.span.len == file_size || f.pack != KERNEL_PLAIN);
}

static void parse(const uint8_t *data, size_t len)
{
	struct kernel k;
	const char *why = NULL;
	int r = kernel_parse(&k, data, len, &why);

	check_answer(r, why);
	if (r)
		return;
	must(len >= 64 && k.file_min >= 64);
	must(k.image_size > 0 && k.image_size <= KERNEL_REACH_MAX);
	must(k.text_offset <= KERNEL_REACH_MAX - k.image_size);
	must(k.text_offset % 4 == 0);
	must(k.file_min <= 2ULL * UINT32_MAX);
	must(k.pages <= KERNEL_PAGES_64K);
}

/* The first byte says how much longer the file is than what we have of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t file_size;
	size_t len;

	if (!size)
		return 0;
	file_size = size - 1 + (*data & 1 ? 0x1000000ULL * *data : 0);
	data++;
	size--;
	len = size < KERNEL_HEAD ? size : KERNEL_HEAD;
	if (len < KERNEL_HEAD)
		file_size = len;
	find(data, len, file_size);
	parse(data, len);
	return 0;
}
