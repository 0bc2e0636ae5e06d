/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_I6300ESB_H
#define DEVICES_I6300ESB_H

#include "core/pci.h"
#include "core/plan.h"

/*
 * The watchdog of Intel's 6300ESB (6300ESB 16) as a PCI function: two stages of
 * a down counter that the guest reloads; after the first one an interrupt might
 * come, which nobody wires here, after the second the machine is reset. Time
 * is the owner's: nanoseconds of a clock that never goes back.
 */

#define I6300ESB_STAGES 2u

struct i6300esb;

struct i6300esb_env {
	uint64_t (*now)(void *ctx);
	/* i6300esb_deadline() may be another one. */
	void (*changed)(void *ctx);
	void *ctx;
};

struct i6300esb {
	struct pci_func func;
	struct i6300esb_env env;
	uint32_t preload[I6300ESB_STAGES];
	unsigned int stage;  /* that runs, 0 or 1 */
	unsigned int unlock; /* steps of the sequence that were made */
	bool interrupt;	     /* the first stage ended */
	bool timed_out;	     /* the second did, perhaps before a reset */
	uint64_t since;	     /* when it was fed last */
	uint64_t deadline;   /* of the stage, if it runs */
	bool runs;
};

/* @timed_out: it was this watchdog that reset the machine. */
void i6300esb_init(struct i6300esb *w, const struct i6300esb_env *env,
		   bool timed_out);
void i6300esb_describe(struct plan_pci *pci);
void i6300esb_place(struct i6300esb *w, const struct plan_pci *place);
/* When i6300esb_expire() is due; false: never. */
bool i6300esb_deadline(const struct i6300esb *w, uint64_t *ns);
/* Time has gone by. True: the guest is to be reset; told once. */
bool i6300esb_expire(struct i6300esb *w);
/* Begin anew, as if fed: the guest was not let run. */
void i6300esb_feed(struct i6300esb *w);

#endif
