// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/blk_chain.h"

#define SECTORS 1000u
#define OK	VIRTIO_BLK_S_OK
#define IOERR	VIRTIO_BLK_S_IOERR
#define UNSUPP	VIRTIO_BLK_S_UNSUPP
#define BIT(n)	(1ull << (n))

struct box {
	struct virtio v;
	struct virtio_blk b;
	struct blk_chain c;
	struct virtio_blk_request r;
};

static struct box x;

static void begin(bool readonly, uint32_t block)
{
	memset(&x, 0, sizeof(x));
	x.b.sectors = SECTORS;
	x.b.block_size = block;
	x.b.physical_size = 4096;
	x.b.queues = 3;
	x.b.readonly = readonly;
	x.b.discard = !readonly;
	memcpy(x.b.id, "serial", 6);
	x.v.ops = &virtio_blk_ops;
	x.v.host = &x.b;
	x.v.offered = virtio_blk_features(&x.b);
	x.v.acked = x.v.offered;
	virtio_blk_reset(&x.v);
}

static void parse(void)
{
	assert_int_equal(virtio_blk_parse(&x.v, &x.c.c, &x.r), 0);
}

static void is(uint8_t status)
{
	parse();
	assert_int_equal(x.r.op, VIRTIO_BLK_DONE);
	assert_int_equal(x.r.status, status);
}

static void make(uint32_t type, uint64_t sector, bool in, size_t len)
{
	blk_chain_make(&x.c, type, sector, in, len);
}

static void reads(void **state)
{
	(void)state;
	begin(false, 512);
	make(VIRTIO_BLK_T_IN, 7, true, 4096);
	parse();
	assert_int_equal(x.r.op, VIRTIO_BLK_READ);
	assert_int_equal(x.r.off, 7 * 512);
	assert_int_equal(x.r.len, 4096);
	assert_int_equal(x.r.data_off, 0);
	make(VIRTIO_BLK_T_IN, SECTORS - 8, true, 4096);
	parse();
	assert_int_equal(x.r.op, VIRTIO_BLK_READ);
	make(VIRTIO_BLK_T_IN, SECTORS - 7, true, 4096);
	is(IOERR);
	make(VIRTIO_BLK_T_IN, SECTORS, true, 512);
	is(IOERR);
	make(VIRTIO_BLK_T_IN, UINT64_MAX, true, 512);
	is(IOERR);
	make(VIRTIO_BLK_T_IN, UINT64_MAX / 512 + 1, true, 512);
	is(IOERR);
	make(VIRTIO_BLK_T_IN, 0, true, 511);
	is(IOERR);
	make(VIRTIO_BLK_T_IN, 0, true, 513);
	is(IOERR);
	make(VIRTIO_BLK_T_IN, SECTORS, true, 0);
	is(OK);
	/* data to be written with a read */
	make(VIRTIO_BLK_T_IN, 0, false, 512);
	is(IOERR);
}

static void writes(void **state)
{
	(void)state;
	begin(false, 512);
	make(VIRTIO_BLK_T_OUT, 3, false, 1024);
	parse();
	assert_int_equal(x.r.op, VIRTIO_BLK_WRITE);
	assert_int_equal(x.r.off, 3 * 512);
	assert_int_equal(x.r.len, 1024);
	assert_int_equal(x.r.data_off, 16);
	make(VIRTIO_BLK_T_OUT, SECTORS - 1, false, 1024);
	is(IOERR);
	make(VIRTIO_BLK_T_OUT, 0, false, 100);
	is(IOERR);
	make(VIRTIO_BLK_T_OUT, 0, true, 512);
	is(IOERR);
	begin(true, 512);
	make(VIRTIO_BLK_T_OUT, 0, false, 512);
	is(IOERR);
	make(VIRTIO_BLK_T_OUT, 0, false, 0);
	is(IOERR);
}

static void blocks_of_4k(void **state)
{
	(void)state;
	begin(false, 4096);
	make(VIRTIO_BLK_T_IN, 8, true, 4096);
	parse();
	assert_int_equal(x.r.op, VIRTIO_BLK_READ);
	make(VIRTIO_BLK_T_IN, 1, true, 4096);
	is(IOERR);
	make(VIRTIO_BLK_T_IN, 8, true, 512);
	is(IOERR);
}

