/* SPDX-License-Identifier: Apache-2.0 */
#include "core/file_kind.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

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

/* clang-format off */
static const struct magic disks[] = {
	MAGIC(0, "QFI\xfb", "a qcow2 image"),
	MAGIC(0, "QED\0", "a QED image"),
	MAGIC(0, "KDMV", "a VMDK image"),
	MAGIC(0, "COWD", "a VMDK image"),
	MAGIC(0, "# Disk DescriptorFile", "the description of a VMDK image"),
	MAGIC(0, "vhdxfile", "a VHDX image"),
	MAGIC(0, "conectix", "a VHD image"),
	MAGIC(0, "WithoutFreeSpace", "a Parallels image"),
	MAGIC(0, "WithouFreSpacExt", "a Parallels image"),
	MAGIC(64, "\x7f\x10\xda\xbe", "a VDI image"),
};
/* clang-format on */

/* linux-x86-boot: the setup header, which all of this must be there for */
#define X86_BOOT_FLAG 0x1fe
#define X86_MAGIC     0x202
#define X86_HDR_END   0x290

#define DOS_PE_OFF    0x3c /* linux/pe.h: file offset of the PE signature */
#define PE_X86_64     0x8664
#define PE_ARM64      0xaa64
#define ZBOOT_MAGIC   "MZ\0\0zimg"

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
		return "an EFI program (PE) for x86_64";
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

static bool is_bzimage(const uint8_t *head, size_t len)
{
	return len >= X86_HDR_END &&
	       !memcmp(head + X86_BOOT_FLAG, "\x55\xaa", 2) &&
	       !memcmp(head + X86_MAGIC, "HdrS", 4);
}

static const char *name_elf_x86(const Elf64_Ehdr *eh)
{
	switch (eh->e_type) {
	case ET_REL:
		return "an ELF object file or module";
	case ET_CORE:
		return "an ELF core dump";
	case ET_EXEC:
	case ET_DYN:
		return "an x86 ELF file";
	default:
		return "an ELF file of unknown type";
	}
}

static const char *name_elf(const uint8_t *head, size_t len)
{
	Elf64_Ehdr eh = {0};

	memcpy(&eh, head, len < sizeof(eh) ? len : sizeof(eh));
	if (eh.e_ident[EI_CLASS] == ELFCLASS32)
		return "a 32-bit ELF file";
	if (eh.e_ident[EI_CLASS] != ELFCLASS64)
		return "an ELF file of unknown class";
	if (eh.e_ident[EI_DATA] != ELFDATA2LSB)
		return "a big-endian ELF file";
	switch (eh.e_machine) {
	case EM_AARCH64:
		return "an arm64 ELF file";
	case EM_RISCV:
		return "a RISC-V ELF file";
	case EM_X86_64:
		return name_elf_x86(&eh);
	default:
		return "an ELF file of another machine";
	}
}

const char *file_kind_name(const uint8_t *head, size_t len)
{
	unsigned int machine = pe_machine(head, len);
	size_t i;

	if (len == 0)
		return "an empty file";
	if (len >= 8 && !memcmp(head, ZBOOT_MAGIC, 8))
		return name_zboot(machine);
	if (is_bzimage(head, len))
		return "an x86 Linux kernel (bzImage)";
	if (len > EI_DATA && !memcmp(head, ELFMAG, SELFMAG))
		return name_elf(head, len);
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

const char *file_kind_disk(const uint8_t *head, size_t len)
{
	for (size_t i = 0; i < sizeof(disks) / sizeof(disks[0]); i++)
		if (is_magic(head, len, &disks[i]))
			return disks[i].name;
	return NULL;
}
