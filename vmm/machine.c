// SPDX-License-Identifier: Apache-2.0
/*
 * The life of a VM: each step one function, undone by vm_destroy() in reverse
 * order, whatever state the steps before it left.
 */
#include "vmm/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vmm/arch.h"
#include "vmm/bug.h"
#include "vmm/device_table.h"
#include "vmm/plan.h"
#include "vmm/plan_print.h"
#include "vmm/terminal.h"
#include "vmm/vm.h"

/* Physical address bits assumed where there is no KVM to ask. */
#define PLAN_PHYS_BITS 46

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void vm_note(const struct vm *vm, const char *what)
{
	uint64_t us = (now_ns() - vm->start_ns) / 1000;

	if (vm->conf->verbose)
		fprintf(stderr, "barge: %6llu.%03llu ms  %s\r\n",
			(unsigned long long)(us / 1000),
			(unsigned long long)(us % 1000), what);
}

/* Make the event loop look around; from any thread. */
static void wake(void *ctx)
{
	struct vm *vm = ctx;
	uint64_t one = 1;

	if (vm->wake_fd >= 0 && write(vm->wake_fd, &one, sizeof(one)) < 0)
		return; /* the counter is full: it wakes the loop as well */
}

void vm_end(struct vm *vm, enum vm_end why)
{
	int runs = VM_RUNS;

	if (atomic_compare_exchange_strong(&vm->end, &runs, (int)why))
		wake(vm);
}

static int *fds_of(struct vm *vm, unsigned int i)
{
	int *const fds[] = {&vm->kernel_fd, &vm->initrd_fd, &vm->signal_fd,
			    &vm->wake_fd};

	return i < sizeof(fds) / sizeof(fds[0]) ? fds[i] : NULL;
}

static void vm_init(struct vm *vm, const struct conf *conf)
{
	memset(vm, 0, sizeof(*vm));
	vm->conf = conf;
	vm->start_ns = now_ns();
	for (unsigned int i = 0; fds_of(vm, i); i++)
		*fds_of(vm, i) = -1;
	vm->loop.epoll = -1;
	kvm_init(&vm->kvm);
	console_init(&vm->console, wake, vm);
	vfio_init(&vm->vfio);
}

static int file_open(const char *name, const char *role, int *fd, struct err *e)
{
	struct stat st;

	if (!name)
		return 0;
	/* O_NONBLOCK: a FIFO must not keep us waiting for its writer. */
	*fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return err_set(e, -errno, ERR_FILE_OPEN, name, role);
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode))
		return err_set(e, -ESPIPE, ERR_FILE_READ, name, role);
	return 0;
}

/* --- plan_make ----------------------------------------------------------- */

static int layout_and_plan(struct plan *p, const struct conf *c,
			   unsigned int phys_bits, const struct span *avoid,
			   unsigned int n_avoid, struct err *e)
{
	struct arch_layout layout;
	int r = arch_layout_make(&layout, c->memory, phys_bits, e);

	if (r < 0)
		return r;
	return plan_make(p, &layout, c->cpus, avoid, n_avoid, e);
}

static int vm_plan(struct vm *vm, struct err *e)
{
	unsigned int bits;
	int r = arch_phys_bits(&vm->kvm, &bits, e);

	if (r < 0)
		return r;
	vfio_describe(&vm->vfio, &vm->plan);
	return layout_and_plan(&vm->plan, vm->conf, bits, vm->vfio.reserved,
			       vm->vfio.n_reserved, e);
}

/* --- host_open: everything that needs privilege or may be missing --------- */

static struct arch_boot boot_of(struct vm *vm)
{
	const struct conf *c = vm->conf;
	struct arch_boot b = {
		.kernel_name = c->kernel,
		.kernel_fd = vm->kernel_fd,
		.initrd_name = c->initrd,
		.initrd_fd = vm->initrd_fd,
		.cmdline = c->cmdline ? c->cmdline : "",
		.plan = &vm->plan,
		.mem = &vm->mem,
	};

	return b;
}

static int files_open(struct vm *vm, struct err *e)
{
	int r = file_open(vm->conf->kernel, "kernel", &vm->kernel_fd, e);

	if (r == 0)
		r = file_open(vm->conf->initrd, "initrd", &vm->initrd_fd, e);
	return r;
}

