// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/unit/ring.h"

#define BASE	 0x40000000u
#define BUF	 (BASE + RING_BUF)
#define INDIRECT (1u << 28)
#define EVENT	 (1u << 29)
#define NEXT	 VRING_DESC_F_NEXT
#define WRITE	 VRING_DESC_F_WRITE
#define TABLE	 VRING_DESC_F_INDIRECT

static struct ring ring;
static struct virtq_chain chain;

static void start(uint64_t features)
{
	ring_init(&ring, BASE);
	assert_int_equal(virtq_start(&ring.q, &ring.gmem, features), 0);
}

static int begin(void **state)
{
	(void)state;
	start(INDIRECT);
	return 0;
}

/* --- start ---------------------------------------------------------------- */

static void bad_registers(void **state)
{
	struct {
		size_t at;
		uint64_t value;
	} const bad[] = {
		{offsetof(struct virtq_regs, desc), BASE + 8},
		{offsetof(struct virtq_regs, desc), BASE - 16},
		{offsetof(struct virtq_regs, desc), BASE + RING_MEM - 16},
		{offsetof(struct virtq_regs, desc), UINT64_MAX - 15},
		{offsetof(struct virtq_regs, avail), BASE + RING_AVAIL + 1},
		{offsetof(struct virtq_regs, avail), BASE + RING_MEM - 4},
		{offsetof(struct virtq_regs, used), BASE + RING_USED + 2},
		{offsetof(struct virtq_regs, used), 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ring_init(&ring, BASE);
		memcpy((char *)&ring.q.regs + bad[i].at, &bad[i].value, 8);
		assert_int_equal(virtq_start(&ring.q, &ring.gmem, 0), -EINVAL);
		assert_false(virtq_live(&ring.q));
		assert_int_equal(virtq_pop(&ring.q, &chain), 0);
	}
	for (unsigned int size = 0; size <= 1024; size++) {
		bool good = size && !(size & (size - 1)) && size <= 64;

		ring_init(&ring, BASE);
		ring.q.regs.size = (uint16_t)size;
		if (size > 64 && size <= VIRTQ_SIZE_MAX)
			continue; /* the rings would overlap, not our worry */
		assert_int_equal(virtq_start(&ring.q, &ring.gmem, 0) == 0,
				 good);
	}
}

/* The rings end with the memory: not one byte of slack is needed. */
static void rings_to_the_end(void **state)
{
	uint64_t used = 6 + 8 * RING_SIZE;

	(void)state;
	ring_init(&ring, BASE);
	ring.q.regs.used = BASE + RING_MEM - ((used + 3) & ~3u);
	assert_int_equal(virtq_start(&ring.q, &ring.gmem, 0), 0);
	ring.q.regs.used += 4;
	assert_int_equal(virtq_start(&ring.q, &ring.gmem, 0), -EINVAL);
}

/* --- chains --------------------------------------------------------------- */

static void good_chain(void **state)
{
	(void)state;
	assert_int_equal(virtq_pop(&ring.q, &chain), 0);
	ring_put(&ring, 3, BUF, 16, NEXT, 7);
	ring_put(&ring, 7, BUF + 100, 20, NEXT, 1);
	ring_put(&ring, 1, BUF + 200, 30, NEXT | WRITE, 15);
	ring_put(&ring, 15, BUF + 300, 1, WRITE, 99);
	ring_offer(&ring, 3);
	assert_int_equal(virtq_pop(&ring.q, &chain), 1);
	assert_int_equal(chain.head, 3);
	assert_int_equal(chain.n_out, 2);
	assert_int_equal(chain.n_in, 2);
	assert_int_equal(chain.out_len, 36);
	assert_int_equal(chain.in_len, 31);
	assert_ptr_equal(chain.iov[1].iov_base, ring.mem + RING_BUF + 100);
	assert_ptr_equal(chain.iov[3].iov_base, ring.mem + RING_BUF + 300);
	assert_int_equal(virtq_pop(&ring.q, &chain), 0);
}

static void unpopped(void **state)
{
	(void)state;
	ring_put(&ring, 0, BUF, 16, 0, 0);
	ring_offer(&ring, 0);
	assert_int_equal(virtq_pop(&ring.q, &chain), 1);
	virtq_unpop(&ring.q);
	assert_int_equal(virtq_pop(&ring.q, &chain), 1);
	assert_int_equal(virtq_pop(&ring.q, &chain), 0);
}

/* As many as the queue has descriptors, and no more. */
static void longest_chain(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RING_SIZE; i++)
		ring_put(&ring, i, BUF + i, 1, i + 1 < RING_SIZE ? NEXT : 0,
			 i + 1);
	ring_offer(&ring, 0);
	assert_int_equal(virtq_pop(&ring.q, &chain), 1);
	assert_int_equal(chain.n_out, RING_SIZE);
	ring_put(&ring, RING_SIZE - 1, BUF, 1, NEXT, 0);
	ring_offer(&ring, 0);
	assert_int_equal(virtq_pop(&ring.q, &chain), -EINVAL);
}

