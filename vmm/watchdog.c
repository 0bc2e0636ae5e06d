// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: the model has a deadline, a timerfd of the event loop follows
 * it. vCPUs move it under the host bridge's mutex, the loop looks at it under
 * the same.
 */
#include "vmm/watchdog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "devices/i6300esb.h"
#include "vmm/vm.h"

#define NS_PER_S  1000000000u
#define NS_PER_MS 1000000u

struct watchdog {
	struct i6300esb dev;
	int timer_fd;
};

unsigned int watchdog_functions(const struct conf *c)
{
	return c->watchdog != WATCHDOG_OFF;
}

int watchdog_describe(const struct conf *c, struct plan *plan, struct err *e)
{
	if (!watchdog_functions(c))
		return 0;
	if (plan->n_pci == PLAN_PCI_MAX)
		return err_set_num(e, -E2BIG, ERR_PCI_SLOTS, NULL, PLAN_PCI_MAX,
				   0);
	i6300esb_describe(&plan->pci[plan->n_pci++]);
	return 0;
}

static uint64_t now(void *ctx)
{
	(void)ctx;
	return vm_now_ns();
}

/* A time of 0 would disarm the timer; the clock's 0 is long over. */
static void follow(void *ctx)
{
	const struct watchdog *w = ((struct vm *)ctx)->watchdog;
	struct itimerspec t = {0};
	uint64_t ns;

	if (i6300esb_deadline(&w->dev, &ns)) {
		t.it_value.tv_sec = (time_t)(ns / NS_PER_S);
		t.it_value.tv_nsec = (long)(ns % NS_PER_S);
	}
	(void)timerfd_settime(w->timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

/* What the guest, or who restarts it, is to make of it. */
static void hung(struct vm *vm, uint64_t ns)
{
	bool fail = vm->conf->watchdog == WATCHDOG_FAIL;
	uint64_t ms = ns / NS_PER_MS;

	fprintf(stderr,
		"barge: the guest hangs: it did not feed its watchdog for "
		"%llu.%03llu s%s\r\n",
		(unsigned long long)(ms / 1000),
		(unsigned long long)(ms % 1000), fail ? "" : ", and is reset");
	vm->watchdog_bit = true;
	vm_end(vm, fail ? VM_WATCHDOG : VM_REBOOT);
}

static void on_timer(void *ctx)
{
	struct vm *vm = ctx;
	struct watchdog *w = vm->watchdog;
	uint64_t n, past;
	bool hangs;

	dispatch_lock(&vm->dispatch, &vm->pci_host.dev);
	if (read(w->timer_fd, &n, sizeof(n)) < 0)
		n = 0; /* it was moved meanwhile */
	hangs = i6300esb_expire(&w->dev);
	past = vm_now_ns() - w->dev.since;
	dispatch_unlock(&vm->dispatch, &vm->pci_host.dev);
	if (hangs)
		hung(vm, past);
}

int watchdog_attach(struct vm *vm, struct err *e)
{
	const struct i6300esb_env env = {now, follow, vm};
	struct watchdog *w;
	int r;

	if (!watchdog_functions(vm->conf))
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	vm->watchdog = w;
	w->timer_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->timer_fd < 0)
		return err_set(e, -errno, ERR_HOST_CALL, "timerfd_create",
			       NULL);
	i6300esb_init(&w->dev, &env, vm->watchdog_bit);
	vm->watchdog_bit = false;
	i6300esb_place(&w->dev, &vm->plan.pci[vm->plan.n_pci - 1]);
	r = pci_host_add(&vm->pci_host, &w->dev.func);
	return r < 0 ? err_set(e, r, ERR_HOST_CALL, "watchdog", NULL) : 0;
}

int watchdog_start(struct vm *vm)
{
	if (!vm->watchdog)
		return 0;
	return loop_add(&vm->loop, vm->watchdog->timer_fd, on_timer, vm);
}

void watchdog_resume(struct vm *vm)
{
	struct watchdog *w = vm->watchdog;

	if (!w)
		return;
	dispatch_lock(&vm->dispatch, &vm->pci_host.dev);
	if (w->dev.runs)
		i6300esb_feed(&w->dev);
	dispatch_unlock(&vm->dispatch, &vm->pci_host.dev);
}

void watchdog_close(struct vm *vm)
{
	struct watchdog *w = vm->watchdog;

	if (!w)
		return;
	if (w->timer_fd >= 0) {
		loop_remove(&vm->loop, w->timer_fd);
		close(w->timer_fd);
	}
	free(w);
	vm->watchdog = NULL;
}
