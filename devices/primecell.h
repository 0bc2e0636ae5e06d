/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_PRIMECELL_H
#define DEVICES_PRIMECELL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What ARM's PrimeCells have in common: registers a word apart, and at the end
 * of their 4 KiB who they are, a byte in each word (PL031 3.3, PL061 3.3).
 */
#define PRIMECELL_ID   0xfe0
#define PRIMECELL_SIZE 0x1000

/*
 * The bus has no byte lanes of its own (APB): an access begins where a register
 * does. A short one sees its low bytes.
 */
static inline bool primecell_aligned(uint64_t off, unsigned int len)
{
	return off % 4 == 0 && len <= 4;
}

/*
 * PeriphID0 to 3 and PCellID0 to 3 of ARM's part number @part, revision 0;
 * @off is PRIMECELL_ID or more. The designer is 0x41.
 */
static inline uint8_t primecell_id(unsigned int part, uint64_t off)
{
	const uint8_t id[8] = {
		(uint8_t)part, (uint8_t)(0x10 | part >> 8),
		0x04,	       0x00,
		0x0d,	       0xf0,
		0x05,	       0xb1,
	};

	return id[(off - PRIMECELL_ID) / 4 % 8];
}

#endif