static void good_table(void **state)
{
	struct vring_desc *t =
		(struct vring_desc *)(void *)(ring.mem + RING_BUF);

	(void)state;
	ring_put(&ring, 0, BUF + 0x800, 5, NEXT, 2);
	ring_put(&ring, 2, BUF, 3 * sizeof(*t), TABLE, 0);
	t[0] = (struct vring_desc){BUF + 0x900, 6, NEXT, 2};
	t[2] = (struct vring_desc){BUF + 0xa00, 7, WRITE, 0};
	ring_offer(&ring, 0);
	assert_int_equal(virtq_pop(&ring.q, &chain), 1);
	assert_int_equal(chain.n_out, 2);
	assert_int_equal(chain.n_in, 1);
	assert_int_equal(chain.out_len, 11);
}

struct bad {
	const char *what;
	struct vring_desc d[2];	    /* 0 is the head */
	struct vring_desc table[2]; /* at BUF */
	unsigned int head;
	unsigned int ahead; /* added to the driver's index */
};

static const struct bad bad_chains[] = {
	{"length 0", {{BUF, 0, 0, 0}}, {{0}}, 0, 0},
	{"before RAM", {{BASE - 1, 4, 0, 0}}, {{0}}, 0, 0},
	{"beyond RAM", {{BASE + RING_MEM - 2, 4, 0, 0}}, {{0}}, 0, 0},
	{"wraps", {{UINT64_MAX - 1, 4, 0, 0}}, {{0}}, 0, 0},
	{"4 GiB", {{BUF, UINT32_MAX, 0, 0}}, {{0}}, 0, 0},
	{"loop", {{BUF, 4, NEXT, 0}}, {{0}}, 0, 0},
	{"loop of two", {{BUF, 4, NEXT, 1}, {BUF, 4, NEXT, 0}}, {{0}}, 0, 0},
	{"next", {{BUF, 4, NEXT, RING_SIZE}}, {{0}}, 0, 0},
	{"order", {{BUF, 4, NEXT | WRITE, 1}, {BUF, 4, 0, 0}}, {{0}}, 0, 0},
	{"head", {{BUF, 4, 0, 0}}, {{0}}, RING_SIZE, 0},
	{"ahead", {{BUF, 4, 0, 0}}, {{0}}, 0, RING_SIZE},
	{"far ahead", {{BUF, 4, 0, 0}}, {{0}}, 0, 0x8000},
	{"table of 0", {{BUF, 0, TABLE, 0}}, {{0}}, 0, 0},
	{"table of 1.5", {{BUF, 24, TABLE, 0}}, {{BUF, 4, 0, 0}}, 0, 0},
	{"table outside", {{BASE - 16, 16, TABLE, 0}}, {{0}}, 0, 0},
	{"table and next",
	 {{BUF, 16, TABLE | NEXT, 1}, {BUF, 4, 0, 0}},
	 {{BUF, 4, 0, 0}},
	 0,
	 0},
	{"table in table", {{BUF, 32, TABLE, 0}}, {{BUF, 32, TABLE, 0}}, 0, 0},
	{"loop in table", {{BUF, 32, TABLE, 0}}, {{BUF, 4, NEXT, 0}}, 0, 0},
	{"next in table", {{BUF, 16, TABLE, 0}}, {{BUF, 4, NEXT, 1}}, 0, 0},
};

static void offer_bad(const struct bad *b)
{
	memcpy(ring.mem, b->d, sizeof(b->d));
	memcpy(ring.mem + RING_BUF, b->table, sizeof(b->table));
	ring_offer(&ring, b->head);
	ring_avail(&ring)->idx = (uint16_t)(ring_avail(&ring)->idx + b->ahead);
}

