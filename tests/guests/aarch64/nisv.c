/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses that the processor does not decode for a hypervisor (Arm-ARM
 * D19.2.37, ISV of a data abort): where no memory is, each of them is an
 * external abort, its base register stays as it was, and the VM goes on.
 */
#include "tests/guests/aarch64/arch.h"

static void check_abort(unsigned int before, uint64_t addr, const char *what)
{
	check_eq(last_abort.count, before + 1, what);
	check_eq(ESR_EC(last_abort.esr), EC_DATA, what);
	check_eq(ESR_STATUS(last_abort.esr), STATUS_EXTERNAL, what);
	check_eq(last_abort.far, addr, what);
}

#define TRY(addr, fault, text)                                                 \
	do {                                                                   \
		register uint64_t at_ __asm__("x9") = (addr);                  \
		unsigned int before_ = last_abort.count;                       \
                                                                               \
		__asm__ volatile(".arch_extension fp\n\t"                      \
				 ".arch_extension simd\n\t" text               \
				 : "+r"(at_)                                   \
				 :                                             \
				 : "x10", "x11", "memory");                    \
		check_eq(at_, (addr), "base register of " text);               \
		check_abort(before_, (fault), text);                           \
	} while (0)

static void try_all(uint64_t addr)
{
	TRY(addr, addr, "ldp x10, x11, [x9]");
	TRY(addr, addr, "stp xzr, xzr, [x9]");
	TRY(addr, addr, "ldr x10, [x9], #8");
	TRY(addr, addr + 16, "str wzr, [x9, #16]!");
	TRY(addr, addr, "ldr q0, [x9]");
	TRY(addr, addr, "str d0, [x9]");
	TRY(addr, addr, "ld1 {v0.16b, v1.16b}, [x9]");
}

void guest_main(void)
{
	abort_expect(true);
	try_all(0x20000000);	/* a BAR's place */
	try_all(0x3f000000);	/* ECAM */
	try_all(UART - 0x1000); /* nothing at all */
	try_all(ram_end() + 0x200000);
	abort_expect(false);
	check_eq(mmio_read(0x20000000, 4), 0xffffffff, "a decoded one");
}
