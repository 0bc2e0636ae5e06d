// SPDX-License-Identifier: Apache-2.0
/*
 * MC146818A real-time clock and CMOS RAM (tag MC146818 in SPECS)
 * behind an index and a data port, with 128 bytes of which the last clock byte
 * is the century at 0x32, where a FADT can point.
 *
 * How it works: the clock is the host's plus an offset that the guest's writes
 * set. The bytes of the time are computed into the RAM whenever they are
 * looked at; while the SET bit freezes the clock they stay there as they are,
 * and become the new time, read by the format bits then in force, when the
 * guest clears it.
 *
 * Not there: interrupts (alarm, periodic, update ended). Their enable bits and
 * the alarm bytes are mere RAM. Guests take their ticks from the local timer
 * and kvm-clock and want only the time of day from here. The description of
 * the machine should name no interrupt for the clock: then Linux offers no
 * alarms, where it would otherwise wait for one. The update-ended flag can be
 * polled. The divider of register A does not stop the clock; the day of the
 * week always follows from the date.
 */
#include "devices/devices.h"

#define PORT_INDEX  0
#define PORT_DATA   1

#define RTC_SECONDS 0x00
#define RTC_MINUTES 0x02
#define RTC_HOURS   0x04
#define RTC_WEEKDAY 0x06
#define RTC_DAY	    0x07
#define RTC_MONTH   0x08
#define RTC_YEAR    0x09
#define RTC_A	    0x0a
#define RTC_B	    0x0b
#define RTC_C	    0x0c
#define RTC_D	    0x0d
#define RTC_CENTURY 0x32
#define RTC_BYTES   128u

#define A_UIP	    0x80 /* update in progress: never */
#define A_DEFAULT   0x26 /* 32 kHz divider, 1024 Hz */
#define B_SET	    0x80
#define B_BINARY    0x04
#define B_24H	    0x02
#define C_UF	    0x10
#define D_VALID	    0x80
#define HOUR_PM	    0x80

#define DAY_SECONDS 86400
#define EPOCH_DAYS  719468
#define TIME_MAX    253402300799 /* end of 9999: four digits of year */

struct cmos_rtc {
	struct device dev;
	struct dev_env env;
	uint8_t index;
	int64_t offset;	   /* the guest's time minus the host's */
	int64_t last_seen; /* second at the last read of register C */
	uint8_t ram[RTC_BYTES];
};

struct civil {
	int64_t year;  /* 0 to 9999 */
	int64_t month; /* 1 to 12 */
	int64_t day;   /* 1 to 31 */
};

static int64_t clamp(int64_t t)
{
	if (t < 0)
		return 0;
	return t > TIME_MAX ? TIME_MAX : t;
}

static int64_t now(const struct cmos_rtc *c)
{
	return clamp(clamp(c->env.wall_time(c->env.ctx)) + c->offset);
}

/*
 * A calendar of our own, as libc's may open the time zone's file. Its years
 * begin in March, so that a leap day is the last day of its year. EPOCH_DAYS
 * lead from 0000-03-01 to 1970.
 */
/* clang-format off */
static const uint16_t month_start[12] = {
	0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337
};
/* clang-format on */

static int64_t year_start(int64_t y)
{
	return y * 365 + y / 4 - y / 100 + y / 400;
}

/* The month must be valid; a day out of range counts on. */
static int64_t days_of(struct civil d)
{
	int64_t y = d.year - (d.month <= 2);

	return year_start(y) + month_start[(d.month + 9) % 12] + d.day - 1 -
	       EPOCH_DAYS;
}

static struct civil civil_of(int64_t days)
{
	int64_t n = days + EPOCH_DAYS;
	int64_t y = n * 400 / 146097; /* at most one off */
	unsigned int m = 11;

	while (year_start(y + 1) <= n)
		y++;
	while (year_start(y) > n)
		y--;
	n -= year_start(y);
	while (month_start[m] > n)
		m--;
	return (struct civil){
		.year = y + (m >= 10),
		.month = (m + 2) % 12 + 1,
		.day = n - month_start[m] + 1,
	};
}

static uint8_t encode(const struct cmos_rtc *c, int64_t v)
{
	if (c->ram[RTC_B] & B_BINARY)
		return (uint8_t)v;
	return (uint8_t)(v / 10 << 4 | v % 10);
}

static int64_t decode(const struct cmos_rtc *c, uint8_t v)
{
	if (c->ram[RTC_B] & B_BINARY)
		return v;
	return (v >> 4) * 10 + (v & 0x0f);
}

static uint8_t encode_hour(const struct cmos_rtc *c, int64_t hour)
{
	if (c->ram[RTC_B] & B_24H)
		return encode(c, hour);
	return encode(c, hour % 12 ? hour % 12 : 12) |
	       (hour >= 12 ? HOUR_PM : 0);
}

