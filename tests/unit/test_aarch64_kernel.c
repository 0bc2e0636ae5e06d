/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch-aarch64/kernel.h"
#include "tests/unit/fake_aarch64_image.h"

static uint8_t img[FAKE_ZBOOT_PAYLOAD + FAKE_ARM_PACKED + FAKE_ZBOOT_TAIL];
static size_t len;
static struct kernel_file file;
static struct kernel k;
static const char *why;

static size_t head_len(void)
{
	return len < KERNEL_HEAD ? len : KERNEL_HEAD;
}

/* In a block of its own, so that a sanitizer sees what is read behind it. */
static uint8_t *make_head(void)
{
	uint8_t *head = malloc(head_len() ? head_len() : 1);

	assert_non_null(head);
	memcpy(head, img, head_len());
	why = "";
	return head;
}

static int find(void)
{
	uint8_t *head = make_head();
	int r = kernel_find(&file, head, head_len(), len, &why);

	free(head);
	return r;
}

static int parse(void)
{
	uint8_t *head = make_head();
	int r = kernel_parse(&k, head, head_len(), &why);

	free(head);
	return r;
}

static int setup_image(void **state)
{
	(void)state;
	memset(img, 0, sizeof(img));
	len = fake_image(img);
	return 0;
}

/* The payload is never looked at. */
static void make_zboot(const char *method)
{
	static uint8_t payload[100];

	memset(payload, 0xee, sizeof(payload));
	len = fake_zboot(img, method, payload, sizeof(payload));
}

static int setup_zboot(void **state)
{
	(void)state;
	make_zboot("gzip");
	return 0;
}

#define assert_why(call, code, text)                                           \
	do {                                                                   \
		assert_int_equal(call, code);                                  \
		if (!strstr(why, text))                                        \
			assert_string_equal(why, text);                        \
	} while (0)

/* --- Image -----------------------------------------------------------------
 */

static void image(void **state)
{
	(void)state;
	assert_int_equal(find(), 0);
	assert_int_equal(file.pack, KERNEL_PLAIN);
	assert_int_equal(file.span.base, 0);
	assert_int_equal(file.span.len, FAKE_ARM_LEN);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.text_offset, 0);
	assert_int_equal(k.image_size, FAKE_ARM_MEM);
	assert_int_equal(k.file_min, FAKE_ARM_LEN);
	assert_int_equal(k.pages, KERNEL_PAGES_4K);
}

/* linux-arm64-boot: bits 1 and 2 */
static void image_pages(void **state)
{
	static const enum kernel_pages want[] = {
		KERNEL_PAGES_ANY,
		KERNEL_PAGES_4K,
		KERNEL_PAGES_16K,
		KERNEL_PAGES_64K,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		/* with and without all that we do not look at */
		img[24] = (uint8_t)(i << 1);
		memset(img + 25, 0xff, 7);
		assert_int_equal(parse(), 0);
		assert_int_equal(k.pages, want[i]);
		img[24] |= 0xf8;
		assert_int_equal(parse(), 0);
		assert_int_equal(k.pages, want[i]);
	}
}

static void image_text_offset(void **state)
{
	(void)state;
	fake_put(img + 8, 0x80000, 8);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.text_offset, 0x80000);
	/* the farthest */
	fake_put(img + 8, KERNEL_REACH_MAX - FAKE_ARM_MEM, 8);
	assert_int_equal(parse(), 0);
}

