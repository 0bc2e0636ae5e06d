/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/x86_64/arch.h"

/* tests/guests/run wants to see this line. */
void serial_more(void)
{
	static const char text[] = "by rep outsb\n";
	const char *p = text;
	uint64_t n = sizeof(text) - 1;

	__asm__ volatile("rep outsb"
			 : "+S"(p), "+c"(n)
			 : "d"((uint16_t)COM1)
			 : "memory");
}
