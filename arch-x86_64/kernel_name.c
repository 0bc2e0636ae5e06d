/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "arch-x86_64/kernel.h"

/* Files that people hand over as a kernel, told apart by their first bytes. */

struct magic {
	size_t off;
	size_t len;
	const char *bytes;
	const char *name;
};

/* clang-format off */
#define MAGIC(off, bytes, name) { off, sizeof(bytes) - 1, bytes, name }
static const struct magic magics[] = {
	MAGIC(56, "ARM\x64", "an arm64 kernel (Image)"),
	MAGIC(56, "RSC\x05", "a RISC-V kernel (Image)"),
	MAGIC(0, "\x1f\x8b", "a gzip file"),
	MAGIC(0, "\xfd""7zXZ\0", "an xz file"),
	MAGIC(0, "\x28\xb5\x2f\xfd", "a zstd file"),
	MAGIC(0, "\x04\x22\x4d\x18", "an lz4 file"),
	MAGIC(0, "\x02\x21\x4c\x18", "an lz4 file"),
	MAGIC(0, "BZh", "a bzip2 file"),
	MAGIC(0, "\x5d\0\0", "an lzma file"),
	MAGIC(0, "\x89LZO\0", "an lzo file"),
	MAGIC(0, "070701", "a cpio archive, perhaps an initrd"),
	MAGIC(0, "070702", "a cpio archive, perhaps an initrd"),
	MAGIC(0, "\x27\x05\x19\x56", "a U-Boot image (uImage)"),
	MAGIC(0, "\xd0\x0d\xfe\xed", "a devicetree or FIT image"),
	MAGIC(0, "ANDROID!", "an Android boot image"),
	MAGIC(0, "QFI\xfb", "a qcow2 disk image"),
	MAGIC(0, "!<arch>\n", "an archive or a Debian package"),
	MAGIC(0, "PK\x03\x04", "a zip file"),
	MAGIC(0, "hsqs", "a squashfs image"),
	MAGIC(257, "ustar", "a tar archive"),
	MAGIC(0, "#!", "a script"),
};
/* clang-format on */

#define DOS_PE_OFF  0x3c /* linux/pe.h: file offset of the PE signature */
#define PE_X86_64   0x8664
#define PE_ARM64    0xaa64
#define ZBOOT_MAGIC "MZ\0\0zimg"

static bool is_magic(const uint8_t *head, size_t len, const struct magic *m)
{
	return len >= m->off + m->len &&
	       !memcmp(head + m->off, m->bytes, m->len);
}

/* Machine of the PE file at @head, or 0. */
static unsigned int pe_machine(const uint8_t *head, size_t len)
{
	uint32_t off;
	uint16_t machine;

	if (len < DOS_PE_OFF + sizeof(off) || memcmp(head, "MZ", 2) != 0)
		return 0;
	memcpy(&off, head + DOS_PE_OFF, sizeof(off));
	if (off > len || len - off < 6 || memcmp(head + off, "PE\0\0", 4) != 0)
		return 0;
	memcpy(&machine, head + off + 4, sizeof(machine));
	return machine;
}

static const char *name_zboot(unsigned int machine)
{
	switch (machine) {
	case PE_X86_64:
		return "an x86 EFI zboot kernel";
	case PE_ARM64:
		return "an arm64 EFI zboot kernel";
	default:
		return "an EFI zboot kernel of another machine";
	}
}

static const char *name_pe(unsigned int machine)
{
	switch (machine) {
	case PE_X86_64:
		return "an EFI program (PE) and not a bzImage";
	case PE_ARM64:
		return "an arm64 EFI program (PE)";
	default:
		return "an EFI or Windows program (PE)";
	}
}

static bool is_text(const uint8_t *head, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((head[i] < ' ' && (head[i] < '\t' || head[i] > '\r')) ||
		    head[i] == 0x7f)
			return false;
	return len > 0;
}

static bool is_zero(const uint8_t *head, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (head[i])
			return false;
	return true;
}

const char *kernel_name_format(const uint8_t *head, size_t len)
{
	unsigned int machine = pe_machine(head, len);
	size_t i;

	if (len == 0)
		return "an empty file";
	if (len >= 8 && !memcmp(head, ZBOOT_MAGIC, 8))
		return name_zboot(machine);
	for (i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (is_magic(head, len, &magics[i]))
			return magics[i].name;
	if (machine)
		return name_pe(machine);
	if (len >= 512 && head[510] == 0x55 && head[511] == 0xaa)
		return "a boot sector, a disk image or a Linux older than 1.3";
	if (is_text(head, len))
		return "a text file";
	if (is_zero(head, len))
		return "a file of zeroes";
	return "of unknown format";
}
