/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_x86_image.h"

#include <string.h>

static void fill(uint8_t *buf, size_t from, size_t len)
{
	size_t i;

	for (i = from; i < from + len; i++)
		buf[i] = fake_byte(i);
}

size_t fake_bzimage(uint8_t *buf)
{
	memset(buf, 0, FAKE_IMAGE_MAX);
	memcpy(buf, "MZ", 2);
	buf[0x1f1] = 1; /* setup_sects */
	fake_put(buf + 0x1f4, (FAKE_BZ_CODE_LEN + 15) / 16, 4);
	fake_put(buf + 0x1fe, 0xaa55, 2);
	buf[0x200] = 0xeb;
	buf[0x201] = 0x6a; /* header ends at 0x26c */
	memcpy(buf + 0x202, "HdrS", 4);
	fake_put(buf + 0x206, 0x20f, 2);
	buf[0x211] = 0x01; /* LOADED_HIGH */
	fake_put(buf + 0x214, 0x100000, 4);
	fake_put(buf + 0x22c, 0x7fffffff, 4); /* initrd_addr_max */
	fake_put(buf + 0x230, 0x200000, 4);   /* kernel_alignment */
	buf[0x234] = 1;			      /* relocatable */
	fake_put(buf + 0x236, 0x3f, 2);	      /* xloadflags */
	fake_put(buf + 0x238, FAKE_BZ_CMDLINE, 4);
	fake_put(buf + 0x258, FAKE_BZ_PREF, 8);
	fake_put(buf + 0x260, FAKE_BZ_INIT_SIZE, 4);
	fill(buf, FAKE_BZ_CODE, FAKE_BZ_CODE_LEN);
	return FAKE_BZ_CODE + FAKE_BZ_CODE_LEN;
}

/* Program header @i: type, file span, address, size in memory. */
static void phdr(uint8_t *buf, unsigned int i, uint32_t type, uint64_t off,
		 uint64_t addr, uint64_t filesz)
{
	uint8_t *p = buf + FAKE_ELF_PHDR(i);

	fake_put(p, type, 4);
	fake_put(p + 8, off, 8);
	fake_put(p + 16, addr + 0xffffffff80000000, 8); /* virtual */
	fake_put(p + 24, addr, 8);
	fake_put(p + 32, filesz, 8);
	fake_put(p + 40, filesz, 8);
	fake_put(p + 48, 4, 8);
}

/* A note: another one first, whose sizes are not multiples of 4. */
static size_t notes(uint8_t *p)
{
	fake_put(p, 4, 4);
	fake_put(p + 4, 3, 4);
	fake_put(p + 8, 3, 4);
	memcpy(p + 12, "GNU\0abc", 7);
	fake_put(p + 20, 4, 4);
	fake_put(p + 24, 8, 4);
	fake_put(p + 28, 18, 4);
	memcpy(p + 32, "Xen", 4);
	fake_put(p + 36, FAKE_ELF_PVH, 8);
	return 44;
}

size_t fake_elf(uint8_t *buf)
{
	size_t n;

	memset(buf, 0, FAKE_IMAGE_MAX);
	memcpy(buf, "\177ELF\2\1\1", 7);
	fake_put(buf + 16, 2, 2);  /* ET_EXEC */
	fake_put(buf + 18, 62, 2); /* EM_X86_64 */
	fake_put(buf + 20, 1, 4);
	fake_put(buf + 24, FAKE_ELF_ENTRY, 8);
	fake_put(buf + 32, 0x40, 8); /* e_phoff */
	fake_put(buf + 52, 0x40, 2);
	fake_put(buf + 54, 0x38, 2);
	fake_put(buf + 56, 3, 2); /* e_phnum */
	phdr(buf, 0, 1, 0x1000, 0x1000000, 0x800);
	fake_put(buf + FAKE_ELF_PHDR(0) + 40, 0x900, 8);
	phdr(buf, 1, 1, 0x1800, 0x1200000, 0x800);
	fill(buf, 0x1000, 0x1000);
	n = notes(buf + FAKE_ELF_NOTES);
	phdr(buf, 2, 4, FAKE_ELF_NOTES, 0x1200000, n);
	return FAKE_ELF_NOTES + n;
}

void fake_multiboot_header(uint8_t *p, uint32_t flags, const uint32_t *addrs)
{
	fake_put(p, 0x1badb002, 4);
	fake_put(p + 4, flags, 4);
	fake_put(p + 8, 0u - 0x1badb002u - flags, 4);
	for (unsigned int i = 0; addrs && i < 5; i++)
		fake_put(p + 12 + 4 * i, addrs[i], 4);
}

static void phdr32(uint8_t *buf, unsigned int i, uint32_t off, uint32_t addr,
		   uint32_t memsz)
{
	uint8_t *p = buf + FAKE_MB_PHDR(i);

	fake_put(p, 1, 4);
	fake_put(p + 4, off, 4);
	fake_put(p + 8, addr + FAKE_MB_VIRTUAL, 4);
	fake_put(p + 12, addr, 4);
	fake_put(p + 16, 0x800, 4);
	fake_put(p + 20, memsz, 4);
	fake_put(p + 28, 4, 4);
}

size_t fake_multiboot(uint8_t *buf)
{
	memset(buf, 0, FAKE_IMAGE_MAX);
	memcpy(buf, "\177ELF\1\1\1", 7);
	fake_put(buf + 16, 2, 2); /* ET_EXEC */
	fake_put(buf + 18, 3, 2); /* EM_386 */
	fake_put(buf + 20, 1, 4);
	fake_put(buf + 24, FAKE_MB_ENTRY + FAKE_MB_VIRTUAL, 4);
	fake_put(buf + 28, 0x34, 4); /* e_phoff */
	fake_put(buf + 40, 0x34, 2);
	fake_put(buf + 42, 0x20, 2);
	fake_put(buf + 44, 2, 2); /* e_phnum */
	phdr32(buf, 0, 0x1000, 0x100000, 0x900);
	phdr32(buf, 1, 0x1800, 0x200000, 0x800);
	fill(buf, 0x1000, 0x1000);
	fake_multiboot_header(buf + FAKE_MB_HEADER, 3, NULL);
	return 0x2000;
}
