/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/aarch64/arch.h"

void reboot(void);

/* PSCI-1.1 5.1.10 */
void reboot(void)
{
	psci(PSCI_SYSTEM_RESET, 0, 0, 0);
	halt();
}
