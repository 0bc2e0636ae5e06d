/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bar_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Memslots and DMA mappings follow what the guest writes. */

static void decoding_maps(void **state)
{
	(void)state;
	fix_two_bars();
	fix_decode(true);
	fix_assert_two_bars(HIGH, LOW);
	fix_decode(false);
	assert_int_equal(fake_hv_slots(&fix.hv), 0);
	fix_decode(true);
	fix_assert_two_bars(HIGH, LOW);
	assert_int_equal(fix.hv.maps, 8);
	assert_int_equal(fix.hv.unmaps, 4);
	/* I/O decoding and bus mastering are something else. */
	fix_write(PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	assert_int_equal(fake_hv_slots(&fix.hv), 0);
}

static void toggling_costs_one_of_each(void **state)
{
	(void)state;
	fix_two_bars();
	fix_decode(true);
	for (unsigned int i = 0; i < 1000; i++) {
		fix_decode(false);
		fix_decode(true);
	}
	fix_assert_two_bars(HIGH, LOW);
	assert_int_equal(fix.hv.maps, 4 * 1001);
	assert_int_equal(fix.hv.unmaps, 4 * 1000);
	assert_int_equal(fix_device_vmas(), 4);
	/* What changes nothing costs nothing. */
	for (unsigned int i = 0; i < 1000; i++) {
		fix_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | (i & 1 ? 4 : 0));
		fix_write(PCI_CACHE_LINE_SIZE, 1, i);
		fix_write(BAR(2), 4, LOW);
	}
	assert_int_equal(fix.hv.maps, 4 * 1001);
	assert_int_equal(fix.hv.unmaps, 4 * 1000);
}

static void bars_move(void **state)
{
	(void)state;
	fix_two_bars();
	fix_decode(true);
	fix_move(2, LOW + 256 * MIB);
	fix_assert_two_bars(HIGH, LOW + 256 * MIB);
	assert_hole(LOW);
	/* Only what moved was touched. */
	assert_int_equal(fix.hv.unmaps, 3);
	fix_move(0, HIGH + 4 * GIB);
	fix_assert_two_bars(HIGH + 4 * GIB, LOW + 256 * MIB);
	assert_hole(HIGH);
	/* While nothing is decoded, nothing is mapped. */
	fix_decode(false);
	fix_move(2, LOW);
	assert_int_equal(fake_hv_slots(&fix.hv), 0);
	fix_decode(true);
	fix_assert_two_bars(HIGH + 4 * GIB, LOW);
}

/* A 64-bit BAR may lie below 4 GiB, and half of the way is another place. */
static void wide_bar_moves_down(void **state)
{
	(void)state;
	fix_two_bars();
	fix_decode(true);
	fix_write(BAR(1), 4, 0); /* at 0 now: no window is there */
	assert_int_equal(fake_hv_slots(&fix.hv), 3);
	fix_write(BAR(0), 4, LOW + MIB);
	fix_assert_two_bars(LOW + MIB, LOW);
}

static void bars_swap(void **state)
{
	(void)state;
	fix_two_bars();
	fix_move(0, LOW + MIB);
	fix_decode(true);
	fix_assert_two_bars(LOW + MIB, LOW);
	fix_decode(false);
	fix_move(0, LOW);
	fix_move(2, LOW + MIB);
	fix_decode(true);
	fix_assert_two_bars(LOW, LOW + MIB);
	/*
	 * The same with decoding on: for a moment both are in one place, and
	 * the first one answers.
	 */
	fix_write(BAR(0), 4, LOW + MIB);
	assert_hole(LOW);
	assert_int_equal(fix_at_gpa(LOW + MIB), fix_tag(0, 0));
	fix_write(BAR(2), 4, LOW);
	fix_assert_two_bars(LOW + MIB, LOW);
	fix_write(BAR(2), 4, LOW + MIB);
	assert_int_equal(fix_at_gpa(LOW + MIB), fix_tag(0, 0));
	fix_write(BAR(0), 4, LOW);
	fix_assert_two_bars(LOW, LOW + MIB);
	/* Nobody asked for what KVM would refuse. */
	assert_int_equal(fix.hv.refusals, 0);
}

