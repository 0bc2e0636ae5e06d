// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio_blk.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <stddef.h>
#include <string.h>

static struct virtio_blk *of(const struct virtio *v)
{
	return v->host;
}

/* --- features and configuration ------------------------------------------- */

#define BIT(n) (1ull << (n))

uint64_t virtio_blk_features(const struct virtio_blk *b)
{
	uint64_t f = BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
		     BIT(VIRTIO_BLK_F_TOPOLOGY) | BIT(VIRTIO_BLK_F_FLUSH) |
		     BIT(VIRTIO_BLK_F_MQ);

	if (b->readonly)
		return f | BIT(VIRTIO_BLK_F_RO);
	f |= BIT(VIRTIO_BLK_F_CONFIG_WCE) | BIT(VIRTIO_BLK_F_WRITE_ZEROES);
	if (b->discard)
		f |= BIT(VIRTIO_BLK_F_DISCARD);
	return f;
}

/* A zero would make drivers divide by it: features that are not offered. */
static void config_make(const struct virtio *v, struct virtio_blk_config *c)
{
	const struct virtio_blk *b = of(v);
	uint32_t blocks = b->physical_size / b->block_size;

	memset(c, 0, sizeof(*c));
	c->capacity = b->sectors;
	/* header and status take one descriptor each */
	c->seg_max = VIRTQ_SIZE_MAX - 2;
	c->blk_size = b->block_size;
	c->physical_block_exp = blocks > 1 ? (uint8_t)__builtin_ctz(blocks) : 0;
	c->min_io_size = (uint16_t)(blocks > 1 ? blocks : 1);
	c->opt_io_size = b->optimal_size / b->block_size;
	c->wce = !virtio_blk_writethrough(v);
	c->num_queues = b->queues;
	c->max_discard_sectors = VIRTIO_BLK_RANGE_SECTORS;
	c->max_discard_seg = VIRTIO_BLK_RANGES_MAX;
	c->discard_sector_alignment = b->physical_size / VIRTIO_BLK_SECTOR;
	c->max_write_zeroes_sectors = VIRTIO_BLK_RANGE_SECTORS;
	c->max_write_zeroes_seg = VIRTIO_BLK_RANGES_MAX;
	c->write_zeroes_may_unmap = b->discard;
}

static uint64_t cfg_read(struct virtio *v, unsigned int off, unsigned int len)
{
	struct virtio_blk_config c;
	uint64_t val = 0;

	config_make(v, &c);
	if (off < sizeof(c))
		memcpy(&val, (const uint8_t *)&c + off,
		       len < sizeof(c) - off ? len : sizeof(c) - off);
	return val;
}

/* Only the cache's mode is the driver's (virtio-1.3 5.2.5). */
static void cfg_write(struct virtio *v, unsigned int off, unsigned int len,
		      uint64_t val)
{
	if (off == offsetof(struct virtio_blk_config, wce) && len == 1 &&
	    virtio_has(v, VIRTIO_BLK_F_CONFIG_WCE))
		atomic_store(&of(v)->writeback, val == 1);
}

const struct virtio_ops virtio_blk_ops = {
	.name = "virtio-blk",
	.type = VIRTIO_ID_BLOCK,
	.pci_class = 0x010000,
	.cfg_read = cfg_read,
	.cfg_write = cfg_write,
};

void virtio_blk_reset(struct virtio *v)
{
	atomic_store(&of(v)->writeback, true);
}

/* A driver that cannot flush has to be able to rely on each write. */
bool virtio_blk_writethrough(const struct virtio *v)
{
	return !virtio_has(v, VIRTIO_BLK_F_FLUSH) ||
	       !atomic_load(&of(v)->writeback);
}

/* --- requests (virtio-1.3 5.2.6) ------------------------------------------ */

#define HEADER sizeof(struct virtio_blk_outhdr)

static void done(struct virtio_blk_request *r, uint8_t status)
{
	r->op = VIRTIO_BLK_DONE;
	r->status = status;
}

/* Whole blocks inside the disk; *off and *len are bytes then. */
static bool inside(const struct virtio_blk *b, uint64_t sector, uint64_t bytes,
		   uint64_t *off)
{
	if (sector > b->sectors ||
	    bytes > (b->sectors - sector) * VIRTIO_BLK_SECTOR)
		return false;
	*off = sector * VIRTIO_BLK_SECTOR;
	return *off % b->block_size == 0 && bytes % b->block_size == 0;
}

static void parse_read(const struct virtio_blk *b, const struct virtq_chain *c,
		       uint64_t sector, struct virtio_blk_request *r)
{
	r->op = VIRTIO_BLK_READ;
	r->len = c->in_len - 1;
	r->data_off = 0;
	if (c->out_len != HEADER || !inside(b, sector, r->len, &r->off))
		done(r, VIRTIO_BLK_S_IOERR);
	else if (!r->len)
		done(r, VIRTIO_BLK_S_OK);
}

