// SPDX-License-Identifier: Apache-2.0
/* Any bytes: a panic exactly for those with bit 0, and a constant to read. */
#include "devices/devices.h"
#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_env.h"

static struct fake_env env;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct device *d = fake_device(&env, &pvpanic_ops);
	unsigned int panics = 0;

	while (in.left) {
		uint8_t val = fuzz_u8(&in);

		dev_write(d, 0, 0, 1, val);
		panics += val & 1;
		REQUIRE(env.requests[DEV_PANIC] == panics);
		REQUIRE(!env.requests[DEV_REBOOT]);
		REQUIRE(!env.requests[DEV_POWEROFF]);
		REQUIRE(dev_read(d, 0, 0, 1) == 3);
	}
	free(d);
	return 0;
}