static void image_refusals(void **state)
{
	static const struct {
		unsigned int off, bytes;
		uint64_t v;
		int code;
		const char *why;
	} t[] = {
		{24, 1, 0xb, -ENOEXEC, "big-endian"},
		{16, 8, 0, -ENOEXEC, "older than 3.17"},
		{16, 8, KERNEL_REACH_MAX + 1, -EBADMSG, "more memory"},
		{16, 8, UINT64_MAX, -EBADMSG, "more memory"},
		{16, 8, 1ULL << 63, -EBADMSG, "more memory"},
		{8, 8, KERNEL_REACH_MAX - FAKE_ARM_MEM + 4, -EBADMSG, "more"},
		{8, 8, KERNEL_REACH_MAX + 4, -EBADMSG, "more memory"},
		{8, 8, UINT64_MAX - 3, -EBADMSG, "more memory"},
		{8, 8, 0x80002, -EBADMSG, "not aligned"},
		{56, 4, 0, -ENOEXEC, "an arm64 EFI program (PE)"},
		{56, 4, 0x05435352, -ENOEXEC, "a RISC-V kernel (Image)"},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		len = fake_image(img);
		fake_put(img + t[i].off, t[i].v, t[i].bytes);
		assert_why(parse(), t[i].code, t[i].why);
	}
}

/* Without sections that can be right, only the header has to be there. */
static void image_sections(void **state)
{
	static const struct {
		unsigned int off, bytes;
		uint64_t v, file_min;
	} t[] = {
		{0, 2, 0, 64},		    /* no MZ */
		{0x3c, 4, 0xffffffff, 64},  /* header elsewhere */
		{0x3c, 4, KERNEL_HEAD, 64}, /* just out of the head */
		{0x40, 1, 'Q', 64},	    /* no PE */
		{0x46, 2, 0, 64},	    /* no sections */
		{0x46, 2, 17, 64},	    /* too many to be true */
		{0x46, 2, 0xffff, 64},
		{0x46, 2, 1, 0x4000},
		{0x54, 2, 0xffff, 64}, /* section headers elsewhere */
		{0x54, 2, KERNEL_HEAD - 0x58 - 79, 64},
		{FAKE_ARM_SECTION + 20, 4, 0xffffffff, 0xffffffffULL + 0x3000},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		len = fake_image(img);
		memset(img + 0xf00, 0x11, 0x100);
		fake_put(img + t[i].off, t[i].v, t[i].bytes);
		assert_int_equal(parse(), 0);
		assert_int_equal(k.file_min, t[i].file_min);
	}
}

static void image_cut_header(void **state)
{
	(void)state;
	for (len = 0; len < 60; len++) {
		assert_int_equal(find(), -ENOEXEC);
		assert_int_equal(parse(), -ENOEXEC);
	}
	for (; len < 64; len++) {
		assert_int_equal(find(), 0);
		assert_why(parse(), -EBADMSG, "ends in its header");
	}
	/* the PE header, too, may be cut anywhere */
	for (; len < FAKE_ARM_SECTION + 80; len++) {
		assert_int_equal(parse(), 0);
		assert_int_equal(k.file_min, 64);
	}
	assert_int_equal(parse(), 0);
	assert_int_equal(k.file_min, FAKE_ARM_LEN);
}

/* --- packed ----------------------------------------------------------------
 */

static void packed(void **state)
{
	(void)state;
	memcpy(img, "\x1f\x8b\x08\0", 4);
	memset(img + 4, 0, 100);
	assert_int_equal(find(), 0);
	assert_int_equal(file.pack, KERNEL_GZIP);
	assert_int_equal(file.span.base, 0);
	assert_int_equal(file.span.len, FAKE_ARM_LEN);
	memcpy(img, "\x28\xb5\x2f\xfd", 4);
	assert_int_equal(find(), 0);
	assert_int_equal(file.pack, KERNEL_ZSTD);
	assert_int_equal(file.span.len, FAKE_ARM_LEN);
}

static void zboot(void **state)
{
	(void)state;
	assert_int_equal(find(), 0);
	assert_int_equal(file.pack, KERNEL_GZIP);
	assert_int_equal(file.span.base, FAKE_ZBOOT_PAYLOAD);
	assert_int_equal(file.span.len, 100);
	make_zboot("zstd22");
	assert_int_equal(find(), 0);
	assert_int_equal(file.pack, KERNEL_ZSTD);
	assert_int_equal(file.span.base, FAKE_ZBOOT_PAYLOAD);
	make_zboot("zstd");
	assert_int_equal(find(), 0);
	assert_int_equal(file.pack, KERNEL_ZSTD);
}

