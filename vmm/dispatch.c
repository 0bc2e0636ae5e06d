// SPDX-License-Identifier: Apache-2.0
#include "vmm/dispatch.h"

#include <errno.h>
#include <string.h>

int dispatch_add(struct dispatch *x, struct device *d)
{
	if (x->n_devs == DISPATCH_DEVS_MAX)
		return -ENOSPC;
	d->lock = x->n_devs;
	pthread_mutex_init(&x->lock[d->lock], NULL);
	x->dev[x->n_devs++] = d;
	return 0;
}

int dispatch_window(struct dispatch *x, struct device *d, enum bus_kind bus,
		    struct span s, unsigned int region)
{
	return bus_add(&x->bus[bus], s, d, region);
}

void dispatch_seal(struct dispatch *x)
{
	bus_seal(&x->bus[BUS_PIO]);
	bus_seal(&x->bus[BUS_MMIO]);
}

void dispatch_fini(struct dispatch *x)
{
	for (unsigned int i = 0; i < x->n_devs; i++)
		pthread_mutex_destroy(&x->lock[i]);
	x->n_devs = 0;
}

static bool natural(unsigned int len)
{
	return len == 1 || len == 2 || len == 4 || len == 8;
}

void dispatch_read(struct dispatch *x, enum bus_kind bus, uint64_t addr,
		   void *data, unsigned int len)
{
	const struct bus_entry *b;
	uint64_t v;

	/* KVM splits at pages, so that 3 or 5 bytes may arrive. */
	if (!natural(len)) {
		for (unsigned int i = 0; i < len; i++)
			dispatch_read(x, bus, addr + i, (uint8_t *)data + i, 1);
		return;
	}
	b = bus_find(&x->bus[bus], addr, len);
	if (!b) {
		memset(data, 0xff, len);
		return;
	}
	pthread_mutex_lock(&x->lock[b->dev->lock]);
	v = b->dev->ops->read(b->dev, b->region, addr - b->span.base, len);
	pthread_mutex_unlock(&x->lock[b->dev->lock]);
	memcpy(data, &v, len); /* both architectures are little endian */
}

void dispatch_write(struct dispatch *x, enum bus_kind bus, uint64_t addr,
		    const void *data, unsigned int len)
{
	const struct bus_entry *b;
	uint64_t v = 0;

	if (!natural(len)) {
		for (unsigned int i = 0; i < len; i++)
			dispatch_write(x, bus, addr + i,
				       (const uint8_t *)data + i, 1);
		return;
	}
	b = bus_find(&x->bus[bus], addr, len);
	if (!b)
		return;
	memcpy(&v, data, len);
	pthread_mutex_lock(&x->lock[b->dev->lock]);
	b->dev->ops->write(b->dev, b->region, addr - b->span.base, len, v);
	pthread_mutex_unlock(&x->lock[b->dev->lock]);
}

ssize_t dispatch_input(struct dispatch *x, struct device *d, const uint8_t *buf,
		       size_t len)
{
	size_t n;

	if (pthread_mutex_trylock(&x->lock[d->lock]))
		return -EAGAIN;
	n = d->ops->input ? d->ops->input(d, buf, len) : len;
	pthread_mutex_unlock(&x->lock[d->lock]);
	return (ssize_t)n;
}

void dispatch_power_button(struct dispatch *x)
{
	for (unsigned int i = 0; i < x->n_devs; i++) {
		struct device *d = x->dev[i];

		if (!d->ops->power_button)
			continue;
		pthread_mutex_lock(&x->lock[d->lock]);
		d->ops->power_button(d);
		pthread_mutex_unlock(&x->lock[d->lock]);
	}
}

bool dispatch_slot_request(struct dispatch *x, unsigned int slot)
{
	bool asked = false;

	for (unsigned int i = 0; i < x->n_devs; i++) {
		struct device *d = x->dev[i];

		if (!d->ops->slot_request)
			continue;
		pthread_mutex_lock(&x->lock[d->lock]);
		d->ops->slot_request(d, slot);
		pthread_mutex_unlock(&x->lock[d->lock]);
		asked = true;
	}
	return asked;
}

void dispatch_lock(struct dispatch *x, const struct device *d)
{
	pthread_mutex_lock(&x->lock[d->lock]);
}

void dispatch_unlock(struct dispatch *x, const struct device *d)
{
	pthread_mutex_unlock(&x->lock[d->lock]);
}
