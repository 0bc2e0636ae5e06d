// SPDX-License-Identifier: Apache-2.0
/*
 * Interrupts: device -> eventfd -> irqfd -> guest, with nobody in between.
 *
 * How it works: a vector costs nothing until the guest first unmasks it; then
 * it gets an eventfd, a route, and its place in the kernel's set. Masking only
 * detaches the eventfd from its route: what fires meanwhile stays counted in
 * it, is what the pending bit reports, and is delivered when it is attached
 * again (virt/kvm/eventfd.c looks at the counter then). No VFIO call is made
 * for a mask.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/span.h"
#include "vfio/device.h"

static uint32_t index_of(enum vfio_irq_mode mode)
{
	return mode == IRQ_MSI ? VFIO_PCI_MSI_IRQ_INDEX
			       : VFIO_PCI_MSIX_IRQ_INDEX;
}

/* Hand eventfds [start, start + count) to the kernel; -1: no trigger. */
static int irqs_set(struct vfio_dev *d, unsigned int start, unsigned int count)
{
	struct vfio_irqs *q = &d->irqs;
	size_t size = sizeof(struct vfio_irq_set) + count * sizeof(int32_t);
	struct vfio_irq_set *s = calloc(1, size);
	int r;

	if (!s)
		return -ENOMEM;
	s->argsz = (uint32_t)size;
	s->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	s->index = index_of(q->mode);
	s->start = start;
	s->count = count;
	for (unsigned int i = 0; i < count; i++)
		memcpy(s->data + i * sizeof(int32_t), &q->vector[start + i].fd,
		       sizeof(int32_t));
	r = vfio_ioctl(d->fd, VFIO_DEVICE_SET_IRQS, s);
	free(s);
	/* More than 0: so many the host has; none were set up. */
	return r > 0 ? -ENOSPC : r;
}

static void irqs_unset(struct vfio_dev *d)
{
	struct vfio_irq_set s = {
		.argsz = sizeof(s),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index_of(d->irqs.mode),
	};

	if (d->irqs.armed)
		(void)ioctl(d->fd, VFIO_DEVICE_SET_IRQS, &s);
	d->irqs.armed = 0;
}

static void warn_once(struct vfio_dev *d, int code)
{
	if (d->irqs.warned)
		return;
	d->irqs.warned = true;
	fprintf(stderr,
		"barge: %s: the host refused an interrupt vector (%s); "
		"the guest will miss interrupts of this device\r\n",
		d->address, strerror(-code));
}

/* Tell the listeners of the first @n vectors to look, in case they missed one.
 */
static void nudge(struct vfio_irqs *q, unsigned int n)
{
	uint64_t one = 1;

	for (unsigned int i = 0; i < n; i++) {
		/* A full counter wakes as well. */
		if (q->vector[i].attached &&
		    write(q->vector[i].fd, &one, sizeof(one)) < 0)
			continue;
	}
}

/*
 * A larger set for a kernel that cannot add to one: the device's vectors are
 * off for a moment, so every listener is told to look (a spurious interrupt
 * is allowed, a lost one is not). If the host has no more, those that worked
 * go on working.
 */
static int rearm_all(struct vfio_dev *d, unsigned int want)
{
	struct vfio_irqs *q = &d->irqs;
	unsigned int old = q->armed;
	int r;

	irqs_unset(d);
	r = irqs_set(d, 0, want);
	if (r == 0)
		q->armed = want;
	else if (old && irqs_set(d, 0, old) == 0)
		q->armed = old;
	nudge(q, old);
	return r;
}

static int arm(struct vfio_dev *d, unsigned int v)
{
	struct vfio_irqs *q = &d->irqs;
	uint64_t want = pow2_ceil(v + 1u);
	int r;

	if (q->mode == IRQ_MSI || want > q->n)
		want = q->n;
	if (v >= q->armed && (!q->resize || !q->armed))
		return rearm_all(d, (unsigned int)want);
	r = irqs_set(d, v, 1);
	if (r == 0 && v >= q->armed)
		q->armed = v + 1;
	return r;
}

/* First use of vector @v. */
static int vector_open(struct vfio_dev *d, unsigned int v)
{
	struct vfio_vector *x = &d->irqs.vector[v];
	int r;

	if (x->fd >= 0)
		return 0;
	if (!x->routed) {
		r = d->hv->ops->route_take(d->hv, &x->gsi);
		if (r < 0)
			return r;
		x->routed = true;
	}
	x->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (x->fd < 0)
		return -errno;
	r = arm(d, v);
	if (r < 0) {
		close(x->fd);
		x->fd = -1;
	}
	return r;
}

static void vector_mask(struct vfio_dev *d, unsigned int v)
{
	struct vfio_vector *x = &d->irqs.vector[v];

	if (!x->attached)
		return;
	(void)d->hv->ops->irqfd(d->hv, x->gsi, x->fd, -1, false);
	x->attached = false;
}

static void vector_unmask(struct vfio_dev *d, unsigned int v, struct hv_msi msi)
{
	struct vfio_vector *x = &d->irqs.vector[v];
	int r = vector_open(d, v);

	if (r < 0) {
		warn_once(d, r);
		return;
	}
	r = d->hv->ops->route_msi(d->hv, x->gsi, msi);
	if (r == 0 && !x->attached) {
		r = d->hv->ops->irqfd(d->hv, x->gsi, x->fd, -1, true);
		x->attached = r == 0;
	}
	if (r < 0)
		warn_once(d, r);
}

