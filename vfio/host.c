// SPDX-License-Identifier: Apache-2.0
/*
 * Container, groups, opening a device, DMA of guest RAM: the type1 half of
 * linux/vfio.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vfio/device.h"
#include "vfio/sysfs.h"
#include "vfio/vfio.h"

#define INFO_MAX (64u << 10)

static int vfio_ioctl(int fd, unsigned long req, void *arg)
{
	int r = ioctl(fd, req, arg);

	return r < 0 ? -errno : r;
}

void vfio_init(struct vfio *v)
{
	memset(v, 0, sizeof(*v));
	v->container = -1;
}

/* --- container ------------------------------------------------------------ */

static int container_open(struct vfio *v, struct err *e)
{
	if (v->container >= 0)
		return 0;
	v->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (v->container < 0)
		return err_set(e, -errno, ERR_VFIO_CONTAINER, "/dev/vfio/vfio",
			       NULL);
	if (vfio_ioctl(v->container, VFIO_GET_API_VERSION, NULL) !=
	    VFIO_API_VERSION)
		return err_set(e, -ENOTSUP, ERR_VFIO_CONTAINER,
			       "/dev/vfio/vfio", NULL);
	return 0;
}

/*
 * Ask for an info structure that may be followed by capabilities: first for
 * its size, then whole. The kernel may change its mind in between, so the
 * answer is never trusted beyond what was allocated. Heap, or NULL.
 */
static void *info_get(int fd, unsigned long req, uint32_t least,
		      void (*prepare)(void *info, uint32_t arg), uint32_t arg)
{
	uint32_t size = least;

	for (unsigned int try = 0; try < 3; try++) {
		uint32_t *info = calloc(1, size); /* begins with argsz */

		if (!info)
			return NULL;
		prepare(info, arg);
		*info = size;
		if (ioctl(fd, req, info) < 0) {
			free(info);
			return NULL;
		}
		if (*info <= size)
			return info;
		size = *info < INFO_MAX ? *info : INFO_MAX;
		free(info);
	}
	return NULL;
}

/*
 * Next capability after offset @off of the first one's offset; NULL at the end
 * or where the chain leaves @size bytes. Chains only grow, so none can loop.
 */
static const struct vfio_info_cap_header *
cap_at(const void *info, uint32_t size, uint32_t least, uint32_t off)
{
	if (off < least || off > size || off % 4 ||
	    size - off < sizeof(struct vfio_info_cap_header))
		return NULL;
	return (const void *)((const uint8_t *)info + off);
}

static void prepare_nothing(void *info, uint32_t arg)
{
	(void)info;
	(void)arg;
}

static void reserve(struct vfio *v, uint64_t base, uint64_t last)
{
	if (base > last || v->n_reserved == VFIO_RESERVED_MAX)
		return;
	v->reserved[v->n_reserved].base = base;
	v->reserved[v->n_reserved].len = last - base + 1;
	if (v->reserved[v->n_reserved].len)
		v->n_reserved++;
}

/* Everything between the usable ranges is not usable. */
static void iova_ranges(struct vfio *v,
			const struct vfio_iommu_type1_info_cap_iova_range *c,
			size_t room)
{
	uint64_t next = 0;
	bool all = false;

	if (room < sizeof(*c) ||
	    (room - sizeof(*c)) / sizeof(c->iova_ranges[0]) < c->nr_iovas)
		return;
	for (uint32_t i = 0; i < c->nr_iovas; i++) {
		if (c->iova_ranges[i].start > next)
			reserve(v, next, c->iova_ranges[i].start - 1);
		next = c->iova_ranges[i].end + 1;
		all = next == 0;
	}
	if (!all && c->nr_iovas)
		reserve(v, next, UINT64_MAX);
}

