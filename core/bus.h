/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BUS_H
#define CORE_BUS_H

#include "core/device.h"
#include "core/span.h"

#define BUS_MAX 32

struct bus_entry {
	struct span span;
	struct device *dev;
	unsigned int region; /* passed to the device's ops */
};

/* Sorted, disjoint entries; does not change after bus_seal(). */
struct bus {
	bool sealed;
	unsigned int n;
	struct bus_entry entry[BUS_MAX];
};

/* -EINVAL (span, no device), -EEXIST (overlap), -ENOSPC, -EPERM (sealed). */
int bus_add(struct bus *b, struct span s, struct device *dev,
	    unsigned int region);
void bus_seal(struct bus *b);
/* The entry that holds the whole access, or NULL. */
const struct bus_entry *bus_find(const struct bus *b, uint64_t addr,
				 unsigned int len);

#endif
