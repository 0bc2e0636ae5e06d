// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake_vfio_life.h"
#include "vmm/explain.h"
#include "vmm/vm.h"

/* Errors of devices, devices the host wants back, and devices that leave. */

#define ON	0x0007
#define A	"0000:01:00.0"
#define B	"0000:02:00.0"
#define ERROR	VFIO_PCI_ERR_IRQ_INDEX
#define REQUEST VFIO_PCI_REQ_IRQ_INDEX

static struct life l;
static struct vm vm;
static struct conf conf;

/* A device by which the guest can be asked, or its button pressed. */
struct asker {
	struct device dev; /* first */
	unsigned int slots;
	unsigned int buttons;
};

static struct asker asker;

static void ask(struct device *d, unsigned int slot)
{
	((struct asker *)d)->slots |= 1u << slot;
}

static void press(struct device *d)
{
	((struct asker *)d)->buttons++;
}

static const struct dev_ops asker_ops = {
	.name = "asker",
	.power_button = press,
	.slot_request = ask,
};

static const struct dev_ops button_ops = {
	.name = "button",
	.power_button = press,
};

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

static void start(enum vfio_backend backend)
{
	fake_host_start();
	life_init(&l);
	l.backend = backend;
	assert_int_equal(life_open(&l), 0);
	assert_int_equal(life_start(&l), 0);
}

