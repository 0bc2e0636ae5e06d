/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio/device.h"
#include "vfio/reset.h"
#include "vfio/vfio.h"

/* Two groups of ours: 7 (file 107) and 9 (file 109), with a device in each. */

#define ROOM	 4096
#define BY_ID	 1u /* linux/vfio.h of Linux 6.6: FLAG_DEV_ID, .._OWNED */
#define OWNED	 2u
#define NOT_OURS 0xffffffffu
#define FN(d, f) ((d) << 3 | (f))

static struct vfio v;
static struct vfio_dev dev[3];
static union {
	struct vfio_pci_hot_reset_info info;
	uint8_t room[ROOM];
} list;
static struct reset_set set;

static int setup(void **state)
{
	static const char *const name[] = {"0000:01:00.0", "0000:01:00.1",
					   "0000:02:00.0"};

	(void)state;
	vfio_init(&v);
	memset(dev, 0, sizeof(dev));
	memset(&list, 0, sizeof(list));
	for (unsigned int i = 0; i < 3; i++) {
		memcpy(dev[i].address, name[i], strlen(name[i]) + 1);
		dev[i].all = &v;
		dev[i].fd = -1;
		v.dev[v.n_devs++] = &dev[i];
	}
	v.n_groups = 2;
	v.group[0] = (struct vfio_group){.fd = 107, .id = 7};
	v.group[1] = (struct vfio_group){.fd = 109, .id = 9};
	return 0;
}

static void affects(uint32_t number, unsigned int bus, unsigned int devfn)
{
	struct vfio_pci_dependent_device *d =
		&list.info.devices[list.info.count++];

	d->group_id = number;
	d->bus = (uint8_t)bus;
	d->devfn = (uint8_t)devfn;
}

static void make(uint32_t flags)
{
	list.info.flags = flags;
	reset_set_make(&set, &list.info, sizeof(list), &v);
}

static void whole_bus_in_our_groups(void **state)
{
	(void)state;
	affects(7, 1, FN(0, 0));
	affects(7, 1, FN(0, 1));
	affects(9, 1, FN(1, 0)); /* not given to the guest, and yet ours */
	make(0);
	assert_true(set.ours);
	assert_int_equal(set.devs, 3);
	/* Each group once, and none that is not affected. */
	assert_int_equal(set.n_files, 2);
	assert_int_equal(set.file[0], 107);
	assert_int_equal(set.file[1], 109);
	list.info.count = 2;
	make(0);
	assert_true(set.ours);
	assert_int_equal(set.n_files, 1);
}

static void stranger_is_named(void **state)
{
	(void)state;
	affects(7, 1, FN(0, 0));
	affects(8, 1, FN(0x1f, 3));
	affects(6, 1, FN(2, 0));
	make(0);
	assert_false(set.ours);
	assert_string_equal(set.stranger, "0000:01:1f.3");
	assert_int_equal(set.devs, 1);
}

/* With iommufd the number is a device's, and the kernel says whose it is. */
static void kernel_knows_the_owner(void **state)
{
	(void)state;
	v.n_groups = 0;
	affects(1, 1, FN(0, 0));
	affects(0, 1, FN(0, 1)); /* of the same group, opened by nobody */
	make(BY_ID | OWNED);
	assert_true(set.ours);
	assert_int_equal(set.n_files, 0);
	assert_int_equal(set.devs, 3);
	affects(NOT_OURS, 1, FN(3, 0));
	make(BY_ID);
	assert_false(set.ours);
	assert_string_equal(set.stranger, "0000:01:03.0");
	/* Both have to agree. */
	make(BY_ID | OWNED);
	assert_false(set.ours);
	list.info.count = 2;
	make(BY_ID);
	assert_false(set.ours);
}

/* A number that means a device is no group, even if we have one of its name. */
static void numbers_are_not_mixed_up(void **state)
{
	(void)state;
	affects(NOT_OURS, 1, FN(0, 0));
	make(BY_ID | OWNED);
	assert_false(set.ours);
	v.group[0].id = NOT_OURS;
	make(0);
	assert_true(set.ours);
}

