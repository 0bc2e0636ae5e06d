/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_AARCH64_IMAGE_H
#define TESTS_UNIT_FAKE_AARCH64_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "tests/unit/fake_bytes.h"

/*
 * Tiny arm64 kernel files, right in all that a loader looks at; the tests spoil
 * them field by field. Offsets are those of the file formats, as numbers.
 */

/*
 * An Image for 4K pages at text_offset 0 with image_size FAKE_ARM_MEM. PE
 * header at 0x40, two sections from 0x1000 to the end, which is FAKE_ARM_LEN.
 */
#define FAKE_ARM_LEN	 0x5000
#define FAKE_ARM_MEM	 0x12000
#define FAKE_ARM_SECTION 0xb8 /* the first section header, of 0x28 bytes */
size_t fake_image(uint8_t *buf);

/* What @out has to have room for: FAKE_ARM_LEN bytes, packed or wrapped. */
#define FAKE_ARM_PACKED 0x8000

/* Pack @len bytes as one member or frame; returns the length. */
size_t fake_gzip(uint8_t *out, const uint8_t *in, size_t len);
size_t fake_zstd(uint8_t *out, const uint8_t *in, size_t len);

/*
 * An EFI zboot kernel around @len bytes of payload: at FAKE_ZBOOT_PAYLOAD, its
 * PE header at 0x40, FAKE_ZBOOT_TAIL bytes behind it.
 */
#define FAKE_ZBOOT_PAYLOAD 0x1000
#define FAKE_ZBOOT_TAIL	   0x200
size_t fake_zboot(uint8_t *out, const char *method, const uint8_t *payload,
		  size_t len);

#endif
