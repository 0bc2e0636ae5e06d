// SPDX-License-Identifier: Apache-2.0
/* VFIO_DEVICE_SET_IRQS as vfio-pci does it (linux/vfio.h). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/fake_sys_impl.h"
#include "tests/unit/fake_vfio_impl.h"

int fake_irq_info(struct fake_pci *p, struct vfio_irq_info *info)
{
	const struct fake_irq *q;

	if (info->argsz < sizeof(*info) || info->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	q = &p->irq[info->index];
	if (info->index == VFIO_PCI_ERR_IRQ_INDEX && !q->count)
		return -EINVAL;
	info->flags = VFIO_IRQ_INFO_EVENTFD;
	info->count = q->count;
	if (info->index == VFIO_PCI_INTX_IRQ_INDEX)
		info->flags |=
			VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	else if (q->noresize || info->index != VFIO_PCI_MSIX_IRQ_INDEX)
		info->flags |= VFIO_IRQ_INFO_NORESIZE;
	return 0;
}

/* --- eventfds: the kernel holds them, whatever becomes of the number -------
 */

static void drop(int *fd)
{
	if (*fd >= 0)
		__real_close(*fd);
	*fd = -1;
}

/* @fd of the caller's into *mine; -1: none. */
static int take(int *mine, int fd)
{
	if (fd >= 0 && !fake_sys_is_eventfd(fd)) {
		if (fcntl(fd, F_GETFD) < 0)
			fake_sys_misuse("SET_IRQS with file %d, which is not "
					"open",
					fd);
		return -EINVAL;
	}
	drop(mine);
	if (fd >= 0)
		*mine = fcntl(fd, F_DUPFD_CLOEXEC, FAKE_FD_KERNEL);
	return fd >= 0 && *mine < 0 ? -EMFILE : 0;
}

static void irq_disable(struct fake_irq *q)
{
	for (unsigned int v = 0; v < FAKE_VECTORS && q->enabled; v++)
		drop(&q->trigger[v]);
	drop(&q->unmask);
	drop(&q->trigger[0]);
	q->enabled = false;
	q->masked = false;
	q->n = 0;
}

void fake_irq_off(struct fake_pci *p)
{
	for (unsigned int i = 0; i < FAKE_IRQS; i++)
		irq_disable(&p->irq[i]);
}

static int signal_fd(int fd)
{
	uint64_t one = 1;

	return fd >= 0 && __real_write(fd, &one, sizeof(one)) > 0;
}

/* --- MSI and MSI-X -------------------------------------------------------- */

/* Only one of INTx, MSI and MSI-X at a time. */
static bool other_enabled(const struct fake_pci *p, const struct fake_irq *q)
{
	for (unsigned int i = 0; i <= VFIO_PCI_MSIX_IRQ_INDEX; i++) {
		if (&p->irq[i] != q && p->irq[i].enabled)
			return true;
	}
	return false;
}

static int32_t fd_of(const struct vfio_irq_set *s, unsigned int i)
{
	int32_t fd;

	memcpy(&fd, s->data + i * sizeof(fd), sizeof(fd));
	return fd;
}

/* All or nothing; what is not allocated yet needs a device that can add. */
static int msi_block(struct fake_irq *q, const struct vfio_irq_set *s)
{
	for (unsigned int i = 0; i < s->count; i++) {
		unsigned int v = s->start + i;
		int r = 0;

		if (fd_of(s, i) >= 0 && v >= q->n && q->noresize)
			r = -EINVAL;
		else if (fd_of(s, i) >= 0 && q->limit && v >= q->limit)
			r = -ENOSPC;
		if (r == 0)
			r = take(&q->trigger[v], fd_of(s, i));
		if (r == 0)
			continue;
		for (unsigned int j = s->start; j <= v; j++)
			drop(&q->trigger[j]);
		return r;
	}
	return 0;
}

/* vfio_pci_set_msi_trigger() */
static int msi_set(struct fake_pci *p, struct fake_irq *q,
		   const struct vfio_irq_set *s)
{
	bool none = s->flags & VFIO_IRQ_SET_DATA_NONE;
	int r;

	if (q->enabled && !s->count && none) {
		irq_disable(q);
		return 0;
	}
	if (other_enabled(p, q))
		return -EINVAL;
	if (!(s->flags & VFIO_IRQ_SET_DATA_EVENTFD)) {
		for (unsigned int i = 0; q->enabled && i < s->count; i++)
			signal_fd(q->trigger[s->start + i]);
		return q->enabled ? 0 : -EINVAL;
	}
	if (q->enabled)
		return msi_block(q, s);
	/* So many there are, if it is not enough; none is allocated then. */
	if (q->limit && s->start + s->count > q->limit)
		return (int)q->limit;
	q->enabled = true;
	q->n = s->start + s->count;
	r = msi_block(q, s);
	if (r < 0)
		irq_disable(q);
	return r;
}

/* --- INTx ----------------------------------------------------------------- */

