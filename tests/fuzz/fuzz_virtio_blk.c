/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request whose pieces, bytes and disk are the input's. Whatever is to be
 * done lies inside the disk and inside the chain; the answer is written where
 * the status belongs and nowhere else. Then it is carried out, with results of
 * the input's: it comes to an end.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz_in.h"
#include "vmm/blk_req.h"

#define RAM   8192u
#define STEPS 4096u

static uint8_t ram[RAM];
static struct blk_disk disk;
static struct virtio v;
static struct blk_req q;

static void on_trouble(struct blk_disk *d, enum blk_trouble what, int code)
{
	(void)d;
	(void)code;
	REQUIRE(what < BLK_TROUBLES);
}

static void disk_make(struct fuzz_in *in)
{
	uint8_t how = fuzz_u8(in);

	memset(&disk, 0, sizeof(disk));
	memset(&v, 0, sizeof(v));
	disk.model.block_size = how & 1 ? 4096 : 512;
	disk.model.physical_size = 4096;
	disk.model.sectors = how & 2 ? 1ull << 54 : 64;
	disk.model.readonly = how & 4;
	disk.model.discard = !(how & 4) && how & 8;
	disk.file.mem_align = how & 16 ? 512 : 1;
	disk.file.len_align = disk.file.mem_align;
	disk.trouble = on_trouble;
	v.host = &disk;
	v.acked = virtio_blk_features(&disk.model);
	if (how & 32)
		v.acked &= fuzz_u(in, 4);
	virtio_blk_reset(&v);
}

/* Pieces anywhere in ram, which may overlap; the header is the input's. */
static void chain_make(struct fuzz_in *in)
{
	struct virtq_chain *c = &q.chain;
	unsigned int n_out = fuzz_u8(in) % 8, n_in = fuzz_u8(in) % 8;

	memset(c, 0, sizeof(*c));
	for (unsigned int i = 0; i < n_out + n_in; i++) {
		uint32_t at = (uint32_t)fuzz_u(in, 2) % (RAM - 1);
		uint32_t len = 1 + (uint32_t)fuzz_u(in, 2) % (RAM - at);

		c->iov[i] = (struct iovec){ram + at, len};
		if (i < n_out)
			c->out_len += len;
		else
			c->in_len += len;
	}
	c->n_out = n_out;
	c->n_in = n_in;
	for (uint32_t i = 0; i < 64 && c->out_len; i++) {
		struct iovec to;

		if (virtq_slice(c, false, i, 1, &to, 1))
			*(uint8_t *)to.iov_base = fuzz_u8(in);
	}
}

static void check_inside(uint64_t off, uint64_t len)
{
	uint64_t bytes = disk.model.sectors * VIRTIO_BLK_SECTOR;

	REQUIRE(off <= bytes && len <= bytes - off);
	REQUIRE(off % disk.model.block_size == 0);
	REQUIRE(len % disk.model.block_size == 0);
}

static void check_parsed(const struct virtio_blk_request *r)
{
	const struct virtq_chain *c = &q.chain;

	REQUIRE(!disk.model.readonly || r->op == VIRTIO_BLK_READ ||
		r->op == VIRTIO_BLK_FLUSH || r->op == VIRTIO_BLK_DONE);
	switch (r->op) {
	case VIRTIO_BLK_READ:
		check_inside(r->off, r->len);
		REQUIRE(r->len && r->data_off + r->len == c->in_len - 1);
		break;
	case VIRTIO_BLK_WRITE:
		check_inside(r->off, r->len);
		REQUIRE(r->len && r->data_off + r->len == c->out_len);
		break;
	case VIRTIO_BLK_DISCARD:
	case VIRTIO_BLK_ZERO:
		REQUIRE(r->n_ranges && r->n_ranges <= VIRTIO_BLK_RANGES_MAX);
		for (unsigned int i = 0; i < r->n_ranges; i++) {
			check_inside(r->range[i].off, r->range[i].len);
			REQUIRE(r->range[i].len);
			REQUIRE(!r->range[i].unmap || disk.model.discard);
		}
		break;
	case VIRTIO_BLK_DONE:
		REQUIRE(r->status <= VIRTIO_BLK_S_UNSUPP);
		break;
	case VIRTIO_BLK_FLUSH:
		break;
	}
}

static int64_t result(struct fuzz_in *in, const struct blk_io *io)
{
	static const int errors[] = {EIO, ENOSPC, EINTR, EOPNOTSUPP, EINVAL};
	bool data = io->kind == BLK_IO_READ || io->kind == BLK_IO_WRITE;
	uint8_t how = fuzz_u8(in);

	if (how & 1)
		return -errors[how / 2 % 5];
	if (!data)
		return 0;
	/* the input's end: all of it */
	return how & 2 ? (int64_t)(fuzz_u(in, 3) % (io->len + 1))
		       : (int64_t)io->len;
}

static void check_io(const struct blk_io *io)
{
	uint64_t bytes = disk.model.sectors * VIRTIO_BLK_SECTOR, sum = 0;

	if (io->kind == BLK_IO_SYNC)
		return;
	REQUIRE(io->len && io->off <= bytes && io->len <= bytes - io->off);
	REQUIRE(io->kind == BLK_IO_READ || !disk.model.readonly);
	if (io->kind != BLK_IO_READ && io->kind != BLK_IO_WRITE)
		return;
	for (unsigned int i = 0; i < io->n_iov; i++)
		sum += io->iov[i].iov_len;
	REQUIRE(io->n_iov && sum == io->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	unsigned int steps = 0;

	disk_make(&in);
	chain_make(&in);
	if (blk_req_begin(&q, &v) < 0) {
		REQUIRE(!q.chain.in_len);
		return 0;
	}
	REQUIRE(q.chain.in_len);
	check_parsed(&q.r);
	while (blk_req_next(&q, &v)) {
		check_io(&q.io);
		q.io.res = result(&in, &q.io);
		blk_req_done(&q, &v);
		/* a short result takes three bytes of the input */
		if (++steps == STEPS)
			break;
	}
	if (steps < STEPS)
		REQUIRE(q.status <= VIRTIO_BLK_S_UNSUPP);
	virtio_blk_answer(&q.chain, q.status);
	free(q.bounce);
	q.bounce = NULL;
	return 0;
}
