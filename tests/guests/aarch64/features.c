/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a processor that are optional: said in its ID registers (Arm-ARM
 * D19.2) and in the tree alike; none of them with off=1 on the command line.
 * Counters of events, if there are any, interrupt when they overflow.
 */
#include "tests/guests/aarch64/arch.h"

#define CYCLES	  (UINT64_C(1) << 31)
#define PMCR_ON	  0x47 /* LC, C, P, E */
#define BEFORE	  1000u
#define NOT_PMUV3 15

static volatile unsigned int overflows;
static volatile unsigned int others;
static unsigned int pmu_irq;

static unsigned int field(uint64_t reg, unsigned int low)
{
	return reg >> low & 15;
}

static bool has_pmu(void)
{
	unsigned int v = field(READ_REG("ID_AA64DFR0_EL1"), 8);

	return v != 0 && v != NOT_PMUV3;
}

static bool has_sve(void)
{
	return field(READ_REG("ID_AA64PFR0_EL1"), 32) != 0;
}

/* APA, API, GPA, GPI; GPA3 and APA3 of ID_AA64ISAR2_EL1 */
static bool has_pauth(void)
{
	return (READ_REG("ID_AA64ISAR1_EL1") & 0xff000ff0) != 0 ||
	       (READ_REG("S3_0_C0_C6_2") & 0xff00) != 0;
}

static void on_interrupt(unsigned int intid)
{
	if (intid == pmu_irq && READ_REG("PMOVSCLR_EL0") & CYCLES)
		overflows++;
	else
		others++;
	WRITE_REG("PMOVSCLR_EL0", CYCLES);
}

static void check_pmu(void)
{
	pmu_irq = fdt_intid(fdt_device("arm,armv8-pmuv3"), 0);
	gic_start(on_interrupt);
	gic_enable(pmu_irq);
	WRITE_REG("PMCR_EL0", PMCR_ON);
	WRITE_REG("PMCCFILTR_EL0", 0);
	WRITE_REG("PMOVSCLR_EL0", UINT32_MAX);
	WRITE_REG("PMCCNTR_EL0", -(uint64_t)BEFORE);
	WRITE_REG("PMINTENSET_EL1", CYCLES);
	WRITE_REG("PMCNTENSET_EL0", CYCLES);
	wait_for(&overflows, 1, "the counter of cycles does not overflow");
	WRITE_REG("PMCR_EL0", 0);
	check_eq(overflows, 1, "overflows");
	check_eq(others, 0, "interrupts nobody caused");
}

static void say(bool yes, const char *what)
{
	print(yes ? "has " : "lacks ");
	print(what);
	print("\n");
}

void guest_main(void)
{
	bool in_tree = fdt_find("compatible", "arm,armv8-pmuv3", 0) != NULL;

	say(has_pmu(), "pmu");
	say(has_sve(), "sve");
	say(has_pauth(), "pauth");
	check_eq(in_tree, has_pmu(), "PMU: the tree and the processor");
	if (cmdline_number("off")) {
		check(!has_pmu(), "a PMU");
		check(!has_sve(), "SVE");
		check(!has_pauth(), "signed pointers");
	}
	if (has_pmu())
		check_pmu();
}
