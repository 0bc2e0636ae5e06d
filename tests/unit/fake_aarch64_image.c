/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_aarch64_image.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

static void pe_header(uint8_t *buf, unsigned int sections)
{
	memcpy(buf, "MZ", 2);
	fake_put(buf + 0x3c, 0x40, 4);
	memcpy(buf + 0x40, "PE\0\0\x64\xaa", 6);
	fake_put(buf + 0x46, sections, 2);
	fake_put(buf + 0x54, 0x60, 2); /* optional header */
}

static void section(uint8_t *p, uint32_t off, uint32_t len)
{
	fake_put(p + 16, len, 4);
	fake_put(p + 20, off, 4);
}

size_t fake_image(uint8_t *buf)
{
	size_t i;

	memset(buf, 0, FAKE_ARM_LEN);
	pe_header(buf, 2);
	fake_put(buf + 4, 0x14000fff, 4); /* branch */
	fake_put(buf + 16, FAKE_ARM_MEM, 8);
	fake_put(buf + 24, 0xa, 8); /* anywhere, 4K, little-endian */
	memcpy(buf + 56, "ARM\x64", 4);
	section(buf + FAKE_ARM_SECTION, 0x1000, 0x3000);
	section(buf + FAKE_ARM_SECTION + 0x28, 0x4000, 0x1000);
	for (i = 0x1000; i < FAKE_ARM_LEN; i++)
		buf[i] = fake_byte(i);
	return FAKE_ARM_LEN;
}

size_t fake_gzip(uint8_t *out, const uint8_t *in, size_t len)
{
	z_stream z = {0};
	int r;

	r = deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	assert(r == Z_OK);
	z.next_in = (uint8_t *)in;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)deflateBound(&z, len);
	r = deflate(&z, Z_FINISH);
	assert(r == Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

/* With a checksum, as the program zstd writes it. */
size_t fake_zstd(uint8_t *out, const uint8_t *in, size_t len)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n;

	assert(c);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(c, out, ZSTD_compressBound(len), in, len);
	assert(!ZSTD_isError(n));
	ZSTD_freeCCtx(c);
	return n;
}

size_t fake_zboot(uint8_t *out, const char *method, const uint8_t *payload,
		  size_t len)
{
	memmove(out + FAKE_ZBOOT_PAYLOAD, payload, len);
	memset(out, 0, FAKE_ZBOOT_PAYLOAD);
	pe_header(out, 1);
	memcpy(out + 4, "zimg", 4);
	fake_put(out + 8, FAKE_ZBOOT_PAYLOAD, 4);
	fake_put(out + 12, len, 4);
	memcpy(out + 24, method, strlen(method) + 1);
	memset(out + FAKE_ZBOOT_PAYLOAD + len, 0xcc, FAKE_ZBOOT_TAIL);
	return FAKE_ZBOOT_PAYLOAD + len + FAKE_ZBOOT_TAIL;
}
