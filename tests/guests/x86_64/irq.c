/* SPDX-License-Identifier: Apache-2.0 */
/* The LAPIC timer ticks, and the serial line's interrupt comes by the IOAPIC.
 */
#include "tests/guests/x86_64/arch.h"

#define IOAPIC	     0xfec00000u
#define TIMER_VECTOR 0x40
#define UART_VECTOR  0x44
#define UART_GSI     4

static volatile unsigned int ticks;
static volatile unsigned int uarts;

__attribute__((interrupt)) static void on_timer(struct interrupt_frame *f)
{
	(void)f;
	ticks++;
	lapic_write(0xb0, 0);
}

/* Reading IIR takes "transmitter empty" away, and the line falls. */
__attribute__((interrupt)) static void on_uart(struct interrupt_frame *f)
{
	(void)f;
	if ((inb(COM1 + 2) & 0x0f) == 0x02)
		uarts++;
	lapic_write(0xb0, 0);
}

static void ioapic_write(unsigned int reg, uint32_t val)
{
	mmio_write(IOAPIC, 4, reg);
	mmio_write(IOAPIC + 0x10, 4, val);
}

static void wait_for(volatile unsigned int *what, unsigned int n,
		     const char *text)
{
	/* A second or so, whatever the clock; polling, for hlt may not wake. */
	uint64_t t0 = rdtsc();

	__asm__ volatile("sti");
	while (*what < n)
		check(rdtsc() - t0 < UINT64_C(8000000000), text);
	__asm__ volatile("cli");
}

/* SDM 3A 10.5.4: divide by 1, periodic. */
static void check_timer(void)
{
	lapic_write(0x3e0, 0xb);
	lapic_write(0x320, 1 << 17 | TIMER_VECTOR);
	lapic_write(0x380, 1000000);
	wait_for(&ticks, 3, "the LAPIC timer does not tick");
	lapic_write(0x320, 1 << 16);
	lapic_write(0x380, 0);
}

/* hlt with interrupts on: the timer ends it. */
static void check_halt(void)
{
	unsigned int before = ticks;

	lapic_write(0x320, TIMER_VECTOR);
	lapic_write(0x380, 1000000);
	__asm__ volatile("sti; hlt; cli");
	check(ticks != before, "hlt ended without the timer");
}

/* 82093AA 3.2.4: edge, fixed, to APIC 0. */
static void check_uart(void)
{
	ioapic_write(0x11 + 2 * UART_GSI, 0);
	ioapic_write(0x10 + 2 * UART_GSI, UART_VECTOR);
	outb(COM1 + 4, 0x0b);
	for (unsigned int i = 1; i <= 3; i++) {
		outb(COM1 + 1, 0x02);
		wait_for(&uarts, i, "no interrupt of the serial line");
		outb(COM1 + 1, 0);
	}
	ioapic_write(0x10 + 2 * UART_GSI, 1 << 16);
}

void guest_main(void)
{
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	idt_set(TIMER_VECTOR, on_timer);
	idt_set(UART_VECTOR, on_uart);
	lapic_write(0xf0, 0x1ff);
	check_timer();
	check_halt();
	check_uart();
}
