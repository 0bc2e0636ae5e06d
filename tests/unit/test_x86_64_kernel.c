/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch-x86_64/kernel.h"
#include "tests/unit/fake_x86_image.h"

static uint8_t img[FAKE_IMAGE_MAX];
static size_t len;
static struct kernel k;
static const char *why;

static int parse(void)
{
	why = "";
	return kernel_parse(&k, img, len < KERNEL_HEAD ? len : KERNEL_HEAD, len,
			    &why);
}

static int setup_bz(void **state)
{
	(void)state;
	len = fake_bzimage(img);
	return 0;
}

static int setup_elf(void **state)
{
	(void)state;
	len = fake_elf(img);
	return 0;
}

#define assert_refused(code, text)                                             \
	do {                                                                   \
		assert_int_equal(parse(), code);                               \
		if (!strstr(why, text))                                        \
			assert_string_equal(why, text);                        \
	} while (0)

/* --- bzImage ---------------------------------------------------------------
 */

static void bzimage(void **state)
{
	(void)state;
	assert_int_equal(parse(), 0);
	assert_int_equal(k.kind, KERNEL_BZIMAGE);
	assert_int_equal(k.n_seg, 1);
	assert_int_equal(k.seg[0].off, FAKE_BZ_CODE);
	assert_int_equal(k.seg[0].filesz, FAKE_BZ_CODE_LEN);
	assert_int_equal(k.seg[0].gpa, FAKE_BZ_PREF);
	assert_int_equal(k.seg[0].memsz, FAKE_BZ_INIT_SIZE);
	assert_int_equal(k.entry, FAKE_BZ_PREF + 0x200);
	assert_int_equal(k.end, FAKE_BZ_PREF + FAKE_BZ_INIT_SIZE);
	assert_int_equal(k.cmdline_max, FAKE_BZ_CMDLINE);
	assert_int_equal(k.initrd_last, 0x7fffffff);
	assert_memory_equal(&k.hdr, img + 0x1f1, 0x26c - 0x1f1);
}

static void bz_address_is_aligned(void **state)
{
	(void)state;
	fake_put(img + 0x258, 0x1100000, 8);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.seg[0].gpa, 0x1200000);
	img[0x234] = 0; /* not relocatable: exactly there */
	assert_int_equal(parse(), 0);
	assert_int_equal(k.seg[0].gpa, 0x1100000);
}

static void bz_signature_is_left_out(void **state)
{
	(void)state;
	len += 1000;
	assert_int_equal(parse(), 0);
	assert_int_equal(k.seg[0].filesz, (FAKE_BZ_CODE_LEN + 15) / 16 * 16);
}

static void bz_old_sizes(void **state)
{
	(void)state;
	img[0x1f1] = 0; /* means 4 */
	fake_put(img + 0x1f4, 0x80, 4);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.seg[0].off, 5 * 512);
}

/* A header that ends before a field has the field as 0. */
static void bz_short_header(void **state)
{
	(void)state;
	img[0x201] = 0x260 - 0x202;
	assert_int_equal(parse(), 0);
	assert_int_equal(k.hdr.init_size, 0);
	assert_int_equal(k.seg[0].memsz, FAKE_BZ_CODE_LEN);
	img[0x201] = 0xff; /* and past boot_params' room for it */
	assert_int_equal(parse(), 0);
}

