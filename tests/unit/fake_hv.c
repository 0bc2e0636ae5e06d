/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_hv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/span.h"

static struct fake_hv *fake_of(struct hv *h)
{
	return (struct fake_hv *)h;
}

static int misuse(struct fake_hv *f, int code, const char *what)
{
	if (!f->misuse)
		f->misuse = what;
	f->refusals++;
	return code;
}

/* Not the caller's fault: the guest's, or asked for by the test. */
static int refuse(struct fake_hv *f, int code)
{
	f->refusals++;
	return code;
}

/* @call NULL: one that KVM never refuses. */
static bool injected_in(struct fake_hv *f, const char *call)
{
	int r = f->fault && call ? f->fault(call) : 0;

	if (!call)
		return false;
	if (r < 0)
		f->fail_with = r;
	return r < 0 || (f->fail_in && --f->fail_in == 0);
}

#define injected(f)	     injected_in(f, __func__)
#define injected_add(f, add) injected_in(f, (add) ? __func__ : NULL)

/* --- memory ------------------------------------------------------------- */

/* kvm-api 4.35: whole pages, no two slots over one guest address. */
static int fake_map(struct hv *h, uint64_t gpa, void *hva, uint64_t len,
		    unsigned int *slot)
{
	struct fake_hv *f = fake_of(h);
	struct span s = {gpa, len};
	unsigned int at = f->n_slots;

	if (injected(f))
		return refuse(f, f->fail_with);
	if (!span_ok(s) || !hva || ((gpa | len | (uintptr_t)hva) % f->page))
		return misuse(f, -EINVAL, "map: not whole pages");
	/* kvm_arch_prepare_memory_region() of arm64 */
	if (f->limit && span_last(s) >= f->limit)
		return refuse(f, -EFAULT);
	for (unsigned int i = f->n_slots; i-- > 0;) {
		const struct fake_slot *o = &f->slot[i];

		if (!o->used)
			at = i;
		else if (span_overlaps((struct span){o->gpa, o->len}, s))
			return refuse(f, -EEXIST);
	}
	if (at == f->n_slots)
		return refuse(f, -ENOSPC);
	if (f->watch)
		f->watch(f->watch_ctx, true);
	f->slot[at] = (struct fake_slot){true, gpa, hva, len};
	f->maps++;
	*slot = at;
	return 0;
}

static int fake_unmap(struct hv *h, unsigned int slot)
{
	struct fake_hv *f = fake_of(h);

	if (injected(f))
		return refuse(f, f->fail_with);
	if (slot >= f->n_slots || !f->slot[slot].used)
		return misuse(f, -ENOENT, "unmap: no such slot");
	if (f->watch)
		f->watch(f->watch_ctx, false);
	f->slot[slot].used = false;
	f->unmaps++;
	return 0;
}

/* --- interrupts --------------------------------------------------------- */

static int fake_route_take(struct hv *h, unsigned int *gsi)
{
	struct fake_hv *f = fake_of(h);

	if (injected(f))
		return refuse(f, f->fail_with);
	for (unsigned int i = 0; i < FAKE_ROUTES; i++) {
		if (f->route[i].taken)
			continue;
		f->route[i] = (struct fake_route){.taken = true, .fd = -1};
		*gsi = FAKE_LINES + i;
		return 0;
	}
	return refuse(f, -ENOSPC);
}

/* The route of @gsi, NULL if it was not taken. */
static struct fake_route *route_of(struct fake_hv *f, unsigned int gsi)
{
	unsigned int i = gsi - FAKE_LINES;

	return gsi >= FAKE_LINES && i < FAKE_ROUTES && f->route[i].taken
		       ? &f->route[i]
		       : NULL;
}

static void fake_route_give(struct hv *h, unsigned int gsi)
{
	struct fake_hv *f = fake_of(h);
	struct fake_route *r = route_of(f, gsi);

	if (!r)
		(void)misuse(f, 0, "route_give: not taken");
	else if (r->fd >= 0)
		(void)misuse(f, 0, "route_give: an eventfd is attached");
	else
		r->taken = false;
}

