/* SPDX-License-Identifier: Apache-2.0 */
#include "arch-aarch64/kernel.h"

#include <errno.h>
#include <string.h>

#include "core/file_kind.h"

/*
 * How it works: kernel_find() knows the wrappings that an Image comes in,
 * kernel_parse() the Image itself, and both name anything else. Numbers are
 * fetched byte by byte from where the formats have them, and compared with what
 * is left, never added before they are known to be small.
 */

static int refuse(const char **why, int code, const char *text)
{
	*why = text;
	return code;
}

static uint64_t get(const uint8_t *p, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

/* linux/pe.h: where the PE header is; MZ is in front of an Image, too. */
#define PE_OFF_AT   0x3c
#define PE_MACHINE  4 /* of the PE header */
#define PE_SECTIONS 6
#define PE_OPTIONAL 20 /* length of the optional header */
#define PE_SIZE	    24 /* where that begins */
#define PE_ARM64    0xaa64

/* A section of a PE file: where it is in the file. */
#define SECTION_SIZE	 40
#define SECTION_RAW_SIZE 16
#define SECTION_RAW_OFF	 20
#define SECTIONS_MAX	 16

/* The PE header in @head with @*left bytes from there on, or NULL. */
static const uint8_t *pe_header(const uint8_t *head, size_t len, size_t *left)
{
	uint64_t off;

	if (len < PE_OFF_AT + 4 || memcmp(head, "MZ", 2) != 0)
		return NULL;
	off = get(head + PE_OFF_AT, 4);
	if (off > len || len - off < PE_SIZE ||
	    memcmp(head + off, "PE\0\0", 4) != 0)
		return NULL;
	*left = len - (size_t)off;
	return head + off;
}

/* --- EFI zboot -------------------------------------------------------------
 */

/* linux-efi-zboot */
#define ZBOOT_MAGIC  "MZ\0\0zimg"
#define ZBOOT_OFF    8
#define ZBOOT_SIZE   12
#define ZBOOT_METHOD 24
#define ZBOOT_END    0x38 /* of the name of the method, with its NUL */

#define ZBOOT_IS     "an arm64 EFI zboot kernel, compressed "

struct method {
	const char *name;
	const char *refused; /* NULL: it is @pack */
	enum kernel_pack pack;
};

/* clang-format off */
static const struct method methods[] = {
	{ "gzip", NULL, KERNEL_GZIP },
	{ "zstd", NULL, KERNEL_ZSTD },
	{ "zstd22", NULL, KERNEL_ZSTD },
	{ "xz", ZBOOT_IS "with xz", 0 },
	{ "xzkern", ZBOOT_IS "with xz", 0 },
	{ "lzma", ZBOOT_IS "with lzma", 0 },
	{ "lzo", ZBOOT_IS "with lzo", 0 },
	{ "lz4", ZBOOT_IS "with lz4", 0 },
	{ "bzip2", ZBOOT_IS "with bzip2", 0 },
};
/* clang-format on */

/* @name: ZBOOT_END - ZBOOT_METHOD bytes of the file. */
static const struct method *find_method(const char *name)
{
	size_t i, n;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		n = strlen(methods[i].name) + 1;
		if (!memcmp(name, methods[i].name, n))
			return &methods[i];
	}
	return NULL;
}

static bool is_zboot(const uint8_t *head, size_t len)
{
	return len >= 8 && !memcmp(head, ZBOOT_MAGIC, 8);
}

static int find_zboot(struct kernel_file *f, const uint8_t *head, size_t len,
		      uint64_t file_size, const char **why)
{
	const struct method *m;
	const uint8_t *pe;
	size_t left;

	if (len < ZBOOT_END)
		return refuse(why, -EBADMSG, "the file ends in its header");
	pe = pe_header(head, len, &left);
	if (!pe || get(pe + PE_MACHINE, 2) != PE_ARM64)
		return refuse(why, -ENOEXEC, file_kind_name(head, len));
	m = find_method((const char *)head + ZBOOT_METHOD);
	if (!m)
		return refuse(why, -ENOEXEC, ZBOOT_IS "in an unknown way");
	if (m->refused)
		return refuse(why, -ENOEXEC, m->refused);
	f->pack = m->pack;
	f->span.base = get(head + ZBOOT_OFF, 4);
	f->span.len = get(head + ZBOOT_SIZE, 4);
	if (!f->span.len)
		return refuse(why, -EBADMSG, "it has no compressed part");
	if (f->span.base > file_size || f->span.len > file_size - f->span.base)
		return refuse(why, -EBADMSG,
			      "the file is cut short: its compressed part "
			      "reaches past its end");
	return 0;
}

/* --- any file --------------------------------------------------------------
 */

