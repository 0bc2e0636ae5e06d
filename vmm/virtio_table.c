// SPDX-License-Identifier: Apache-2.0
#include "vmm/virtio_table.h"

#include <stdio.h>
#include <string.h>

/* All ports are one device. */
static unsigned int consoles(const struct conf *c)
{
	return c->hvc.kind != CONSOLE_NONE || c->n_port;
}

static unsigned int disks(const struct conf *c)
{
	return c->n_disk;
}

static unsigned int nets(const struct conf *c)
{
	return c->n_net;
}

static unsigned int rngs(const struct conf *c)
{
	return c->rng;
}

static unsigned int balloons(const struct conf *c)
{
	return c->balloon.wanted;
}

static unsigned int vsocks(const struct conf *c)
{
	/* systemd's word comes by it. */
	return c->n_vsock || conf_hears_guest(c);
}

static unsigned int shares(const struct conf *c)
{
	return c->n_share;
}

/*
 * Every kind of virtio device, in the order of their slots: those whose names
 * in the guest depend on the slot (disks, networks) first.
 */
static const struct {
	const char *name;
	unsigned int (*count)(const struct conf *c);
	int (*open)(struct virtio_unit *u, const struct conf *c,
		    unsigned int index, struct err *e);
} kinds[] = {
	{"disk", disks, blk_host_open},
	{"net", nets, net_host_open},
	{"console", consoles, hvc_host_open},
	{"rng", rngs, rng_host_open},
	{"balloon", balloons, balloon_host_open},
	{"share", shares, fs_host_open},
	{"vsock", vsocks, vsock_host_open},
};

bool virtio_entry(const struct conf *c, unsigned int i,
		  struct virtio_entry *out)
{
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		unsigned int n = kinds[k].count(c);

		if (i >= n) {
			i -= n;
			continue;
		}
		memset(out, 0, sizeof(*out));
		out->open = kinds[k].open;
		out->index = i;
		snprintf(out->name, sizeof(out->name), n > 1 ? "%s%u" : "%s",
			 kinds[k].name, i);
		return true;
	}
	return false;
}
