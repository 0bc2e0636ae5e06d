// SPDX-License-Identifier: Apache-2.0
#include "vmm/alive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/vm.h"

#define CALLS 2

void alive_init(struct alive *a)
{
	memset(a, 0, sizeof(*a));
	a->timer_fd = -1;
}

bool alive_vcpu(struct alive *a, unsigned int i, unsigned int count)
{
	if (count != a->seen[i])
		a->missed[i] = 0;
	else if (a->missed[i] < CALLS)
		a->missed[i]++;
	a->seen[i] = count;
	return a->missed[i] < CALLS;
}

static void complain(struct alive *a, unsigned int i)
{
	if (a->told)
		return;
	a->told = true;
	fprintf(stderr,
		"barge: vCPU %u does not come out of KVM_RUN or of barge: "
		"the watchdog is not told that all is well\r\n",
		i);
}

static void on_tick(void *ctx)
{
	struct vm *vm = ctx;
	bool all = true;
	uint64_t n;

	if (read(vm->alive.timer_fd, &n, sizeof(n)) < 0)
		return;
	for (unsigned int i = 0; i < vm->n_vcpus; i++) {
		if (alive_vcpu(&vm->alive, i,
			       atomic_load(&vm->vcpus[i].returns)))
			continue;
		complain(&vm->alive, i);
		all = false;
	}
	if (all)
		notify_watchdog(&vm->notify);
	vcpus_kick(vm);
}

int alive_start(struct vm *vm)
{
	uint64_t us = vm->notify.watchdog_us / 2;
	struct itimerspec every = {
		.it_value = {(time_t)(us / 1000000),
			     (long)(us % 1000000) * 1000},
	};

	if (us == 0 || vm->alive.timer_fd >= 0)
		return 0;
	every.it_interval = every.it_value;
	vm->alive.timer_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (vm->alive.timer_fd < 0 ||
	    timerfd_settime(vm->alive.timer_fd, 0, &every, NULL) < 0)
		return -errno;
	return loop_add(&vm->loop, vm->alive.timer_fd, on_tick, vm);
}

void alive_stop(struct alive *a)
{
	if (a->timer_fd >= 0)
		close(a->timer_fd);
	a->timer_fd = -1;
}
