/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver that breaks the rules of virtio, one after the other: the device
 * says that it needs a reset, or takes no notice; it works again afterwards.
 */
#include "tests/guests/virtio.h"

#define RNG 4u /* virtio-1.3 5 */

static struct vd d;
static uint8_t buf[4096] __attribute__((aligned(4096)));
static struct vd_desc table[VD_SIZE] __attribute__((aligned(16)));

static void begin(void)
{
	vd_start(&d, VD_F_VERSION_1 | VD_F_INDIRECT, 1);
}

/* A request as it should be. */
static void check_works(const char *after)
{
	unsigned int head = 99;
	unsigned int zeros = 0;

	for (unsigned int i = 0; i < 256; i++)
		buf[i] = 0;
	vd_desc(0, 3, buf, 256, VD_WRITE, 0);
	vd_offer(0, 3);
	vd_kick(&d, 0);
	check_eq((uint64_t)vd_wait(&d, 0, &head), 256, after);
	check_eq(head, 3, after);
	for (unsigned int i = 0; i < 256; i++)
		zeros += ((volatile uint8_t *)buf)[i] == 0;
	check(zeros < 32, "not random at all");
}

static void works_again(const char *after)
{
	begin();
	check_works(after);
}

/* What was offered breaks a rule. */
static void broken(const char *what)
{
	unsigned int head;

	vd_kick(&d, 0);
	if (vd_wait(&d, 0, &head) != -1)
		fail(what);
	check(vd_status(&d) & VD_DRIVER_OK, "status was lost");
	works_again(what);
}

static void one(uint64_t addr, uint32_t len, const char *what)
{
	begin();
	vd_desc(0, 0, (void *)addr, len, VD_WRITE, 0);
	vd_offer(0, 0);
	broken(what);
}

static void addresses(void)
{
	one((uint64_t)buf, 0, "length 0");
	one((uint64_t)buf, 0xffffffff, "length 4 GiB");
	one(ram_end(), 16, "beyond RAM");
	one(ram_end() - 8, 16, "across the end of RAM");
	one(~UINT64_C(0) - 7, 16, "an address that wraps");
	one(~UINT64_C(0), 1, "the last address");
	one(d.bar, 16, "the device's own registers");
	one(0xffffffff00000000, 4096, "a very high address");
}

static void chains(void)
{
	begin();
	for (unsigned int i = 0; i < VD_SIZE; i++)
		vd_desc(0, i, buf, 16, VD_WRITE | VD_NEXT, (i + 1) % VD_SIZE);
	vd_offer(0, 0);
	broken("a loop of all descriptors");

	begin();
	vd_desc(0, 5, buf, 16, VD_WRITE | VD_NEXT, 5);
	vd_offer(0, 5);
	broken("a descriptor that follows itself");

	begin();
	vd_desc(0, 0, buf, 16, VD_WRITE | VD_NEXT, VD_SIZE);
	vd_offer(0, 0);
	broken("next out of range");

	begin();
	vd_desc(0, 0, buf, 16, VD_WRITE | VD_NEXT, 1);
	vd_desc(0, 1, buf, 16, 0, 0);
	vd_offer(0, 0);
	broken("writable before readable");

	begin();
	vd_offer(0, VD_SIZE);
	broken("head out of range");

	begin();
	vd_offer(0, 0xffff);
	broken("head 65535");

	begin();
	vd_desc(0, 0, buf, 16, VD_WRITE, 0);
	vd_rings[0].avail.idx = VD_SIZE + 1;
	broken("more available than there are");

	begin();
	vd_desc(0, 0, buf, 16, VD_WRITE, 0);
	vd_rings[0].avail.idx = 0x8000;
	broken("an index far ahead");
}

static void indirect(uint64_t at, uint32_t len, unsigned int flags,
		     const char *what)
{
	begin();
	vd_desc(0, 0, (void *)at, len, VD_TABLE | flags, 1);
	vd_desc(0, 1, buf, 16, VD_WRITE, 0);
	vd_offer(0, 0);
	broken(what);
}

