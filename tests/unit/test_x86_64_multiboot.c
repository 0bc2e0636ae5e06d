/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch-x86_64/layout.h"
#include "arch-x86_64/multiboot.h"
#include "tests/unit/fake_x86_image.h"

#define MIB (1ULL << 20)

static uint8_t img[FAKE_IMAGE_MAX];
static size_t len;
static struct kernel k;
static const char *why;

static int setup(void **state)
{
	(void)state;
	len = fake_multiboot(img);
	return 0;
}

static int parse(void)
{
	why = "";
	return kernel_parse(&k, img, len < KERNEL_HEAD ? len : KERNEL_HEAD, len,
			    &why);
}

#define assert_refused(code, text)                                             \
	do {                                                                   \
		assert_int_equal(parse(), code);                               \
		if (!strstr(why, text))                                        \
			assert_string_equal(why, text);                        \
	} while (0)

/* --- what is loaded --------------------------------------------------------
 */

static void elf32(void **state)
{
	(void)state;
	assert_int_equal(parse(), 0);
	assert_int_equal(k.kind, KERNEL_MULTIBOOT);
	assert_int_equal(k.n_seg, 2);
	assert_int_equal(k.seg[0].gpa, 0x100000);
	assert_int_equal(k.seg[0].off, 0x1000);
	assert_int_equal(k.seg[0].filesz, 0x800);
	assert_int_equal(k.seg[0].memsz, 0x900);
	assert_int_equal(k.seg[1].gpa, 0x200000);
	assert_int_equal(k.end, 0x200800);
	assert_int_equal(k.entry, FAKE_MB_ENTRY);
	/* the same with a physical entry, which no segment has virtually */
	fake_put(img + 24, FAKE_MB_ENTRY, 4);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.entry, FAKE_MB_ENTRY);
	fake_put(img + 18, 62, 2); /* EM_X86_64 */
	assert_int_equal(parse(), 0);
}

/* An ELF file of 64 bits stays a PVH kernel if it has such a note. */
static void elf64(void **state)
{
	(void)state;
	len = fake_elf(img);
	fake_multiboot_header(img + 0x1010, 0, NULL);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.kind, KERNEL_MULTIBOOT);
	assert_int_equal(k.entry, FAKE_ELF_ENTRY);
	assert_int_equal(kernel_use_notes(&k, img + k.notes[0].file.base,
					  k.notes[0].file.len, k.notes[0].align,
					  &why),
			 0);
	assert_int_equal(k.kind, KERNEL_ELF_PVH);
	assert_int_equal(k.entry, FAKE_ELF_PVH);
	assert_int_equal(k.cmdline_max, 2047);
}

/* Below 1 MiB a multiboot kernel may go, but none with a PVH note. */
static void low(void **state)
{
	(void)state;
	fake_put(img + FAKE_MB_PHDR(0) + 12, 0x8000, 4);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.seg[0].gpa, 0x8000);
	fake_put(img + FAKE_MB_PHDR(0) + 12, 0x9fc00 - 0x900, 4);
	assert_int_equal(parse(), 0);
	len = fake_elf(img);
	fake_put(img + FAKE_ELF_PHDR(1) + 24, 0x8000, 8);
	assert_refused(-EBADMSG, "below 1 MiB");
	fake_multiboot_header(img + 0x1010, 0, NULL);
	assert_int_equal(parse(), 0);
	assert_int_equal(kernel_use_notes(&k, img + k.notes[0].file.base,
					  k.notes[0].file.len, k.notes[0].align,
					  &why),
			 -EBADMSG);
	assert_int_equal(k.kind, KERNEL_MULTIBOOT);
}

static void bzimage_stays(void **state)
{
	(void)state;
	len = fake_bzimage(img);
	fake_multiboot_header(img + FAKE_BZ_CODE, 0, NULL);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.kind, KERNEL_BZIMAGE);
}

