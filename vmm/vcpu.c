// SPDX-License-Identifier: Apache-2.0
/*
 * vCPU threads.
 *
 * How it works: a thread runs KVM_RUN until vm->end is set. To get it out of
 * the guest, immediate_exit is set first and a signal sent second: wherever
 * the thread is between looking at vm->end and entering the guest, one of the
 * two makes KVM_RUN return (kvm-api 5, immediate_exit).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "vmm/arch.h"
#include "vmm/thread.h"
#include "vmm/vcpu_place.h"
#include "vmm/vm.h"

#define KICK_SIGNAL SIGUSR1

static void sink_read(void *ctx, enum bus_kind bus, uint64_t addr, void *data,
		      unsigned int len)
{
	struct vm *vm = ctx;

	dispatch_read(&vm->dispatch, bus, addr, data, len);
}

static void sink_write(void *ctx, enum bus_kind bus, uint64_t addr,
		       const void *data, unsigned int len)
{
	struct vm *vm = ctx;

	dispatch_write(&vm->dispatch, bus, addr, data, len);
}

/* A guest that goes on doing it does not fill the log. */
#define COMPLAINTS_MAX 8

static void sink_complain(void *ctx, const char *text)
{
	struct vm *vm = ctx;
	unsigned int n = atomic_fetch_add(&vm->complaints, 1);

	if (n < COMPLAINTS_MAX)
		fprintf(stderr, "barge: the guest: %s%s\r\n", text,
			n == COMPLAINTS_MAX - 1 ? " (the last of these lines)"
						: "");
}

/* The guest cannot go on: the first vCPU to say so is the one heard. */
static void crash(struct vcpu_thread *t, const char *what, unsigned int detail)
{
	struct vm *vm = t->vm;
	int none = 0;

	if (!atomic_compare_exchange_strong(&vm->crashed, &none, 1))
		return;
	if (detail)
		snprintf(vm->crash, sizeof(vm->crash), "vCPU %u: %s (%u)",
			 t->vcpu.id, what, detail);
	else
		snprintf(vm->crash, sizeof(vm->crash), "vCPU %u: %s",
			 t->vcpu.id, what);
	vm_end(vm, VM_CRASH);
}

static void mmio(struct vcpu_thread *t)
{
	struct kvm_run *run = t->vcpu.run;

	if (run->mmio.len > sizeof(run->mmio.data))
		return;
	if (run->mmio.is_write)
		sink_write(t->vm, BUS_MMIO, run->mmio.phys_addr, run->mmio.data,
			   run->mmio.len);
	else
		sink_read(t->vm, BUS_MMIO, run->mmio.phys_addr, run->mmio.data,
			  run->mmio.len);
}

/* kvm-api 5, KVM_EXIT_SYSTEM_EVENT */
static void system_event(struct vcpu_thread *t)
{
	switch (t->vcpu.run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vm_end(t->vm, VM_POWEROFF);
		break;
	case KVM_SYSTEM_EVENT_RESET:
		vm_end(t->vm, VM_REBOOT);
		break;
	case KVM_SYSTEM_EVENT_CRASH:
		vm_end(t->vm, VM_PANIC);
		break;
	default:
		crash(t, "unknown system event",
		      t->vcpu.run->system_event.type);
	}
}

/* KVM_RUN itself failed: memory the host could not provide, most of all. */
static void host_failed(struct vcpu_thread *t, int code)
{
	int none = 0;

	if (!atomic_compare_exchange_strong(&t->vm->crashed, &none, 1))
		return;
	t->vm->run_error = code;
	vm_end(t->vm, VM_HOST);
}

static void arch_exit(struct vcpu_thread *t, const struct arch_sink *sink)
{
	int r = arch_vcpu_exit(&t->vcpu, sink);

	if (r < 0)
		host_failed(t, r);
	else if (r == 0)
		crash(t, "unknown exit", t->vcpu.run->exit_reason);
}

static void handle_exit(struct vcpu_thread *t, const struct arch_sink *sink)
{
	struct kvm_run *run = t->vcpu.run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		mmio(t);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		system_event(t);
		break;
	case KVM_EXIT_SHUTDOWN:
		crash(t, "triple fault", 0);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		crash(t, "the processor refused to enter the guest",
		      (unsigned int)
			      run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		crash(t, "KVM cannot execute what the guest did",
		      run->internal.suberror);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	default:
		arch_exit(t, sink);
	}
}

/* Nobody else writes it: no locked instruction is needed. */
static void came_back(struct vcpu_thread *t)
{
	unsigned int n =
		atomic_load_explicit(&t->returns, memory_order_relaxed);

	atomic_store_explicit(&t->returns, n + 1, memory_order_relaxed);
}

static void *vcpu_main(void *arg)
{
	struct vcpu_thread *t = arg;
	struct arch_sink sink = {t->vm, sink_read, sink_write, sink_complain};
	char name[16];

	snprintf(name, sizeof(name), "vcpu-%u", t->vcpu.id);
	pthread_setname_np(pthread_self(), name);
	while (atomic_load_explicit(&t->vm->end, memory_order_acquire) ==
	       VM_RUNS) {
		int r = kvm_ioctl(t->vcpu.fd, KVM_RUN, NULL);

		came_back(t);
		if (r == 0)
			handle_exit(t, &sink);
		else if (r != -EINTR && r != -EAGAIN)
			host_failed(t, r);
	}
	return NULL;
}

static void kicked(int sig)
{
	(void)sig; /* it interrupts KVM_RUN, that is all */
}

void vcpus_kick(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->n_vcpus; i++) {
		if (vm->vcpus[i].started)
			pthread_kill(vm->vcpus[i].thread, KICK_SIGNAL);
	}
}

/*
 * In the first KVM_RUN, x86's KVM makes a thread of its own (since Linux 6.14:
 * kvm-nx-lpage-recovery), which inherits CPUs and priority of who runs: that
 * shall be us, no vCPU.
 */
static void run_once(struct vcpu *v)
{
	v->run->immediate_exit = 1;
	(void)kvm_ioctl(v->fd, KVM_RUN, NULL);
	v->run->immediate_exit = 0;
}

int vcpus_start(struct vm *vm, struct err *e)
{
	struct sigaction sa = {.sa_handler = kicked};

	sigaction(KICK_SIGNAL, &sa, NULL);
	if (vm->conf->cpu_affinity || vm->conf->rt_priority)
		run_once(&vm->vcpus[0].vcpu);
	for (unsigned int i = 0; i < vm->n_vcpus; i++) {
		struct vcpu_thread *t = &vm->vcpus[i];
		struct thread_place place;
		int r;

		vcpu_place(vm->conf, i, &place);
		r = thread_start_at(&t->thread, &place, KICK_SIGNAL, vcpu_main,
				    t);
		if (r < 0)
			return err_set(e, r, ERR_HOST_CALL, "pthread_create",
				       NULL);
		t->started = true;
	}
	return 0;
}

void vcpus_stop(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->n_vcpus; i++) {
		if (vm->vcpus[i].vcpu.run)
			vm->vcpus[i].vcpu.run->immediate_exit = 1;
	}
	vcpus_kick(vm);
	for (unsigned int i = 0; i < vm->n_vcpus; i++) {
		if (!vm->vcpus[i].started)
			continue;
		pthread_join(vm->vcpus[i].thread, NULL);
		vm->vcpus[i].started = false;
	}
}