#define GZIP_MAGIC     "\x1f\x8b"	  /* RFC1952 2.3.1 */
#define ZSTD_MAGIC     "\x28\xb5\x2f\xfd" /* RFC8878 3.1.1 */

#define IMAGE_MAGIC_AT 56
#define IMAGE_MAGIC    "ARM\x64"
#define IMAGE_HEADER   64

static bool is_image(const uint8_t *head, size_t len)
{
	return len >= IMAGE_MAGIC_AT + 4 &&
	       !memcmp(head + IMAGE_MAGIC_AT, IMAGE_MAGIC, 4);
}

int kernel_find(struct kernel_file *f, const uint8_t *head, size_t len,
		uint64_t file_size, const char **why)
{
	*f = (struct kernel_file){KERNEL_PLAIN, {0, file_size}};
	if (is_zboot(head, len))
		return find_zboot(f, head, len, file_size, why);
	if (is_image(head, len))
		return 0;
	if (len >= 4 && !memcmp(head, ZSTD_MAGIC, 4))
		f->pack = KERNEL_ZSTD;
	else if (len >= 2 && !memcmp(head, GZIP_MAGIC, 2))
		f->pack = KERNEL_GZIP;
	else
		return refuse(why, -ENOEXEC, file_kind_name(head, len));
	return 0;
}

/* --- Image -----------------------------------------------------------------
 */

/* linux-arm64-boot, "Call the kernel image": the header */
#define IMAGE_TEXT_OFFSET 8
#define IMAGE_SIZE	  16
#define IMAGE_FLAGS	  24
#define FLAG_BIG_ENDIAN	  1
#define FLAG_PAGES_SHIFT  1
#define FLAG_PAGES_MASK	  3

/*
 * The header has nothing that tells an Image from a part of it, but the PE
 * sections that nearly all have. 0 if there are none.
 */
static uint64_t pe_end(const uint8_t *head, size_t len)
{
	size_t left = 0;
	const uint8_t *s, *pe = pe_header(head, len, &left);
	uint64_t end, n, off, max = 0;

	if (!pe)
		return 0;
	n = get(pe + PE_SECTIONS, 2);
	off = PE_SIZE + get(pe + PE_OPTIONAL, 2);
	if (n > SECTIONS_MAX || off > left || left - off < n * SECTION_SIZE)
		return 0;
	for (s = pe + off; n--; s += SECTION_SIZE) {
		/* of two 32-bit numbers */
		end = get(s + SECTION_RAW_OFF, 4) +
		      get(s + SECTION_RAW_SIZE, 4);
		if (end > max)
			max = end;
	}
	return max;
}

int kernel_flat(struct kernel *k, uint64_t file_size, const char **why)
{
	*k = (struct kernel){
		.text_offset = KERNEL_FLAT_OFFSET,
		.image_size = file_size,
		.pages = KERNEL_PAGES_ANY,
	};
	if (file_size > KERNEL_REACH_MAX - KERNEL_FLAT_OFFSET)
		return refuse(why, -EBADMSG,
			      "as a flat image it is larger than any kernel");
	return 0;
}

int kernel_parse(struct kernel *k, const uint8_t *head, size_t len,
		 const char **why)
{
	uint64_t flags;

	*k = (struct kernel){0};
	if (!is_image(head, len))
		return refuse(why, -ENOEXEC, file_kind_name(head, len));
	if (len < IMAGE_HEADER)
		return refuse(why, -EBADMSG, "the file ends in its header");
	k->text_offset = get(head + IMAGE_TEXT_OFFSET, 8);
	k->image_size = get(head + IMAGE_SIZE, 8);
	flags = get(head + IMAGE_FLAGS, 8);
	/* Hardware could run it, but nobody ships one to test barge with. */
	if (flags & FLAG_BIG_ENDIAN)
		return refuse(why, -ENOEXEC,
			      "a big-endian arm64 kernel (Image), and barge "
			      "runs little-endian ones only");
	/* linux-arm64-boot: then text_offset is of unknown endianness, too */
	if (!k->image_size)
		return refuse(why, -ENOEXEC,
			      "an arm64 Linux older than 3.17, which does not "
			      "say how much memory it needs");
	if (k->text_offset % 4)
		return refuse(why, -EBADMSG, "its code is not aligned");
	if (k->text_offset > KERNEL_REACH_MAX ||
	    k->image_size > KERNEL_REACH_MAX - k->text_offset)
		return refuse(why, -EBADMSG,
			      "its header asks for more memory than any "
			      "kernel needs");
	k->pages = (enum kernel_pages)(flags >> FLAG_PAGES_SHIFT &
				       FLAG_PAGES_MASK);
	k->file_min = pe_end(head, len);
	if (k->file_min < IMAGE_HEADER)
		k->file_min = IMAGE_HEADER;
	return 0;
}
