// SPDX-License-Identifier: Apache-2.0
/*
 * Interrupts: device -> eventfd -> irqfd -> guest, with nobody in between.
 *
 * How it works: a vector costs nothing until the guest first unmasks it; then
 * it gets an eventfd, a route, and its place in the kernel's set. Masking only
 * detaches the eventfd from its route: what fires meanwhile stays counted in
 * it, is what the pending bit reports, and is delivered when it is attached
 * again (virt/kvm/eventfd.c looks at the counter then). No VFIO call is made
 * for a mask. What the guest wants of each vector is computed from its
 * registers (irq_msi.c); vfio_vectors_sync() makes the rest follow, in steps
 * that each take all vectors at once: a function that is unmasked with 64
 * vectors costs one SET_IRQS and one table of routes.
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

/* --- the kernel's side ---------------------------------------------------- */

int vfio_irq_set(const struct vfio_dev *d, uint32_t index, uint32_t action,
		 unsigned int start, const int32_t *fds, unsigned int count)
{
	size_t size = sizeof(struct vfio_irq_set) + count * sizeof(*fds);
	struct vfio_irq_set *s = calloc(1, size);
	int r;

	if (!s)
		return -ENOMEM;
	s->argsz = (uint32_t)size;
	s->flags = action |
		   (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
	s->index = index;
	s->start = start;
	s->count = count;
	if (count)
		memcpy(s->data, fds, count * sizeof(*fds));
	r = vfio_ioctl(d->fd, VFIO_DEVICE_SET_IRQS, s);
	free(s);
	return r;
}

unsigned int vfio_irq_count(const struct vfio_dev *d, uint32_t index,
			    uint32_t *flags)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};

	if (vfio_ioctl(d->fd, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0)
		return 0;
	if (flags)
		*flags = info.flags;
	return info.count;
}

void vfio_irq_warn(struct vfio_dev *d, const char *what, int code)
{
	if (d->irqs.warned)
		return;
	d->irqs.warned = true;
	fprintf(stderr,
		"barge: %s: the host refused %s (%s); the guest will miss "
		"interrupts of this device\r\n",
		d->address, what, strerror(-code));
}

static uint32_t index_of(enum vfio_irq_mode mode)
{
	return mode == IRQ_MSI ? VFIO_PCI_MSI_IRQ_INDEX
			       : VFIO_PCI_MSIX_IRQ_INDEX;
}

/* Hand the eventfds of [start, start + count), as far as there are, over. */
static int vectors_set(struct vfio_dev *d, unsigned int start,
		       unsigned int count)
{
	struct vfio_irqs *q = &d->irqs;
	int32_t *fds = calloc(count, sizeof(*fds));
	int r;

	if (!fds)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++)
		fds[i] = q->vector[start + i].fd;
	r = vfio_irq_set(d, index_of(q->mode), VFIO_IRQ_SET_ACTION_TRIGGER,
			 start, fds, count);
	free(fds);
	if (r != 0)
		return r;
	for (unsigned int i = start; i < start + count; i++)
		q->vector[i].armed = q->vector[i].fd >= 0;
	if (start + count > q->set)
		q->set = start + count;
	return 0;
}

static void vectors_unset(struct vfio_dev *d)
{
	struct vfio_irqs *q = &d->irqs;

	if (q->set)
		(void)vfio_irq_set(d, index_of(q->mode),
				   VFIO_IRQ_SET_ACTION_TRIGGER, 0, NULL, 0);
	for (unsigned int v = 0; v < q->n; v++)
		q->vector[v].armed = false;
	q->set = 0;
}

/*
 * A new set of @want vectors or, if the host has not so many, of those it has
 * (MSI comes in powers of two, PCI-3.0 6.8.1.3).
 */
