/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_PREFAULT_H
#define VMM_PREFAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/gmem.h"

/*
 * Told every now and then, by the thread that calls prefault_run(); false: it
 * has been enough, and the rest comes when it is used.
 */
typedef bool (*prefault_fn)(void *ctx, uint64_t done, uint64_t total);

/*
 * Have the host find a page for every byte of @mem, in several threads; what
 * is in it stays, whoever writes meanwhile. @page: bytes of its pages, at
 * least; none is asked for in part. 0 or -errno: -ENOMEM where one cannot be
 * had.
 */
int prefault_run(const struct gmem *mem, uint64_t page, prefault_fn fn,
		 void *ctx);
/* The same with or (@populate false) without MADV_POPULATE_WRITE, for tests. */
int prefault_how(const struct gmem *mem, uint64_t page, bool populate,
		 prefault_fn fn, void *ctx);

#endif