static void sleeping_device_is_not_mapped(void **state)
{
	(void)state;
	fix_two_bars();
	fix_decode(true);
	for (unsigned int power = 1; power <= 3; power++) {
		fix_write(PM + PCI_PM_CTRL, 2, 0x8000 | power);
		assert_int_equal(fake_hv_slots(&fix.hv), 0);
		/* Not even when decoding or a BAR changes. */
		fix_decode(true);
		fix_move(2, LOW);
		assert_int_equal(fake_hv_slots(&fix.hv), 0);
		fix_write(PM + PCI_PM_CTRL, 2, 0);
		fix_assert_two_bars(HIGH, LOW);
	}
	/* The state is in the low byte, however it is written. */
	fix_write(PM + PCI_PM_CTRL + 1, 1, 3);
	fix_assert_two_bars(HIGH, LOW);
	fix_write(PM, 8, 3ull << 32);
	assert_int_equal(fake_hv_slots(&fix.hv), 0);
	/* The hardware was told. */
	assert_int_equal(fix_read(PM + PCI_PM_CTRL, 1) & 3, 3);
}

/* PCI-3.0 6.7: a state that the device lacks is not entered. */
static void refused_power_state(void **state)
{
	char path[64];
	int rw = fix.d.fd;

	(void)state;
	fix_two_bars();
	fix_decode(true);
	/* From here on the hardware takes no write. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fix.d.fd);
	fix.d.fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fix.d.fd >= 0);
	fix_write(PM + PCI_PM_CTRL, 2, 3);
	fix_assert_two_bars(HIGH, LOW);
	/* Unmapped all the same while that was open. */
	assert_int_equal(fix.hv.unmaps, 4);
	close(rw);
}

static void only_in_a_window(void **state)
{
	static const uint64_t no[] = {
		0,	   0x1000000,	 LOW - 64 * KIB,
		LOW + GIB, 0xfee00000ul, 0xffff0000ul,
	};

	(void)state;
	fix_two_bars();
	fix_decode(true);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		fix_move(2, no[i]);
		assert_int_equal(fake_hv_slots(&fix.hv), 1);
		fix_move(0, no[i]);
		assert_int_equal(fake_hv_slots(&fix.hv), 0);
		fix_move(0, HIGH);
		fix_move(2, LOW);
		fix_assert_two_bars(HIGH, LOW);
	}
	/* The whole BAR counts, also where no slice is. */
	fix_move(0, HIGH + 64 * GIB - 16 * fix.page);
	assert_gpa(HIGH + 64 * GIB - fix.page);
	fix.d.window[1].len -= fix.page;
	fix_decode(false);
	fix_decode(true);
	assert_int_equal(fake_hv_slots(&fix.hv), 3);
}

/* A driver finds out the size while the BAR decodes. */
static void sizing_with_decoding_on(void **state)
{
	(void)state;
	fix_two_bars();
	fix_decode(true);
	fix_write(BAR(2), 4, 0xffffffff);
	assert_int_equal(fix_read(BAR(2), 4), 0xffffffff & -(16 * fix.page));
	assert_int_equal(fake_hv_slots(&fix.hv), 1);
	fix_write(BAR(2), 4, LOW);
	fix_assert_two_bars(HIGH, LOW);
	fix_write(BAR(0), 4, 0xffffffff);
	fix_write(BAR(1), 4, 0xffffffff);
	assert_int_equal(fake_hv_slots(&fix.hv), 3);
	fix_write(BAR(0), 4, HIGH & 0xffffffff);
	fix_write(BAR(1), 4, HIGH >> 32);
	fix_assert_two_bars(HIGH, LOW);
	assert_int_equal(fake_hv_slots(&fix.hv), 4);
}