static void elf_refusals(void **state)
{
	static const struct {
		unsigned int off;
		uint32_t v;
		const char *why;
	} t[] = {
		{24, 0, "entry point"},
		{24, 0xc0100900, "entry point"},
		{28, 0x2000, "8 KiB"},
		{28, 0xffffffff, "8 KiB"},
		{42, 0x20038, "unknown size"},
		{44, 0, "nothing to load"},
		{FAKE_MB_PHDR(0) + 4, 0x1801, "cut short"},
		{FAKE_MB_PHDR(0) + 4, 0xffffffff, "cut short"},
		{FAKE_MB_PHDR(0) + 12, 0, "no RAM or not free"},
		{FAKE_MB_PHDR(0) + 12, 0xfff, "no RAM or not free"},
		{FAKE_MB_PHDR(0) + 12, 0x9f301, "no RAM or not free"},
		{FAKE_MB_PHDR(0) + 12, 0xfffff, "no RAM or not free"},
		{FAKE_MB_PHDR(0) + 12, 0x80000000, "2 GiB"},
		{FAKE_MB_PHDR(0) + 12, 0x1ff701, "overlap"},
		{FAKE_MB_PHDR(0) + 20, 0x7ff, "in the file"},
		{FAKE_MB_PHDR(0) + 20, 0xffffffff, "2 GiB"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		len = fake_multiboot(img);
		fake_put(img + t[i].off, t[i].v, 4);
		assert_refused(-EBADMSG, t[i].why);
	}
}

static void flags(void **state)
{
	(void)state;
	fake_multiboot_header(img + FAKE_MB_HEADER, 4, NULL);
	assert_refused(-ENOEXEC, "video");
	fake_multiboot_header(img + FAKE_MB_HEADER, 8, NULL);
	assert_refused(-ENOEXEC, "does not know");
	fake_multiboot_header(img + FAKE_MB_HEADER, 0x8000, NULL);
	assert_refused(-ENOEXEC, "does not know");
	/* those may be ignored */
	fake_multiboot_header(img + FAKE_MB_HEADER, 0xfffe0000, NULL);
	assert_int_equal(parse(), 0);
}

/* The header is where it may be, is aligned and has its checksum, or is none.
 */
static void where_it_is(void **state)
{
	static const struct {
		uint32_t off;
		bool found;
	} t[] = {
		{0x1f4, true},	   {0x1f6, false}, {8192 - 12, true},
		{8192 - 8, false}, {8192, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		len = fake_multiboot(img);
		memset(img + FAKE_MB_HEADER, 0, 12);
		fake_multiboot_header(img + t[i].off, 0, NULL);
		assert_int_equal(parse(), t[i].found ? 0 : -ENOEXEC);
	}
	len = fake_multiboot(img);
	img[FAKE_MB_HEADER + 8] ^= 1;
	assert_refused(-ENOEXEC, "32-bit ELF");
}

/* --- the address fields ----------------------------------------------------
 */

/* A file without any format: header at 0x40, loaded from 0x20 on. */
static void make_addressed(uint32_t header, uint32_t load, uint32_t load_end,
			   uint32_t bss_end, uint32_t entry)
{
	const uint32_t a[] = {header, load, load_end, bss_end, entry};

	memset(img, 0x90, sizeof(img));
	fake_multiboot_header(img + 0x40, 1 << 16, a);
	len = 0x3000;
}

static void addresses(void **state)
{
	(void)state;
	make_addressed(0x100020, 0x100000, 0x101000, 0x104000, 0x100fff);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.kind, KERNEL_MULTIBOOT);
	assert_int_equal(k.n_seg, 1);
	assert_int_equal(k.seg[0].off, 0x20);
	assert_int_equal(k.seg[0].gpa, 0x100000);
	assert_int_equal(k.seg[0].filesz, 0x1000);
	assert_int_equal(k.seg[0].memsz, 0x4000);
	assert_int_equal(k.entry, 0x100fff);
	/* the whole file, no bss */
	make_addressed(0x100020, 0x100000, 0, 0, 0x100000);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.seg[0].filesz, 0x3000 - 0x20);
	assert_int_equal(k.seg[0].memsz, 0x3000 - 0x20);
	/* they count in an ELF file, too */
	memcpy(img, "\177ELF\2\1\1", 8);
	assert_int_equal(parse(), 0);
	assert_int_equal(k.seg[0].off, 0x20);
}

