// SPDX-License-Identifier: Apache-2.0
/*
 * Memslots and DMA mappings of BARs follow the devices' registers, as
 * vfio/decode.h wants them. Each write that can matter goes through here twice:
 * what must go, goes before the hardware learns of the write, because a guest
 * that touches a mapped device that does not decode ends KVM_RUN; what is new
 * comes after, when the hardware decodes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vfio/device.h"
#include "vfio/iommu.h"

struct follow {
	struct vfio *v;
	struct decode_rules rules;
	struct decode_view view[VFIO_DEVS_MAX];
};

static void follow_look(struct follow *f, struct vfio *v)
{
	f->v = v;
	f->rules = (struct decode_rules){
		.page = (uint64_t)sysconf(_SC_PAGESIZE),
		.p2p = v->p2p && v->iommu,
		.revoked = v->iommu && v->iommu->bar_revoked,
		.reserved = v->reserved,
		.n_reserved = v->n_reserved,
	};
	for (unsigned int i = 0; i < v->n_devs; i++)
		decode_view_make(&f->view[i], &v->dev[i]->func.cfg,
				 v->dev[i]->power);
}

static struct decode_want wanted(struct follow *f, unsigned int dev,
				 const struct bar_map *m)
{
	memcpy(f->rules.window, f->v->dev[dev]->window,
	       sizeof(f->rules.window));
	return decode_slice(&f->rules, f->view, f->v->n_devs, dev, m->bar,
			    (struct span){m->off, m->len});
}

/* --- what goes ------------------------------------------------------------ */

static void guest_remove(struct vfio_dev *d, struct bar_map *m)
{
	if (d->hv->ops->unmap(d->hv, m->slot) == 0)
		m->now.guest = false;
}

static void dma_remove(struct vfio *v, struct bar_map *m)
{
	if (v->iommu->unmap_bar(v, (struct span){m->now.iova, m->len}) == 0)
		m->now.dma = false;
}

/* Whether another slice is to be where @m still is for DMA. */
static bool in_the_way(struct follow *f, const struct bar_map *m)
{
	struct span at = {m->now.iova, m->len};

	for (unsigned int i = 0; i < f->v->n_devs; i++) {
		struct vfio_dev *d = f->v->dev[i];

		for (unsigned int k = 0; k < d->n_maps; k++) {
			const struct bar_map *o = &d->map[k];
			struct decode_want w = wanted(f, i, o);

			if (o != m && w.dma == DECODE_DMA_HERE &&
			    span_overlaps((struct span){w.addr, o->len}, at))
				return true;
		}
	}
	return false;
}

static void slice_shrink(struct follow *f, unsigned int dev, struct bar_map *m)
{
	struct vfio_dev *d = f->v->dev[dev];
	struct decode_want w = wanted(f, dev, m);

	if (decode_guest_goes(&m->now, &w))
		guest_remove(d, m);
	if (decode_dma_goes(&f->rules, &m->now, &w, d->epoch) ||
	    (m->now.dma && w.dma == DECODE_DMA_KEEP && in_the_way(f, m)))
		dma_remove(f->v, m);
}

void bar_follow_shrink(struct vfio *v)
{
	struct follow f;

	follow_look(&f, v);
	for (unsigned int i = 0; i < v->n_devs; i++) {
		for (unsigned int k = 0; k < v->dev[i]->n_maps; k++)
			slice_shrink(&f, i, &v->dev[i]->map[k]);
	}
}

/* --- what comes ----------------------------------------------------------- */

static void slots_warn(struct vfio_dev *d, unsigned int bar)
{
	if (d->all->slots_warned)
		return;
	d->all->slots_warned = true;
	fprintf(stderr,
		"barge: %s: KVM has no memory slot left for BAR %u; "
		"accesses to it are trapped, which is slow\r\n",
		d->address, bar);
}

/*
 * On aarch64 that is memory which the device has as cacheable, and which this
 * processor cannot (KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED).
 */
static void map_warn(struct vfio_dev *d, unsigned int bar, int code)
{
	if (d->map_warned)
		return;
	d->map_warned = true;
	fprintf(stderr,
		"barge: %s: KVM refuses to map BAR %u (%s); accesses to it "
		"are trapped, which is slow\r\n",
		d->address, bar, strerror(-code));
}

/*
 * Refused for want of slots, for what it is, or because a slice that was to go
 * could not be removed (-EEXIST). In any case its accesses are trapped, and the
 * next write tries again.
 */
static void guest_add(struct vfio_dev *d, struct bar_map *m, uint64_t gpa)
{
	int r = d->hv->ops->map(d->hv, gpa, m->hva, m->len, &m->slot);

	if (r == 0) {
		m->now.guest = true;
		m->now.gpa = gpa;
	} else if (r == -ENOSPC) {
		slots_warn(d, m->bar);
	} else if (r != -EEXIST) {
		map_warn(d, m->bar, r);
	}
}

static void dma_add(struct vfio_dev *d, struct bar_map *m, uint64_t iova)
{
	int r = d->all->iommu->map_bar(d->all, d, m, iova);

	m->now.refused = r < 0;
	m->now.refused_at = iova;
	if (r < 0) {
		iommu_bar_warn(d, m->bar, r);
		return;
	}
	m->now.dma = true;
	m->now.iova = iova;
	m->now.epoch = d->epoch;
}

static void slice_grow(struct follow *f, unsigned int dev, struct bar_map *m)
{
	struct vfio_dev *d = f->v->dev[dev];
	struct decode_want w = wanted(f, dev, m);

	if (decode_guest_comes(&m->now, &w))
		guest_add(d, m, w.addr);
	if (decode_dma_comes(&m->now, &w))
		dma_add(d, m, w.addr);
}

void bar_follow_grow(struct vfio *v)
{
	struct follow f;

	follow_look(&f, v);
	for (unsigned int i = 0; i < v->n_devs; i++) {
		for (unsigned int k = 0; k < v->dev[i]->n_maps; k++)
			slice_grow(&f, i, &v->dev[i]->map[k]);
	}
}

/* --- reset, end ----------------------------------------------------------- */

void bar_follow_reset(struct vfio_dev *d)
{
	d->epoch++;
	bar_follow_shrink(d->all);
	bar_follow_grow(d->all);
}

void bar_follow_clear(struct vfio_dev *d)
{
	for (unsigned int i = 0; i < d->n_maps; i++) {
		struct bar_map *m = &d->map[i];

		if (m->now.guest)
			guest_remove(d, m);
		if (m->now.dma)
			dma_remove(d->all, m);
	}
}
