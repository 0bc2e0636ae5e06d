/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BLK_GUEST_H
#define TESTS_UNIT_BLK_GUEST_H

#include "vmm/virtio.h"

/*
 * The driver's side of a virtio disk: rings and memory of a guest without a
 * guest. The host side is the real one.
 */

#define BG_GPA	  0x100000ull /* where its RAM begins */
#define BG_RAM	  (8u << 20)
#define BG_DATA	  0x200000u /* offset in RAM: from here on free for data */
#define BG_SLOTS  32u
#define BG_PIECES 6u
#define BG_QUEUES 4u
#define BG_NONE	  0xffu /* a status that no device writes */

struct blk_guest {
	struct virtio_unit *u;
	struct gmem mem;
	uint8_t *ram;
	uint16_t avail[BG_QUEUES]; /* requests offered */
	uint16_t told[BG_QUEUES];  /* of them at the last kick */
	uint16_t seen[BG_QUEUES];  /* and taken back */
	bool began;
};

/* One request: @type and @sector, data at @off of RAM. */
struct bg_req {
	unsigned int q;
	unsigned int slot; /* below BG_SLOTS */
	uint32_t type;
	uint64_t sector;
	bool in;	/* the device writes the data */
	bool no_status; /* nor may the device write one */
	unsigned int pieces;
	struct {
		uint32_t off;
		uint32_t len;
	} piece[BG_PIECES];
};

/* Open the disk of @d; what blk_host_open() says. */
int bg_open(struct blk_guest *g, const struct conf_disk *d, unsigned int cpus,
	    struct err *e);
/* Negotiate what of @features is offered, and start; 0 or -errno. */
int bg_start(struct blk_guest *g, uint64_t features);
void bg_stop(struct blk_guest *g);
void bg_close(struct blk_guest *g);

void bg_offer(struct blk_guest *g, const struct bg_req *r);
void bg_kick(struct blk_guest *g, unsigned int q);
/* Wait for one: its slot, or -1 when nothing comes for ten seconds. */
int bg_await(struct blk_guest *g, unsigned int q);
/* Requests that the device gave back, but nobody took. */
unsigned int bg_waiting(const struct blk_guest *g, unsigned int q);
uint8_t bg_status(const struct blk_guest *g, unsigned int q, unsigned int slot);

/* Offer, kick, await: the status. @len bytes at @off of RAM. */
uint8_t bg_do(struct blk_guest *g, uint32_t type, uint64_t sector, bool in,
	      uint32_t off, uint32_t len);

#endif
