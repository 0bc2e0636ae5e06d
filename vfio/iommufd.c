// SPDX-License-Identifier: Apache-2.0
/*
 * The iommufd backend: devices by their own files, one I/O address space for
 * all of them (linux/iommufd.h), BARs as dma-bufs.
 *
 * How it works: a device's file is useless until it is bound to /dev/iommu,
 * and its DMA blocked until it is attached to the address space (IOAS). A BAR
 * cannot be mapped by its place in our address space, because there is no page
 * to pin: VFIO exports it as a dma-buf, whose one range the IOAS maps. The
 * kernel takes that mapping away for good when the device stops decoding or is
 * reset; it still has to be unmapped then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vfio/device.h"
#include "vfio/info.h"
#include "vfio/iommu.h"
#include "vfio/sysfs.h"
#include "vfio/uapi_compat.h"

#define DEV_IOMMU "/dev/iommu"
/* More ranges than any IOMMU has; what would be beyond counts as reserved. */
#define RANGES_MAX 64

/* --- address space -------------------------------------------------------- */

static int ioas_open(struct vfio *v, struct err *e)
{
	struct iommu_ioas_alloc a = {.size = sizeof(a)};
	int r;

	if (v->iommufd >= 0)
		return 0;
	r = open(DEV_IOMMU, O_RDWR | O_CLOEXEC);
	if (r < 0)
		return err_set(e, -errno, ERR_VFIO_IOMMUFD, DEV_IOMMU, NULL);
	v->iommufd = r;
	r = vfio_ioctl(v->iommufd, IOMMU_IOAS_ALLOC, &a);
	if (r < 0)
		return err_set(e, r, ERR_VFIO_IOMMUFD, DEV_IOMMU,
			       "IOMMU_IOAS_ALLOC");
	v->ioas = a.out_ioas_id;
	return 0;
}

/* Each device may narrow what all of them can address. */
static int ioas_limits(struct vfio *v, const char *address, struct err *e)
{
	struct iommu_iova_range range[RANGES_MAX];
	struct iommu_ioas_iova_ranges q = {
		.size = sizeof(q),
		.ioas_id = v->ioas,
		.num_iovas = RANGES_MAX,
		.allowed_iovas = (uintptr_t)range,
	};
	unsigned int n;
	int r = vfio_ioctl(v->iommufd, IOMMU_IOAS_IOVA_RANGES, &q);

	/* EMSGSIZE: there are more, but those that fit were filled in */
	if (r < 0 && r != -EMSGSIZE)
		return err_set(e, r, ERR_VFIO_IOCTL, address,
			       "IOMMU_IOAS_IOVA_RANGES");
	n = q.num_iovas < RANGES_MAX ? q.num_iovas : RANGES_MAX;
	v->n_reserved = info_gaps(range, n, v->reserved, VFIO_RESERVED_MAX);
	return 0;
}

/* --- device --------------------------------------------------------------- */

static int cdev_open(const struct vfio_dev *d, struct err *e)
{
	char path[64];
	int fd;

	if (sysfs_cdev(d->address, path, sizeof(path)) < 0)
		return err_set(e, -ENOENT, ERR_VFIO_CDEV, d->address, NULL);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, ERR_VFIO_CDEV, d->address, path);
	return fd;
}

/* Why the kernel does not let us have the device. */
static int bind_error(const struct vfio_dev *d, int r, unsigned int group,
		      struct err *e)
{
	char text[ERR_DETAIL_MAX];

	/* Another owner of the group's DMA (iommu_device_claim_dma_owner()). */
	if (r == -EBUSY || r == -EPERM) {
		sysfs_group_blockers(group, text, sizeof(text));
		if (text[0]) {
			r = err_set(e, -EPERM, ERR_VFIO_NOT_VIABLE, d->address,
				    text);
			e->num = group;
			return r;
		}
	}
	if (sysfs_cdev(d->address, text, sizeof(text)) < 0)
		text[0] = '\0';
	return err_set(e, r, ERR_VFIO_BIND, d->address, text);
}

static int iommufd_device_open(struct vfio *v, struct vfio_dev *d,
			       struct err *e)
{
	struct vfio_device_bind_iommufd bind = {.argsz = sizeof(bind)};
	struct vfio_device_attach_iommufd_pt attach = {.argsz = sizeof(attach)};
	unsigned int group = 0;
	int r = sysfs_group(d->address, &group, e);

