// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes at the two ports: resets come from the commands that mean one and
 * from nothing else, reading empties the output buffer, no interrupt.
 */
#include "devices/devices.h"
#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_env.h"

static struct fake_env env;

/* Whether this write resets; *pending: a 0xd1 waits for its byte. */
static bool resets(bool command, uint8_t val, bool *pending)
{
	bool output_port = *pending && !command;

	*pending = command && val == 0xd1;
	return command ? val >= 0xf0 && !(val & 1) : output_port && !(val & 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct device *d = fake_device(&env, &i8042_ops);
	unsigned int reboots = 0;
	bool pending = false;

	while (in.left) {
		uint8_t op = fuzz_u8(&in);
		unsigned int region = op & 1;
		uint8_t val;

		if (op & 2) {
			val = fuzz_u8(&in);
			reboots += resets(region, val, &pending);
			dev_write(d, region, 0, 1, val);
		} else if (region == 0) {
			dev_read(d, 0, 0, 1);
			REQUIRE(!(dev_read(d, 1, 0, 1) & 1));
		}
		REQUIRE(!(dev_read(d, 1, 0, 1) & ~0x09ull));
		REQUIRE(env.requests[DEV_REBOOT] == reboots);
		REQUIRE(!env.requests[DEV_POWEROFF]);
		REQUIRE(!env.requests[DEV_PANIC] && !env.rises);
	}
	free(d);
	return 0;
}
