/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_DISPATCH_H
#define VMM_DISPATCH_H

#include <pthread.h>
#include <sys/types.h>

#include "core/bus.h"
#include "core/device.h"

#define DISPATCH_DEVS_MAX 32

/*
 * From an access of a vCPU to the device that answers it, under the device's
 * mutex. What no device answers reads as all-ones, writes to it vanish.
 */
struct dispatch {
	struct bus bus[2]; /* by enum bus_kind */
	unsigned int n_devs;
	struct device *dev[DISPATCH_DEVS_MAX]; /* borrowed */
	pthread_mutex_t lock[DISPATCH_DEVS_MAX];
};

/* Give @d a mutex; before dispatch_seal(). -ENOSPC. */
int dispatch_add(struct dispatch *x, struct device *d);
/* Put window @region of an added device on a bus: as bus_add(). */
int dispatch_window(struct dispatch *x, struct device *d, enum bus_kind bus,
		    struct span s, unsigned int region);
void dispatch_seal(struct dispatch *x);
void dispatch_fini(struct dispatch *x);

/* @len is 1 to 8. */
void dispatch_read(struct dispatch *x, enum bus_kind bus, uint64_t addr,
		   void *data, unsigned int len);
void dispatch_write(struct dispatch *x, enum bus_kind bus, uint64_t addr,
		    const void *data, unsigned int len);

/*
 * Hand console bytes to @d: how many it took, or -EAGAIN while a vCPU is in
 * the device. The event loop must not wait for that vCPU, which may be waiting
 * for the event loop to write out its output.
 */
ssize_t dispatch_input(struct dispatch *x, struct device *d, const uint8_t *buf,
		       size_t len);
/* Press the power button of every device that has one. */
void dispatch_power_button(struct dispatch *x);
/*
 * Ask the guest, through every device that can, to give up what is in PCI slot
 * @slot. False if there is no such device.
 */
bool dispatch_slot_request(struct dispatch *x, unsigned int slot);
/* Keep everybody else out of @d. */
void dispatch_lock(struct dispatch *x, const struct device *d);
void dispatch_unlock(struct dispatch *x, const struct device *d);

#endif
