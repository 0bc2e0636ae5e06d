// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: vfio-pci resets a function alone when it is first opened and
 * when it is last closed, if it can (VFIO_DEVICE_FLAGS_RESET); a reset of our
 * own would only cost another 100 ms. Some functions can be reset with their
 * bus or slot only. That is never done behind the back of others: we do it at
 * the start if all that is on it is ours. At the end the kernel does, when the
 * last of them is closed (vfio_pci_dev_set_try_reset() in Linux).
 */
#include "vfio/reset.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfio/device.h"
#include "vfio/sysfs.h"
#include "vfio/uapi_compat.h"

_Static_assert(RESET_FILES_MAX == VFIO_DEVS_MAX && VFIO_DEVS_MAX <= 32,
	       "a file and a bit for each");

/* --- whose are they? -------------------------------------------------------
 */

static void name_of(const struct vfio_pci_dependent_device *f, char name[16])
{
	snprintf(name, 16, "%04x:%02x:%02x.%x", f->segment, f->bus,
		 f->devfn >> 3, f->devfn & 7u);
}

static int find(const struct vfio *v, const char *address)
{
	for (unsigned int i = 0; i < v->n_devs; i++) {
		if (strcmp(v->dev[i]->address, address) == 0)
			return (int)i;
	}
	return -1;
}

static bool file_add(struct reset_set *s, int fd)
{
	for (unsigned int i = 0; i < s->n_files; i++) {
		if (s->file[i] == fd)
			return true;
	}
	if (s->n_files == RESET_FILES_MAX)
		return false;
	s->file[s->n_files++] = fd;
	return true;
}

/*
 * A group that we hold is ours as a whole: nobody else can open a device of
 * it, and the kernel made sure that no driver of the host uses one.
 */
static bool group_is_ours(struct reset_set *s, const struct vfio *v,
			  unsigned int id)
{
	for (unsigned int i = 0; i < v->n_groups; i++) {
		if (v->group[i].id == id)
			return file_add(s, v->group[i].fd);
	}
	return false;
}

/* The number means a group or, with FLAG_DEV_ID, a device (linux/vfio.h). */
static bool is_ours(struct reset_set *s, const struct vfio *v, uint32_t flags,
		    uint32_t number)
{
	if (flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID)
		return number != (uint32_t)VFIO_PCI_DEVID_NOT_OWNED;
	return group_is_ours(s, v, number);
}

void reset_set_make(struct reset_set *s,
		    const struct vfio_pci_hot_reset_info *info, size_t room,
		    const struct vfio *v)
{
	size_t head = sizeof(*info);

	memset(s, 0, sizeof(*s));
	if (room < head || info->count == 0 ||
	    info->count > (room - head) / sizeof(info->devices[0]))
		return;
	s->ours = true;
	for (uint32_t i = 0; i < info->count; i++) {
		const struct vfio_pci_dependent_device *f = &info->devices[i];
		char name[16];
		int dev;

		name_of(f, name);
		dev = find(v, name);
		if (dev >= 0)
			s->devs |= 1u << dev;
		if (is_ours(s, v, info->flags, f->group_id))
			continue;
		if (s->ours)
			memcpy(s->stranger, name, sizeof(s->stranger));
		s->ours = false;
	}
	/* The kernel's own verdict counts more than what we read out of it. */
	if (info->flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID &&
	    !(info->flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED))
		s->ours = false;
}

/* --- the kernel ------------------------------------------------------------
 */

#define SET_MAX 4096u /* functions; a bus has 256, and there may be bridges */

