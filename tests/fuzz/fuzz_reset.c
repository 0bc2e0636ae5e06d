/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is the kernel's list of what a hot reset affects, cut anywhere, and
 * the groups and devices that are ours. A list that is called ours names
 * nobody else, and all files are ours and needed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/input.h"
#include "vfio/device.h"
#include "vfio/reset.h"
#include "vfio/uapi_compat.h"
#include "vfio/vfio.h"

static struct vfio v;
static struct vfio_dev dev[VFIO_DEVS_MAX];

static void ours(struct input *in)
{
	memset(&v, 0, sizeof(v));
	v.n_groups = in_u8(in) % (VFIO_DEVS_MAX + 1);
	for (unsigned int i = 0; i < v.n_groups; i++) {
		v.group[i].id = in_u8(in) % 32;
		v.group[i].fd = 100 + (int)i;
	}
	v.n_devs = in_u8(in) % (VFIO_DEVS_MAX + 1);
	for (unsigned int i = 0; i < v.n_devs; i++) {
		snprintf(dev[i].address, sizeof(dev[i].address),
			 "0000:00:%02x.0", i);
		v.dev[i] = &dev[i];
	}
}

static bool group_of(int fd, uint32_t id)
{
	for (unsigned int i = 0; i < v.n_groups; i++) {
		if (v.group[i].fd == fd)
			return v.group[i].id == id;
	}
	return false;
}

static bool held(const struct reset_set *s, uint32_t id)
{
	for (unsigned int i = 0; i < s->n_files; i++) {
		if (group_of(s->file[i], id))
			return true;
	}
	return false;
}

static void check_ours(const struct reset_set *s,
		       const struct vfio_pci_hot_reset_info *h, size_t room)
{
	must(room >= sizeof(*h) && h->count != 0);
	must(h->count <= (room - sizeof(*h)) / sizeof(h->devices[0]));
	must(s->stranger[0] == 0);
	for (uint32_t i = 0; i < h->count; i++) {
		uint32_t number = h->devices[i].group_id;

		if (h->flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID)
			must(number != UINT32_MAX);
		else
			must(held(s, number));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct vfio_pci_hot_reset_info *h;
	struct reset_set s;
	size_t room;

	ours(&in);
	room = in.n;
	/* A copy of its own, so that a read past the end is seen. */
	h = malloc(room ? room : 1);
	if (!h)
		return 0;
	memcpy(h, in.p, room);
	reset_set_make(&s, h, room, &v);
	must(s.n_files <= RESET_FILES_MAX && s.n_files <= v.n_groups);
	must(!(s.devs >> v.n_devs));
	must(memchr(s.stranger, 0, sizeof(s.stranger)));
	if (s.ours)
		check_ours(&s, h, room);
	free(h);
	return 0;
}
