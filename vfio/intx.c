// SPDX-License-Identifier: Apache-2.0
/*
 * INTx: the host masks the line when it fires and signals an eventfd, which
 * raises the guest's line; the guest's end of interrupt lowers it, signals the
 * second eventfd, and by that unmasks the host's line (linux-vfio; kvm-api
 * 4.75, KVM_IRQFD_FLAG_RESAMPLE). The guest's own mask is a bit of COMMAND,
 * which the kernel obeys.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vfio/device.h"

void vfio_intx_open(struct vfio_dev *d, const uint8_t *hw)
{
	uint8_t pin = hw[PCI_INTERRUPT_PIN];

	d->irqs.intx = (struct vfio_intx){.fd = -1, .unmask_fd = -1};
	if (pin <= 4 && vfio_irq_count(d, VFIO_PCI_INTX_IRQ_INDEX, NULL))
		d->irqs.intx.pin = pin;
}

static void refuse(struct vfio_dev *d, const char *what, int code)
{
	d->irqs.intx.refused = true;
	fprintf(stderr,
		"barge: %s: %s (%s); the guest gets no line interrupt (INTx) "
		"of this device\r\n",
		d->address, what, strerror(-code));
}

static void fds_close(struct vfio_intx *x)
{
	if (x->fd >= 0)
		close(x->fd);
	if (x->unmask_fd >= 0)
		close(x->unmask_fd);
	x->fd = -1;
	x->unmask_fd = -1;
}

static int fds_open(struct vfio_intx *x)
{
	x->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	x->unmask_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (x->fd >= 0 && x->unmask_fd >= 0)
		return 0;
	fds_close(x);
	return -EMFILE;
}

static int device_side(struct vfio_dev *d)
{
	struct vfio_intx *x = &d->irqs.intx;
	int32_t fd = x->fd;
	int r = vfio_irq_set(d, VFIO_PCI_INTX_IRQ_INDEX,
			     VFIO_IRQ_SET_ACTION_TRIGGER, 0, &fd, 1);

	if (r != 0)
		return r < 0 ? r : -ENOSPC;
	fd = x->unmask_fd;
	r = vfio_irq_set(d, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_UNMASK,
			 0, &fd, 1);
	if (r < 0)
		(void)vfio_irq_set(d, VFIO_PCI_INTX_IRQ_INDEX,
				   VFIO_IRQ_SET_ACTION_TRIGGER, 0, NULL, 0);
	return r;
}

void vfio_intx_on(struct vfio_dev *d)
{
	struct vfio_intx *x = &d->irqs.intx;
	int r = fds_open(x);

	if (r < 0) {
		refuse(d, "no file is left for its interrupt", r);
		return;
	}
	/* The guest's side first: KVM may not know how (split irqchip). */
	r = d->hv->ops->irqfd(d->hv, x->gsi, x->fd, x->unmask_fd, true);
	if (r < 0) {
		fds_close(x);
		refuse(d, "KVM cannot pass on a line interrupt", r);
		return;
	}
	r = device_side(d);
	if (r < 0) {
		(void)d->hv->ops->irqfd(d->hv, x->gsi, x->fd, -1, false);
		fds_close(x);
		refuse(d, "the host refused its interrupt line", r);
		return;
	}
	d->irqs.mode = IRQ_INTX;
	vfio_command_write(d);
}

/* The hardware's mask first: from then on nobody answers the line. */
void vfio_intx_off(struct vfio_dev *d)
{
	struct vfio_intx *x = &d->irqs.intx;

	d->irqs.mode = IRQ_OFF;
	vfio_command_write(d);
	(void)vfio_irq_set(d, VFIO_PCI_INTX_IRQ_INDEX,
			   VFIO_IRQ_SET_ACTION_TRIGGER, 0, NULL, 0);
	(void)d->hv->ops->irqfd(d->hv, x->gsi, x->fd, -1, false);
	fds_close(x);
}
