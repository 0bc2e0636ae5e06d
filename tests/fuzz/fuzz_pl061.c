// SPDX-License-Identifier: Apache-2.0
/*
 * Any accesses and presses: the interrupt line is the masked status and never
 * set twice the same; the raw status has a line's level, or the edges since the
 * last clear; the button is down from a press to the first look at it. Whoever
 * asks for both edges, acknowledges and then looks, ends with a release.
 */
#include "devices/devices.h"
#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_env.h"

#define B      (1u << PL061_BUTTON)
#define DATA_B (B << 2)

enum { DIR, IS, IBE, IEV, IE, AFSEL, REGS };

static const uint16_t offset[REGS] = {0x400, 0x404, 0x408, 0x40c, 0x410, 0x420};

/* What the world knows without looking into the device. */
struct model {
	uint8_t reg[REGS];
	uint8_t out;
	bool down;
	bool edge; /* of the button, since the last clear */
};

static struct fake_env env;

static void model_move(struct model *m, bool down)
{
	bool wanted = m->reg[IBE] & B || !(m->reg[IEV] & B) == !down;

	if (m->down == down)
		return;
	m->down = down;
	if (wanted && !(m->reg[IS] & B) && !(m->reg[DIR] & B))
		m->edge = true;
}

static uint8_t model_data(struct model *m, uint8_t mask)
{
	uint8_t pins = m->out & m->reg[DIR];

	if (!(m->reg[DIR] & B) && m->down)
		pins |= B;
	if (mask & B && !(m->reg[DIR] & B))
		model_move(m, false);
	return pins & mask;
}

static void model_write(struct model *m, uint64_t off, uint8_t val)
{
	uint8_t mask = (uint8_t)(off >> 2) & m->reg[DIR];

	if (off < 0x400)
		m->out = (m->out & ~mask) | (val & mask);
	for (unsigned int i = 0; i < REGS; i++) {
		if (off == offset[i])
			m->reg[i] = val;
	}
	if ((off == 0x41c || off == offset[IS]) && val & B)
		m->edge = false;
}

/* Reads without effect: the data registers are left alone. */
static void check(struct device *d, const struct model *m)
{
	uint8_t levels = (uint8_t) ~(m->reg[IEV] ^ (m->down ? B : 0));
	uint8_t ris = (uint8_t)dev_read(d, 0, 0x414, 1);

	levels &= m->reg[IS] & (uint8_t)~m->reg[DIR];
	REQUIRE((ris & m->reg[IS]) == levels);
	REQUIRE((ris & (uint8_t)~m->reg[IS]) == (m->edge ? B : 0));
	REQUIRE(dev_read(d, 0, 0x418, 1) == (ris & m->reg[IE]));
	REQUIRE(env.level == !!(ris & m->reg[IE]));
	REQUIRE(env.repeats == 0);
	for (unsigned int i = 0; i < REGS; i++)
		REQUIRE(dev_read(d, 0, offset[i], 1) == m->reg[i]);
	REQUIRE(dev_read(d, 0, 0xfe0, 1) == 0x61);
}

static void step(struct device *d, struct model *m, struct fuzz_in *in)
{
	uint8_t op = fuzz_u8(in);
	struct fuzz_access a;
	uint64_t v;
	bool whole;

	if (op % 4 == 3) {
		model_move(m, false);
		model_move(m, true);
		d->ops->power_button(d);
		return;
	}
	a = fuzz_access(in, op & 1, 0x1000);
	if (op & 8) /* where something is, as it is meant */
		a.off = op & 4 ? DATA_B : 0x400 + a.off % 10 * 4;
	whole = a.off % 4 == 0 && a.len <= 4;
	if (a.write) {
		dev_write(d, 0, a.off, a.len, a.val);
		if (whole)
			model_write(m, a.off, (uint8_t)a.val);
		return;
	}
	v = dev_read(d, 0, a.off, a.len);
	REQUIRE(whole ? v <= 0xff : v == UINT64_MAX);
	if (whole && a.off < 0x400)
		REQUIRE(v == model_data(m, (uint8_t)(a.off >> 2)));
}

/* The driver, from any state on: interrupts are taken as long as there are. */
static void driver(struct device *d)
{
	uint8_t seen = B;
	unsigned int rounds = 0;

	dev_write(d, 0, 0x410, 1, 0);
	dev_write(d, 0, 0x400, 1, 0);
	dev_write(d, 0, 0x404, 1, 0);
	dev_write(d, 0, 0x408, 1, B);
	dev_write(d, 0, 0x410, 1, B);
	d->ops->power_button(d);
	while (env.level) {
		REQUIRE(rounds++ < 4);
		REQUIRE(dev_read(d, 0, 0x418, 1) == B);
		dev_write(d, 0, 0x41c, 1, B);
		seen = (uint8_t)dev_read(d, 0, DATA_B, 1);
		REQUIRE(rounds > 1 || seen == B);
	}
	REQUIRE(rounds == 2 && seen == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct device *d = fake_device(&env, &pl061_ops);
	struct model m = {0};

	while (in.left) {
		step(d, &m, &in);
		check(d, &m);
	}
	driver(d);
	free(d);
	return 0;
}
