/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/file_kind.h"
#include "tests/unit/fake_bytes.h"

static uint8_t head[FILE_KIND_HEAD];

static void assert_kind(size_t len, const char *want)
{
	assert_string_equal(file_kind_name(head, len), want);
}

static void kernels(void **state)
{
	(void)state;
	memset(head, 0, sizeof(head));
	memcpy(head, "MZ", 2);
	memcpy(head + 0x1fe, "\x55\xaa\xeb\x6aHdrS", 8);
	assert_kind(sizeof(head), "an x86 Linux kernel (bzImage)");
	assert_kind(0x290, "an x86 Linux kernel (bzImage)");
	assert_kind(0x28f,
		    "a boot sector, a disk image or a Linux older than 1.3");
	memset(head, 0, sizeof(head));
	memcpy(head + 56, "ARM\x64", 4);
	assert_kind(60, "an arm64 kernel (Image)");
	assert_kind(59, "of unknown format");
}

static void programs(void **state)
{
	(void)state;
	memset(head, 0, sizeof(head));
	memcpy(head, "MZ", 2);
	fake_put(head + 0x3c, 0x80, 4);
	memcpy(head + 0x80, "PE\0\0\x64\x86", 6);
	assert_kind(0x86, "an EFI program (PE) for x86_64");
	assert_kind(0x85, "of unknown format");
	memcpy(head + 0x84, "\x64\xaa", 2);
	assert_kind(0x86, "an arm64 EFI program (PE)");
	memcpy(head + 4, "zimg", 4);
	assert_kind(0x86, "an arm64 EFI zboot kernel");
	assert_kind(0x85, "an EFI zboot kernel of another machine");
	memcpy(head + 0x84, "\x64\x50", 2);
	assert_kind(0x86, "an EFI zboot kernel of another machine");
}

static void elf(void **state)
{
	static const struct {
		unsigned int off, bytes;
		uint64_t v;
		const char *name;
	} t[] = {
		{4, 1, 2, "an x86 ELF file"},
		{4, 1, 1, "a 32-bit ELF file"},
		{4, 1, 3, "an ELF file of unknown class"},
		{5, 1, 2, "a big-endian ELF file"},
		{16, 2, 3, "an x86 ELF file"},
		{16, 2, 1, "an ELF object file or module"},
		{16, 2, 4, "an ELF core dump"},
		{16, 2, 0xfe00, "an ELF file of unknown type"},
		{18, 2, 183, "an arm64 ELF file"},
		{18, 2, 243, "a RISC-V ELF file"},
		{18, 2, 40, "an ELF file of another machine"},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memset(head, 0, sizeof(head));
		memcpy(head, "\177ELF\2\1\1", 7);
		head[16] = 2;
		head[18] = 62;
		fake_put(head + t[i].off, t[i].v, t[i].bytes);
		assert_kind(sizeof(head), t[i].name);
	}
	/* what is missing of the header counts as zero */
	assert_kind(6, "an ELF file of another machine");
}

/* The name never depends on what lies behind @len. */
static void short_heads(void **state)
{
	size_t len;
	uint8_t *copy;

	(void)state;
	memset(head, 0, sizeof(head));
	memcpy(head, "\177ELF\2\1\1", 7);
	for (len = 0; len < 0x300; len++) {
		copy = malloc(len ? len : 1);
		assert_non_null(copy);
		memcpy(copy, head, len);
		assert_non_null(file_kind_name(copy, len));
		free(copy);
	}
	assert_kind(0, "an empty file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels),
		cmocka_unit_test(programs),
		cmocka_unit_test(elf),
		cmocka_unit_test(short_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