static void broken_chains(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_chains) / sizeof(*bad_chains); i++) {
		start(INDIRECT);
		offer_bad(&bad_chains[i]);
		if (virtq_pop(&ring.q, &chain) != -EINVAL)
			fail_msg("not noticed: %s", bad_chains[i].what);
		/* for good, and without a busy loop */
		assert_int_equal(virtq_pop(&ring.q, &chain), -EINVAL);
		assert_false(virtq_wait(&ring.q));
	}
}

static void table_not_negotiated(void **state)
{
	(void)state;
	start(0);
	ring_put(&ring, 0, BUF, 16, TABLE, 0);
	*(struct vring_desc *)(void *)(ring.mem + RING_BUF) =
		(struct vring_desc){BUF, 4, 0, 0};
	ring_offer(&ring, 0);
	assert_int_equal(virtq_pop(&ring.q, &chain), -EINVAL);
}

/* --- giving back ---------------------------------------------------------- */

static void used_entries(void **state)
{
	struct vring_used_elem e;

	(void)state;
	for (unsigned int i = 0; i < 5 * RING_SIZE; i++) {
		ring_put(&ring, i % RING_SIZE, BUF, 4, WRITE, 0);
		ring_offer(&ring, i % RING_SIZE);
		assert_int_equal(virtq_pop(&ring.q, &chain), 1);
		assert_false(ring_take(&ring, &e));
		virtq_push(&ring.q, chain.head, i);
		assert_true(ring_take(&ring, &e));
		assert_int_equal(e.id, i % RING_SIZE);
		assert_int_equal(e.len, i);
	}
}

/* The indices run over 65535. */
static void indices_wrap(void **state)
{
	unsigned int due = 0;

	(void)state;
	start(EVENT);
	ring_put(&ring, 0, BUF, 4, 0, 0);
	for (unsigned int i = 0; i < 70000; i++) {
		/* used_event: one more, and then an interrupt */
		ring_avail(&ring)->ring[RING_SIZE] = (uint16_t)i;
		ring_offer(&ring, 0);
		assert_int_equal(virtq_pop(&ring.q, &chain), 1);
		virtq_push(&ring.q, 0, 0);
		due += virtq_signal_due(&ring.q);
	}
	assert_int_equal(due, 70000);
	assert_int_equal(ring_used(&ring)->idx, 70000 % 65536);
}

static void interrupts_by_flag(void **state)
{
	(void)state;
	assert_false(virtq_signal_due(&ring.q));
	virtq_push(&ring.q, 0, 0);
	assert_true(virtq_signal_due(&ring.q));
	assert_false(virtq_signal_due(&ring.q)); /* nothing new */
	ring_avail(&ring)->flags = VRING_AVAIL_F_NO_INTERRUPT;
	virtq_push(&ring.q, 0, 0);
	assert_false(virtq_signal_due(&ring.q));
}

static void interrupts_by_event(void **state)
{
	(void)state;
	start(EVENT);
	ring_avail(&ring)->ring[RING_SIZE] = 2; /* after the third */
	for (unsigned int i = 0; i < 5; i++) {
		virtq_push(&ring.q, 0, 0);
		assert_int_equal(virtq_signal_due(&ring.q), i == 2);
	}
	/* several at once, the wanted one among them */
	ring_avail(&ring)->ring[RING_SIZE] = 6;
	for (unsigned int i = 0; i < 4; i++)
		virtq_push(&ring.q, 0, 0);
	assert_true(virtq_signal_due(&ring.q));
}

static void waiting(void **state)
{
	uint16_t event;

	(void)state;
	virtq_busy(&ring.q);
	assert_int_equal(ring_used(&ring)->flags, VRING_USED_F_NO_NOTIFY);
	assert_false(virtq_wait(&ring.q));
	assert_int_equal(ring_used(&ring)->flags, 0);
	ring_put(&ring, 0, BUF, 4, 0, 0);
	ring_offer(&ring, 0);
	assert_true(virtq_wait(&ring.q));

	start(EVENT);
	ring_put(&ring, 0, BUF, 4, 0, 0);
	ring_offer(&ring, 0);
	assert_int_equal(virtq_pop(&ring.q, &chain), 1);
	assert_false(virtq_wait(&ring.q));
	/* avail_event: tell us of the entry behind those we have seen */
	memcpy(&event, &ring_used(&ring)->ring[RING_SIZE], sizeof(event));
	assert_int_equal(event, 1);
}

