/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of the 16550 (PC16550D 8.1 to 8.6.8), in loopback. */
#include "tests/guests/guest.h"

enum {
	RBR = COM1,
	THR = COM1,
	IER = COM1 + 1,
	IIR = COM1 + 2,
	FCR = COM1 + 2,
	LCR = COM1 + 3,
	MCR = COM1 + 4,
	LSR = COM1 + 5,
	MSR = COM1 + 6,
	SCR = COM1 + 7,
};

#define LOOP 0x10

static void check_plain_registers(void)
{
	static const uint8_t v[] = {0x00, 0x55, 0xaa, 0xff};

	for (unsigned int i = 0; i < sizeof(v); i++) {
		outb(SCR, v[i]);
		check_eq(inb(SCR), v[i], "scratch");
	}
	outb(LCR, 0x1b);
	check_eq(inb(LCR), 0x1b, "LCR");
	outb(LCR, 0x03);
	outb(IER, 0xff);
	check_eq(inb(IER), 0x0f, "IER has four bits");
	outb(IER, 0);
	check_eq(inb(LSR) & 0x60, 0x60, "LSR: transmitter empty");
}

/* 8.3: bit 7 of LCR puts the divisor in place of the first two registers. */
static void check_divisor(void)
{
	outb(IER, 0x05);
	outb(LCR, 0x83);
	outb(COM1, 0x34);
	outb(COM1 + 1, 0x12);
	check_eq(inb(COM1), 0x34, "divisor, low");
	check_eq(inb(COM1 + 1), 0x12, "divisor, high");
	outb(COM1, 1);
	outb(COM1 + 1, 0);
	outb(LCR, 0x03);
	check_eq(inb(IER), 0x05, "IER behind the divisor");
	outb(IER, 0);
}

/* 8.5: what waits, the most urgent first; reading IIR takes "empty" away. */
static void check_iir(void)
{
	outb(FCR, 0);
	check_eq(inb(IIR), 0x01, "IIR: nothing waits");
	outb(IER, 0x02);
	check_eq(inb(IIR), 0x02, "IIR: transmitter empty");
	check_eq(inb(IIR), 0x01, "IIR: taken by the read");
	outb(IER, 0x03);
	outb(MCR, LOOP);
	outb(THR, 'x');
	check_eq(inb(IIR), 0x04, "IIR: received data comes first");
	check_eq(inb(RBR), 'x', "looped byte");
	check_eq(inb(IIR), 0x02, "IIR: then transmitter empty");
	check_eq(inb(IIR), 0x01, "IIR: then nothing");
	outb(IER, 0);
	outb(MCR, 0);
}

/* 8.6.7: the four outputs come back as the four inputs. */
static void check_modem(void)
{
	static const uint8_t want[16] = {
		0x00, 0x20, 0x10, 0x30, 0x40, 0x60, 0x50, 0x70,
		0x80, 0xa0, 0x90, 0xb0, 0xc0, 0xe0, 0xd0, 0xf0,
	};

	for (unsigned int i = 0; i < 16; i++) {
		outb(MCR, (uint8_t)(LOOP | i));
		check_eq(inb(MCR), LOOP | i, "MCR");
		check_eq(inb(MSR) & 0xf0, want[i], "MSR in loopback");
	}
	outb(MCR, 0);
}

static void check_fifo(void)
{
	outb(FCR, 0x01);
	check_eq(inb(IIR) & 0xc0, 0xc0, "IIR: FIFOs on");
	outb(MCR, LOOP);
	for (unsigned int i = 0; i < 16; i++)
		outb(THR, (uint8_t)('a' + i));
	for (unsigned int i = 0; i < 16; i++) {
		check_eq(inb(LSR) & 0x01, 0x01, "LSR: data ready");
		check_eq(inb(RBR), 'a' + i, "FIFO order");
	}
	check_eq(inb(LSR) & 0x01, 0x00, "LSR: no more data");
	outb(THR, 'y');
	outb(FCR, 0x03);
	check_eq(inb(LSR) & 0x01, 0x00, "receive FIFO reset");
	outb(FCR, 0);
	check_eq(inb(IIR) & 0xc0, 0, "IIR: FIFOs off");
	outb(MCR, 0);
}

/* tests/guests/run wants to see this line. */
static void string_output(void)
{
	static const char text[] = "by rep outsb\n";
	const char *p = text;
	uint64_t n = sizeof(text) - 1;

	__asm__ volatile("rep outsb"
			 : "+S"(p), "+c"(n)
			 : "d"((uint16_t)THR)
			 : "memory");
}

void guest_main(void)
{
	check_plain_registers();
	check_divisor();
	check_iir();
	check_modem();
	check_fifo();
	string_output();
}
