/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/x86_64/arch.h"

void reboot(void);

/* acpi-6.4 4.8.3.6 */
void reboot(void)
{
	outb(PM_RESET, 1);
	halt();
}
