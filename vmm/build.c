// SPDX-License-Identifier: Apache-2.0
/* From a plan and open files to a machine that only has to be let go. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "vmm/arch.h"
#include "vmm/bug.h"
#include "vmm/device_table.h"
#include "vmm/thread.h"
#include "vmm/vm.h"

static void irq_set(void *ctx, unsigned int irq, bool level)
{
	struct vm *vm = ctx;

	/* Refused only for a line that the irqchip does not have. */
	(void)kvm_irq_line(&vm->kvm, irq, level);
}

static void request(void *ctx, enum dev_request what)
{
	static const enum vm_end end[] = {
		[DEV_POWEROFF] = VM_POWEROFF,
		[DEV_REBOOT] = VM_REBOOT,
		[DEV_PANIC] = VM_PANIC,
	};

	vm_end(ctx, end[what]);
}

/* Two vCPUs may do it at once: one status counts, and never changes. */
static void guest_exit(void *ctx, unsigned int status)
{
	struct vm *vm = ctx;
	int none = 0;

	atomic_compare_exchange_strong(&vm->exit_status, &none,
				       64 + (int)status);
	vm_end(vm, VM_EXIT);
}

static int64_t wall_time(void *ctx)
{
	(void)ctx;
	return time(NULL);
}

static void to_console(void *ctx, const uint8_t *buf, size_t len)
{
	struct vm *vm = ctx;

	console_write(vm->serial, buf, len);
	watch_feed(vm->watch, 0, buf, len);
}

static int device_create(struct vm *vm, const struct dev_place *p,
			 struct err *e)
{
	struct dev_env env = {
		.irq = {.set = irq_set, .ctx = vm, .irq = p->irq},
		.ctx = vm,
		.request = request,
		.exit = guest_exit,
		.wall_time = wall_time,
		.console_write = to_console,
		.input_ready = vm_wake,
		.slot_ejected = device_events_ejected,
	};
	const struct dev_ops *ops = device_find(p->name);
	struct device *d = ops ? calloc(1, ops->size) : NULL;
	int r;

	BUG_ON(!ops || vm->n_devs == DISPATCH_DEVS_MAX);
	if (!d)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	d->ops = ops;
	ops->init(d, &env);
	vm->dev[vm->n_devs++] = d;
	if (ops->input)
		vm->console_dev = d;
	r = dispatch_add(&vm->dispatch, d);
	for (unsigned int i = 0; r == 0 && i < p->n_spans; i++)
		r = dispatch_window(&vm->dispatch, d, p->bus, p->span[i], i);
	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, p->name, NULL);
	return 0;
}

static int pci_windows(struct vm *vm)
{
	const struct plan *p = &vm->plan;
	const struct span io = {p->io.base + p->io_mmio, p->io.len};
	const struct {
		enum bus_kind bus;
		struct span span;
		unsigned int region;
	} w[] = {
		{BUS_PIO, p->conf1, PCI_HOST_CF8},
		{BUS_MMIO, p->ecam, PCI_HOST_ECAM},
		{BUS_MMIO, p->mem32, PCI_HOST_MEM32},
		{BUS_MMIO, p->mem64, PCI_HOST_MEM64},
		{p->io_mmio ? BUS_MMIO : BUS_PIO, io, PCI_HOST_IO},
	};
	int r = dispatch_add(&vm->dispatch, &vm->pci_host.dev);

	for (size_t i = 0; r == 0 && i < sizeof(w) / sizeof(w[0]); i++) {
		if (w[i].span.len)
			r = dispatch_window(&vm->dispatch, &vm->pci_host.dev,
					    w[i].bus, w[i].span, w[i].region);
	}
	return r;
}

static int build_devices(struct vm *vm, struct err *e)
{
	unsigned int n;
	const struct dev_place *place = arch_places(&n);
	int r;

	for (unsigned int i = 0; i < n; i++) {
		r = device_create(vm, &place[i], e);
		if (r < 0)
			return r;
	}
	pci_host_init(&vm->pci_host, vm->plan.mem32, vm->plan.mem64,
		      vm->plan.io);
	pci_bridge_host_init(&vm->pci_bridge);
	r = pci_host_add(&vm->pci_host, &vm->pci_bridge);
	if (r == 0)
		r = pci_windows(vm);
	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "pci-host", NULL);
	r = vfio_attach(&vm->vfio, &vm->plan, &vm->kvm.hv, &vm->pci_host, e);
	if (r == 0)
		r = vm_virtio_attach(vm, e);
	if (r == 0)
		r = watchdog_attach(vm, e);
	if (r < 0)
		return r;
	dispatch_seal(&vm->dispatch);
	vm_note(vm, "devices built");
	return 0;
}

/*
 * Loading copies files into fresh memory, the rest of the build waits in the
 * kernel (memslots, pinning): the two have nothing to do with each other, so
 * they share the time.
 */
struct loader {
	struct vm *vm;
	pthread_t thread;
	bool started;
	int ret;
	struct err err;
	struct arch_entry entry;
};

