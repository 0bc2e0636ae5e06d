/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CONTRACT_H
#define VMM_CONTRACT_H

#include <stdbool.h>

struct vm;
struct err;

/*
 * What was asked of a boot test: its time limit, and what the console has to
 * show. The event loop's thread calls all of it.
 */

int contract_start(struct vm *vm, struct err *e);
/* Whether its time is over. From any thread. */
bool contract_over(const struct vm *vm);
/* End the VM when its time is over. How long the loop may sleep: as @timeout.
 */
int contract_poll(struct vm *vm, int timeout);
/*
 * The guest asked for a reboot and stands still: whether it shall have one, or
 * that is the end.
 */
bool contract_restarts(struct vm *vm);
/* All output has come: the exit status, and a line on standard error if it is
 * one of ours. */
int contract_finish(struct vm *vm);

#endif
