/* SPDX-License-Identifier: Apache-2.0 */
/* pvpanic is told (pvpanic, bit 0): status 4. */
#include "tests/guests/guest.h"

void guest_main(void)
{
	print("PASS\n");
	panic_report();
	halt();
}
