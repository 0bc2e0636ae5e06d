/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/aarch64/arch.h"

#define SECONDS_MAX 30

void guest_start(void);
void guest_exception(unsigned int door, struct frame *f);
void cpu_entry(void);
void gic_interrupt(void);

volatile struct abort last_abort;
static volatile bool aborts_expected;

/* The compiler may call these even in a freestanding program. */
void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);

void *memcpy(void *dst, const void *src, size_t n)
{
	volatile uint8_t *d = dst;
	const uint8_t *s = src;

	while (n-- > 0)
		*d++ = *s++;
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	volatile uint8_t *d = dst;

	while (n-- > 0)
		*d++ = (uint8_t)c;
	return dst;
}

/* --- accesses --- */

uint64_t mmio_read(uint64_t addr, unsigned int len)
{
	uint64_t v;

	if (len == 1)
		__asm__ volatile("ldrb %w0, [%1]"
				 : "=r"(v)
				 : "r"(addr)
				 : "memory");
	else if (len == 2)
		__asm__ volatile("ldrh %w0, [%1]"
				 : "=r"(v)
				 : "r"(addr)
				 : "memory");
	else if (len == 4)
		__asm__ volatile("ldr %w0, [%1]"
				 : "=r"(v)
				 : "r"(addr)
				 : "memory");
	else
		__asm__ volatile("ldr %0, [%1]"
				 : "=r"(v)
				 : "r"(addr)
				 : "memory");
	return v;
}

void mmio_write(uint64_t addr, unsigned int len, uint64_t val)
{
	if (len == 1)
		__asm__ volatile("strb %w0, [%1]"
				 :
				 : "r"(val), "r"(addr)
				 : "memory");
	else if (len == 2)
		__asm__ volatile("strh %w0, [%1]"
				 :
				 : "r"(val), "r"(addr)
				 : "memory");
	else if (len == 4)
		__asm__ volatile("str %w0, [%1]"
				 :
				 : "r"(val), "r"(addr)
				 : "memory");
	else
		__asm__ volatile("str %0, [%1]"
				 :
				 : "r"(val), "r"(addr)
				 : "memory");
}

uint8_t uart_in(unsigned int reg)
{
	return (uint8_t)mmio_read(UART + reg, 1);
}

void uart_out(unsigned int reg, uint8_t v)
{
	mmio_write(UART + reg, 1, v);
}

uint64_t nowhere(unsigned int i)
{
	/* Beside the serial port, between devices, BARs that nobody has. */
	static const uint64_t at[] = {0x1000,	  0x08000000, 0x09000008,
				      0x09008000, 0x0ff00000, 0x10000000,
				      0x3efffff8, 0x3ffffff8, 0};

	return at[i];
}

/* --- what the loader left --- */

const char *cmdline(void)
{
	const uint8_t *chosen = fdt_named("chosen");
	uint32_t len;

	return chosen ? (const char *)fdt_prop(chosen, "bootargs", &len) : NULL;
}

bool ram_piece(unsigned int i, uint64_t *base, uint64_t *end)
{
	const uint8_t *memory = fdt_find("device_type", "memory", 0);
	uint32_t len;

	check(memory && fdt_prop(memory, "reg", &len), "no memory in the tree");
	if (i >= len / 16)
		return false;
	*base = fdt_reg(memory, i);
	*end = *base + fdt_reg_len(memory, i);
	return true;
}

uint64_t ram_end(void)
{
	uint64_t here = guest_entry.base;
	uint64_t base;
	uint64_t end;

	for (unsigned int i = 0; ram_piece(i, &base, &end); i++) {
		if (here >= base && here < end)
			return end;
	}
	fail("no RAM around this code in the tree");
}

uint64_t ecam_base(void)
{
	const uint8_t *host = fdt_device("pci-host-ecam-generic");

	check_eq(fdt_reg_len(host, 0), 0x100000, "ECAM is for one bus");
	return fdt_reg(host, 0);
}

void panic_report(void)
{
	mmio_write(fdt_reg(fdt_device("qemu,pvpanic-mmio"), 0), 1, 1);
}

