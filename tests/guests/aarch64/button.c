/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGTERM presses the power button, a line of the PL061: the line goes up, and
 * its interrupt comes. tests/guests/run sends the signal.
 */
#include "tests/guests/aarch64/arch.h"

/* PL061 3.2 */
#define GPIOIS	0x404
#define GPIOIBE 0x408
#define GPIOIEV 0x40c
#define GPIOIE	0x410
#define GPIOMIS 0x418
#define GPIOIC	0x41c

static volatile unsigned int presses;
static volatile unsigned int others;
static unsigned int irq;
static uint64_t gpio;
static uint32_t line;

static void on_interrupt(unsigned int intid)
{
	if (intid == irq && mmio_read(gpio + GPIOMIS, 4) == line)
		presses++;
	else
		others++;
	mmio_write(gpio + GPIOIC, 4, line);
}

void guest_main(void)
{
	const uint8_t *device = fdt_device("arm,pl061");
	const uint8_t *key = fdt_named("key-power");

	check(key != NULL, "no power button in the tree");
	check_eq(fdt_cell(key, "linux,code", 0), 116, "KEY_POWER");
	line = 1u << fdt_cell(key, "gpios", 1);
	gpio = fdt_reg(device, 0);
	irq = fdt_intid(device, 0);
	gic_start(on_interrupt);
	gic_enable(irq);
	mmio_write(gpio + GPIOIS, 4, 0);
	mmio_write(gpio + GPIOIBE, 4, 0);
	mmio_write(gpio + GPIOIEV, 4, line);
	mmio_write(gpio + GPIOIC, 4, 0xff);
	mmio_write(gpio + GPIOIE, 4, line);
	print("READY\n");
	wait_for(&presses, 1, "the button was not pressed");
	check_eq(mmio_read(gpio + GPIOMIS, 4), 0, "the interrupt was taken");
	check_eq(others, 0, "interrupts nobody caused");
	print("pressed\n");
}
