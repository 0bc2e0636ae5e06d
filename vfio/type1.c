// SPDX-License-Identifier: Apache-2.0
/*
 * The type1 backend of linux/vfio.h: one container, the groups in it, and DMA
 * of guest RAM.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio/device.h"
#include "vfio/info.h"
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

int type1_group(struct vfio *v, const char *address, unsigned int id,
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

void type1_unmap_all(struct vfio *v)
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
