/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_HOST_DOES_H
#define TESTS_UNIT_HOST_DOES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What the kernel below us does not do if it is an emulator of one, such as
 * QEMU's for user space, which says yes and goes on.
 */

/* Whether smaps has @flag, such as " hg", of the mapping that begins there. */
bool host_vm_flag(const void *start, const char *flag);
/* Whether advice about memory is taken, and seen in smaps. */
bool host_takes_advice(void);
/* Whether RLIMIT_AS holds. */
bool host_limits_space(void);
/* Whether a process can do without huge pages. */
bool host_denies_thp(void);

#endif
