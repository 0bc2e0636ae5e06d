/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "devices/i6300esb.h"

#define MS 1000000u

/* One second or so at 1 kHz: 1024 * 2^15 clocks of 33 MHz. */
#define LOAD	1024u
#define LOAD_NS 1016800969u

static struct {
	struct i6300esb w;
	uint64_t now;
	unsigned int changes;
} t;

static uint64_t now(void *ctx)
{
	(void)ctx;
	return t.now;
}

static void changed(void *ctx)
{
	(void)ctx;
	t.changes++;
}

static void make(bool timed_out)
{
	const struct i6300esb_env env = {now, changed, NULL};

	memset(&t, 0, sizeof(t));
	t.now = 5000;
	i6300esb_init(&t.w, &env, timed_out);
}

static int setup(void **state)
{
	(void)state;
	make(false);
	return 0;
}

static void bar(uint64_t off, unsigned int len, uint64_t val)
{
	t.w.func.ops->bar_write(&t.w.func, 0, off, len, val);
}

static uint64_t bar_get(uint64_t off, unsigned int len)
{
	return t.w.func.ops->bar_read(&t.w.func, 0, off, len);
}

static void cfg(unsigned int off, unsigned int len, uint64_t val)
{
	t.w.func.ops->cfg_write(&t.w.func, off, len, val);
}

static uint64_t cfg_get(unsigned int off, unsigned int len)
{
	return t.w.func.ops->cfg_read(&t.w.func, off, len);
}

static void unlock(void)
{
	bar(0xc, 1, 0x80);
	bar(0xc, 1, 0x86);
}

static void load(uint32_t first, uint32_t second)
{
	unlock();
	bar(0, 4, first);
	unlock();
	bar(4, 4, second);
}

static void feed(void)
{
	unlock();
	bar(0xc, 2, 0x100);
}

/* As Linux does it. */
static void start(uint8_t lock)
{
	cfg(0x60, 2, 0x3);
	cfg(0x68, 1, 0);
	load(LOAD, LOAD);
	feed();
	cfg(0x68, 1, lock);
}

static bool after(uint64_t ns)
{
	t.now += ns;
	return i6300esb_expire(&t.w);
}

static void test_identity(void **state)
{
	(void)state;
	assert_int_equal(cfg_get(0, 4), 0x25ab8086);
	assert_int_equal(cfg_get(8, 4), 0x08800000);
	assert_int_equal(cfg_get(0x3d, 1), 0);
	cfg(0x10, 4, 0xffffffff);
	assert_int_equal(cfg_get(0x10, 4), 0xfffffff0);
}

static void test_off(void **state)
{
	uint64_t ns;

	(void)state;
	load(1, 1);
	feed();
	assert_false(i6300esb_deadline(&t.w, &ns));
	assert_false(after(1ull << 50));
	assert_false(t.w.timed_out);
}

static void test_hang(void **state)
{
	uint64_t ns;

	(void)state;
	start(2);
	assert_true(i6300esb_deadline(&t.w, &ns));
	assert_int_equal(ns, t.now + LOAD_NS);
	assert_false(after(LOAD_NS - 1));
	assert_int_equal(t.w.stage, 0);
	assert_false(after(1));
	assert_int_equal(t.w.stage, 1);
	assert_int_equal(bar_get(8, 4), 0); /* no interrupt is wanted */
	assert_true(i6300esb_deadline(&t.w, &ns));
	assert_int_equal(ns, t.now + LOAD_NS);
	assert_false(after(LOAD_NS - 1));
	assert_true(after(1));
	assert_int_equal(bar_get(0xc, 2), 0x200);
	assert_false(i6300esb_deadline(&t.w, &ns));
	assert_false(after(1ull << 40));
	/* The bit is cleared by writing it. */
	unlock();
	bar(0xc, 2, 0x200);
	assert_int_equal(bar_get(0xc, 2), 0);
}

/* Who looks late finds both stages over. */
static void test_late(void **state)
{
	(void)state;
	start(2);
	assert_true(after(2ull * LOAD_NS));
}

static void test_fed(void **state)
{
	(void)state;
	start(2);
	for (unsigned int i = 0; i < 20; i++) {
		assert_false(after(2ull * LOAD_NS - 1));
		feed();
		assert_int_equal(t.w.stage, 0);
	}
	assert_true(after(2ull * LOAD_NS));
}

/* One write for each time the sequence is written, and only after all of it. */
static void test_unlock(void **state)
{
	(void)state;
	start(2);
	t.now += LOAD_NS / 2;
	bar(0xc, 2, 0x100);
	bar(0xc, 1, 0x86);
	bar(0xc, 2, 0x100);
	bar(0xc, 1, 0x80);
	bar(0xc, 2, 0x100);
	bar(0xc, 1, 0x80);
	bar(4, 4, 7);
	bar(0xc, 1, 0x86);
	bar(0xc, 2, 0x100);
	unlock();
	bar(0, 4, 9);
	bar(4, 4, 9);
	bar(0xc, 2, 0x100);
	assert_int_equal(bar_get(0, 4), 9);
	assert_int_equal(bar_get(4, 4), LOAD);
	assert_int_equal(t.w.since, t.now - LOAD_NS / 2);
	unlock();
	bar(0, 4, 0xfff00001);
	assert_int_equal(bar_get(0, 4), 0x00001);
}

static void test_disable(void **state)
{
	uint64_t ns;

	(void)state;
	start(2);
	cfg(0x68, 1, 0);
	assert_false(i6300esb_deadline(&t.w, &ns));
	assert_false(after(1ull << 40));
	cfg(0x68, 1, 2);
	assert_true(i6300esb_deadline(&t.w, &ns));
	assert_int_equal(ns, t.now + LOAD_NS);
}

static void test_lock(void **state)
{
	(void)state;
	start(3);
	cfg(0x68, 1, 0);
	cfg(0x68, 4, 0);
	assert_int_equal(cfg_get(0x68, 1), 3);
	assert_true(after(2ull * LOAD_NS));
}

static void test_modes(void **state)
{
	uint64_t ns;

	(void)state;
	start(6); /* free running */
	assert_false(i6300esb_deadline(&t.w, &ns));
	make(false);
	start(2);
	cfg(0x60, 2, 0x04 | 0x20); /* fast, an interrupt, no reset */
	feed();
	assert_true(i6300esb_deadline(&t.w, &ns));
	assert_int_equal(ns - t.now, LOAD * 32 * 1000ull / 33);
	assert_false(after(MS));
	assert_int_equal(bar_get(8, 4), 1);
	bar(8, 4, 1);
	assert_int_equal(bar_get(8, 4), 0);
	assert_false(after(MS));
	assert_true(t.w.timed_out);
}

static void test_before(void **state)
{
	(void)state;
	make(true);
	assert_int_equal(bar_get(0xc, 2), 0x200);
	assert_int_equal(bar_get(0xd, 1), 2);
	assert_int_equal(bar_get(0xe, 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_identity, setup),
		cmocka_unit_test_setup(test_off, setup),
		cmocka_unit_test_setup(test_hang, setup),
		cmocka_unit_test_setup(test_late, setup),
		cmocka_unit_test_setup(test_fed, setup),
		cmocka_unit_test_setup(test_unlock, setup),
		cmocka_unit_test_setup(test_disable, setup),
		cmocka_unit_test_setup(test_lock, setup),
		cmocka_unit_test_setup(test_modes, setup),
		cmocka_unit_test_setup(test_before, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