static void *loader_main(void *arg)
{
	struct loader *l = arg;
	struct vm *vm = l->vm;
	struct arch_boot b = vm_boot(vm);

	uint64_t start = vm_now_ns();

	l->ret = arch_load(&b, &l->entry, &l->err);
	if (l->ret == 0)
		vm_took(vm, "kernel loaded", vm_now_ns() - start);
	return NULL;
}

static void loader_start(struct loader *l, struct vm *vm)
{
	l->vm = vm;
	l->started = !thread_start(&l->thread, "loader", loader_main, l);
	if (!l->started)
		loader_main(l);
}

/* What went wrong in the file counts more than what went wrong beside it. */
static int loader_finish(struct loader *l, int ret, struct err *e)
{
	if (l->started)
		pthread_join(l->thread, NULL);
	if (l->ret == 0)
		return ret;
	*e = l->err;
	return l->ret;
}

/*
 * Pinning RAM for DMA is the longest step of a big guest, because every page
 * is cleared in it; nobody waits for it but the first vCPU.
 */
struct pinner {
	struct vm *vm;
	pthread_t thread;
	bool started;
	int ret;
	struct err err;
};

static void *pinner_main(void *arg)
{
	struct pinner *p = arg;
	struct vm *vm = p->vm;
	uint64_t start = vm_now_ns();

	p->ret = vfio_map_ram(&vm->vfio, &vm->mem, &p->err);
	if (p->ret == 0)
		vm_took(vm, "RAM pinned for DMA", vm_now_ns() - start);
	return NULL;
}

static void pinner_start(struct pinner *p, struct vm *vm)
{
	p->vm = vm;
	if (!vm->vfio.n_devs)
		return;
	p->started = !thread_start(&p->thread, "dma-map", pinner_main, p);
	if (!p->started)
		pinner_main(p);
}

/* An error from elsewhere came first. */
static int pinner_finish(struct pinner *p, int ret, struct err *e)
{
	if (p->started)
		pthread_join(p->thread, NULL);
	if (ret < 0 || p->ret == 0)
		return ret;
	*e = p->err;
	return p->ret;
}

static int build_vcpus(struct vm *vm, struct err *e)
{
	unsigned int n = vm->conf->cpus;

	vm->vcpus = calloc(n, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	for (unsigned int i = 0; i < n; i++) {
		struct vcpu_thread *t = &vm->vcpus[i];
		int r;

		t->vm = vm;
		t->vcpu.fd = -1;
		vm->n_vcpus = i + 1;
		r = vcpu_create(&vm->kvm, &t->vcpu, i, e);
		if (r == 0)
			r = arch_vcpu_init(&vm->kvm, &t->vcpu, &vm->plan, e);
		if (r < 0)
			return r;
	}
	vm_note(vm, "vCPUs created");
	return 0;
}

static int check_cpus(struct vm *vm, struct err *e)
{
	int most = kvm_cap(&vm->kvm, KVM_CAP_MAX_VCPUS);

	if (most > 0 && vm->conf->cpus > (unsigned int)most)
		return err_set_num(e, -EINVAL, ERR_CPUS, NULL, vm->conf->cpus,
				   (uint64_t)most);
	return 0;
}

static int build_host_side(struct vm *vm, struct err *e)
{
	int r = arch_vm_create(&vm->kvm, &vm->plan, e);

	/*
	 * Memory first: a memslot waits for an SRCU grace period, and for
	 * milliseconds where the interrupt controllers' own bus entries are
	 * waiting for one already (virt/kvm/kvm_main.c).
	 */
	if (r == 0)
		r = ram_map(&vm->mem, &vm->kvm.hv, e);
	if (r == 0)
		vm_note(vm, "memory mapped");
	if (r == 0)
		r = arch_vm_init(&vm->kvm, &vm->plan, e);
	if (r == 0)
		r = build_vcpus(vm, e);
	if (r == 0)
		r = arch_vm_ready(&vm->kvm, &vm->plan, e);
	if (r == 0)
		vm_note(vm, "interrupt controllers created");
	if (r == 0)
		r = build_devices(vm, e);
	return r;
}

static int guest_start(struct vm *vm, const struct arch_entry *entry,
		       struct err *e)
{
	struct arch_boot b = vm_boot(vm);

	return arch_start(&vm->kvm, &vm->vcpus[0].vcpu, &b, entry, e);
}

int vm_build(struct vm *vm, struct err *e)
{
	struct loader loader = {0};
	struct pinner pinner = {0};
	int r = check_cpus(vm, e);

	if (r == 0)
		r = vm_ram(vm, e);
	if (r < 0)
		return r;
	pinner_start(&pinner, vm);
	loader_start(&loader, vm);
	r = build_host_side(vm, e);
	r = loader_finish(&loader, r, e);
	if (r == 0)
		r = guest_start(vm, &loader.entry, e);
	/* Before a vCPU runs, so that no device ever sees a hole. */
	return pinner_finish(&pinner, r, e);
}
