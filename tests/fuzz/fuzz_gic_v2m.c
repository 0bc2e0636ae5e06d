// SPDX-License-Identifier: Apache-2.0
/*
 * Any accesses, wherever the interrupts begin: one of the frame's is pulsed
 * for a message that names it, nothing else ever moves a line.
 */
#include "devices/devices.h"
#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_env.h"

struct lines {
	unsigned int first;
	unsigned int last_irq;
	unsigned int pulses;
	bool level;
};

static struct fake_env env;

static void set(void *ctx, unsigned int irq, bool level)
{
	struct lines *l = ctx;

	REQUIRE(irq >= l->first && irq - l->first < GIC_V2M_SPIS);
	REQUIRE(level != l->level);
	REQUIRE(level || irq == l->last_irq);
	l->level = level;
	l->last_irq = irq;
	l->pulses += level;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct device *d = fake_device(&env, &gic_v2m_ops);
	struct lines l = {.first = fuzz_u8(&in) * 3u};
	uint32_t typer = (l.first + 32) << 16 | GIC_V2M_SPIS;

	env.env.irq = (struct irq_line){set, &l, l.first};
	d->ops->init(d, &env.env);
	while (in.left) {
		uint8_t op = fuzz_u8(&in);
		struct fuzz_access a = fuzz_access(&in, op & 1, 0x1000);
		unsigned int pulses = l.pulses;
		bool hit;

		if (op & 2)
			a.off = 0x040;
		if (op & 4)
			a.val &= 0x1ff;
		hit = a.write && a.off == 0x040 && (a.len == 2 || a.len == 4) &&
		      a.val >= l.first + 32 &&
		      a.val < l.first + 32 + GIC_V2M_SPIS;
		if (a.write)
			dev_write(d, 0, a.off, a.len, a.val);
		else
			(void)dev_read(d, 0, a.off, a.len);
		REQUIRE(l.pulses == pulses + hit && !l.level);
		REQUIRE(!hit || l.last_irq == a.val - 32);
		REQUIRE(dev_read(d, 0, 0x008, 4) == typer);
		REQUIRE(dev_read(d, 0, 0xfcc, 4) == 0);
	}
	free(d);
	return 0;
}
