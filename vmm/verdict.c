// SPDX-License-Identifier: Apache-2.0
#include "vmm/verdict.h"

#include "vmm/vm.h"

/* What systemd in the guest said (vmm/guest_notify.h), as far as it fits. */
static int reported(const struct verdict_in *in)
{
	int most = DEV_EXIT_MAX;

	if (!in->reported)
		return 0;
	return 64 + (in->reported < most ? in->reported : most);
}

/* Without a look at the console. */
static int of_end(const struct verdict_in *in)
{
	switch ((enum vm_end)in->end) {
	case VM_POWEROFF:
		return reported(in);
	case VM_RUNS:
	case VM_WATCHED:
		return 0;
	case VM_HOST:
	case VM_DEVICE:
		return 2;
	case VM_CRASH:
		return 3;
	case VM_PANIC:
		return 4;
	case VM_REBOOT:
		return 5;
	case VM_TIMEOUT:
	case VM_WATCHDOG:
		return 6;
	case VM_EXIT:
		return in->exit_status;
	case VM_SIGNAL:
		return 128 + in->signal;
	}
	return 0;
}

/*
 * The first cause counts, and a line is one from the moment it is printed: what
 * the guest did before anybody had read the line comes after it. That the host
 * failed is no verdict on the guest, and is never covered up.
 */
static int first_cause(const struct verdict_in *in)
{
	int status = of_end(in);

	if (status == 2)
		return status;
	switch (in->watch->verdict) {
	case WATCH_UNTIL:
		return 0;
	case WATCH_FAIL_ON:
	case WATCH_KERNEL:
		return 7;
	case WATCH_NONE:
		break;
	}
	return status;
}

bool verdict_unmet(const struct verdict_in *in)
{
	int status = first_cause(in);

	/* 64: the guest itself says that all is well */
	return (status == 0 || status == 64) &&
	       (in->watch->unmet || in->watch->unseen);
}

int verdict_status(const struct verdict_in *in)
{
	return verdict_unmet(in) ? 7 : first_cause(in);
}
