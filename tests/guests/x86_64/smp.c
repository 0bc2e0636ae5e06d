/* SPDX-License-Identifier: Apache-2.0 */
/* A second processor comes up by INIT and SIPI and shares our memory. */
#include "tests/guests/x86_64/arch.h"

static volatile uint32_t flag;
static volatile uint32_t answer;

static void ap(void)
{
	flag = lapic_read(0x20) >> 24;
	while (flag != 0x1234)
		__asm__ volatile("pause");
	answer = 0x4321;
	halt();
}

static void wait_for(volatile uint32_t *what, uint32_t val, const char *text)
{
	uint64_t t0 = rdtsc();

	while (*what != val)
		check(rdtsc() - t0 < UINT64_C(20000000000), text);
}

void guest_main(void)
{
	ap_start(ap);
	wait_for(&flag, 1, "no second processor");
	flag = 0x1234;
	wait_for(&answer, 0x4321, "the second processor does not see us");
}
