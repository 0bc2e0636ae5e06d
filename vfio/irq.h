/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_IRQ_H
#define VFIO_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/hv.h"

/*
 * Interrupts of one passed-through device: device -> eventfd -> irqfd -> guest.
 * Inside vfio/ only, under the host bridge's mutex.
 */
struct vfio_dev;

/* One interrupt vector of MSI or MSI-X. */
struct vfio_vector {
	int fd; /* eventfd, -1: none */
	unsigned int gsi;
	bool routed;   /* gsi is taken */
	bool armed;    /* the device triggers the eventfd */
	bool attached; /* the eventfd triggers gsi */
};

/* What the device interrupts by; the kernel sets up one of them at a time. */
enum vfio_irq_mode {
	IRQ_OFF,
	IRQ_INTX,
	IRQ_MSI,
	IRQ_MSIX,
};

struct vfio_intx {
	uint8_t pin;	  /* 1 to 4: INTA to INTD, 0: none */
	bool refused;	  /* by the host, once and for all */
	unsigned int gsi; /* where it ends in the guest */
	int fd;		  /* eventfd, signalled by the device */
	int unmask_fd;	  /* eventfd, signalled at the end of interrupt */
};

struct vfio_irqs {
	enum vfio_irq_mode mode;
	bool resize;		    /* vectors can be added while enabled */
	bool full;		    /* the host has no more vectors */
	bool warned;		    /* a refusal was reported */
	unsigned int set;	    /* vectors of the kernel's set, from 0 */
	unsigned int n;		    /* entries of `vector` */
	struct vfio_vector *vector; /* heap */
	struct vfio_intx intx;
};

int vfio_irqs_open(struct vfio_dev *d, struct err *e);
void vfio_irqs_close(struct vfio_dev *d);
/*
 * The guest may have changed what the device interrupts by: COMMAND, the MSI
 * capability, the MSI-X control word.
 */
void vfio_irqs_update(struct vfio_dev *d);
/* The guest changed vector @v of the MSI-X table; less than 0: none. */
void vfio_irqs_msix_changed(struct vfio_dev *d, int v);
/* Whether vector @v of MSI-X fired while it was masked. */
bool vfio_irqs_pending(const struct vfio_dev *d, unsigned int v);
/* Offset of MSI's pending bits in configuration space, 0: it has none. */
unsigned int vfio_irqs_msi_pending_at(const struct vfio_dev *d);
/* Bring them up to date. */
void vfio_irqs_msi_pending(struct vfio_dev *d);

/* --- between irq.c, irq_msi.c, intx.c and events.c ------------------------ */
/*
 * VFIO_DEVICE_SET_IRQS: hand eventfds (-1: none) for [start, start + count) of
 * @index to the kernel; @count 0 turns all of it off. 0, -errno, or, more than
 * 0, how many vectors the host has, none of which was set up.
 */
int vfio_irq_set(const struct vfio_dev *d, uint32_t index, uint32_t action,
		 unsigned int start, const int32_t *fds, unsigned int count);
/* VFIO_DEVICE_GET_IRQ_INFO: how many of @index there are; 0 when it fails. */
unsigned int vfio_irq_count(const struct vfio_dev *d, uint32_t index,
			    uint32_t *flags);
/* Report, the first time, that the host refused @what of this device. */
void vfio_irq_warn(struct vfio_dev *d, const char *what, int code);

/* MSI and MSI-X: all @n vectors off, to be brought up by vectors_sync(). */
int vfio_vectors_on(struct vfio_dev *d, enum vfio_irq_mode mode,
		    unsigned int n);
void vfio_vectors_off(struct vfio_dev *d);
/*
 * Make vectors [first, first + count) what the guest wants them to be, as
 * vfio_vector_wanted() tells: one SET_IRQS and one change of routes for all of
 * them where the kernel allows.
 */
void vfio_vectors_sync(struct vfio_dev *d, unsigned int first,
		       unsigned int count);
/* Whether the guest takes vector @v now, and as which message. */
bool vfio_vector_wanted(const struct vfio_dev *d, unsigned int v,
			struct hv_msi *msi);

/* Whether an interrupt of vector @v waits because it is not attached. */
bool vfio_vector_pending(const struct vfio_dev *d, unsigned int v);

/* What of INTx the device has, from raw configuration bytes @hw. */
void vfio_intx_open(struct vfio_dev *d, const uint8_t *hw);
/* COMMAND follows: INTX_DISABLE is the guest's while it is on. */
void vfio_intx_on(struct vfio_dev *d);
void vfio_intx_off(struct vfio_dev *d);

#endif
