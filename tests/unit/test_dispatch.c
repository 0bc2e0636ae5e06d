/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "vmm/dispatch.h"

/* A device that takes notes of who calls it, and holds no lock itself. */
struct probe {
	struct device dev; /* first */
	unsigned int reads;
	unsigned int writes;
	unsigned int buttons;
	unsigned int region;
	unsigned int len;
	uint64_t off;
	uint64_t val;
	unsigned int unlocked; /* calls without exactly this mutex held */
	uint64_t count;	       /* what several threads add to */
	uint8_t reg[64];
};

static struct dispatch x;
static struct probe a, b;

/* Whether this device's mutex is held, and no other. */
static void look(struct probe *p)
{
	for (unsigned int i = 0; i < x.n_devs; i++) {
		int r = pthread_mutex_trylock(&x.lock[i]);

		if (r == 0)
			pthread_mutex_unlock(&x.lock[i]);
		p->unlocked += (r == EBUSY) != (x.dev[i] == &p->dev);
	}
}

static void note(struct device *d, unsigned int region, uint64_t off,
		 unsigned int len)
{
	struct probe *p = (struct probe *)d;

	look(p);
	p->region = region;
	p->off = off;
	p->len = len;
}

static uint64_t probe_read(struct device *d, unsigned int region, uint64_t off,
			   unsigned int len)
{
	struct probe *p = (struct probe *)d;
	uint64_t v = UINT64_MAX; /* more than was asked for */

	note(d, region, off, len);
	p->reads++;
	if (off + len <= sizeof(p->reg))
		memcpy(&v, p->reg + off, len);
	return v;
}

static void probe_write(struct device *d, unsigned int region, uint64_t off,
			unsigned int len, uint64_t val)
{
	struct probe *p = (struct probe *)d;

	note(d, region, off, len);
	p->writes++;
	p->val = val;
	if (off + len <= sizeof(p->reg))
		memcpy(p->reg + off, &val, len);
}

static size_t probe_input(struct device *d, const uint8_t *buf, size_t len)
{
	struct probe *p = (struct probe *)d;

	look(p);
	memcpy(p->reg, buf, len < 4 ? len : 4);
	return len < 4 ? len : 4;
}

static void probe_button(struct device *d)
{
	look((struct probe *)d);
	((struct probe *)d)->buttons++;
}

static void probe_slot(struct device *d, unsigned int slot)
{
	look((struct probe *)d);
	((struct probe *)d)->off = slot;
}

static const struct dev_ops full = {
	.name = "full",
	.size = sizeof(struct probe),
	.read = probe_read,
	.write = probe_write,
	.input = probe_input,
	.power_button = probe_button,
	.slot_request = probe_slot,
};

static const struct dev_ops bare = {
	.name = "bare",
	.size = sizeof(struct probe),
	.read = probe_read,
	.write = probe_write,
};

static void window(struct probe *p, enum bus_kind bus, uint64_t base,
		   uint64_t len, unsigned int region)
{
	assert_int_equal(dispatch_window(&x, &p->dev, bus,
					 (struct span){base, len}, region),
			 0);
}

/* Ports 0x60 to 0x9f and memory; 16 bytes at the very end of the bus. */
static int setup(void **state)
{
	(void)state;
	memset(&x, 0, sizeof(x));
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.dev.ops = &full;
	b.dev.ops = &bare;
	assert_int_equal(dispatch_add(&x, &a.dev), 0);
	assert_int_equal(dispatch_add(&x, &b.dev), 0);
	window(&a, BUS_PIO, 0x60, 64, 0);
	window(&b, BUS_PIO, 0xa0, 64, 0);
	window(&a, BUS_MMIO, 0x1000, 64, 1);
	window(&b, BUS_MMIO, UINT64_MAX - 15, 16, 3);
	dispatch_seal(&x);
	return 0;
}

static int teardown(void **state)
{
	unsigned int unlocked = a.unlocked + b.unlocked;

	(void)state;
	dispatch_fini(&x);
	if (unlocked)
		print_error("%u calls under a wrong lock\n", unlocked);
	return unlocked ? -1 : 0;
}

static uint64_t rd(enum bus_kind bus, uint64_t addr, unsigned int len)
{
	uint8_t data[16];
	uint64_t v = 0;

	memset(data, 0xa5, sizeof(data));
	dispatch_read(&x, bus, addr, data, len);
	for (unsigned int i = len; i < sizeof(data); i++)
		assert_int_equal(data[i], 0xa5);
	memcpy(&v, data, len);
	return v;
}

