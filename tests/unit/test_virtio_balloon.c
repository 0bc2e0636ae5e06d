/* SPDX-License-Identifier: Apache-2.0 */
/* The model, and its host side on memory whose pages can be counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/virtio_balloon.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/virtio_balloon.h"
#include "tests/unit/fake_ring.h"

#define PAGES (FAKE_RING_RAM / VIRTIO_BALLOON_PAGE)
#define LIST  FAKE_RING_DATA
#define FIRST 0x200u /* a page from here on is for the balloon */

/* --- the model ------------------------------------------------------------ */

static void test_map(void **state)
{
	uint8_t byte[1];
	struct gmem mem = {0};
	uint16_t part[8] = {0};
	struct balloon_map m = {&mem, 65536, part};
	uint64_t gpa = 1;

	(void)state;
	assert_int_equal(gmem_add(&mem, (struct span){0, 0x20000}, byte), 0);
	assert_int_equal(gmem_add(&mem, (struct span){0x100000, 0x18000}, byte),
			 0);
	assert_int_equal(balloon_map_len(&mem, 65536), 4);
	for (uint32_t i = 0; i < 15; i++)
		assert_false(balloon_map_in(&m, 0x10 + i, &gpa));
	assert_false(balloon_map_in(&m, 0x20, &gpa)); /* no RAM */
	assert_false(balloon_map_in(&m, 0xff, &gpa));
	assert_false(balloon_map_in(&m, UINT32_MAX, &gpa));
	assert_false(balloon_map_in(&m, 0x0f, &gpa)); /* another page */
	balloon_map_out(&m, 0x13);
	balloon_map_out(&m, 0x7777);
	assert_false(balloon_map_in(&m, 0x1f, &gpa));
	assert_true(balloon_map_in(&m, 0x13, &gpa));
	assert_int_equal(gpa, 0x10000);
	/* What has no end in RAM is never whole. */
	for (uint32_t i = 0; i < 16; i++)
		assert_false(balloon_map_in(&m, 0x110 + i, &gpa));
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(balloon_map_in(&m, 0x100 + i, &gpa), i == 15);
	assert_int_equal(gpa, 0x100000);
	for (unsigned int i = 4; i < 8; i++)
		assert_int_equal(part[i], 0);
}

static void test_inside(void **state)
{
	static const struct {
		uint64_t at, len, page, in_at, in_len;
	} row[] = {
		{0x10000, 0x10000, 0x10000, 0x10000, 0x10000},
		{0x10001, 0x1ffff, 0x10000, 0x20000, 0x10000},
		{0x1ffff, 0x10001, 0x10000, 0x20000, 0x10000},
		{0x1ffff, 0x10000, 0x10000, 0, 0},
		{0x10000, 0xffff, 0x10000, 0, 0},
		{0x1800, 0x3000, 0x1000, 0x2000, 0x2000},
		{0x1000, 0, 0x1000, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint64_t at = row[i].at, len = row[i].len;
		bool any = virtio_balloon_inside(&at, &len, row[i].page);

		assert_int_equal(any, row[i].in_len != 0);
		if (any) {
			assert_int_equal(at, row[i].in_at);
			assert_int_equal(len, row[i].in_len);
		}
	}
}

/* --- the host side -------------------------------------------------------- */

static struct fake_ring ring;
static struct conf conf;

static struct virtio *v(void)
{
	return &ring.unit.v;
}

static uint8_t *page(unsigned int pfn)
{
	return ring.ram + (size_t)pfn * VIRTIO_BALLOON_PAGE;
}

static unsigned int host_parts(void)
{
	return (unsigned int)sysconf(_SC_PAGESIZE) / VIRTIO_BALLOON_PAGE;
}

/* Given back, it reads as zeros. */
static bool gone(unsigned int pfn)
{
	return page(pfn)[0] == 0 && page(pfn)[VIRTIO_BALLOON_PAGE - 1] == 0;
}

static void up(uint64_t features)
{
	fake_ring_up(&ring, features);
	assert_int_equal(v()->host_ops->start(v()), 0);
	for (unsigned int i = FIRST; i < PAGES; i++)
		memset(page(i), 0xa5, VIRTIO_BALLOON_PAGE);
}

static int setup(void **state)
{
	struct err e = {0};

	(void)state;
	memset(&conf, 0, sizeof(conf));
	memset(&ring, 0, sizeof(ring));
	conf.balloon.wanted = true;
	conf.balloon.size = 3u << 20;
	assert_int_equal(balloon_host_open(&ring.unit, &conf, 0, &e), 0);
	fake_ring_init(&ring);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	v()->host_ops->stop(v());
	fake_ring_down(&ring);
	ring.unit.close(v());
	fake_ring_fini(&ring);
	return 0;
}

/* @n page numbers from @first on, and what else @odd bytes are. */
static void ask(unsigned int q, uint32_t first, unsigned int n,
		unsigned int odd)
{
	uint32_t len;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t pfn = first + i;

		memcpy(ring.ram + LIST + 4 * i, &pfn, sizeof(pfn));
	}
	fake_ring_add(&ring, q, LIST, 4 * n + odd, false, true);
	fake_ring_notify(&ring, q);
	assert_true(fake_ring_used(&ring, q, &len));
	assert_int_equal(len, 0);
}