static void tables(void)
{
	uint64_t at = (uint64_t)table;
	unsigned int head;

	begin();
	table[0] = (struct vd_desc){(uint64_t)buf, 64, VD_WRITE | VD_NEXT, 2};
	table[2] = (struct vd_desc){(uint64_t)buf + 64, 64, VD_WRITE, 0};
	vd_desc(0, 0, table, 3 * sizeof(table[0]), VD_TABLE, 0);
	vd_offer(0, 0);
	vd_kick(&d, 0);
	check_eq((uint64_t)vd_wait(&d, 0, &head), 128, "an indirect table");

	indirect(at, 0, 0, "a table of length 0");
	indirect(at, 24, 0, "a table of one and a half");
	indirect(at, sizeof(table), VD_NEXT, "a table and a next descriptor");
	indirect(ram_end() - 16, 32, 0, "a table across the end of RAM");
	table[0] = (struct vd_desc){at, sizeof(table), VD_TABLE, 0};
	indirect(at, sizeof(table), 0, "a table in a table");
	table[0] = (struct vd_desc){(uint64_t)buf, 16, VD_WRITE | VD_NEXT, 0};
	indirect(at, sizeof(table), 0, "a loop in a table");
	table[0] = (struct vd_desc){(uint64_t)buf, 16, VD_WRITE | VD_NEXT, 1};
	indirect(at, 16, 0, "next beyond the table");

	vd_start(&d, VD_F_VERSION_1, 1);
	vd_desc(0, 0, table, sizeof(table), VD_TABLE, 0);
	vd_offer(0, 0);
	broken("a table that was not negotiated");
}

/* A queue whose rings are at @at in one of three registers. */
static void ring_at(unsigned int reg, uint64_t at, const char *what)
{
	vd_reset(&d);
	check(vd_agree(&d, VD_F_VERSION_1), "features");
	vd_queue(&d, 0);
	vd_reset(&d);
	check(vd_agree(&d, VD_F_VERSION_1), "features");
	vd_set(&d, VD_QUEUE_SELECT, 2, 0);
	vd_set(&d, VD_QUEUE_SIZE, 2, VD_SIZE);
	for (unsigned int r = VD_QUEUE_DESC; r <= VD_QUEUE_USED; r += 8) {
		uint64_t to = r == VD_QUEUE_DESC ? (uint64_t)vd_rings[0].desc
			      : r == VD_QUEUE_AVAIL
				      ? (uint64_t)&vd_rings[0].avail
				      : (uint64_t)&vd_rings[0].used;

		to = r == reg ? at : to;
		vd_set(&d, r, 4, to & 0xffffffff);
		vd_set(&d, r + 4, 4, to >> 32);
	}
	vd_set(&d, VD_QUEUE_ENABLE, 2, 1);
	vd_ok(&d);
	check(vd_status(&d) & VD_NEEDS_RESET, what);
	vd_kick(&d, 0);
	works_again(what);
}

static void rings(void)
{
	for (unsigned int reg = VD_QUEUE_DESC; reg <= VD_QUEUE_USED; reg += 8) {
		ring_at(reg, ram_end() - 2, "rings across the end of RAM");
		ring_at(reg, ram_end(), "rings beyond RAM");
		ring_at(reg, ~UINT64_C(0) - 15, "rings that wrap");
		ring_at(reg, (uint64_t)buf + 1, "crooked rings");
	}
}

/* Once the driver is OK, these registers are not to be changed. */
static void registers_later(void)
{
	begin();
	vd_set(&d, VD_QUEUE_SIZE, 2, 2);
	vd_set(&d, VD_QUEUE_DESC, 4, 0xdead0000);
	vd_set(&d, VD_QUEUE_AVAIL, 8, ~UINT64_C(0));
	vd_set(&d, VD_QUEUE_USED + 4, 4, 77);
	vd_set(&d, VD_QUEUE_ENABLE, 2, 0);
	vd_set(&d, VD_DRIVER_SELECT, 4, 0);
	vd_set(&d, VD_DRIVER_FEATURE, 4, 0);
	check_eq(vd_get(&d, VD_QUEUE_SIZE, 2), VD_SIZE, "size was changed");
	check_works("registers written while it runs");
}

