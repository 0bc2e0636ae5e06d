/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PSCI's SYSTEM_RESET (PSCI-1.1 5.1.10) by the last processor there is: status
 * 5.
 */
#include "tests/guests/aarch64/arch.h"

static void reset(void)
{
	psci(PSCI_SYSTEM_RESET, 0, 0, 0);
	halt();
}

void guest_main(void)
{
	print("PASS\n");
	if (cpu_count() == 1)
		reset();
	ap_start(reset);
	halt();
}
