/* SPDX-License-Identifier: Apache-2.0 */
/* Running where no memory is: an abort into the guest, which goes on. */
#include "tests/guests/aarch64/arch.h"

static void run_at(uint64_t addr)
{
	void (*there)(void) = (void (*)(void))addr;
	unsigned int before = last_abort.count;

	there();
	check_eq(last_abort.count, before + 1, "number of aborts");
	check_eq(ESR_EC(last_abort.esr), EC_INSTRUCTION, "class");
	check_eq(ESR_STATUS(last_abort.esr), STATUS_EXTERNAL, "status");
	check_eq(last_abort.far, addr, "address");
}

void guest_main(void)
{
	abort_expect(true);
	run_at(ram_end());
	run_at(ram_end() + 0x200000);
	run_at(ram_end() + 0x40000000);
	run_at(0x20000000); /* a BAR's place */
}
