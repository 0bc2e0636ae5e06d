// SPDX-License-Identifier: Apache-2.0
/*
 * What the host tells of a device while the guest runs: that it had an error
 * (AER), and that the host wants it back. One epoll file stands for all of it,
 * so that whoever waits need not know how many devices there are.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vfio/device.h"

static const uint32_t index_of[VFIO_EVENTS] = {
	[VFIO_EVENT_ERROR] = VFIO_PCI_ERR_IRQ_INDEX,
	[VFIO_EVENT_REQUEST] = VFIO_PCI_REQ_IRQ_INDEX,
};

static int event_open(struct vfio *v, unsigned int nth, unsigned int kind)
{
	struct vfio_dev *d = v->dev[nth];
	struct epoll_event ev = {.events = EPOLLIN,
				 .data.u32 = nth * VFIO_EVENTS + kind};
	int32_t fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	d->event[kind] = fd;
	r = vfio_irq_set(d, index_of[kind], VFIO_IRQ_SET_ACTION_TRIGGER, 0, &fd,
			 1);
	if (r == 0 && epoll_ctl(v->event_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		r = -errno;
	return r < 0 ? r : 0;
}

int vfio_events_open(struct vfio *v, unsigned int nth)
{
	struct vfio_dev *d = v->dev[nth];

	if (v->event_fd < 0)
		v->event_fd = epoll_create1(EPOLL_CLOEXEC);
	if (v->event_fd < 0)
		return -errno;
	for (unsigned int kind = 0; kind < VFIO_EVENTS; kind++) {
		int r;

		/* No PCI Express, no error interrupt. */
		if (!vfio_irq_count(d, index_of[kind], NULL))
			continue;
		r = event_open(v, nth, kind);
		if (r < 0)
			return r;
	}
	return 0;
}

void vfio_events_close(struct vfio_dev *d)
{
	for (unsigned int kind = 0; kind < VFIO_EVENTS; kind++) {
		if (d->event[kind] < 0)
			continue;
		(void)vfio_irq_set(d, index_of[kind],
				   VFIO_IRQ_SET_ACTION_TRIGGER, 0, NULL, 0);
		close(d->event[kind]); /* leaves the epoll file by that */
		d->event[kind] = -1;
	}
}

int vfio_event_fd(const struct vfio *v)
{
	return v->event_fd;
}

bool vfio_event_take(struct vfio *v, struct vfio_event *e)
{
	struct epoll_event ev;
	uint64_t count;

	if (v->event_fd < 0 || epoll_wait(v->event_fd, &ev, 1, 0) != 1)
		return false;
	e->kind = (enum vfio_event_kind)(ev.data.u32 % VFIO_EVENTS);
	e->dev = ev.data.u32 / VFIO_EVENTS;
	return read(v->dev[e->dev]->event[e->kind], &count, sizeof(count)) > 0;
}
