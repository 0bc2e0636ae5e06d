/* SPDX-License-Identifier: Apache-2.0 */
/* The keyboard controller resets (8042, command FE): status 5. */
#include "tests/guests/x86_64/arch.h"

void guest_main(void)
{
	print("PASS\n");
	outb(0x64, 0xfe);
	halt();
}
