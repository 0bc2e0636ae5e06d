/* SPDX-License-Identifier: Apache-2.0 */
/* The pvpanic port (pvpanic, bit 0): status 4. */
#include "tests/guests/guest.h"

void guest_main(void)
{
	print("PASS\n");
	outb(0x505, 1);
	halt();
}
