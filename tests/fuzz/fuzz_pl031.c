// SPDX-License-Identifier: Apache-2.0
/*
 * Any accesses while the host's clock goes anywhere: the time is the host's
 * plus what the last load made of it, and there is never an interrupt.
 */
#include "devices/devices.h"
#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_env.h"

static struct fake_env env;

struct model {
	uint32_t load;
	uint32_t host_at_load; /* 0 before the first */
	uint32_t reg[2];       /* match, mask */
};

static void model_write(struct model *m, const struct fuzz_access *a)
{
	if (a->len != 4)
		return;
	if (a->off == 0x08) {
		m->load = (uint32_t)a->val;
		m->host_at_load = (uint32_t)env.time;
	} else if (a->off == 0x04) {
		m->reg[0] = (uint32_t)a->val;
	} else if (a->off == 0x10) {
		m->reg[1] = a->val & 1;
	}
}

static void check(struct device *d, const struct model *m)
{
	uint32_t t = m->load + ((uint32_t)env.time - m->host_at_load);

	REQUIRE(dev_read(d, 0, 0x00, 4) == t);
	REQUIRE(dev_read(d, 0, 0x04, 4) == m->reg[0]);
	REQUIRE(dev_read(d, 0, 0x08, 4) == m->load);
	REQUIRE(dev_read(d, 0, 0x0c, 4) == 1);
	REQUIRE(dev_read(d, 0, 0x10, 4) == m->reg[1]);
	REQUIRE(dev_read(d, 0, 0x14, 4) == 0);
	REQUIRE(dev_read(d, 0, 0x18, 4) == 0);
	REQUIRE(dev_read(d, 0, 0xfe0, 4) == 0x31);
	REQUIRE(!env.rises && !env.repeats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct device *d = fake_device(&env, &pl031_ops);
	struct model m = {0};

	while (in.left) {
		uint8_t op = fuzz_u8(&in);
		struct fuzz_access a;

		if (op % 4 == 3)
			env.time = (int64_t)fuzz_u(&in, 8);
		a = fuzz_access(&in, op & 1, op & 4 ? 0x1000 : 0x20);
		if (a.write) {
			dev_write(d, 0, a.off, a.len, a.val);
			model_write(&m, &a);
		} else {
			(void)dev_read(d, 0, a.off, a.len);
		}
		check(d, &m);
	}
	free(d);
	return 0;
}
