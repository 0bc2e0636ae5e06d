// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: common configuration reads come from an image of the whole
 * structure, made anew each time; writes count only as one of its fields. A
 * status of 0 stops the host side before anything is reset, DRIVER_OK makes
 * the queues live and starts it. Interrupts and notifications follow state:
 * vectors_sync() and notify_sync() compute from the registers what is to be
 * attached, and change what differs.
 */
#include "devices/virtio_pci.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stddef.h>
#include <string.h>

#define VENDOR	  0x1af4
#define DEVICE_0  0x1040 /* virtio-1.3 4.1.2.1: plus the type */
#define REVISION  1
#define SUBSYSTEM 0x40 /* not a transitional device's */

/* The BAR. */
#define BAR	    0
#define BAR_SIZE    0x10000
#define AREA	    0x1000u
#define AT_COMMON   0x0000u
#define AT_ISR	    0x1000u
#define AT_DEVICE   0x2000u
#define AT_NOTIFY   0x3000u
#define AT_TABLE    0x4000u
#define AT_PBA	    0x5000u
#define NOTIFY_STEP 4u

/* --- interrupts ----------------------------------------------------------- */

static void vector_detach(struct virtio_pci *p, struct virtio_pci_vector *x)
{
	if (x->attached)
		(void)p->hv->ops->irqfd(p->hv, x->gsi, x->fd, -1, false);
	x->attached = false;
}

/* The route of a vector that is to be delivered; false: there is none. */
static bool vector_route(struct virtio_pci *p, unsigned int i)
{
	struct virtio_pci_vector *x = &p->vector[i];
	struct hv_msi msi = {
		.addr = p->entry[i].addr,
		.data = p->entry[i].data,
		.devid = p->func.devfn,
	};

	if (!x->routed && p->hv->ops->route_take(p->hv, &x->gsi) < 0)
		return false;
	x->routed = true;
	return p->hv->ops->route_msi(p->hv, x->gsi, msi) == 0;
}

/*
 * What fired while a vector was detached stays counted in its eventfd and is
 * delivered when it is attached again.
 */
static void vectors_sync(struct virtio_pci *p, unsigned int first,
			 unsigned int count)
{
	bool live[VIRTIO_PCI_VECTORS_MAX] = {false};

	for (unsigned int i = first; i < first + count; i++) {
		if (msix_live(&p->msix, i))
			live[i] = vector_route(p, i);
		else
			vector_detach(p, &p->vector[i]);
	}
	if (p->hv->ops->route_commit(p->hv) < 0)
		return;
	for (unsigned int i = first; i < first + count; i++) {
		struct virtio_pci_vector *x = &p->vector[i];

		if (live[i] && !x->attached)
			x->attached = p->hv->ops->irqfd(p->hv, x->gsi, x->fd,
							-1, true) == 0;
	}
}

static void vectors_pending(struct virtio_pci *p)
{
	for (unsigned int i = 0; i < p->msix.n; i++) {
		(void)msix_take_pending(&p->msix, i);
		if (!p->vector[i].attached && p->fd_pending(p->vector[i].fd))
			msix_set_pending(&p->msix, i);
	}
}

/* --- notifications -------------------------------------------------------- */

static void notify_detach(struct virtio_pci *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		(void)p->hv->ops->ioeventfd(
			p->hv, p->notify_at + (uint64_t)i * NOTIFY_STEP,
			p->kick_fd[i], false);
	p->notify_at = 0;
}

static void notify_attach(struct virtio_pci *p, uint64_t at)
{
	p->notify_at = at;
	for (unsigned int i = 0; i < p->v->n_queues; i++) {
		if (p->hv->ops->ioeventfd(p->hv, at + (uint64_t)i * NOTIFY_STEP,
					  p->kick_fd[i], true) == 0)
			continue;
		/* The writes are trapped, then. */
		notify_detach(p, i);
		p->no_ioeventfd = true;
		return;
	}
}