static void iommu_limits(struct vfio *v)
{
	uint32_t least = sizeof(struct vfio_iommu_type1_info);
	struct vfio_iommu_type1_info *info = info_get(
		v->container, VFIO_IOMMU_GET_INFO, least, prepare_nothing, 0);
	const struct vfio_info_cap_header *c;
	uint32_t off;

	if (!info)
		return;
	v->n_reserved = 0;
	off = info->flags & VFIO_IOMMU_INFO_CAPS ? info->cap_offset : 0;
	while ((c = cap_at(info, info->argsz, least, off))) {
		if (c->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			iova_ranges(v, (const void *)c, info->argsz - off);
		if (c->next <= off)
			break;
		off = c->next;
	}
	free(info);
}

static int iommu_set(struct vfio *v, const char *address, struct err *e)
{
	int r;

	if (v->n_groups > 1) /* the container has its IOMMU already */
		return 0;
	if (vfio_ioctl(v->container, VFIO_CHECK_EXTENSION,
		       (void *)VFIO_TYPE1v2_IOMMU) != 1)
		return err_set(e, -ENOTSUP, ERR_VFIO_IOMMU_TYPE, address, NULL);
	r = vfio_ioctl(v->container, VFIO_SET_IOMMU,
		       (void *)VFIO_TYPE1v2_IOMMU);
	if (r < 0)
		return err_set(e, r, ERR_VFIO_IOMMU_TYPE, address, NULL);
	return 0;
}

/* --- group ---------------------------------------------------------------- */

static int group_viable(int fd, const char *address, unsigned int id,
			struct err *e)
{
	struct vfio_group_status s = {.argsz = sizeof(s)};
	char blockers[ERR_DETAIL_MAX];
	int r = vfio_ioctl(fd, VFIO_GROUP_GET_STATUS, &s);

	if (r < 0)
		return err_set(e, r, ERR_VFIO_IOCTL, address,
			       "VFIO_GROUP_GET_STATUS");
	if (s.flags & VFIO_GROUP_FLAGS_VIABLE)
		return 0;
	sysfs_group_blockers(id, blockers, sizeof(blockers));
	err_set(e, -EPERM, ERR_VFIO_NOT_VIABLE, address, blockers);
	e->num = id;
	return e->code;
}

static int group_find(const struct vfio *v, unsigned int id)
{
	for (unsigned int i = 0; i < v->n_groups; i++) {
		if (v->group[i].id == id)
			return v->group[i].fd;
	}
	return -1;
}

/* File of group @id, opened, viable and in the container. */
static int group_get(struct vfio *v, const char *address, unsigned int id,
		     struct err *e)
{
	char path[32];
	int fd = group_find(v, id);
	int r;

	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/dev/vfio/%u", id);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set_num(e, -errno, ERR_VFIO_GROUP_OPEN, address, id,
				   0);
	r = group_viable(fd, address, id, e);
	if (r == 0)
		r = container_open(v, e);
	if (r < 0) {
		close(fd);
		return r;
	}
	v->group[v->n_groups].fd = fd;
	v->group[v->n_groups].id = id;
	v->n_groups++;
	r = vfio_ioctl(fd, VFIO_GROUP_SET_CONTAINER, &v->container);
	if (r < 0)
		return err_set(e, r, ERR_VFIO_IOCTL, address,
			       "VFIO_GROUP_SET_CONTAINER");
	r = iommu_set(v, address, e);
	return r < 0 ? r : fd;
}

/* --- device --------------------------------------------------------------- */

static void prepare_region(void *info, uint32_t index)
{
	struct vfio_region_info *i = info;

	i->index = index;
}

static void sparse_areas(struct bar_shape *s,
			 const struct vfio_region_info_cap_sparse_mmap *c,
			 size_t room)
{
	s->sparse = true; /* even if what follows makes no sense */
	if (room < sizeof(*c) ||
	    (room - sizeof(*c)) / sizeof(c->areas[0]) < c->nr_areas)
		return;
	for (uint32_t i = 0; i < c->nr_areas && i < BAR_AREAS_MAX; i++) {
		s->area[i].base = c->areas[i].offset;
		s->area[i].len = c->areas[i].size;
		s->n_areas = i + 1;
	}
}

