/* SPDX-License-Identifier: Apache-2.0 */
/* Entropy: what of a request is filled, and what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "devices/virtio_rng.h"
#include "tests/unit/fake_ring.h"

#define AT   FAKE_RING_DATA
#define MARK 0x5a

static struct fake_ring ring;

static int set_up(void **state)
{
	struct err e = {0};

	(void)state;
	memset(&ring, 0, sizeof(ring));
	assert_int_equal(rng_host_open(&ring.unit, NULL, 0, &e), 0);
	fake_ring_init(&ring);
	memset(ring.ram + AT, MARK, 0x10000);
	fake_ring_up(&ring, UINT64_MAX);
	assert_int_equal(ring.unit.v.host_ops->start(&ring.unit.v), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ring.unit.v.host_ops->stop(&ring.unit.v);
	ring.unit.close(&ring.unit.v);
	fake_ring_fini(&ring);
	return 0;
}

/* Whether [@at, @at + @len) of RAM was written to; 32 bytes or more. */
static bool filled(uint32_t at, uint32_t len)
{
	unsigned int same = 0;

	for (uint32_t i = 0; i < len; i++)
		same += ring.ram[at + i] == MARK;
	return same < len / 2;
}

static bool untouched(uint32_t at, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		if (ring.ram[at + i] != MARK)
			return false;
	}
	return true;
}

static uint32_t answer(void)
{
	uint32_t len = UINT32_MAX;

	fake_ring_notify(&ring, 0);
	assert_true(fake_ring_used(&ring, 0, &len));
	return len;
}

static void one_buffer(void **state)
{
	uint8_t first[64];

	(void)state;
	fake_ring_add(&ring, 0, AT + 64, 64, true, true);
	assert_int_equal(answer(), 64);
	assert_true(filled(AT + 64, 64));
	assert_true(untouched(AT, 64));
	assert_true(untouched(AT + 128, 64));
	/* and other bytes the next time */
	memcpy(first, ring.ram + AT + 64, 64);
	fake_ring_add(&ring, 0, AT + 64, 64, true, true);
	assert_int_equal(answer(), 64);
	assert_memory_not_equal(first, ring.ram + AT + 64, 64);
}

static void pieces(void **state)
{
	(void)state;
	fake_ring_add(&ring, 0, AT, 100, true, false);
	fake_ring_add(&ring, 0, AT + 0x1000, 1, true, false);
	fake_ring_add(&ring, 0, AT + 0x2000, 200, true, true);
	assert_int_equal(answer(), 301);
	assert_true(filled(AT, 100));
	assert_true(filled(AT + 0x2000, 200));
	assert_true(untouched(AT + 0x1001, 0xfff));
}

/* No request keeps the device for long. */
static void large(void **state)
{
	(void)state;
	fake_ring_add(&ring, 0, AT, 0x10000, true, true);
	assert_int_equal(answer(), VIRTIO_RNG_PIECE);
	assert_true(filled(AT, VIRTIO_RNG_PIECE));
	assert_true(
		untouched(AT + VIRTIO_RNG_PIECE, 0x10000 - VIRTIO_RNG_PIECE));
}

/* virtio-1.3 5.4.6.1: the driver must not, and gets nothing. */
static void only_to_be_read(void **state)
{
	(void)state;
	fake_ring_add(&ring, 0, AT, 64, false, true);
	assert_int_equal(answer(), 0);
	assert_true(untouched(AT, 64));
	fake_ring_add(&ring, 0, AT, 64, false, false);
	fake_ring_add(&ring, 0, AT + 0x1000, 64, true, true);
	assert_int_equal(answer(), 64);
	assert_true(untouched(AT, 64));
	assert_true(filled(AT + 0x1000, 64));
}

/* Many before the first notification, each answered, after a reset as well. */
static void many_and_again(void **state)
{
	uint32_t len;

	(void)state;
	for (unsigned int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < FAKE_RING_SIZE; i++)
			fake_ring_add(&ring, 0, AT + i * 64, 64, true, true);
		fake_ring_notify(&ring, 0);
		for (uint32_t i = 0; i < FAKE_RING_SIZE; i++) {
			assert_true(fake_ring_used(&ring, 0, &len));
			assert_int_equal(len, 64);
		}
		assert_true(fake_ring_interrupt(&ring, 0));
		ring.unit.v.host_ops->stop(&ring.unit.v);
		fake_ring_down(&ring);
		fake_ring_up(&ring, UINT64_MAX);
		assert_int_equal(ring.unit.v.host_ops->start(&ring.unit.v), 0);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_buffer),      TEST(pieces),	     TEST(large),
		TEST(only_to_be_read), TEST(many_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