#define TELL	(1ull << VIRTIO_BALLOON_F_MUST_TELL_HOST)
#define REPORTS (1ull << VIRTIO_BALLOON_F_REPORTING)

static void test_config(void **state)
{
	const struct virtio_ops *ops = v()->ops;

	(void)state;
	up(0);
	assert_int_equal(ops->cfg_read(v(), 0, 4), 768);
	ops->cfg_write(v(), 4, 4, 77);
	ops->cfg_write(v(), 0, 4, 5);
	ops->cfg_write(v(), 5, 2, 5);
	assert_int_equal(ops->cfg_read(v(), 0, 8), 768 | 77ull << 32);
	assert_int_equal(ops->cfg_read(v(), 4, 2), 77);
	assert_int_equal(ops->cfg_read(v(), 8, 8), 0);
	assert_int_equal(v()->offered, 1 << 0 | 1 << 2 | 1 << 5);
}

static void test_inflate(void **state)
{
	unsigned int n = 2 * host_parts();

	(void)state;
	up(TELL);
	ask(0, FIRST, n, 3);
	for (unsigned int i = 0; i < n; i++)
		assert_true(gone(FIRST + i));
	assert_false(gone(FIRST + n));
	/* Numbers beyond RAM are passed over. */
	ask(0, PAGES - 1, 4, 0);
	ask(0, UINT32_MAX - 1, 2, 0);
	assert_int_equal(gone(PAGES - 1), host_parts() == 1);
	ask(1, FIRST, n, 1);
	memset(page(FIRST), 1, VIRTIO_BALLOON_PAGE);
	assert_int_equal(page(FIRST)[0], 1);
	assert_false(atomic_load(&v()->status) & 64);
}

/* More than one batch, from the top down as Linux has them. */
static void test_many(void **state)
{
	uint32_t len, n = 490;

	(void)state;
	up(TELL);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t pfn = PAGES - 1 - i;

		memcpy(ring.ram + LIST + 4 * i, &pfn, sizeof(pfn));
	}
	fake_ring_add(&ring, 0, LIST, 4 * n, false, true);
	fake_ring_notify(&ring, 0);
	assert_true(fake_ring_used(&ring, 0, &len));
	for (uint32_t i = 0; i < n / host_parts() * host_parts(); i++)
		assert_true(gone(PAGES - 1 - i));
	assert_false(gone(PAGES - 1 - n - host_parts()));
}

static void report(unsigned int q, bool in)
{
	uint32_t gpa = FIRST * VIRTIO_BALLOON_PAGE, len;

	fake_ring_add(&ring, q, gpa, 0x40000, in, false);
	fake_ring_add(&ring, q, gpa + 0x80001, 0x1ffff, in, true);
	fake_ring_notify(&ring, q);
	assert_true(fake_ring_used(&ring, q, &len));
}

static void test_report(void **state)
{
	(void)state;
	for (unsigned int q = 2; q < 5; q++) {
		up(REPORTS);
		report(q, true);
		for (unsigned int i = 0; i < 0x40; i++)
			assert_true(gone(FIRST + i));
		assert_false(gone(FIRST + 0x40));
		assert_false(gone(FIRST + 0x80)); /* only a part of it */
		assert_true(gone(FIRST + 0x90));
		v()->host_ops->stop(v());
		fake_ring_down(&ring);
	}
	up(REPORTS);
	report(2, false); /* only to be read: not free */
	assert_false(gone(FIRST));
	v()->host_ops->stop(v());
	fake_ring_down(&ring);
	up(0); /* not agreed on */
	report(2, true);
	assert_false(gone(FIRST));
}

/* Memory that is a file, too, is given back: it has no blocks there. */
static void test_file(void **state)
{
	int fd = memfd_create("ram", MFD_CLOEXEC);
	uint8_t *p;
	unsigned char there = 1;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, FAKE_RING_RAM + 65536), 0);
	up(TELL | REPORTS);
	/* The same addresses, now those of a file from 64 KiB on. */
	p = mmap(page(FIRST), (size_t)(PAGES - FIRST) * VIRTIO_BALLOON_PAGE,
		 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		 65536 + FIRST * VIRTIO_BALLOON_PAGE);
	assert_ptr_equal(p, page(FIRST));
	memset(p, 0x5a, (size_t)(PAGES - FIRST) * VIRTIO_BALLOON_PAGE);
	ring.mem.region[0].fd = fd;
	ring.mem.region[0].fd_off = 65536;
	ask(0, FIRST, host_parts(), 0);
	report(3, true);
	assert_int_equal(mincore(p, 1, &there), 0);
	assert_int_equal(there & 1, 0);
	assert_true(gone(FIRST));
	assert_true(gone(FIRST + 0x3f));
	assert_false(gone(FIRST + 0x40));
	assert_true(gone(FIRST + 0x90));
	ring.mem.region[0].fd = -1;
	close(fd);
}

static void test_broken(void **state)
{
	(void)state;
	up(TELL);
	fake_ring_add(&ring, 0, FAKE_RING_RAM - 2, 4, false, true);
	fake_ring_notify(&ring, 0);
	for (unsigned int i = 0; i < 500; i++) {
		if (atomic_load(&v()->status) & 64)
			break;
		usleep(10000);
	}
	assert_true(atomic_load(&v()->status) & 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_inside),
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inflate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_report, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
