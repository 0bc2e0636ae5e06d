/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BLK_CHAIN_H
#define TESTS_UNIT_BLK_CHAIN_H

#include <linux/virtio_blk.h>
#include <string.h>

#include "devices/virtio_blk.h"

/* A request as a chain, made by hand, without rings. */
struct blk_chain {
	struct virtq_chain c;
	struct virtio_blk_outhdr header;
	uint8_t data[65536];
	uint8_t status;
};

#define BLK_CHAIN_NONE 0xeeu /* a status that no device writes */

static inline void blk_chain_add(struct blk_chain *b, bool in, void *at,
				 size_t len)
{
	struct virtq_chain *c = &b->c;

	c->iov[c->n_out + c->n_in] = (struct iovec){at, len};
	if (in) {
		c->n_in++;
		c->in_len += len;
	} else {
		c->n_out++;
		c->out_len += len;
	}
}

/* Header, @len bytes of data for the device to read or (@in) write, status. */
static inline void blk_chain_make(struct blk_chain *b, uint32_t type,
				  uint64_t sector, bool in, size_t len)
{
	memset(&b->c, 0, sizeof(b->c));
	b->header = (struct virtio_blk_outhdr){.type = type, .sector = sector};
	b->status = BLK_CHAIN_NONE;
	blk_chain_add(b, false, &b->header, sizeof(b->header));
	if (len)
		blk_chain_add(b, in, b->data, len);
	blk_chain_add(b, true, &b->status, 1);
}

#endif
