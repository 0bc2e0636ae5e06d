/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "core/gmem.h"
#include "core/plan.h"
#include "devices/pci_bridge_host.h"
#include "devices/pci_host.h"
#include "devices/virtio_console.h"
#include "vfio/vfio.h"
#include "vmm/alive.h"
#include "vmm/arch.h"
#include "vmm/conf.h"
#include "vmm/console.h"
#include "vmm/device_events.h"
#include "vmm/dispatch.h"
#include "vmm/guest_notify.h"
#include "vmm/kvm.h"
#include "vmm/loop.h"
#include "vmm/notify.h"
#include "vmm/pidfile.h"
#include "vmm/ram.h"
#include "vmm/virtio.h"
#include "vmm/watch.h"
#include "vmm/watchdog.h"

/* Why the VM ended; the first one counts. */
enum vm_end {
	VM_RUNS,
	VM_POWEROFF,
	VM_REBOOT,
	VM_PANIC,
	VM_EXIT, /* vm.exit_status: what the guest made of it */
	VM_CRASH,
	VM_HOST,     /* KVM_RUN failed: vm.run_error */
	VM_SIGNAL,   /* vm.end_signal says which */
	VM_DEVICE,   /* vm.device_err says which and why */
	VM_TIMEOUT,  /* --timeout */
	VM_WATCHDOG, /* the guest's, see vmm/watchdog.h */
	VM_WATCHED,  /* vm.watch has a verdict */
};

struct vm;

struct vcpu_thread {
	struct vcpu vcpu;
	struct vm *vm;
	pthread_t thread;
	bool started;
	_Atomic unsigned int returns; /* from KVM_RUN */
};

/* The running machine. Owned and torn down by vmm/machine.c. */
struct vm {
	const struct conf *conf; /* borrowed */
	struct kvm kvm;
	struct plan plan;
	struct gmem mem;
	struct ram ram;
	struct dispatch dispatch;
	unsigned int n_devs;
	struct device *dev[DISPATCH_DEVS_MAX]; /* heap, owned */
	struct device *console_dev;	       /* takes input; borrowed */
	struct pci_host pci_host;
	struct pci_func pci_bridge; /* 00:00.0 */
	struct vfio vfio;
	struct consoles consoles;
	struct console *serial; /* one of them */
	unsigned int n_hvc;
	struct console *hvc[VCON_PORTS_MAX]; /* hvc0, if there is one; ports */
	unsigned int n_virtio;
	struct virtio_unit *virtio[VIRTIO_UNITS_MAX]; /* heap, owned */
	struct watchdog *watchdog; /* heap, owned; NULL: there is none */
	bool watchdog_bit;	   /* it reset the guest, which will ask */
	struct watch *watch; /* NULL: nothing is expected of the console */
	struct loop loop;
	int kernel_fd;
	int initrd_fd;
	int module_fd[CONF_MODULE_MAX];
	char *cmdline; /* owned; NULL: what conf says */
	int fdt_fd;
	int signal_fd;
	int wake_fd;	 /* eventfd: the event loop has something to look at */
	_Atomic int end; /* enum vm_end */
	int end_signal;
	_Atomic int exit_status; /* 64 and what the guest reported; or 0 */
	struct err device_err;
	struct device_events events;
	bool button_pressed;
	int pressed_by;	     /* the signal, */
	uint64_t pressed_ns; /* and when */
	_Atomic int crashed; /* whoever sets it fills in crash or run_error */
	_Atomic unsigned int complaints; /* lines about what the guest did */
	int run_error;
	char crash[160]; /* what a vCPU saw when it crashed */
	unsigned int n_vcpus;
	struct vcpu_thread *vcpus; /* heap, conf->cpus of them */
	struct notify notify;
	struct guest_notify guest_notify;
	struct pidfile pidfile;
	struct alive alive;
	uint64_t start_ns;     /* CLOCK_MONOTONIC of vm_init() */
	unsigned int restarts; /* --on-reboot restart */
};

/* End the VM for @why unless something else did already; from any thread. */
void vm_end(struct vm *vm, enum vm_end why);
/* One line of `--verbose`: what was reached, and when. */
void vm_note(const struct vm *vm, const char *what);
/* The same for what took @ns nanoseconds. */
void vm_took(const struct vm *vm, const char *what, uint64_t ns);
uint64_t vm_now_ns(void); /* CLOCK_MONOTONIC */

/* Make the event loop look around; from any thread. @ctx is the vm. */
void vm_wake(void *ctx);
/* What is to be booted, for arch_boot_check() and arch_load(). */
struct arch_boot vm_boot(struct vm *vm);

/* Open and reset conf's devices. vmm/passthrough.c */
int vm_open_devices(struct vm *vm, struct err *e);
/* RAM, of the kind that conf wants. vmm/vm_ram.c */
int vm_ram(struct vm *vm, struct err *e);
/* Whether there will be enough, before a device is touched. */
int vm_ram_check(struct vm *vm, struct err *e);
/* Everything between the plan and the first entry. vmm/build.c */
int vm_build(struct vm *vm, struct err *e);

/* Create the threads and let them go; join them. vmm/vcpu.c */
int vcpus_start(struct vm *vm, struct err *e);
void vcpus_stop(struct vm *vm);
/* Call all of them out of KVM_RUN, once. */
void vcpus_kick(struct vm *vm);

#endif
