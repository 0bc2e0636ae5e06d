/* SPDX-License-Identifier: Apache-2.0 */
/* A port where nothing is reads all-ones in every size and drops writes. */
#include "tests/guests/x86_64/arch.h"

static const uint16_t ports[] = {0x1234, 0x278, 0x9000, 0xffe0};
static uint8_t page[8192] __attribute__((aligned(4096)));

/* Twelve bytes by one instruction, into memory that crosses a page. */
static void check_string(uint16_t port)
{
	uint8_t *buf = page + 4096 - 6;
	void *to = buf;
	uint64_t n = 12;

	__asm__ volatile("rep insb" : "+D"(to), "+c"(n) : "d"(port) : "memory");
	for (unsigned int i = 0; i < 12; i++)
		check_eq(buf[i], 0xff, "rep insb");
	n = 3;
	to = buf;
	for (unsigned int i = 0; i < 13; i++)
		buf[i] = 0;
	__asm__ volatile("rep insl" : "+D"(to), "+c"(n) : "d"(port) : "memory");
	for (unsigned int i = 0; i < 12; i++)
		check_eq(buf[i], 0xff, "rep insl");
	check_eq(buf[12], 0, "rep insl wrote too much");
}

void guest_main(void)
{
	for (unsigned int i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		for (unsigned int len = 1; len <= 4; len *= 2) {
			check_eq(pio_read(ports[i], len), ones(len), "port");
			pio_write(ports[i], len, 0x12345678);
			check_eq(pio_read(ports[i], len), ones(len),
				 "port, after a write");
		}
		check_string(ports[i]);
	}
}