static int64_t decode_hour(const struct cmos_rtc *c, uint8_t v)
{
	if (c->ram[RTC_B] & B_24H)
		return decode(c, v);
	return decode(c, v & ~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

/* The time now, into the RAM. */
static void time_load(struct cmos_rtc *c)
{
	int64_t t = now(c);
	int64_t days = t / DAY_SECONDS;
	struct civil d = civil_of(days);

	c->ram[RTC_SECONDS] = encode(c, t % 60);
	c->ram[RTC_MINUTES] = encode(c, t / 60 % 60);
	c->ram[RTC_HOURS] = encode_hour(c, t / 3600 % 24);
	/* Sunday is 1; 1970 began on a Thursday. */
	c->ram[RTC_WEEKDAY] = encode(c, (days + 4) % 7 + 1);
	c->ram[RTC_DAY] = encode(c, d.day);
	c->ram[RTC_MONTH] = encode(c, d.month);
	c->ram[RTC_YEAR] = encode(c, d.year % 100);
	c->ram[RTC_CENTURY] = encode(c, d.year / 100);
}

/* What the RAM says becomes the time; nonsense becomes some other time. */
static void time_store(struct cmos_rtc *c)
{
	struct civil d = {
		.year = decode(c, c->ram[RTC_CENTURY]) * 100 +
			decode(c, c->ram[RTC_YEAR]),
		.month = decode(c, c->ram[RTC_MONTH]),
		.day = decode(c, c->ram[RTC_DAY]),
	};
	int64_t t;

	if (d.month < 1 || d.month > 12)
		d.month = 1;
	t = days_of(d) * DAY_SECONDS + decode(c, c->ram[RTC_SECONDS]) +
	    decode(c, c->ram[RTC_MINUTES]) * 60 +
	    decode_hour(c, c->ram[RTC_HOURS]) * 3600;
	c->offset = clamp(t) - clamp(c->env.wall_time(c->env.ctx));
}

static bool is_time(uint8_t reg)
{
	return reg == RTC_SECONDS || reg == RTC_MINUTES || reg == RTC_HOURS ||
	       (reg >= RTC_WEEKDAY && reg <= RTC_YEAR) || reg == RTC_CENTURY;
}

static bool frozen(const struct cmos_rtc *c)
{
	return c->ram[RTC_B] & B_SET;
}

static uint8_t read_c(struct cmos_rtc *c)
{
	int64_t t = now(c);
	bool ended = t != c->last_seen && !frozen(c);

	c->last_seen = t;
	return ended ? C_UF : 0;
}

static uint8_t read_data(struct cmos_rtc *c)
{
	if (c->index == RTC_C)
		return read_c(c);
	if (is_time(c->index) && !frozen(c))
		time_load(c);
	return c->ram[c->index];
}

static void write_time(struct cmos_rtc *c, uint8_t val)
{
	if (frozen(c)) {
		c->ram[c->index] = val;
		return;
	}
	time_load(c);
	c->ram[c->index] = val;
	time_store(c);
}

static void write_b(struct cmos_rtc *c, uint8_t val)
{
	bool was = frozen(c);

	if (!was)
		time_load(c);
	c->ram[RTC_B] = val;
	if (was && !frozen(c))
		time_store(c);
}

static void write_data(struct cmos_rtc *c, uint8_t val)
{
	if (is_time(c->index)) {
		write_time(c, val);
		return;
	}
	switch (c->index) {
	case RTC_A:
		c->ram[RTC_A] = val & ~A_UIP;
		break;
	case RTC_B:
		write_b(c, val);
		break;
	case RTC_C:
	case RTC_D:
		break;
	default:
		c->ram[c->index] = val;
		break;
	}
}

static uint64_t cmos_read(struct device *d, unsigned int region, uint64_t off,
			  unsigned int len)
{
	struct cmos_rtc *c = (struct cmos_rtc *)d;
	uint64_t v = ~0ull; /* the index port cannot be read */

	(void)region;
	for (unsigned int i = 0; i < len; i++) {
		if (off + i != PORT_DATA)
			continue;
		v &= ~(0xffull << 8 * i);
		v |= (uint64_t)read_data(c) << 8 * i;
	}
	return v;
}

static void cmos_write(struct device *d, unsigned int region, uint64_t off,
		       unsigned int len, uint64_t val)
{
	struct cmos_rtc *c = (struct cmos_rtc *)d;

	(void)region;
	for (unsigned int i = 0; i < len; i++, val >>= 8) {
		/* Bit 7 of the index masks the NMI of a PC. */
		if (off + i == PORT_INDEX)
			c->index = val & (RTC_BYTES - 1);
		else if (off + i == PORT_DATA)
			write_data(c, (uint8_t)val);
	}
}

static void cmos_init(struct device *d, const struct dev_env *env)
{
	struct cmos_rtc *c = (struct cmos_rtc *)d;

	d->ops = &cmos_rtc_ops;
	c->env = *env;
	c->ram[RTC_A] = A_DEFAULT;
	c->ram[RTC_B] = B_24H;
	c->ram[RTC_D] = D_VALID;
	c->last_seen = now(c);
}

const struct dev_ops cmos_rtc_ops = {
	.name = "cmos-rtc",
	.size = sizeof(struct cmos_rtc),
	.init = cmos_init,
	.read = cmos_read,
	.write = cmos_write,
};
