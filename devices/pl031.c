// SPDX-License-Identifier: Apache-2.0
/*
 * ARM PrimeCell real-time clock (PL031): seconds in 32 bits.
 *
 * How it works: the clock is the host's plus an offset that the guest sets by
 * loading another time. It runs from the start, as if firmware had enabled it,
 * and cannot be stopped (PL031 3.3, RTCCR).
 *
 * Not there: the alarm. No interrupt is ever raised and its status reads as 0;
 * match and mask are mere memory. The description of the machine should name no
 * interrupt for the clock: then Linux (drivers/rtc/rtc-pl031.c) offers no
 * alarms, where it would otherwise wait for one.
 *
 * The counter wraps in 2106, which Linux knows of this chip.
 */
#include "devices/devices.h"
#include "devices/primecell.h"

#define RTCDR	0x00
#define RTCMR	0x04
#define RTCLR	0x08
#define RTCCR	0x0c
#define RTCIMSC 0x10

#define CR_RUNS 1
#define IMSC	1
#define PART	0x031

struct pl031 {
	struct device dev;
	struct dev_env env;
	uint32_t offset; /* the guest's time minus the host's, modulo 2^32 */
	uint32_t match;
	uint32_t load; /* as last written */
	uint32_t mask;
};

static uint32_t host_time(const struct pl031 *p)
{
	return (uint32_t)p->env.wall_time(p->env.ctx);
}

static uint32_t read_reg(const struct pl031 *p, uint64_t reg)
{
	if (reg >= PRIMECELL_ID)
		return primecell_id(PART, reg);
	switch (reg) {
	case RTCDR:
		return host_time(p) + p->offset;
	case RTCMR:
		return p->match;
	case RTCLR:
		return p->load;
	case RTCCR:
		return CR_RUNS;
	case RTCIMSC:
		return p->mask;
	default: /* status, and what is reserved */
		return 0;
	}
}

static uint64_t pl031_read(struct device *d, unsigned int region, uint64_t off,
			   unsigned int len)
{
	(void)region;
	if (!primecell_aligned(off, len))
		return ~0ull;
	return read_reg((struct pl031 *)d, off);
}

static void pl031_write(struct device *d, unsigned int region, uint64_t off,
			unsigned int len, uint64_t val)
{
	struct pl031 *p = (struct pl031 *)d;

	(void)region;
	if (len != 4) /* nobody wants half a time */
		return;
	switch (off) {
	case RTCMR:
		p->match = (uint32_t)val;
		break;
	case RTCLR:
		p->load = (uint32_t)val;
		p->offset = p->load - host_time(p);
		break;
	case RTCIMSC:
		p->mask = val & IMSC;
		break;
	default:
		break;
	}
}

static void pl031_init(struct device *d, const struct dev_env *env)
{
	struct pl031 *p = (struct pl031 *)d;

	d->ops = &pl031_ops;
	p->env = *env;
}

const struct dev_ops pl031_ops = {
	.name = "pl031",
	.size = sizeof(struct pl031),
	.init = pl031_init,
	.read = pl031_read,
	.write = pl031_write,
};
