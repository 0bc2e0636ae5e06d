/* SPDX-License-Identifier: Apache-2.0 */
/* A triple fault ends the VM as a crash: status 3. */
#include "tests/guests/x86_64/arch.h"

void guest_main(void)
{
	print("PASS\n");
	idt_drop();
	__asm__ volatile("ud2");
	halt();
}
