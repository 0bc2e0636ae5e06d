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
	int bits;
	int vm;

	if (sys < 0)
		return no("/dev/kvm");
	/* 0 stands for 40 bits, which not every processor has. */
	bits = ioctl(sys, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE);
	vm = ioctl(sys, KVM_CREATE_VM, bits > 0 ? (unsigned long)bits : 0);
	if (vm < 0)
		return no("KVM_CREATE_VM");
	if (ioctl(vm, KVM_CREATE_VCPU, 0) < 0)
		return no("KVM_CREATE_VCPU");
	return 0;
}