static void header(void **state)
{
	(void)state;
	begin(false, 512);
	/* of one byte and of the rest */
	make(VIRTIO_BLK_T_IN, 7, true, 512);
	memmove(&x.c.c.iov[1], &x.c.c.iov[0], 3 * sizeof(x.c.c.iov[0]));
	x.c.c.iov[0].iov_len = 1;
	x.c.c.iov[1].iov_base = (uint8_t *)&x.c.header + 1;
	x.c.c.iov[1].iov_len = 15;
	x.c.c.n_out = 2;
	parse();
	assert_int_equal(x.r.op, VIRTIO_BLK_READ);
	assert_int_equal(x.r.off, 7 * 512);
	/* too short */
	make(VIRTIO_BLK_T_IN, 0, true, 512);
	x.c.c.iov[0].iov_len = 15;
	x.c.c.out_len = 15;
	is(IOERR);
	/* none */
	memset(&x.c.c, 0, sizeof(x.c.c));
	blk_chain_add(&x.c, true, x.c.data, 513);
	is(IOERR);
	/* no room for the status */
	make(VIRTIO_BLK_T_OUT, 0, false, 512);
	x.c.c.n_in = 0;
	x.c.c.in_len = 0;
	assert_int_equal(virtio_blk_parse(&x.v, &x.c.c, &x.r), -EINVAL);
}

static void kinds(void **state)
{
	static const uint32_t unknown[] = {
		2, 3, 5, 7, 9, 10, 12, 14, 0x80000000, 0x80000001, UINT32_MAX};

	(void)state;
	begin(false, 512);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		make(unknown[i], 0, true, 512);
		is(UNSUPP);
	}
	make(VIRTIO_BLK_T_FLUSH, 99999, false, 0);
	parse();
	assert_int_equal(x.r.op, VIRTIO_BLK_FLUSH);
	x.v.acked = 0;
	is(UNSUPP);
	make(VIRTIO_BLK_T_DISCARD, 0, false, 16);
	is(UNSUPP);
	make(VIRTIO_BLK_T_WRITE_ZEROES, 0, false, 16);
	is(UNSUPP);
}

static void id(void **state)
{
	(void)state;
	begin(false, 512);
	make(VIRTIO_BLK_T_GET_ID, 0, true, 20);
	memset(x.c.data, 0xaa, 32);
	is(OK);
	assert_memory_equal(x.c.data, "serial\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xaa",
			    21);
	make(VIRTIO_BLK_T_GET_ID, 0, true, 3);
	memset(x.c.data, 0xaa, 32);
	is(OK);
	assert_memory_equal(x.c.data, "ser\xaa", 4);
	make(VIRTIO_BLK_T_GET_ID, 0, true, 0);
	is(OK);
	assert_int_equal(x.c.status, BLK_CHAIN_NONE);
}

static void range(unsigned int i, uint64_t sector, uint32_t n, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes d = {sector, n, flags};

	memcpy(x.c.data + i * sizeof(d), &d, sizeof(d));
}

static void ranges(void **state)
{
	(void)state;
	begin(false, 512);
	range(0, 8, 16, 0);
	range(1, 0, 0, 0);
	range(2, 900, 100, 0);
	make(VIRTIO_BLK_T_DISCARD, 0, false, 48);
	parse();
	assert_int_equal(x.r.op, VIRTIO_BLK_DISCARD);
	assert_int_equal(x.r.n_ranges, 2);
	assert_int_equal(x.r.range[0].off, 8 * 512);
	assert_int_equal(x.r.range[0].len, 16 * 512);
	assert_int_equal(x.r.range[1].off, 900 * 512);
	range(2, 900, 101, 0);
	is(IOERR);
	range(2, UINT64_MAX, 1, 0);
	is(IOERR);
	range(2, 900, UINT32_MAX, 0);
	is(IOERR);
	range(2, 900, 100, 1); /* unmap is for zeroes */
	is(UNSUPP);
	x.c.header.type = VIRTIO_BLK_T_WRITE_ZEROES;
	parse();
	assert_int_equal(x.r.op, VIRTIO_BLK_ZERO);
	assert_false(x.r.range[0].unmap);
	assert_true(x.r.range[1].unmap);
	range(2, 900, 100, 2);
	is(UNSUPP);
	range(2, 900, 100, 0x80000001);
	is(UNSUPP);
	/* what is no range, none, too many */
	make(VIRTIO_BLK_T_DISCARD, 0, false, 47);
	is(IOERR);
	make(VIRTIO_BLK_T_DISCARD, 0, false, 0);
	is(IOERR);
	memset(x.c.data, 0, sizeof(x.c.data));
	make(VIRTIO_BLK_T_DISCARD, 0, false, 32 * 16);
	is(OK);
	make(VIRTIO_BLK_T_DISCARD, 0, false, 33 * 16);
	is(IOERR);
}

