/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every processor of the tree comes up by CPU_ON, once and once more, has its
 * own redistributor and its own interrupts, and shares our memory.
 */
#include "tests/guests/aarch64/arch.h"

#define CALL 3 /* a software interrupt */

static volatile unsigned int up[CPUS_MAX];
static volatile unsigned int called[CPUS_MAX];
static volatile unsigned int bad;

static unsigned int number_of(uint64_t mpidr)
{
	unsigned int n = 0;

	while (n < CPUS_MAX && cpu_mpidr(n) != mpidr)
		n++;
	return n;
}

static void on_interrupt(unsigned int intid)
{
	unsigned int n = number_of(cpu_self());

	if (intid == CALL && n < CPUS_MAX)
		called[n]++;
	else
		bad++;
}

static void other(unsigned int n)
{
	if (cpu_self() != cpu_mpidr(n))
		bad++;
	gic_start_cpu();
	up[n]++;
	wait_for(&called[n], up[n], "never called");
	psci(PSCI_CPU_OFF, 0, 0, 0);
	fail("CPU_OFF came back");
}

static void wait_off(unsigned int n)
{
	uint64_t t0 = now();

	while (psci(PSCI_AFFINITY_INFO, cpu_mpidr(n), 0, 0) != AFFINITY_OFF)
		check(now() - t0 < 30 * second(), "a processor stays on");
}

static void check_refusals(void)
{
	uint64_t nobody = 0xff0000;
	int64_t version = psci(PSCI_VERSION, 0, 0, 0);

	check(version >= 2, "version of PSCI");
	check_eq((uint64_t)psci(PSCI_CPU_ON, nobody, 0, 0),
		 (uint64_t)PSCI_INVALID, "CPU_ON of nobody");
	check_eq((uint64_t)psci(PSCI_AFFINITY_INFO, nobody, 0, 0),
		 (uint64_t)PSCI_INVALID, "AFFINITY_INFO of nobody");
	check_eq((uint64_t)cpu_on(0, other), (uint64_t)PSCI_ALREADY_ON,
		 "CPU_ON of ourselves");
	check_eq((uint64_t)psci(PSCI_AFFINITY_INFO, cpu_mpidr(0), 0, 0),
		 AFFINITY_ON, "AFFINITY_INFO of ourselves");
	check_eq((uint64_t)psci(0xc400ff00, 0, 0, 0),
		 (uint64_t)PSCI_NOT_SUPPORTED, "a function that is not there");
}

static void start_all(unsigned int cpus, unsigned int round)
{
	for (unsigned int n = 1; n < cpus; n++) {
		check_eq((uint64_t)psci(PSCI_AFFINITY_INFO, cpu_mpidr(n), 0, 0),
			 AFFINITY_OFF, "AFFINITY_INFO before CPU_ON");
		check_eq((uint64_t)cpu_on(n, other), 0, "CPU_ON");
	}
	for (unsigned int n = 1; n < cpus; n++) {
		wait_for(&up[n], round, "a processor does not come up");
		check_eq((uint64_t)cpu_on(n, other), (uint64_t)PSCI_ALREADY_ON,
			 "CPU_ON of one that is on");
	}
	for (unsigned int n = 1; n < cpus; n++)
		gic_send(cpu_mpidr(n), n, CALL);
	for (unsigned int n = 1; n < cpus; n++)
		wait_off(n);
}

void guest_main(void)
{
	unsigned int cpus = cpu_count();

	check_eq(cpu_self(), cpu_mpidr(0), "the first processor");
	gic_start(on_interrupt);
	check_refusals();
	start_all(cpus, 1);
	start_all(cpus, 2);
	check_eq(bad, 0, "a processor that is another, or wrong interrupts");
	print_hex(cpus);
	print(" processors\n");
}
