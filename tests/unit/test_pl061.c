// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch-aarch64/layout.h"
#include "devices/devices.h"
#include "tests/unit/fake_env.h"

_Static_assert(GPIO_BUTTON == PL061_BUTTON, "the FDT names another line");

#define DATA	   0x3fc /* all lines */
#define DATA_OF(m) ((uint64_t)(m) << 2)
#define DIR	   0x400
#define IS	   0x404
#define IBE	   0x408
#define IEV	   0x40c
#define IE	   0x410
#define RIS	   0x414
#define MIS	   0x418
#define IC	   0x41c
#define AFSEL	   0x420

#define B	   (1u << PL061_BUTTON)

static struct fake_env env;
static struct device *gpio;

static int setup(void **state)
{
	(void)state;
	gpio = fake_device(&env, &pl061_ops);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(env.repeats, 0);
	free(gpio);
	return 0;
}

static unsigned int get(uint64_t reg)
{
	return (unsigned int)dev_read(gpio, 0, reg, 1);
}

static void put(uint64_t reg, unsigned int val)
{
	dev_write(gpio, 0, reg, 1, val);
}

static void press(void)
{
	gpio->ops->power_button(gpio);
}

static void reset_values(void **state)
{
	(void)state;
	for (uint64_t reg = 0; reg < 0xfe0; reg += 4)
		assert_int_equal(get(reg), 0);
	assert_int_equal(env.rises, 0);
}

static void plain_registers(void **state)
{
	static const uint16_t regs[] = {DIR, IS, IBE, IEV, IE, AFSEL};

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		put(regs[i], 0xff);
		assert_int_equal(get(regs[i]), 0xff);
		put(regs[i], 0x5a);
		assert_int_equal(get(regs[i]), 0x5a);
		put(regs[i], 0);
	}
	put(RIS, 0xff);
	put(MIS, 0xff);
	assert_int_equal(get(RIS) | get(MIS) | get(IC), 0);
}

/* PL061 3.3, GPIODATA: bits 9:2 of the address are the mask, both ways. */
static void masked_data(void **state)
{
	(void)state;
	put(DATA, 0xff); /* inputs cannot be driven */
	assert_int_equal(get(DATA), 0);
	put(DIR, 0xf0);
	assert_int_equal(get(DATA), 0);
	put(DATA, 0xff);
	assert_int_equal(get(DATA), 0xf0);
	put(DATA_OF(0x3c), 0);
	assert_int_equal(get(DATA), 0xc0);
	assert_int_equal(get(DATA_OF(0x40)), 0x40);
	assert_int_equal(get(DATA_OF(0)), 0);
	put(DATA_OF(0), 0xff);
	assert_int_equal(get(DATA), 0xc0);
	put(DIR, 0x80);
	assert_int_equal(get(DATA), 0x80);
}

/*
 * What gpio_keys and gpio-pl061 of Linux do: both edges; the interrupt is
 * acknowledged at once, the line looked at later.
 */
static void linux_sets_up(void)
{
	put(IE, 0);
	put(DIR, get(DIR) & ~B);
	put(IS, get(IS) & ~B);
	put(IBE, get(IBE) | B);
	put(IEV, get(IEV));
	put(IE, get(IE) | B);
}

static void linux_interrupt(void)
{
	assert_true(env.level);
	assert_int_equal(get(MIS), B);
	put(IC, B);
	assert_int_equal(get(MIS), 0);
	assert_false(env.level);
}

static unsigned int linux_work(void)
{
	return get(DATA_OF(B));
}

static void linux_press_and_release(void **state)
{
	(void)state;
	linux_sets_up();
	for (unsigned int i = 0; i < 3; i++) {
		press();
		linux_interrupt();
		assert_int_equal(linux_work(), B);
		linux_interrupt();
		assert_int_equal(linux_work(), 0);
		assert_false(env.level);
	}
	assert_int_equal(env.rises, 6);
}

/* The driver opens the device: it asks for the state, and must not hang. */
static void pressed_before_linux(void **state)
{
	(void)state;
	press();
	assert_false(env.level);
	linux_sets_up();
	assert_false(env.level);
	assert_int_equal(linux_work(), B);
	linux_interrupt();
	assert_int_equal(linux_work(), 0);
}