/* A disk that keeps everything deallocates nothing on request either. */
static void no_discard(void **state)
{
	(void)state;
	begin(false, 512);
	x.b.discard = false;
	x.v.acked = virtio_blk_features(&x.b);
	range(0, 8, 16, 1);
	make(VIRTIO_BLK_T_WRITE_ZEROES, 0, false, 16);
	parse();
	assert_int_equal(x.r.op, VIRTIO_BLK_ZERO);
	assert_false(x.r.range[0].unmap);
	make(VIRTIO_BLK_T_DISCARD, 0, false, 16);
	is(UNSUPP);
}

static void answer(void **state)
{
	(void)state;
	begin(false, 512);
	make(VIRTIO_BLK_T_IN, 0, true, 512);
	memset(x.c.data, 0xaa, 1024);
	virtio_blk_answer(&x.c.c, IOERR);
	assert_int_equal(x.c.status, IOERR);
	assert_int_equal(x.c.data[511], 0xaa);
	/* the last byte, wherever it is */
	memset(&x.c.c, 0, sizeof(x.c.c));
	blk_chain_add(&x.c, true, x.c.data, 5);
	virtio_blk_answer(&x.c.c, OK);
	assert_int_equal(x.c.data[4], OK);
	assert_int_equal(x.c.data[3], 0xaa);
}

static uint64_t config(unsigned int off, unsigned int len)
{
	return virtio_blk_ops.cfg_read(&x.v, off, len);
}

static void configuration(void **state)
{
	(void)state;
	begin(false, 512);
	assert_int_equal(config(0, 8), SECTORS);
	assert_int_equal(config(12, 4), 254);
	assert_int_equal(config(20, 4), 512);
	assert_int_equal(config(24, 1), 3); /* 2^3 of them are physical */
	assert_int_equal(config(32, 1), 1);
	assert_int_equal(config(34, 2), 3);
	assert_int_equal(config(40, 4), 32);
	assert_int_equal(config(2, 8), SECTORS >> 16);
	assert_int_equal(config(56, 1), 1);
	for (unsigned int off = 60; off < 4096; off++)
		assert_int_equal(config(off, 8) >> 32, 0);
	assert_int_equal(x.v.offered & BIT(VIRTIO_BLK_F_RO), 0);
	begin(true, 512);
	assert_true(x.v.offered & BIT(VIRTIO_BLK_F_RO));
	assert_false(x.v.offered & (BIT(VIRTIO_BLK_F_DISCARD) |
				    BIT(VIRTIO_BLK_F_WRITE_ZEROES) |
				    BIT(VIRTIO_BLK_F_CONFIG_WCE)));
}

static void put(unsigned int off, unsigned int len, uint64_t val)
{
	virtio_blk_ops.cfg_write(&x.v, off, len, val);
}

static void cache(void **state)
{
	(void)state;
	begin(false, 512);
	assert_false(virtio_blk_writethrough(&x.v));
	put(32, 2, 0);
	put(31, 1, 0);
	put(0, 8, 0);
	assert_false(virtio_blk_writethrough(&x.v));
	assert_int_equal(config(0, 8), SECTORS);
	put(32, 1, 0);
	assert_true(virtio_blk_writethrough(&x.v));
	assert_int_equal(config(32, 1), 0);
	put(32, 1, 1);
	assert_false(virtio_blk_writethrough(&x.v));
	/* not negotiated: the field is as if it were read-only */
	x.v.acked &= ~BIT(VIRTIO_BLK_F_CONFIG_WCE);
	put(32, 1, 0);
	assert_false(virtio_blk_writethrough(&x.v));
	x.v.acked &= ~BIT(VIRTIO_BLK_F_FLUSH);
	assert_true(virtio_blk_writethrough(&x.v));
	assert_int_equal(config(32, 1), 0);
	/* what a driver chose does not outlive it */
	x.v.acked = x.v.offered;
	put(32, 1, 0);
	virtio_blk_reset(&x.v);
	assert_false(virtio_blk_writethrough(&x.v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),	cmocka_unit_test(writes),
		cmocka_unit_test(blocks_of_4k), cmocka_unit_test(header),
		cmocka_unit_test(kinds),	cmocka_unit_test(id),
		cmocka_unit_test(ranges),	cmocka_unit_test(no_discard),
		cmocka_unit_test(answer),	cmocka_unit_test(configuration),
		cmocka_unit_test(cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
