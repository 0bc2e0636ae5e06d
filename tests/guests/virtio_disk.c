/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio disk (virtio-1.3 5.2) of 8 MiB, full of zeros at first: requests as
 * they should be, wrong ones, and resets while it reads.
 */
#include "tests/guests/virtio.h"

#define DISK	  2u
#define SECTORS	  (8u << 11)

#define READ	  0u
#define WRITE	  1u
#define FLUSH	  4u
#define GET_ID	  8u
#define DISCARD	  11u

#define OK	  0
#define IOERR	  1
#define UNSUPP	  2
#define F_FLUSH	  (1ull << 9)
#define F_DISCARD (1ull << 13)

#define BIG	  (256u << 10)

struct header {
	uint32_t type;
	uint32_t prio;
	uint64_t sector;
};

static struct vd d;
static struct header header[VD_SIZE];
static volatile uint8_t status[VD_SIZE];
static uint8_t buf[BIG] __attribute__((aligned(4096)));
static uint8_t big[16][BIG] __attribute__((aligned(4096)));

static void begin(void)
{
	vd_start(&d, VD_F_VERSION_1 | F_FLUSH | F_DISCARD, 1);
}

/* Chain 3 * @n: header, data, status. */
static void offer(unsigned int n, uint32_t type, uint64_t sector, void *data,
		  uint32_t len, bool in)
{
	unsigned int i = 3 * n;

	header[n] = (struct header){type, 0, sector};
	status[n] = 0xff;
	vd_desc(0, i, &header[n], sizeof(header[n]), VD_NEXT, i + 1);
	vd_desc(0, i + 1, data, len, (in ? VD_WRITE : 0) | VD_NEXT, i + 2);
	vd_desc(0, i + 2, (void *)(uintptr_t)&status[n], 1, VD_WRITE, 0);
	if (!len)
		vd_desc(0, i, &header[n], sizeof(header[n]), VD_NEXT, i + 2);
	vd_offer(0, i);
}

static unsigned int request(uint32_t type, uint64_t sector, void *data,
			    uint32_t len, bool in)
{
	unsigned int head = 99;

	offer(0, type, sector, data, len, in);
	vd_kick(&d, 0);
	if (vd_wait(&d, 0, &head) < 0 || head != 0)
		return 0xff;
	return status[0];
}

static void fill(uint8_t *at, unsigned int len, unsigned int seed)
{
	for (unsigned int i = 0; i < len; i++)
		at[i] = (uint8_t)(i * 5 + seed);
}

static bool filled(const uint8_t *at, unsigned int len, unsigned int seed)
{
	for (unsigned int i = 0; i < len; i++) {
		if (((const volatile uint8_t *)at)[i] !=
		    (uint8_t)(i * 5 + seed))
			return false;
	}
	return true;
}

static void check_works(const char *after)
{
	fill(buf, 4096, 9);
	check_eq(request(WRITE, 40, buf, 4096, false), OK, after);
	check_eq(request(FLUSH, 0, buf, 0, false), OK, after);
	fill(buf, 4096, 0);
	check_eq(request(READ, 40, buf, 4096, true), OK, after);
	check(filled(buf, 4096, 9), after);
}

static void wrong_ones(void)
{
	check_eq(request(READ, SECTORS - 1, buf, 1024, true), IOERR,
		 "beyond the end");
	check_eq(request(READ, ~0ull, buf, 512, true), IOERR, "sector -1");
	check_eq(request(READ, ~0ull / 512 + 1, buf, 512, true), IOERR,
		 "a sector that wraps");
	check_eq(request(READ, 0, buf, 511, true), IOERR, "511 bytes");
	check_eq(request(WRITE, 0, buf, 100, false), IOERR, "100 bytes");
	check_eq(request(READ, 0, buf, 512, false), IOERR, "a read of output");
	check_eq(request(WRITE, 0, buf, 512, true), IOERR, "a write of input");
	check_eq(request(77, 0, buf, 512, true), UNSUPP, "type 77");
	check_eq(request(DISCARD, 0, buf, 15, false), IOERR, "a short range");
	check_eq(request(GET_ID, 0, buf, 20, true), OK, "the serial number");
	check(same_text((const char *)buf, "tiny"), "another serial number");
	check_works("wrong requests");
}

/* Nowhere to say how it went: that is no request at all. */
static void no_status(void)
{
	unsigned int head;

	header[0] = (struct header){FLUSH, 0, 0};
	vd_desc(0, 0, &header[0], sizeof(header[0]), 0, 0);
	vd_offer(0, 0);
	vd_kick(&d, 0);
	check(vd_wait(&d, 0, &head) == -1, "no room for a status");
	begin();
	check_works("no room for a status");
}

/* Once the reset is done, nothing is written to memory any more. */
static void resets(void)
{
	for (unsigned int round = 0; round < 12; round++) {
		begin();
		for (unsigned int i = 0; i < 16; i++)
			offer(i, READ, i, big[i], BIG, true);
		vd_kick(&d, 0);
		for (unsigned int i = 0; i < round * 50; i++)
			(void)vd_status(&d);
		vd_reset(&d);
		for (unsigned int i = 0; i < 16; i++) {
			big[i][0] = 0x55;
			big[i][BIG - 1] = 0x55;
			status[i] = 0x55;
		}
		for (unsigned int i = 0; i < 200; i++)
			(void)vd_status(&d);
		for (unsigned int i = 0; i < 16; i++) {
			check(((volatile uint8_t *)big[i])[0] == 0x55 &&
				      ((volatile uint8_t *)big[i])[BIG - 1] ==
					      0x55 &&
				      status[i] == 0x55,
			      "written to after the reset");
		}
	}
	begin();
	check_works("resets");
}

/* The same chain again and again, more often than there are descriptors. */
static void twice(void)
{
	unsigned int head, n = 0;

	for (unsigned int i = 0; i < VD_SIZE; i++)
		offer(0, READ, 0, buf, 512, true);
	vd_kick(&d, 0);
	while (n < VD_SIZE && vd_wait(&d, 0, &head) >= 0)
		n++;
	check_eq(n, VD_SIZE, "one chain many times");
	check_works("one chain many times");
}

void guest_main(void)
{
	check(vd_find(&d, DISK, 0), "no disk");
	begin();
	check_eq(mmio_read(d.device, 4), SECTORS, "sectors");
	check_eq(request(READ, 0, buf, 4096, true), OK, "the first sector");
	check_works("the first request");
	wrong_ones();
	twice();
	no_status();
	resets();
}
