/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_ENV_H
#define TESTS_UNIT_FAKE_ENV_H

#include <stdlib.h>
#include <string.h>

#include "core/device.h"

/* The machine around a device under test: it only takes notes. */
struct fake_env {
	struct dev_env env;
	int64_t time;
	unsigned int requests[DEV_PANIC + 1];
	unsigned int exits;
	unsigned int exit_status; /* of the last */
	bool level;
	unsigned int rises;
	unsigned int repeats; /* of the level that the line already had */
	unsigned int ready;
	unsigned int ejections;
	uint32_t ejected; /* slots, a bit each */
	unsigned int writes;
	size_t n_out;
	uint8_t out[256]; /* the first bytes written to the console */
};

static inline void fake_irq_set(void *ctx, unsigned int irq, bool level)
{
	struct fake_env *f = ctx;

	if (irq != f->env.irq.irq)
		abort();
	f->repeats += level == f->level;
	f->rises += level && !f->level;
	f->level = level;
}

static inline void fake_request(void *ctx, enum dev_request what)
{
	struct fake_env *f = ctx;

	f->requests[what]++;
}

static inline void fake_exit(void *ctx, unsigned int status)
{
	struct fake_env *f = ctx;

	if (status > DEV_EXIT_MAX)
		abort();
	f->exits++;
	f->exit_status = status;
}

static inline int64_t fake_wall_time(void *ctx)
{
	struct fake_env *f = ctx;

	return f->time;
}

static inline void fake_console_write(void *ctx, const uint8_t *buf, size_t len)
{
	struct fake_env *f = ctx;

	f->writes++;
	for (size_t i = 0; i < len; i++) {
		if (f->n_out < sizeof(f->out))
			f->out[f->n_out] = buf[i];
		f->n_out++;
	}
}

static inline void fake_input_ready(void *ctx)
{
	struct fake_env *f = ctx;

	f->ready++;
}

static inline void fake_slot_ejected(void *ctx, unsigned int slot)
{
	struct fake_env *f = ctx;

	if (slot >= 32)
		abort();
	f->ejections++;
	f->ejected |= UINT32_C(1) << slot;
}

/* A device of @ops in a fresh machine; free() it. */
static inline struct device *fake_device(struct fake_env *f,
					 const struct dev_ops *ops)
{
	struct device *d = calloc(1, ops->size);
	int64_t time = f->time;

	if (!d)
		abort();
	memset(f, 0, sizeof(*f));
	f->time = time;
	f->env = (struct dev_env){
		.irq = {.set = fake_irq_set, .ctx = f, .irq = 4},
		.ctx = f,
		.request = fake_request,
		.exit = fake_exit,
		.wall_time = fake_wall_time,
		.console_write = fake_console_write,
		.input_ready = fake_input_ready,
		.slot_ejected = fake_slot_ejected,
	};
	ops->init(d, &f->env);
	return d;
}

static inline uint64_t dev_read(struct device *d, unsigned int region,
				uint64_t off, unsigned int len)
{
	return d->ops->read(d, region, off, len);
}

static inline void dev_write(struct device *d, unsigned int region,
			     uint64_t off, unsigned int len, uint64_t val)
{
	d->ops->write(d, region, off, len, val);
}

#endif