/* Two devices in one place: who comes second waits for the first to leave. */
static void neighbour_waits_for_room(void **state)
{
	static struct vfio_dev other;

	(void)state;
	fix_two_bars();
	fix_decode(true);
	other = fix.d;
	other.n_maps = 0;
	memset(other.host, 0, sizeof(other.host));
	fix.all.dev[fix.all.n_devs++] = &other;
	bar_map_open(&other);
	other.func.ops->cfg_write(&other.func, PCI_COMMAND, 2,
				  PCI_COMMAND_MEMORY);
	assert_int_equal(fake_hv_slots(&fix.hv), 4);
	assert_int_equal(fix.hv.refusals, 0);
	fix_move(2, LOW + MIB);
	assert_int_equal(fake_hv_slots(&fix.hv), 7);
	assert_int_equal(fix_at_gpa(LOW), fix_tag(2, 0));
	assert_int_equal(fix_at_gpa(LOW + MIB), fix_tag(2, 0));
	bar_follow_clear(&other);
	bar_map_close(&other);
	fix_assert_two_bars(HIGH, LOW + MIB);
}

/* --- DMA ------------------------------------------------------------------ */

static void no_dma_unless_asked(void **state)
{
	(void)state;
	fix_reach(false);
	fix.all.p2p = false;
	fix_two_bars();
	fix_decode(true);
	assert_int_equal(fake_iommu_count(&fix.iommu), 0);
	fix.all.p2p = true;
	fix.all.iommu = NULL;
	fix_decode(true);
	assert_int_equal(fake_iommu_count(&fix.iommu), 0);
}

/* A mapping that the kernel keeps is made once, and again when a BAR moves. */
static void dma_outlives_decoding(void **state)
{
	(void)state;
	fix_reach(false);
	fix_two_bars();
	assert_int_equal(fix.iommu.maps, 0);
	fix_decode(true);
	fix_assert_dma(HIGH, LOW);
	for (unsigned int i = 0; i < 1000; i++) {
		fix_decode(false);
		fix_decode(true);
	}
	/* What a driver does to learn a size, with decoding off and on. */
	for (unsigned int on = 0; on < 2; on++) {
		fix_decode(on);
		fix_write(BAR(0), 4, 0xffffffff);
		fix_write(BAR(1), 4, 0xffffffff);
		fix_write(BAR(1), 4, HIGH >> 32);
		fix_write(BAR(0), 4, HIGH & 0xffffffff);
		fix_decode(true);
	}
	fix_write(PM + PCI_PM_CTRL, 2, 3);
	fix_write(PM + PCI_PM_CTRL, 2, 0);
	fix_assert_dma(HIGH, LOW);
	/* BAR 0 was at HIGH + 0xf... for a moment, see the window. */
	assert_true(fix.iommu.maps <= 6);
	fix_move(2, LOW + MIB);
	fix_assert_dma(HIGH, LOW + MIB);
	bar_follow_clear(&fix.d);
	assert_int_equal(fake_iommu_count(&fix.iommu), 0);
}

static void toggling_maps_no_dma(void **state)
{
	(void)state;
	fix_reach(false);
	fix_two_bars();
	fix_decode(true);
	assert_int_equal(fix.iommu.maps, 4);
	for (unsigned int i = 0; i < 1000; i++) {
		fix_decode(false);
		fix_decode(true);
	}
	assert_int_equal(fix.iommu.maps, 4);
	assert_int_equal(fix.iommu.unmaps, 0);
	assert_int_equal(fix.hv.maps, 4 * 1001);
	assert_int_equal(fix.hv.unmaps, 4 * 1000);
}

