// SPDX-License-Identifier: Apache-2.0
/* Requests with results of the host as the test scripts them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/blk_chain.h"
#include "vmm/blk_req.h"

#define KIB 1024u

struct box {
	struct virtio v;
	struct blk_disk d;
	struct blk_chain c;
	struct blk_req q;
	unsigned int troubles[BLK_TROUBLES];
};

static struct box x;

static void on_trouble(struct blk_disk *d, enum blk_trouble what, int code)
{
	(void)d;
	(void)code;
	x.troubles[what]++;
}

static void begin(void)
{
	free(x.q.bounce);
	memset(&x, 0, sizeof(x));
	x.d.model.sectors = 1 << 20;
	x.d.model.block_size = 512;
	x.d.model.physical_size = 4096;
	x.d.model.discard = true;
	x.d.file.mem_align = 1;
	x.d.file.len_align = 1;
	x.d.trouble = on_trouble;
	x.v.ops = &virtio_blk_ops;
	x.v.host = &x.d;
	x.v.acked = virtio_blk_features(&x.d.model);
	virtio_blk_reset(&x.v);
}

static void request(uint32_t type, uint64_t sector, bool in, size_t len)
{
	blk_chain_make(&x.c, type, sector, in, len);
	x.q.chain = x.c.c;
	assert_int_equal(blk_req_begin(&x.q, &x.v), 0);
}

/* The next thing is @kind at @off, @len bytes of it; its result is @res. */
static void expect(enum blk_io_kind kind, uint64_t off, uint64_t len,
		   int64_t res)
{
	assert_true(blk_req_next(&x.q, &x.v));
	assert_int_equal(x.q.io.kind, kind);
	if (kind != BLK_IO_SYNC) {
		assert_int_equal(x.q.io.off, off);
		assert_int_equal(x.q.io.len, len);
	}
	x.q.io.res = res;
	blk_req_done(&x.q, &x.v);
}

static void ends(uint8_t status)
{
	assert_false(blk_req_next(&x.q, &x.v));
	assert_int_equal(x.q.status, status);
}

static void whole(void **state)
{
	(void)state;
	begin();
	request(VIRTIO_BLK_T_IN, 8, true, 64 * KIB);
	expect(BLK_IO_READ, 4096, 64 * KIB, 64 * KIB);
	ends(VIRTIO_BLK_S_OK);
	request(VIRTIO_BLK_T_FLUSH, 0, false, 0);
	expect(BLK_IO_SYNC, 0, 0, 0);
	ends(VIRTIO_BLK_S_OK);
	request(99, 0, true, 512);
	ends(VIRTIO_BLK_S_UNSUPP);
}

static void short_ones(void **state)
{
	(void)state;
	begin();
	request(VIRTIO_BLK_T_OUT, 0, false, 64 * KIB);
	expect(BLK_IO_WRITE, 0, 64 * KIB, 1);
	expect(BLK_IO_WRITE, 1, 64 * KIB - 1, 5000);
	assert_ptr_equal(x.q.io.iov[0].iov_base, x.c.data + 1);
	assert_true(blk_req_next(&x.q, &x.v));
	assert_ptr_equal(x.q.io.iov[0].iov_base, x.c.data + 5001);
	x.q.io.res = 64 * KIB - 5001;
	blk_req_done(&x.q, &x.v);
	ends(VIRTIO_BLK_S_OK);
	/* interrupted: the same again */
	request(VIRTIO_BLK_T_IN, 0, true, 4096);
	expect(BLK_IO_READ, 0, 4096, -EINTR);
	expect(BLK_IO_READ, 0, 4096, -EAGAIN);
	expect(BLK_IO_READ, 0, 4096, 4096);
	ends(VIRTIO_BLK_S_OK);
}

