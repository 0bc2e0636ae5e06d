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
#include "vmm/contract.h"
#include "vmm/explain.h"
#include "vmm/initramfs.h"
#include "vmm/plan.h"
#include "vmm/thread.h"
#include "vmm/vcpu_place.h"
#include "vmm/vm.h"

uint64_t vm_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void vm_note(const struct vm *vm, const char *what)
{
	uint64_t us = (vm_now_ns() - vm->start_ns) / 1000;

	if (vm->conf->verbose)
		fprintf(stderr, "barge: %6llu.%03llu ms  %s\r\n",
			(unsigned long long)(us / 1000),
			(unsigned long long)(us % 1000), what);
}

void vm_took(const struct vm *vm, const char *what, uint64_t ns)
{
	char text[128];

	snprintf(text, sizeof(text), "%s, which took %llu.%03llu ms", what,
		 (unsigned long long)(ns / 1000000),
		 (unsigned long long)(ns / 1000 % 1000));
	vm_note(vm, text);
}

void vm_wake(void *ctx)
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
		vm_wake(vm);
}

static int *fds_of(struct vm *vm, unsigned int i)
{
	int *const fds[] = {&vm->kernel_fd, &vm->initrd_fd, &vm->fdt_fd,
			    &vm->signal_fd, &vm->wake_fd};

	const unsigned int n = sizeof(fds) / sizeof(fds[0]);

	if (i < n)
		return fds[i];
	return i - n < CONF_MODULE_MAX ? &vm->module_fd[i - n] : NULL;
}

