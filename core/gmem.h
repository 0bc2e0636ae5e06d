/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_GMEM_H
#define CORE_GMEM_H

#include "core/span.h"

#define GMEM_MAX 8

struct gmem_region {
	struct span gpa;
	uint8_t *hva; /* of the first byte; owned by who mapped it */
	int fd;	      /* the file it is, borrowed; -1: anonymous memory */
	uint64_t fd_off;
};

/* Guest RAM: sorted, disjoint regions. */
struct gmem {
	unsigned int n;
	struct gmem_region region[GMEM_MAX];
};

/* Anonymous memory. -EINVAL (bad span, NULL hva, host wrap), -EEXIST (overlap),
 * -ENOSPC. */
int gmem_add(struct gmem *m, struct span gpa, void *hva);
/* The same for memory that is @off and what follows in the file @fd. */
int gmem_add_file(struct gmem *m, struct span gpa, void *hva, int fd,
		  uint64_t off);
/*
 * The one translation: host address of guest bytes [gpa, gpa + len), or NULL
 * when they are not all in one region of RAM or len is 0.
 */
void *gmem_at(const struct gmem *m, uint64_t gpa, uint64_t len);

#endif
