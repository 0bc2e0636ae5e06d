/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses and time of the input's. The watchdog bites only when it is enabled,
 * and not before both stages have gone by since it was fed; once locked it
 * cannot be stopped.
 */
#include <string.h>

#include "devices/i6300esb.h"
#include "tests/fuzz/fuzz_in.h"

static uint64_t clock_ns;
static struct i6300esb w;

static uint64_t now(void *ctx)
{
	(void)ctx;
	return clock_ns;
}

static void changed(void *ctx)
{
	(void)ctx;
}

static uint64_t lock(void)
{
	return w.func.ops->cfg_read(&w.func, 0x68, 1);
}

static void touch(struct fuzz_in *in, uint8_t how)
{
	const struct pci_func_ops *ops = w.func.ops;
	struct fuzz_access a = fuzz_access(in, how & 1, how & 2 ? 16 : 256);
	uint64_t was = lock();
	uint64_t val = 0;

	if (how & 2 && a.write)
		ops->bar_write(&w.func, 0, a.off, a.len, a.val);
	else if (how & 2)
		val = ops->bar_read(&w.func, 0, a.off, a.len);
	else if (a.write)
		ops->cfg_write(&w.func, (unsigned int)a.off, a.len, a.val);
	else
		val = ops->cfg_read(&w.func, (unsigned int)a.off, a.len);
	REQUIRE(!(val & ~pci_ones(a.len)));
	REQUIRE(!(was & 1) || lock() == was);
	REQUIRE(w.preload[0] <= 0xfffff && w.preload[1] <= 0xfffff);
}

static void pass(struct fuzz_in *in)
{
	uint64_t ns, due;
	bool runs = i6300esb_deadline(&w, &ns);
	bool bit, first = w.stage == 0;

	clock_ns += fuzz_u(in, 5);
	bit = i6300esb_expire(&w);
	REQUIRE(!bit || (runs && clock_ns >= ns && w.timed_out));
	REQUIRE(!runs || (lock() & 6) == 2);
	REQUIRE(clock_ns >= w.since);
	/* of a stage there are at most 2^35 clocks of 33 MHz */
	REQUIRE(!runs || ns - w.since <= (first ? 1 : 2) * 1041204193939ull);
	if (i6300esb_deadline(&w, &due))
		REQUIRE(due > clock_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct i6300esb_env env = {now, changed, NULL};
	struct fuzz_in in = {data, size};

	clock_ns = 0;
	i6300esb_init(&w, &env, fuzz_u8(&in) & 1);
	while (in.left) {
		uint8_t how = fuzz_u8(&in);

		if ((how & 7) == 7)
			pass(&in);
		else if ((how & 7) == 6)
			w.func.ops->bar_write(&w.func, 0, 0xc, 1,
					      how & 8 ? 0x86 : 0x80);
		else
			touch(&in, how);
	}
	return 0;
}