/* Wherever a second press falls, the last thing reported is a release. */
static void pressed_in_between(void **state)
{
	(void)state;
	linux_sets_up();
	press();
	press();
	linux_interrupt();
	press();
	linux_interrupt();
	assert_int_equal(linux_work(), B);
	press();
	linux_interrupt();
	assert_int_equal(linux_work(), B);
	linux_interrupt();
	assert_int_equal(linux_work(), 0);
	assert_false(env.level);
}

/* Somebody who counts edges and never looks at the line. */
static void rising_only(void **state)
{
	(void)state;
	put(IEV, B);
	put(IE, B);
	for (unsigned int i = 1; i <= 3; i++) {
		press();
		assert_int_equal(env.rises, i);
		put(IC, B);
		assert_false(env.level);
	}
	assert_int_equal(get(DATA), B);
	assert_int_equal(get(DATA), 0);
	assert_int_equal(get(RIS), 0);
}

static void falling_only(void **state)
{
	(void)state;
	put(IE, B);
	press();
	assert_int_equal(get(RIS), 0);
	assert_int_equal(get(DATA), B);
	assert_int_equal(get(RIS), B);
	assert_true(env.level);
}

/* A level cannot be cleared, only seen. */
static void levels(void **state)
{
	(void)state;
	put(IS, B);
	put(IEV, B);
	put(IE, B);
	press();
	assert_true(env.level);
	put(IC, B);
	assert_true(env.level);
	assert_int_equal(get(RIS), B);
	assert_int_equal(get(DATA_OF(B)), B);
	assert_false(env.level);
	put(IEV, 0); /* low, and everything else is low, too */
	assert_true(env.level);
	put(IS, 0xff);
	assert_int_equal(get(RIS), 0xff);
	assert_int_equal(get(MIS), B);
	put(DIR, B); /* an output interrupts nobody */
	assert_false(env.level);
	assert_int_equal(get(RIS), (uint8_t)~B);
	put(DIR, 0);
	put(IS, 0);
	assert_int_equal(get(RIS), 0);
}

/* Edges are latched without the mask; the other lines' data say nothing. */
static void latched(void **state)
{
	(void)state;
	put(IEV, B);
	press();
	assert_int_equal(get(RIS), B);
	assert_int_equal(get(MIS), 0);
	assert_int_equal(get(DATA_OF((uint8_t)~B)), 0);
	put(IC, (uint8_t)~B);
	assert_int_equal(get(RIS), B);
	put(IE, B);
	assert_true(env.level);
	put(IE, (uint8_t)~B);
	assert_false(env.level);
	assert_int_equal(get(DATA), B);
}

/* What becomes a level or an output forgets its edge, or has none. */
static void not_latched(void **state)
{
	(void)state;
	put(IEV, B);
	press();
	assert_int_equal(get(RIS), B);
	put(IS, B);
	put(IS, 0);
	assert_int_equal(get(RIS), 0);
	put(DIR, B);
	press();
	assert_int_equal(get(RIS), 0);
	assert_int_equal(get(DATA), 0); /* what is driven, and nothing seen */
	put(DIR, 0);
	assert_int_equal(get(DATA), B);
}

static void identity(void **state)
{
	uint32_t periph = 0;
	uint32_t cell = 0;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		periph |= get(0xfe0 + 4 * i) << 8 * i;
		cell |= get(0xff0 + 4 * i) << 8 * i;
	}
	assert_int_equal(periph, 0x00041061);
	assert_int_equal(cell, 0xb105f00d);
}

static void widths(void **state)
{
	(void)state;
	dev_write(gpio, 0, IE, 4, 0xffffff00 | B);
	assert_int_equal(dev_read(gpio, 0, IE, 4), B);
	dev_write(gpio, 0, IE + 1, 1, 0xff);
	dev_write(gpio, 0, IE + 2, 2, 0xff);
	dev_write(gpio, 0, IE, 8, 0xff);
	assert_int_equal(dev_read(gpio, 0, IE, 2), B);
	assert_true(dev_read(gpio, 0, IE, 8) == UINT64_MAX);
	press(); /* and such a read has not seen it */
	assert_true(dev_read(gpio, 0, DATA, 8) == UINT64_MAX);
	assert_true(dev_read(gpio, 0, DATA + 1, 1) == UINT64_MAX);
	assert_int_equal(dev_read(gpio, 0, DATA, 4), B);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(reset_values),
		T(plain_registers),
		T(masked_data),
		T(linux_press_and_release),
		T(pressed_before_linux),
		T(pressed_in_between),
		T(rising_only),
		T(falling_only),
		T(levels),
		T(latched),
		T(not_latched),
		T(identity),
		T(widths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
