// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/serial_reg.h>

#include "devices/devices.h"
#include "tests/unit/fake_env.h"

static struct fake_env env;
static struct device *uart;

static int setup(void **state)
{
	(void)state;
	uart = fake_device(&env, &uart16550_ops);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(uart);
	return 0;
}

static uint8_t in(unsigned int reg)
{
	return (uint8_t)dev_read(uart, 0, reg, 1);
}

static void out(unsigned int reg, uint8_t val)
{
	dev_write(uart, 0, reg, 1, val);
}

static size_t type(const char *s)
{
	return uart->ops->input(uart, (const uint8_t *)s, strlen(s));
}

/* What the data sheet says of the registers after a reset, and LSR, MSR. */
static void reset_values(void **state)
{
	static const uint8_t want[8] = {0, 0, 0x01, 0, 0, 0x60, 0xb0, 0};

	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(in(i), want[i]);
	assert_ptr_equal(uart->ops, &uart16550_ops);
	assert_string_equal(uart->ops->name, "uart16550");
}

/* Which bits of each register keep what is written. */
static void register_bits(void **state)
{
	static const struct {
		unsigned int reg;
		uint8_t ones, zeros;
	} row[] = {
		{UART_IER, 0x0f, 0x00}, {UART_LCR, 0xff, 0x00},
		{UART_MCR, 0x1f, 0x00}, {UART_SCR, 0xff, 0x00},
		{UART_LSR, 0x60, 0x60},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		out(row[i].reg, 0xff);
		assert_int_equal(in(row[i].reg), row[i].ones);
		out(row[i].reg, 0x00);
		assert_int_equal(in(row[i].reg), row[i].zeros);
	}
}