static void bz_refusals(void **state)
{
	static const struct {
		unsigned int off, bytes;
		uint64_t v;
		int code;
		const char *why;
	} t[] = {
		{0x211, 1, 0, -ENOEXEC, "zImage"},
		{0x206, 2, 0x20b, -ENOEXEC, "2.12"},
		{0x236, 2, 0x3e, -ENOEXEC, "32-bit"},
		{0x202, 4, 0, -ENOEXEC, "boot sector"},
		{0x230, 4, 0, -EBADMSG, "power of two"},
		{0x230, 4, 0x300000, -EBADMSG, "power of two"},
		{0x1f4, 4, 0, -EBADMSG, "64-bit entry is missing"},
		{0x1f4, 4, 0x20, -EBADMSG, "64-bit entry is missing"},
		{0x1f4, 4, 0x124, -EBADMSG, "cut short"},
		{0x1f4, 4, 0xffffffff, -EBADMSG, "cut short"},
		{0x1f1, 1, 0xff, -EBADMSG, "setup code"},
		{0x258, 8, 0, -EBADMSG, "below 1 MiB"},
		{0x258, 8, 0x80000000, -EBADMSG, "first 2 GiB"},
		{0x258, 8, 0x7ff00001, -EBADMSG, "first 2 GiB"},
		{0x258, 8, UINT64_MAX, -EBADMSG, "first 2 GiB"},
		{0x260, 4, 0x7f000001, -EBADMSG, "first 2 GiB"},
		{0x260, 4, 0xffffffff, -EBADMSG, "first 2 GiB"},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		len = fake_bzimage(img);
		fake_put(img + t[i].off, t[i].v, t[i].bytes);
		assert_refused(t[i].code, t[i].why);
	}
}

/* --- ELF -------------------------------------------------------------------
 */

static int use_notes(void)
{
	return kernel_use_notes(&k, img + k.notes[0].file.base,
				k.notes[0].file.len, k.notes[0].align, &why);
}

static void elf(void **state)
{
	(void)state;
	assert_int_equal(parse(), 0);
	assert_int_equal(k.kind, KERNEL_ELF64);
	assert_int_equal(k.n_seg, 2);
	assert_int_equal(k.seg[0].gpa, 0x1000000);
	assert_int_equal(k.seg[0].filesz, 0x800);
	assert_int_equal(k.seg[0].memsz, 0x900);
	assert_int_equal(k.seg[1].off, 0x1800);
	assert_int_equal(k.end, 0x1200800);
	assert_int_equal(k.entry, FAKE_ELF_ENTRY);
	assert_int_equal(k.n_notes, 1);
}

static void elf_pvh(void **state)
{
	(void)state;
	assert_int_equal(parse(), 0);
	assert_int_equal(use_notes(), 0);
	assert_int_equal(k.kind, KERNEL_ELF_PVH);
	assert_int_equal(k.entry, FAKE_ELF_PVH);
}

