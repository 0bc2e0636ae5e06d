/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_DEVICE_H
#define CORE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/*
 * What every emulated device is made of. A device is a struct that begins with
 * struct device and one const struct dev_ops, its only external symbol. It
 * takes no lock: the dispatcher and the event loop call it under its mutex.
 */

/* One interrupt input. Edge: raise and lower again; level: keep it up. */
struct irq_line {
	void (*set)(void *ctx, unsigned int irq, bool level);
	void *ctx;
	unsigned int irq;
};

enum dev_request {
	DEV_POWEROFF,
	DEV_REBOOT,
	DEV_PANIC,
};

#define DEV_EXIT_MAX 63u /* largest status that a guest can report */

/*
 * All a device knows of the machine around it. Every callback may be called
 * from any of the device's operations; ctx is passed back untouched.
 */
struct dev_env {
	struct irq_line irq;
	void *ctx;
	/* Ask for the end of the VM; returns at once. */
	void (*request)(void *ctx, enum dev_request what);
	/*
	 * The same, with what the guest says of how it went: 0 to
	 * DEV_EXIT_MAX.
	 */
	void (*exit)(void *ctx, unsigned int status);
	/* Wall clock, seconds since 1970 UTC. */
	int64_t (*wall_time)(void *ctx);
	/* Send bytes to the console; never blocks the guest. */
	void (*console_write)(void *ctx, const uint8_t *buf, size_t len);
	/*
	 * After dev_ops.input took less than it was offered: there is room
	 * again. Only a wake-up, to call input later. May be NULL.
	 */
	void (*input_ready)(void *ctx);
	/* The guest gave up what is in PCI slot @slot of bus 0. May be NULL. */
	void (*slot_ejected)(void *ctx, unsigned int slot);
};

struct device;

/*
 * @region counts the device's register windows from 0, @off is the offset in
 * it, @len is 1, 2, 4 or 8; the dispatcher guarantees off + len <= size of the
 * window. Values are little endian, the lowest @len bytes count. A device must
 * answer every access: what it does not know reads as all-ones.
 */
struct dev_ops {
	const char *name;
	size_t size; /* bytes of the device's own struct */
	void (*init)(struct device *d, const struct dev_env *env);
	uint64_t (*read)(struct device *d, unsigned int region, uint64_t off,
			 unsigned int len);
	void (*write)(struct device *d, unsigned int region, uint64_t off,
		      unsigned int len, uint64_t val);
	/* Bytes from the console; returns how many were taken. May be NULL. */
	size_t (*input)(struct device *d, const uint8_t *buf, size_t len);
	/* The power button was pressed. May be NULL. */
	void (*power_button)(struct device *d);
	/* Ask the guest to give up what is in PCI slot @slot. May be NULL. */
	void (*slot_request)(struct device *d, unsigned int slot);
};

struct device {
	const struct dev_ops *ops;
	unsigned int lock; /* index of its mutex, owned by the dispatcher */
};

enum bus_kind {
	BUS_PIO,
	BUS_MMIO,
};

#define DEV_SPANS_MAX 2

/*
 * Where one device of an architecture lives. The arch lists its places, the
 * device table of vmm/ finds the ops by name, and the arch describes the same
 * places to the guest (ACPI, FDT).
 */
struct dev_place {
	const char *name; /* dev_ops.name */
	enum bus_kind bus;
	unsigned int irq; /* number on the interrupt controller, 0: none */
	unsigned int n_spans;
	struct span span[DEV_SPANS_MAX];
};

#endif