static void divisor_latch(void **state)
{
	(void)state;
	out(UART_IER, 0x05);
	out(UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	out(UART_DLL, 0x34);
	out(UART_DLM, 0x12);
	assert_int_equal(in(UART_DLL), 0x34);
	assert_int_equal(in(UART_DLM), 0x12);
	out(UART_LCR, UART_LCR_WLEN8);
	assert_int_equal(in(UART_IER), 0x05);
	assert_int_equal(in(UART_RX), 0);
	assert_int_equal(env.n_out, 0);
}

static void transmit(void **state)
{
	(void)state;
	for (const char *s = "hello"; *s; s++)
		out(UART_TX, (uint8_t)*s);
	assert_int_equal(env.writes, 5);
	assert_int_equal(env.n_out, 5);
	assert_memory_equal(env.out, "hello", 5);
	assert_int_equal(in(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	assert_int_equal(env.rises, 0);
}

/* Drivers that test for a THRE bug enable it twice and want it both times. */
static void thre_interrupt(void **state)
{
	(void)state;
	out(UART_IER, UART_IER_THRI);
	assert_true(env.level);
	assert_int_equal(in(UART_IIR), UART_IIR_THRI);
	assert_false(env.level);
	assert_int_equal(in(UART_IIR), UART_IIR_NO_INT);
	out(UART_IER, UART_IER_THRI); /* not newly enabled */
	assert_int_equal(in(UART_IIR), UART_IIR_NO_INT);
	out(UART_IER, 0);
	out(UART_IER, UART_IER_THRI);
	assert_int_equal(in(UART_IIR), UART_IIR_THRI);
	out(UART_TX, 'x');
	assert_true(env.level);
	assert_int_equal(in(UART_IIR), UART_IIR_THRI);
	out(UART_TX, 'y');
	out(UART_IER, 0);
	assert_false(env.level);
	assert_int_equal(env.repeats, 0);
}

/* An IIR that reports something else must not take the THRE interrupt away. */
static void thre_survives_higher(void **state)
{
	(void)state;
	out(UART_IER, UART_IER_THRI | UART_IER_RDI);
	assert_int_equal(type("a"), 1);
	assert_int_equal(in(UART_IIR), UART_IIR_RDI);
	assert_int_equal(in(UART_RX), 'a');
	assert_int_equal(in(UART_IIR), UART_IIR_THRI);
	assert_int_equal(in(UART_IIR), UART_IIR_NO_INT);
}

static void receive_16450(void **state)
{
	(void)state;
	out(UART_IER, UART_IER_RDI);
	assert_int_equal(type("ab"), 1);
	assert_true(env.level);
	assert_int_equal(in(UART_LSR)&UART_LSR_DR, UART_LSR_DR);
	assert_int_equal(in(UART_IIR), UART_IIR_RDI);
	assert_int_equal(type("b"), 0);
	assert_int_equal(env.ready, 0);
	assert_int_equal(in(UART_RX), 'a');
	assert_int_equal(env.ready, 1);
	assert_false(env.level);
	assert_int_equal(in(UART_LSR)&UART_LSR_DR, 0);
	assert_int_equal(type("b"), 1);
	assert_int_equal(in(UART_RX), 'b');
}

static void receive_fifo(void **state)
{
	static const struct {
		uint8_t fcr;
		unsigned int level;
	} row[] = {{0x01, 1}, {0x41, 4}, {0x81, 8}, {0xc1, 14}};

	(void)state;
	out(UART_IER, UART_IER_RDI);
	for (unsigned int r = 0; r < 4; r++) {
		out(UART_FCR, row[r].fcr);
		for (unsigned int i = 1; i <= 16; i++) {
			assert_int_equal(type("x"), 1);
			assert_int_equal(in(UART_IIR),
					 i < row[r].level ? 0xcc : 0xc4);
		}
		assert_int_equal(type("y"), 0);
		for (unsigned int i = 0; i < 16; i++)
			assert_int_equal(in(UART_RX), 'x');
		assert_int_equal(in(UART_IIR), 0xc1);
		assert_false(env.level);
	}
	assert_int_equal(env.rises, 4);
	assert_int_equal(env.repeats, 0);
}

/* Bytes come out once, in order, however they were cut. */
static void receive_order(void **state)
{
	unsigned int sent = 0;
	unsigned int got = 0;

	(void)state;
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	for (unsigned int round = 0; round < 200; round++) {
		uint8_t buf[23];
		unsigned int n = round * 7 % sizeof(buf);

		for (unsigned int i = 0; i < n; i++)
			buf[i] = (uint8_t)(sent + i);
		sent += (unsigned int)uart->ops->input(uart, buf, n);
		assert_true(sent - got <= 16);
		for (unsigned int i = round * 5 % 11; i && got < sent; i--)
			assert_int_equal(in(UART_RX), (uint8_t)got++);
	}
	assert_true(sent > 500);
}

static void fifo_control(void **state)
{
	(void)state;
	/* Without bit 0 the other bits mean nothing. */
	type("a");
	out(UART_FCR, UART_FCR_CLEAR_RCVR | UART_FCR_TRIGGER_14);
	assert_int_equal(in(UART_IIR), UART_IIR_NO_INT);
	assert_int_equal(in(UART_RX), 'a');
	/* Turning the FIFO on or off clears it, so does the reset bit. */
	type("b");
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	assert_int_equal(in(UART_LSR)&UART_LSR_DR, 0);
	type("cd");
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
	assert_int_equal(in(UART_RX), 'c');
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	assert_int_equal(in(UART_LSR)&UART_LSR_DR, 0);
	type("e");
	out(UART_FCR, 0);
	assert_int_equal(in(UART_LSR)&UART_LSR_DR, 0);
	/* A line control of 8N1 looks like a FIFO reset, and must not be. */
	type("f");
	out(UART_LCR, 0x03);
	assert_int_equal(in(UART_RX), 'f');
}

/* The console learns that a reset of the FIFO made room, too. */
static void ready_after_reset(void **state)
{
	(void)state;
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	assert_int_equal(type("0123456789abcdefgh"), 16);
	in(UART_RX);
	assert_int_equal(env.ready, 0);
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	assert_int_equal(env.ready, 1);
	type("x");
	in(UART_RX);
	assert_int_equal(env.ready, 1);
	/* An environment without the callback */
	env.env.input_ready = NULL;
	uart->ops->init(uart, &env.env);
	type("0123456789abcdefgh");
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	assert_int_equal(env.ready, 1);
}

static void loopback_data(void **state)
{
	(void)state;
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	out(UART_MCR, UART_MCR_LOOP);
	assert_int_equal(type("z"), 0);
	out(UART_TX, 'a');
	out(UART_TX, 'b');
	assert_int_equal(env.n_out, 0);
	assert_int_equal(in(UART_RX), 'a');
	assert_int_equal(in(UART_RX), 'b');
	assert_int_equal(env.ready, 0);
	out(UART_MCR, 0);
	assert_int_equal(env.ready, 1);
	assert_int_equal(type("z"), 1);
	assert_int_equal(in(UART_RX), 'z');
}

/* The FIFO keeps the old bytes, the single buffer the new one. */
static void overrun(void **state)
{
	(void)state;
	out(UART_IER, UART_IER_RLSI | UART_IER_RDI);
	out(UART_MCR, UART_MCR_LOOP);
	out(UART_TX, 'a');
	assert_int_equal(in(UART_IIR), UART_IIR_RDI);
	out(UART_TX, 'b');
	assert_int_equal(in(UART_IIR), UART_IIR_RLSI);
	assert_int_equal(in(UART_LSR), 0x63);
	assert_int_equal(in(UART_LSR), 0x61);
	assert_int_equal(in(UART_IIR), UART_IIR_RDI);
	assert_int_equal(in(UART_RX), 'b');

	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	for (unsigned int i = 0; i < 17; i++)
		out(UART_TX, (uint8_t)i);
	assert_int_equal(in(UART_LSR), 0x63);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(in(UART_RX), i);
	assert_int_equal(in(UART_LSR), 0x60);
}

/* PC16550D 8.8: DTR-DSR, RTS-CTS, OUT1-RI, OUT2-DCD; the probe of Linux. */
static void loopback_modem(void **state)
{
	static const struct {
		uint8_t mcr, msr;
	} row[] = {
		{0x10, 0x00}, {0x11, 0x20}, {0x12, 0x10},
		{0x14, 0x40}, {0x18, 0x80}, {0x1a, 0x90},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		out(UART_MCR, row[i].mcr);
		assert_int_equal(in(UART_MSR)&0xf0, row[i].msr);
	}
	out(UART_MCR, 0x0b);
	assert_int_equal(in(UART_MSR)&0xf0, 0xb0);
}

static void modem_deltas(void **state)
{
	(void)state;
	out(UART_IER, UART_IER_MSI);
	assert_false(env.level);
	out(UART_MCR, UART_MCR_LOOP); /* DCD, DSR, CTS fall */
	assert_true(env.level);
	assert_int_equal(in(UART_IIR), UART_IIR_MSI);
	assert_int_equal(in(UART_MSR), 0x0b);
	assert_int_equal(in(UART_MSR), 0x00);
	assert_false(env.level);
	/* Only the end of a ring counts. */
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1);
	assert_int_equal(in(UART_MSR), UART_MSR_RI);
	out(UART_MCR, UART_MCR_LOOP);
	assert_int_equal(in(UART_MSR), UART_MSR_TERI);
}

static void wide_access(void **state)
{
	(void)state;
	/* THR, IER, FCR, LCR in one go */
	dev_write(uart, 0, 0, 4, 0x03010541);
	assert_int_equal(env.n_out, 1);
	assert_int_equal(env.out[0], 'A');
	assert_int_equal(dev_read(uart, 0, 0, 8), 0x00b0600003c10500);
	dev_write(uart, 0, 6, 2, 0x7700);
	assert_int_equal(dev_read(uart, 0, 7, 1), 0x77);
	assert_int_equal(dev_read(uart, 0, 6, 2), 0x77b0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(reset_values),  T(register_bits),	T(divisor_latch),
		T(transmit),	  T(thre_interrupt),	T(thre_survives_higher),
		T(receive_16450), T(receive_fifo),	T(receive_order),
		T(fifo_control),  T(ready_after_reset), T(loopback_data),
		T(overrun),	  T(loopback_modem),	T(modem_deltas),
		T(wide_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