static int fake_route_msi(struct hv *h, unsigned int gsi, struct hv_msi msi)
{
	struct fake_hv *f = fake_of(h);
	struct fake_route *r = route_of(f, gsi);

	if (injected(f))
		return refuse(f, f->fail_with);
	if (!r)
		return misuse(f, -EINVAL, "route_msi: not taken");
	r->changed = r->next.addr != msi.addr || r->next.data != msi.data ||
		     r->next.devid != msi.devid || r->changed;
	r->next = msi;
	return 0;
}

static int fake_route_commit(struct hv *h)
{
	struct fake_hv *f = fake_of(h);
	bool changed = false;

	for (unsigned int i = 0; i < FAKE_ROUTES; i++)
		changed = changed || (f->route[i].taken && f->route[i].changed);
	if (!changed)
		return 0;
	f->commits++;
	if (injected(f)) {
		for (unsigned int i = 0; i < FAKE_ROUTES; i++) {
			f->route[i].next = f->route[i].msi;
			f->route[i].changed = false;
		}
		return refuse(f, f->fail_with);
	}
	for (unsigned int i = 0; i < FAKE_ROUTES; i++) {
		f->route[i].msi = f->route[i].next;
		f->route[i].changed = false;
	}
	return 0;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Several may share a line, each with files of its own. */
static int line_irqfd(struct fake_hv *f, unsigned int gsi, int fd,
		      int resample_fd, bool attach)
{
	struct fake_line *room = NULL;

	for (unsigned int i = 0; i < FAKE_IRQFDS; i++) {
		struct fake_line *l = &f->line[i];

		if (l->fd < 0) {
			room = l;
		} else if (l->fd == fd) {
			if (attach || l->gsi != gsi)
				return misuse(f, -EBUSY, "irqfd: in use");
			l->fd = -1;
			return 0;
		}
	}
	if (!attach)
		return misuse(f, -ENOENT, "irqfd: was not attached");
	if (resample_fd < 0)
		return misuse(f, -EINVAL, "irqfd: a line without resample");
	if (f->no_resample)
		return refuse(f, -EINVAL);
	if (!room)
		return refuse(f, -ENOSPC);
	*room = (struct fake_line){gsi, fd, resample_fd};
	return 0;
}

static int route_irqfd(struct fake_hv *f, struct fake_route *r, int fd,
		       int resample_fd, bool attach)
{
	if (resample_fd >= 0)
		return misuse(f, -EINVAL, "irqfd: a route with resample");
	if (attach && r->fd >= 0)
		return misuse(f, -EBUSY, "irqfd: attached twice");
	if (!attach && r->fd != fd)
		return misuse(f, -ENOENT, "irqfd: was not attached");
	r->fd = attach ? fd : -1;
	return 0;
}

static int fake_irqfd(struct hv *h, unsigned int gsi, int fd, int resample_fd,
		      bool attach)
{
	struct fake_hv *f = fake_of(h);
	struct fake_route *r = route_of(f, gsi);

	if (injected_add(f, attach))
		return refuse(f, f->fail_with);
	if (gsi >= FAKE_LINES && !r)
		return misuse(f, -EINVAL, "irqfd: a route that is not taken");
	if (!is_open(fd) || (resample_fd >= 0 && !is_open(resample_fd)))
		return misuse(f, -EBADF, "irqfd: a file that is not open");
	f->irqfds++;
	return r ? route_irqfd(f, r, fd, resample_fd, attach)
		 : line_irqfd(f, gsi, fd, resample_fd, attach);
}

/* --- notifications ------------------------------------------------------ */

static int fake_ioeventfd(struct hv *h, uint64_t gpa, int fd, bool attach)
{
	struct fake_hv *f = fake_of(h);
	struct fake_ioeventfd *room = NULL;

	if (injected_add(f, attach))
		return refuse(f, f->fail_with);
	if (!is_open(fd))
		return misuse(f, -EBADF, "ioeventfd: a file that is not open");
	for (unsigned int i = 0; i < FAKE_IOEVENTFDS; i++) {
		struct fake_ioeventfd *x = &f->ioeventfd[i];

		if (x->fd < 0) {
			room = x;
		} else if (x->gpa == gpa) {
			if (attach || x->fd != fd)
				return misuse(f, -EEXIST, "ioeventfd: in use");
			x->fd = -1;
			return 0;
		}
	}
	if (!attach)
		return misuse(f, -ENOENT, "ioeventfd: was not attached");
	if (!room)
		return refuse(f, -ENOSPC);
	*room = (struct fake_ioeventfd){gpa, fd};
	return 0;
}

int fake_hv_ioeventfd(const struct fake_hv *f, uint64_t gpa)
{
	for (unsigned int i = 0; i < FAKE_IOEVENTFDS; i++) {
		if (f->ioeventfd[i].fd >= 0 && f->ioeventfd[i].gpa == gpa)
			return f->ioeventfd[i].fd;
	}
	return -1;
}

/* --- files of VFIO --- */

static int fake_vfio_file(struct hv *h, int group, bool add)
{
	struct fake_hv *f = fake_of(h);
	unsigned int i = 0;

	if (injected_add(f, add))
		return refuse(f, f->fail_with);
	if (!is_open(group))
		return misuse(f, -EBADF, "vfio_file: a file that is not open");
	while (i < f->n_groups && f->group[i] != group)
		i++;
	if (add && i < f->n_groups)
		return misuse(f, -EEXIST, "vfio_file: added twice");
	if (!add && i == f->n_groups)
		return misuse(f, -ENOENT, "vfio_file: was not added");
	if (add && f->n_groups == FAKE_GROUPS)
		return refuse(f, -ENOSPC);
	if (add)
		f->group[f->n_groups++] = group;
	else
		f->group[i] = f->group[--f->n_groups];
	return 0;
}

static const struct hv_ops fake_hv_ops = {
	.map = fake_map,
	.unmap = fake_unmap,
	.route_take = fake_route_take,
	.route_give = fake_route_give,
	.route_msi = fake_route_msi,
	.route_commit = fake_route_commit,
	.irqfd = fake_irqfd,
	.ioeventfd = fake_ioeventfd,
	.vfio_file = fake_vfio_file,
};

/* --- for the test ------------------------------------------------------- */

void fake_hv_init(struct fake_hv *f)
{
	memset(f, 0, sizeof(*f));
	f->hv.ops = &fake_hv_ops;
	f->page = (uint64_t)sysconf(_SC_PAGESIZE);
	f->n_slots = FAKE_SLOTS;
	for (unsigned int i = 0; i < FAKE_IRQFDS; i++)
		f->line[i].fd = -1;
	for (unsigned int i = 0; i < FAKE_IOEVENTFDS; i++)
		f->ioeventfd[i].fd = -1;
}

void fake_hv_fail(struct fake_hv *f, unsigned int nth, int code)
{
	f->fail_in = nth;
	f->fail_with = code;
}

uint8_t *fake_hv_at(const struct fake_hv *f, uint64_t gpa)
{
	for (unsigned int i = 0; i < f->n_slots; i++) {
		const struct fake_slot *s = &f->slot[i];

		if (s->used &&
		    span_holds((struct span){s->gpa, s->len}, gpa, 1))
			return s->hva + (gpa - s->gpa);
	}
	return NULL;
}

unsigned int fake_hv_slots(const struct fake_hv *f)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < f->n_slots; i++)
		n += f->slot[i].used;
	return n;
}

const char *fake_hv_left(const struct fake_hv *f)
{
	if (f->misuse)
		return f->misuse;
	if (fake_hv_slots(f))
		return "a memslot was left";
	for (unsigned int i = 0; i < FAKE_ROUTES; i++) {
		if (f->route[i].taken)
			return "a route was left";
	}
	for (unsigned int i = 0; i < FAKE_IRQFDS; i++) {
		if (f->line[i].fd >= 0)
			return "an eventfd was left on a line";
	}
	for (unsigned int i = 0; i < FAKE_IOEVENTFDS; i++) {
		if (f->ioeventfd[i].fd >= 0)
			return "an ioeventfd was left";
	}
	if (f->n_groups)
		return "a file of VFIO was left";
	return NULL;
}
