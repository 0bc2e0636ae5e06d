/* SPDX-License-Identifier: Apache-2.0 */
/* The exit device: status 64 and what is written to it. */
#include "tests/guests/aarch64/arch.h"

void guest_main(void)
{
	print("PASS\n");
	mmio_write(fdt_reg(fdt_device("barge,exit"), 0), 4, 7);
	halt();
}
