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
#include "vfio/device.h"

/* Resets of a scripted host; what is thought of its lists is in test_reset.c.
 */

static struct life l;

/* Two functions that only a reset of their bus resets, and one elsewhere. */
static void two_on_a_bus(void)
{
	fake_host_init();
	fake_ahci("0000:02:00.0", 9)->bus_reset = true;
	fake_ahci("0000:02:00.1", 9)->bus_reset = true;
	fake_nvme("0000:01:00.0", 7);
}

static void begin(enum vfio_backend backend)
{
	fake_host_start();
	life_init(&l);
	l.backend = backend;
}

static void end(void)
{
	life_end(&l);
	assert_null(fake_host_left());
	fake_host_stop();
}

static void assert_hot(unsigned int i, unsigned int resets)
{
	assert_int_equal(fake_host.pci[i].hot_resets, resets);
	assert_int_equal(l.v.dev[i]->epoch, resets);
	assert_int_equal(l.v.dev[i]->reset, resets ? RESET_HOT : RESET_NONE);
}

static void bus_is_reset_once(void **state)
{
	(void)state;
	for (int b = VFIO_BACKEND_AUTO; b <= VFIO_BACKEND_IOMMUFD; b++) {
		two_on_a_bus();
		/* Left awake and busy by the one before. */
		fake_cfg_put(&fake_host.pci[1], PCI_COMMAND, 2,
			     PCI_COMMAND_MASTER);
		begin((enum vfio_backend)b);
		assert_int_equal(life_open(&l), 0);
		assert_hot(0, 1);
		assert_hot(1, 1);
		assert_int_equal(l.v.dev[2]->reset, RESET_KERNEL);
		assert_int_equal(fake_host.pci[2].hot_resets, 0);
		assert_int_equal(
			fake_cfg_get(&fake_host.pci[1], PCI_COMMAND, 2) &
				PCI_COMMAND_MASTER,
			0);
		assert_string_equal(fake_sys_said(), "");
		assert_int_equal(life_start(&l), 0);
		end();
	}
}

static int open_first(void)
{
	struct vfio_want w = {.backend = l.backend, .n = 1};
	int r;

	w.address[0] = fake_host.pci[0].address;
	vfio_setup(&l.v, &w);
	r = vfio_open(&l.v, w.address[0], MSIX_AUTO, &l.e);
	if (r == 0)
		vfio_reset(&l.v);
	return r;
}

/* Of the same group: nobody else can open it. */
static void sibling_of_our_group_is_ours(void **state)
{
	(void)state;
	two_on_a_bus();
	begin(VFIO_BACKEND_TYPE1);
	assert_int_equal(open_first(), 0);
	assert_hot(0, 1);
	end();
}

static void others_are_left_alone(void **state)
{
	(void)state;
	for (int b = VFIO_BACKEND_TYPE1; b <= VFIO_BACKEND_IOMMUFD; b++) {
		two_on_a_bus();
		fake_host.pci[1].group = 10;
		begin((enum vfio_backend)b);
		assert_int_equal(open_first(), 0);
		assert_hot(0, 0);
		assert_int_equal(fake_host.pci[1].hot_resets, 0);
		assert_non_null(strstr(fake_sys_said(), "0000:02:00.1"));
		assert_non_null(strstr(fake_sys_said(), "its last user"));
		end();
	}
}

/* Ours to have, but with no VFIO driver the kernel cannot stop its user. */
static void sibling_without_driver(void **state)
{
	(void)state;
	two_on_a_bus();
	fake_host.pci[1].driver[0] = '\0';
	begin(VFIO_BACKEND_TYPE1);
	assert_int_equal(open_first(), 0);
	assert_hot(0, 0);
	assert_non_null(
		strstr(fake_sys_said(), "not all functions of its bus"));
	end();
}

/* A kernel that lies of its list. */
static int lie(struct fake_pci *p, unsigned long req, void *info, uint32_t size)
{
	struct vfio_pci_hot_reset_info *h = info;

	if (req != VFIO_DEVICE_GET_PCI_HOT_RESET_INFO)
		return 0;
	switch (*(int *)p->script_ctx) {
	case 0:
		h->count = UINT32_MAX;
		return 0;
	case 1:
		h->count = 0;
		return 0;
	case 2: /* it grows each time */
		h->count = (size - (uint32_t)sizeof(*h)) / 8 + 1;
		return -ENOSPC;
	case 3:
		h->count = UINT32_MAX;
		return -ENOSPC;
	default:
		h->flags = UINT32_MAX;
		return -EPERM;
	}
}

static void hostile_kernel(void **state)
{
	int how;

	(void)state;
	for (how = 0; how < 5; how++) {
		two_on_a_bus();
		fake_host.pci[0].script = lie;
		fake_host.pci[0].script_ctx = &how;
		begin(VFIO_BACKEND_TYPE1);
		assert_int_equal(open_first(), 0);
		assert_hot(0, 0);
		assert_non_null(strstr(fake_sys_said(), "0000:02:00.0"));
		end();
	}
}

/* What the guest left asleep is handed back awake. */
static void device_is_handed_back_awake(void **state)
{
	struct fake_pci *p;
	unsigned int pm;

	(void)state;
	fake_host_init();
	p = fake_nvme("0000:01:00.0", 7);
	begin(VFIO_BACKEND_TYPE1);
	assert_int_equal(life_open(&l), 0);
	assert_int_equal(life_start(&l), 0);
	guest_command(&l, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	pm = guest_cap(&l, 0, PCI_CAP_ID_PM);
	assert_int_not_equal(pm, 0);
	guest_cfg_write(&l, 0, pm + PCI_PM_CTRL, 2, 3);
	assert_int_equal(guest_cfg_read(&l, 0, pm + PCI_PM_CTRL, 2) & 3, 3);
	vfio_detach(&l.v);
	assert_int_equal(fake_cfg_get(p, pm + PCI_PM_CTRL, 2) & 3, 0);
	assert_int_equal(fake_cfg_get(p, PCI_COMMAND, 2) & 7, 0);
	end();
}

static int teardown(void **state)
{
	(void)state;
	fake_host_stop();
	return 0;
}

#define test(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(bus_is_reset_once),     test(sibling_of_our_group_is_ours),
		test(others_are_left_alone), test(sibling_without_driver),
		test(hostile_kernel),	     test(device_is_handed_back_awake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
