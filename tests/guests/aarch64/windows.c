/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses at the ends of each device's registers, of every size, crooked ones
 * and such that are only half inside: the VM goes on, and what is beside a
 * device reads all-ones.
 */
#include "tests/guests/aarch64/arch.h"

static const char *const devices[] = {"ns16550a", "arm,pl031", "arm,pl061",
				      "qemu,pvpanic-mmio", "barge,exit"};

/* Nothing is written to the registers themselves: some end the VM. */
static void check_end(uint64_t end)
{
	for (unsigned int len = 1; len <= 8; len *= 2) {
		for (unsigned int off = 0; off < 8; off++) {
			mmio_write(LOOSE + end + off, len, 0);
			check_eq(mmio_read(LOOSE + end + off, len), ones(len),
				 "beyond a device");
		}
		for (unsigned int in = 1; in < len; in++)
			(void)mmio_read(LOOSE + end - in, len);
	}
}

static void check_begin(uint64_t begin)
{
	for (unsigned int len = 1; len <= 8; len *= 2) {
		for (unsigned int off = len; off < 16; off++)
			check_eq(mmio_read(LOOSE + begin - off, len), ones(len),
				 "before a device");
		for (unsigned int in = 1; in < len; in++)
			(void)mmio_read(LOOSE + begin - in, len);
	}
}

void guest_main(void)
{
	for (unsigned int i = 0; i < sizeof(devices) / sizeof(devices[0]);
	     i++) {
		const uint8_t *node = fdt_device(devices[i]);
		uint64_t base = fdt_reg(node, 0);

		check_begin(base);
		check_end(base + fdt_reg_len(node, 0));
	}
}
