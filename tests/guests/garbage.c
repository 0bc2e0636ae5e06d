/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pseudo-random accesses to every port, to memory where no RAM is and to
 * configuration space, from two processors at once. Nothing is expected of the
 * values; barge has to survive and still power off. seed=N on the command line
 * makes another run.
 */
#include "tests/guests/guest.h"

#define ROUNDS 6000 /* unless the command line says rounds=N */

static volatile bool ap_done;

static void garbage(uint64_t seed)
{
	struct rnd r = {seed + cmdline_number("seed")};
	uint64_t rounds = cmdline_number("rounds");

	if (rounds == 0)
		rounds = ROUNDS;
	for (uint64_t i = 0; i < rounds; i++)
		garbage_step(&r);
}

static void ap(void)
{
	garbage(0x243f6a8885a308d3);
	ap_done = true;
	halt();
}

/* Out of loopback, divisor and interrupts again. */
static void serial_restore(void)
{
	uart_out(3, 0x03);
	uart_out(1, 0);
	uart_out(2, 0);
	uart_out(4, 0x03);
	print("\n");
}

void guest_main(void)
{
	ap_start(ap);
	garbage(0x9e3779b97f4a7c15);
	while (!ap_done)
		;
	serial_restore();
}
