/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/aarch64/arch.h"

uint64_t exit_read(unsigned int len)
{
	return mmio_read(fdt_reg(fdt_device("barge,exit"), 0), len);
}

void exit_write(unsigned int off, unsigned int len, uint64_t val)
{
	mmio_write(fdt_reg(fdt_device("barge,exit"), 0) + off, len, val);
}