static int set_make(struct vfio_dev *d, unsigned int want)
{
	struct vfio_irqs *q = &d->irqs;
	int r = vectors_set(d, 0, want);

	while (r > 0 && (unsigned int)r < want) {
		want = (unsigned int)r;
		if (q->mode == IRQ_MSI && !is_pow2(want))
			want = (unsigned int)(pow2_ceil(want) / 2);
		q->full = true;
		r = vectors_set(d, 0, want);
	}
	return r > 0 ? -ENOSPC : r;
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
static int set_remake(struct vfio_dev *d, unsigned int want)
{
	struct vfio_irqs *q = &d->irqs;
	unsigned int old = q->set;
	int r;

	vectors_unset(d);
	r = set_make(d, want);
	if (r < 0) {
		q->full = true;
		if (old)
			(void)set_make(d, old);
	}
	nudge(q, old);
	return r;
}

/* --- arming: the device's side of vectors --------------------------------- */

static bool unarmed(const struct vfio_irqs *q, unsigned int v)
{
	return q->vector[v].fd >= 0 && !q->vector[v].armed;
}

/* One beyond the last vector of [first, end) that waits to be armed, or 0. */
static unsigned int unarmed_end(const struct vfio_irqs *q, unsigned int first,
				unsigned int end)
{
	while (end > first && !unarmed(q, end - 1))
		end--;
	return end > first ? end : 0;
}

/*
 * Arm [first, end), none of which is armed yet: at once, or as many as the host
 * has.
 */
static int run_arm(struct vfio_dev *d, unsigned int first, unsigned int end)
{
	int r = vectors_set(d, first, end - first);

	if (r == 0 || end - first == 1)
		return r > 0 ? -ENOSPC : r;
	for (r = 0; r == 0 && first < end; first++) {
		if (unarmed(&d->irqs, first))
			r = vectors_set(d, first, 1);
	}
	return r > 0 ? -ENOSPC : r;
}

/*
 * Vectors that are armed keep their place: handed over again, they would be off
 * for a moment.
 */
static int runs_arm(struct vfio_dev *d, unsigned int first, unsigned int end)
{
	struct vfio_irqs *q = &d->irqs;
	int r = 0;

	while (r == 0 && first < end) {
		unsigned int to = first;

		while (to < end && !q->vector[to].armed)
			to++;
		to = unarmed_end(q, first, to);
		if (to)
			r = run_arm(d, first, to);
		first = to > first ? to : first + 1;
	}
	return r;
}

/*
 * How many vectors to begin with so that the first @last can be had. Where the
 * kernel can add to a set only those in use are taken; elsewhere each addition
 * turns the others off for a moment, so that there shall be few.
 */
static unsigned int set_size(const struct vfio_irqs *q, unsigned int last)
{
	uint64_t want = pow2_ceil(last);
	unsigned int dense = 0;

	if (q->mode == IRQ_MSI)
		return q->n;
	if (!q->resize)
		return want < q->n ? (unsigned int)want : q->n;
	while (dense < last && q->vector[dense].fd >= 0)
		dense++;
	return dense ? dense : 1;
}

static int vectors_arm(struct vfio_dev *d, unsigned int first, unsigned int end)
{
	struct vfio_irqs *q = &d->irqs;
	unsigned int last = unarmed_end(q, first, end);
	int r = 0;

	if (last > q->set && (!q->set || !q->resize)) {
		if (q->full)
			last = q->set;
		else
			r = set_remake(d, set_size(q, last));
	}
	if (r == 0)
		r = runs_arm(d, first,
			     last < q->set || q->resize ? last : q->set);
	if (r < 0)
		q->full = true;
	return r;
}

/* --- one vector ----------------------------------------------------------- */

/* Everything but the kernel's set. */
static int vector_open(struct vfio_dev *d, struct vfio_vector *x)
{
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
	return x->fd < 0 ? -errno : 0;
}

static void vector_detach(struct vfio_dev *d, struct vfio_vector *x)
{
	if (x->attached)
		(void)d->hv->ops->irqfd(d->hv, x->gsi, x->fd, -1, false);
	x->attached = false;
}

static void vector_close(struct vfio_dev *d, struct vfio_vector *x)
{
	if (x->fd >= 0)
		close(x->fd);
	if (x->routed)
		d->hv->ops->route_give(d->hv, x->gsi);
	*x = (struct vfio_vector){.fd = -1};
}

static int vector_attach(struct vfio_dev *d, struct vfio_vector *x)
{
	int r;

	if (x->attached)
		return 0;
	r = d->hv->ops->irqfd(d->hv, x->gsi, x->fd, -1, true);
	x->attached = r == 0;
	return r;
}

/* --- all of them ---------------------------------------------------------- */

/* Detach what is masked now, and give what is not an eventfd. */
static int sync_open(struct vfio_dev *d, unsigned int first, unsigned int end)
{
	struct vfio_irqs *q = &d->irqs;
	struct hv_msi msi;
	int ret = 0;

	for (unsigned int v = first; v < end; v++) {
		int r;

		if (!vfio_vector_wanted(d, v, &msi)) {
			vector_detach(d, &q->vector[v]);
			continue;
		}
		if (q->full && !q->vector[v].armed && v >= q->set)
			continue;
		r = vector_open(d, &q->vector[v]);
		if (r < 0)
			ret = r;
	}
	return ret;
}

/* Vectors that the host has not got cost nothing more. */
static void sync_drop(struct vfio_dev *d, unsigned int first, unsigned int end)
{
	for (unsigned int v = first; v < end; v++) {
		struct vfio_vector *x = &d->irqs.vector[v];

		if (!x->armed && (x->fd >= 0 || x->routed))
			vector_close(d, x);
	}
}

static int sync_attach(struct vfio_dev *d, unsigned int first, unsigned int end)
{
	struct vfio_irqs *q = &d->irqs;
	struct hv_msi msi;
	int ret = 0;
	int r = 0;

	for (unsigned int v = first; v < end; v++) {
		if (q->vector[v].armed && vfio_vector_wanted(d, v, &msi)) {
			r = d->hv->ops->route_msi(d->hv, q->vector[v].gsi, msi);
			ret = r < 0 ? r : ret;
		}
	}
	r = d->hv->ops->route_commit(d->hv);
	if (r < 0)
		return r;
	for (unsigned int v = first; v < end; v++) {
		if (q->vector[v].armed && vfio_vector_wanted(d, v, &msi)) {
			r = vector_attach(d, &q->vector[v]);
			ret = r < 0 ? r : ret;
		}
	}
	return ret;
}

void vfio_vectors_sync(struct vfio_dev *d, unsigned int first,
		       unsigned int count)
{
	struct vfio_irqs *q = &d->irqs;
	unsigned int end = first + count;
	bool was_full = q->full;
	int opened = sync_open(d, first, end);
	int r = vectors_arm(d, first, end);

	sync_drop(d, first, end);
	/*
	 * The hardware's enable bit follows the guest's at once, even with
	 * every vector masked: a device may look at it when a queue is made
	 * (QEMU's NVMe does, and loses interrupts of a vector enabled later).
	 */
	if (r == 0 && !q->set && !q->full)
		r = set_remake(d, set_size(q, 1));
	if (r == 0 && q->full && !was_full)
		r = -ENOSPC;
	if (r == 0)
		r = opened;
	if (r < 0)
		vfio_irq_warn(d, "an interrupt vector", r);
	r = sync_attach(d, first, end);
	if (r < 0)
		vfio_irq_warn(d, "an interrupt route", r);
}

int vfio_vectors_on(struct vfio_dev *d, enum vfio_irq_mode mode, unsigned int n)
{
	struct vfio_irqs *q = &d->irqs;
	uint32_t flags = VFIO_IRQ_INFO_NORESIZE;

	q->vector = calloc(n, sizeof(*q->vector));
	if (!q->vector)
		return -ENOMEM;
	for (unsigned int v = 0; v < n; v++)
		q->vector[v].fd = -1;
	q->n = n;
	q->mode = mode;
	q->full = false;
	(void)vfio_irq_count(d, index_of(mode), &flags);
	q->resize = !(flags & VFIO_IRQ_INFO_NORESIZE);
	return 0;
}

void vfio_vectors_off(struct vfio_dev *d)
{
	struct vfio_irqs *q = &d->irqs;

	for (unsigned int v = 0; v < q->n; v++)
		vector_detach(d, &q->vector[v]);
	vectors_unset(d);
	for (unsigned int v = 0; v < q->n; v++)
		vector_close(d, &q->vector[v]);
	free(q->vector);
	q->vector = NULL;
	q->n = 0;
	q->mode = IRQ_OFF;
}

bool vfio_vector_pending(const struct vfio_dev *d, unsigned int v)
{
	const struct vfio_irqs *q = &d->irqs;
	struct pollfd p = {.fd = -1, .events = POLLIN};

	if (v >= q->n || q->vector[v].attached)
		return false;
	p.fd = q->vector[v].fd;
	return p.fd >= 0 && poll(&p, 1, 0) == 1;
}
