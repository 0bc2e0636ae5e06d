/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_ROM_H
#define VFIO_ROM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/*
 * The expansion ROM of a passed-through device. barge runs no code of it, but
 * drivers read tables from it, those of display adapters above all.
 */

#define ROM_SIZE_MIN 2048u /* of its BAR (PCI-3.0 6.2.5.2) */
#define ROM_SIZE_MAX (16u << 20)

enum rom_policy {
	ROM_AUTO, /* the device's own, where it has one */
	ROM_ON,	  /* the same, and a warning where it has none */
	ROM_OFF,
	ROM_FILE,
};

/* Of the BAR for @n bytes, a power of two; 0: there can be none. */
uint64_t rom_bar_size(uint64_t n);

/* An open device's ROM. */
struct rom {
	uint64_t size;	/* of the BAR, 0: the guest sees none */
	uint8_t *bytes; /* heap */
	uint8_t *have;	/* heap, one for each piece that was read; NULL: all */
};

/* Why @n bytes are no ROM: "has no ...", a clause; NULL if they are one. */
const char *rom_fault(const uint8_t *bytes, size_t n);
/* Vendor and device that the first image is for; false if it does not say. */
bool rom_made_for(const uint8_t *bytes, size_t n, uint16_t id[2]);

/*
 * A whole file: heap, *n bytes. ERR_FILE_OPEN, ERR_FILE_READ, ERR_FILE_EMPTY,
 * or ERR_ROM_BAD.
 */
int rom_file_load(const char *file, uint8_t **bytes, size_t *n, struct err *e);

struct vfio_dev;

/*
 * Find the ROM of an open device and give the guest's configuration space its
 * BAR. Errors as of rom_file_load(); -ENOMEM.
 */
int rom_open(struct vfio_dev *d, enum rom_policy how, const char *file,
	     struct err *e);
uint64_t rom_read(struct vfio_dev *d, uint64_t off, unsigned int len);
void rom_close(struct vfio_dev *d);

#endif