/* What is left where a BAR was makes room for the BAR that goes there. */
static void stale_dma_makes_room(void **state)
{
	(void)state;
	fix_reach(false);
	fix_two_bars();
	fix_move(0, LOW + MIB);
	fix_decode(true);
	fix_assert_dma(LOW + MIB, LOW);
	fix_decode(false);
	fix_assert_dma(LOW + MIB, LOW);
	fix_move(0, LOW);
	fix_move(2, LOW + MIB);
	assert_int_equal(fix.iommu.unmaps, 0);
	fix_decode(true);
	fix_assert_dma(LOW, LOW + MIB);
	assert_int_equal(fix.iommu.maps, 8);
	/* BAR 2 cannot be where BAR 0 is, but it gives way there. */
	fix_move(2, 0x1000000);
	fix_move(0, LOW + MIB);
	fix_move(2, LOW);
	fix_assert_dma(LOW + MIB, LOW);
}

/* A mapping that the kernel takes away is made anew, in the right order. */
static void revoked_dma_is_made_anew(void **state)
{
	(void)state;
	fix_reach(true);
	fix_two_bars();
	fix_decode(true);
	fix_assert_dma(HIGH, LOW);
	fix_decode(false);
	assert_int_equal(fake_iommu_count(&fix.iommu), 0);
	fix_decode(true);
	fix_assert_dma(HIGH, LOW);
	assert_int_equal(fix.iommu.maps, 8);
	assert_int_equal(fix.iommu.unmaps, 4);
	fix_write(PM + PCI_PM_CTRL, 2, 3);
	assert_int_equal(fake_iommu_count(&fix.iommu), 0);
	fix_write(PM + PCI_PM_CTRL, 2, 0);
	fix_assert_dma(HIGH, LOW);
	/* A reset by barge itself, with decoding on all the time. */
	bar_follow_reset(&fix.d);
	fix_assert_dma(HIGH, LOW);
	assert_int_equal(fix.iommu.maps, 16);
	assert_int_equal(fix.iommu.unmaps, 12);
	assert_int_equal(fix.hv.unmaps, 8);
	/* Nothing is done for nothing. */
	fix_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	fix_move(0, HIGH);
	assert_int_equal(fix.iommu.maps, 16);
	fix_assert_dma(HIGH, LOW);
}

static void reserved_addresses(void **state)
{
	(void)state;
	fix_reach(false);
	fix.all.n_reserved = 1;
	fix.all.reserved[0] = (struct span){LOW + 4 * fix.page, fix.page};
	fix_two_bars();
	fix_decode(true);
	assert_int_equal(fake_iommu_count(&fix.iommu), 3);
	fix_assert_two_bars(HIGH, LOW);
	fix_move(2, LOW + MIB);
	fix_assert_dma(HIGH, LOW + MIB);
}

/* Told once, and not tried again and again. */
static void refused_dma(void **state)
{
	(void)state;
	fix_reach(true);
	fix.iommu.fail_with = -EOPNOTSUPP;
	fix_two_bars();
	fix_decode(true);
	fix_assert_two_bars(HIGH, LOW);
	assert_true(fix.d.p2p_warned);
	assert_int_equal(fix.iommu.refusals, 4);
	for (unsigned int i = 0; i < 100; i++) {
		fix_decode(false);
		fix_decode(true);
	}
	assert_int_equal(fix.iommu.refusals, 4);
	fix.iommu.fail_with = 0;
	fix_move(2, LOW + MIB);
	assert_int_equal(fake_iommu_count(&fix.iommu), 3);
}

/* --- trapped accesses ----------------------------------------------------- */

/* A region that claims to reach into the next one: config space, say. */
static void no_byte_of_another_region(void **state)
{
	const struct pci_func_ops *ops = fix.d.func.ops;
	struct pci_func *f = &fix.d.func;

	(void)state;
	fix_bar(4, PCI_BAR_MEM64, 4 * TIB);
	fix_open();
	assert_int_equal(ops->bar_read(f, 4, 0, 4), 0);
	ops->bar_write(f, 4, TIB - 4, 4, 0x1234);
	assert_int_equal(ops->bar_read(f, 4, TIB - 4, 4), 0x1234);
	assert_int_equal(ops->bar_read(f, 4, TIB - 2, 4), 0xffffffff);
	/* Three regions on is configuration space. */
	assert_int_equal(ops->bar_read(f, 4, 3 * TIB, 4), 0xffffffff);
	ops->bar_write(f, 4, 3 * TIB, 4, 0x5678);
	assert_int_equal(vfio_cfg_pread(&fix.d, 0, 4), 0xa8011b36);
}

