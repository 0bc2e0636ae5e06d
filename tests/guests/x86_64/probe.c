/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Not a guest: whether this host's KVM can run one at all, asked without
 * barge, so that a fault of barge is not taken for one of the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static int no(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

int main(void)
{
	int sys = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm;

	if (sys < 0)
		return no("/dev/kvm");
	vm = ioctl(sys, KVM_CREATE_VM, 0);
	if (vm < 0)
		return no("KVM_CREATE_VM");
	if (ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0)
		return no("KVM_CREATE_IRQCHIP");
	if (ioctl(vm, KVM_CREATE_VCPU, 0) < 0)
		return no("KVM_CREATE_VCPU");
	return 0;
}