static void notify_sync(struct virtio_pci *p)
{
	bool decodes =
		pci_cfg_get(&p->func.cfg, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY;
	uint64_t bar = pci_cfg_bar_addr(&p->func.cfg, BAR);
	uint64_t want = 0;

	if (decodes && bar && p->v->started && !p->no_ioeventfd)
		want = bar + AT_NOTIFY;
	if (want == p->notify_at)
		return;
	if (p->notify_at)
		notify_detach(p, p->v->n_queues);
	if (want)
		notify_attach(p, want);
}

/* --- the life of the device (virtio-1.3 3.1) ------------------------------ */

static void device_stop(struct virtio_pci *p)
{
	struct virtio *v = p->v;

	if (v->started)
		v->host_ops->stop(v);
	v->started = false;
	for (unsigned int i = 0; i < v->n_queues; i++)
		virtq_stop(&v->queue[i]);
	notify_sync(p);
}

static void device_reset(struct virtio_pci *p)
{
	device_stop(p);
	virtio_init(p->v);
	p->driver_features = 0;
	p->feature_select = 0;
	p->driver_select = 0;
	p->queue_select = 0;
}

static void device_start(struct virtio_pci *p)
{
	struct virtio *v = p->v;
	int r = 0;

	for (unsigned int i = 0; i < v->n_queues && r == 0; i++) {
		if (v->queue[i].regs.enabled)
			r = virtq_start(&v->queue[i], v->mem, v->acked);
	}
	if (r == 0)
		r = v->host_ops->start(v);
	v->started = r == 0;
	if (r < 0) {
		device_stop(p);
		virtio_fail(v);
	}
	notify_sync(p);
}

static uint64_t offered(const struct virtio *v)
{
	return v->offered | VIRTIO_RING_FEATURES;
}

/* What may not be agreed on leaves FEATURES_OK clear (virtio-1.3 3.1.1). */
static bool features_fit(const struct virtio_pci *p)
{
	return !(p->driver_features & ~offered(p->v)) &&
	       p->driver_features >> VIRTIO_F_VERSION_1 & 1;
}

static void set_status(struct virtio_pci *p, uint8_t val)
{
	struct virtio *v = p->v;
	uint8_t was = atomic_load(&v->status);

	if (!val) {
		device_reset(p);
		return;
	}
	/* The driver only adds bits; NEEDS_RESET is the device's. */
	val = (uint8_t)((val & ~VIRTIO_CONFIG_S_NEEDS_RESET) | was);
	if (val & ~was & VIRTIO_CONFIG_S_FEATURES_OK) {
		if (features_fit(p))
			v->acked = p->driver_features;
		else
			val &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	}
	if (!(val & VIRTIO_CONFIG_S_FEATURES_OK))
		val &= (uint8_t)~VIRTIO_CONFIG_S_DRIVER_OK;
	atomic_fetch_or(&v->status, val);
	if (val & ~was & VIRTIO_CONFIG_S_DRIVER_OK)
		device_start(p);
}

/* --- common configuration (virtio-1.3 4.1.4.3) ---------------------------- */

static uint32_t half(uint64_t features, uint32_t select)
{
	return select < 2 ? (uint32_t)(features >> 32 * select) : 0;
}

static struct virtq *selected(struct virtio_pci *p)
{
	return p->queue_select < p->v->n_queues ? &p->v->queue[p->queue_select]
						: NULL;
}

static void image_queue(struct virtio_pci *p, struct virtio_pci_common_cfg *c)
{
	const struct virtq *q = selected(p);

	c->queue_msix_vector = VIRTIO_NO_VECTOR;
	if (!q) /* size 0: there is no such queue */
		return;
	c->queue_size = q->regs.size;
	c->queue_msix_vector =
		atomic_load(&p->v->queue_vector[p->queue_select]);
	c->queue_enable = q->regs.enabled;
	c->queue_notify_off = p->queue_select;
	c->queue_desc_lo = (uint32_t)q->regs.desc;
	c->queue_desc_hi = (uint32_t)(q->regs.desc >> 32);
	c->queue_avail_lo = (uint32_t)q->regs.avail;
	c->queue_avail_hi = (uint32_t)(q->regs.avail >> 32);
	c->queue_used_lo = (uint32_t)q->regs.used;
	c->queue_used_hi = (uint32_t)(q->regs.used >> 32);
}

static uint64_t common_read(struct virtio_pci *p, unsigned int off,
			    unsigned int len)
{
	struct virtio_pci_common_cfg c = {
		.device_feature_select = p->feature_select,
		.device_feature = half(offered(p->v), p->feature_select),
		.guest_feature_select = p->driver_select,
		.guest_feature = half(p->driver_features, p->driver_select),
		.msix_config = atomic_load(&p->v->config_vector),
		.num_queues = (uint16_t)p->v->n_queues,
		.device_status = atomic_load(&p->v->status),
		.config_generation = atomic_load(&p->v->generation),
		.queue_select = p->queue_select,
	};
	uint64_t val = 0;

	image_queue(p, &c);
	if (off < sizeof(c))
		memcpy(&val, (const uint8_t *)&c + off,
		       len < sizeof(c) - off ? len : sizeof(c) - off);
	return val;
}

static uint16_t valid_vector(const struct virtio_pci *p, uint64_t val)
{
	return val < p->msix.n ? (uint16_t)val : VIRTIO_NO_VECTOR;
}

static void set_driver_features(struct virtio_pci *p, uint32_t val)
{
	unsigned int shift = 32 * p->driver_select;

	if (p->driver_select > 1 ||
	    atomic_load(&p->v->status) & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	p->driver_features &= ~((uint64_t)UINT32_MAX << shift);
	p->driver_features |= (uint64_t)val << shift;
}

static void set_half(uint64_t *at, bool high, uint64_t val)
{
	if (high)
		*at = (*at & UINT32_MAX) | val << 32;
	else
		*at = (*at & ~(uint64_t)UINT32_MAX) | val;
}

static void set_size(struct virtio_pci *p, struct virtq *q, uint64_t val)
{
	if (val && val <= p->v->queue_size && !(val & (val - 1)))
		q->regs.size = (uint16_t)val;
}

#define FIELD(name, bytes)                                                     \
	(offsetof(struct virtio_pci_common_cfg, name) << 4 | (bytes))

/* An enabled queue stays as it is until the reset (virtio-1.3 4.1.4.3.2). */
static void queue_write(struct virtio_pci *p, unsigned int field, uint64_t val)
{
	struct virtq *q = selected(p);

	if (!q || q->regs.enabled || p->v->started)
		return;
	switch (field) {
	case FIELD(queue_size, 2):
		set_size(p, q, val);
		break;
	case FIELD(queue_enable, 2):
		q->regs.enabled = val == 1;
		break;
	case FIELD(queue_desc_lo, 8):
		q->regs.desc = val;
		break;
	case FIELD(queue_avail_lo, 8):
		q->regs.avail = val;
		break;
	case FIELD(queue_used_lo, 8):
		q->regs.used = val;
		break;
	case FIELD(queue_desc_lo, 4):
	case FIELD(queue_desc_hi, 4):
		set_half(&q->regs.desc, field == FIELD(queue_desc_hi, 4), val);
		break;
	case FIELD(queue_avail_lo, 4):
	case FIELD(queue_avail_hi, 4):
		set_half(&q->regs.avail, field == FIELD(queue_avail_hi, 4),
			 val);
		break;
	case FIELD(queue_used_lo, 4):
	case FIELD(queue_used_hi, 4):
		set_half(&q->regs.used, field == FIELD(queue_used_hi, 4), val);
		break;
	default:
		break;
	}
}

static void common_write(struct virtio_pci *p, unsigned int off,
			 unsigned int len, uint64_t val)
{
	unsigned int field = off << 4 | len;

	switch (field) {
	case FIELD(device_feature_select, 4):
		p->feature_select = (uint32_t)val;
		break;
	case FIELD(guest_feature_select, 4):
		p->driver_select = (uint32_t)val;
		break;
	case FIELD(guest_feature, 4):
		set_driver_features(p, (uint32_t)val);
		break;
	case FIELD(msix_config, 2):
		atomic_store(&p->v->config_vector, valid_vector(p, val));
		break;
	case FIELD(device_status, 1):
		set_status(p, (uint8_t)val);
		break;
	case FIELD(queue_select, 2):
		p->queue_select = (uint16_t)val;
		break;
	case FIELD(queue_msix_vector, 2):
		if (selected(p))
			atomic_store(&p->v->queue_vector[p->queue_select],
				     valid_vector(p, val));
		break;
	default:
		queue_write(p, field, val);
	}
}

/* --- the BAR -------------------------------------------------------------- */

static struct virtio_pci *of(struct pci_func *f)
{
	return (struct virtio_pci *)((char *)f -
				     offsetof(struct virtio_pci, func));
}

static uint64_t bar_read(struct pci_func *f, unsigned int bar, uint64_t off,
			 unsigned int len)
{
	struct virtio_pci *p = of(f);
	unsigned int at = (unsigned int)(off % AREA);

	(void)bar;
	switch (off - at) {
	case AT_COMMON:
		return common_read(p, at, len);
	case AT_DEVICE:
		return p->v->ops->cfg_read(p->v, at, len);
	case AT_TABLE:
		return msix_table_read(&p->msix, at, len);
	case AT_PBA:
		vectors_pending(p);
		return msix_pba_read(&p->msix, at, len);
	default: /* the ISR: without INTx nothing is ever in it */
		return 0;
	}
}

static void notified(struct virtio_pci *p, unsigned int at)
{
	if (p->v->started && at % NOTIFY_STEP == 0 &&
	    at / NOTIFY_STEP < p->v->n_queues)
		p->v->kick(p->v->ctx, at / NOTIFY_STEP);
}

static void table_write(struct virtio_pci *p, unsigned int at, unsigned int len,
			uint64_t val)
{
	int i = msix_table_write(&p->msix, at, len, val);

	if (i >= 0)
		vectors_sync(p, (unsigned int)i, 1);
}

static void bar_write(struct pci_func *f, unsigned int bar, uint64_t off,
		      unsigned int len, uint64_t val)
{
	struct virtio_pci *p = of(f);
	unsigned int at = (unsigned int)(off % AREA);

	(void)bar;
	switch (off - at) {
	case AT_COMMON:
		common_write(p, at, len, val);
		break;
	case AT_DEVICE:
		if (p->v->ops->cfg_write)
			p->v->ops->cfg_write(p->v, at, len, val);
		break;
	case AT_NOTIFY:
		notified(p, at);
		break;
	case AT_TABLE:
		table_write(p, at, len, val);
		break;
	default:
		break;
	}
}

/* --- configuration space -------------------------------------------------- */

/*
 * virtio-1.3 4.1.4.9: a way to the BAR for those who cannot reach it. True if
 * the capability names a place in it; *off is that.
 */
static bool cfg_window(const struct virtio_pci *p, unsigned int len,
		       uint64_t *off)
{
	const struct pci_cfg *c = &p->func.cfg;
	uint64_t size = pci_cfg_get(
		c, p->cfg_cap + offsetof(struct virtio_pci_cap, length), 4);

	*off = pci_cfg_get(
		c, p->cfg_cap + offsetof(struct virtio_pci_cap, offset), 4);
	return pci_cfg_get(c, p->cfg_cap + offsetof(struct virtio_pci_cap, bar),
			   1) == BAR &&
	       size == len && *off % len == 0 && *off <= BAR_SIZE - len;
}

static bool is_cfg_data(const struct virtio_pci *p, unsigned int off)
{
	return off == p->cfg_cap + sizeof(struct virtio_pci_cap);
}

static uint64_t cfg_read(struct pci_func *f, unsigned int off, unsigned int len)
{
	struct virtio_pci *p = of(f);
	uint64_t at;

	if (is_cfg_data(p, off) && cfg_window(p, len, &at))
		return bar_read(f, BAR, at, len);
	return pci_cfg_read(&f->cfg, off, len, 0);
}

static void cfg_write(struct pci_func *f, unsigned int off, unsigned int len,
		      uint64_t val)
{
	struct virtio_pci *p = of(f);
	uint64_t at;

	if (is_cfg_data(p, off) && cfg_window(p, len, &at)) {
		bar_write(f, BAR, at, len, val);
		return;
	}
	pci_cfg_write(&f->cfg, off, len, val);
	if (msix_set_control(&p->msix,
			     (uint16_t)pci_cfg_get(
				     &f->cfg, p->msix_cap + PCI_MSIX_FLAGS, 2)))
		vectors_sync(p, 0, p->msix.n);
	notify_sync(p);
}

static const struct pci_func_ops func_ops = {
	.cfg_read = cfg_read,
	.cfg_write = cfg_write,
	.bar_read = bar_read,
	.bar_write = bar_write,
};

/* Where capabilities are put, one behind the other. */
struct caps {
	struct pci_cfg *c;
	unsigned int next; /* free offset */
	unsigned int link; /* what points to the next one */
};

static unsigned int cap_add(struct caps *k, uint8_t id, unsigned int size)
{
	unsigned int at = k->next;

	pci_cfg_set(k->c, k->link, 1, at);
	pci_cfg_set(k->c, at, 1, id);
	k->link = at + PCI_CAP_LIST_NEXT;
	k->next = at + ((size + 3u) & ~3u);
	return at;
}

/* virtio-1.3 4.1.4: where in the BAR a structure is. */
static unsigned int virtio_cap(struct caps *k, uint8_t type, uint32_t off,
			       uint32_t length, unsigned int size)
{
	unsigned int at = cap_add(k, PCI_CAP_ID_VNDR, size);
	struct pci_cfg *c = k->c;

	pci_cfg_set(c, at + offsetof(struct virtio_pci_cap, cap_len), 1, size);
	pci_cfg_set(c, at + offsetof(struct virtio_pci_cap, cfg_type), 1, type);
	pci_cfg_set(c, at + offsetof(struct virtio_pci_cap, bar), 1, BAR);
	pci_cfg_set(c, at + offsetof(struct virtio_pci_cap, offset), 4, off);
	pci_cfg_set(c, at + offsetof(struct virtio_pci_cap, length), 4, length);
	return at;
}

static void caps_fill(struct virtio_pci *p)
{
	struct pci_cfg *c = &p->func.cfg;
	struct caps k = {c, 0x40, PCI_CAPABILITY_LIST};
	unsigned int size = sizeof(struct virtio_pci_cap);
	unsigned int at;

	pci_cfg_set(c, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	(void)virtio_cap(&k, VIRTIO_PCI_CAP_COMMON_CFG, AT_COMMON,
			 sizeof(struct virtio_pci_common_cfg), size);
	(void)virtio_cap(&k, VIRTIO_PCI_CAP_ISR_CFG, AT_ISR, 1, size);
	(void)virtio_cap(&k, VIRTIO_PCI_CAP_DEVICE_CFG, AT_DEVICE, AREA, size);
	at = virtio_cap(&k, VIRTIO_PCI_CAP_NOTIFY_CFG, AT_NOTIFY,
			NOTIFY_STEP * p->v->n_queues,
			sizeof(struct virtio_pci_notify_cap));
	pci_cfg_set(c, at + size, 4, NOTIFY_STEP);
	at = virtio_cap(&k, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, size + 4);
	pci_cfg_set_masks(c, at + offsetof(struct virtio_pci_cap, bar), 1, 0xff,
			  0xff);
	pci_cfg_set_masks(c, at + offsetof(struct virtio_pci_cap, offset), 8,
			  UINT64_MAX, UINT64_MAX);
	p->cfg_cap = at;
	at = cap_add(&k, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF);
	pci_cfg_set(c, at + PCI_MSIX_FLAGS, 2, p->msix.n - 1);
	pci_cfg_set_masks(c, at + PCI_MSIX_FLAGS, 2, 0xffff,
			  PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pci_cfg_set(c, at + PCI_MSIX_TABLE, 4, AT_TABLE | BAR);
	pci_cfg_set(c, at + PCI_MSIX_PBA, 4, AT_PBA | BAR);
	p->msix_cap = at;
}

void virtio_pci_init(struct virtio_pci *p, struct virtio *v)
{
	struct pci_cfg *c = &p->func.cfg;

	p->v = v;
	p->func.ops = &func_ops;
	virtio_init(v);
	msix_init(&p->msix, p->entry, v->n_queues + 1);
	pci_cfg_init(c);
	pci_cfg_set(c, PCI_VENDOR_ID, 2, VENDOR);
	pci_cfg_set(c, PCI_DEVICE_ID, 2, DEVICE_0 + (uint64_t)v->ops->type);
	pci_cfg_set(c, PCI_CLASS_REVISION, 4,
		    (uint64_t)v->ops->pci_class << 8 | REVISION);
	pci_cfg_set(c, PCI_SUBSYSTEM_VENDOR_ID, 2, VENDOR);
	pci_cfg_set(c, PCI_SUBSYSTEM_ID, 2, SUBSYSTEM);
	pci_cfg_set_masks(c, PCI_COMMAND, 2, 0xffff,
			  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
				  PCI_COMMAND_INTX_DISABLE);
	pci_cfg_set_masks(c, PCI_INTERRUPT_LINE, 1, 0xff, 0xff);
	/* Cannot fail: a constant that fits. */
	(void)pci_cfg_set_bar(c, BAR, PCI_BAR_MEM64, false, BAR_SIZE);
	caps_fill(p);
}

void virtio_pci_describe(struct plan_pci *pci, const char *name)
{
	size_t len = strnlen(name, sizeof(pci->name) - 1);

	memset(pci, 0, sizeof(*pci));
	memcpy(pci->name, name, len);
	pci->bar[BAR].kind = PCI_BAR_MEM64;
	pci->bar[BAR].size = BAR_SIZE;
	pci->bar[BAR].align = BAR_SIZE;
}

void virtio_pci_place(struct virtio_pci *p, const struct plan_pci *place,
		      struct hv *hv)
{
	p->hv = hv;
	p->func.devfn = place->devfn;
	pci_cfg_set_bar_addr(&p->func.cfg, BAR, place->bar[BAR].addr);
}

void virtio_pci_stop(struct virtio_pci *p)
{
	if (!p->hv)
		return;
	device_stop(p);
	for (unsigned int i = 0; i < p->msix.n; i++) {
		vector_detach(p, &p->vector[i]);
		if (p->vector[i].routed)
			p->hv->ops->route_give(p->hv, p->vector[i].gsi);
		p->vector[i].routed = false;
	}
	p->hv = NULL;
}
