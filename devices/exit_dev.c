// SPDX-License-Identifier: Apache-2.0
/*
 * The exit device: one register of 4 bytes by which the guest ends the VM and
 * says how it went. Any width will do, as long as it begins at the first byte.
 * Reads as all-ones.
 *
 * Where it is a port it is that of QEMU's isa-debug-exit, so that programs made
 * for that one find it; only the exit status is another one.
 *
 * What is too large for a status counts as the largest, and not as its low
 * bits: a failure must not turn into a success.
 */
#include "devices/devices.h"

struct exit_dev {
	struct device dev;
	struct dev_env env;
};

static uint64_t exit_read(struct device *d, unsigned int region, uint64_t off,
			  unsigned int len)
{
	(void)d;
	(void)region;
	(void)off;
	(void)len;
	return ~0ull;
}

static void exit_write(struct device *d, unsigned int region, uint64_t off,
		       unsigned int len, uint64_t val)
{
	struct exit_dev *x = (struct exit_dev *)d;

	(void)region;
	if (off)
		return;
	if (len < 8)
		val &= (1ull << 8 * len) - 1;
	if (val > DEV_EXIT_MAX)
		val = DEV_EXIT_MAX;
	x->env.exit(x->env.ctx, (unsigned int)val);
}

static void exit_init(struct device *d, const struct dev_env *env)
{
	struct exit_dev *x = (struct exit_dev *)d;

	d->ops = &exit_dev_ops;
	x->env = *env;
}

const struct dev_ops exit_dev_ops = {
	.name = "exit",
	.size = sizeof(struct exit_dev),
	.init = exit_init,
	.read = exit_read,
	.write = exit_write,
};