static void hostile_lists(void **state)
{
	(void)state;
	make(0); /* nobody is affected: then whose reset would it be? */
	assert_false(set.ours);
	assert_string_equal(set.stranger, "");
	affects(7, 1, FN(0, 0));
	for (size_t room = 0;
	     room < sizeof(list.info) + sizeof(list.info.devices[0]); room++) {
		reset_set_make(&set, &list.info, room, &v);
		assert_false(set.ours);
		assert_int_equal(set.n_files, 0);
	}
	list.info.count = UINT32_MAX;
	make(0);
	assert_false(set.ours);
	/* More groups than we can have. */
	list.info.count = 0;
	v.n_groups = VFIO_DEVS_MAX;
	for (unsigned int i = 0; i < VFIO_DEVS_MAX; i++)
		v.group[i] = (struct vfio_group){.fd = 200 + (int)i, .id = i};
	for (unsigned int i = 0; i < 100; i++)
		affects(i % VFIO_DEVS_MAX, 1, i);
	make(0);
	assert_true(set.ours);
	assert_int_equal(set.n_files, VFIO_DEVS_MAX);
}

/* --- what is done to a device --- */

static uint16_t config(const struct vfio_dev *d, unsigned int off)
{
	uint16_t val = 0;

	assert_int_equal(pread(d->fd, &val, 2, off), 2);
	return val;
}

static void open_device(struct vfio_dev *d, uint16_t command, uint16_t pmcsr)
{
	d->fd = memfd_create("device", MFD_CLOEXEC);
	d->cfg_size = 256;
	assert_int_equal(ftruncate(d->fd, 256), 0);
	assert_int_equal(pwrite(d->fd, &command, 2, PCI_COMMAND), 2);
	assert_int_equal(pwrite(d->fd, &pmcsr, 2, 0x40 + PCI_PM_CTRL), 2);
}

static void quiet_and_awake(void **state)
{
	struct vfio_dev *d = &dev[0];

	(void)state;
	open_device(d, 0x0107, 0x0103);
	d->pm_cap = 0x40;
	reset_quiesce(d);
	assert_int_equal(config(d, PCI_COMMAND), PCI_COMMAND_INTX_DISABLE);
	assert_int_equal(config(d, 0x40 + PCI_PM_CTRL), 0x0100);
	close(d->fd);
	/* Without power management nothing but COMMAND is touched. */
	open_device(d, 0x0007, 0x0003);
	d->pm_cap = 0;
	reset_quiesce(d);
	assert_int_equal(config(d, PCI_COMMAND), PCI_COMMAND_INTX_DISABLE);
	assert_int_equal(config(d, 0x40 + PCI_PM_CTRL), 0x0003);
	close(d->fd);
}

/* Neither ours alone to reset, nor known to the kernel: said, and it goes on.
 */
static void nothing_to_be_done(void **state)
{
	char text[128];

	(void)state;
	open_device(&dev[0], 0, 0);
	dev[1].resets_alone = true;
	dev[2].resets_alone = true;
	reset_start(&v);
	assert_int_equal(dev[0].reset, RESET_NONE);
	assert_int_equal(dev[1].reset, RESET_KERNEL);
	assert_int_equal(dev[0].epoch, 0);
	reset_text(&v, 0, text, sizeof(text));
	assert_string_equal(text, "0000:01:00.0: not reset");
	reset_text(&v, 1, text, sizeof(text));
	assert_non_null(strstr(text, "0000:01:00.1: reset at start and end"));
	dev[1].reset = RESET_HOT;
	reset_text(&v, 1, text, sizeof(text));
	assert_non_null(strstr(text, "with all of its bus"));
	close(dev[0].fd);
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(whole_bus_in_our_groups), test(stranger_is_named),
		test(kernel_knows_the_owner),  test(numbers_are_not_mixed_up),
		test(hostile_lists),	       test(quiet_and_awake),
		test(nothing_to_be_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
