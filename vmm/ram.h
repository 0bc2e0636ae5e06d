/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_RAM_H
#define VMM_RAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/gmem.h"
#include "core/hv.h"
#include "core/plan.h"

/* Guest RAM, aligned so that huge pages fit everywhere. */
struct ram {
	unsigned int n;
	struct {
		void *map; /* the whole reservation */
		size_t map_len;
	} part[PLAN_RAM_MAX];
	bool shared;
	int fd; /* if shared: the memfd it all is */
};

/*
 * Reserve what @plan says and enter it into @mem: anonymous memory, or a memfd
 * (struct gmem_region's fd) if it is @shared with another process; of the
 * host's reserved huge pages if the plan says so.
 */
int ram_create(struct ram *r, const struct plan *plan, bool shared,
	       struct gmem *mem, struct err *e);
/* Give all of @mem to the guest, until the VM ends. */
int ram_map(const struct gmem *mem, struct hv *hv, struct err *e);
void ram_destroy(struct ram *r);

#endif
