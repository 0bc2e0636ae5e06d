// SPDX-License-Identifier: Apache-2.0
#include "vmm/blk_req.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>

/* The kernel reads and writes less than 2 GiB at a time. */
#define IO_MAX (1ull << 30)
#define ZEROS  (64ull << 10)

/* Written where a file system cannot zero a range; never changed. */
static _Alignas(4096) uint8_t zeros[ZEROS];

static struct blk_disk *of(const struct virtio *v)
{
	return v->host;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void finish(struct blk_req *q, uint8_t status)
{
	q->r.op = VIRTIO_BLK_DONE;
	q->status = status;
}

int blk_req_begin(struct blk_req *q, const struct virtio *v)
{
	int r = virtio_blk_parse(v, &q->chain, &q->r);

	q->done = 0;
	q->range = 0;
	q->synced = false;
	q->bounced = false;
	q->status = q->r.status;
	return r;
}

/* --- reads and writes ----------------------------------------------------- */

/* Whether O_DIRECT takes the pieces as they are. */
static bool aligned(const struct blk_req *q, const struct blk_file *f)
{
	for (unsigned int i = 0; i < q->io.n_iov; i++) {
		if ((uintptr_t)q->iov[i].iov_base & (f->mem_align - 1) ||
		    q->iov[i].iov_len & (f->len_align - 1))
			return false;
	}
	return true;
}

/* The next part goes by way of memory of our own. */
static void use_bounce(struct blk_req *q)
{
	bool write = q->r.op == VIRTIO_BLK_WRITE;

	if (!q->bounce)
		q->bounce = aligned_alloc(4096, BLK_BOUNCE);
	if (!q->bounce) {
		finish(q, VIRTIO_BLK_S_IOERR);
		return;
	}
	q->io.len = least(q->r.len - q->done, BLK_BOUNCE);
	if (write)
		(void)virtq_copy_out(&q->chain, q->r.data_off + q->done,
				     q->bounce, q->io.len);
	q->iov[0].iov_base = q->bounce;
	q->iov[0].iov_len = q->io.len;
	q->io.n_iov = 1;
	q->bounced = true;
}

static uint64_t iov_bytes(const struct iovec *iov, unsigned int n)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

static bool next_data(struct blk_req *q, const struct virtio *v)
{
	const struct blk_disk *d = of(v);
	bool write = q->r.op == VIRTIO_BLK_WRITE;

	if (q->done == q->r.len) {
		finish(q, VIRTIO_BLK_S_OK);
		return false;
	}
	q->io.kind = write ? BLK_IO_WRITE : BLK_IO_READ;
	q->io.durable = write && virtio_blk_writethrough(v);
	q->io.off = q->r.off + q->done;
	q->io.n_iov = virtq_slice(&q->chain, !write, q->r.data_off + q->done,
				  least(q->r.len - q->done, IO_MAX), q->iov,
				  VIRTQ_SIZE_MAX);
	q->io.iov = q->iov;
	q->io.len = iov_bytes(q->iov, q->io.n_iov);
	q->bounced = false;
	if (d->file.mem_align > 1 && !aligned(q, &d->file))
		use_bounce(q);
	return q->r.op != VIRTIO_BLK_DONE;
}

static void data_done(struct blk_req *q)
{
	int64_t n = q->io.res;

	if (q->bounced && q->io.kind == BLK_IO_READ)
		(void)virtq_copy_in(&q->chain, q->r.data_off + q->done,
				    q->bounce, (size_t)n);
	q->done += (uint64_t)n;
}

/* --- flush, discard, zero ------------------------------------------------- */

static bool next_sync(struct blk_req *q)
{
	if (q->synced) {
		finish(q, VIRTIO_BLK_S_OK);
		return false;
	}
	q->io.kind = BLK_IO_SYNC;
	return true;
}

static void zeros_written(struct blk_req *q, bool durable)
{
	q->io.kind = BLK_IO_WRITE;
	q->io.durable = durable;
	q->io.iov = q->iov;
	q->io.n_iov = 0;
	q->io.len = least(q->io.len, 16 * ZEROS);
	for (uint64_t at = 0; at < q->io.len; at += ZEROS) {
		q->iov[q->io.n_iov].iov_base = zeros;
		q->iov[q->io.n_iov++].iov_len = least(q->io.len - at, ZEROS);
	}
}

static bool next_range(struct blk_req *q, const struct virtio *v)
{
	struct blk_disk *d = of(v);
	bool zero = q->r.op == VIRTIO_BLK_ZERO;
	const struct virtio_blk_range *x = &q->r.range[q->range];

	if (q->range == q->r.n_ranges) {
		/* What was not written through is, at the end. */
		q->synced = q->synced || !virtio_blk_writethrough(v);
		return next_sync(q);
	}
	q->io.off = x->off + q->done;
	q->io.len = x->len - q->done;
	if ((!zero || x->unmap) && !d->no_punch) {
		q->io.kind = BLK_IO_PUNCH;
	} else if (!zero) { /* may be left undone (virtio-1.3 5.2.6.2) */
		finish(q, VIRTIO_BLK_S_OK);
		return false;
	} else if (!d->no_zero) {
		q->io.kind = BLK_IO_ZERO;
	} else {
		zeros_written(q, false);
	}
	return true;
}

static void range_done(struct blk_req *q)
{
	const struct virtio_blk_range *x = &q->r.range[q->range];

	q->done += q->io.kind == BLK_IO_WRITE ? (uint64_t)q->io.res : x->len;
	if (q->done >= x->len) {
		q->range++;
		q->done = 0;
	}
}

/* --- all of them ---------------------------------------------------------- */

bool blk_req_next(struct blk_req *q, const struct virtio *v)
{
	switch (q->r.op) {
	case VIRTIO_BLK_READ:
	case VIRTIO_BLK_WRITE:
		return next_data(q, v);
	case VIRTIO_BLK_FLUSH:
		return next_sync(q);
	case VIRTIO_BLK_DISCARD:
	case VIRTIO_BLK_ZERO:
		return next_range(q, v);
	default:
		return false;
	}
}

/* True: it is to be tried in another way, as next() will find. */
static bool another_way(const struct blk_req *q, struct blk_disk *d)
{
	bool cannot = q->io.res == -EOPNOTSUPP || q->io.res == -ENOSYS ||
		      q->io.res == -ENODEV || q->io.res == -EINVAL;

	if (q->io.res == -EINTR || q->io.res == -EAGAIN)
		return true;
	if (cannot && q->io.kind == BLK_IO_PUNCH) {
		if (!atomic_exchange(&d->no_punch, true))
			d->trouble(d, BLK_NO_HOLE, (int)q->io.res);
		return true;
	}
	if (cannot && q->io.kind == BLK_IO_ZERO) {
		atomic_store(&d->no_zero, true);
		return true;
	}
	return false;
}

static enum blk_trouble trouble_of(int64_t res)
{
	return res == -ENOSPC || res == -EDQUOT || res == -EFBIG ? BLK_FULL
								 : BLK_ERROR;
}

void blk_req_done(struct blk_req *q, const struct virtio *v)
{
	struct blk_disk *d = of(v);

	if (q->io.res < 0) {
		if (another_way(q, d))
			return;
		d->trouble(d, trouble_of(q->io.res), (int)q->io.res);
		finish(q, VIRTIO_BLK_S_IOERR);
	} else if (q->io.kind == BLK_IO_SYNC) {
		q->synced = true;
	} else if (!q->io.res &&
		   (q->io.kind == BLK_IO_READ || q->io.kind == BLK_IO_WRITE)) {
		d->trouble(d, BLK_SHORT, 0);
		finish(q, VIRTIO_BLK_S_IOERR);
	} else if (q->r.op == VIRTIO_BLK_READ || q->r.op == VIRTIO_BLK_WRITE) {
		data_done(q);
	} else {
		range_done(q);
	}
}
