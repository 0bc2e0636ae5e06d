// SPDX-License-Identifier: Apache-2.0
/*
 * Any accesses and presses of the button: power-off and reset exactly when a
 * byte asks for them; no press is lost, none invented.
 */
#include "devices/devices.h"
#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_env.h"

static struct fake_env env;

static void access_window(struct device *d, struct fuzz_in *in, bool write,
			  bool *pressed)
{
	struct fuzz_access a = fuzz_access(in, write, 8);
	unsigned int offs = env.requests[DEV_POWEROFF];
	unsigned int boots = env.requests[DEV_REBOOT];
	uint64_t v;

	if (!write) {
		v = dev_read(d, 0, a.off, a.len);
		if (a.off <= 4 && a.off + a.len > 4) {
			v = v >> 8 * (4 - a.off) & 0xff;
			REQUIRE(v == *pressed);
			*pressed = false;
		}
	} else {
		dev_write(d, 0, a.off, a.len, a.val);
		offs += a.off == 0 && (a.val & 0x3c) == 0x34;
		if (a.off <= 2 && a.off + a.len > 2)
			boots += (a.val >> 8 * (2 - a.off) & 0xff) == 1;
	}
	REQUIRE(env.requests[DEV_POWEROFF] == offs);
	REQUIRE(env.requests[DEV_REBOOT] == boots);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct device *d = fake_device(&env, &acpi_pm_ops);
	unsigned int presses = 0;
	bool pressed = false;

	while (in.left) {
		uint8_t op = fuzz_u8(&in);

		if (op % 4 == 3) {
			d->ops->power_button(d);
			pressed = true;
			presses++;
		} else {
			access_window(d, &in, op & 1, &pressed);
		}
		REQUIRE(env.rises == presses && !env.level && !env.repeats);
		REQUIRE(!env.requests[DEV_PANIC]);
	}
	free(d);
	return 0;
}
