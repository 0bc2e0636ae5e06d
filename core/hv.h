/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_HV_H
#define CORE_HV_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What passthrough needs of a hypervisor. vmm/kvm.c implements it with KVM,
 * tests/unit/fake_hv.c with a model that checks every call. All functions
 * return 0 or -errno; none is called before the VM exists.
 */
struct hv;

struct hv_msi {
	uint64_t addr;
	uint32_t data;
	uint32_t devid; /* PCI requester id; matters on aarch64 only */
};

struct hv_ops {
	/*
	 * Put host memory at @gpa: everything a multiple of the host page.
	 * *slot names the mapping afterwards.
	 */
	int (*map)(struct hv *h, uint64_t gpa, void *hva, uint64_t len,
		   unsigned int *slot);
	int (*unmap)(struct hv *h, unsigned int slot);
	/* A free interrupt route; give it back. */
	int (*route_take)(struct hv *h, unsigned int *gsi);
	void (*route_give)(struct hv *h, unsigned int gsi);
	/*
	 * Let @gsi deliver @msi from the next route_commit() on. Any number of
	 * changes is committed at once, which costs as much as one.
	 */
	int (*route_msi)(struct hv *h, unsigned int gsi, struct hv_msi msi);
	/*
	 * Free of charge if nothing changed. After a failure all routes deliver
	 * what they did before.
	 */
	int (*route_commit)(struct hv *h);
	/*
	 * Eventfd @fd triggers @gsi while attached. For a level interrupt, of a
	 * line that several devices may share, @resample_fd is written at its
	 * end of interrupt; it is -1 otherwise.
	 */
	int (*irqfd)(struct hv *h, unsigned int gsi, int fd, int resample_fd,
		     bool attach);
	/*
	 * A write of any length to guest-physical @gpa is added to eventfd @fd
	 * instead of leaving the guest, while attached. -errno: it cannot be,
	 * and the writes are trapped.
	 */
	int (*ioeventfd)(struct hv *h, uint64_t gpa, int fd, bool attach);
	/*
	 * Tell the hypervisor that the devices behind a file of VFIO, a group
	 * or a device, can reach guest memory: it then honours memory types
	 * that bypass the cache.
	 */
	int (*vfio_file)(struct hv *h, int fd, bool add);
};

/* Embedded first in the implementation's own struct. */
struct hv {
	const struct hv_ops *ops;
};

#endif
