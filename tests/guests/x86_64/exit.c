/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/x86_64/arch.h"

#define PORT 0xf4

uint64_t exit_read(unsigned int len)
{
	return pio_read(PORT, len);
}

void exit_write(unsigned int off, unsigned int len, uint64_t val)
{
	pio_write((uint16_t)(PORT + off), len, (uint32_t)val);
}
