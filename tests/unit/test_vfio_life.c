/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "tests/unit/fake_vfio_life.h"

/* The whole life of passed-through devices, from opened to given back. */

#define ON 0x0007 /* COMMAND: I/O, memory, bus master */

static struct life l;

static int setup(void **state)
{
	(void)state;
	fake_host_init();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_host_stop();
	return 0;
}

static void start(void)
{
	fake_host_start();
	life_init(&l);
	assert_int_equal(life_open(&l), 0);
	assert_int_equal(life_start(&l), 0);
}

static void end(void)
{
	const char *left;

	life_end(&l);
	left = fake_host_left();
	if (!left)
		return;
	fake_host_stop(); /* so that the message is seen */
	fail_msg("%s", left);
}

static void nvme(void **state)
{
	struct fake_pci *p = fake_nvme("0000:01:00.0", 7);
	uint64_t bar;

	(void)state;
	start();
	assert_int_equal(p->opens, 1);
	fake_bar_put(p, 0, 0x10, 0x1122334455667788);
	fake_bar_put(p, 0, 0x1000, 0x99);
	guest_command(&l, 0, ON);
	bar = guest_bar(&l, 0, 0);
	assert_true(bar > 0xffffffff);
	/* registers and doorbells are the device's memory, the table is not */
	assert_non_null(fake_hv_at(&l.hv, bar));
	assert_non_null(fake_hv_at(&l.hv, bar + 0x1000));
	assert_null(fake_hv_at(&l.hv, guest_msix_entry(&l, 0, 0)));
	assert_int_equal(guest_read(&l, bar + 0x10, 8), 0x1122334455667788);
	guest_write(&l, bar + 0x1000, 4, 0x77);
	assert_int_equal(fake_bar_get(p, 0, 0x1000), 0x77);
	assert_int_equal(p->bar_reads + p->bar_writes, 0);
	/* RAM in two pieces */
	assert_int_equal(fake_dma_count(), 2);
	assert_non_null(fake_dma_at(0x1000));
	assert_non_null(fake_dma_at(4ull << 30));
	end();
	assert_int_equal(p->opens, 0);
	assert_int_equal(fake_dma_count(), 0);
}

static void io_and_memory(void **state)
{
	struct fake_pci *p = fake_e1000("0000:02:00.0", 9);

	(void)state;
	start();
	fake_bar_put(p, 1, 4, 0xabcdef01);
	guest_command(&l, 0, ON);
	assert_int_equal(guest_io_read(&l, guest_bar(&l, 0, 1) + 4, 4),
			 0xabcdef01);
	guest_io_write(&l, guest_bar(&l, 0, 1) + 4, 2, 0x1234);
	assert_int_equal(fake_bar_get(p, 1, 4), 0xabcd1234);
	assert_non_null(fake_hv_at(&l.hv, guest_bar(&l, 0, 0)));
	guest_command(&l, 0, 0);
	assert_null(fake_hv_at(&l.hv, guest_bar(&l, 0, 0)));
	assert_int_equal(guest_read(&l, guest_bar(&l, 0, 0), 4), 0xffffffff);
	end();
}

static void several(void **state)
{
	(void)state;
	fake_nvme("0000:01:00.0", 7);
	fake_e1000("0000:02:00.0", 9);
	fake_gpu("0000:03:00.0", 11);
	fake_ahci("0000:02:00.1", 9); /* of the same group as one before */
	start();
	guest_drive(&l);
	assert_null(l.hv.misuse);
	end();
	for (unsigned int i = 0; i < fake_host.n; i++)
		assert_int_equal(fake_host.pci[i].opens, 0);
}

static void half_open(void **state)
{
	(void)state;
	fake_nvme("0000:01:00.0", 7);
	fake_host_start();
	life_init(&l);
	end(); /* nothing was opened */
	life_init(&l);
	assert_int_equal(life_open(&l), 0);
	end(); /* not attached */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nvme, setup, teardown),
		cmocka_unit_test_setup_teardown(io_and_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(several, setup, teardown),
		cmocka_unit_test_setup_teardown(half_open, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