static void wr(enum bus_kind bus, uint64_t addr, unsigned int len, uint64_t val)
{
	dispatch_write(&x, bus, addr, &val, len);
}

static unsigned int calls(void)
{
	return a.reads + a.writes + b.reads + b.writes;
}

/* --- which device, and what it is told --- */

static void finds_the_device(void **state)
{
	(void)state;
	for (unsigned int len = 1; len <= 8; len *= 2) {
		wr(BUS_PIO, 0x68, len, 0x1122334455667788);
		assert_int_equal(a.region, 0);
		assert_int_equal(a.off, 8);
		assert_int_equal(a.len, len);
		/* Only what was written, the rest is 0. */
		assert_int_equal(a.val,
				 len == 8 ? 0x1122334455667788
					  : 0x1122334455667788 &
						    ((1ull << 8 * len) - 1));
		assert_int_equal(rd(BUS_PIO, 0x68, len), a.val);
	}
	assert_int_equal(a.writes, 4);
	assert_int_equal(a.reads, 4);
	assert_int_equal(b.writes + b.reads, 0);
	wr(BUS_MMIO, 0x103c, 4, 7);
	assert_int_equal(a.region, 1);
	assert_int_equal(a.off, 0x3c);
	wr(BUS_PIO, 0xa0, 1, 9);
	assert_int_equal(b.off, 0);
	assert_int_equal(b.val, 9);
}

static void end_of_the_address_space(void **state)
{
	(void)state;
	wr(BUS_MMIO, UINT64_MAX - 7, 8, 0x55);
	assert_int_equal(b.off, 8);
	assert_int_equal(b.region, 3);
	assert_int_equal(rd(BUS_MMIO, UINT64_MAX, 1), 0);
	assert_int_equal(b.off, 15);
	/* Past the end there is nothing, and no wrap to 0. */
	assert_int_equal(rd(BUS_MMIO, UINT64_MAX - 3, 8), UINT64_MAX);
}

static void buses_are_apart(void **state)
{
	(void)state;
	assert_int_equal(rd(BUS_MMIO, 0x60, 4), 0xffffffff);
	assert_int_equal(rd(BUS_PIO, 0x1000, 4), 0xffffffff);
	assert_int_equal(calls(), 0);
}

static void nobody_answers(void **state)
{
	(void)state;
	for (unsigned int len = 1; len <= 8; len++) {
		assert_int_equal(rd(BUS_PIO, 0x20, len),
				 len == 8 ? UINT64_MAX : (1ull << 8 * len) - 1);
		wr(BUS_PIO, 0x20, len, 0);
	}
	/* Half in a window is not in it: a device sees whole accesses only. */
	assert_int_equal(rd(BUS_PIO, 0x5f, 2), 0xffff);
	assert_int_equal(rd(BUS_PIO, 0x9e, 4), 0xffffffff);
	wr(BUS_PIO, 0x9e, 4, 0);
	wr(BUS_PIO, 0xdc, 8, 0);
	assert_int_equal(calls(), 0);
}

/* KVM splits at pages: what is left may be of any length. */
static void odd_lengths_go_byte_by_byte(void **state)
{
	static const unsigned int odd[] = {3, 5, 6, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		uint64_t val = 0x8877665544332211 & ((1ull << 8 * odd[i]) - 1);

		teardown(NULL);
		setup(NULL);
		wr(BUS_MMIO, 0x1009, odd[i], 0x8877665544332211);
		assert_int_equal(a.writes, odd[i]);
		assert_int_equal(a.len, 1);
		assert_int_equal(a.off, 9 + odd[i] - 1);
		assert_int_equal(rd(BUS_MMIO, 0x1009, odd[i]), val);
		assert_int_equal(a.reads, odd[i]);
		assert_int_equal(a.reg[8], 0);
		assert_int_equal(a.reg[9 + odd[i]], 0);
	}
	/* Each byte finds its own device, or none. */
	wr(BUS_PIO, 0x9d, 7, 0x8877665544332211);
	assert_int_equal(a.reg[61] | a.reg[62] << 8 | a.reg[63] << 16,
			 0x332211);
	assert_int_equal(b.reg[0] | b.reg[1] << 8, 0x5544);
	assert_int_equal(rd(BUS_PIO, 0x5e, 3), 0x00ffff);
}

/* --- what is added --- */

