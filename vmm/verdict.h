/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_VERDICT_H
#define VMM_VERDICT_H

#include "vmm/watch.h"

/*
 * From how the VM ended and what the console said to the exit status: the
 * contract of barge(1), EXIT STATUS. Pure.
 */
struct verdict_in {
	int end;	 /* enum vm_end */
	int exit_status; /* of VM_EXIT: 64 to 127 */
	int reported;	 /* EXIT_STATUS of VM_POWEROFF: 0 to 255 */
	int signal;	 /* of VM_SIGNAL */
	const struct watch_result *watch;
};

int verdict_status(const struct verdict_in *in);
/* Whether it is 7 because of what the console lacks. */
bool verdict_unmet(const struct verdict_in *in);

#endif