static void elf_refusals(void **state)
{
	static const struct {
		unsigned int off, bytes;
		uint64_t v;
		int code;
		const char *why;
	} t[] = {
		{4, 1, 1, -ENOEXEC, "32-bit ELF"},
		{4, 1, 3, -ENOEXEC, "unknown class"},
		{5, 1, 2, -ENOEXEC, "big-endian"},
		{16, 2, 1, -ENOEXEC, "object file"},
		{16, 2, 4, -ENOEXEC, "core dump"},
		{16, 2, 0xfe00, -ENOEXEC, "unknown type"},
		{18, 2, 183, -ENOEXEC, "arm64"},
		{18, 2, 243, -ENOEXEC, "RISC-V"},
		{18, 2, 3, -ENOEXEC, "another machine"},
		{24, 8, 0, -EBADMSG, "entry point"},
		{24, 8, 0x1000900, -EBADMSG, "entry point"},
		{24, 8, UINT64_MAX, -EBADMSG, "entry point"},
		{32, 8, 0x2000, -EBADMSG, "8 KiB"},
		{32, 8, 8192 - 3 * 0x38 + 1, -EBADMSG, "8 KiB"},
		{32, 8, UINT64_MAX - 8, -EBADMSG, "8 KiB"},
		{54, 2, 0x20, -EBADMSG, "unknown size"},
		{56, 2, 0, -EBADMSG, "nothing to load"},
		{56, 2, 0xffff, -EBADMSG, "8 KiB"},
		/* p_offset, p_paddr, p_filesz, p_memsz of the first */
		{FAKE_ELF_PHDR(0) + 8, 8, 0x3000, -EBADMSG, "cut short"},
		{FAKE_ELF_PHDR(0) + 8, 8, UINT64_MAX, -EBADMSG, "cut short"},
		{FAKE_ELF_PHDR(0) + 24, 8, 0xfffff, -EBADMSG, "1 MiB"},
		{FAKE_ELF_PHDR(0) + 24, 8, 0x7ffff701, -EBADMSG, "2 GiB"},
		{FAKE_ELF_PHDR(0) + 24, 8, UINT64_MAX, -EBADMSG, "2 GiB"},
		{FAKE_ELF_PHDR(0) + 24, 8, 0x11ff701, -EBADMSG, "overlap"},
		{FAKE_ELF_PHDR(0) + 24, 8, 0x12007ff, -EBADMSG, "overlap"},
		{FAKE_ELF_PHDR(0) + 32, 8, 0x901, -EBADMSG, "in the file"},
		{FAKE_ELF_PHDR(0) + 40, 8, 0, -EBADMSG, "in the file"},
		{FAKE_ELF_PHDR(0) + 40, 8, UINT64_MAX, -EBADMSG, "2 GiB"},
		{FAKE_ELF_PHDR(0) + 40, 8, 0x7f000001, -EBADMSG, "2 GiB"},
		{FAKE_ELF_PHDR(0) + 40, 8, 0x200001, -EBADMSG, "overlap"},
		{FAKE_ELF_PHDR(0), 4, 3, -ENOEXEC, "ordinary program"},
		{FAKE_ELF_PHDR(2) + 8, 8, UINT64_MAX, -EBADMSG, "notes"},
		{FAKE_ELF_PHDR(2) + 32, 8, UINT64_MAX, -EBADMSG, "notes"},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		len = fake_elf(img);
		fake_put(img + t[i].off, t[i].v, t[i].bytes);
		assert_refused(t[i].code, t[i].why);
	}
}

/* Neighbours do not overlap, and the last byte under 2 GiB may be used. */
static void elf_limits(void **state)
{
	(void)state;
	fake_put(img + FAKE_ELF_PHDR(0) + 40, 0x200000, 8);
	fake_put(img + FAKE_ELF_PHDR(1) + 40, 0x80000000 - 0x1200000, 8);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.end, 0x80000000);
}

static void elf_too_many_segments(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < KERNEL_SEGS_MAX + 1; i++) {
		memcpy(img + FAKE_ELF_PHDR(i), img + FAKE_ELF_PHDR(0), 0x38);
		fake_put(img + FAKE_ELF_PHDR(i) + 24, 0x1000000 + i * 0x1000,
			 8);
	}
	fake_put(img + 56, KERNEL_SEGS_MAX, 2);
	assert_int_equal(parse(), 0);
	fake_put(img + 56, KERNEL_SEGS_MAX + 1, 2);
	assert_refused(-EBADMSG, "too many");
}

static void elf_cut_header(void **state)
{
	(void)state;
	for (len = 0; len < 0x40 + 3 * 0x38; len++)
		assert_int_not_equal(parse(), 0);
}

