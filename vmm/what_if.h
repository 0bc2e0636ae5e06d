/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_WHAT_IF_H
#define VMM_WHAT_IF_H

#include "core/err.h"
#include "vfio/reach.h"
#include "vmm/options.h"

/*
 * A device and a host that need not exist, described by an INI file: sections
 * [host], [region.N] and [msix]; see WHAT-IF FILES in barge.1. What is
 * nonsense as a file is refused with its line; what only a hostile device
 * would say (areas past the end, 5000 vectors, ...) is taken as it is, for
 * that is what the planner is for.
 */
struct what_if {
	struct reach_host host;
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix; /* n = 0: no section [msix] */
	unsigned int regions;	/* bit N: [region.N] is there */
};

/* 0, or -errno with @e set. Prints nothing. */
int what_if_load(const char *file, struct what_if *w, struct err *e);

/*
 * The keys of "host", "msix" or "region.N", *n of them; NULL for another
 * section. The key area.N stands there as "area".
 */
const struct option_def *what_if_keys(const char *section, unsigned int *n);
/* "host", "region.0" and "msix"; NULL ends it. */
const char *const *what_if_sections(void);

/* Bytes: as option_size() takes them, 0, and 0x in hex. */
int what_if_bytes(const char *s, uint64_t *out);

#endif