static void failures(void **state)
{
	(void)state;
	begin();
	request(VIRTIO_BLK_T_IN, 0, true, 4096);
	expect(BLK_IO_READ, 0, 4096, 2048);
	expect(BLK_IO_READ, 2048, 2048, 0);
	ends(VIRTIO_BLK_S_IOERR);
	assert_int_equal(x.troubles[BLK_SHORT], 1);
	request(VIRTIO_BLK_T_OUT, 0, false, 4096);
	expect(BLK_IO_WRITE, 0, 4096, -ENOSPC);
	ends(VIRTIO_BLK_S_IOERR);
	assert_int_equal(x.troubles[BLK_FULL], 1);
	request(VIRTIO_BLK_T_OUT, 0, false, 4096);
	expect(BLK_IO_WRITE, 0, 4096, -EDQUOT);
	ends(VIRTIO_BLK_S_IOERR);
	assert_int_equal(x.troubles[BLK_FULL], 2);
	request(VIRTIO_BLK_T_IN, 0, true, 4096);
	expect(BLK_IO_READ, 0, 4096, -EIO);
	ends(VIRTIO_BLK_S_IOERR);
	request(VIRTIO_BLK_T_FLUSH, 0, false, 0);
	expect(BLK_IO_SYNC, 0, 0, -EIO);
	ends(VIRTIO_BLK_S_IOERR);
	assert_int_equal(x.troubles[BLK_ERROR], 2);
}

static void range(unsigned int i, uint64_t sector, uint32_t n, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes d = {sector, n, flags};

	memcpy(x.c.data + i * sizeof(d), &d, sizeof(d));
}

static void discards(void **state)
{
	(void)state;
	begin();
	range(0, 8, 16, 0);
	range(1, 100, 1, 0);
	request(VIRTIO_BLK_T_DISCARD, 0, false, 32);
	expect(BLK_IO_PUNCH, 4096, 8192, 0);
	expect(BLK_IO_PUNCH, 51200, 512, 0);
	ends(VIRTIO_BLK_S_OK);
	/* a file system without holes: told once, and not tried again */
	request(VIRTIO_BLK_T_DISCARD, 0, false, 32);
	expect(BLK_IO_PUNCH, 4096, 8192, -EOPNOTSUPP);
	ends(VIRTIO_BLK_S_OK);
	request(VIRTIO_BLK_T_DISCARD, 0, false, 32);
	ends(VIRTIO_BLK_S_OK);
	assert_int_equal(x.troubles[BLK_NO_HOLE], 1);
	begin();
	range(0, 8, 16, 0);
	request(VIRTIO_BLK_T_DISCARD, 0, false, 16);
	expect(BLK_IO_PUNCH, 4096, 8192, -EIO);
	ends(VIRTIO_BLK_S_IOERR);
}

