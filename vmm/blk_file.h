/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_BLK_FILE_H
#define VMM_BLK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "vmm/conf.h"

/* A disk image or block device, opened and locked. */
struct blk_file {
	int fd;
	bool is_device;		 /* a block device */
	bool unlocked;		 /* its file system has no locks */
	uint64_t bytes;		 /* a multiple of block_size, not 0 */
	unsigned int block_size; /* what the guest is told: 512 or 4096 */
	unsigned int physical_size;
	unsigned int optimal_size; /* 0: not known */
	/*
	 * With O_DIRECT: what addresses of buffers are multiples of, and their
	 * lengths. Otherwise 1. Powers of two.
	 */
	unsigned int mem_align;
	unsigned int len_align;
};

/* 0, and blk_file_close() is due; -errno with @e set otherwise. */
int blk_file_open(struct blk_file *f, const struct conf_disk *d, struct err *e);
void blk_file_close(struct blk_file *f);

#endif
