/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/aarch64/arch.h"

/* Wider accesses and crooked ones: whatever they read, the port works on. */
void serial_more(void)
{
	for (unsigned int len = 2; len <= 8; len *= 2) {
		for (unsigned int off = 0; off < 12; off++)
			(void)mmio_read(LOOSE + UART - 4 + off, len);
	}
	uart_out(7, 0x5a);
	check_eq(uart_in(7), 0x5a, "scratch, after those");
}
