// SPDX-License-Identifier: Apache-2.0
/*
 * i8042 keyboard controller (tag 8042 in SPECS, and the commands of the PS/2
 * that came after it) for the one thing guests still want of it: the reset
 * line. Region 0 is port 0x60 (data), region 1 port 0x64.
 *
 * There is no keyboard and no mouse, and no interrupt: bytes for them vanish.
 * A command that has an answer gets one, because a driver that waits for a
 * silent controller spends half a second on it.
 */
#include "devices/devices.h"

#define STATUS_OUTPUT_FULL    0x01
#define STATUS_COMMAND	      0x08 /* the last byte written went to 0x64 */

#define CMD_READ_CONFIG	      0x20
#define CMD_WRITE_CONFIG      0x60
#define CMD_AUX_TEST	      0xa9
#define CMD_SELF_TEST	      0xaa
#define CMD_KEYBOARD_TEST     0xab
#define CMD_READ_OUTPUT_PORT  0xd0
#define CMD_WRITE_OUTPUT_PORT 0xd1
#define CMD_AUX_LOOP	      0xd3

#define SELF_TEST_PASSED      0x55
#define AUX_CLOCK_LOW	      0x01
#define CONFIG_AUX_OFF	      0x20
#define OUTPUT_PORT_RUN	      0x01 /* low: the processor is held in reset */
#define OUTPUT_PORT_A20	      0x02

struct i8042 {
	struct device dev;
	struct dev_env env;
	uint8_t config; /* "command byte" */
	uint8_t output_port;
	uint8_t pending; /* command that waits for its data byte, or 0 */
	bool last_was_command;
	bool full; /* `answer` has not been read yet */
	uint8_t answer;
};

static void answer(struct i8042 *c, uint8_t val)
{
	c->answer = val;
	c->full = true;
}

static void command(struct i8042 *c, uint8_t cmd)
{
	c->pending = 0;
	switch (cmd) {
	case CMD_READ_CONFIG:
		answer(c, c->config);
		break;
	case CMD_WRITE_CONFIG:
	case CMD_WRITE_OUTPUT_PORT:
	case CMD_AUX_LOOP:
		c->pending = cmd;
		break;
	case CMD_SELF_TEST:
		answer(c, SELF_TEST_PASSED);
		break;
	case CMD_KEYBOARD_TEST:
		answer(c, 0);
		break;
	case CMD_AUX_TEST:
		answer(c, AUX_CLOCK_LOW);
		break;
	case CMD_READ_OUTPUT_PORT:
		answer(c, c->output_port);
		break;
	default:
		/* 0xf0 to 0xff pulse the output lines whose bit is 0. */
		if (cmd >= 0xf0 && !(cmd & OUTPUT_PORT_RUN))
			c->env.request(c->env.ctx, DEV_REBOOT);
		break;
	}
}

static void data(struct i8042 *c, uint8_t val)
{
	uint8_t cmd = c->pending;

	c->pending = 0;
	switch (cmd) {
	case CMD_WRITE_CONFIG:
		c->config = val;
		break;
	case CMD_WRITE_OUTPUT_PORT:
		/* A20 is always open; only the reset line means something. */
		c->output_port = val | OUTPUT_PORT_A20 | OUTPUT_PORT_RUN;
		if (!(val & OUTPUT_PORT_RUN))
			c->env.request(c->env.ctx, DEV_REBOOT);
		break;
	case CMD_AUX_LOOP:
		/* Never what was sent: there is no second port. */
		answer(c, (uint8_t)~val);
		break;
	default:
		break;
	}
}

static uint64_t i8042_read(struct device *d, unsigned int region, uint64_t off,
			   unsigned int len)
{
	struct i8042 *c = (struct i8042 *)d;

	if (off || len != 1)
		return ~0ull;
	if (region == 0) {
		c->full = false;
		return c->answer;
	}
	return (c->full ? STATUS_OUTPUT_FULL : 0) |
	       (c->last_was_command ? STATUS_COMMAND : 0);
}

static void i8042_write(struct device *d, unsigned int region, uint64_t off,
			unsigned int len, uint64_t val)
{
	struct i8042 *c = (struct i8042 *)d;

	if (off || len != 1)
		return;
	c->last_was_command = region == 1;
	if (region == 1)
		command(c, (uint8_t)val);
	else
		data(c, (uint8_t)val);
}

static void i8042_init(struct device *d, const struct dev_env *env)
{
	struct i8042 *c = (struct i8042 *)d;

	d->ops = &i8042_ops;
	c->env = *env;
	c->config = CONFIG_AUX_OFF;
	c->output_port = OUTPUT_PORT_RUN | OUTPUT_PORT_A20;
}

const struct dev_ops i8042_ops = {
	.name = "i8042",
	.size = sizeof(struct i8042),
	.init = i8042_init,
	.read = i8042_read,
	.write = i8042_write,
};