/* From the best way to the one that always goes. */
static void zeroes(void **state)
{
	const uint64_t len = 8192ull * 512;

	(void)state;
	begin();
	range(0, 8, 8192, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	range(1, 0, 8, 0);
	request(VIRTIO_BLK_T_WRITE_ZEROES, 0, false, 32);
	expect(BLK_IO_PUNCH, 4096, len, -EOPNOTSUPP);
	expect(BLK_IO_ZERO, 4096, len, 0);
	expect(BLK_IO_ZERO, 0, 4096, -EOPNOTSUPP);
	expect(BLK_IO_WRITE, 0, 4096, 4096);
	ends(VIRTIO_BLK_S_OK);
	request(VIRTIO_BLK_T_WRITE_ZEROES, 0, false, 16);
	expect(BLK_IO_WRITE, 4096, 1024 * KIB, 1024 * KIB);
	assert_int_equal(x.q.io.n_iov, 16);
	expect(BLK_IO_WRITE, 4096 + 1024 * KIB, 1024 * KIB, 3);
	expect(BLK_IO_WRITE, 4099 + 1024 * KIB, 1024 * KIB, 1024 * KIB);
	expect(BLK_IO_WRITE, 4099 + 2048 * KIB, 1024 * KIB, 1024 * KIB);
	expect(BLK_IO_WRITE, 4099 + 3072 * KIB, 1024 * KIB - 3, 1024 * KIB - 3);
	ends(VIRTIO_BLK_S_OK);
	/* a file that does not grow */
	request(VIRTIO_BLK_T_WRITE_ZEROES, 0, false, 16);
	expect(BLK_IO_WRITE, 4096, 1024 * KIB, 0);
	ends(VIRTIO_BLK_S_IOERR);
}

/* Without flushes each write is durable, and so is what has no such form. */
static void durable(void **state)
{
	(void)state;
	begin();
	request(VIRTIO_BLK_T_OUT, 0, false, 4096);
	assert_true(blk_req_next(&x.q, &x.v));
	assert_false(x.q.io.durable);
	x.v.acked &= ~(1ull << VIRTIO_BLK_F_FLUSH);
	assert_true(blk_req_next(&x.q, &x.v));
	assert_true(x.q.io.durable);
	range(0, 8, 16, 0);
	request(VIRTIO_BLK_T_WRITE_ZEROES, 0, false, 16);
	expect(BLK_IO_ZERO, 4096, 8192, 0);
	expect(BLK_IO_SYNC, 0, 0, 0);
	ends(VIRTIO_BLK_S_OK);
	request(VIRTIO_BLK_T_IN, 0, true, 4096);
	assert_true(blk_req_next(&x.q, &x.v));
	assert_false(x.q.io.durable);
}

/* O_DIRECT: what is aligned goes as it is, the rest by copies of 64 KiB. */
static void bounced(void **state)
{
	uint8_t *at;

	(void)state;
	begin();
	x.d.file.mem_align = 512;
	x.d.file.len_align = 512;
	blk_chain_make(&x.c, VIRTIO_BLK_T_IN, 0, true, 4096);
	at = (uint8_t *)(((uintptr_t)x.c.data + 511) & ~511ull);
	x.c.c.iov[1].iov_base = at;
	x.q.chain = x.c.c;
	assert_int_equal(blk_req_begin(&x.q, &x.v), 0);
	assert_true(blk_req_next(&x.q, &x.v));
	assert_ptr_equal(x.q.io.iov[0].iov_base, at);
	x.c.c.iov[1].iov_base = at + 4;
	x.q.chain = x.c.c;
	assert_int_equal(blk_req_begin(&x.q, &x.v), 0);
	assert_true(blk_req_next(&x.q, &x.v));
	assert_ptr_equal(x.q.io.iov[0].iov_base, x.q.bounce);
	assert_int_equal(x.q.io.len, 4096);
	memset(at, 0, 8192);
	memset(x.q.bounce, 0x5a, 1024);
	x.q.io.res = 1024;
	blk_req_done(&x.q, &x.v);
	assert_int_equal(at[3], 0);
	assert_int_equal(at[4], 0x5a);
	assert_int_equal(at[1027], 0x5a);
	assert_int_equal(at[1028], 0);
	assert_true(blk_req_next(&x.q, &x.v));
	assert_int_equal(x.q.io.off, 1024);
	assert_int_equal(x.q.io.len, 3072);
	memset(x.q.bounce, 0xa5, 3072);
	x.q.io.res = 3072;
	blk_req_done(&x.q, &x.v);
	assert_int_equal(at[1028], 0xa5);
	assert_int_equal(at[4099], 0xa5);
	assert_int_equal(at[4100], 0);
	ends(VIRTIO_BLK_S_OK);
	/* a write takes what is there when its turn comes */
	x.c.header.type = VIRTIO_BLK_T_OUT;
	memset(&x.c.c, 0, sizeof(x.c.c));
	blk_chain_add(&x.c, false, &x.c.header, 16);
	blk_chain_add(&x.c, false, at, 1);
	blk_chain_add(&x.c, false, at + 1, 1023);
	blk_chain_add(&x.c, true, &x.c.status, 1);
	memset(at, 0x11, 1024);
	x.q.chain = x.c.c;
	assert_int_equal(blk_req_begin(&x.q, &x.v), 0);
	assert_true(blk_req_next(&x.q, &x.v));
	assert_int_equal(x.q.io.n_iov, 1);
	assert_memory_equal(x.q.bounce, at, 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),    cmocka_unit_test(short_ones),
		cmocka_unit_test(failures), cmocka_unit_test(discards),
		cmocka_unit_test(zeroes),   cmocka_unit_test(durable),
		cmocka_unit_test(bounced),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(x.q.bounce);
	return failed;
}
