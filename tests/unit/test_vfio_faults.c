/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake_vfio_life.h"
#include "vmm/explain.h"

/*
 * The whole life again and again, and each time another call fails: each ends
 * with success or with an error that can be explained, and leaves nothing.
 */

static struct life l;
static unsigned int runs;

struct scene {
	const char *name;
	void (*describe)(void);
	enum vfio_backend backend;
};

static void one_nvme(void)
{
	fake_nvme("0000:01:00.0", 7);
}

static void one_ahci(void)
{
	fake_ahci("0000:02:00.0", 9);
}

static void one_gpu(void)
{
	fake_gpu("0000:03:00.0", 11);
}

static void two(void)
{
	fake_nvme("0000:01:00.0", 7);
	fake_e1000("0000:02:00.0", 9);
}

static void peers(void)
{
	fake_nvme("0000:01:00.0", 7);
	fake_gpu("0000:03:00.0", 11);
}

/* Reset with their bus; the second has a ROM, too. */
static void siblings(void)
{
	struct fake_pci *p;

	fake_ahci("0000:02:00.0", 9)->bus_reset = true;
	p = fake_ahci("0000:02:00.1", 9);
	p->bus_reset = true;
	fake_rom(p, 4096);
}

static const struct scene scenes[] = {
	{"nvme, type1", one_nvme, VFIO_BACKEND_TYPE1},
	{"nvme, iommufd", one_nvme, VFIO_BACKEND_IOMMUFD},
	{"ahci, auto", one_ahci, VFIO_BACKEND_AUTO},
	{"gpu, type1", one_gpu, VFIO_BACKEND_TYPE1},
	{"two, type1", two, VFIO_BACKEND_TYPE1},
	{"peers, iommufd", peers, VFIO_BACKEND_IOMMUFD},
	{"peers, auto", peers, VFIO_BACKEND_AUTO},
	{"siblings, type1", siblings, VFIO_BACKEND_TYPE1},
	{"siblings, iommufd", siblings, VFIO_BACKEND_IOMMUFD},
};

#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

static int teardown(void **state)
{
	(void)state;
	fake_host_stop();
	return 0;
}

/* An error must be one that people can read, of the host's kind. */
static void explained(int r)
{
	char text[1024];

	assert_true(r < 0);
	assert_int_not_equal(l.e.what, ERR_NONE);
	explain(&l.e, text, sizeof(text));
	assert_true(strlen(text) > 20);
	assert_int_equal(explain_status(&l.e), 2);
}

static const uint8_t image[64] = {0x55, 0xaa};

static void begin(const struct scene *s)
{
	fake_host_init();
	s->describe();
	fake_host_start();
	for (unsigned int i = 0; i < fake_host.n; i++) {
		if (fake_host.pci[i].region[VFIO_PCI_ROM_REGION_INDEX].size)
			fake_rom_bytes(&fake_host.pci[i], image, sizeof(image));
	}
	life_init(&l);
	l.backend = s->backend;
}

static void read_rom(unsigned int i)
{
	guest_command(&l, i, PCI_COMMAND_MEMORY);
	guest_cfg_write(&l, i, PCI_ROM_ADDRESS, 4,
			0x81000000 | PCI_ROM_ADDRESS_ENABLE);
	(void)guest_read(&l, 0x81000000, 4);
	(void)guest_read(&l, 0x81000000 + 2046, 4);
	guest_cfg_write(&l, i, PCI_ROM_ADDRESS, 4, 0);
}

/* At its end the host asks for the first device, and the guest gives it up. */
static void run(void)
{
	guest_drive(&l);
	for (unsigned int i = 0; i < fake_host.n; i++)
		read_rom(i);
	fake_irq_fire(&fake_host.pci[0], VFIO_PCI_ERR_IRQ_INDEX, 0);
	fake_irq_fire(&fake_host.pci[0], VFIO_PCI_REQ_IRQ_INDEX, 0);
	(void)life_events(&l);
	(void)vfio_slot_eject(&l.v, &l.host, l.plan.pci[0].devfn >> 3);
	for (unsigned int i = 1; i < fake_host.n; i++)
		guest_command(&l, i, i & 1 ? 0 : 7);
}

/* Live with whatever fault was ordered; whether it came. */
static bool live(const struct scene *s, const char *fault, unsigned int nth)
{
	const char *left;
	bool failed;
	int r;

	r = life_open(&l);
	if (r == 0)
		r = life_start(&l);
	if (r == 0)
		run();
	life_end(&l);
	failed = fake_sys_failed();
	left = fake_host_left();
	fake_host_stop();
	if (left)
		fail_msg("%s: call %u, %s, with %s: %s", s->name, nth,
			 fake_sys_failed_in(), fault, left);
	if (r < 0)
		explained(r);
	if (!failed && r < 0)
		fail_msg("%s: fails without a fault", s->name);
	runs++;
	return failed;
}

