/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "core/msix.h"

#define N 67u /* not a multiple of 64 */

static struct msix m;
static struct msix_entry entry[MSIX_VECTORS_MAX + 1];

static int setup(void **state)
{
	(void)state;
	memset(&m, 0xa5, sizeof(m));
	memset(entry, 0xa5, sizeof(entry));
	msix_init(&m, entry, N);
	return 0;
}

static void reset_state(void **state)
{
	unsigned int v;

	(void)state;
	assert_false(m.enabled);
	assert_false(m.all_masked);
	for (v = 0; v < N; v++) {
		assert_int_equal(msix_table_read(&m, v * 16, 8), 0);
		assert_int_equal(msix_table_read(&m, v * 16 + 8, 8),
				 UINT64_C(1) << 32);
		assert_false(msix_take_pending(&m, v));
	}
	/* Storage past the last vector is not ours. */
	assert_int_equal(entry[N].ctrl, 0xa5a5a5a5);
}

static void sizes(void **state)
{
	struct msix big;

	(void)state;
	assert_int_equal(msix_table_bytes(1), 16);
	assert_int_equal(msix_table_bytes(2048), 32768);
	assert_int_equal(msix_pba_bytes(1), 8);
	assert_int_equal(msix_pba_bytes(64), 8);
	assert_int_equal(msix_pba_bytes(65), 16);
	assert_int_equal(msix_pba_bytes(2048), 256);
	entry[MSIX_VECTORS_MAX].data = 0x5a;
	msix_init(&big, entry, UINT32_MAX);
	assert_int_equal(big.n, MSIX_VECTORS_MAX);
	assert_int_equal(entry[MSIX_VECTORS_MAX].data, 0x5a);
}

static void fields(void **state)
{
	(void)state;
	assert_int_equal(msix_table_write(&m, 16, 4, 0xfee01000), 1);
	assert_int_equal(msix_table_write(&m, 20, 4, 0x12), 1);
	assert_int_equal(msix_table_write(&m, 24, 4, 0x4041), 1);
	assert_int_equal(msix_table_write(&m, 28, 4, 0), 1);
	assert_true(entry[1].addr == UINT64_C(0x12fee01000));
	assert_int_equal(entry[1].data, 0x4041);
	assert_int_equal(entry[1].ctrl, 0);
	assert_int_equal(msix_table_read(&m, 20, 4), 0x12);
	assert_true(msix_table_read(&m, 16, 8) == UINT64_C(0x12fee01000));
	assert_int_equal(msix_table_read(&m, 24, 8), 0x4041);
	/* Neighbours are untouched. */
	assert_int_equal(entry[0].ctrl, 1);
	assert_int_equal(entry[2].ctrl, 1);
}

static void qwords(void **state)
{
	(void)state;
	assert_int_equal(msix_table_write(&m, 32, 8, UINT64_C(0x99fee02000)),
			 2);
	assert_int_equal(msix_table_write(&m, 40, 8, 0x31), 2);
	assert_true(entry[2].addr == UINT64_C(0x99fee02000));
	assert_int_equal(entry[2].data, 0x31);
	assert_int_equal(entry[2].ctrl, 0);
	assert_int_equal(msix_table_write(&m, 40, 8, UINT64_C(0x100000032)), 2);
	assert_int_equal(entry[2].data, 0x32);
	assert_int_equal(entry[2].ctrl, 1);
}

static void reserved_bits(void **state)
{
	(void)state;
	assert_int_equal(msix_table_write(&m, 0, 4, UINT32_MAX), 0);
	assert_int_equal(msix_table_read(&m, 0, 4), 0xfffffffc);
	assert_int_equal(msix_table_write(&m, 12, 4, 0xfffffffe), 0);
	assert_int_equal(msix_table_read(&m, 12, 4), 0);
	assert_int_equal(msix_table_write(&m, 12, 4, UINT32_MAX), 0);
	assert_int_equal(msix_table_read(&m, 12, 4), 1);
	/* A dword write takes no more than a dword. */
	assert_int_equal(msix_table_write(&m, 8, 4, UINT64_MAX - 1), 0);
	assert_int_equal(entry[0].data, 0xfffffffe);
	assert_int_equal(entry[0].ctrl, 1);
}

