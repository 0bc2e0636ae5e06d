/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_DEVICE_EVENTS_H
#define VMM_DEVICE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "vfio/vfio.h"

/*
 * What becomes of a passed-through device that has an error, or that the host
 * wants back, while the guest runs.
 */
struct vm;

struct device_events {
	struct {
		bool asked;	   /* the guest, to give it up */
		uint64_t deadline; /* CLOCK_MONOTONIC, ns; while asked */
		bool told;	   /* an error was reported and ignored */
	} dev[VFIO_DEVS_MAX];
};

/* Listen; vm->loop has to be there. 0 or -errno. */
int device_events_start(struct vm *vm);
/*
 * End the VM if a deadline is over. Milliseconds until the next one, at most
 * @timeout (-1: no limit); what the event loop may wait.
 */
int device_events_poll(struct vm *vm, int timeout);
/* The guest gave up a slot; from any thread. For dev_env.slot_ejected. */
void device_events_ejected(void *vm, unsigned int slot);

#endif
