// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: the host's wish arrives as an event of VFIO. The guest is asked
 * by ACPI to eject the slot, and has until a deadline; in its _EJ0 the device
 * leaves the machine and is closed, which is what the host waits for. Where
 * there is nothing to ask the guest by, the power button is pressed. If the
 * deadline passes, the VM ends, and the host gets its device back by that.
 */
#include "vmm/device_events.h"

#include <stdio.h>
#include <string.h>

#include "vmm/vm.h"

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

static const struct conf_vfio *conf_of(const struct vm *vm, const char *address)
{
	const struct conf *c = vm->conf;

	for (unsigned int i = 0; i < c->n_vfio; i++) {
		if (!strcmp(c->vfio[i].address, address))
			return &c->vfio[i];
	}
	return &c->vfio[0];
}

/* Only the event loop's thread sets vm->device_err, and reads it later. */
static void end(struct vm *vm, enum err_what what, const char *address,
		unsigned int seconds)
{
	if (vm->device_err.what != ERR_NONE)
		return;
	(void)err_set_num(&vm->device_err, 0, what, address, seconds, 0);
	vm_end(vm, VM_DEVICE);
}

static void on_error(struct vm *vm, unsigned int nth, const char *address)
{
	if (conf_of(vm, address)->on_error == ON_ERROR_STOP) {
		end(vm, ERR_VFIO_DEVICE_ERROR, address, 0);
		return;
	}
	if (vm->events.dev[nth].told)
		return;
	vm->events.dev[nth].told = true;
	fprintf(stderr,
		"barge: %s: the host reports an error of this device; "
		"on-error=ignore lets the guest go on\r\n",
		address);
}

/* The host asks every ten seconds; the first time starts the clock. */
static void on_request(struct vm *vm, unsigned int nth, const char *address,
		       uint8_t devfn)
{
	unsigned int seconds = conf_of(vm, address)->request_timeout;

	if (vm->events.dev[nth].asked)
		return;
	vm->events.dev[nth].asked = true;
	vm->events.dev[nth].deadline = vm_now_ns() + seconds * NS_PER_S;
	if (!seconds)
		return;
	fprintf(stderr,
		"barge: %s: the host wants this device back; the guest has "
		"%u s to give it up\r\n",
		address, seconds);
	if (!dispatch_slot_request(&vm->dispatch, devfn >> 3))
		dispatch_power_button(&vm->dispatch);
}

static bool take(struct vm *vm, struct vfio_event *e, const char **address,
		 uint8_t *devfn)
{
	bool any;

	dispatch_lock(&vm->dispatch, &vm->pci_host.dev);
	any = vfio_event_take(&vm->vfio, e);
	if (any)
		(void)vfio_present(&vm->vfio, e->dev, address, devfn);
	dispatch_unlock(&vm->dispatch, &vm->pci_host.dev);
	return any;
}

static void on_event(void *ctx)
{
	struct vm *vm = ctx;
	struct vfio_event e;
	const char *address;
	uint8_t devfn;

	while (take(vm, &e, &address, &devfn)) {
		if (e.kind == VFIO_EVENT_ERROR)
			on_error(vm, e.dev, address);
		else
			on_request(vm, e.dev, address, devfn);
	}
}

int device_events_start(struct vm *vm)
{
	int fd = vfio_event_fd(&vm->vfio);

	return fd < 0 ? 0 : loop_add(&vm->loop, fd, on_event, vm);
}

/* Whether device @nth, which was asked for, is still here. */
static bool still_here(struct vm *vm, unsigned int nth, const char **address)
{
	uint8_t devfn;
	bool here;

	dispatch_lock(&vm->dispatch, &vm->pci_host.dev);
	here = vfio_present(&vm->vfio, nth, address, &devfn);
	dispatch_unlock(&vm->dispatch, &vm->pci_host.dev);
	return here;
}

int device_events_poll(struct vm *vm, int timeout)
{
	uint64_t now = vm_now_ns();

	for (unsigned int i = 0; i < vm->vfio.n_devs; i++) {
		const char *address;
		uint64_t ms;

		if (!vm->events.dev[i].asked)
			continue;
		if (!still_here(vm, i, &address)) {
			vm->events.dev[i].asked = false;
			continue;
		}
		if (now >= vm->events.dev[i].deadline) {
			end(vm, ERR_VFIO_REQUESTED, address,
			    conf_of(vm, address)->request_timeout);
			return 0;
		}
		ms = (vm->events.dev[i].deadline - now) / NS_PER_MS + 1;
		if (timeout < 0 || ms < (unsigned int)timeout)
			timeout = ms < 60000 ? (int)ms : 60000;
	}
	return timeout;
}

void device_events_ejected(void *ctx, unsigned int slot)
{
	struct vm *vm = ctx;
	unsigned int n;

	dispatch_lock(&vm->dispatch, &vm->pci_host.dev);
	n = vfio_slot_eject(&vm->vfio, &vm->pci_host, slot);
	dispatch_unlock(&vm->dispatch, &vm->pci_host.dev);
	for (unsigned int i = 0; n && i < vm->vfio.n_devs; i++) {
		const char *address;
		uint8_t devfn;

		(void)vfio_present(&vm->vfio, i, &address, &devfn);
		if (devfn >> 3 == slot)
			fprintf(stderr,
				"barge: %s: the guest gave this device up; it "
				"is the host's again\r\n",
				address);
	}
}
