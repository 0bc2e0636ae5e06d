/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_X86_IMAGE_H
#define TESTS_UNIT_FAKE_X86_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "tests/unit/fake_bytes.h"

/*
 * Tiny x86 kernel files, right in all that a loader looks at; the tests spoil
 * them field by field. Offsets are those of the file formats, as numbers.
 */

#define FAKE_IMAGE_MAX 0x4000

/*
 * Boot protocol 2.15, relocatable, pref_address 16 MiB, init_size 1 MiB, one
 * setup sector, code from file offset 0x400 to the end. Returns the length.
 */
#define FAKE_BZ_CODE	  0x400
#define FAKE_BZ_CODE_LEN  0x1230
#define FAKE_BZ_PREF	  0x1000000
#define FAKE_BZ_INIT_SIZE 0x100000
#define FAKE_BZ_CMDLINE	  2047
size_t fake_bzimage(uint8_t *buf);

/*
 * ELF64: file 0x1000..0x17ff to 16 MiB (0x900 bytes in memory), 0x1800..0x1fff
 * to 18 MiB, notes at 0x2000. Entry at 16 MiB + 0x10, PVH at 16 MiB + 0x20.
 * Program headers at 0x40, in this order.
 */
#define FAKE_ELF_PHDR(i) (0x40 + 0x38 * (i))
#define FAKE_ELF_NOTES	 0x2000
#define FAKE_ELF_ENTRY	 0x1000010
#define FAKE_ELF_PVH	 0x1000020
size_t fake_elf(uint8_t *buf);

/*
 * ELF32 with a multiboot header at file offset 0x1000: 0x1000..0x17ff to 1 MiB
 * (0x900 bytes in memory) and 0x1800..0x1fff to 2 MiB, linked 3 GiB higher.
 * Entry, as a virtual address, at 1 MiB + 0x10. Program headers at 0x34.
 */
#define FAKE_MB_PHDR(i) (0x34 + 0x20 * (i))
#define FAKE_MB_HEADER	0x1000
#define FAKE_MB_ENTRY	0x100010
#define FAKE_MB_VIRTUAL 0xc0000000
size_t fake_multiboot(uint8_t *buf);
/* Write a header with a right checksum, @addrs being NULL or five addresses. */
void fake_multiboot_header(uint8_t *p, uint32_t flags, const uint32_t *addrs);

#endif