static void mode_off(struct vfio_dev *d)
{
	struct vfio_irqs *q = &d->irqs;

	if (q->mode == IRQ_OFF)
		return;
	for (unsigned int v = 0; v < q->n; v++)
		vector_mask(d, v);
	irqs_unset(d);
	for (unsigned int v = 0; v < q->n; v++) {
		if (q->vector[v].fd >= 0)
			close(q->vector[v].fd);
		if (q->vector[v].routed)
			d->hv->ops->route_give(d->hv, q->vector[v].gsi);
	}
	free(q->vector);
	q->vector = NULL;
	q->n = 0;
	q->mode = IRQ_OFF;
}

static bool can_resize(const struct vfio_dev *d, uint32_t index)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};

	return ioctl(d->fd, VFIO_DEVICE_GET_IRQ_INFO, &info) == 0 &&
	       !(info.flags & VFIO_IRQ_INFO_NORESIZE);
}

static int mode_on(struct vfio_dev *d, enum vfio_irq_mode mode, unsigned int n)
{
	struct vfio_irqs *q = &d->irqs;

	if (q->mode == mode && q->n == n)
		return 0;
	mode_off(d);
	q->vector = calloc(n, sizeof(*q->vector));
	if (!q->vector)
		return -ENOMEM;
	for (unsigned int v = 0; v < n; v++)
		q->vector[v].fd = -1;
	q->n = n;
	q->mode = mode;
	q->resize = can_resize(d, index_of(mode));
	return 0;
}

/* --- MSI-X ------------------------------------------------------------------
 */

static void msix_vector(struct vfio_dev *d, unsigned int v)
{
	const struct msix_entry *m = &d->msix.entry[v];
	struct hv_msi msi = {m->addr, m->data, d->devid};

	if (d->irqs.mode != IRQ_MSIX)
		return;
	if (msix_live(&d->msix, v))
		vector_unmask(d, v, msi);
	else
		vector_mask(d, v);
}

static void msix_control(struct vfio_dev *d)
{
	uint16_t ctrl = (uint16_t)pci_cfg_get(&d->func.cfg,
					      d->msix_cap + PCI_MSIX_FLAGS, 2);
	int r;

	if (!msix_set_control(&d->msix, ctrl))
		return;
	if (!d->msix.enabled) {
		if (d->irqs.mode == IRQ_MSIX)
			mode_off(d);
		return;
	}
	r = mode_on(d, IRQ_MSIX, d->msix.n);
	/*
	 * The hardware's enable bit follows the guest's at once, even with
	 * every vector masked: a device may look at it when a queue is made
	 * (QEMU's NVMe does, and loses interrupts of a vector enabled later).
	 */
	if (r == 0 && !d->irqs.armed)
		r = rearm_all(d, 1);
	if (r < 0)
		warn_once(d, r);
	for (unsigned int v = 0; v < d->msix.n; v++)
		msix_vector(d, v);
}

void vfio_irqs_msix_changed(struct vfio_dev *d, int v)
{
	if (!d->msix_cap)
		return;
	if (v < 0)
		msix_control(d);
	else
		msix_vector(d, (unsigned int)v);
}

bool vfio_irqs_pending(const struct vfio_dev *d, unsigned int v)
{
	const struct vfio_irqs *q = &d->irqs;
	struct pollfd p = {.fd = -1, .events = POLLIN};

	if (q->mode != IRQ_MSIX || v >= q->n || q->vector[v].attached)
		return false;
	p.fd = q->vector[v].fd;
	return p.fd >= 0 && poll(&p, 1, 0) == 1;
}

/* --- MSI --------------------------------------------------------------------
 */

/* PCI-3.0 6.8.1.3: the low bits of the data number the vectors. */
void vfio_irqs_msi_changed(struct vfio_dev *d)
{
	const struct pci_cfg *c = &d->func.cfg;
	unsigned int cap = d->msi_cap;
	uint64_t flags = pci_cfg_get(c, cap + PCI_MSI_FLAGS, 2);
	bool wide = flags & PCI_MSI_FLAGS_64BIT;
	unsigned int n = 1u << ((flags & PCI_MSI_FLAGS_QSIZE) >> 4);
	unsigned int most = 1u << ((flags & PCI_MSI_FLAGS_QMASK) >> 1);
	struct hv_msi msi = {.devid = d->devid};
	uint64_t mask = 0;
	uint32_t data;
	int r;

	if (!(flags & PCI_MSI_FLAGS_ENABLE)) {
		if (d->irqs.mode == IRQ_MSI)
			mode_off(d);
		return;
	}
	if (n > most || n > VFIO_MSI_MAX)
		n = most < VFIO_MSI_MAX ? most : VFIO_MSI_MAX;
	r = mode_on(d, IRQ_MSI, n);
	if (r < 0) {
		warn_once(d, r);
		return;
	}
	msi.addr = pci_cfg_get(c, cap + PCI_MSI_ADDRESS_LO, 4);
	if (wide)
		msi.addr |= pci_cfg_get(c, cap + PCI_MSI_ADDRESS_HI, 4) << 32;
	data = (uint32_t)pci_cfg_get(
		c, cap + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2);
	if (flags & PCI_MSI_FLAGS_MASKBIT)
		mask = pci_cfg_get(
			c, cap + (wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32), 4);
	for (unsigned int v = 0; v < n; v++) {
		msi.data = (data & ~(n - 1)) | v;
		if (mask >> v & 1)
			vector_mask(d, v);
		else
			vector_unmask(d, v, msi);
	}
}

/* --- life -------------------------------------------------------------------
 */

int vfio_irqs_open(struct vfio_dev *d, struct err *e)
{
	if (!d->msix_cap)
		return 0;
	d->msix_storage = calloc(d->msix_shape.n, sizeof(*d->msix_storage));
	if (!d->msix_storage)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	msix_init(&d->msix, d->msix_storage, d->msix_shape.n);
	return 0;
}

void vfio_irqs_close(struct vfio_dev *d)
{
	mode_off(d);
}
