// SPDX-License-Identifier: Apache-2.0
#include "vmm/vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/virtio.h"

static int call(const struct vhost *h, unsigned long request, void *arg)
{
	return ioctl(h->fd, request, arg) < 0 ? -errno : 0;
}

static int set_owner(struct vhost *h)
{
	int r = call(h, VHOST_GET_FEATURES, &h->offered);

	if (r < 0)
		return r;
	if ((h->offered & VIRTIO_RING_FEATURES) != VIRTIO_RING_FEATURES)
		return -ENOTSUP;
	return call(h, VHOST_SET_OWNER, NULL);
}

int vhost_open(struct vhost *h, const char *path)
{
	int r;

	memset(h, 0, sizeof(*h));
	h->err_fd = -1;
	h->fd = open(path, O_RDWR | O_CLOEXEC);
	if (h->fd < 0)
		return -errno;
	r = set_owner(h);
	if (r < 0)
		vhost_close(h);
	return r;
}

void vhost_close(struct vhost *h)
{
	if (h->fd < 0)
		return;
	vhost_stop(h);
	close(h->fd);
	h->fd = -1;
}

/* --- start ---------------------------------------------------------------- */

/* All of the guest's RAM, at the addresses that the guest knows. */
static int set_memory(const struct vhost *h)
{
	const struct gmem *mem = h->v->mem;
	_Alignas(struct vhost_memory)
		uint8_t bytes[sizeof(struct vhost_memory) +
			      GMEM_MAX * sizeof(struct vhost_memory_region)] = {
			0};
	struct vhost_memory *t = (struct vhost_memory *)(void *)bytes;

	t->nregions = mem->n;
	for (unsigned int i = 0; i < mem->n; i++) {
		t->regions[i].guest_phys_addr = mem->region[i].gpa.base;
		t->regions[i].memory_size = mem->region[i].gpa.len;
		t->regions[i].userspace_addr = (uintptr_t)mem->region[i].hva;
	}
	return call(h, VHOST_SET_MEM_TABLE, t);
}

static int set_file(const struct vhost *h, unsigned long request,
		    unsigned int i, int fd)
{
	/* -1 is VHOST_FILE_UNBIND: none */
	struct vhost_vring_file f = {.index = i, .fd = fd};

	return call(h, request, &f);
}

static int set_state(const struct vhost *h, unsigned long request,
		     unsigned int i, unsigned int num)
{
	struct vhost_vring_state s = {.index = i, .num = num};

	return call(h, request, &s);
}

static int set_ring(const struct vhost *h, unsigned int i)
{
	const struct virtq *q = &h->v->queue[h->first + i];
	struct vhost_vring_addr a = {
		.index = i,
		.desc_user_addr = (uintptr_t)q->desc,
		.used_user_addr = (uintptr_t)q->used,
		.avail_user_addr = (uintptr_t)q->avail,
	};
	int r = set_state(h, VHOST_SET_VRING_NUM, i, q->regs.size);

	if (r == 0)
		r = set_state(h, VHOST_SET_VRING_BASE, i, q->seen);
	return r ? r : call(h, VHOST_SET_VRING_ADDR, &a);
}

static int set_queue(const struct vhost *h, unsigned int i)
{
	struct virtio *v = h->v;
	unsigned int q = h->first + i;
	int r = set_ring(h, i);

	if (r == 0)
		r = set_file(h, VHOST_SET_VRING_CALL, i, virtio_call_fd(v, q));
	if (r == 0)
		r = set_file(h, VHOST_SET_VRING_ERR, i, h->err_fd);
	if (r == 0)
		r = set_file(h, VHOST_SET_VRING_KICK, i, virtio_kick_fd(v, q));
	if (r == 0)
		v->kick(v->ctx, q); /* for what is in the queue already */
	return r;
}

static bool all_live(const struct virtio *v, unsigned int first, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (!virtq_live(&v->queue[first + i]))
			return false;
	}
	return true;
}

static int set_all(const struct vhost *h)
{
	uint64_t features = h->v->acked & h->offered;
	int r = call(h, VHOST_SET_FEATURES, &features);

	if (r == 0)
		r = set_memory(h);
	for (unsigned int i = 0; r == 0 && i < h->n; i++)
		r = set_queue(h, i);
	return r;
}

/* The driver broke the rules, or the kernel cannot reach the rings. */
static void on_error(void *ctx)
{
	struct vhost *h = ctx;
	uint64_t n;

	if (read(h->err_fd, &n, sizeof(n)) < 0)
		return;
	virtio_fail(h->v);
}

int vhost_start(struct vhost *h, struct virtio *v, unsigned int first,
		unsigned int n, struct worker *worker)
{
	int r;

	if (!all_live(v, first, n))
		return -EINVAL;
	h->err_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->err_fd < 0)
		return -errno;
	h->v = v;
	h->first = first;
	h->n = n;
	h->worker = worker;
	r = loop_add(&worker->loop, h->err_fd, on_error, h);
	if (r == 0)
		r = set_all(h);
	if (r < 0)
		vhost_stop(h);
	return r;
}

/* --- stop ----------------------------------------------------------------- */

/* The kernel counts what it gave back in the ring alone. */
static void take_back(const struct vhost *h, unsigned int i)
{
	struct virtq *q = &h->v->queue[h->first + i];
	struct vhost_vring_state s = {.index = i};

	(void)set_file(h, VHOST_SET_VRING_KICK, i, VHOST_FILE_UNBIND);
	(void)set_file(h, VHOST_SET_VRING_CALL, i, VHOST_FILE_UNBIND);
	(void)set_file(h, VHOST_SET_VRING_ERR, i, VHOST_FILE_UNBIND);
	if (!virtq_live(q) || call(h, VHOST_GET_VRING_BASE, &s) < 0)
		return;
	q->seen = (uint16_t)s.num;
	q->done = __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE);
	q->signalled = q->done;
}

void vhost_stop(struct vhost *h)
{
	if (!h->v)
		return;
	for (unsigned int i = 0; i < h->n; i++)
		take_back(h, i);
	loop_remove(&h->worker->loop, h->err_fd);
	close(h->err_fd);
	h->err_fd = -1;
	h->v = NULL;
}
