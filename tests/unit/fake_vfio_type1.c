// SPDX-License-Identifier: Apache-2.0
/* Groups, containers and the type1 IOMMU of linux/vfio.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake_vfio_impl.h"

#define CONTAINERS 4
#define GROUPS	   FAKE_PCI_MAX

struct container {
	bool used;
	bool open;
	bool iommu; /* VFIO_SET_IOMMU was called */
	unsigned int groups;
};

/* Lives until its file and those of its devices are closed. */
struct group {
	bool used;
	bool open;
	unsigned int id;
	struct container *container;
};

static struct container container[CONTAINERS];
static struct group group[GROUPS];

void fake_type1_forget(void)
{
	memset(container, 0, sizeof(container));
	memset(group, 0, sizeof(group));
	memset(fake_host.dma, 0, sizeof(fake_host.dma));
}

/* --- mappings of any IOMMU -------------------------------------------------
 */

/* Whether all of [base, base + len) is in one range that can be mapped. */
static bool usable(uint64_t base, uint64_t len)
{
	for (unsigned int i = 0; i < fake_host.n_iova; i++) {
		const struct fake_range *r = &fake_host.iova[i];

		if (base >= r->base && len <= r->len &&
		    base - r->base <= r->len - len)
			return true;
	}
	return fake_host.n_iova == 0;
}

int fake_dma_add(const struct fake_dma *d)
{
	struct fake_dma *at = NULL;
	unsigned int n = 0;

	if (!usable(d->iova, d->len))
		return -EINVAL;
	for (unsigned int i = 0; i < FAKE_DMAS; i++) {
		struct fake_dma *o = &fake_host.dma[i];

		if (!o->domain)
			at = o;
		n += o->domain == d->domain;
		if (o->domain == d->domain && o->iova < d->iova + d->len &&
		    d->iova < o->iova + o->len)
			return -EEXIST;
	}
	if (!at || n >= fake_host.dma_max)
		return -ENOSPC;
	*at = *d;
	fake_host.dma_maps++;
	return 0;
}

int64_t fake_dma_cut(const void *domain, uint64_t iova, uint64_t len)
{
	uint64_t end = iova + len;
	int64_t found = 0;

	for (unsigned int i = 0; i < FAKE_DMAS; i++) {
		const struct fake_dma *o = &fake_host.dma[i];

		if (o->domain != domain || o->iova >= end ||
		    iova >= o->iova + o->len)
			continue;
		if (o->iova < iova || o->iova + o->len > end)
			return -EINVAL; /* not a part of one */
	}
	for (unsigned int i = 0; i < FAKE_DMAS; i++) {
		struct fake_dma *o = &fake_host.dma[i];

		if (o->domain != domain || o->iova >= end || o->iova < iova)
			continue;
		found += (int64_t)o->len;
		o->domain = NULL;
	}
	fake_host.dma_unmaps++;
	return found;
}

void fake_dma_forget(const void *domain)
{
	for (unsigned int i = 0; i < FAKE_DMAS; i++) {
		if (fake_host.dma[i].domain == domain)
			fake_host.dma[i].domain = NULL;
	}
}

const struct fake_dma *fake_dma_at(uint64_t iova)
{
	for (unsigned int i = 0; i < FAKE_DMAS; i++) {
		const struct fake_dma *o = &fake_host.dma[i];

		if (o->domain && !o->revoked && iova >= o->iova &&
		    iova - o->iova < o->len)
			return o;
	}
	return NULL;
}

unsigned int fake_dma_count(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAKE_DMAS; i++)
		n += fake_host.dma[i].domain != NULL;
	return n;
}

/* --- container -------------------------------------------------------------
 */

static uint32_t page(void)
{
	return (uint32_t)fake_sys_page();
}

/* What an SMMU or VT-d has with such pages (linux drivers/iommu). */
static uint64_t pages(void)
{
	switch (page()) {
	case 16384:
		return 1ull << 14 | 1ull << 25;
	case 65536:
		return 1ull << 16 | 1ull << 29;
	default:
		return page() | 1ull << 21 | 1ull << 30;
	}
}

/* Ranges, then how many mappings are left (linux/vfio.h). */
static uint32_t info_caps(uint8_t *out, uint32_t first)
{
	struct vfio_info_cap_header h = {
		.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, .version = 1};
	uint32_t n = 16 + 16 * fake_host.n_iova;
	uint32_t avail = fake_host.dma_max - fake_dma_count();

	h.next = first + n;
	memset(out, 0, 16);
	memcpy(out, &h, sizeof(h));
	memcpy(out + 8, &fake_host.n_iova, 4);
	for (unsigned int i = 0; i < fake_host.n_iova; i++) {
		const struct fake_range *r = &fake_host.iova[i];
		uint64_t v[2] = {r->base, r->base + r->len - 1};

		memcpy(out + 16 + 16ul * i, v, sizeof(v));
	}
	h.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL;
	h.next = 0;
	memcpy(out + n, &h, sizeof(h));
	memcpy(out + n + sizeof(h), &avail, sizeof(avail));
	memset(out + n + 12, 0, 4);
	return n + 16;
}