/* --- time --- */

uint64_t now(void)
{
	__asm__ volatile("isb" : : : "memory");
	return READ_REG("CNTVCT_EL0");
}

uint64_t second(void)
{
	return READ_REG("CNTFRQ_EL0");
}

void wait_for(const volatile unsigned int *what, unsigned int n,
	      const char *text)
{
	uint64_t t0 = now();

	irqs_on();
	while (*what < n)
		check(now() - t0 < SECONDS_MAX * second(), text);
	irqs_off();
}

/* --- PSCI and processors --- */

int64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a;
	register uint64_t x2 __asm__("x2") = b;
	register uint64_t x3 __asm__("x3") = c;

	__asm__ volatile("hvc #0"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
			 :
			 : "memory", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
			   "x11", "x12", "x13", "x14", "x15", "x16", "x17");
	/* A function of 32 bits answers in as many. */
	return function >> 30 & 1 ? (int64_t)x0 : (int32_t)x0;
}

void halt(void)
{
	for (;;)
		__asm__ volatile("msr DAIFSet, #15\n\twfi" : : : "memory");
}

void power_off(void)
{
	psci(PSCI_SYSTEM_OFF, 0, 0, 0);
	halt();
}

struct cpu_start {
	struct mmu_regs mmu;
	uint64_t stack;
	void (*main)(unsigned int n);
	uint64_t n;
};

static struct cpu_start starts[CPUS_MAX];
static uint8_t stacks[CPUS_MAX][8192] __attribute__((aligned(16)));

unsigned int cpu_count(void)
{
	unsigned int n = 0;

	while (fdt_find("device_type", "cpu", n))
		n++;
	check(n > 0 && n <= CPUS_MAX, "number of processors in the tree");
	return n;
}

uint64_t cpu_mpidr(unsigned int n)
{
	const uint8_t *cpu = fdt_find("device_type", "cpu", n);

	check(cpu != NULL, "no such processor in the tree");
	return fdt_cell(cpu, "reg", 0);
}

uint64_t cpu_self(void)
{
	return READ_REG("MPIDR_EL1") & 0xff00ffffff;
}

int64_t cpu_on(unsigned int n, void (*main)(unsigned int n))
{
	struct cpu_start *s = &starts[n];

	s->mmu = mmu_regs;
	s->stack = (uint64_t)stacks[n] + sizeof(stacks[n]);
	s->main = main;
	s->n = n;
	cache_clean(s, sizeof(*s));
	return psci(PSCI_CPU_ON, cpu_mpidr(n), (uint64_t)cpu_entry,
		    (uint64_t)s);
}

static void (*ap_main)(void);

static void ap_enter(unsigned int n)
{
	(void)n;
	ap_main();
}

void ap_start(void (*main)(void))
{
	ap_main = main;
	check_eq((uint64_t)cpu_on(1, ap_enter), 0, "CPU_ON");
}

/* --- exceptions --- */

void abort_expect(bool yes)
{
	aborts_expected = yes;
}

/* Whether it was one that a test wants; the frame then goes on behind it. */
static bool take_abort(struct frame *f, uint64_t esr)
{
	if (!aborts_expected)
		return false;
	if (ESR_EC(esr) == EC_DATA)
		f->elr += 4;
	else if (ESR_EC(esr) == EC_INSTRUCTION)
		f->elr = f->x[30];
	else
		return false;
	last_abort.esr = esr;
	last_abort.far = READ_REG("FAR_EL1");
	last_abort.count++;
	return true;
}

void guest_exception(unsigned int door, struct frame *f)
{
	uint64_t esr = READ_REG("ESR_EL1");

	if (door == 5) {
		gic_interrupt();
		return;
	}
	if (door == 4 && take_abort(f, esr))
		return;
	print("\nexception ");
	print_hex(door);
	print(" esr ");
	print_hex(esr);
	print(" at ");
	print_hex(f->elr - guest_entry.base);
	print(" far ");
	print_hex(READ_REG("FAR_EL1"));
	print("\n");
	fail("exception");
}

void guest_start(void)
{
	mmu_on();
	guest_main();
	pass();
}
