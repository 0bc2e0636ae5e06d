// SPDX-License-Identifier: Apache-2.0
/*
 * The panic notifier that guests know as pvpanic (tag pvpanic in SPECS): one
 * byte. Reading tells which events are understood, writing reports them.
 *
 * "Crash loaded" says that the guest is about to run its own crash kernel:
 * accepted so that a guest with kdump does not report a panic instead, which
 * would end the VM before its dump is written.
 */
#include "devices/devices.h"

#define EVENT_PANICKED	   0x01
#define EVENT_CRASH_LOADED 0x02

struct pvpanic {
	struct device dev;
	struct dev_env env;
};

static uint64_t pvpanic_read(struct device *d, unsigned int region,
			     uint64_t off, unsigned int len)
{
	(void)d;
	(void)region;
	if (off || len != 1)
		return ~0ull;
	return EVENT_PANICKED | EVENT_CRASH_LOADED;
}

static void pvpanic_write(struct device *d, unsigned int region, uint64_t off,
			  unsigned int len, uint64_t val)
{
	struct pvpanic *p = (struct pvpanic *)d;

	(void)region;
	if (off || len != 1)
		return;
	if (val & EVENT_PANICKED)
		p->env.request(p->env.ctx, DEV_PANIC);
}

static void pvpanic_init(struct device *d, const struct dev_env *env)
{
	struct pvpanic *p = (struct pvpanic *)d;

	d->ops = &pvpanic_ops;
	p->env = *env;
}

const struct dev_ops pvpanic_ops = {
	.name = "pvpanic",
	.size = sizeof(struct pvpanic),
	.init = pvpanic_init,
	.read = pvpanic_read,
	.write = pvpanic_write,
};
