/* SPDX-License-Identifier: Apache-2.0 */
/* The ACPI reset register (acpi-6.4 4.8.3.6): status 5. */
#include "tests/guests/x86_64/arch.h"

void guest_main(void)
{
	print("PASS\n");
	outb(PM_RESET, 1);
	halt();
}
