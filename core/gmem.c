/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gmem.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

int gmem_add_file(struct gmem *m, struct span gpa, void *hva, int fd,
		  uint64_t off)
{
	struct span host = {(uintptr_t)hva, gpa.len};
	unsigned int at = 0;

	if (!span_ok(gpa) || hva == NULL || !span_ok(host))
		return -EINVAL;
	while (at < m->n && span_last(m->region[at].gpa) < gpa.base)
		at++;
	if (at < m->n && span_overlaps(m->region[at].gpa, gpa))
		return -EEXIST;
	if (m->n >= GMEM_MAX)
		return -ENOSPC;
	memmove(&m->region[at + 1], &m->region[at],
		(m->n - at) * sizeof(m->region[0]));
	m->region[at] = (struct gmem_region){
		.gpa = gpa, .hva = hva, .fd = fd, .fd_off = off};
	m->n++;
	return 0;
}

int gmem_add(struct gmem *m, struct span gpa, void *hva)
{
	return gmem_add_file(m, gpa, hva, -1, 0);
}

void *gmem_at(const struct gmem *m, uint64_t gpa, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < m->n; i++) {
		const struct gmem_region *r = &m->region[i];

		if (span_holds(r->gpa, gpa, len))
			return r->hva + (gpa - r->gpa.base);
	}
	return NULL;
}
