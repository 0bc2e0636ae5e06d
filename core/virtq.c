// SPDX-License-Identifier: Apache-2.0
#include "core/virtq.h"

#include <errno.h>
#include <string.h>

/* Other threads of ours and vCPUs look at these at the same time. */
static uint16_t load16(const __virtio16 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store16(__virtio16 *p, uint16_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* What we wrote is seen before we read what the driver wrote. */
static void full_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* virtio-1.3 2.7.7: `used_event` follows the driver's ring ... */
static __virtio16 *used_event(const struct virtq *q)
{
	return &q->avail->ring[q->regs.size];
}

/* ... and virtio-1.3 2.7.10: `avail_event` the device's. */
static __virtio16 *avail_event(const struct virtq *q)
{
	return (__virtio16 *)&q->used->ring[q->regs.size];
}

void virtq_reset(struct virtq *q, uint16_t size)
{
	memset(q, 0, sizeof(*q));
	q->regs.size = size;
}

/* Bytes of the three areas (virtio-1.3 2.7). */
static uint64_t desc_bytes(unsigned int size)
{
	return sizeof(struct vring_desc) * size;
}

static uint64_t avail_bytes(unsigned int size)
{
	return 6 + sizeof(__virtio16) * size;
}

static uint64_t used_bytes(unsigned int size)
{
	return 6 + sizeof(struct vring_used_elem) * size;
}

int virtq_start(struct virtq *q, const struct gmem *mem, uint64_t features)
{
	const struct virtq_regs *r = &q->regs;
	unsigned int n = r->size;
	void *desc = gmem_at(mem, r->desc, desc_bytes(n));
	void *avail = gmem_at(mem, r->avail, avail_bytes(n));
	void *used = gmem_at(mem, r->used, used_bytes(n));

	if (!n || n > VIRTQ_SIZE_MAX || n & (n - 1) || r->desc & 15 ||
	    r->avail & 1 || r->used & 3 || !desc || !avail || !used)
		return -EINVAL;
	q->desc = desc;
	q->avail = avail;
	q->used = used;
	q->event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1;
	q->indirect = features >> VIRTIO_RING_F_INDIRECT_DESC & 1;
	q->broken = false;
	q->seen = 0;
	q->done = 0;
	q->signalled = 0;
	q->mem = mem;
	return 0;
}

void virtq_stop(struct virtq *q)
{
	q->mem = NULL;
}

/* --- walking a chain ------------------------------------------------------ */

/* A table of descriptors: the queue's own or an indirect one. */
struct table {
	const struct vring_desc *d;
	unsigned int n;
};

static struct vring_desc desc_at(const struct table *t, unsigned int i)
{
	struct vring_desc d;

	memcpy(&d, &t->d[i], sizeof(d));
	return d;
}

/* virtio-1.3 2.7.4.2: writable ones come last; both lengths fit 32 bits. */
static int add_buffer(const struct virtq *q, struct virtq_chain *c,
		      const struct vring_desc *d)
{
	bool in = d->flags & VRING_DESC_F_WRITE;
	unsigned int n = c->n_out + c->n_in;
	void *hva = gmem_at(q->mem, d->addr, d->len);

	if (!hva || n == q->regs.size || (!in && c->n_in))
		return -EINVAL;
	c->iov[n].iov_base = hva;
	c->iov[n].iov_len = d->len;
	if (in) {
		c->n_in++;
		c->in_len += d->len;
	} else {
		c->n_out++;
		c->out_len += d->len;
	}
	return c->in_len > UINT32_MAX || c->out_len > UINT32_MAX ? -EINVAL : 0;
}

/*
 * virtio-1.3 2.7.5.3: an indirect table stands alone in the last descriptor of
 * a chain, and holds no further one.
 */
static int enter_indirect(const struct virtq *q, const struct vring_desc *d,
			  struct table *t)
{
	if (!q->indirect || d->flags & VRING_DESC_F_NEXT || d->len == 0 ||
	    d->len % sizeof(struct vring_desc))
		return -EINVAL;
	t->d = gmem_at(q->mem, d->addr, d->len);
	t->n = d->len / (unsigned int)sizeof(struct vring_desc);
	return t->d ? 0 : -EINVAL;
}

static int walk(const struct virtq *q, struct virtq_chain *c)
{
	struct table t = {q->desc, q->regs.size};
	bool entered = false;
	unsigned int i = c->head;

	/* add_buffer() has room for so many only: a loop ends there. */
	for (;;) {
		struct vring_desc d;
		int r;

		if (i >= t.n)
			return -EINVAL;
		d = desc_at(&t, i);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			r = entered ? -EINVAL : enter_indirect(q, &d, &t);
			entered = true;
			i = 0;
			if (r < 0)
				return r;
			continue;
		}
		r = add_buffer(q, c, &d);
		if (r < 0 || !(d.flags & VRING_DESC_F_NEXT))
			return r;
		i = d.next;
	}
}

static int next_head(struct virtq *q, uint16_t *head)
{
	uint16_t waiting = (uint16_t)(load16(&q->avail->idx) - q->seen);

	if (!waiting)
		return 0;
	if (waiting > q->regs.size)
		return -EINVAL;
	*head = load16(&q->avail->ring[q->seen % q->regs.size]);
	return *head < q->regs.size ? 1 : -EINVAL;
}

int virtq_pop(struct virtq *q, struct virtq_chain *c)
{
	int r;

	if (!q->mem)
		return 0;
	if (q->broken)
		return -EINVAL;
	c->n_out = 0;
	c->n_in = 0;
	c->out_len = 0;
	c->in_len = 0;
	r = next_head(q, &c->head);
	if (r == 0)
		return 0;
	if (r > 0)
		r = walk(q, c);
	if (r < 0) {
		q->broken = true;
		return r;
	}
	q->seen++;
	return 1;
}

void virtq_unpop(struct virtq *q)
{
	q->seen--;
}

void virtq_stage(struct virtq *q, uint16_t head, uint32_t written)
{
	struct vring_used_elem e = {.id = head, .len = written};

	if (!q->mem)
		return;
	memcpy(&q->used->ring[q->done % q->regs.size], &e, sizeof(e));
	q->done++;
}

void virtq_publish(struct virtq *q)
{
	if (q->mem)
		store16(&q->used->idx, q->done);
}

void virtq_push(struct virtq *q, uint16_t head, uint32_t written)
{
	virtq_stage(q, head, written);
	virtq_publish(q);
}

/* virtio-1.3 2.7.7.2 and 2.7.10.2 */
bool virtq_signal_due(struct virtq *q)
{
	uint16_t was = q->signalled;

	if (!q->mem || q->done == was)
		return false;
	full_barrier();
	q->signalled = q->done;
	if (q->event_idx)
		return vring_need_event(load16(used_event(q)), q->done, was);
	return !(load16(&q->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

bool virtq_wait_for(struct virtq *q, uint16_t n)
{
	if (!q->mem || q->broken)
		return false;
	if (q->event_idx) {
		store16(avail_event(q), (uint16_t)(q->seen + n - 1));
	} else {
		store16(&q->used->flags, 0);
		n = 1;
	}
	full_barrier();
	return (uint16_t)(load16(&q->avail->idx) - q->seen) >= n;
}

bool virtq_wait(struct virtq *q)
{
	return virtq_wait_for(q, 1);
}

void virtq_busy(struct virtq *q)
{
	/* With event index, not asking is enough. */
	if (q->mem && !q->event_idx)
		store16(&q->used->flags, VRING_USED_F_NO_NOTIFY);
}

/* --- bytes of a chain ----------------------------------------------------- */

unsigned int virtq_slice(const struct virtq_chain *c, bool in, uint64_t off,
			 uint64_t len, struct iovec *iov, unsigned int max)
{
	unsigned int first = in ? c->n_out : 0;
	unsigned int end = first + (in ? c->n_in : c->n_out);
	unsigned int n = 0;

	for (unsigned int i = first; i < end && len && n < max; i++) {
		const struct iovec *v = &c->iov[i];
		uint64_t part;

		if (off >= v->iov_len) {
			off -= v->iov_len;
			continue;
		}
		part = v->iov_len - off < len ? v->iov_len - off : len;
		iov[n].iov_base = (uint8_t *)v->iov_base + off;
		iov[n++].iov_len = part;
		len -= part;
		off = 0;
	}
	return n;
}

/* One piece after the other, so that no array is needed. */
size_t virtq_copy_out(const struct virtq_chain *c, uint64_t off, void *buf,
		      size_t len)
{
	struct iovec v;
	size_t done = 0;

	while (done < len &&
	       virtq_slice(c, false, off + done, len - done, &v, 1)) {
		memcpy((uint8_t *)buf + done, v.iov_base, v.iov_len);
		done += v.iov_len;
	}
	return done;
}

size_t virtq_copy_in(const struct virtq_chain *c, uint64_t off, const void *buf,
		     size_t len)
{
	struct iovec v;
	size_t done = 0;

	while (done < len &&
	       virtq_slice(c, true, off + done, len - done, &v, 1)) {
		memcpy(v.iov_base, (const uint8_t *)buf + done, v.iov_len);
		done += v.iov_len;
	}
	return done;
}
