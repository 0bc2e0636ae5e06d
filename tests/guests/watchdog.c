/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog (6300ESB 16). hang=0: it is fed for longer than it would wait,
 * and stopped; 1: it is left alone; 2: the same, unless it bit already.
 */
#include "tests/guests/guest.h"

#define ID	   0x25ab8086u
#define CONFIG	   0x60
#define LOCK	   0x68
#define ENABLE	   2
#define TIMER_1	   0x0
#define TIMER_2	   0x4
#define INTERRUPT  0x8
#define RELOAD	   0xc
#define RELOAD_NOW 0x100
#define TIMED_OUT  0x200

#define SHORT	   100 /* ms */
#define LONG	   1500

static uint64_t cfg;
static uint64_t bar;

static void find(void)
{
	for (unsigned int devfn = 0; devfn < 256 && !cfg; devfn++) {
		if (mmio_read(ecam_base() + devfn * 4096u, 4) == ID)
			cfg = ecam_base() + devfn * 4096u;
	}
	check(cfg != 0, "there is no watchdog");
	bar = mmio_read(cfg + 0x10, 4) & ~0xfull;
	check(bar != 0, "it has no BAR");
	mmio_write(cfg + 4, 2, 2);
}

static void write_locked(unsigned int reg, unsigned int len, uint64_t val)
{
	mmio_write(bar + RELOAD, 1, 0x80);
	mmio_write(bar + RELOAD, 1, 0x86);
	mmio_write(bar + reg, len, val);
}

static void load(unsigned int first, unsigned int second)
{
	write_locked(TIMER_1, 4, first);
	write_locked(TIMER_2, 4, second);
	write_locked(RELOAD, 2, RELOAD_NOW);
}

/* Until the first stage is over: how many looks that took. */
static uint64_t wait_stage(void)
{
	uint64_t n = 0;

	while (!mmio_read(bar + INTERRUPT, 4))
		n++;
	mmio_write(bar + INTERRUPT, 4, 1);
	return n;
}

static void feed_and_stop(void)
{
	uint64_t looks = 0;

	load(SHORT, LONG);
	mmio_write(cfg + LOCK, 1, ENABLE);
	for (unsigned int i = 0; i < 20; i++) {
		looks += wait_stage();
		write_locked(RELOAD, 2, RELOAD_NOW);
	}
	load(SHORT, SHORT);
	mmio_write(cfg + LOCK, 1, 0);
	check_eq(mmio_read(cfg + LOCK, 1), 0, "it does not stop");
	for (uint64_t i = 0; i < looks / 4; i++)
		check_eq(mmio_read(bar + INTERRUPT, 4), 0, "it still counts");
}

void guest_main(void)
{
	uint64_t hang = cmdline_number("hang");

	find();
	mmio_write(cfg + CONFIG, 2, 0);
	if (hang == 2 && mmio_read(bar + RELOAD, 2) & TIMED_OUT)
		return;
	check(!(mmio_read(bar + RELOAD, 2) & TIMED_OUT), "it bit before");
	if (!hang) {
		feed_and_stop();
		return;
	}
	if (hang == 1)
		print("PASS\n");
	load(SHORT, SHORT);
	mmio_write(cfg + LOCK, 1, ENABLE);
	halt();
}
