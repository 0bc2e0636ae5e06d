/* SPDX-License-Identifier: Apache-2.0 */
/* Running where no memory is: KVM cannot go on, status 3. */
#include "tests/guests/x86_64/arch.h"

void guest_main(void)
{
	void (*nowhere)(void) = (void (*)(void))(ram_end() + 0x200000);

	print("PASS\n");
	nowhere();
	halt();
}
