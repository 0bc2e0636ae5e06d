/* SPDX-License-Identifier: Apache-2.0 */
/* The clock (PL031 3.3) tells the time, and it passes. */
#include "tests/guests/aarch64/arch.h"

#define RTCDR	 0x00
#define RTCCR	 0x0c
#define RTCID	 0xfe0
#define YEAR2024 1704067200u

static void check_id(uint64_t at, const uint8_t *want)
{
	for (unsigned int i = 0; i < 8; i++) {
		/* not the revision */
		uint64_t got =
			mmio_read(at + 4u * i, 4) & (i == 2 ? 0xf : 0xff);

		check_eq(got, want[i], "identification of the clock");
	}
}

void guest_main(void)
{
	/* PL031 3.3.9 and 3.3.10: the part's, then every PrimeCell's */
	static const uint8_t id[] = {0x31, 0x10, 0x04, 0x00,
				     0x0d, 0xf0, 0x05, 0xb1};
	uint64_t rtc = fdt_reg(fdt_device("arm,pl031"), 0);
	uint64_t first = mmio_read(rtc + RTCDR, 4);
	uint64_t t0 = now();

	check_id(rtc + RTCID, id);
	check_eq(mmio_read(rtc + RTCCR, 4) & 1, 1, "the clock is off");
	check(first > YEAR2024, "a time before this was written");
	while (mmio_read(rtc + RTCDR, 4) < first + 2)
		check(now() - t0 < 20 * second(), "the clock stands still");
	check(now() - t0 > second() / 2, "the clock runs");
}