/* -ENODEV: there is no such reset for this device. */
static int set_get(const struct vfio_dev *d, struct reset_set *s)
{
	uint32_t n = 8;

	for (unsigned int try = 0; try < 3 && n <= SET_MAX; try++) {
		struct vfio_pci_hot_reset_info *info;
		size_t size = sizeof(*info) + n * sizeof(info->devices[0]);
		int r;

		info = calloc(1, size);
		if (!info)
			return -ENOMEM;
		info->argsz = (uint32_t)size;
		r = vfio_ioctl(d->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
		if (r >= 0)
			reset_set_make(s, info, size, d->all);
		n = info->count;
		free(info);
		if (r != -ENOSPC)
			return r < 0 ? r : 0;
	}
	return -E2BIG;
}

void reset_quiesce(struct vfio_dev *d)
{
	uint64_t pm;

	vfio_cfg_pwrite(d, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	if (!d->pm_cap)
		return;
	pm = vfio_cfg_pread(d, d->pm_cap + PCI_PM_CTRL, 2);
	if (pm & PCI_PM_CTRL_STATE_MASK && pm != UINT64_MAX)
		vfio_cfg_pwrite(d, d->pm_cap + PCI_PM_CTRL, 2,
				pm & ~(uint64_t)PCI_PM_CTRL_STATE_MASK);
}

static int hot_reset(struct vfio_dev *d, const struct reset_set *s)
{
	union {
		struct vfio_pci_hot_reset head;
		uint8_t room[sizeof(struct vfio_pci_hot_reset) +
			     sizeof(s->file)];
	} r = {.head = {.count = s->n_files}};
	struct vfio *v = d->all;
	int ret;

	r.head.argsz =
		(uint32_t)(sizeof(r.head) + s->n_files * sizeof(int32_t));
	memcpy(r.head.group_fds, s->file, s->n_files * sizeof(int32_t));
	for (unsigned int i = 0; i < v->n_devs; i++) {
		if (s->devs >> i & 1)
			reset_quiesce(v->dev[i]);
	}
	ret = vfio_ioctl(d->fd, VFIO_DEVICE_PCI_HOT_RESET, &r);
	for (unsigned int i = 0; i < v->n_devs && ret >= 0; i++) {
		if (s->devs >> i & 1)
			v->dev[i]->epoch++;
	}
	return ret;
}

static void warn(const struct vfio_dev *d, const char *why, const char *name)
{
	fprintf(stderr,
		"barge: %s: %s%s; the guest gets this device as its last user "
		"left it\n",
		d->address, why, name);
}

/*
 * Reset @d with all that its reset affects; NULL, or why not: then *name may
 * have more to say.
 */
static const char *reset_with_set(struct vfio_dev *d, struct reset_set *s,
				  const char **name)
{
	int r = set_get(d, s);

	*name = "";
	if (r < 0)
		return "the host knows no way to reset it";
	if (!s->ours && s->stranger[0]) {
		*name = s->stranger;
		return "the host can only reset it together with ";
	}
	if (!s->ours)
		return "the host does not say what a reset would affect";
	r = hot_reset(d, s);
	if (r == -EINVAL)
		return "not all functions of its bus are bound to vfio-pci, "
		       "without which the host cannot reset it";
	if (r < 0) {
		*name = strerror(-r);
		return "the host could not reset it: ";
	}
	return NULL;
}

/* Those that are reset on the way need no reset of their own: *done. */
static void reset_one(struct vfio *v, unsigned int i, uint32_t *done)
{
	struct vfio_dev *d = v->dev[i];
	struct reset_set s = {0};
	const char *name;
	const char *why;

	d->reset = RESET_HOT;
	if (*done >> i & 1)
		return;
	why = reset_with_set(d, &s, &name);
	if (why) {
		d->reset = RESET_NONE;
		warn(d, why, name);
		return;
	}
	*done |= s.devs;
}

void reset_start(struct vfio *v)
{
	uint32_t done = 0;

	for (unsigned int i = 0; i < v->n_devs; i++) {
		if (!v->dev[i]->resets_alone)
			reset_one(v, i, &done);
	}
}

void reset_text(const struct vfio *v, unsigned int i, char *buf, size_t size)
{
	const struct vfio_dev *d = v->dev[i];
	char method[32];

	switch (d->reset) {
	case RESET_KERNEL:
		sysfs_reset_method(d->address, method, sizeof(method));
		snprintf(buf, size, "%s: reset at start and end%s%s",
			 d->address, method[0] ? " by " : "", method);
		return;
	case RESET_HOT:
		snprintf(buf, size,
			 "%s: reset at start and end with all of its bus",
			 d->address);
		return;
	case RESET_NONE:
		break;
	}
	snprintf(buf, size, "%s: not reset", d->address);
}
