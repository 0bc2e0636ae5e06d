// SPDX-License-Identifier: Apache-2.0
/*
 * ARM PrimeCell GPIO (PL061): eight lines, of which one has something at its
 * other end, the power button.
 *
 * How it works: edges are latched, levels are not, and the interrupt line
 * follows both and the mask after each change, so that they cannot disagree.
 * It is a level: somebody has to clear an edge to lower it.
 *
 * A press has to have a length, because a driver that is told of an edge looks
 * at the line some milliseconds later, and takes what it sees then for what
 * happened (Linux: drivers/input/keyboard/gpio_keys.c, debouncing). There is no
 * timer here, and there need not be: the button stays down until the guest has
 * seen it, which is when it reads the line's data. Then it is let go, the other
 * edge. So gpio_keys, which asks for both edges, is interrupted, reads 1 and
 * reports the press, is interrupted by its own reading, reads 0 and reports the
 * release, however slow it is. A guest that looks at the line first and at
 * interrupts later, as a driver does that is loaded after the press, learns of
 * it, too. A guest that never looks and only counts edges gets one with each
 * press: a button that is still down is let go first.
 *
 * Differences from the chip: outputs cause no interrupts. Lines that are not
 * connected are low.
 */
#include "devices/devices.h"
#include "devices/primecell.h"

#define GPIODATA_LAST 0x3fc /* bits 9:2 of the address are a mask */
#define GPIODIR	      0x400
#define GPIOIS	      0x404
#define GPIOIBE	      0x408
#define GPIOIEV	      0x40c
#define GPIOIE	      0x410
#define GPIORIS	      0x414
#define GPIOMIS	      0x418
#define GPIOIC	      0x41c
#define GPIOAFSEL     0x420

#define PART	      0x061
#define BUTTON	      (1 << PL061_BUTTON)

struct pl061 {
	struct device dev;
	struct dev_env env;
	uint8_t in;	/* what comes from outside */
	uint8_t out;	/* what the guest drives, where `dir` is 1 */
	uint8_t dir;	/* 1: output */
	uint8_t sense;	/* 1: level */
	uint8_t both;	/* edges, whatever `event` says */
	uint8_t event;	/* 1: high, rising */
	uint8_t enable; /* of the interrupt line */
	uint8_t afsel;
	uint8_t edges; /* latched */
	bool level;    /* of the interrupt line, as last set */
};

static uint8_t raw_status(const struct pl061 *p)
{
	uint8_t levels = (uint8_t) ~(p->in ^ p->event) & ~p->dir;

	return (p->edges & ~p->sense) | (levels & p->sense);
}

/* After every change: bring the outside up to date with the state. */
static void refresh(struct pl061 *p)
{
	bool level = raw_status(p) & p->enable;

	if (level == p->level)
		return;
	p->level = level;
	p->env.irq.set(p->env.irq.ctx, p->env.irq.irq, level);
}

static void set_inputs(struct pl061 *p, uint8_t in)
{
	uint8_t rose = in & ~p->in & (p->both | p->event);
	uint8_t fell = ~in & p->in & (p->both | ~p->event);

	p->edges |= (rose | fell) & ~p->sense & ~p->dir;
	p->in = in;
}

static uint8_t read_data(struct pl061 *p, uint8_t mask)
{
	uint8_t v = ((p->out & p->dir) | (p->in & ~p->dir)) & mask;

	if (mask & ~p->dir & BUTTON) /* seen: let it go */
		set_inputs(p, p->in & ~BUTTON);
	return v;
}

static uint8_t read_reg(struct pl061 *p, uint64_t reg)
{
	if (reg <= GPIODATA_LAST)
		return read_data(p, (uint8_t)(reg >> 2));
	if (reg >= PRIMECELL_ID)
		return primecell_id(PART, reg);
	switch (reg) {
	case GPIODIR:
		return p->dir;
	case GPIOIS:
		return p->sense;
	case GPIOIBE:
		return p->both;
	case GPIOIEV:
		return p->event;
	case GPIOIE:
		return p->enable;
	case GPIORIS:
		return raw_status(p);
	case GPIOMIS:
		return raw_status(p) & p->enable;
	case GPIOAFSEL:
		return p->afsel;
	default: /* GPIOIC, and what is reserved */
		return 0;
	}
}

static void write_data(struct pl061 *p, uint8_t mask, uint8_t val)
{
	mask &= p->dir;
	p->out = (p->out & ~mask) | (val & mask);
}

static void write_reg(struct pl061 *p, uint64_t reg, uint8_t val)
{
	switch (reg) {
	case GPIODIR:
		p->dir = val;
		break;
	case GPIOIS:
		p->sense = val;
		p->edges &= ~val; /* a line of levels latches nothing */
		break;
	case GPIOIBE:
		p->both = val;
		break;
	case GPIOIEV:
		p->event = val;
		break;
	case GPIOIE:
		p->enable = val;
		break;
	case GPIOIC:
		p->edges &= ~val;
		break;
	case GPIOAFSEL:
		p->afsel = val;
		break;
	default:
		break;
	}
}

static uint64_t pl061_read(struct device *d, unsigned int region, uint64_t off,
			   unsigned int len)
{
	struct pl061 *p = (struct pl061 *)d;
	uint8_t v;

	(void)region;
	if (!primecell_aligned(off, len))
		return ~0ull;
	v = read_reg(p, off);
	refresh(p);
	return v;
}

/* The registers have eight bits: their first byte is all of them. */
static void pl061_write(struct device *d, unsigned int region, uint64_t off,
			unsigned int len, uint64_t val)
{
	struct pl061 *p = (struct pl061 *)d;

	(void)region;
	if (!primecell_aligned(off, len))
		return;
	if (off <= GPIODATA_LAST)
		write_data(p, (uint8_t)(off >> 2), (uint8_t)val);
	else
		write_reg(p, off, (uint8_t)val);
	refresh(p);
}

static void pl061_power_button(struct device *d)
{
	struct pl061 *p = (struct pl061 *)d;

	set_inputs(p, p->in & ~BUTTON);
	set_inputs(p, p->in | BUTTON);
	refresh(p);
}

static void pl061_init(struct device *d, const struct dev_env *env)
{
	struct pl061 *p = (struct pl061 *)d;

	d->ops = &pl061_ops;
	p->env = *env;
}

const struct dev_ops pl061_ops = {
	.name = "pl061",
	.size = sizeof(struct pl061),
	.init = pl061_init,
	.read = pl061_read,
	.write = pl061_write,
	.power_button = pl061_power_button,
};
