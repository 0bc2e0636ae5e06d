/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/x86_64/arch.h"

#define PORT 0xf4
#define ADDR UINT64_C(0xfe000000)

/* "memory=1": by its other window */

uint64_t exit_read(unsigned int len)
{
	if (cmdline_number("memory"))
		return mmio_read(ADDR, len);
	return pio_read(PORT, len);
}

void exit_write(unsigned int off, unsigned int len, uint64_t val)
{
	if (cmdline_number("memory"))
		mmio_write(ADDR + off, len, val);
	else
		pio_write((uint16_t)(PORT + off), len, (uint32_t)val);
}