static void vm_init(struct vm *vm, const struct conf *conf)
{
	memset(vm, 0, sizeof(*vm));
	vm->conf = conf;
	vm->start_ns = vm_now_ns();
	for (unsigned int i = 0; fds_of(vm, i); i++)
		*fds_of(vm, i) = -1;
	vm->loop.epoll = -1;
	notify_init(&vm->notify);
	guest_notify_init(&vm->guest_notify);
	pidfile_init(&vm->pidfile, conf->pidfile);
	alive_init(&vm->alive);
	kvm_init(&vm->kvm);
	consoles_init(&vm->consoles);
	vm->consoles.stamps = conf->timestamps;
	vm->consoles.start_ns = vm->start_ns;
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

/* What is written there has to be there at once: nobody may be waited for. */
static int dump_open(struct vm *vm, struct err *e)
{
	const char *name = vm->conf->dump_fdt;

	if (!name)
		return 0;
	vm->fdt_fd = open(name,
			  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK,
			  0666);
	if (vm->fdt_fd < 0)
		return err_set(e, -errno, ERR_FILE_WRITE, name, NULL);
	return 0;
}

/* --- plan_make ----------------------------------------------------------- */

int machine_layout(struct plan *p, const struct conf *c, unsigned int phys_bits,
		   const struct span *avoid, unsigned int n_avoid,
		   struct err *e)
{
	struct arch_layout layout;
	uint64_t memory = c->memory;
	int r;

	/* RAM begins where any page does, so its length alone has to fit. */
	if (c->hugepages && !align_up(memory, c->hugepages, &memory))
		memory = c->memory;
	r = arch_layout_make(&layout, memory, phys_bits, e);
	if (r < 0)
		return r;
	p->cpu_off = c->cpu_off;
	p->hugepages = c->hugepages;
	return plan_make(p, &layout, c->cpus, avoid, n_avoid, e);
}

static int vm_plan(struct vm *vm, struct err *e)
{
	unsigned int bits;
	int r = arch_phys_bits(&vm->kvm, &bits, e);

	if (r < 0)
		return r;
	vfio_describe(&vm->vfio, &vm->plan);
	r = virtio_describe(vm->conf, &vm->plan, e);
	if (r == 0)
		r = watchdog_describe(vm->conf, &vm->plan, e);
	if (r < 0)
		return r;
	r = machine_layout(&vm->plan, vm->conf, bits, vm->vfio.reserved,
			   vm->vfio.n_reserved, e);
	for (unsigned int i = 0; r == 0 && i < vm->plan.n_pci; i++) {
		struct plan_pci *p = &vm->plan.pci[i];

		if (p->intx_pin)
			p->intx_gsi =
				arch_intx_gsi(p->devfn >> 3, p->intx_pin - 1u);
	}
	return r;
}

/* --- host_open: everything that needs privilege or may be missing --------- */

struct arch_boot vm_boot(struct vm *vm)
{
	const struct conf *c = vm->conf;
	const char *cmdline = vm->cmdline ? vm->cmdline : c->cmdline;
	struct arch_boot b = {
		.kernel_name = c->kernel,
		.kernel_fd = vm->kernel_fd,
		.flat = c->kernel_format == KERNEL_FORMAT_FLAT,
		.initrd_name = initramfs_wanted(c) ? "initramfs" : c->initrd,
		.initrd_fd = vm->initrd_fd,
		.cmdline = cmdline ? cmdline : "",
		.fdt_name = vm->restarts ? NULL : c->dump_fdt,
		.fdt_fd = vm->fdt_fd,
		.plan = &vm->plan,
		.mem = &vm->mem,
	};

	b.n_modules = c->n_module;
	for (unsigned int i = 0; i < c->n_module; i++)
		b.module[i] = (struct arch_module){
			.name = c->module[i].file,
			.fd = vm->module_fd[i],
			.args = c->module[i].args,
		};
	return b;
}

/* Before the kernel is looked at: the command line grows. */
static int listen_to_guest(struct vm *vm, struct err *e)
{
	const struct conf *c = vm->conf;
	bool kernel = c->n_vsock && !c->vsock[0].socket[0];
	char *given = vm->cmdline;
	int r;

	if (!conf_hears_guest(c))
		return 0;
	r = guest_notify_open(&vm->guest_notify, kernel, e);
	if (r < 0)
		return r;
	if (!given)
		given = c->cmdline;
	given = guest_notify_cmdline(&vm->guest_notify, given ? given : "");
	free(vm->cmdline);
	vm->cmdline = given;
	return vm->cmdline ? 0
			   : err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
}

_Static_assert(CONF_MODULE_MAX <= ARCH_MODULES_MAX, "modules");

static int initrd_open(struct vm *vm, struct err *e)
{
	const struct conf *c = vm->conf;

	if (!initramfs_wanted(c))
		return file_open(c->initrd, "initrd", &vm->initrd_fd, e);
	vm->cmdline = initramfs_cmdline(c);
	if (!vm->cmdline)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	return initramfs_make(c, &vm->initrd_fd, e);
}

static int hypervisor_open(struct vm *vm, struct err *e)
{
	vm->kvm.slot_zap_all = vm->conf->slot_zap_all;
	return kvm_open(&vm->kvm, e);
}

static int files_open(struct vm *vm, struct err *e)
{
	int r = file_open(vm->conf->kernel, "kernel", &vm->kernel_fd, e);

	if (r == 0)
		r = initrd_open(vm, e);
	for (unsigned int i = 0; r == 0 && i < vm->conf->n_module; i++)
		r = file_open(vm->conf->module[i].file, "module",
			      &vm->module_fd[i], e);
	return r;
}

/* The device comes last: nothing is reset for a kernel that does not boot. */
static int host_open(struct vm *vm, struct err *e)
{
	const struct conf *c = vm->conf;
	int r = files_open(vm, e);

	if (r == 0)
		r = pidfile_check(&vm->pidfile, e);
	if (r == 0)
		r = hypervisor_open(vm, e);
	if (r == 0)
		r = vm_plan(vm, e);
	if (r == 0)
		r = vcpu_place_check(c, e);
	if (r == 0)
		r = vm_ram_check(vm, e);
	if (r == 0)
		r = contract_start(vm, e);
	if (r == 0)
		r = console_add(&vm->consoles, &c->console, "serial",
				&vm->serial, e);
	if (r == 0)
		r = listen_to_guest(vm, e);
	if (r == 0)
		r = hvc_consoles_open(vm, e);
	if (r == 0) {
		struct arch_boot b = vm_boot(vm);

		r = arch_boot_check(&b, e);
	}
	if (r == 0)
		r = vm_virtio_open(vm, e);
	if (r == 0) /* no file is made for what cannot boot */
		r = dump_open(vm, e);
	if (r == 0)
		r = vm_open_devices(vm, e);
	if (r == 0)
		vm_note(vm, "host opened");
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

/* A terminal that goes and timeout(1) each send their signal twice. */
#define SAME_EVENT_NS 250000000u

/*
 * First the power button, then the axe; SIGQUIT is the axe. Each signal may
 * have come more than once by now, which counts as once.
 */
static void on_signal(void *ctx)
{
	struct vm *vm = ctx;
	struct signalfd_siginfo si;

	if (read(vm->signal_fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGCONT) {
		consoles_resume(&vm->consoles);
		watchdog_resume(vm);
		return;
	}
	if (si.ssi_signo != SIGQUIT && !vm->button_pressed) {
		vm->button_pressed = true;
		vm->pressed_by = (int)si.ssi_signo;
		vm->pressed_ns = vm_now_ns();
		notify_stopping(&vm->notify,
				"The guest was asked to power off");
		dispatch_power_button(&vm->dispatch);
		return;
	}
	if ((int)si.ssi_signo == vm->pressed_by &&
	    vm_now_ns() - vm->pressed_ns < SAME_EVENT_NS)
		return;
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
	static const int caught[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCONT};
	sigset_t set;

	signals_heeded(&set, caught, sizeof(caught) / sizeof(caught[0]));
	/* Threads created later inherit the mask. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	vm->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return vm->signal_fd < 0 ? -errno : 0;
}

static const struct console_ops serial_ops = {.sink = to_guest};

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
		r = device_events_start(vm);
	if (r == 0)
		r = watchdog_start(vm);
	console_connect(vm->serial, &serial_ops, vm);
	if (r == 0 && vm->guest_notify.epoll >= 0)
		r = loop_add(&vm->loop, vm->guest_notify.epoll,
			     guest_notify_hear, vm);
	if (r == 0)
		r = alive_start(vm);
	if (r == 0)
		r = consoles_start(&vm->consoles, &vm->loop, on_quit, vm);
	return r;
}

static int events_open(struct vm *vm, struct err *e)
{
	int r = events_start(vm);

	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "the event loop", NULL);
	return pidfile_write(&vm->pidfile, e);
}

static int poll_all(struct vm *vm)
{
	int timeout = device_events_poll(vm, consoles_poll(&vm->consoles));

	return contract_poll(vm, timeout);
}

/* Until the guest stands still, for one reason or another. */
static int vm_run(struct vm *vm, struct err *e)
{
	int r;

	vm_note(vm, "entering the guest");
	r = vcpus_start(vm, e);
	if (r == 0)
		notify_started(&vm->notify);
	/* Once at least, or a guest that reboots at once shuts out signals. */
	if (r == 0) {
		do
			loop_once(&vm->loop, poll_all(vm));
		while (atomic_load(&vm->end) == VM_RUNS);
	}
	if (r < 0)
		vm_end(vm, VM_CRASH); /* lets the threads go that run */
	vcpus_stop(vm);
	vm_virtio_stop(vm); /* what a console still had is out now */
	guest_notify_last(vm);
	return r;
}

/* --- vm_destroy ---------------------------------------------------------- */

/* The machine, not what barge has around it. */
static void vm_unbuild(struct vm *vm)
{
	int events = vfio_event_fd(&vm->vfio);

	watchdog_close(vm);
	vm_virtio_close(vm);
	vfio_detach(&vm->vfio);
	for (unsigned int i = 0; i < vm->n_vcpus; i++)
		vcpu_destroy(&vm->kvm, &vm->vcpus[i].vcpu);
	free(vm->vcpus);
	vm->vcpus = NULL;
	vm->n_vcpus = 0;
	if (events >= 0)
		loop_remove(&vm->loop, events);
	vfio_close(&vm->vfio);
	kvm_close(&vm->kvm);
	ram_destroy(&vm->ram);
	dispatch_fini(&vm->dispatch);
	for (unsigned int i = 0; i < vm->n_devs; i++)
		free(vm->dev[i]);
	vm->n_devs = 0;
	vm->console_dev = NULL;
}

static void vm_destroy(struct vm *vm)
{
	struct watch_result unheard;

	vm_end(vm, VM_POWEROFF);
	vcpus_stop(vm);
	alive_stop(&vm->alive);
	vm_virtio_stop(vm);
	vfio_detach(&vm->vfio);
	consoles_close(&vm->consoles);
	watch_finish(vm->watch, &unheard);
	vm_unbuild(vm);
	loop_fini(&vm->loop);
	for (unsigned int i = 0; fds_of(vm, i); i++) {
		if (*fds_of(vm, i) >= 0)
			close(*fds_of(vm, i));
	}
	free(vm->cmdline);
	notify_close(&vm->notify);
	guest_notify_close(&vm->guest_notify);
	pidfile_remove(&vm->pidfile);
}

/* Processors reach such a BAR as any other: only who wants DMA to it is told.
 */
static void warn_no_dma(const struct vm *vm)
{
	for (unsigned int i = 0; i < vm->vfio.n_devs; i++) {
		const struct plan_pci *p = &vm->plan.pci[i];

		for (unsigned int b = 0; b < PLAN_BARS; b++) {
			if (p->bar[b].kind != PCI_BAR_NONE && p->bar[b].no_dma)
				fprintf(stderr,
					"barge: %s: BAR %u finds no room where "
					"the IOMMU reaches: no other device "
					"can reach it by DMA\n",
					p->name, b);
		}
	}
}

static int vm_start(struct vm *vm, struct err *e)
{
	int r = host_open(vm, e);

	if (r == 0) /* again, now that the devices are known */
		r = vm_plan(vm, e);
	if (r == 0 && vm->vfio.p2p)
		warn_no_dma(vm);
	if (r == 0)
		r = vm_build(vm, e);
	return r;
}

/* --- restart ------------------------------------------------------------- */

/* As vm_init() left it, but for what outlives a machine. */
static void vm_forget(struct vm *vm)
{
	memset(&vm->plan, 0, sizeof(vm->plan));
	memset(&vm->mem, 0, sizeof(vm->mem));
	memset(&vm->ram, 0, sizeof(vm->ram));
	memset(&vm->dispatch, 0, sizeof(vm->dispatch));
	memset(&vm->pci_host, 0, sizeof(vm->pci_host));
	memset(&vm->pci_bridge, 0, sizeof(vm->pci_bridge));
	memset(&vm->events, 0, sizeof(vm->events));
	memset(&vm->device_err, 0, sizeof(vm->device_err));
	/* Of a vCPU that came second: what it said was not heard. */
	atomic_store(&vm->crashed, 0);
	atomic_store(&vm->exit_status, 0);
	atomic_store(&vm->guest_notify.status, 0);
	kvm_init(&vm->kvm);
	atomic_store(&vm->end, VM_RUNS);
}

/*
 * A new machine of the same files. Devices are closed and opened again, by
 * which the kernel resets them.
 */
static int vm_restart(struct vm *vm, struct err *e)
{
	int r;

	vm->restarts++;
	vm_unbuild(vm);
	vm_forget(vm);
	vm_note(vm, "the guest reboots");
	notify_status(&vm->notify, "The guest reboots");
	r = hypervisor_open(vm, e);
	if (r == 0)
		r = vm_plan(vm, e);
	if (r == 0)
		r = vm_virtio_open(vm, e);
	if (r == 0)
		r = vm_open_devices(vm, e);
	if (r == 0)
		r = vm_plan(vm, e);
	if (r == 0)
		r = vm_build(vm, e);
	if (r == 0 && (device_events_start(vm) < 0 || watchdog_start(vm) < 0))
		r = err_set(e, -ENOSPC, ERR_HOST_CALL, "the event loop", NULL);
	return r;
}

static int vm_rounds(struct vm *vm, struct err *e)
{
	int r = events_open(vm, e);

	if (r == 0)
		r = vm_run(vm, e);
	while (r == 0 && contract_restarts(vm)) {
		r = vm_restart(vm, e);
		if (r == 0)
			r = vm_run(vm, e);
	}
	return r;
}

/* How it went; @r is what the steps returned. */
static int vm_result(struct vm *vm, int r, struct err *e)
{
	if (r < 0)
		return r;
	r = contract_finish(vm);
	if (r == 2 && vm->device_err.what != ERR_NONE) {
		*e = vm->device_err;
		return -ECANCELED;
	}
	if (r == 2)
		return err_set(e, vm->run_error, ERR_KVM_IOCTL, "KVM_RUN",
			       NULL);
	return r;
}

int machine_run(const struct conf *conf, struct err *e)
{
	struct vm *vm = malloc(sizeof(*vm));
	int r;

	if (!vm)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	vm_init(vm, conf);
	if (notify_open(&vm->notify, conf->ready == READY_GUEST) < 0)
		vm_note(vm, "NOTIFY_SOCKET cannot be used");
	r = vm_start(vm, e);
	if (r == 0)
		r = vm_rounds(vm, e);
	/* Silence the devices, then let the guest's last words go first. */
	vm_virtio_stop(vm);
	vfio_detach(&vm->vfio);
	consoles_close(&vm->consoles);
	r = vm_result(vm, r, e);
	notify_exit(&vm->notify, r < 0 ? explain_status(e) : r);
	vm_destroy(vm);
	free(vm);
	return r;
}