static int iommu_info(struct vfio_iommu_type1_info *info)
{
	uint8_t caps[32 + 16 * FAKE_IOVA_RANGES];
	uint32_t size = info->argsz;
	uint32_t n;

	if (size < 16)
		return -EINVAL;
	info->flags = VFIO_IOMMU_INFO_PGSIZES;
	info->iova_pgsizes = pages();
	if (!fake_host.n_iova || size < sizeof(*info))
		return 0;
	info->flags |= VFIO_IOMMU_INFO_CAPS;
	info->cap_offset = 0;
	n = info_caps(caps, sizeof(*info));
	if (size < sizeof(*info) + n) {
		info->argsz = (uint32_t)sizeof(*info) + n;
		return 0;
	}
	memcpy(info + 1, caps, n);
	info->cap_offset = sizeof(*info);
	return 0;
}

/* What lies behind @va: nothing, memory, or a device that decodes. */
static int behind(uint64_t va, uint64_t len, struct fake_dma *d)
{
	const struct fake_mapping *m = fake_sys_mapping(va);
	const struct fake_pci_file *f;

	/* The test's own memory is in no book. */
	if (!m || !m->obj)
		return 0;
	f = m->obj;
	if (va + len > m->base + m->len || !f->pci || !fake_pci_decodes(f->pci))
		return -EFAULT;
	d->bar = f->pci;
	d->off = m->off + (va - m->base);
	return 0;
}

static int dma_map(struct container *c,
		   const struct vfio_iommu_type1_dma_map *m)
{
	struct fake_dma d = {.domain = c};
	int r;

	if (m->argsz < sizeof(*m) || !m->flags ||
	    m->flags & ~(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE))
		return -EINVAL;
	if (!m->size || (m->size | m->iova | m->vaddr) % page() ||
	    m->iova + m->size - 1 < m->iova)
		return -EINVAL;
	d.iova = m->iova;
	d.len = m->size;
	d.va = m->vaddr;
	d.write = m->flags & VFIO_DMA_MAP_FLAG_WRITE;
	r = behind(m->vaddr, m->size, &d);
	return r < 0 ? r : fake_dma_add(&d);
}

static int dma_unmap(struct container *c, struct vfio_iommu_type1_dma_unmap *u)
{
	int64_t n;

	if (u->argsz < sizeof(*u))
		return -EINVAL;
	if (u->flags == VFIO_DMA_UNMAP_FLAG_ALL) {
		if (u->iova || u->size)
			return -EINVAL;
		u->size = 1ull << 63;
	} else if (u->flags || !u->size || (u->size | u->iova) % page()) {
		return -EINVAL;
	}
	n = fake_dma_cut(c, u->iova, u->size);
	if (n == 0 && !fake_sys_failed())
		fake_sys_misuse("UNMAP_DMA of %#llx, which is not mapped",
				(unsigned long long)u->iova);
	u->size = n > 0 ? (uint64_t)n : 0;
	return n < 0 ? (int)n : 0;
}

static int set_iommu(struct container *c, long type)
{
	if (c->iommu || !c->groups)
		return -EINVAL;
	if (!fake_host.type1 ||
	    (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU))
		return -ENODEV;
	c->iommu = true;
	return 0;
}

static int extension(long type)
{
	switch (type) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
		return fake_host.type1;
	default:
		return 0;
	}
}

static int container_ioctl(void *obj, unsigned long req, void *arg)
{
	struct container *c = obj;

	switch (req) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return extension((long)arg);
	case VFIO_SET_IOMMU:
		return set_iommu(c, (long)arg);
	default:
		break;
	}
	if (!c->iommu)
		return -EINVAL;
	switch (req) {
	case VFIO_IOMMU_GET_INFO:
		return iommu_info(arg);
	case VFIO_IOMMU_MAP_DMA:
		return dma_map(c, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return dma_unmap(c, arg);
	default:
		return -ENOTTY;
	}
}

static void container_done(struct container *c)
{
	if (!c->groups) {
		fake_dma_forget(c);
		c->iommu = false;
	}
	c->used = c->open || c->groups;
}

static void container_close(void *obj)
{
	struct container *c = obj;

	c->open = false;
	container_done(c);
}

