/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_VIRTIO_PCI_H
#define DEVICES_VIRTIO_PCI_H

#include "core/hv.h"
#include "core/msix.h"
#include "core/pci.h"
#include "core/plan.h"
#include "core/virtio.h"

/*
 * Virtio over PCI (virtio-1.3 4.1), modern only: one 64-bit BAR with all
 * registers, MSI-X with a vector for each queue and one for the configuration,
 * no INTx. Notifications arrive by ioeventfd where the hypervisor takes them,
 * otherwise as trapped writes; interrupts leave by irqfd. Everything here
 * happens under the host bridge's mutex.
 */

#define VIRTIO_PCI_VECTORS_MAX (VIRTIO_QUEUES_MAX + 1)

struct virtio_pci_vector {
	int fd; /* eventfd, the caller's: who writes it interrupts the guest */
	unsigned int gsi;
	bool routed;   /* gsi is taken */
	bool attached; /* fd triggers gsi */
};

struct virtio_pci {
	struct pci_func func;
	struct virtio *v; /* borrowed */
	struct hv *hv;
	struct msix msix;
	struct msix_entry entry[VIRTIO_PCI_VECTORS_MAX];
	struct virtio_pci_vector vector[VIRTIO_PCI_VECTORS_MAX];
	int kick_fd[VIRTIO_QUEUES_MAX]; /* eventfds, the caller's */
	/* Whether eventfd @fd waits to be read. */
	bool (*fd_pending)(int fd);
	unsigned int msix_cap; /* offsets of capabilities */
	unsigned int cfg_cap;
	uint64_t notify_at; /* where ioeventfds are attached; 0: nowhere */
	bool no_ioeventfd;  /* the hypervisor refused one */
	uint64_t driver_features;
	uint32_t feature_select;
	uint32_t driver_select;
	uint16_t queue_select;
};

/* The function's configuration space, for @v with ops and n_queues set. */
void virtio_pci_init(struct virtio_pci *p, struct virtio *v);
/* What the plan has to know of any such function. */
void virtio_pci_describe(struct plan_pci *pci, const char *name);
/*
 * Give it its place in the machine: fds and fd_pending have been filled in by
 * the caller.
 */
void virtio_pci_place(struct virtio_pci *p, const struct plan_pci *place,
		      struct hv *hv);
/* The end: stop the device and detach everything. */
void virtio_pci_stop(struct virtio_pci *p);

#endif