static int intx_trigger(struct fake_pci *p, struct fake_irq *q,
			const struct vfio_irq_set *s)
{
	if (q->enabled && !s->count && s->flags & VFIO_IRQ_SET_DATA_NONE) {
		irq_disable(q);
		return 0;
	}
	if (other_enabled(p, q) || s->start || s->count != 1)
		return -EINVAL;
	if (s->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		int r = take(&q->trigger[0], fd_of(s, 0));

		q->enabled = q->enabled || r == 0;
		return r;
	}
	if (!q->enabled)
		return -EINVAL;
	signal_fd(q->trigger[0]);
	return 0;
}

static int intx_unmask(struct fake_irq *q, const struct vfio_irq_set *s)
{
	if (!(s->flags & VFIO_IRQ_SET_DATA_EVENTFD)) {
		q->masked = false;
		return 0;
	}
	if (fd_of(s, 0) >= 0 && q->unmask >= 0)
		return -EBUSY;
	return take(&q->unmask, fd_of(s, 0));
}

static int intx_set(struct fake_pci *p, struct fake_irq *q,
		    const struct vfio_irq_set *s)
{
	uint32_t action = s->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;

	if (action == VFIO_IRQ_SET_ACTION_TRIGGER)
		return intx_trigger(p, q, s);
	if (!q->enabled || s->start || s->count != 1)
		return -EINVAL;
	if (action == VFIO_IRQ_SET_ACTION_UNMASK)
		return intx_unmask(q, s);
	if (s->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return -ENOTTY;
	q->masked = true;
	return 0;
}

/* --- errors and requests ---------------------------------------------------
 */

static int single_set(struct fake_irq *q, const struct vfio_irq_set *s)
{
	int r;

	if (s->start || s->count > 1)
		return -EINVAL;
	if (s->flags & VFIO_IRQ_SET_DATA_NONE) {
		if (!q->enabled)
			return -EINVAL;
		if (s->count)
			signal_fd(q->trigger[0]);
		else
			irq_disable(q);
		return 0;
	}
	if (!s->count || !(s->flags & VFIO_IRQ_SET_DATA_EVENTFD))
		return -EINVAL;
	r = take(&q->trigger[0], fd_of(s, 0));
	if (r == 0)
		q->enabled = q->trigger[0] >= 0;
	return r;
}

/* --- the call --------------------------------------------------------------
 */

/* vfio_set_irqs_validate_and_prepare() */
static int valid(const struct fake_pci *p, const struct vfio_irq_set *s)
{
	uint32_t size = 0;

	if (s->argsz < sizeof(*s) || s->index >= VFIO_PCI_NUM_IRQS ||
	    s->count >= UINT32_MAX - s->start ||
	    s->flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK |
			 VFIO_IRQ_SET_ACTION_TYPE_MASK))
		return -EINVAL;
	if (s->start >= p->irq[s->index].count ||
	    s->start + s->count > p->irq[s->index].count)
		return -EINVAL;
	switch (s->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		break;
	case VFIO_IRQ_SET_DATA_BOOL:
		size = 1;
		break;
	case VFIO_IRQ_SET_DATA_EVENTFD:
		size = sizeof(int32_t);
		break;
	default:
		return -EINVAL;
	}
	return s->argsz - sizeof(*s) < (uint64_t)s->count * size ? -EINVAL : 0;
}

int fake_irq_set(struct fake_pci *p, struct vfio_irq_set *s)
{
	uint32_t action = s->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	struct fake_irq *q;
	int r = valid(p, s);

	if (r < 0)
		return r;
	if (__builtin_popcount(action) != 1)
		return -ENOTTY;
	q = &p->irq[s->index];
	if (s->index == VFIO_PCI_INTX_IRQ_INDEX)
		r = intx_set(p, q, s);
	else if (action != VFIO_IRQ_SET_ACTION_TRIGGER)
		r = -ENOTTY;
	else if (s->index >= VFIO_PCI_ERR_IRQ_INDEX)
		r = single_set(q, s);
	else
		r = msi_set(p, q, s);
	q->sets += r == 0;
	return r;
}

bool fake_irq_fire(struct fake_pci *p, unsigned int index, unsigned int vector)
{
	struct fake_irq *q = &p->irq[index];

	if (!q->enabled || vector >= FAKE_VECTORS || q->trigger[vector] < 0)
		return false;
	if (index == VFIO_PCI_INTX_IRQ_INDEX) {
		struct pollfd poll_fd = {.fd = q->unmask, .events = POLLIN};
		uint64_t n;

		/* An unmask by eventfd is as good as one by ioctl. */
		if (q->unmask >= 0 && poll(&poll_fd, 1, 0) == 1 &&
		    __real_read(q->unmask, &n, sizeof(n)) > 0)
			q->masked = false;
		if (q->masked)
			return false;
		q->masked = true; /* VFIO_IRQ_INFO_AUTOMASKED */
	}
	return signal_fd(q->trigger[vector]);
}