const struct fake_file_ops fake_container_ops = {
	.name = "a container",
	.ioctl = container_ioctl,
	.close = container_close,
};

int fake_container_open(void)
{
	struct container *c = container;

	while (c < container + CONTAINERS && c->used)
		c++;
	if (c == container + CONTAINERS)
		return -EMFILE;
	*c = (struct container){.used = true, .open = true};
	return fake_sys_open(&fake_container_ops, c, -1);
}

/* --- group ---------------------------------------------------------------- */

static bool viable(unsigned int id)
{
	for (unsigned int i = 0; i < fake_host.n; i++) {
		const struct fake_pci *p = &fake_host.pci[i];

		if (p->group == id && p->driver[0] &&
		    !strstr(p->driver, "vfio") &&
		    strcmp(p->driver, "pci-stub") != 0)
			return false;
	}
	return true;
}

static int group_status(const struct group *g, struct vfio_group_status *s)
{
	if (s->argsz < sizeof(*s))
		return -EINVAL;
	s->flags = viable(g->id) ? VFIO_GROUP_FLAGS_VIABLE : 0;
	if (g->container)
		s->flags |= VFIO_GROUP_FLAGS_CONTAINER_SET;
	return 0;
}

static int set_container(struct group *g, const int *fd)
{
	struct container *c = fake_sys_object(*fd, &fake_container_ops);

	if (g->container || !c)
		return -EINVAL;
	if (!viable(g->id))
		return -EPERM;
	g->container = c;
	c->groups++;
	return 0;
}

static int device_fd(struct group *g, const char *name)
{
	for (unsigned int i = 0; i < fake_host.n; i++) {
		struct fake_pci *p = &fake_host.pci[i];

		if (p->group != g->id || strcmp(p->address, name) != 0 ||
		    !strstr(p->driver, "vfio"))
			continue;
		if (!g->container || !g->container->iommu)
			return -EINVAL;
		return viable(g->id) ? fake_device_open(p, false) : -EPERM;
	}
	return -ENODEV;
}

static int group_ioctl(void *obj, unsigned long req, void *arg)
{
	switch (req) {
	case VFIO_GROUP_GET_STATUS:
		return group_status(obj, arg);
	case VFIO_GROUP_SET_CONTAINER:
		return set_container(obj, arg);
	case VFIO_GROUP_GET_DEVICE_FD:
		return device_fd(obj, arg);
	default:
		return -ENOTTY;
	}
}

/* A device's file keeps its group, and so the container. */
static void group_done(struct group *g)
{
	for (unsigned int i = 0; i < fake_host.n; i++) {
		if (fake_host.pci[i].group == g->id && fake_host.pci[i].opens)
			return;
	}
	if (g->open)
		return;
	g->used = false;
	if (!g->container)
		return;
	g->container->groups--;
	container_done(g->container);
}

static void group_close(void *obj)
{
	struct group *g = obj;

	g->open = false;
	group_done(g);
}

const struct fake_file_ops fake_group_ops = {
	.name = "a group",
	.ioctl = group_ioctl,
	.close = group_close,
};

void fake_group_device_closed(unsigned int id)
{
	for (unsigned int i = 0; i < GROUPS; i++) {
		if (group[i].used && group[i].id == id)
			group_done(&group[i]);
	}
}

bool fake_group_is(int fd, unsigned int id)
{
	const struct group *g = fake_sys_object(fd, &fake_group_ops);

	return g && g->id == id;
}

bool fake_group_is_open(unsigned int id)
{
	for (unsigned int i = 0; i < GROUPS; i++) {
		if (group[i].used && group[i].id == id)
			return true;
	}
	return false;
}

/* Whether a device of group @id has a vfio driver, or was opened by its file.
 */
static bool any_device(unsigned int id, bool bound)
{
	for (unsigned int i = 0; i < fake_host.n; i++) {
		const struct fake_pci *p = &fake_host.pci[i];

		if (p->group != id || !strstr(p->driver, "vfio"))
			continue;
		for (unsigned int f = 0; f < FAKE_FILES; f++) {
			if (p->file[f].pci && p->file[f].bound)
				return true;
		}
		if (!bound)
			return true;
	}
	return false;
}

int fake_group_open(unsigned int id)
{
	struct group *at = NULL;

	if (!any_device(id, false))
		return -ENOENT;
	if (any_device(id, true))
		return -EBUSY;
	for (unsigned int i = 0; i < GROUPS; i++) {
		if (group[i].used && group[i].id == id)
			return -EBUSY;
		if (!group[i].used)
			at = &group[i];
	}
	if (!at)
		return -EMFILE;
	*at = (struct group){.used = true, .open = true, .id = id};
	return fake_sys_open(&fake_group_ops, at, -1);
}
