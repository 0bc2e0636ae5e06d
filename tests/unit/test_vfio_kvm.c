// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake_sys.h"
#include "vmm/kvm.h"

/* Interrupt routes as KVM is told of them: core/hv.h's contract on ioctls. */

#define FIRST 24

/* What KVM has. */
static struct {
	unsigned int n;
	struct kvm_irq_routing_entry entry[KVM_ROUTES_MAX];
	unsigned int pushes;
	unsigned int irqfds;
	struct kvm_irqfd irqfd; /* the last one */
	int refuse;		/* this, the next time */
} kvm_has;

static struct kvm *k;
static struct hv *hv;

static int routing(const struct kvm_irq_routing *t)
{
	kvm_has.pushes++;
	if (kvm_has.refuse)
		return kvm_has.refuse;
	assert_true(t->nr <= KVM_ROUTES_MAX);
	kvm_has.n = t->nr;
	memcpy(kvm_has.entry, t->entries, t->nr * sizeof(t->entries[0]));
	return 0;
}

static int vm_ioctl(void *obj, unsigned long req, void *arg)
{
	(void)obj;
	switch (req) {
	case KVM_SET_GSI_ROUTING:
		return routing(arg);
	case KVM_IRQFD:
		kvm_has.irqfds++;
		kvm_has.irqfd = *(struct kvm_irqfd *)arg;
		return 0;
	default:
		return -ENOTTY;
	}
}

static const struct fake_file_ops vm_ops = {.name = "vm", .ioctl = vm_ioctl};

static int setup(void **state)
{
	static struct kvm kvm;
	struct kvm_irq_routing_entry line = {.gsi = 5,
					     .type = KVM_IRQ_ROUTING_IRQCHIP};
	struct err e;

	(void)state;
	k = &kvm;
	hv = &k->hv;
	memset(&kvm_has, 0, sizeof(kvm_has));
	fake_sys_start();
	kvm_init(k);
	k->n_gsi = KVM_ROUTES_MAX;
	k->vm = fake_sys_open(&vm_ops, &kvm_has, -1);
	return kvm_set_base_routes(k, &line, 1, FIRST, &e);
}

static int teardown(void **state)
{
	(void)state;
	kvm_close(k);
	fake_sys_stop();
	return 0;
}

static unsigned int take(void)
{
	unsigned int gsi;

	assert_int_equal(hv->ops->route_take(hv, &gsi), 0);
	return gsi;
}

static void route(unsigned int gsi, uint32_t data)
{
	struct hv_msi msi = {0x1fee00000, data, 8};

	assert_int_equal(hv->ops->route_msi(hv, gsi, msi), 0);
}

/* The message that @gsi delivers, 0: none. */
static uint32_t message(unsigned int gsi)
{
	for (unsigned int i = 0; i < kvm_has.n; i++) {
		const struct kvm_irq_routing_entry *x = &kvm_has.entry[i];

		if (x->gsi != gsi || x->type != KVM_IRQ_ROUTING_MSI)
			continue;
		assert_int_equal(x->u.msi.address_lo, 0xfee00000);
		assert_int_equal(x->u.msi.address_hi, 1);
		return x->u.msi.data;
	}
	return 0;
}

static int commit(void)
{
	return hv->ops->route_commit(hv);
}

static void many_at_once(void **state)
{
	unsigned int gsi[64];

	(void)state;
	assert_int_equal(kvm_has.pushes, 1); /* the irqchip's own */
	for (unsigned int i = 0; i < 64; i++) {
		gsi[i] = take();
		assert_true(gsi[i] >= FIRST);
		route(gsi[i], 0x40 + i);
	}
	assert_int_equal(kvm_has.pushes, 1);
	assert_int_equal(commit(), 0);
	assert_int_equal(kvm_has.pushes, 2);
	assert_int_equal(kvm_has.n, 65);
	assert_int_equal(kvm_has.entry[0].gsi, 5);
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(message(gsi[i]), 0x40 + i);
	/* What is as it was costs nothing. */
	assert_int_equal(commit(), 0);
	route(gsi[3], 0x43);
	assert_int_equal(commit(), 0);
	assert_int_equal(kvm_has.pushes, 2);
	route(gsi[3], 0x99);
	assert_int_equal(commit(), 0);
	assert_int_equal(kvm_has.pushes, 3);
	assert_int_equal(message(gsi[3]), 0x99);
}

static void refused_changes_nothing(void **state)
{
	unsigned int old = take();
	unsigned int new = take();

	(void)state;
	route(old, 1);
	assert_int_equal(commit(), 0);
	route(old, 2);
	route(new, 3);
	kvm_has.refuse = -EINVAL;
	assert_int_equal(commit(), -EINVAL);
	kvm_has.refuse = 0;
	/* What was refused is not tried again with the next change. */
	assert_int_equal(commit(), 0);
	route(take(), 4);
	assert_int_equal(commit(), 0);
	assert_int_equal(message(old), 1);
	assert_int_equal(message(new), 0);
	route(old, 2);
	assert_int_equal(commit(), 0);
	assert_int_equal(message(old), 2);
}

