/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "arch-aarch64/unpack.h"
#include "tests/unit/fake_aarch64_image.h"

/* More than one chunk of input and several blocks of output. */
#define DATA_LEN   (1u << 20)
#define PACKED_MAX (DATA_LEN + 0x10000)

static struct {
	uint8_t data[DATA_LEN];
	uint8_t packed[2 * PACKED_MAX];
	size_t len; /* of packed */
	struct unpack u;
	struct err e;
} m;

/* Half of it as random as it gets, so that it packs to many chunks. */
static void fill_data(void)
{
	uint32_t x = 1;
	size_t i;

	for (i = 0; i < DATA_LEN; i++) {
		x = x * 1664525 + 1013904223;
		m.data[i] = i & 0x400 ? (uint8_t)(x >> 24) : fake_byte(i);
	}
}

static int setup(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	fill_data();
	m.u.file = (struct boot_file){"kernel.gz", "kernel", -1};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (m.u.file.fd >= 0)
		close(m.u.file.fd);
	return 0;
}

typedef size_t pack_fn(uint8_t *out, const uint8_t *in, size_t len);

static pack_fn *const pack_with[] = {
	[KERNEL_GZIP] = fake_gzip,
	[KERNEL_ZSTD] = fake_zstd,
};

/* Append data[from, from + len) as one member. */
static void add(enum kernel_pack pack, size_t from, size_t len)
{
	m.u.pack = pack;
	m.len += pack_with[pack](m.packed + m.len, m.data + from, len);
}

static void add_bytes(const void *bytes, size_t len)
{
	memcpy(m.packed + m.len, bytes, len);
	m.len += len;
}

/* m.packed, in the middle of a file. */
static void make_file(void)
{
	const off_t at = 4321;

	if (m.u.file.fd >= 0)
		close(m.u.file.fd);
	m.u.file.fd = memfd_create("file", MFD_CLOEXEC);
	assert_true(m.u.file.fd >= 0);
	assert_int_equal(pwrite(m.u.file.fd, m.packed, m.len, at), m.len);
	assert_int_equal(
		pwrite(m.u.file.fd, "\xff\xff\xff\xff", 4, at + (off_t)m.len),
		4);
	m.u.span = (struct span){(uint64_t)at, m.len};
}

/* Bytes behind the output, which have to stay. */
#define GUARD 64
static uint8_t *out;

static void make_out(size_t size)
{
	free(out);
	out = malloc(size + GUARD);
	assert_non_null(out);
	memset(out, 0x5a, size + GUARD);
}

static void assert_guard(size_t size)
{
	size_t i;

	for (i = size; i < size + GUARD; i++)
		assert_int_equal(out[i], 0x5a);
}

static int unpack_to(size_t size, size_t *len)
{
	int r;

	make_file();
	make_out(size);
	m.e.what = ERR_NONE;
	*len = 0;
	r = unpack_all(&m.u, out, size, len, &m.e);
	assert_guard(size);
	assert_true(*len <= size);
	return r;
}

static void assert_data(size_t size, size_t want)
{
	size_t len;

	assert_int_equal(unpack_to(size, &len), 0);
	assert_int_equal(len, want);
	assert_memory_equal(out, m.data, want);
	for (; len < size; len++)
		assert_int_equal(out[len], 0);
}

static void assert_error(enum err_what what, const char *detail)
{
	size_t len;

	assert_true(unpack_to(DATA_LEN, &len) < 0);
	assert_int_equal(m.e.what, what);
	assert_string_equal(m.e.name, "kernel.gz");
	if (!strstr(m.e.detail, detail))
		assert_string_equal(m.e.detail, detail);
}

#define EACH(pack)                                                             \
	for (enum kernel_pack pack = KERNEL_GZIP; pack <= KERNEL_ZSTD; pack++)

static void whole(void **state)
{
	(void)state;
	EACH(pack)
	{
		m.len = 0;
		add(pack, 0, DATA_LEN);
		assert_true(m.len > 300000);
		assert_data(DATA_LEN, DATA_LEN);
		assert_data(DATA_LEN + 100000, DATA_LEN);
	}
}

static void small(void **state)
{
	(void)state;
	EACH(pack)
	{
		m.len = 0;
		add(pack, 0, 1);
		assert_data(100, 1);
		assert_data(1, 1);
		m.len = 0;
		add(pack, 0, 0);
		assert_data(100, 0);
		assert_data(0, 0);
	}
}

static void too_large(void **state)
{
	size_t len;

	(void)state;
	EACH(pack)
	{
		m.len = 0;
		add(pack, 0, DATA_LEN);
		assert_int_equal(unpack_to(DATA_LEN - 1, &len), -EFBIG);
		assert_int_equal(unpack_to(1000, &len), -EFBIG);
		assert_int_equal(unpack_to(0, &len), -EFBIG);
		assert_int_equal(m.e.what, ERR_NONE);
	}
}

