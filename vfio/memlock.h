/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_MEMLOCK_H
#define VFIO_MEMLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether the host lets this process lock the guest's RAM, known before
 * anything is locked. Pure.
 */
struct memlock {
	uint64_t locked; /* bytes that are locked already */
	bool unlimited;	 /* CAP_IPC_LOCK: no limit counts */
	uint64_t soft;	 /* RLIMIT_MEMLOCK in bytes; RLIM_INFINITY: none */
	uint64_t hard;
};

enum memlock_verdict {
	MEMLOCK_OK,
	MEMLOCK_RAISE, /* ok once the soft limit is raised to the hard one */
	MEMLOCK_SHORT,
};

/*
 * Enter what /proc/self/status says, @text of @len bytes. A line that is
 * missing or garbled changes nothing.
 */
void memlock_read(struct memlock *m, const char *text, size_t len);
/* Whether @need more bytes can be locked. */
enum memlock_verdict memlock_check(const struct memlock *m, uint64_t need);

#endif
