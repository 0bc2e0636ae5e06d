// SPDX-License-Identifier: Apache-2.0
/* Any accesses: a status for each write of the first byte, never too large. */
#include "devices/devices.h"
#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_env.h"

static struct fake_env env;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct device *d = fake_device(&env, &exit_dev_ops);
	unsigned int exits = 0;

	while (in.left) {
		struct fuzz_access a = fuzz_access(&in, fuzz_u8(&in) & 1, 4);

		if (!a.write) {
			REQUIRE(dev_read(d, 0, a.off, a.len) == UINT64_MAX);
			continue;
		}
		dev_write(d, 0, a.off, a.len, a.val);
		exits += a.off == 0;
		REQUIRE(env.exits == exits);
		REQUIRE(a.off || env.exit_status == (a.val < 63 ? a.val : 63));
		REQUIRE(!env.rises && !env.repeats);
	}
	free(d);
	return 0;
}
