/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_INITRAMFS_H
#define VMM_INITRAMFS_H

#include <stdbool.h>

#include "core/err.h"
#include "vmm/conf.h"

/*
 * The initramfs that --root and --init ask for: the folder as it is, all of it
 * root's; and in /.barge what runs the command.
 */

/* What is on the console before and behind the command's output. */
#define INITRAMFS_BEGIN "\n\036barge-begin\n"
#define INITRAMFS_END	"\n\036barge-end "
/* Its exit status is reported as at most that. */
#define INITRAMFS_STATUS_MAX 63

/* Whether @c asks for one. */
bool initramfs_wanted(const struct conf *c);
/*
 * Pack it into a new file in memory: *fd, the caller's. At most as large as the
 * guest's memory. -errno with @e set.
 */
int initramfs_make(const struct conf *c, int *fd, struct err *e);
/*
 * The kernel command line that goes with it, to be freed; NULL: no memory. What
 * @c has, and what starts the command; without one, what makes a quiet guest.
 */
char *initramfs_cmdline(const struct conf *c);

#endif