static void region_caps(struct bar_shape *s,
			const struct vfio_region_info *info)
{
	const struct vfio_info_cap_header *c;
	uint32_t off =
		info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;

	while ((c = cap_at(info, info->argsz, sizeof(*info), off))) {
		if (c->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			sparse_areas(s, (const void *)c, info->argsz - off);
		if (c->id == VFIO_REGION_INFO_CAP_MSIX_MAPPABLE)
			s->msix_mappable = true;
		if (c->next <= off)
			break;
		off = c->next;
	}
}

static void region_get(struct vfio_dev *d, uint32_t index)
{
	struct vfio_region_info *info =
		info_get(d->fd, VFIO_DEVICE_GET_REGION_INFO, sizeof(*info),
			 prepare_region, index);

	if (!info)
		return; /* absent: size 0 */
	d->region[index].size = info->size;
	d->region[index].fd_off = info->offset;
	d->region[index].flags = info->flags;
	if (index < PCI_BARS && info->size) {
		d->shape[index].size = info->size;
		d->shape[index].mappable =
			info->flags & VFIO_REGION_INFO_FLAG_MMAP;
		region_caps(&d->shape[index], info);
	}
	free(info);
}

/* PCI-3.0 6.2.5.1: the low bits of a BAR register say what it is. */
static void bar_kinds(struct vfio_dev *d, const uint8_t *hw)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		uint8_t low = hw[0x10 + 4 * i];
		struct bar_shape *s = &d->shape[i];

		if (!s->size)
			continue;
		s->prefetch = !(low & 1) && low & 8;
		if (low & 1)
			s->kind = PCI_BAR_IO;
		else
			s->kind =
				(low & 6) == 4 ? PCI_BAR_MEM64 : PCI_BAR_MEM32;
	}
}

uint64_t vfio_cfg_pread(const struct vfio_dev *d, unsigned int off,
			unsigned int len)
{
	const struct vfio_region *r = &d->region[VFIO_PCI_CONFIG_REGION_INDEX];
	uint64_t v = 0;

	if (off + len > d->cfg_size)
		return UINT64_MAX;
	if (pread(d->fd, &v, len, (off_t)(r->fd_off + off)) != (ssize_t)len)
		return UINT64_MAX;
	return v;
}

void vfio_cfg_pwrite(const struct vfio_dev *d, unsigned int off,
		     unsigned int len, uint64_t val)
{
	const struct vfio_region *r = &d->region[VFIO_PCI_CONFIG_REGION_INDEX];

	if (off + len > d->cfg_size)
		return;
	/* A device that is gone takes no writes, and the guest will notice. */
	if (pwrite(d->fd, &val, len, (off_t)(r->fd_off + off)) < 0)
		return;
}

void vfio_dev_reset(struct vfio_dev *d)
{
	if (d->can_reset)
		(void)vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL);
}

static void plan_bars(struct vfio_dev *d, const uint8_t *hw,
		      enum msix_policy policy)
{
	bar_kinds(d, hw);
	d->msix_shape.policy = policy;
	cfg_virt_msix(hw, d->cfg_size, &d->msix_shape);
	dev_plan_make(&d->plan, d->shape, &d->msix_shape,
		      (uint64_t)sysconf(_SC_PAGESIZE), 4096);
}

static int device_info(struct vfio_dev *d, struct err *e)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int r = vfio_ioctl(d->fd, VFIO_DEVICE_GET_INFO, &info);

	if (r < 0)
		return err_set(e, r, ERR_VFIO_IOCTL, d->address,
			       "VFIO_DEVICE_GET_INFO");
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) ||
	    info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX)
		return err_set(e, -EINVAL, ERR_VFIO_IOCTL, d->address,
			       "VFIO_DEVICE_GET_INFO");
	d->can_reset = info.flags & VFIO_DEVICE_FLAGS_RESET;
	for (uint32_t i = 0; i <= VFIO_PCI_CONFIG_REGION_INDEX; i++)
		region_get(d, i);
	d->cfg_size =
		d->region[VFIO_PCI_CONFIG_REGION_INDEX].size >= PCI_CFG_SIZE
			? PCI_CFG_SIZE
			: 256;
	return 0;
}

