/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_HV_H
#define TESTS_UNIT_FAKE_HV_H

#include <stddef.h>

#include "core/hv.h"

/*
 * A hypervisor that only keeps accounts: it refuses what KVM would refuse,
 * fails on request, and remembers the first call that breaks the contract of
 * core/hv.h. fake_hv_left() says what was not given back.
 */

#define FAKE_SLOTS	128
#define FAKE_ROUTES	128
#define FAKE_LINES	24 /* gsis below are lines, those from it on routes */
#define FAKE_IRQFDS	8  /* on lines */
#define FAKE_GROUPS	8
#define FAKE_IOEVENTFDS 128

struct fake_slot {
	bool used;
	uint64_t gpa;
	uint8_t *hva;
	uint64_t len;
};

struct fake_route {
	bool taken;
	struct hv_msi msi;  /* in force */
	struct hv_msi next; /* after route_commit() */
	bool changed;
	int fd; /* attached eventfd, -1: none */
};

/* An eventfd that raises a line. */
struct fake_line {
	unsigned int gsi;
	int fd; /* -1: none */
	int resample_fd;
};

/* Writes to an address go to an eventfd. */
struct fake_ioeventfd {
	uint64_t gpa;
	int fd; /* -1: none */
};

struct fake_hv {
	struct hv hv; /* first */
	uint64_t page;
	uint64_t limit;	      /* no guest-physical address from here on; 0 */
	unsigned int n_slots; /* that there are, at most FAKE_SLOTS */
	struct fake_slot slot[FAKE_SLOTS];
	struct fake_route route[FAKE_ROUTES]; /* gsi FAKE_LINES + index */
	struct fake_line line[FAKE_IRQFDS];
	struct fake_ioeventfd ioeventfd[FAKE_IOEVENTFDS];
	unsigned int n_groups;
	int group[FAKE_GROUPS]; /* files */
	unsigned int maps;	/* calls that were obeyed */
	unsigned int unmaps;
	unsigned int commits; /* that had something to change */
	unsigned int irqfds;  /* attached or detached */
	bool no_resample;     /* as with a split irqchip */
	unsigned int refusals;
	unsigned int fail_in; /* calls until one fails, 0: none does */
	int fail_with;
	/* Asked before each fallible call: 0, or the -errno it is to give. */
	int (*fault)(const char *call);
	const char *misuse; /* NULL: none */
	/* Called before a map or unmap is obeyed; may be NULL. */
	void (*watch)(void *ctx, bool map);
	void *watch_ctx;
};

void fake_hv_init(struct fake_hv *f);
/* From now on the @nth call (1: the next) of a fallible function fails. */
void fake_hv_fail(struct fake_hv *f, unsigned int nth, int code);
/* What the guest finds at @gpa: the host's address of it, or NULL. */
uint8_t *fake_hv_at(const struct fake_hv *f, uint64_t gpa);
/* The eventfd that a write to @gpa is added to, -1: it is trapped. */
int fake_hv_ioeventfd(const struct fake_hv *f, uint64_t gpa);
unsigned int fake_hv_slots(const struct fake_hv *f);
/* NULL when everything was given back and nothing was misused. */
const char *fake_hv_left(const struct fake_hv *f);

#endif