static void end(void)
{
	const char *left;

	life_end(&l);
	left = l.hv.misuse ? l.hv.misuse : fake_host_left();
	if (!left)
		return;
	fake_host_stop(); /* so that the message is seen */
	fail_msg("%s", left);
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* --- vfio ----------------------------------------------------------------- */

static void told_which(void **state)
{
	struct fake_pci *a = fake_nvme(A, 7);
	struct fake_pci *b = fake_e1000(B, 9);
	struct vfio_event e;

	(void)state;
	start(VFIO_BACKEND_TYPE1);
	assert_false(readable(vfio_event_fd(&l.v)));
	assert_false(vfio_event_take(&l.v, &e));
	assert_true(fake_irq_fire(b, REQUEST, 0));
	assert_true(readable(vfio_event_fd(&l.v)));
	assert_true(vfio_event_take(&l.v, &e));
	assert_int_equal(e.kind, VFIO_EVENT_REQUEST);
	assert_int_equal(e.dev, 1);
	assert_false(vfio_event_take(&l.v, &e));
	/* Twice before anybody looked is once. */
	assert_true(fake_irq_fire(a, ERROR, 0));
	assert_true(fake_irq_fire(a, ERROR, 0));
	assert_true(vfio_event_take(&l.v, &e));
	assert_int_equal(e.kind, VFIO_EVENT_ERROR);
	assert_int_equal(e.dev, 0);
	assert_false(vfio_event_take(&l.v, &e));
	assert_false(readable(vfio_event_fd(&l.v)));
	/* no PCI Express, no error reporting */
	assert_false(fake_irq_fire(b, ERROR, 0));
	end();
}

static void nobody_to_tell(void **state)
{
	struct vfio v;
	struct vfio_event e;

	(void)state;
	vfio_init(&v);
	assert_int_equal(vfio_event_fd(&v), -1);
	assert_false(vfio_event_take(&v, &e));
}

/* Of two drives one leaves; the other, and the VM, go on. */
static void leaves(enum vfio_backend backend)
{
	struct fake_pci *a = fake_nvme(A, 7);
	struct fake_pci *b = fake_nvme(B, 9);
	struct vfio_event e;
	const char *address;
	uint64_t bar_a, bar_b;
	unsigned int dmas;
	uint8_t devfn;

	start(backend);
	dmas = fake_dma_count();
	guest_command(&l, 0, ON);
	guest_command(&l, 1, ON);
	bar_a = guest_bar(&l, 0, 0);
	bar_b = guest_bar(&l, 1, 0);
	assert_non_null(fake_hv_at(&l.hv, bar_a));
	/* Peer to peer; iommufd has no part of a page. */
	if (backend == VFIO_BACKEND_TYPE1 ||
	    a->region[0].size >= fake_host.page)
		assert_true(fake_dma_count() > dmas);
	guest_cfg_write(&l, 0, guest_cap(&l, 0, PCI_CAP_ID_MSIX) + 2, 2,
			PCI_MSIX_FLAGS_ENABLE);
	guest_msix_set(&l, 0, 0, 0x40, false);
	assert_true(vfio_present(&l.v, 0, &address, &devfn));
	assert_string_equal(address, A);
	assert_int_equal(devfn, l.plan.pci[0].devfn);

	assert_true(fake_irq_fire(a, REQUEST, 0));
	assert_int_equal(vfio_slot_eject(&l.v, &l.host, devfn >> 3), 1);
	assert_int_equal(a->opens, 0);
	assert_int_equal(b->opens, 1);
	/* A mapping would keep its file, and the host waiting. */
	for (unsigned int i = 0; i < FAKE_FILES; i++)
		assert_null(fake_sys_mapping_of(&a->file[i]));
	assert_false(vfio_present(&l.v, 0, &address, &devfn));
	assert_string_equal(address, A);
	assert_int_equal(guest_cfg_read(&l, 0, 0, 4), 0xffffffff);
	guest_cfg_write(&l, 0, PCI_COMMAND, 2, ON);
	assert_null(fake_hv_at(&l.hv, bar_a));
	assert_int_equal(guest_read(&l, bar_a, 4), 0xffffffff);
	for (unsigned int i = 0; i < FAKE_ROUTES; i++)
		assert_false(l.hv.route[i].taken);
	/* what it had to tell went with it */
	assert_false(vfio_event_take(&l.v, &e));
	assert_int_equal(vfio_slot_eject(&l.v, &l.host, devfn >> 3), 0);

	/* the other one */
	assert_non_null(fake_hv_at(&l.hv, bar_b));
	assert_non_null(fake_dma_at(0x1000));
	guest_command(&l, 1, 0);
	guest_command(&l, 1, ON);
	assert_non_null(fake_hv_at(&l.hv, bar_b));
	assert_true(fake_irq_fire(b, REQUEST, 0));
	assert_true(vfio_event_take(&l.v, &e));
	assert_int_equal(e.dev, 1);
	guest_drive(&l);
	end();
}

static void leaves_type1(void **state)
{
	(void)state;
	leaves(VFIO_BACKEND_TYPE1);
}

static void leaves_iommufd(void **state)
{
	(void)state;
	leaves(VFIO_BACKEND_IOMMUFD);
}

/* The only one leaves, and so does all that it needed. */
static void last_one_leaves(void **state)
{
	struct fake_pci *a = fake_nvme(A, 7);

	(void)state;
	start(VFIO_BACKEND_TYPE1);
	guest_command(&l, 0, ON);
	assert_int_equal(
		vfio_slot_eject(&l.v, &l.host, l.plan.pci[0].devfn >> 3), 1);
	assert_int_equal(a->opens, 0);
	assert_int_equal(l.hv.n_groups, 0);
	end();
}

/* --- what the machine makes of it ----------------------------------------- */

/*
 * The machine around the devices of @l, as far as events go. Calls of the
 * machine are none of the devices' book.
 */
static void machine(const struct dev_ops *ops)
{
	memset(&vm, 0, sizeof(vm));
	memset(&asker, 0, sizeof(asker));
	vm.conf = &conf;
	vm.wake_fd = -1;
	vm.vfio = l.v;
	vm.pci_host = l.host;
	asker.dev.ops = ops;
	assert_int_equal(dispatch_add(&vm.dispatch, &vm.pci_host.dev), 0);
	assert_int_equal(dispatch_add(&vm.dispatch, &asker.dev), 0);
	assert_int_equal(loop_init(&vm.loop), 0);
	assert_int_equal(device_events_start(&vm), 0);
}

static void machine_end(void)
{
	loop_fini(&vm.loop);
	dispatch_fini(&vm.dispatch);
	l.v = vm.vfio;
	l.host = vm.pci_host;
	end();
}

static void configure(unsigned int i, const char *address,
		      enum conf_on_error on_error, unsigned int timeout)
{
	struct conf_vfio v = CONF_VFIO_DEFAULT;

	v.on_error = on_error;
	v.request_timeout = timeout;
	snprintf(v.address, sizeof(v.address), "%s", address);
	conf.vfio[i] = v;
	conf.n_vfio = i + 1;
}

static void begin(enum conf_on_error on_error, unsigned int timeout,
		  const struct dev_ops *ops)
{
	fake_nvme(A, 7);
	fake_nvme(B, 9);
	configure(0, B, ON_ERROR_STOP, 77); /* in another order than opened */
	configure(1, A, on_error, timeout);
	start(VFIO_BACKEND_TYPE1);
	machine(ops);
}

static void assert_ended(enum err_what what, const char *text)
{
	char buf[1024];

	assert_int_equal(atomic_load(&vm.end), VM_DEVICE);
	assert_int_equal(vm.device_err.what, what);
	explain(&vm.device_err, buf, sizeof(buf));
	assert_non_null(strstr(buf, text));
	assert_int_equal(explain_status(&vm.device_err), 2);
}

static void error_stops(void **state)
{
	(void)state;
	begin(ON_ERROR_STOP, 10, &asker_ops);
	assert_true(fake_irq_fire(&fake_host.pci[0], ERROR, 0));
	loop_once(&vm.loop, 0);
	assert_ended(ERR_VFIO_DEVICE_ERROR, A);
	/* The first cause counts. */
	assert_true(fake_irq_fire(&fake_host.pci[1], ERROR, 0));
	loop_once(&vm.loop, 0);
	assert_ended(ERR_VFIO_DEVICE_ERROR, A);
	machine_end();
}

static void error_ignored(void **state)
{
	(void)state;
	begin(ON_ERROR_IGNORE, 10, &asker_ops);
	for (unsigned int i = 0; i < 5; i++) {
		assert_true(fake_irq_fire(&fake_host.pci[0], ERROR, 0));
		loop_once(&vm.loop, 0);
	}
	assert_int_equal(atomic_load(&vm.end), VM_RUNS);
	assert_non_null(strstr(fake_sys_said(), A ": the host reports"));
	assert_null(strchr(strchr(fake_sys_said(), '\n') + 1, '\n'));
	machine_end();
}

static void guest_obeys(void **state)
{
	unsigned int slot;

	(void)state;
	begin(ON_ERROR_STOP, 10, &asker_ops);
	slot = l.plan.pci[0].devfn >> 3;
	assert_int_equal(device_events_poll(&vm, -1), -1);
	assert_int_equal(device_events_poll(&vm, 5), 5);
	assert_true(fake_irq_fire(&fake_host.pci[0], REQUEST, 0));
	loop_once(&vm.loop, 0);
	assert_int_equal(asker.slots, 1u << slot);
	assert_int_equal(asker.buttons, 0);
	assert_in_range(device_events_poll(&vm, -1), 9000, 10001);
	assert_int_equal(device_events_poll(&vm, 5), 5);
	/* The host repeats itself; the clock goes on. */
	asker.slots = 0;
	assert_true(fake_irq_fire(&fake_host.pci[0], REQUEST, 0));
	loop_once(&vm.loop, 0);
	assert_int_equal(asker.slots, 0);
	device_events_ejected(&vm, slot);
	assert_int_equal(fake_host.pci[0].opens, 0);
	assert_int_equal(fake_host.pci[1].opens, 1);
	assert_int_equal(device_events_poll(&vm, -1), -1);
	assert_int_equal(atomic_load(&vm.end), VM_RUNS);
	assert_non_null(strstr(fake_sys_said(), A ": the host wants"));
	assert_non_null(strstr(fake_sys_said(), A ": the guest gave"));
	assert_null(strstr(fake_sys_said(), B));
	/* A slot with nothing in it. */
	device_events_ejected(&vm, slot);
	device_events_ejected(&vm, 31);
	machine_end();
}

static void guest_does_not_listen(void **state)
{
	(void)state;
	begin(ON_ERROR_STOP, 1, &asker_ops);
	assert_true(fake_irq_fire(&fake_host.pci[0], REQUEST, 0));
	loop_once(&vm.loop, 0);
	assert_in_range(device_events_poll(&vm, -1), 1, 1001);
	assert_int_equal(atomic_load(&vm.end), VM_RUNS);
	usleep(1010000);
	assert_int_equal(device_events_poll(&vm, -1), 0);
	assert_ended(ERR_VFIO_REQUESTED, "within 1 s");
	machine_end();
}

static void guest_is_not_asked(void **state)
{
	(void)state;
	begin(ON_ERROR_STOP, 0, &asker_ops);
	assert_true(fake_irq_fire(&fake_host.pci[0], REQUEST, 0));
	loop_once(&vm.loop, 0);
	assert_int_equal(device_events_poll(&vm, -1), 0);
	assert_int_equal(asker.slots, 0);
	assert_ended(ERR_VFIO_REQUESTED, "request-timeout=10");
	machine_end();
}

static void only_a_button(void **state)
{
	(void)state;
	begin(ON_ERROR_STOP, 10, &button_ops);
	assert_true(fake_irq_fire(&fake_host.pci[0], REQUEST, 0));
	loop_once(&vm.loop, 0);
	assert_int_equal(asker.slots, 0);
	assert_int_equal(asker.buttons, 1);
	machine_end();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(told_which),
		T(nobody_to_tell),
		T(leaves_type1),
		T(leaves_iommufd),
		T(last_one_leaves),
		T(error_stops),
		T(error_ignored),
		T(guest_obeys),
		T(guest_does_not_listen),
		T(guest_is_not_asked),
		T(only_a_button),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
