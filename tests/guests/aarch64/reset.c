/* SPDX-License-Identifier: Apache-2.0 */
/* PSCI's SYSTEM_RESET (PSCI-1.1 5.1.10): status 5. */
#include "tests/guests/aarch64/arch.h"

void guest_main(void)
{
	print("PASS\n");
	psci(PSCI_SYSTEM_RESET, 0, 0, 0);
	halt();
}
