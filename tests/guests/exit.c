/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exit device: the status is 64 and what "status=" says, written as
 * "width=" bytes (1). Reads and what is beside the first byte do not count.
 */
#include "tests/guests/guest.h"

void guest_main(void)
{
	unsigned int width = (unsigned int)cmdline_number("width");

	for (unsigned int len = 1; len <= 4; len *= 2)
		check_eq(exit_read(len), ones(len), "exit device");
	exit_write(1, 1, 7);
	exit_write(2, 2, 7);
	print("PASS\n");
	exit_write(0, width ? width : 1, cmdline_number("status"));
	halt();
}
