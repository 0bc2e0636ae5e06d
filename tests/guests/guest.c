/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/guest.h"

uint64_t ones(unsigned int len)
{
	return UINT64_MAX >> (64 - 8 * len);
}

uint64_t get_le(const uint8_t *p, unsigned int len)
{
	uint64_t v = 0;

	while (len-- > 0)
		v = v << 8 | p[len];
	return v;
}

uint64_t get_be(const uint8_t *p, unsigned int len)
{
	uint64_t v = 0;

	while (len-- > 0)
		v = v << 8 | *p++;
	return v;
}

bool same_text(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

void print(const char *s)
{
	for (; *s; s++) {
		/* PC16550D 8.6.3: bit 5, transmitter holding register empty. */
		for (int i = 0; i < 1000 && !(uart_in(5) & 0x20); i++)
			;
		uart_out(0, (uint8_t)*s);
	}
}

void print_hex(uint64_t v)
{
	char text[19] = "0x";
	unsigned int digits = 1;

	while (digits < 16 && v >> (4 * digits))
		digits++;
	for (unsigned int i = 0; i < digits; i++)
		text[2 + i] =
			"0123456789abcdef"[v >> (4 * (digits - 1 - i)) & 15];
	text[2 + digits] = 0;
	print(text);
}

void pass(void)
{
	print("PASS\n");
	power_off();
}

void fail(const char *what)
{
	print("FAIL ");
	print(what);
	print("\n");
	power_off();
}

void check(bool ok, const char *what)
{
	if (!ok)
		fail(what);
}

void check_eq(uint64_t got, uint64_t want, const char *what)
{
	if (got == want)
		return;
	print("got ");
	print_hex(got);
	print(", want ");
	print_hex(want);
	print("\n");
	fail(what);
}

uint64_t cmdline_number(const char *name)
{
	uint64_t v = 0;

	for (const char *s = cmdline(); s && *s; s++) {
		const char *n = name;

		for (; *n && *s == *n; n++)
			s++;
		if (*n || *s != '=')
			continue;
		for (s++; *s >= '0' && *s <= '9'; s++)
			v = v * 10 + (uint64_t)(*s - '0');
		return v;
	}
	return 0;
}

uint64_t rnd(struct rnd *r)
{
	r->s ^= r->s << 13;
	r->s ^= r->s >> 7;
	r->s ^= r->s << 17;
	return r->s;
}
