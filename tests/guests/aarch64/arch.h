/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GUESTS_AARCH64_ARCH_H
#define TESTS_GUESTS_AARCH64_ARCH_H

#include "tests/guests/guest.h"

/* What tiny guests have on aarch64 alone. */

/* The serial port has to work before anything else; the rest is looked up. */
#define UART 0x09000000u

struct guest_entry {
	uint64_t x[4];
	uint64_t current_el;
	uint64_t sctlr;
	uint64_t daif;
	uint64_t spsel;
	uint64_t base; /* where we were put */
};

/* How the loader entered us. */
extern const struct guest_entry guest_entry;

#define READ_REG(name)                                                         \
	({                                                                     \
		uint64_t v_;                                                   \
		__asm__ volatile("mrs %0, " name : "=r"(v_) : : "memory");     \
		v_;                                                            \
	})
#define WRITE_REG(name, v)                                                     \
	__asm__ volatile("msr " name ", %0\n\tisb"                             \
			 :                                                     \
			 : "r"((uint64_t)(v))                                  \
			 : "memory")

/* --- fdt.c: the tree that x0 pointed to (DT-0.4 5) --- */

/* The @nth node that has @text among the strings of its @prop, or NULL. */
const uint8_t *fdt_find(const char *prop, const char *text, unsigned int nth);
/* The same by "compatible"; not finding one is a failure. */
const uint8_t *fdt_device(const char *compatible);
/* The first node that is called so, its unit address apart; or NULL. */
const uint8_t *fdt_named(const char *name);
/* Property of a node, or NULL. */
const uint8_t *fdt_prop(const uint8_t *node, const char *name, uint32_t *len);
/* @i-th cell of a property that has to be there. */
uint32_t fdt_cell(const uint8_t *node, const char *name, unsigned int i);
/* The @i-th pair of "reg", two cells each. */
uint64_t fdt_reg(const uint8_t *node, unsigned int i);
uint64_t fdt_reg_len(const uint8_t *node, unsigned int i);
/* INTID of the @i-th interrupt. */
unsigned int fdt_intid(const uint8_t *node, unsigned int i);
uint32_t fdt_size(void);

/* --- exceptions --- */

struct frame {
	uint64_t x[31];
	uint64_t elr;
	uint64_t spsr;
};

/* What the last abort was; another than an expected one is a failure. */
struct abort {
	unsigned int count;
	uint64_t esr;
	uint64_t far;
};

/*
 * From now on (or no more) aborts are counted: one of data skips its
 * instruction, one of an instruction returns to who called it.
 */
void abort_expect(bool yes);
extern volatile struct abort last_abort;

#define ESR_EC(esr)	((esr) >> 26 & 0x3f)
#define EC_INSTRUCTION	0x21 /* aborts of our own level: Arm-ARM D19.2.37 */
#define EC_DATA		0x25
#define ESR_STATUS(esr) ((esr)&0x3f)
#define STATUS_EXTERNAL 0x10

/* --- gic.c, version 3 or 2 --- */

/* Distributor and our own part of it; @handler is told of each interrupt. */
void gic_start(void (*handler)(unsigned int intid));
/* The part of another processor, which calls this. */
void gic_start_cpu(void);
void gic_enable(unsigned int intid);
void gic_disable(unsigned int intid);
/* Send software interrupt @intid to the processor @mpidr, the @n-th. */
void gic_send(uint64_t mpidr, unsigned int n, unsigned int intid);
/* Redistributor of this processor. */
uint64_t gic_redistributor(void);

static inline void irqs_on(void)
{
	__asm__ volatile("msr DAIFClr, #2" : : : "memory");
}

static inline void irqs_off(void)
{
	__asm__ volatile("msr DAIFSet, #2" : : : "memory");
}

/* --- time --- */

uint64_t now(void);
uint64_t second(void); /* so many ticks */
/* Until *what is @n or more; with interrupts on. @text if it takes too long. */
void wait_for(const volatile unsigned int *what, unsigned int n,
	      const char *text);

/* --- PSCI --- */

#define PSCI_VERSION	   0x84000000u
#define PSCI_CPU_OFF	   0x84000002u
#define PSCI_CPU_ON	   0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u
#define PSCI_SYSTEM_OFF	   0x84000008u
#define PSCI_SYSTEM_RESET  0x84000009u

/* What the errors are: PSCI-1.1 5.2.2 */
#define PSCI_NOT_SUPPORTED (-1)
#define PSCI_INVALID	   (-2)
#define PSCI_ALREADY_ON	   (-4)

#define AFFINITY_ON	   0
#define AFFINITY_OFF	   1

int64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c);

/* --- processors --- */

#define CPUS_MAX 16

unsigned int cpu_count(void);
/* Affinity of the @n-th of the tree. */
uint64_t cpu_mpidr(unsigned int n);
uint64_t cpu_self(void);
/* Start the @n-th in main(n); what PSCI answers. */
int64_t cpu_on(unsigned int n, void (*main)(unsigned int n));

/* --- mmu.c --- */

/*
 * The first GiB is memory of devices, which takes no unaligned access; from
 * there on everything is cached. LOOSE is the first GiB once more, where
 * unaligned accesses are good.
 */
#define LOOSE (UINT64_C(256) << 30)

struct mmu_regs {
	uint64_t mair;
	uint64_t tcr;
	uint64_t ttbr;
	uint64_t sctlr;
};

extern struct mmu_regs mmu_regs;
void mmu_on(void);
/* Write back what another processor reads before its MMU is on. */
void cache_clean(const void *p, size_t len);

#endif