static void parse_write(const struct virtio_blk *b, const struct virtq_chain *c,
			uint64_t sector, struct virtio_blk_request *r)
{
	r->op = VIRTIO_BLK_WRITE;
	r->len = c->out_len - HEADER;
	r->data_off = HEADER;
	if (b->readonly || c->in_len != 1 ||
	    !inside(b, sector, r->len, &r->off))
		done(r, VIRTIO_BLK_S_IOERR);
	else if (!r->len)
		done(r, VIRTIO_BLK_S_OK);
}

/* What is written to a flag we do not know would be done wrongly. */
static bool flags_known(const struct virtio_blk_request *r, uint32_t flags)
{
	uint32_t known = r->op == VIRTIO_BLK_ZERO
				 ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP
				 : 0;

	return !(flags & ~known);
}

static uint8_t parse_range(const struct virtio_blk *b,
			   struct virtio_blk_request *r,
			   const struct virtio_blk_discard_write_zeroes *d)
{
	struct virtio_blk_range *x = &r->range[r->n_ranges];

	if (!flags_known(r, d->flags))
		return VIRTIO_BLK_S_UNSUPP;
	x->len = (uint64_t)d->num_sectors * VIRTIO_BLK_SECTOR;
	x->unmap = d->flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP && b->discard;
	if (d->num_sectors > VIRTIO_BLK_RANGE_SECTORS ||
	    !inside(b, d->sector, x->len, &x->off))
		return VIRTIO_BLK_S_IOERR;
	if (x->len)
		r->n_ranges++;
	return VIRTIO_BLK_S_OK;
}

/* All ranges are judged before the first is touched. */
static void parse_ranges(const struct virtio_blk *b,
			 const struct virtq_chain *c,
			 struct virtio_blk_request *r)
{
	struct virtio_blk_discard_write_zeroes d;
	uint64_t left = c->out_len - HEADER;

	if (!left || left % sizeof(d) ||
	    left / sizeof(d) > VIRTIO_BLK_RANGES_MAX) {
		done(r, VIRTIO_BLK_S_IOERR);
		return;
	}
	for (; left; left -= sizeof(d)) {
		uint8_t status;

		(void)virtq_copy_out(c, c->out_len - left, &d, sizeof(d));
		status = parse_range(b, r, &d);
		if (status != VIRTIO_BLK_S_OK) {
			done(r, status);
			return;
		}
	}
	if (!r->n_ranges)
		done(r, VIRTIO_BLK_S_OK);
}

/* The driver may give less room than the 20 bytes that there are. */
static void give_id(const struct virtio_blk *b, const struct virtq_chain *c)
{
	uint64_t room = c->in_len - 1;

	(void)virtq_copy_in(c, 0, b->id,
			    room < sizeof(b->id) ? room : sizeof(b->id));
}

static void parse_type(const struct virtio *v, const struct virtq_chain *c,
		       const struct virtio_blk_outhdr *h,
		       struct virtio_blk_request *r)
{
	const struct virtio_blk *b = of(v);

	done(r, VIRTIO_BLK_S_UNSUPP);
	switch (h->type) {
	case VIRTIO_BLK_T_IN:
		parse_read(b, c, h->sector, r);
		break;
	case VIRTIO_BLK_T_OUT:
		parse_write(b, c, h->sector, r);
		break;
	case VIRTIO_BLK_T_FLUSH:
		if (virtio_has(v, VIRTIO_BLK_F_FLUSH))
			r->op = VIRTIO_BLK_FLUSH;
		break;
	case VIRTIO_BLK_T_GET_ID:
		give_id(b, c);
		done(r, VIRTIO_BLK_S_OK);
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		if (!virtio_has(v, h->type == VIRTIO_BLK_T_DISCARD
					   ? VIRTIO_BLK_F_DISCARD
					   : VIRTIO_BLK_F_WRITE_ZEROES))
			break;
		r->op = h->type == VIRTIO_BLK_T_DISCARD ? VIRTIO_BLK_DISCARD
							: VIRTIO_BLK_ZERO;
		parse_ranges(b, c, r);
		break;
	default:
		break;
	}
}

int virtio_blk_parse(const struct virtio *v, const struct virtq_chain *c,
		     struct virtio_blk_request *r)
{
	struct virtio_blk_outhdr h;

	if (!c->in_len)
		return -EINVAL;
	r->off = 0;
	r->len = 0;
	r->data_off = 0;
	r->n_ranges = 0;
	if (virtq_copy_out(c, 0, &h, sizeof(h)) < sizeof(h))
		done(r, VIRTIO_BLK_S_IOERR);
	else
		parse_type(v, c, &h, r);
	return 0;
}

void virtio_blk_answer(const struct virtq_chain *c, uint8_t status)
{
	(void)virtq_copy_in(c, c->in_len - 1, &status, 1);
}