/* The driver is to be quiet until there are three more. */
static void waiting_for_some(void **state)
{
	uint16_t event;

	(void)state;
	start(EVENT);
	ring_put(&ring, 0, BUF, 4, 0, 0);
	ring_offer(&ring, 0);
	assert_int_equal(virtq_pop(&ring.q, &chain), 1);
	ring_offer(&ring, 0);
	ring_offer(&ring, 0);
	assert_false(virtq_wait_for(&ring.q, 3));
	memcpy(&event, &ring_used(&ring)->ring[RING_SIZE], sizeof(event));
	assert_int_equal(event, 3);
	assert_true(virtq_wait_for(&ring.q, 2));
	ring_offer(&ring, 0);
	assert_true(virtq_wait_for(&ring.q, 3));

	/* no way to say so: each is told, and looked at */
	start(0);
	assert_false(virtq_wait_for(&ring.q, 3));
	ring_put(&ring, 0, BUF, 4, 0, 0);
	ring_offer(&ring, 0);
	assert_true(virtq_wait_for(&ring.q, 3));
}

static void stopped(void **state)
{
	(void)state;
	ring_put(&ring, 0, BUF, 4, 0, 0);
	ring_offer(&ring, 0);
	virtq_stop(&ring.q);
	assert_int_equal(virtq_pop(&ring.q, &chain), 0);
	virtq_push(&ring.q, 0, 0);
	assert_int_equal(ring_used(&ring)->idx, 0);
	assert_false(virtq_signal_due(&ring.q));
	assert_false(virtq_wait(&ring.q));
}

/* --- bytes ---------------------------------------------------------------- */

static void copies(void **state)
{
	uint8_t bytes[64];

	(void)state;
	memset(&chain, 0, sizeof(chain));
	chain.n_out = 2;
	chain.n_in = 2;
	for (unsigned int i = 0; i < 4; i++)
		chain.iov[i] =
			(struct iovec){ring.mem + 0x2000 + 0x100 * i, 10};
	memcpy(ring.mem + 0x2000, "0123456789", 10);
	memcpy(ring.mem + 0x2100, "abcdefghij", 10);
	assert_int_equal(virtq_copy_out(&chain, 8, bytes, 5), 5);
	assert_memory_equal(bytes, "89abc", 5);
	assert_int_equal(virtq_copy_out(&chain, 15, bytes, 64), 5);
	assert_int_equal(virtq_copy_out(&chain, 20, bytes, 1), 0);
	assert_int_equal(virtq_copy_out(&chain, UINT64_MAX, bytes, 1), 0);
	assert_int_equal(virtq_copy_in(&chain, 9, "xyz", 3), 3);
	assert_int_equal(ring.mem[0x2209], 'x');
	assert_memory_equal(ring.mem + 0x2300, "yz", 2);
	assert_int_equal(virtq_copy_in(&chain, 18, "xyz", 3), 2);
}

static void slices(void **state)
{
	struct iovec v[4];

	(void)state;
	memset(&chain, 0, sizeof(chain));
	chain.n_out = 3;
	for (unsigned int i = 0; i < 3; i++)
		chain.iov[i] = (struct iovec){ring.mem + 0x100 * i, 10};
	assert_int_equal(virtq_slice(&chain, false, 5, 10, v, 4), 2);
	assert_ptr_equal(v[0].iov_base, ring.mem + 5);
	assert_int_equal(v[0].iov_len, 5);
	assert_int_equal(v[1].iov_len, 5);
	assert_int_equal(virtq_slice(&chain, false, 0, 100, v, 2), 2);
	assert_int_equal(virtq_slice(&chain, false, 29, 100, v, 4), 1);
	assert_int_equal(virtq_slice(&chain, false, 30, 1, v, 4), 0);
	assert_int_equal(virtq_slice(&chain, true, 0, 1, v, 4), 0);
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bad_registers),
		TEST(rings_to_the_end),
		TEST(good_chain),
		TEST(unpopped),
		TEST(longest_chain),
		TEST(good_table),
		TEST(broken_chains),
		TEST(table_not_negotiated),
		TEST(used_entries),
		TEST(indices_wrap),
		TEST(interrupts_by_flag),
		TEST(interrupts_by_event),
		TEST(waiting),
		TEST(waiting_for_some),
		TEST(stopped),
		TEST(copies),
		TEST(slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