/* --- a hypervisor that refuses --- */

static void refused_map_recovers(void **state)
{
	(void)state;
	for (unsigned int nth = 1; nth <= 4; nth++) {
		fix_teardown(NULL);
		fix_setup(NULL);
		fix_two_bars();
		fake_hv_fail(&fix.hv, nth, -EEXIST);
		fix_decode(true);
		assert_int_equal(fake_hv_slots(&fix.hv), 3);
		/* The next write of the configuration tries again. */
		fix_decode(true);
		fix_assert_two_bars(HIGH, LOW);
		assert_int_equal(fix.hv.refusals, 1);
	}
}

static void refused_unmap_is_tried_again(void **state)
{
	(void)state;
	fix_two_bars();
	fix_decode(true);
	fake_hv_fail(&fix.hv, 2, -ENOMEM);
	fix_decode(false);
	assert_int_equal(fake_hv_slots(&fix.hv), 1);
	fix_decode(false);
	assert_int_equal(fake_hv_slots(&fix.hv), 0);
	fix_decode(true);
	fix_assert_two_bars(HIGH, LOW);
	/* On the way to another address it is not mapped twice. */
	fake_hv_fail(&fix.hv, 1, -ENOMEM);
	fix_move(2, LOW + MIB);
	assert_int_equal(fake_hv_slots(&fix.hv), 4);
	assert_gpa(LOW);
	fix_decode(true);
	fix_assert_two_bars(HIGH, LOW + MIB);
}

static void too_few_slots(void **state)
{
	(void)state;
	fix.hv.n_slots = 2;
	fix_two_bars();
	fix_decode(true);
	assert_int_equal(fake_hv_slots(&fix.hv), 2);
	fix.hv.n_slots = 8;
	fix_decode(true);
	fix_assert_two_bars(HIGH, LOW);
}

/* --- order --- */

struct order {
	unsigned int seen;
	bool wrong;
};

/* The hardware decodes while anything is mapped. */
static void hardware_decodes(void *ctx, bool map)
{
	struct order *o = ctx;
	uint16_t command = 0;

	(void)map;
	if (pread(fix.d.fd, &command, 2,
		  (off_t)(fix.d.region[CONFIG].fd_off + PCI_COMMAND)) != 2 ||
	    !(command & PCI_COMMAND_MEMORY))
		o->wrong = true;
	o->seen++;
}

static void mapped_only_while_hardware_decodes(void **state)
{
	struct order o = {0};

	(void)state;
	fix_two_bars();
	fix.hv.watch = hardware_decodes;
	fix.hv.watch_ctx = &o;
	fix_decode(true);
	fix_decode(false);
	fix_decode(true);
	assert_int_equal(o.seen, 12);
	assert_false(o.wrong);
	fix.hv.watch = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fix_test(decoding_maps),
		fix_test(toggling_costs_one_of_each),
		fix_test(bars_move),
		fix_test(wide_bar_moves_down),
		fix_test(bars_swap),
		fix_test(sleeping_device_is_not_mapped),
		fix_test(refused_power_state),
		fix_test(only_in_a_window),
		fix_test(sizing_with_decoding_on),
		fix_test(neighbour_waits_for_room),
		fix_test(no_dma_unless_asked),
		fix_test(dma_outlives_decoding),
		fix_test(toggling_maps_no_dma),
		fix_test(stale_dma_makes_room),
		fix_test(revoked_dma_is_made_anew),
		fix_test(reserved_addresses),
		fix_test(refused_dma),
		fix_test(no_byte_of_another_region),
		fix_test(refused_map_recovers),
		fix_test(refused_unmap_is_tried_again),
		fix_test(too_few_slots),
		fix_test(mapped_only_while_hardware_decodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