static int device_open(struct vfio_dev *d, int group, enum msix_policy policy,
		       struct err *e)
{
	uint8_t hw[PCI_CFG_SIZE] = {0};
	int r;

	d->fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, d->address);
	if (d->fd < 0)
		return err_set(e, -errno, ERR_VFIO_IOCTL, d->address,
			       "VFIO_GROUP_GET_DEVICE_FD");
	r = device_info(d, e);
	if (r < 0)
		return r;
	vfio_dev_reset(d);
	for (unsigned int i = 0; i < d->cfg_size; i += 4) {
		uint32_t v = (uint32_t)vfio_cfg_pread(d, i, 4);

		memcpy(hw + i, &v, 4);
	}
	if (hw[0x0e] & 0x7f)
		return err_set_num(e, -EINVAL, ERR_VFIO_HEADER, d->address,
				   hw[0x0e] & 0x7f, 0);
	plan_bars(d, hw, policy);
	cfg_virt_make(d, hw);
	bar_map_open(d);
	return vfio_irqs_open(d, e);
}

static int check_driver(const char *address, struct err *e)
{
	char driver[64];

	sysfs_driver(address, driver, sizeof(driver));
	if (strstr(driver, "vfio"))
		return 0;
	return err_set(e, -EBUSY, ERR_VFIO_DRIVER, address, driver);
}

int vfio_open(struct vfio *v, const char *address, enum msix_policy policy,
	      struct err *e)
{
	struct vfio_dev *d;
	unsigned int id = 0;
	int r = sysfs_exists(address, e);

	if (r == 0)
		r = check_driver(address, e);
	if (r == 0)
		r = sysfs_group(address, &id, e);
	if (r < 0)
		return r;
	r = group_get(v, address, id, e);
	if (r < 0)
		return r;
	d = calloc(1, sizeof(*d));
	if (!d)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	d->fd = -1;
	d->func.ops = &vfio_func_ops;
	snprintf(d->address, sizeof(d->address), "%s", address);
	v->dev[v->n_devs++] = d;
	r = device_open(d, r, policy, e);
	if (r == 0)
		iommu_limits(v);
	return r;
}

/* --- DMA ------------------------------------------------------------------ */

static bool dma_reachable(const struct vfio *v, struct span s)
{
	for (unsigned int i = 0; i < v->n_reserved; i++) {
		if (span_overlaps(v->reserved[i], s))
			return false;
	}
	return true;
}

static int dma_map(struct vfio *v, const struct gmem_region *g, struct err *e)
{
	struct vfio_iommu_type1_dma_map m = {
		.argsz = sizeof(m),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)g->hva,
		.iova = g->gpa.base,
		.size = g->gpa.len,
	};
	int r;

	if (!dma_reachable(v, g->gpa))
		return err_set_num(e, -ERANGE, ERR_VFIO_IOVA, NULL, g->gpa.base,
				   g->gpa.len);
	r = vfio_ioctl(v->container, VFIO_IOMMU_MAP_DMA, &m);
	if (r < 0)
		return err_set_num(e, r, ERR_VFIO_DMA_MAP, NULL, g->gpa.base,
				   g->gpa.len);
	v->mapped[v->n_mapped++] = g->gpa;
	return 0;
}

