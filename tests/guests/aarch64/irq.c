/* SPDX-License-Identifier: Apache-2.0 */
/* The timers tick, and the serial port's interrupt comes. */
#include "tests/guests/aarch64/arch.h"

/* Order of timer/arm,arch_timer.yaml of linux-bindings */
enum {
	TIMER_PHYSICAL = 1,
	TIMER_VIRTUAL = 2,
};

static volatile unsigned int virtual_ticks;
static volatile unsigned int physical_ticks;
static volatile unsigned int uarts;
static volatile unsigned int others;
static unsigned int virtual_irq;
static unsigned int physical_irq;
static unsigned int uart_irq;

/* Reading IIR takes "transmitter empty" away, and the line falls. */
static void on_interrupt(unsigned int intid)
{
	if (intid == virtual_irq) {
		WRITE_REG("CNTV_CTL_EL0", 0);
		virtual_ticks++;
	} else if (intid == physical_irq) {
		WRITE_REG("CNTP_CTL_EL0", 0);
		physical_ticks++;
	} else if (intid == uart_irq) {
		if ((uart_in(2) & 0x0f) == 0x02)
			uarts++;
		else
			others++;
	} else {
		others++;
	}
}

static void virtual_timer(void)
{
	WRITE_REG("CNTV_TVAL_EL0", second() / 100);
	WRITE_REG("CNTV_CTL_EL0", 1);
}

static void check_timers(void)
{
	check(second() >= 1000000, "frequency of the counter");
	gic_enable(virtual_irq);
	gic_enable(physical_irq);
	for (unsigned int i = 1; i <= 3; i++) {
		virtual_timer();
		wait_for(&virtual_ticks, i, "the virtual timer does not tick");
		WRITE_REG("CNTP_TVAL_EL0", second() / 100);
		WRITE_REG("CNTP_CTL_EL0", 1);
		wait_for(&physical_ticks, i,
			 "the physical timer does not tick");
	}
}

/* Asleep, with interrupts masked: the timer ends it. */
static void check_sleep(void)
{
	unsigned int before = virtual_ticks;

	virtual_timer();
	__asm__ volatile("dsb sy\n\twfi" : : : "memory");
	wait_for(&virtual_ticks, before + 1, "woken by something else");
}

static void check_uart(void)
{
	uint64_t t0;

	gic_enable(uart_irq);
	uart_out(4, 0x0b);
	for (unsigned int i = 1; i <= 3; i++) {
		uart_out(1, 0x02);
		wait_for(&uarts, i, "no interrupt of the serial port");
		uart_out(1, 0);
	}
	/* The line is down: it does not come again. */
	t0 = now();
	irqs_on();
	while (now() - t0 < second() / 20)
		;
	irqs_off();
	check_eq(uarts, 3, "interrupts of the serial port");
	gic_disable(uart_irq);
}

void guest_main(void)
{
	const uint8_t *timer = fdt_device("arm,armv8-timer");

	virtual_irq = fdt_intid(timer, TIMER_VIRTUAL);
	physical_irq = fdt_intid(timer, TIMER_PHYSICAL);
	uart_irq = fdt_intid(fdt_device("ns16550a"), 0);
	gic_start(on_interrupt);
	check_timers();
	check_sleep();
	check_uart();
	check_eq(others, 0, "interrupts nobody caused");
}
