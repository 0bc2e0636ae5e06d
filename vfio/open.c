// SPDX-License-Identifier: Apache-2.0
/* Opening a device's file: its regions, raw configuration access, reset. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "vfio/device.h"
#include "vfio/info.h"
#include "vfio/quirk.h"

#define INFO_MAX (64u << 10)

int vfio_ioctl(int fd, unsigned long req, void *arg)
{
	int r = ioctl(fd, req, arg);

	return r < 0 ? -errno : r;
}

/*
 * Ask for an info structure that may be followed by capabilities: first for
 * its size, then whole. The kernel may change its mind in between, so that
 * *room, the bytes that are really there, is all that counts. Heap, or NULL.
 */
void *vfio_info_get(int fd, unsigned long req, uint32_t least, uint32_t index,
		    uint32_t *room)
{
	uint32_t size = least;

	for (unsigned int try = 0; try < 3; try++) {
		/* all begin with argsz, flags and, if there is one, index */
		uint32_t *info = calloc(1, size);
		uint32_t told;

		if (!info)
			return NULL;
		info[0] = size;
		info[2] = index;
		if (ioctl(fd, req, info) < 0) {
			free(info);
			return NULL;
		}
		told = info[0];
		*room = size;
		if (told <= size || size == INFO_MAX)
			return info;
		size = told < INFO_MAX ? told : INFO_MAX;
		free(info);
	}
	return NULL;
}

static void region_get(struct vfio_dev *d, uint32_t index)
{
	struct vfio_region *r = &d->region[index];
	uint32_t room;
	struct vfio_region_info *info =
		vfio_info_get(d->fd, VFIO_DEVICE_GET_REGION_INFO, sizeof(*info),
			      index, &room);

	if (!info)
		return; /* absent: size 0 */
	r->size = info->size;
	r->fd_off = info->offset;
	r->flags = info->flags;
	if (index < PCI_BARS && info->size)
		info_region(info, room, &d->shape[index]);
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

static void plan_bars(struct vfio_dev *d, const uint8_t *hw,
		      enum msix_policy policy)
{
	bar_kinds(d, hw);
	d->msix_shape.policy = policy;
	cfg_virt_msix(hw, d->cfg_size, &d->msix_shape);
	quirk_apply(hw, d->shape, &d->msix_shape);
	dev_plan_make(&d->plan, d->shape, &d->msix_shape,
		      (uint64_t)sysconf(_SC_PAGESIZE), d->all->bar_align);
}

static int device_info(struct vfio_dev *d, uint32_t *flags, struct err *e)
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
	*flags = info.flags;
	for (uint32_t i = 0; i <= VFIO_PCI_CONFIG_REGION_INDEX; i++)
		region_get(d, i);
	d->cfg_size =
		d->region[VFIO_PCI_CONFIG_REGION_INDEX].size >= PCI_CFG_SIZE
			? PCI_CFG_SIZE
			: 256;
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int vfio_dev_open(struct vfio_dev *d, enum msix_policy policy, struct err *e)
{
	uint8_t hw[PCI_CFG_SIZE] = {0};
	uint32_t info_flags = 0;
	const char *note;
	uint64_t start;
	int r = device_info(d, &info_flags, e);

	if (r < 0)
		return r;
	d->resets_alone = info_flags & VFIO_DEVICE_FLAGS_RESET;
	if (pread(d->fd, hw, d->cfg_size,
		  (off_t)d->region[VFIO_PCI_CONFIG_REGION_INDEX].fd_off) !=
	    (ssize_t)d->cfg_size)
		return err_set(e, -EIO, ERR_VFIO_IOCTL, d->address,
			       "reading its configuration space");
	if (hw[0x0e] & 0x7f)
		return err_set_num(e, -EINVAL, ERR_VFIO_HEADER, d->address,
				   hw[0x0e] & 0x7f, 0);
	note = quirk_note(hw);
	if (note)
		fprintf(stderr, "barge: %s: this device %s\n", d->address,
			note);
	plan_bars(d, hw, policy);
	vfio_intx_open(d, hw);
	cfg_virt_make(d, hw);
	start = now_ns();
	bar_map_open(d);
	d->all->bars_ns += now_ns() - start;
	return vfio_irqs_open(d, e);
}
