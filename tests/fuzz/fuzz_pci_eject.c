// SPDX-License-Identifier: Apache-2.0
/*
 * Any accesses and requests: each request is told exactly once, and slots go
 * exactly when the whole register is written.
 */
#include "devices/devices.h"
#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_env.h"

static struct fake_env env;

static void access_window(struct device *d, struct fuzz_in *in, bool write,
			  uint32_t *asked)
{
	struct fuzz_access a = fuzz_access(in, write, 8);
	uint32_t gone = env.ejected;
	uint64_t v;

	if (write) {
		env.ejected = 0;
		dev_write(d, 0, a.off, a.len, a.val);
		REQUIRE(env.ejected ==
			(a.len == 4 && a.off == 4 ? (uint32_t)a.val : 0));
		return;
	}
	v = dev_read(d, 0, a.off, a.len);
	if (a.len != 4 || (a.off != 0 && a.off != 4)) {
		REQUIRE(v == UINT64_MAX);
	} else if (a.off == 4) {
		REQUIRE(v == 0);
	} else {
		REQUIRE(v == *asked);
		*asked = 0;
	}
	REQUIRE(env.ejected == gone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct device *d = fake_device(&env, &pci_eject_ops);
	unsigned int requests = 0;
	uint32_t asked = 0;

	while (in.left) {
		uint8_t op = fuzz_u8(&in);

		if (op % 4 == 3) {
			unsigned int slot = fuzz_u8(&in) % 40;

			d->ops->slot_request(d, slot);
			asked |= slot < 32 ? UINT32_C(1) << slot : 0;
			requests += slot < 32;
		} else {
			access_window(d, &in, op & 1, &asked);
		}
		REQUIRE(env.rises == requests && !env.level && !env.repeats);
	}
	free(d);
	return 0;
}