/* The device comes last: nothing is reset for a kernel that does not boot. */
static int host_open(struct vm *vm, struct err *e)
{
	const struct conf *c = vm->conf;
	int r = files_open(vm, e);

	if (r == 0)
		r = kvm_open(&vm->kvm, e);
	if (r == 0)
		r = vm_plan(vm, e);
	if (r == 0)
		r = console_open(&vm->console, c, e);
	if (r == 0) {
		struct arch_boot b = boot_of(vm);

		r = arch_boot_check(&b, e);
	}
	for (unsigned int i = 0; r == 0 && i < c->n_vfio; i++)
		r = vfio_open(&vm->vfio, c->vfio[i].address, c->vfio[i].msix,
			      e);
	if (r == 0)
		vm_note(vm, "host opened");
	return r;
}

/* --- vm_build ------------------------------------------------------------ */

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

static int64_t wall_time(void *ctx)
{
	(void)ctx;
	return time(NULL);
}

static void to_console(void *ctx, const uint8_t *buf, size_t len)
{
	struct vm *vm = ctx;

	console_write(&vm->console, buf, len);
}

static int device_create(struct vm *vm, const struct dev_place *p,
			 struct err *e)
{
	struct dev_env env = {
		.irq = {.set = irq_set, .ctx = vm, .irq = p->irq},
		.ctx = vm,
		.request = request,
		.wall_time = wall_time,
		.console_write = to_console,
		.input_ready = wake,
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
	const struct {
		enum bus_kind bus;
		struct span span;
		unsigned int region;
	} w[] = {
		{BUS_PIO, {0xcf8, 8}, PCI_HOST_CF8},
		{BUS_MMIO, p->ecam, PCI_HOST_ECAM},
		{BUS_MMIO, p->mem32, PCI_HOST_MEM32},
		{BUS_MMIO, p->mem64, PCI_HOST_MEM64},
		{BUS_PIO, p->io, PCI_HOST_IO},
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
	if (r < 0)
		return r;
	dispatch_seal(&vm->dispatch);
	vm_note(vm, "devices built");
	return 0;
}

static int build_memory(struct vm *vm, struct err *e)
{
	int r = ram_map(&vm->mem, &vm->kvm.hv, e);

	/* Before a device is reachable, so that it never sees a hole. */
	if (r == 0)
		r = vfio_map_ram(&vm->vfio, &vm->mem, e);
	if (r == 0)
		vm_note(vm, "memory mapped");
	return r;
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
	struct arch_boot b = boot_of(vm);

	l->ret = arch_load(&b, &l->entry, &l->err);
	if (l->ret == 0)
		vm_note(vm, "kernel loaded");
	return NULL;
}

static void loader_start(struct loader *l, struct vm *vm)
{
	l->vm = vm;
	l->started = !pthread_create(&l->thread, NULL, loader_main, l);
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

static int build_vcpus(struct vm *vm, const struct arch_entry *entry,
		       struct err *e)
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
			r = arch_vcpu_init(&vm->kvm, &t->vcpu, &vm->plan, entry,
					   e);
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
	int r = kvm_create_vm(&vm->kvm, e);

	if (r == 0)
		r = arch_vm_init(&vm->kvm, e);
	if (r == 0)
		vm_note(vm, "VM created");
	if (r == 0)
		r = build_memory(vm, e);
	if (r == 0)
		r = build_devices(vm, e);
	return r;
}

static int vm_build(struct vm *vm, struct err *e)
{
	struct loader loader = {0};
	int r = check_cpus(vm, e);

	if (r == 0)
		r = ram_create(&vm->ram, &vm->plan, &vm->mem, e);
	if (r < 0)
		return r;
	loader_start(&loader, vm);
	r = build_host_side(vm, e);
	r = loader_finish(&loader, r, e);
	if (r == 0)
		r = build_vcpus(vm, &loader.entry, e);
	return r;
}

/* --- vm_run -------------------------------------------------------------- */

/* vm->end and the console's input are looked at after every round. */
static void on_wake(void *ctx)
{
	struct vm *vm = ctx;
	uint64_t n;

	if (read(vm->wake_fd, &n, sizeof(n)) < 0)
		return;
}

/* First the power button, then the axe. */
static void on_signal(void *ctx)
{
	struct vm *vm = ctx;
	struct signalfd_siginfo si;

	if (read(vm->signal_fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (!vm->button_pressed) {
		vm->button_pressed = true;
		dispatch_power_button(&vm->dispatch);
		return;
	}
	vm->end_signal = (int)si.ssi_signo;
	vm_end(vm, VM_SIGNAL);
}

static void on_quit(void *ctx)
{
	struct vm *vm = ctx;

	vm->end_signal = SIGINT;
	vm_end(vm, VM_SIGNAL);
}

static ssize_t to_guest(void *ctx, const uint8_t *buf, size_t len)
{
	struct vm *vm = ctx;

	if (!vm->console_dev)
		return (ssize_t)len;
	return dispatch_input(&vm->dispatch, vm->console_dev, buf, len);
}

static int signals_open(struct vm *vm)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* Threads created later inherit the mask. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	vm->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return vm->signal_fd < 0 ? -errno : 0;
}

static int events_start(struct vm *vm)
{
	int r = loop_init(&vm->loop);

	if (r == 0)
		r = signals_open(vm);
	if (r == 0) {
		vm->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		r = vm->wake_fd < 0 ? -errno : 0;
	}
	if (r == 0)
		r = loop_add(&vm->loop, vm->wake_fd, on_wake, vm);
	if (r == 0)
		r = loop_add(&vm->loop, vm->signal_fd, on_signal, vm);
	if (r == 0)
		r = console_start(&vm->console, &vm->loop, to_guest, on_quit);
	return r;
}

static int vm_run(struct vm *vm, struct err *e)
{
	int r = events_start(vm);

	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "the event loop", NULL);
	vm_note(vm, "entering the guest");
	r = vcpus_start(vm, e);
	while (r == 0 && atomic_load(&vm->end) == VM_RUNS)
		loop_once(&vm->loop, console_poll(&vm->console));
	if (r < 0)
		vm_end(vm, VM_CRASH); /* lets the threads go that run */
	vcpus_stop(vm);
	return r;
}

/* --- vm_destroy ---------------------------------------------------------- */

static void vm_destroy(struct vm *vm)
{
	vm_end(vm, VM_POWEROFF);
	vcpus_stop(vm);
	console_close(&vm->console);
	vfio_detach(&vm->vfio);
	for (unsigned int i = 0; i < vm->n_vcpus; i++)
		vcpu_destroy(&vm->kvm, &vm->vcpus[i].vcpu);
	free(vm->vcpus);
	vfio_close(&vm->vfio);
	kvm_close(&vm->kvm);
	ram_destroy(&vm->ram);
	dispatch_fini(&vm->dispatch);
	for (unsigned int i = 0; i < vm->n_devs; i++)
		free(vm->dev[i]);
	loop_fini(&vm->loop);
	for (unsigned int i = 0; fds_of(vm, i); i++) {
		if (*fds_of(vm, i) >= 0)
			close(*fds_of(vm, i));
	}
}

/* The contract of docs/architecture.md. */
static int exit_status(const struct vm *vm)
{
	switch ((enum vm_end)atomic_load(&vm->end)) {
	case VM_RUNS:
	case VM_POWEROFF:
		return 0;
	case VM_CRASH:
		return 3;
	case VM_PANIC:
		return 4;
	case VM_REBOOT:
		return 5;
	case VM_SIGNAL:
		return 128 + vm->end_signal;
	}
	return 0;
}

int machine_run(const struct conf *conf, struct err *e)
{
	struct vm *vm = malloc(sizeof(*vm));
	int r;

	if (!vm)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	vm_init(vm, conf);
	r = host_open(vm, e);
	if (r == 0)
		r = vm_plan(vm, e);
	if (r == 0)
		r = vm_build(vm, e);
	if (r == 0)
		r = vm_run(vm, e);
	if (r == 0)
		r = exit_status(vm);
	terminal_restore();
	if (r == 3)
		fprintf(stderr, "barge: the guest crashed: %s\n", vm->crash);
	vm_destroy(vm);
	free(vm);
	return r;
}

/* --- barge plan ------------------------------------------------------------
 */

static int plan_of(const struct conf *c, struct plan *plan, struct dev_plan *dp,
		   struct err *e)
{
	unsigned int bits = PLAN_PHYS_BITS;
	struct kvm kvm;
	int r;

	for (unsigned int i = 0; i < c->n_vfio; i++) {
		r = vfio_survey(c->vfio[i].address, c->vfio[i].msix, i,
				&plan->pci[i], &dp[i], e);
		if (r < 0)
			return r;
		plan->n_pci = i + 1;
	}
	/* A host without KVM can still plan, for a processor of today. */
	kvm_init(&kvm);
	if (kvm_open(&kvm, e) == 0)
		(void)arch_phys_bits(&kvm, &bits, e);
	kvm_close(&kvm);
	return layout_and_plan(plan, c, bits, NULL, 0, e);
}

int machine_plan(const struct conf *conf, struct err *e)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	struct dev_plan *dp = calloc(CONF_VFIO_MAX, sizeof(*dp));
	int r;

	if (!plan || !dp)
		r = err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	else
		r = plan_of(conf, plan, dp, e);
	if (r == 0 &&
	    plan_print(stdout, plan, dp, (uint64_t)sysconf(_SC_PAGESIZE)) < 0)
		r = err_set(e, -EIO, ERR_HOST_CALL, "write to standard output",
			    NULL);
	free(plan);
	free(dp);
	return r;
}
