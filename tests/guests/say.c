/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what follows "say:" on the command line, where ~ ends a line, and does
 * what "then=" says: 0 power off, 1 halt, 2 spin, 3 print it again for ever,
 * 4 reboot; 5 wait for a key: r reboots, any other powers off.
 */
#include "tests/guests/guest.h"

void reboot(void) __attribute__((noreturn));

static const char *text(void)
{
	static const char name[] = "say:";

	for (const char *s = cmdline(); *s; s++) {
		unsigned int n = 0;

		while (name[n] && s[n] == name[n])
			n++;
		if (!name[n])
			return s + n;
	}
	return "";
}

static void say(const char *s)
{
	char one[2] = {0, 0};

	for (; *s; s++) {
		one[0] = *s == '~' ? '\n' : *s;
		print(one);
	}
}

static uint8_t key(void)
{
	/* PC16550D 8.6.3: bit 0, data ready */
	while (!(uart_in(5) & 1))
		;
	return uart_in(0);
}

void guest_main(void)
{
	say(text());
	switch (cmdline_number("then")) {
	case 0:
		power_off();
	case 1:
		halt();
	case 2:
		for (;;)
			__asm__ volatile("" : : : "memory");
	case 3:
		for (;;)
			say(text());
	case 4:
		reboot();
	default:
		if (key() == 'r')
			reboot();
		power_off();
	}
}