static void zboot_methods(void **state)
{
	static const struct {
		const char *name, *why;
	} t[] = {
		{"xzkern", "zboot kernel, compressed with xz"},
		{"xz", "zboot kernel, compressed with xz"},
		{"lzma", "compressed with lzma"},
		{"lzo", "compressed with lzo"},
		{"lz4", "compressed with lz4"},
		{"bzip2", "compressed with bzip2"},
		{"gzip2", "in an unknown way"},
		{"gzi", "in an unknown way"},
		{"", "in an unknown way"},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		make_zboot(t[i].name);
		assert_why(find(), -ENOEXEC, t[i].why);
	}
	make_zboot("gzip");
	memset(img + 24, 'g', 32); /* a name without an end */
	assert_why(find(), -ENOEXEC, "in an unknown way");
}

static void zboot_refusals(void **state)
{
	const uint32_t rest = 100 + FAKE_ZBOOT_TAIL;
	const struct {
		unsigned int off, bytes;
		uint64_t v;
		int code;
		const char *why;
	} t[] = {
		{0x44, 2, 0x8664, -ENOEXEC, "an x86 EFI zboot kernel"},
		{0x44, 2, 0x5064, -ENOEXEC, "of another machine"},
		{0x3c, 4, 0xffffffff, -ENOEXEC, "of another machine"},
		{12, 4, 0, -EBADMSG, "no compressed part"},
		{12, 4, rest + 1, -EBADMSG, "cut short"},
		{12, 4, 0xffffffff, -EBADMSG, "cut short"},
		{8, 4, 0xffffffff, -EBADMSG, "cut short"},
		{8, 4, FAKE_ZBOOT_PAYLOAD + FAKE_ZBOOT_TAIL + 1, -EBADMSG,
		 "cut short"},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		make_zboot("gzip");
		fake_put(img + t[i].off, t[i].v, t[i].bytes);
		assert_why(find(), t[i].code, t[i].why);
	}
	/* to the last byte of the file */
	make_zboot("gzip");
	fake_put(img + 12, rest, 4);
	assert_int_equal(find(), 0);
	for (len = 8; len < 0x38; len++)
		assert_why(find(), -EBADMSG, "ends in its header");
}

/* --- other files -----------------------------------------------------------
 */

static void other_files(void **state)
{
	(void)state;
	memset(img, 0, sizeof(img));
	len = 1000;
	memcpy(img + 0x1fe, "\x55\xaa\xeb\x6aHdrS", 8);
	assert_why(find(), -ENOEXEC, "an x86 Linux kernel (bzImage)");
	memset(img, 0, sizeof(img));
	memcpy(img, "\177ELF\2\1\1", 7);
	img[16] = 2;
	img[18] = 62;
	assert_why(find(), -ENOEXEC, "an x86 ELF file");
	img[18] = 183;
	assert_why(find(), -ENOEXEC, "an arm64 ELF file");
	memset(img, 0, sizeof(img));
	assert_why(find(), -ENOEXEC, "a file of zeroes");
	memcpy(img, "\xfd\x37zXZ\0", 6);
	assert_why(find(), -ENOEXEC, "an xz file");
	len = 0;
	assert_why(find(), -ENOEXEC, "an empty file");
	assert_why(parse(), -ENOEXEC, "an empty file");
}

#define IMAGE(f) cmocka_unit_test_setup(f, setup_image)
#define ZBOOT(f) cmocka_unit_test_setup(f, setup_zboot)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IMAGE(image),
		IMAGE(image_pages),
		IMAGE(image_text_offset),
		IMAGE(image_refusals),
		IMAGE(image_sections),
		IMAGE(image_cut_header),
		IMAGE(packed),
		ZBOOT(zboot),
		ZBOOT(zboot_methods),
		ZBOOT(zboot_refusals),
		cmocka_unit_test(other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