static void given_back(void **state)
{
	unsigned int a = take();
	unsigned int b = take();

	(void)state;
	route(a, 1);
	route(b, 2);
	assert_int_equal(commit(), 0);
	hv->ops->route_give(hv, a);
	assert_int_equal(take(), a); /* used again, with nothing in it */
	route(b, 3);
	assert_int_equal(commit(), 0);
	assert_int_equal(message(a), 0);
	assert_int_equal(message(b), 3);
	/* taken, but the change was refused: it must not come back */
	hv->ops->route_give(hv, b);
	assert_int_equal(take(), b);
	route(b, 4);
	kvm_has.refuse = -ENOMEM;
	assert_int_equal(commit(), -ENOMEM);
	kvm_has.refuse = 0;
	route(a, 5);
	assert_int_equal(commit(), 0);
	assert_int_equal(message(b), 0);
	assert_int_equal(message(a), 5);
}

static void used_up(void **state)
{
	struct hv_msi msi = {0};
	unsigned int gsi;
	unsigned int n = 0;

	(void)state;
	while (hv->ops->route_take(hv, &gsi) == 0)
		n++;
	assert_int_equal(n, KVM_ROUTES_MAX - FIRST);
	assert_int_equal(hv->ops->route_take(hv, &gsi), -ENOSPC);
	assert_int_equal(hv->ops->route_msi(hv, FIRST - 1, msi), -ENOENT);
	hv->ops->route_give(hv, 100);
	assert_int_equal(hv->ops->route_msi(hv, 100, msi), -ENOENT);
	assert_int_equal(take(), 100);
}

static void eventfds(void **state)
{
	(void)state;
	assert_int_equal(hv->ops->irqfd(hv, 30, 7, -1, true), 0);
	assert_int_equal(kvm_has.irqfd.flags, 0);
	assert_int_equal(kvm_has.irqfd.fd, 7);
	assert_int_equal(kvm_has.irqfd.gsi, 30);
	assert_int_equal(hv->ops->irqfd(hv, 17, 7, 8, true), 0);
	assert_int_equal(kvm_has.irqfd.flags, KVM_IRQFD_FLAG_RESAMPLE);
	assert_int_equal(kvm_has.irqfd.resamplefd, 8);
	assert_int_equal(hv->ops->irqfd(hv, 17, 7, -1, false), 0);
	assert_int_equal(kvm_has.irqfd.flags, KVM_IRQFD_FLAG_DEASSIGN);
}

/* --- aarch64 ---------------------------------------------------------------
 */

/* An ITS finds the interrupt by the device, too. */
static void routes_by_device(void **state)
{
	struct hv_msi msi = {0x0a030040, 5, 2 << 3 | 1};
	unsigned int gsi = take();
	unsigned int more = take();

	(void)state;
	k->msi_devid = true;
	assert_int_equal(hv->ops->route_msi(hv, gsi, msi), 0);
	msi.devid = 3 << 3;
	assert_int_equal(hv->ops->route_msi(hv, more, msi), 0);
	assert_int_equal(hv->ops->route_commit(hv), 0);
	assert_int_equal(kvm_has.n, 3);
	for (unsigned int i = 1; i < 3; i++) {
		const struct kvm_irq_routing_entry *x = &kvm_has.entry[i];

		assert_int_equal(x->type, KVM_IRQ_ROUTING_MSI);
		assert_int_equal(x->flags, KVM_MSI_VALID_DEVID);
		assert_int_equal(x->u.msi.devid, i == 1 ? 0x11 : 0x18);
		assert_int_equal(x->u.msi.address_lo, 0x0a030040);
		assert_int_equal(x->u.msi.data, 5);
	}
	/* the same message of another device is another interrupt */
	msi.devid = 4 << 3;
	assert_int_equal(hv->ops->route_msi(hv, more, msi), 0);
	assert_int_equal(hv->ops->route_commit(hv), 0);
	assert_int_equal(kvm_has.entry[2].u.msi.devid, 0x20);
}

/* A GICv2M frame: the message is the number of a shared interrupt. */
static void routes_to_lines(void **state)
{
	struct hv_msi msi = {0x09050040, 32 + 64, 8};
	unsigned int gsi = take();

	(void)state;
	k->msi_spi = (struct span){32 + 64, 192};
	assert_int_equal(hv->ops->route_msi(hv, gsi, msi), 0);
	assert_int_equal(hv->ops->route_commit(hv), 0);
	assert_int_equal(kvm_has.entry[1].type, KVM_IRQ_ROUTING_IRQCHIP);
	assert_int_equal(kvm_has.entry[1].gsi, gsi);
	assert_int_equal(kvm_has.entry[1].u.irqchip.pin, 64);
	/* what the guest wrote may be anything: none of the frame's is none */
	msi.data = 32 + 64 + 192;
	assert_int_equal(hv->ops->route_msi(hv, gsi, msi), -EINVAL);
	msi.data = 31;
	assert_int_equal(hv->ops->route_msi(hv, gsi, msi), -EINVAL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(many_at_once),    T(refused_changes_nothing),
		T(given_back),	    T(used_up),
		T(eventfds),	    T(routes_by_device),
		T(routes_to_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