int vfio_map_ram(struct vfio *v, const struct gmem *mem, struct err *e)
{
	if (!v->n_devs)
		return 0;
	for (unsigned int i = 0; i < mem->n; i++) {
		int r = dma_map(v, &mem->region[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

static void dma_unmap_all(struct vfio *v)
{
	while (v->n_mapped) {
		struct span s = v->mapped[--v->n_mapped];
		struct vfio_iommu_type1_dma_unmap u = {
			.argsz = sizeof(u),
			.iova = s.base,
			.size = s.len,
		};

		(void)vfio_ioctl(v->container, VFIO_IOMMU_UNMAP_DMA, &u);
	}
}

/* --- plan, attach, close -------------------------------------------------- */

static void describe(const char *address, const struct dev_plan *dp,
		     unsigned int slot, struct plan_pci *p)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", address);
	p->devfn = (uint8_t)(slot << 3);
	for (unsigned int b = 0; b < PCI_BARS; b++) {
		p->bar[b].kind =
			dp->bar[b].size ? dp->bar[b].kind : PCI_BAR_NONE;
		p->bar[b].prefetch = dp->bar[b].prefetch;
		p->bar[b].size = dp->bar[b].size;
		p->bar[b].align = dp->bar[b].align;
	}
}

void vfio_describe(const struct vfio *v, struct plan *plan)
{
	plan->n_pci = v->n_devs;
	for (unsigned int i = 0; i < v->n_devs; i++)
		describe(v->dev[i]->address, &v->dev[i]->plan, i + 1,
			 &plan->pci[i]);
}

int vfio_survey(const char *address, enum msix_policy policy, unsigned int nth,
		struct plan_pci *pci, struct dev_plan *dp, struct err *e)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix = {.policy = policy};
	uint8_t bytes[PCI_CFG_SIZE];
	size_t n;
	int r = sysfs_exists(address, e);

	if (r == 0)
		r = sysfs_bars(address, shape, page, e);
	if (r < 0)
		return r;
	n = sysfs_config(address, bytes);
	cfg_virt_msix(bytes, (unsigned int)n, &msix);
	dev_plan_make(dp, shape, &msix, page, 4096);
	describe(address, dp, nth + 1, pci);
	return 0;
}

int vfio_attach(struct vfio *v, const struct plan *plan, struct hv *hv,
		struct pci_host *host, struct err *e)
{
	for (unsigned int i = 0; i < v->n_devs; i++) {
		struct vfio_dev *d = v->dev[i];
		int r;

		d->hv = hv;
		d->func.devfn = plan->pci[i].devfn;
		d->devid = d->func.devfn;
		d->window[0] = plan->mem32;
		d->window[1] = plan->mem64;
		for (unsigned int b = 0; b < PCI_BARS; b++) {
			if (plan->pci[i].bar[b].kind != PCI_BAR_NONE)
				pci_cfg_set_bar_addr(&d->func.cfg, b,
						     plan->pci[i].bar[b].addr);
		}
		r = pci_host_add(host, &d->func);
		if (r < 0)
			return err_set(e, r, ERR_HOST_CALL, d->address, NULL);
	}
	return 0;
}

void vfio_detach(struct vfio *v)
{
	for (unsigned int i = 0; i < v->n_devs; i++) {
		struct vfio_dev *d = v->dev[i];

		if (d->fd < 0)
			continue;
		if (d->hv)
			bar_map_clear(d);
		vfio_irqs_close(d);
		/* No bus mastering from here on: DMA ends with the VM. */
		if (d->cfg_size)
			vfio_cfg_pwrite(d, 0x04, 2, 0);
	}
}

void vfio_close(struct vfio *v)
{
	for (unsigned int i = 0; i < v->n_devs; i++) {
		struct vfio_dev *d = v->dev[i];

		bar_map_close(d);
		if (d->fd >= 0) {
			vfio_dev_reset(d);
			close(d->fd);
		}
		free(d->msix_storage);
		free(d);
	}
	if (v->container >= 0)
		dma_unmap_all(v);
	for (unsigned int i = 0; i < v->n_groups; i++)
		close(v->group[i].fd);
	if (v->container >= 0)
		close(v->container);
	vfio_init(v);
}
