/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_RAM_H
#define VMM_RAM_H

#include <stddef.h>

#include "core/err.h"
#include "core/gmem.h"
#include "core/hv.h"
#include "core/plan.h"

/* Guest RAM: anonymous memory, aligned so that huge pages fit everywhere. */
struct ram {
	unsigned int n;
	struct {
		void *map; /* the whole reservation */
		size_t map_len;
	} part[PLAN_RAM_MAX];
};

/* Reserve what @plan says and enter it into @mem. */
int ram_create(struct ram *r, const struct plan *plan, struct gmem *mem,
	       struct err *e);
/* Give all of @mem to the guest, until the VM ends. */
int ram_map(const struct gmem *mem, struct hv *hv, struct err *e);
void ram_destroy(struct ram *r);

#endif