/*
 * Which call is to fail next. Of many in a row that are the same, such as the
 * reads of a ROM, not each has to.
 */
struct walk {
	unsigned int nth;
	unsigned int step;
	unsigned int same;
	const char *name;
};

#define WALK_FIRST                                                             \
	{                                                                      \
		.nth = 1, .step = 1, .name = ""                                \
	}
#define SAME_ENOUGH 24
#define SAME_STEP   16

/* False when all have been. */
static bool walk_next(struct walk *w, bool failed)
{
	const char *name = fake_sys_failed_in();

	if (w->step > 1 && strcmp(name, w->name) != 0) {
		/* Something else began in between: look at each. */
		w->nth -= w->step - 1;
		w->step = 1;
		w->same = 0;
		return true;
	}
	w->same = strcmp(name, w->name) == 0 ? w->same + 1 : 0;
	w->name = name;
	w->step = w->same > SAME_ENOUGH ? SAME_STEP : 1;
	w->nth += w->step;
	return failed;
}

/* --- one call fails --------------------------------------------------------
 */

/* UNIT_SHORT: one scene is enough, since all of this is slow here. */
static unsigned int scenes_from(unsigned int first)
{
	return getenv("UNIT_SHORT") ? first + 1 : SCENES;
}

/* In every @step-th scene, beginning with @first: it takes its time. */
static void each_call(int code, unsigned int first, unsigned int step)
{
	for (unsigned int i = first; i < scenes_from(first); i += step) {
		struct walk w = WALK_FIRST;

		do {
			begin(&scenes[i]);
			fake_sys_fail(w.nth, code);
		} while (
			walk_next(&w, live(&scenes[i], strerror(code), w.nth)));
		assert_true(w.nth > 100);
	}
}

static void fails_enomem(void **state)
{
	(void)state;
	each_call(ENOMEM, 0, 1);
}

static void fails_einval(void **state)
{
	(void)state;
	each_call(EINVAL, 0, 2);
}

static void fails_ebusy(void **state)
{
	(void)state;
	each_call(EBUSY, 1, 2);
}

static void fails_enospc(void **state)
{
	(void)state;
	each_call(ENOSPC, 1, 2);
}

static void fails_eexist(void **state)
{
	(void)state;
	each_call(EEXIST, 0, 2);
}

static void fails_eio(void **state)
{
	(void)state;
	each_call(EIO, 1, 2);
}

static void fails_enodev(void **state)
{
	(void)state;
	each_call(ENODEV, 1, 2);
}

/* --- every call fails, from one on ------------------------------------------
 */

static void fail_from(int code, unsigned int first)
{
	for (unsigned int i = first; i < scenes_from(first); i += 2) {
		struct walk w = WALK_FIRST;

		do {
			begin(&scenes[i]);
			fake_sys_fail_from(w.nth, code);
		} while (
			walk_next(&w, live(&scenes[i], strerror(code), w.nth)));
	}
}

static void all_fail_enomem(void **state)
{
	(void)state;
	fail_from(ENOMEM, 0);
}

static void all_fail_eio(void **state)
{
	(void)state;
	fail_from(EIO, 1);
}

/* --- the device is gone ----------------------------------------------------
 */

static void vanish(const struct scene *s, unsigned int dev)
{
	struct walk w = WALK_FIRST;

	do {
		begin(s);
		fake_sys_vanish(w.nth, &fake_host.pci[dev].file[0]);
	} while (walk_next(&w, live(s, "a device that is gone", w.nth)));
}

static void vanishes(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < scenes_from(0); i++) {
		vanish(&scenes[i], 0);
		if (fake_host.n > 1)
			vanish(&scenes[i], 1);
	}
}

/* --- reads that give less --------------------------------------------------
 */

static void reads_less(void **state)
{
	static const size_t lens[] = {0, 1, 3, 63};

	(void)state;
	for (unsigned int i = 0; i < scenes_from(0); i++) {
		struct walk w = WALK_FIRST;

		do {
			begin(&scenes[i]);
			fake_sys_short(w.nth, lens[i % 4]);
		} while (walk_next(&w, live(&scenes[i], "less bytes", w.nth)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(fails_enomem, teardown),
		cmocka_unit_test_teardown(fails_einval, teardown),
		cmocka_unit_test_teardown(fails_ebusy, teardown),
		cmocka_unit_test_teardown(fails_enospc, teardown),
		cmocka_unit_test_teardown(fails_eexist, teardown),
		cmocka_unit_test_teardown(fails_eio, teardown),
		cmocka_unit_test_teardown(fails_enodev, teardown),
		cmocka_unit_test_teardown(all_fail_enomem, teardown),
		cmocka_unit_test_teardown(all_fail_eio, teardown),
		cmocka_unit_test_teardown(vanishes, teardown),
		cmocka_unit_test_teardown(reads_less, teardown),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	print_message("%u lives\n", runs);
	return r;
}