static void address_refusals(void **state)
{
	static const struct {
		uint32_t a[5];
		const char *why;
	} t[] = {
		{{0x100020, 0x100021, 0, 0, 0x100030}, "addresses say"},
		{{0x100020, 0x0fffdf, 0, 0, 0x100030}, "addresses say"},
		{{0xffffffff, 0, 0, 0, 0x100030}, "addresses say"},
		{{0x100020, 0x100000, 0x100020, 0, 0x100030}, "ends before"},
		{{0x100020, 0x100000, 0x102fe1, 0, 0x100030}, "cut short"},
		{{0x100020, 0x100000, 0xffffffff, 0, 0x100030}, "cut short"},
		{{0x100020, 0x100000, 0x101000, 0x100fff, 0x100030},
		 "in the file"},
		{{0x100020, 0x100000, 0x101000, 0xfffff, 0x100030},
		 "in the file"},
		{{0x100020, 0x100000, 0x101000, 0xffffffff, 0x100030}, "2 GiB"},
		{{0x100020, 0x100000, 0x101000, 0, 0x101000}, "entry point"},
		{{0x100020, 0x100000, 0x101000, 0, 0xfffff}, "entry point"},
		{{0x20, 0, 0x1000, 0, 0x30}, "no RAM or not free"},
		{{0x9f020, 0x9f000, 0, 0, 0x9f000}, "no RAM or not free"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const uint32_t *a = t[i].a;

		make_addressed(a[0], a[1], a[2], a[3], a[4]);
		assert_refused(-EBADMSG, t[i].why);
	}
	/* cut inside of the fields */
	make_addressed(0x100020, 0x100000, 0, 0, 0x100030);
	for (len = 0x40 + 12; len < 0x40 + 32; len++)
		assert_refused(-EBADMSG, "8 KiB");
	/* no fields, and no ELF to look into */
	memset(img, 0x90, sizeof(img));
	fake_multiboot_header(img, 0, NULL);
	len = 0x1000;
	assert_refused(-EBADMSG, "no addresses");
}

static void cut_anywhere(void **state)
{
	size_t whole = len;

	(void)state;
	for (len = 0; len < whole; len++)
		assert_int_not_equal(parse(), 0);
}

/* --- what it is handed -----------------------------------------------------
 */

static void place(void **state)
{
	(void)state;
	assert_int_equal(parse(), 0);
	assert_int_equal(multiboot_place(&k, 5000), 0x1000);
	/* a kernel there: behind it */
	k.seg[0].gpa = 0x2000;
	k.seg[0].memsz = 0x901;
	assert_int_equal(multiboot_place(&k, 0x1000), 0x1000);
	assert_int_equal(multiboot_place(&k, 0x1001), 0x3000);
	/* the low RAM is full, or too small */
	assert_int_equal(multiboot_place(&k, LOW_RAM_END), 0x201000);
	k.seg[1] = (struct kernel_seg){.gpa = 0x3000, .memsz = 0x9cc00};
	assert_int_equal(multiboot_place(&k, 0x1000), 0x1000);
	assert_int_equal(multiboot_place(&k, 0x1001), 0x201000);
	/* nothing above 1 MiB */
	k.end = 0x9fc00;
	assert_int_equal(multiboot_place(&k, 0x1001), 0x100000);
}

static void written(void **state)
{
	struct plan plan = {
		.n_ram = 2,
		.ram = {{0, 64 * MIB}, {RAM_HIGH, 5 * MIB}},
		.ecam = {ECAM_BASE, ECAM_SIZE},
	};
	struct multiboot_info info = {
		.plan = &plan,
		.cmdline = "one two",
		.n_modules = 2,
		.module = {{{0x300000, 0x1234}, "first"},
			   {{0x302000, 1}, "second one"}},
	};
	uint64_t size = multiboot_size(&info);
	uint8_t *buf = test_malloc(size); /* checks both ends */
	const uint64_t gpa = 0x5000;
	const uint8_t *mi, *mod, *map;

	(void)state;
	assert_int_equal(multiboot_write(buf, gpa, &info), gpa + 32);
	assert_int_equal(fake_get(buf + BOOT_CS, 8), 0x00cf9b000000ffff);
	assert_int_equal(fake_get(buf + BOOT_DS, 8), 0x00cf93000000ffff);
	mi = buf + 32;
	assert_int_equal(fake_get(mi, 4), 0x24d);
	assert_int_equal(fake_get(mi + 4, 4), 639);
	assert_int_equal(fake_get(mi + 8, 4), 63 * 1024);
	assert_string_equal((char *)buf + fake_get(mi + 16, 4) - gpa,
			    "one two");
	assert_string_equal((char *)buf + fake_get(mi + 64, 4) - gpa, "barge");
	assert_int_equal(fake_get(mi + 20, 4), 2);
	mod = buf + fake_get(mi + 24, 4) - gpa;
	assert_int_equal(fake_get(mod, 4), 0x300000);
	assert_int_equal(fake_get(mod + 4, 4), 0x301234);
	assert_string_equal((char *)buf + fake_get(mod + 8, 4) - gpa, "first");
	assert_int_equal(fake_get(mod + 16, 4), 0x302000);
	assert_int_equal(fake_get(mod + 20, 4), 0x302001);
	assert_string_equal((char *)buf + fake_get(mod + 24, 4) - gpa,
			    "second one");
	assert_int_equal(fake_get(mi + 44, 4), 6 * 24);
	map = buf + fake_get(mi + 48, 4) - gpa;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(fake_get(map + 24 * i, 4), 20);
	assert_int_equal(fake_get(map + 12, 8), 0x9fc00);
	assert_int_equal(fake_get(map + 20, 4), 1);
	assert_int_equal(fake_get(map + 44, 4), 2);
	assert_int_equal(fake_get(map + 124, 8), RAM_HIGH);
	assert_int_equal(fake_get(map + 132, 8), 5 * MIB);
	test_free(buf);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(elf32),	  T(elf64),	   T(low),
		T(bzimage_stays), T(elf_refusals), T(flags),
		T(where_it_is),	  T(addresses),	   T(address_refusals),
		T(cut_anywhere),  T(place),	   T(written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
