/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include "core/virtio.h"
#include "devices/virtio_pci.h"
#include "vmm/conf.h"
#include "vmm/worker.h"

/*
 * The virtio devices of a VM: from what was asked for to functions on the PCI
 * bus. vmm/virtio_table.c lists what there is; what they have in common, the
 * eventfds and the ways between guest, transport and host side, is here.
 */

struct vm;

/* One device. @v is the first member: host sides are given &unit->v. */
struct guest_notify;

struct virtio_unit {
	struct virtio v;
	char name[16]; /* "disk0": in messages, and in `barge plan` */
	struct virtio_pci pci;
	struct guest_notify *notify; /* of the VM */
	struct vm *vm;		     /* borrowed */
	/* Free v.host and what it holds; NULL: nothing to free. */
	void (*close)(struct virtio *v);
	/* what virtio_watch() has in the loop */
	struct virtio_watch {
		struct virtio *v;
		unsigned int queue;
		void (*fn)(struct virtio *v, unsigned int queue);
	} watch[VIRTIO_QUEUES_MAX];
};

static inline struct virtio_unit *virtio_unit(struct virtio *v)
{
	return (struct virtio_unit *)v;
}

/* --- for host sides ------------------------------------------------------- */

/*
 * In @w, call @fn whenever the driver notified queue @q, and once at first.
 * Before worker_start(); virtio_unwatch() undoes it, after worker_stop().
 */
int virtio_watch(struct worker *w, struct virtio *v, unsigned int q,
		 void (*fn)(struct virtio *v, unsigned int queue));
void virtio_unwatch(struct worker *w, struct virtio *v, unsigned int q);
/* The eventfd that tells of notifications of @q; for those who poll or pass it
 * on. */
int virtio_kick_fd(struct virtio *v, unsigned int q);
/*
 * The eventfd that interrupts the guest for queue @q, to be passed on to the
 * kernel or another process; -1: the driver wants no interrupt.
 */
int virtio_call_fd(struct virtio *v, unsigned int q);
/* One line about the device on standard error: "barge: disk0: TEXT". */
void virtio_say(const struct virtio *v, const char *text);

/* --- for the machine ------------------------------------------------------ */

#define VIRTIO_UNITS_MAX PLAN_PCI_MAX

/*
 * Open what the devices of vm->conf need of the host. On an error too,
 * vm_virtio_close() is due.
 */
int vm_virtio_open(struct vm *vm, struct err *e);
/* Append the devices of @c to the plan; pure. -E2BIG. */
int virtio_describe(const struct conf *c, struct plan *plan, struct err *e);
/* Put them on the bus. */
int vm_virtio_attach(struct vm *vm, struct err *e);
/* The vCPUs do not run any more: finish requests, let nobody touch RAM. */
void vm_virtio_stop(struct vm *vm);
void vm_virtio_close(struct vm *vm);

/* --- host sides: make @u such a device; vmm/NAME_host.c ------------------- */

int hvc_host_open(struct virtio_unit *u, const struct conf *c,
		  unsigned int index, struct err *e);
/* Open the host sides of all ports: vm->hvc. Once, before vm_virtio_open(). */
int hvc_consoles_open(struct vm *vm, struct err *e);
int vsock_host_open(struct virtio_unit *u, const struct conf *c,
		    unsigned int index, struct err *e);
int fs_host_open(struct virtio_unit *u, const struct conf *c,
		 unsigned int index, struct err *e);
int blk_host_open(struct virtio_unit *u, const struct conf *c,
		  unsigned int index, struct err *e);
int net_host_open(struct virtio_unit *u, const struct conf *c,
		  unsigned int index, struct err *e);
int balloon_host_open(struct virtio_unit *u, const struct conf *c,
		      unsigned int index, struct err *e);
int rng_host_open(struct virtio_unit *u, const struct conf *c,
		  unsigned int index, struct err *e);

#endif