	if (r == 0)
		r = ioas_open(v, e);
	if (r == 0)
		r = cdev_open(d, e);
	if (r < 0)
		return r;
	d->fd = r;
	bind.iommufd = v->iommufd;
	r = vfio_ioctl(d->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (r < 0)
		return bind_error(d, r, group, e);
	attach.pt_id = v->ioas;
	r = vfio_ioctl(d->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
	if (r < 0)
		return err_set(e, r, ERR_VFIO_IOCTL, d->address,
			       "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
	return ioas_limits(v, d->address, e);
}

/* Closing it detaches, unbinds and resets it. */
static void iommufd_device_close(struct vfio *v, struct vfio_dev *d)
{
	(void)v;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static void iommufd_device_leave(struct vfio *v, struct vfio_dev *d)
{
	if (v->n_hv_files) {
		(void)v->hv->ops->vfio_file(v->hv, d->fd, false);
		v->n_hv_files--;
	}
	iommufd_device_close(v, d);
}

static int iommufd_hv_file(const struct vfio *v, unsigned int i)
{
	unsigned int k = 0;

	/* Those that left have none any more. */
	while (k < v->n_devs && (v->dev[k]->fd < 0 || i--))
		k++;
	return k < v->n_devs ? v->dev[k]->fd : -1;
}

/* --- DMA ------------------------------------------------------------------ */

#define MAP_RW                                                                 \
	(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |                 \
	 IOMMU_IOAS_MAP_WRITEABLE)

static int map_file(const struct vfio *v, int fd, uint64_t start,
		    struct span iova)
{
	struct iommu_ioas_map_file m = {
		.size = sizeof(m),
		.flags = MAP_RW,
		.ioas_id = v->ioas,
		.fd = fd,
		.start = start,
		.length = iova.len,
		.iova = iova.base,
	};

	return vfio_ioctl(v->iommufd, IOMMU_IOAS_MAP_FILE, &m);
}

static int map_memory(const struct vfio *v, void *hva, struct span iova)
{
	struct iommu_ioas_map m = {
		.size = sizeof(m),
		.flags = MAP_RW,
		.ioas_id = v->ioas,
		.user_va = (uintptr_t)hva,
		.length = iova.len,
		.iova = iova.base,
	};

	return vfio_ioctl(v->iommufd, IOMMU_IOAS_MAP, &m);
}

static int unmap(const struct vfio *v, struct span iova)
{
	struct iommu_ioas_unmap u = {
		.size = sizeof(u),
		.ioas_id = v->ioas,
		.iova = iova.base,
		.length = iova.len,
	};

	return vfio_ioctl(v->iommufd, IOMMU_IOAS_UNMAP, &u);
}

/*
 * RAM in a file goes in by the file, which outlives our address space. Kernels
 * before Linux 6.13 take it by address only, and some files never.
 */
static int iommufd_map_ram(struct vfio *v, const struct gmem_region *g,
			   struct err *e)
{
	int r = -ENOTTY;

	if (g->fd >= 0)
		r = map_file(v, g->fd, g->fd_off, g->gpa);
	if (r == -ENOTTY || r == -EOPNOTSUPP || r == -EINVAL)
		r = map_memory(v, g->hva, g->gpa);
	if (r < 0)
		return err_set_num(e, r, ERR_VFIO_DMA_MAP, NULL, g->gpa.base,
				   g->gpa.len);
	v->mapped[v->n_mapped++] = g->gpa;
	return 0;
}

static int iommufd_bar_probe(struct vfio *v, const struct vfio_dev *d)
{
	struct vfio_device_feature f = {
		.argsz = sizeof(f),
		.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
			 VFIO_DEVICE_FEATURE_DMA_BUF,
	};

	(void)v;
	return vfio_ioctl(d->fd, VFIO_DEVICE_FEATURE, &f);
}

/*
 * A dma-buf of its own for each slice, because the IOAS takes only those of
 * one range. The file, or -errno.
 */
static int slice_export(const struct vfio_dev *d, const struct bar_map *m)
{
	struct vfio_device_feature *f;
	struct vfio_device_feature_dma_buf *b;
	uint64_t room[(sizeof(*f) + sizeof(*b) + sizeof(b->dma_ranges[0])) / 8];

	memset(room, 0, sizeof(room));
	f = (struct vfio_device_feature *)room;
	b = (struct vfio_device_feature_dma_buf *)f->data;
	f->argsz = sizeof(room);
	f->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	b->region_index = m->bar;
	b->open_flags = O_RDWR | O_CLOEXEC;
	b->nr_ranges = 1;
	b->dma_ranges[0].offset = m->off;
	b->dma_ranges[0].length = m->len;
	return vfio_ioctl(d->fd, VFIO_DEVICE_FEATURE, f);
}

static int iommufd_map_bar(struct vfio *v, struct vfio_dev *d,
			   const struct bar_map *m, uint64_t iova)
{
	struct span s = {iova, m->len};
	int fd, r;

	if (!iommu_reaches(v, s))
		return -ERANGE;
	/* The rest of the page is not the device's to export. */
	if (m->off + m->len > d->region[m->bar].size)
		return -EDOM;
	fd = slice_export(d, m);
	if (fd < 0)
		return fd;
	r = map_file(v, fd, 0, s);
	close(fd); /* the mapping holds the dma-buf */
	return r < 0 ? r : 0;
}

static int iommufd_unmap_bar(struct vfio *v, struct span iova)
{
	return unmap(v, iova);
}

/* RAM is unmapped by hand: a device's file may live on elsewhere. */
static void iommufd_close(struct vfio *v)
{
	while (v->n_mapped)
		(void)unmap(v, v->mapped[--v->n_mapped]);
	if (v->iommufd >= 0)
		close(v->iommufd);
	v->iommufd = -1;
}

const struct iommu_ops iommu_iommufd = {
	.name = "iommufd",
	.bar_revoked = true,
	.device_open = iommufd_device_open,
	.device_close = iommufd_device_close,
	.device_leave = iommufd_device_leave,
	.map_ram = iommufd_map_ram,
	.bar_probe = iommufd_bar_probe,
	.map_bar = iommufd_map_bar,
	.unmap_bar = iommufd_unmap_bar,
	.hv_file = iommufd_hv_file,
	.close = iommufd_close,
};
