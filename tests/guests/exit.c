/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exit device: the status is 64 and what "status=" says, written as
 * "width=" bytes (1). Reads and what is beside the first byte do not count.
 */
#include "tests/guests/guest.h"

#define PORT 0xf4

void guest_main(void)
{
	unsigned int width = (unsigned int)cmdline_number("width");

	for (unsigned int len = 1; len <= 4; len *= 2)
		check_eq(pio_read(PORT, len), ones(len), "exit port");
	outb(PORT + 1, 7);
	outw(PORT + 2, 7);
	print("PASS\n");
	pio_write(PORT, width ? width : 1, (uint32_t)cmdline_number("status"));
	halt();
}