/* Members after each other, and the empty ones between them. */
static void members(void **state)
{
	size_t len;

	(void)state;
	EACH(pack)
	{
		m.len = 0;
		add(pack, 0, 300000);
		add(pack, 0, 0);
		add(pack, 300000, DATA_LEN - 300000);
		assert_data(DATA_LEN, DATA_LEN);
		assert_data(DATA_LEN + 10, DATA_LEN);
		assert_int_equal(unpack_to(DATA_LEN - 1, &len), -EFBIG);
	}
}

static void zstd_skippable(void **state)
{
	(void)state;
	add_bytes("\x28\xb5\x2f\xfd", 0);
	add(KERNEL_ZSTD, 0, 1000);
	add_bytes("\x57\x2a\x4d\x18\x05\0\0\0hello", 13);
	add(KERNEL_ZSTD, 1000, 1000);
	assert_data(2000, 2000);
}

/* Put @len bytes into m.packed that unpack to none. */
static void add_nothing(enum kernel_pack pack, size_t len)
{
	static const char empty[] =
		"\x03\0\0\0\0\0\0\0\0"; /* deflate: no data */

	if (pack == KERNEL_GZIP) {
		/* RFC1952 2.3: a name of the length that is wanted */
		add_bytes("\x1f\x8b\x08\x08\0\0\0\0\0\x03", 10);
		memset(m.packed + m.len, 'n', len - 21);
		m.len += len - 21;
		add_bytes("", 1);
		add_bytes(empty, 10);
	} else {
		add_bytes("\x50\x2a\x4d\x18", 4);
		fake_put(m.packed + m.len, len - 8, 4);
		m.len += len - 4;
	}
}

/* Wherever a chunk of input ends between two members, the second is seen. */
static void members_across_chunks(void **state)
{
	const size_t chunk = 128 << 10;
	size_t rest;

	(void)state;
	EACH(pack)
	{
		for (rest = 0; rest < 12; rest++) {
			m.len = 0;
			add_nothing(pack, chunk - rest);
			assert_int_equal(m.len, chunk - rest);
			add(pack, 0, 1000);
			assert_data(2000, 1000);
		}
	}
}

/* A frame that does not tell how long it is, as from a pipe. */
static void zstd_of_unknown_length(void **state)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer in = {m.data, DATA_LEN, 0};
	ZSTD_outBuffer o = {m.packed, sizeof(m.packed), 0};
	size_t len;

	(void)state;
	while (in.pos < in.size)
		ZSTD_compressStream2(c, &o, &in, ZSTD_e_continue);
	while (ZSTD_compressStream2(c, &o, &in, ZSTD_e_end))
		;
	ZSTD_freeCCtx(c);
	m.len = o.pos;
	m.u.pack = KERNEL_ZSTD;
	assert_data(DATA_LEN, DATA_LEN);
	assert_data(DATA_LEN + 1, DATA_LEN);
	assert_int_equal(unpack_to(DATA_LEN - 1, &len), -EFBIG);
	assert_int_equal(unpack_to(0, &len), -EFBIG);
}

/* What follows is no business of ours: padding, the size of a zboot payload. */
static void trailing(void **state)
{
	static const char *const tails[] = {"\0\0\0\0\0\0\0", "\x1f",
					    "\x28\xb5", "garbage"};
	unsigned int i;
	size_t one;

	(void)state;
	EACH(pack)
	{
		m.len = 0;
		add(pack, 0, 100000);
		one = m.len;
		for (i = 0; i < 4; i++) {
			m.len = one;
			add_bytes(tails[i], i ? strlen(tails[i]) : 7);
			assert_data(DATA_LEN, 100000);
		}
	}
}

static void cut_short(void **state)
{
	static const size_t keep[] = {0, 1, 2, 4, 5, 9, 17, 1000, 200000};
	size_t all;
	unsigned int i;

	(void)state;
	EACH(pack)
	{
		m.len = 0;
		add(pack, 0, DATA_LEN);
		all = m.len;
		for (i = 0; i < sizeof(keep) / sizeof(keep[0]); i++) {
			m.len = keep[i];
			assert_error(ERR_KERNEL_BAD, "is cut short");
		}
		for (m.len = all - 8; m.len < all; m.len++)
			assert_error(ERR_KERNEL_BAD, "is cut short");
		/* and the second member */
		m.len = all;
		add(pack, 0, 0);
		m.len--;
		assert_error(ERR_KERNEL_BAD, "is cut short");
	}
}