static void notes_hostile(void **state)
{
	uint8_t *note = img + FAKE_ELF_NOTES;

	(void)state;
	assert_int_equal(parse(), 0);
	/* a first note whose name or descriptor runs out of the segment */
	fake_put(note, 0xffffffff, 4);
	assert_int_equal(use_notes(), 0);
	assert_int_equal(k.kind, KERNEL_ELF64);
	fake_put(note, 4, 4);
	fake_put(note + 4, 0xffffffff, 4);
	assert_int_equal(use_notes(), 0);
	assert_int_equal(k.kind, KERNEL_ELF64);
	fake_put(note + 4, 3, 4);
	/* a PVH note that is none */
	memcpy(note + 32, "Xem", 4);
	assert_int_equal(use_notes(), 0);
	assert_int_equal(k.kind, KERNEL_ELF64);
	memcpy(note + 32, "Xen", 4);
	fake_put(note + 20, 3, 4);
	assert_int_equal(use_notes(), 0);
	assert_int_equal(k.kind, KERNEL_ELF64);
	fake_put(note + 20, 4, 4);
	/* that is cut at its end */
	k.notes[0].file.len--;
	assert_int_equal(use_notes(), 0);
	assert_int_equal(k.kind, KERNEL_ELF64);
	k.notes[0].file.len++;
	/* whose entry is elsewhere */
	fake_put(note + 36, 0x100001000000, 8);
	assert_int_equal(use_notes(), -EBADMSG);
	fake_put(note + 36, 0x1000900, 8);
	assert_int_equal(use_notes(), -EBADMSG);
	fake_put(note + 36, FAKE_ELF_PVH, 8);
	fake_put(note + 24, 7, 4);
	assert_int_equal(use_notes(), -EBADMSG);
	assert_int_equal(k.kind, KERNEL_ELF64);
	fake_put(note + 24, 4, 4);
	assert_int_equal(use_notes(), 0);
	assert_int_equal(k.kind, KERNEL_ELF_PVH);
}

/* --- other files -----------------------------------------------------------
 */

static void other_formats(void **state)
{
	static const struct {
		size_t off;
		const char *bytes;
		size_t n;
		const char *name;
	} t[] = {
		{56, "ARM\x64", 4, "an arm64 kernel (Image)"},
		{0, "\x1f\x8b\x08", 3, "a gzip file"},
		{0, "\xfd\x37\x7a\x58\x5a\0", 6, "an xz file"},
		{0, "\x28\xb5\x2f\xfd", 4, "a zstd file"},
		{0, "\x02\x21\x4c\x18", 4, "an lz4 file"},
		{0, "BZh9", 4, "a bzip2 file"},
		{0, "070701000", 9, "a cpio archive, perhaps an initrd"},
		{0, "#!/bin/sh\n", 10, "a script"},
		{0, "", 0, "a file of zeroes"},
		{0, "\x01", 1, "of unknown format"},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memset(img, 0, sizeof(img));
		memcpy(img + t[i].off, t[i].bytes, t[i].n);
		len = 1000;
		assert_int_equal(parse(), -ENOEXEC);
		assert_string_equal(why, t[i].name);
	}
	len = 0;
	assert_refused(-ENOEXEC, "an empty file");
	memset(img, 'x', 100);
	len = 100;
	assert_refused(-ENOEXEC, "a text file");
}

static void efi_formats(void **state)
{
	(void)state;
	memset(img, 0, sizeof(img));
	len = 1000;
	memcpy(img, "MZ\0\0zimg", 8);
	fake_put(img + 0x3c, 0x80, 4);
	memcpy(img + 0x80, "PE\0\0\x64\xaa", 6);
	assert_refused(-ENOEXEC, "an arm64 EFI zboot kernel");
	memcpy(img + 0x84, "\x64\x86", 2);
	assert_refused(-ENOEXEC, "an x86 EFI zboot kernel");
	img[4] = 0;
	assert_refused(-ENOEXEC, "an EFI program (PE)");
	/* a PE offset that leads out of the file */
	fake_put(img + 0x3c, 995, 4);
	assert_refused(-ENOEXEC, "unknown");
	fake_put(img + 0x3c, 0xffffffff, 4);
	assert_refused(-ENOEXEC, "unknown");
}

#define BZ(f)  cmocka_unit_test_setup(f, setup_bz)
#define ELF(f) cmocka_unit_test_setup(f, setup_elf)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BZ(bzimage),
		BZ(bz_address_is_aligned),
		BZ(bz_signature_is_left_out),
		BZ(bz_old_sizes),
		BZ(bz_short_header),
		BZ(bz_refusals),
		ELF(elf),
		ELF(elf_pvh),
		ELF(elf_refusals),
		ELF(elf_limits),
		ELF(elf_too_many_segments),
		ELF(elf_cut_header),
		ELF(notes_hostile),
		cmocka_unit_test(other_formats),
		cmocka_unit_test(efi_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
