/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loader owes a kernel: registers, memory, a tree that says what it
 * was given (linux-arm64-boot 4).
 */
#include "tests/guests/aarch64/arch.h"

#define MIB2 UINT64_C(0x200000)

static uint8_t zeroes[20000];
static uint64_t filled = 0x1122334455667788;
/* Only right if we were relocated. */
static uint64_t *const pointer = &filled;

static void check_registers(void)
{
	for (unsigned int i = 1; i < 4; i++)
		check_eq(guest_entry.x[i], 0, "x1 to x3");
	check_eq(guest_entry.current_el, 1 << 2, "exception level");
	check_eq(guest_entry.daif, 0xf << 6, "interrupts were on");
	check_eq(guest_entry.spsel, 1, "stack pointer of EL1");
	check_eq(guest_entry.sctlr & 5, 0, "MMU or caches were on");
	check(READ_REG("CNTFRQ_EL0") != 0, "no frequency of the counter");
}

static bool in_ram(uint64_t at, uint64_t len)
{
	uint64_t base;
	uint64_t end;

	for (unsigned int i = 0; ram_piece(i, &base, &end); i++) {
		if (at >= base && at < end && len <= end - at)
			return true;
	}
	return false;
}

static void check_places(void)
{
	uint64_t fdt = guest_entry.x[0];

	check_eq(guest_entry.base % MIB2, 0, "place of the kernel");
	check(in_ram(guest_entry.base, sizeof(zeroes)), "kernel outside RAM");
	check_eq(fdt % 8, 0, "place of the tree");
	check(fdt_size() <= MIB2, "size of the tree");
	check(in_ram(fdt, fdt_size()), "tree outside RAM");
	check_eq(fdt / MIB2, (fdt + fdt_size() - 1) / MIB2,
		 "the tree crosses 2 MiB");
}

/* tests/guests/run gives these. */
static void check_cmdline(void)
{
	const char *got = cmdline();

	check(got != NULL, "no command line");
	check(same_text(got, "tiny=1 guest"), "command line");
}

static uint64_t chosen_number(const char *name)
{
	const uint8_t *chosen = fdt_named("chosen");
	uint32_t len;
	const uint8_t *p = chosen ? fdt_prop(chosen, name, &len) : NULL;

	check(p != NULL, name);
	check(len == 4 || len == 8, name);
	return get_be(p, len);
}

static void check_initrd(void)
{
	static const char want[] = "this is the initrd\n";
	uint64_t start = chosen_number("linux,initrd-start");
	uint64_t end = chosen_number("linux,initrd-end");
	const char *got = (const char *)start;

	check_eq(end - start, sizeof(want) - 1, "size of initrd");
	check(in_ram(start, end - start), "initrd outside RAM");
	for (unsigned int i = 0; i < sizeof(want) - 1; i++)
		check_eq((uint8_t)got[i], (uint8_t)want[i], "initrd");
}

static void check_seeds(void)
{
	const uint8_t *chosen = fdt_named("chosen");
	uint64_t all = 0;
	uint32_t len;
	const uint8_t *p = fdt_prop(chosen, "rng-seed", &len);

	check(p != NULL && len >= 32, "rng-seed");
	for (uint32_t i = 0; i < len; i++)
		all |= p[i];
	check(all != 0, "rng-seed is all zero");
	check(chosen_number("kaslr-seed") != 0, "kaslr-seed");
}

void guest_main(void)
{
	check_registers();
	check_places();
	check_cmdline();
	check_initrd();
	check_seeds();
	check_eq(*pointer, 0x1122334455667788, "data of the file");
	for (unsigned int i = 0; i < sizeof(zeroes); i++)
		check(zeroes[i] == 0, "bss is not zero");
}
