/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that listens to nothing; tests/guests/run sends signals to barge. */
#include "tests/guests/guest.h"

void guest_main(void)
{
	print("PASS\nREADY\n");
	halt();
}