static void windows_may_not_overlap(void **state)
{
	(void)state;
	memset(&x, 0, sizeof(x));
	assert_int_equal(dispatch_add(&x, &a.dev), 0);
	window(&a, BUS_PIO, 0x60, 1, 0);
	assert_int_equal(
		dispatch_window(&x, &a.dev, BUS_PIO, (struct span){0x5f, 2}, 1),
		-EEXIST);
	window(&a, BUS_MMIO, 0x60, 1, 1);
	dispatch_seal(&x);
	assert_int_equal(
		dispatch_window(&x, &a.dev, BUS_PIO, (struct span){0x70, 1}, 2),
		-EPERM);
	assert_int_equal(dispatch_window(&x, &a.dev, BUS_MMIO,
					 (struct span){0x70, 1}, 2),
			 -EPERM);
}

static void so_many_devices(void **state)
{
	static struct probe many[DISPATCH_DEVS_MAX + 1];

	(void)state;
	dispatch_fini(&x);
	memset(&x, 0, sizeof(x));
	for (unsigned int i = 0; i < DISPATCH_DEVS_MAX; i++) {
		assert_int_equal(dispatch_add(&x, &many[i].dev), 0);
		assert_int_equal(many[i].dev.lock, i);
	}
	assert_int_equal(dispatch_add(&x, &many[DISPATCH_DEVS_MAX].dev),
			 -ENOSPC);
	assert_int_equal(x.n_devs, DISPATCH_DEVS_MAX);
}

/* --- console and power button --- */

static void input_is_handed_over(void **state)
{
	(void)state;
	assert_int_equal(
		dispatch_input(&x, &a.dev, (const uint8_t *)"hello", 5), 4);
	assert_memory_equal(a.reg, "hell", 4);
	/* Who takes no input loses it; nobody waits for ever. */
	assert_int_equal(
		dispatch_input(&x, &b.dev, (const uint8_t *)"hello", 5), 5);
}

static void button_is_pressed_where_there_is_one(void **state)
{
	(void)state;
	dispatch_power_button(&x);
	assert_int_equal(a.buttons, 1);
	assert_int_equal(b.buttons, 0);
}

static void slot_is_asked_for_where_that_is_known(void **state)
{
	(void)state;
	assert_true(dispatch_slot_request(&x, 5));
	assert_int_equal(a.off, 5);
	assert_int_equal(b.off, 0);
	a.dev.ops = &bare;
	assert_false(dispatch_slot_request(&x, 6));
	assert_int_equal(a.off, 5);
}

/* --- locks --- */

static void lock_keeps_others_out(void **state)
{
	(void)state;
	dispatch_lock(&x, &a.dev);
	assert_int_equal(pthread_mutex_trylock(&x.lock[a.dev.lock]), EBUSY);
	assert_int_equal(dispatch_input(&x, &a.dev, (const uint8_t *)"x", 1),
			 -EAGAIN);
	dispatch_unlock(&x, &a.dev);
	assert_int_equal(dispatch_input(&x, &a.dev, (const uint8_t *)"x", 1),
			 1);
}

#define ROUNDS 20000

static uint64_t slow_read(struct device *d, unsigned int region, uint64_t off,
			  unsigned int len)
{
	(void)region;
	(void)off;
	(void)len;
	return ((volatile struct probe *)d)->count;
}

static void slow_write(struct device *d, unsigned int region, uint64_t off,
		       unsigned int len, uint64_t val)
{
	volatile struct probe *p = (struct probe *)d;
	uint64_t was = p->count;

	(void)region;
	(void)off;
	(void)len;
	/* Long enough for another thread to come between. */
	for (volatile unsigned int i = 0; i < 20; i++)
		;
	p->count = was + val;
}

static const struct dev_ops slow = {
	.name = "slow",
	.size = sizeof(struct probe),
	.read = slow_read,
	.write = slow_write,
};

static void *hammer(void *arg)
{
	uint64_t port = *(const uint64_t *)arg;

	for (unsigned int i = 0; i < ROUNDS; i++)
		wr(BUS_PIO, port, 1, 1);
	return NULL;
}

static void one_at_a_time(void **state)
{
	static const uint64_t port[4] = {0x60, 0x61, 0xa0, 0xa1};
	pthread_t t[4];

	(void)state;
	a.dev.ops = &slow;
	b.dev.ops = &slow;
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hammer,
						(void *)(uintptr_t)&port[i]),
				 0);
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(a.count, 2 * ROUNDS);
	assert_int_equal(b.count, 2 * ROUNDS);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(finds_the_device),
		test(end_of_the_address_space),
		test(buses_are_apart),
		test(nobody_answers),
		test(odd_lengths_go_byte_by_byte),
		test(windows_may_not_overlap),
		test(so_many_devices),
		test(input_is_handed_over),
		test(button_is_pressed_where_there_is_one),
		test(slot_is_asked_for_where_that_is_known),
		test(lock_keeps_others_out),
		test(one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
