/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of the 16550 (PC16550D 8.1 to 8.6.8), in loopback. */
#include "tests/guests/guest.h"

enum {
	RBR = 0,
	THR = 0,
	DLL = 0,
	DLM = 1,
	IER = 1,
	IIR = 2,
	FCR = 2,
	LCR = 3,
	MCR = 4,
	LSR = 5,
	MSR = 6,
	SCR = 7,
};

#define LOOP 0x10

static void check_plain_registers(void)
{
	static const uint8_t v[] = {0x00, 0x55, 0xaa, 0xff};

	for (unsigned int i = 0; i < sizeof(v); i++) {
		uart_out(SCR, v[i]);
		check_eq(uart_in(SCR), v[i], "scratch");
	}
	uart_out(LCR, 0x1b);
	check_eq(uart_in(LCR), 0x1b, "LCR");
	uart_out(LCR, 0x03);
	uart_out(IER, 0xff);
	check_eq(uart_in(IER), 0x0f, "IER has four bits");
	uart_out(IER, 0);
	check_eq(uart_in(LSR) & 0x60, 0x60, "LSR: transmitter empty");
}

/* 8.3: bit 7 of LCR puts the divisor in place of the first two registers. */
static void check_divisor(void)
{
	uart_out(IER, 0x05);
	uart_out(LCR, 0x83);
	uart_out(DLL, 0x34);
	uart_out(DLM, 0x12);
	check_eq(uart_in(DLL), 0x34, "divisor, low");
	check_eq(uart_in(DLM), 0x12, "divisor, high");
	uart_out(DLL, 1);
	uart_out(DLM, 0);
	uart_out(LCR, 0x03);
	check_eq(uart_in(IER), 0x05, "IER behind the divisor");
	uart_out(IER, 0);
}

/* 8.5: what waits, the most urgent first; reading IIR takes "empty" away. */
static void check_iir(void)
{
	uart_out(FCR, 0);
	check_eq(uart_in(IIR), 0x01, "IIR: nothing waits");
	uart_out(IER, 0x02);
	check_eq(uart_in(IIR), 0x02, "IIR: transmitter empty");
	check_eq(uart_in(IIR), 0x01, "IIR: taken by the read");
	uart_out(IER, 0x03);
	uart_out(MCR, LOOP);
	uart_out(THR, 'x');
	check_eq(uart_in(IIR), 0x04, "IIR: received data comes first");
	check_eq(uart_in(RBR), 'x', "looped byte");
	check_eq(uart_in(IIR), 0x02, "IIR: then transmitter empty");
	check_eq(uart_in(IIR), 0x01, "IIR: then nothing");
	uart_out(IER, 0);
	uart_out(MCR, 0);
}

/* 8.6.7: the four outputs come back as the four inputs. */
static void check_modem(void)
{
	static const uint8_t want[16] = {
		0x00, 0x20, 0x10, 0x30, 0x40, 0x60, 0x50, 0x70,
		0x80, 0xa0, 0x90, 0xb0, 0xc0, 0xe0, 0xd0, 0xf0,
	};

	for (unsigned int i = 0; i < 16; i++) {
		uart_out(MCR, (uint8_t)(LOOP | i));
		check_eq(uart_in(MCR), LOOP | i, "MCR");
		check_eq(uart_in(MSR) & 0xf0, want[i], "MSR in loopback");
	}
	uart_out(MCR, 0);
}

static void check_fifo(void)
{
	uart_out(FCR, 0x01);
	check_eq(uart_in(IIR) & 0xc0, 0xc0, "IIR: FIFOs on");
	uart_out(MCR, LOOP);
	for (unsigned int i = 0; i < 16; i++)
		uart_out(THR, (uint8_t)('a' + i));
	for (unsigned int i = 0; i < 16; i++) {
		check_eq(uart_in(LSR) & 0x01, 0x01, "LSR: data ready");
		check_eq(uart_in(RBR), 'a' + i, "FIFO order");
	}
	check_eq(uart_in(LSR) & 0x01, 0x00, "LSR: no more data");
	uart_out(THR, 'y');
	uart_out(FCR, 0x03);
	check_eq(uart_in(LSR) & 0x01, 0x00, "receive FIFO reset");
	uart_out(FCR, 0);
	check_eq(uart_in(IIR) & 0xc0, 0, "IIR: FIFOs off");
	uart_out(MCR, 0);
}

void guest_main(void)
{
	check_plain_registers();
	check_divisor();
	check_iir();
	check_modem();
	check_fifo();
	serial_more();
}
