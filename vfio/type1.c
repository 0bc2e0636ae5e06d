// SPDX-License-Identifier: Apache-2.0
/*
 * The type1 backend of linux/vfio.h: one container, the groups in it, and DMA
 * of guest RAM and of BARs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio/device.h"
#include "vfio/info.h"
#include "vfio/iommu.h"
#include "vfio/sysfs.h"
#include "vfio/vfio.h"

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

static void iommu_limits(struct vfio *v)
{
	uint32_t room;
	struct vfio_iommu_type1_info *info = vfio_info_get(
		v->container, VFIO_IOMMU_GET_INFO, sizeof(*info), 0, &room);

	if (!info)
		return;
	v->n_reserved =
		info_reserved(info, room, v->reserved, VFIO_RESERVED_MAX);
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

/* File of group @id: opened, found viable, put into the container. */
static int group_open(struct vfio *v, const char *address, unsigned int id,
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
	if (r < 0)
		return r;
	iommu_limits(v); /* each group may narrow them */
	return fd;
}

/* --- device --------------------------------------------------------------- */

static int type1_device_open(struct vfio *v, struct vfio_dev *d, struct err *e)
{
	unsigned int id = 0;
	int r = sysfs_group(d->address, &id, e);

	d->group = id;
	if (r == 0)
		r = group_open(v, d->address, id, e);
	if (r < 0)
		return r;
	r = vfio_ioctl(r, VFIO_GROUP_GET_DEVICE_FD, d->address);
	if (r < 0)
		return err_set(e, r, ERR_VFIO_IOCTL, d->address,
			       "VFIO_GROUP_GET_DEVICE_FD");
	d->fd = r;
	return 0;
}

static void type1_device_close(struct vfio *v, struct vfio_dev *d)
{
	(void)v;
	if (d->fd >= 0)
		close(d->fd); /* the kernel resets it */
	d->fd = -1;
}

/*
 * A kernel up to 6.1 lets the last device of a group go only when the group is
 * in no container.
 */
static void type1_device_leave(struct vfio *v, struct vfio_dev *d)
{
	unsigned int i = 0;

	type1_device_close(v, d);
	for (unsigned int k = 0; k < v->n_devs; k++) {
		if (v->dev[k]->fd >= 0 && v->dev[k]->group == d->group)
			return;
	}
	while (i < v->n_groups && v->group[i].id != d->group)
		i++;
	if (i == v->n_groups)
		return;
	if (v->n_hv_files) {
		(void)v->hv->ops->vfio_file(v->hv, v->group[i].fd, false);
		v->n_hv_files--;
	}
	close(v->group[i].fd);
	v->group[i] = v->group[--v->n_groups];
}

static int type1_hv_file(const struct vfio *v, unsigned int i)
{
	return i < v->n_groups ? v->group[i].fd : -1;
}

/* --- DMA ------------------------------------------------------------------ */

static int dma_map(const struct vfio *v, void *hva, struct span iova,
		   uint32_t flags)
{
	struct vfio_iommu_type1_dma_map m = {
		.argsz = sizeof(m),
		.flags = flags,
		.vaddr = (uintptr_t)hva,
		.iova = iova.base,
		.size = iova.len,
	};

	return vfio_ioctl(v->container, VFIO_IOMMU_MAP_DMA, &m);
}

static int dma_unmap(const struct vfio *v, struct span iova)
{
	struct vfio_iommu_type1_dma_unmap u = {
		.argsz = sizeof(u),
		.iova = iova.base,
		.size = iova.len,
	};

	return vfio_ioctl(v->container, VFIO_IOMMU_UNMAP_DMA, &u);
}

static int type1_map_ram(struct vfio *v, const struct gmem_region *g,
			 struct err *e)
{
	int r = dma_map(v, g->hva, g->gpa,
			VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);

	if (r < 0)
		return err_set_num(e, r, ERR_VFIO_DMA_MAP, NULL, g->gpa.base,
				   g->gpa.len);
	v->mapped[v->n_mapped++] = g->gpa;
	return 0;
}

static int type1_bar_probe(struct vfio *v, const struct vfio_dev *d)
{
	(void)v;
	(void)d;
	return 0; /* as old as type1 itself */
}

/*
 * By its place in our address space: the kernel faults the BAR's pages in, and
 * the device has to decode for that.
 */
static int type1_map_bar(struct vfio *v, struct vfio_dev *d,
			 const struct bar_map *m, uint64_t iova)
{
	uint32_t have = d->region[m->bar].flags;
	struct span s = {iova, m->len};
	uint32_t flags = 0;

	if (!iommu_reaches(v, s))
		return -ERANGE;
	if (have & VFIO_REGION_INFO_FLAG_READ)
		flags |= VFIO_DMA_MAP_FLAG_READ;
	if (have & VFIO_REGION_INFO_FLAG_WRITE)
		flags |= VFIO_DMA_MAP_FLAG_WRITE;
	return dma_map(v, m->hva, s, flags);
}

static int type1_unmap_bar(struct vfio *v, struct span iova)
{
	return dma_unmap(v, iova);
}

/*
 * RAM is unmapped by hand: who else holds a group's file keeps the container,
 * and all that is pinned by it.
 */
static void type1_close(struct vfio *v)
{
	while (v->n_mapped)
		(void)dma_unmap(v, v->mapped[--v->n_mapped]);
	while (v->n_groups)
		close(v->group[--v->n_groups].fd);
	if (v->container >= 0)
		close(v->container);
	v->container = -1;
}

const struct iommu_ops iommu_type1 = {
	.name = "type1",
	.bar_revoked = false,
	.device_open = type1_device_open,
	.device_close = type1_device_close,
	.device_leave = type1_device_leave,
	.map_ram = type1_map_ram,
	.bar_probe = type1_bar_probe,
	.map_bar = type1_map_bar,
	.unmap_bar = type1_unmap_bar,
	.hv_file = type1_hv_file,
	.close = type1_close,
};