static void corrupt(void **state)
{
	size_t at;

	(void)state;
	EACH(pack)
	{
		m.len = 0;
		add(pack, 0, DATA_LEN);
		/* checksums see what the codes do not */
		for (at = 100; at < m.len; at += m.len / 7) {
			m.packed[at] ^= 0x10;
			assert_error(ERR_KERNEL_BAD, "is corrupt");
			m.packed[at] ^= 0x10;
		}
		m.packed[m.len - (pack == KERNEL_GZIP ? 6 : 1)] ^= 1;
		assert_error(ERR_KERNEL_BAD, "is corrupt");
	}
}

static void gzip_header(void **state)
{
	(void)state;
	add(KERNEL_GZIP, 0, 1000);
	m.packed[2] = 7; /* of an unknown method */
	assert_error(ERR_KERNEL_BAD, "is corrupt");
	m.packed[2] = 8;
	m.packed[3] = 0xe0; /* reserved flags */
	assert_error(ERR_KERNEL_BAD, "is corrupt");
}

/* The last four bytes of a gzip member are its length: here, a lie. */
static void gzip_length(void **state)
{
	(void)state;
	add(KERNEL_GZIP, 0, 1000);
	m.packed[m.len - 1] ^= 0x80;
	assert_error(ERR_KERNEL_BAD, "is corrupt");
}

/* RFC8878 3.1.1.1: no content size, a window of 2^(10 + exponent). */
static void zstd_window(void **state)
{
	uint8_t frame[9] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0};

	(void)state;
	m.u.pack = KERNEL_ZSTD;
	frame[5] = 17 << 3; /* 128 MiB; the block is the last and empty */
	add_bytes(frame, sizeof(frame));
	assert_data(10, 0);
	m.packed[5] = 18 << 3;
	assert_error(ERR_KERNEL_FORMAT, "128 MiB");
}

static void ends_while_read(void **state)
{
	size_t len = 0;

	(void)state;
	EACH(pack)
	{
		m.len = 0;
		add(pack, 0, DATA_LEN);
		make_file();
		assert_int_equal(ftruncate(m.u.file.fd, 200000), 0);
		make_out(DATA_LEN);
		assert_int_equal(unpack_all(&m.u, out, DATA_LEN, &len, &m.e),
				 -ENODATA);
		assert_int_equal(m.e.what, ERR_FILE_READ);
	}
}

/* A bomb: 1 GiB of zeroes in a file of 1 MiB. */
static void bomb(void **state)
{
	static uint8_t zeroes[PACKED_MAX];
	size_t one, len;

	(void)state;
	EACH(pack)
	{
		m.u.pack = pack;
		one = pack_with[pack](m.packed, zeroes, PACKED_MAX);
		for (m.len = one; m.len < 1000 * one; m.len += one)
			memcpy(m.packed + m.len, m.packed, one);
		assert_int_equal(unpack_to(100000, &len), -EFBIG);
	}
}

/* --- the head --------------------------------------------------------------
 */

static int head(size_t size, size_t *len)
{
	int r;

	make_file();
	make_out(size);
	m.e.what = ERR_NONE;
	*len = 0;
	r = unpack_head(&m.u, out, size, len, &m.e);
	assert_guard(size);
	return r;
}

static void heads(void **state)
{
	size_t len, all;

	(void)state;
	EACH(pack)
	{
		m.len = 0;
		add(pack, 0, DATA_LEN);
		all = m.len;
		assert_int_equal(head(4096, &len), 0);
		assert_int_equal(len, 4096);
		assert_memory_equal(out, m.data, 4096);
		/* nothing behind it matters, but what is missing in it */
		m.len = 200000;
		assert_int_equal(head(4096, &len), 0);
		assert_int_equal(len, 4096);
		m.len = 100;
		assert_true(head(4096, &len) < 0);
		assert_int_equal(m.e.what, ERR_KERNEL_BAD);
		m.len = all;
		m.packed[3] ^= 0xe0;
		assert_true(head(4096, &len) < 0);
		assert_int_equal(m.e.what, ERR_KERNEL_BAD);
	}
}

static void head_is_all(void **state)
{
	size_t len;

	(void)state;
	EACH(pack)
	{
		m.len = 0;
		add(pack, 0, 10);
		add(pack, 10, 10);
		assert_int_equal(head(100, &len), 0);
		assert_int_equal(len, 20);
		assert_memory_equal(out, m.data, 20);
		assert_int_equal(head(15, &len), 0);
		assert_int_equal(len, 15);
		assert_int_equal(head(20, &len), 0);
		assert_int_equal(len, 20);
	}
}

static int free_out(void **state)
{
	free(out);
	out = NULL;
	return teardown(state);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, free_out)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(whole),
		T(small),
		T(too_large),
		T(members),
		T(members_across_chunks),
		T(zstd_skippable),
		T(zstd_of_unknown_length),
		T(trailing),
		T(cut_short),
		T(corrupt),
		T(gzip_header),
		T(gzip_length),
		T(zstd_window),
		T(ends_while_read),
		T(bomb),
		T(heads),
		T(head_is_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