static void writes_refused(void **state)
{
	static struct msix_entry before[MSIX_VECTORS_MAX + 1];

	(void)state;
	memcpy(before, entry, sizeof(entry));
	assert_int_equal(msix_table_write(&m, 0, 1, 0xff), -1);
	assert_int_equal(msix_table_write(&m, 0, 2, 0xff), -1);
	assert_int_equal(msix_table_write(&m, 0, 0, 0xff), -1);
	assert_int_equal(msix_table_write(&m, 0, 16, 0xff), -1);
	assert_int_equal(msix_table_write(&m, 2, 4, 0xff), -1);
	assert_int_equal(msix_table_write(&m, 4, 8, 0xff), -1);
	assert_int_equal(msix_table_write(&m, 12, 8, 0xff), -1);
	assert_int_equal(msix_table_write(&m, N * 16, 4, 0xff), -1);
	assert_int_equal(msix_table_write(&m, UINT64_MAX - 7, 8, 0xff), -1);
	assert_int_equal(msix_table_write(&m, UINT64_C(1) << 32, 4, 0xff), -1);
	assert_memory_equal(before, entry, sizeof(entry));
}

static void odd_reads(void **state)
{
	(void)state;
	msix_table_write(&m, 0, 8, UINT64_C(0x1122334455667788));
	msix_table_write(&m, 8, 8, UINT64_C(0x199aabbcc));
	assert_int_equal(msix_table_read(&m, 1, 1), 0x77);
	assert_int_equal(msix_table_read(&m, 3, 2), 0x4455);
	assert_true(msix_table_read(&m, 6, 4) == 0xbbcc1122);
	/* The end of the table and what is behind it. */
	assert_int_equal(msix_table_read(&m, N * 16 - 4, 8), 1);
	assert_int_equal(msix_table_read(&m, N * 16, 8), 0);
	assert_int_equal(msix_table_read(&m, UINT64_MAX - 3, 8), 0);
	assert_int_equal(msix_table_read(&m, UINT64_C(1) << 32, 4), 0);
}

static void pending(void **state)
{
	(void)state;
	msix_set_pending(&m, 0);
	msix_set_pending(&m, 66);
	msix_set_pending(&m, N);
	msix_set_pending(&m, UINT32_MAX);
	assert_int_equal(msix_pba_read(&m, 0, 8), 1);
	assert_int_equal(msix_pba_read(&m, 8, 8), 4);
	assert_int_equal(msix_pba_read(&m, 8, 1), 4);
	assert_true(msix_pba_read(&m, 4, 8) == UINT64_C(4) << 32);
	assert_int_equal(msix_pba_read(&m, 16, 8), 0);
	assert_int_equal(msix_pba_read(&m, UINT64_MAX, 8), 0);
	assert_false(msix_take_pending(&m, 1));
	assert_false(msix_take_pending(&m, N));
	assert_false(msix_take_pending(&m, UINT32_MAX));
	assert_true(msix_take_pending(&m, 66));
	assert_false(msix_take_pending(&m, 66));
	assert_int_equal(msix_pba_read(&m, 8, 8), 0);
	assert_int_equal(msix_pba_read(&m, 0, 8), 1);
}

static void control(void **state)
{
	(void)state;
	assert_false(msix_set_control(&m, 0));
	assert_false(msix_set_control(&m, N - 1));
	assert_true(msix_set_control(&m, PCI_MSIX_FLAGS_ENABLE));
	assert_true(m.enabled);
	assert_false(m.all_masked);
	assert_false(msix_set_control(&m, PCI_MSIX_FLAGS_ENABLE | 0x7ff));
	assert_true(msix_set_control(&m, 0xc000));
	assert_true(m.enabled);
	assert_true(m.all_masked);
	assert_true(msix_set_control(&m, 0));
	assert_false(m.enabled);
	assert_false(m.all_masked);
}

static void live(void **state)
{
	unsigned int bits;

	(void)state;
	for (bits = 0; bits < 8; bits++) {
		bool masked = bits & 1;

		msix_set_control(&m, (uint16_t)(bits >> 1 << 14));
		msix_table_write(&m, 5 * 16 + 12, 4, masked);
		assert_int_equal(msix_live(&m, 5), bits == 4);
		assert_false(msix_live(&m, 4));
	}
	msix_set_control(&m, PCI_MSIX_FLAGS_ENABLE);
	assert_false(msix_live(&m, N));
	assert_false(msix_live(&m, UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reset_state, setup),
		cmocka_unit_test_setup(sizes, setup),
		cmocka_unit_test_setup(fields, setup),
		cmocka_unit_test_setup(qwords, setup),
		cmocka_unit_test_setup(reserved_bits, setup),
		cmocka_unit_test_setup(writes_refused, setup),
		cmocka_unit_test_setup(odd_reads, setup),
		cmocka_unit_test_setup(pending, setup),
		cmocka_unit_test_setup(control, setup),
		cmocka_unit_test_setup(live, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