static void negotiation(void)
{
	uint64_t offered = vd_features(&d);

	check(offered & VD_F_VERSION_1, "not a device of virtio 1");
	vd_reset(&d);
	check(!vd_agree(&d, VD_F_INDIRECT), "agreed without version 1");
	vd_ok(&d);
	check(!(vd_status(&d) & VD_DRIVER_OK), "OK without features");
	vd_reset(&d);
	check(!vd_agree(&d, VD_F_VERSION_1 | 1ull << 63),
	      "agreed on what is not offered");
	vd_reset(&d);
	check(vd_agree(&d, VD_F_VERSION_1), "features");
	vd_set(&d, VD_QUEUE_SELECT, 2, 0);
	vd_set(&d, VD_QUEUE_SIZE, 2, 0);
	vd_set(&d, VD_QUEUE_SIZE, 2, 3);
	vd_set(&d, VD_QUEUE_SIZE, 2, 0x8000);
	check(vd_get(&d, VD_QUEUE_SIZE, 2) >= VD_SIZE, "a wrong size is kept");
	vd_set(&d, VD_QUEUE_SELECT, 2, d.n_queues);
	check_eq(vd_get(&d, VD_QUEUE_SIZE, 2), 0, "size of no queue");
	vd_set(&d, VD_QUEUE_ENABLE, 2, 1);
	vd_set(&d, VD_QUEUE_SELECT, 2, 0xffff);
	vd_set(&d, VD_QUEUE_DESC, 8, 0);
	vd_ok(&d); /* no queue at all */
	vd_kick(&d, 0);
	vd_kick(&d, 5);
	works_again("no queue is enabled");
}

/* More notifications than requests, of queues that are not there, too. */
static void floods(void)
{
	begin();
	for (unsigned int i = 0; i < 2000; i++)
		mmio_write(d.notify + i % 300 * 4, 1u << i % 4, i);
	check_works("a flood of notifications");
	for (unsigned int i = 0; i < 50; i++) {
		begin();
		for (unsigned int k = 0; k < VD_SIZE; k++) {
			vd_desc(0, k, buf, sizeof(buf), VD_WRITE, 0);
			vd_offer(0, k);
		}
		vd_kick(&d, 0);
		/* reset with all of it under way */
	}
	works_again("resets under load");
}

/* Anything, anywhere in the BAR. */
static void garbage(void)
{
	struct rnd r = {cmdline_number("seed") + 1};

	begin();
	for (unsigned int i = 0; i < 5000; i++) {
		unsigned int len = 1u << rnd(&r) % 4;
		uint64_t at = d.bar + rnd(&r) % 0x7000 / len * len;

		if (rnd(&r) & 1)
			(void)mmio_read(at, len);
		else
			mmio_write(at, len, rnd(&r) >> rnd(&r) % 64);
	}
	works_again("garbage in registers");
}

/* A BAR that decodes no more, and again. */
static void decode(void)
{
	begin();
	for (unsigned int i = 0; i < 20; i++) {
		mmio_write(d.cfg + 4, 2, 0);
		check_eq(vd_get(&d, VD_STATUS, 1), 0xff, "decode is off");
		vd_kick(&d, 0);
		mmio_write(d.cfg + 4, 2, 6);
		check_works("decode off and on");
	}
	mmio_write(d.cfg + 0x10, 4, 0xffffffff);
	mmio_write(d.cfg + 0x14, 4, 0xffffffff);
	vd_kick(&d, 0);
	mmio_write(d.cfg + 0x10, 4, d.bar & 0xffffffff);
	mmio_write(d.cfg + 0x14, 4, d.bar >> 32);
	check_works("the BAR was sized");
}

void guest_main(void)
{
	check(vd_find(&d, RNG, 0), "no entropy device");
	check_eq(d.n_queues, 1, "queues");
	begin();
	check_works("the first request");
	check_works("the second request");
	addresses();
	chains();
	tables();
	rings();
	registers_later();
	negotiation();
	floods();
	garbage();
	decode();
}
