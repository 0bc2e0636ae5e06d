// SPDX-License-Identifier: Apache-2.0
/*
 * Any accesses to the two bytes that the window may have: a panic exactly for
 * first bytes with bit 0, and a constant to read.
 */
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
		struct fuzz_access a = fuzz_access(&in, fuzz_u8(&in) & 1, 2);

		if (a.write) {
			dev_write(d, 0, a.off, a.len, a.val);
			panics += !a.off && a.len == 1 && a.val & 1;
		}
		REQUIRE(env.requests[DEV_PANIC] == panics);
		REQUIRE(!env.requests[DEV_REBOOT]);
		REQUIRE(!env.requests[DEV_POWEROFF]);
		REQUIRE(dev_read(d, 0, 0, 1) == 3);
		REQUIRE(dev_read(d, 0, 1, 1) == UINT64_MAX);
		REQUIRE(dev_read(d, 0, 0, 2) == UINT64_MAX);
	}
	free(d);
	return 0;
}
